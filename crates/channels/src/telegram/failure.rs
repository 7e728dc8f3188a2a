//! What an answer of the Bot API means for a delivery and for the account, in plain words with the next step.
//!
//! Telegram tells its reasons as text only; the phrases looked for here are those of its server, in lowercase.

use std::time::Duration;

use super::api::ApiError;
use crate::{ChannelFailure, FailureKind, SendError, SendErrorKind};

/// Where Telegram asks for a pause and doesn't say how long.
const PAUSE_UNTOLD: Duration = Duration::from_secs(5);

/// Longest pause that the inbound side makes because Telegram asks for it: a new try costs less than a bot that hears nothing.
const ASKED_PAUSE_MAX: Duration = Duration::from_mins(5);

/// Phrases that mean that the person or the chat doesn't want us, with what people should know.
const SHUT_OUT: &[(&str, &str)] = &[
    ("bot was blocked by the user", "the person blocked the bot; they have to unblock it and write again"),
    ("user is deactivated", "the person's account is deleted"),
    (
        "bot can't initiate conversation",
        "the person never wrote to the bot, which can't begin; they have to press Start",
    ),
    ("bot can't send messages to bots", "the chat is another bot, and bots can't write to each other"),
    ("bot was kicked", "the bot was removed from the group; add it again"),
    ("bot is not a member", "the bot is not in the chat; add it"),
    ("not enough rights", "the bot may not do this in the chat; give it the right in the group's settings"),
    ("have no rights to send", "the bot may not write in the chat; give it the right in the group's settings"),
    ("chat_write_forbidden", "the bot may not write in the chat; give it the right in the group's settings"),
    ("chat not found", "there is no such chat for this bot; check the id, and that the bot was added or written to"),
    ("message thread not found", "the topic is gone"),
    ("topic_closed", "the topic is closed; open it again or make the bot an administrator"),
    ("topic_deleted", "the topic is gone"),
];

/// Phrases that mean that the message that is named is not there (any more).
const GONE: &[&str] =
    &["message to edit not found", "message to delete not found", "message to react not found", "message_id_invalid"];

/// Refusals of an order that pass by themselves: Telegram could not look at the address just now.
const PASSING: &[&str] = &["resolve host", "timed out", "timeout", "try again"];

/// What became of a call that sends, edits or asks.
pub(super) fn send_error(error: ApiError) -> SendError {
    match error {
        ApiError::Unreachable(_) => SendError::new(SendErrorKind::Unreachable, error.to_string()),
        ApiError::Unanswered(_) => SendError::new(SendErrorKind::Unknown, error.to_string()),
        ApiError::Impossible(words) => SendError::new(SendErrorKind::Refused, words),
        ApiError::Refused { code, ref description, parameters } => {
            let after = parameters.retry_after.map(|seconds| Duration::from_secs(u64::from(seconds)));
            let (kind, words) = refusal(code, description, after);
            SendError::new(kind, words.unwrap_or_else(|| error.to_string()))
        }
    }
}

/// Whether the words say that the text or keyboard is there already.
pub(super) fn is_unchanged(error: &ApiError) -> bool {
    says(error, "message is not modified")
}

/// Whether the words say that the message to delete is not there.
pub(super) fn is_deleted(error: &ApiError) -> bool {
    says(error, "message to delete not found")
}

/// Whether the message that was asked for is not ours, or not there.
pub(super) fn is_not_ours(error: &ApiError) -> bool {
    ["message to edit not found", "message can't be edited", "message_id_invalid", "message_author_required"]
        .iter()
        .any(|phrase| says(error, phrase))
}

/// Why an order is refused that the account can't live without; `None` where another try may help.
pub(super) fn order_failure(method: &str, error: &ApiError) -> Option<ChannelFailure> {
    if let Some(failure) = account_failure(error) {
        return Some(failure);
    }
    let ApiError::Refused { code: 400, description, .. } = error else { return None };
    if PASSING.iter().any(|phrase| says(error, phrase)) {
        return None;
    }
    let message = format!("Telegram refuses {method}: {description}; check `webhookUrl` and `apiBase`");
    Some(ChannelFailure { kind: FailureKind::Setup, message })
}

