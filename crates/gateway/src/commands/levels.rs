//! `/think`, `/reasoning`, `/verbose`, `/usage`, `/activation`, `/send`: one word that a session keeps. Their words and values are
//! those of `sessions.patch`, which checks them here as well.

use chela_agent::{
    ArgChoices, CommandId, GroupActivation, ReasoningLevel, ReplyButton, ResponseUsage, SendPolicy, VerboseLevel,
    clears, parse_thinking,
};
use chela_store::{Session, SessionPatch, SessionSettings, StoreError};

use super::{Answer, Asked};
use crate::sessions::{RowContext, defaults_of, is_group, thinking_default, thinking_word};

/// Words are short: so many buttons fit side by side on a phone.
const BUTTONS_IN_A_ROW: usize = 3;

/// One thing that a session keeps.
struct Level {
    /// Begins what is said about it.
    title: &'static str,
    kept: fn(&SessionSettings) -> Option<&str>,
    patch: fn(Option<String>) -> SessionPatch,
}

pub(super) async fn reply(asked: &Asked<'_>) -> Result<Answer, StoreError> {
    let Some(level) = level_of(asked.command.id) else { return Ok(Answer::default()) };
    if asked.command.id == CommandId::Activation && !is_group(&asked.row.session) {
        return Ok("This works in groups: in a direct conversation every message is answered.".to_owned().into());
    }
    let before = asked.session().await?;
    let default = default_word(asked, &before);
    let title = level.title;
    if asked.args.is_empty() {
        let text = match (level.kept)(&before.settings) {
            Some(word) => format!("{title}: `{word}`, as chosen for this session."),
            None => format!("{title}: {default} by default."),
        };
        return Ok(Answer { text, buttons: buttons(asked), ..Answer::default() });
    }
    let text = if clears(asked.args) {
        asked.choose((level.patch)(None)).await?;
        format!("{title}: {default} again, from the next message on.")
    } else if let Some(word) = checked(asked.command.id, asked.args) {
        asked.choose((level.patch)(Some(word.to_owned()))).await?;
        format!("{title}: `{word}` from the next message on.")
    } else {
        let words = words_of(asked).collect::<Vec<_>>().join("`, `");
        format!("`{}` is none of `{words}`. Nothing has changed.", asked.args.replace('`', "'"))
    };
    Ok(text.into())
}

/// A value as the store keeps it; `None` when it is none of this command's.
pub(crate) fn checked(command: CommandId, word: &str) -> Option<&'static str> {
    match command {
        CommandId::Think => parse_thinking(word).map(thinking_word),
        CommandId::Reasoning => ReasoningLevel::parse(word).map(ReasoningLevel::as_str),
        CommandId::Verbose => VerboseLevel::parse(word).map(VerboseLevel::as_str),
        CommandId::Usage => ResponseUsage::parse(word).map(ResponseUsage::as_str),
        CommandId::Activation => GroupActivation::parse(word).map(GroupActivation::as_str),
        CommandId::Send => SendPolicy::parse(word).map(SendPolicy::as_str),
        _ => None,
    }
}

fn level_of(command: CommandId) -> Option<Level> {
    Some(match command {
        CommandId::Think => Level {
            title: "How hard the model thinks",
            kept: |settings| settings.thinking_level.as_deref(),
            patch: |word| SessionPatch { thinking_level: Some(word), ..SessionPatch::default() },
        },
        CommandId::Reasoning => Level {
            title: "Thinking in the chat",
            kept: |settings| settings.reasoning_level.as_deref(),
            patch: |word| SessionPatch { reasoning_level: Some(word), ..SessionPatch::default() },
        },
        CommandId::Verbose => Level {
            title: "Tools in the chat",
            kept: |settings| settings.verbose_level.as_deref(),
            patch: |word| SessionPatch { verbose_level: Some(word), ..SessionPatch::default() },
        },
        CommandId::Usage => Level {
            title: "Usage under answers",
            kept: |settings| settings.response_usage.as_deref(),
            patch: |word| SessionPatch { response_usage: Some(word), ..SessionPatch::default() },
        },
        CommandId::Activation => Level {
            title: "Answers in this group",
            kept: |settings| settings.group_activation.as_deref(),
            patch: |word| SessionPatch { group_activation: Some(word), ..SessionPatch::default() },
        },
        CommandId::Send => Level {
            title: "Answers to this chat",
            kept: |settings| settings.send_policy.as_deref(),
            patch: |word| SessionPatch { send_policy: Some(word), ..SessionPatch::default() },
        },
        _ => return None,
    })
}

/// What holds where the session says nothing.
fn default_word(asked: &Asked<'_>, session: &Session) -> String {
    let gateway = asked.gateway;
    let rules = defaults_of(&gateway.config.load(), &session.key, &asked.row.channel);
    let word = match asked.command.id {
        CommandId::Think => {
            let book = gateway.sessions.agents(gateway);
            let model = RowContext::of(gateway, &book).model(&session.agent, session.settings.model.as_deref());
            thinking_word(thinking_default(book.profile_or_default(&session.agent), &model))
        }
        CommandId::Usage => rules.response_usage.as_str(),
        CommandId::Send => rules.send_policy.as_str(),
        CommandId::Activation => return "what the channel's configuration says".to_owned(),
        _ => "off",
    };
    format!("`{word}`")
}

/// The words that it takes, as the table lists them.
fn words_of(asked: &Asked<'_>) -> impl Iterator<Item = &'static str> {
    let fixed = asked.command.args.first().and_then(|arg| match arg.choices {
        ArgChoices::Fixed(words) => Some(words),
        ArgChoices::Any | ArgChoices::Models | ArgChoices::Providers | ArgChoices::Skills => None,
    });
    fixed.unwrap_or_default().iter().copied()
}

fn buttons(asked: &Asked<'_>) -> Vec<Vec<ReplyButton>> {
    let button =
        |word: &str| ReplyButton { label: word.to_owned(), command: format!("/{} {word}", asked.command.name) };
    let all: Vec<_> = words_of(asked).map(button).collect();
    all.chunks(BUTTONS_IN_A_ROW).map(<[_]>::to_vec).collect()
}