/// Why the account can't be opened or go on; `None` where another try may help.
pub(super) fn account_failure(error: &ApiError) -> Option<ChannelFailure> {
    let (kind, message) = match error {
        // A token of the wrong shape is no path of the API at all, hence 404.
        ApiError::Refused { code: 401 | 404, .. } => (
            FailureKind::Auth,
            "Telegram does not know this bot token; get the right one from @BotFather and set TELEGRAM_BOT_TOKEN or \
             `botToken`, or check `apiBase`"
                .to_owned(),
        ),
        ApiError::Impossible(words) => (FailureKind::Setup, words.clone()),
        ApiError::Refused { .. } | ApiError::Unreachable(_) | ApiError::Unanswered(_) => return None,
    };
    Some(ChannelFailure { kind, message })
}

/// What a failed poll is called in the status.
pub(super) fn poll_words(error: &ApiError) -> String {
    match error {
        ApiError::Refused { code: 409, .. } => {
            "another program polls this bot; stop it, or give one of the two a bot of its own".to_owned()
        }
        other => other.to_string(),
    }
}

/// The pause that Telegram asks for, [`ASKED_PAUSE_MAX`] at most.
pub(super) fn asked_pause(error: &ApiError) -> Option<Duration> {
    match error {
        ApiError::Refused { parameters, .. } => {
            parameters.retry_after.map(|seconds| Duration::from_secs(u64::from(seconds)).min(ASKED_PAUSE_MAX))
        }
        ApiError::Unreachable(_) | ApiError::Unanswered(_) | ApiError::Impossible(_) => None,
    }
}

fn refusal(code: u64, description: &str, after: Option<Duration>) -> (SendErrorKind, Option<String>) {
    let words = description.to_lowercase();
    if let Some((_, told)) = SHUT_OUT.iter().find(|(phrase, _)| words.contains(phrase)) {
        return (SendErrorKind::Refused, Some(format!("{told} (Telegram: {description})")));
    }
    if GONE.iter().any(|phrase| words.contains(phrase)) {
        return (SendErrorKind::Gone, None);
    }
    match code {
        400 if words.contains("can't parse entities") || words.contains("can't find end of the entity") => {
            (SendErrorKind::Markup, None)
        }
        401 | 404 => {
            let told = "Telegram does not know this bot token any more; set the new one from @BotFather";
            (SendErrorKind::Auth, Some(told.to_owned()))
        }
        413 => (SendErrorKind::Refused, Some(format!("the file is too large for Telegram (Telegram: {description})"))),
        429 => (SendErrorKind::RateLimited { after: after.unwrap_or(PAUSE_UNTOLD) }, None),
        // The server broke while it worked on the request: it may have carried it out.
        500.. => (SendErrorKind::Unknown, None),
        _ => (SendErrorKind::Refused, None),
    }
}

fn says(error: &ApiError, phrase: &str) -> bool {
    matches!(error, ApiError::Refused { description, .. } if description.to_lowercase().contains(phrase))
}

#[cfg(test)]
mod tests {
    use super::super::wire::ResponseParameters;
    use super::*;

    #[test]
    fn every_refusal_has_a_class() {
        let kind = |code: u64, description: &str| {
            let parameters = ResponseParameters { migrate_to_chat_id: None, retry_after: (code == 429).then_some(7) };
            send_error(ApiError::Refused { code, description: description.to_owned(), parameters }).kind
        };
        let table = [
            (400, "Bad Request: can't parse entities: Unsupported start tag \"x\"", SendErrorKind::Markup),
            (400, "Bad Request: chat not found", SendErrorKind::Refused),
            (400, "Bad Request: message to edit not found", SendErrorKind::Gone),
            (400, "Bad Request: message is too long", SendErrorKind::Refused),
            (401, "Unauthorized", SendErrorKind::Auth),
            (403, "Forbidden: bot was blocked by the user", SendErrorKind::Refused),
            (413, "Request Entity Too Large", SendErrorKind::Refused),
            (429, "Too Many Requests: retry after 7", SendErrorKind::RateLimited { after: Duration::from_secs(7) }),
            (500, "Internal Server Error", SendErrorKind::Unknown),
            (502, "Bad Gateway", SendErrorKind::Unknown),
        ];
        for (code, description, expected) in table {
            assert_eq!(kind(code, description), expected, "{code} {description}");
        }
    }

    #[test]
    fn a_person_who_blocked_the_bot_is_named_in_plain_words() {
        let error = ApiError::Refused {
            code: 403,
            description: "Forbidden: bot was blocked by the user".to_owned(),
            parameters: ResponseParameters::default(),
        };
        assert!(send_error(error).message.starts_with("the person blocked the bot"));
    }
}
