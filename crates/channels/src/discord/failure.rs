//! What Discord's refusals mean: for delivery, which class; for people, what to do.

use reqwest::StatusCode;
use reqwest::header::HeaderMap;

use super::api::{Failure, asked_pause};
use crate::outbound::{SendError, SendErrorKind};

/// What to do about a token that Discord refuses.
pub(super) const TOKEN_REFUSED: &str = "Discord refuses the bot token; reset it on the page \"Bot\" of the Developer Portal \
    (https://discord.com/developers/applications) and set the new one as `channels.discord.token` or DISCORD_BOT_TOKEN";

/// Discord's numbers of what can go wrong (<https://docs.discord.com/developers/topics/opcodes-and-status-codes>).
const UNKNOWN_CHANNEL: u64 = 10_003;
const UNKNOWN_MESSAGE: u64 = 10_008;
const UNKNOWN_WEBHOOK: u64 = 10_015;
const UNKNOWN_INTERACTION: u64 = 10_062;
const TOO_LARGE: u64 = 40_005;
const MISSING_ACCESS: u64 = 50_001;
const NO_DIRECT_MESSAGES: u64 = 50_007;
const MISSING_PERMISSION: u64 = 50_013;
const BAD_WEBHOOK_TOKEN: u64 = 50_027;
const BAD_FORM: u64 = 50_035;
const THREAD_ARCHIVED: u64 = 50_083;
const THREAD_LOCKED: u64 = 160_005;

/// What was to be done at a place; it names the permission that is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    Send,
    Edit,
    Delete,
    React,
    Read,
    Look,
}

/// A failure as delivery and people need it. `place` is the channel as people call it.
pub(super) fn explain(failure: Failure, place: &str, doing: Doing) -> SendError {
    match failure {
        Failure::Unauthorized => SendError::new(SendErrorKind::Auth, TOKEN_REFUSED),
        Failure::RateLimited { after } => {
            let words = format!("Discord's rate limit: to be tried again in {} ms", after.as_millis());
            SendError::new(SendErrorKind::RateLimited { after }, words)
        }
        Failure::NotSent(words) => SendError::new(SendErrorKind::Unreachable, words),
        Failure::Unknown(words) | Failure::Unreadable(words) => SendError::new(SendErrorKind::Unknown, words),
        Failure::Refused { status, code, words } => refused(status, code, &words, place, doing),
    }
}

/// Why a file did not come.
pub(super) fn unserved(status: StatusCode, headers: &HeaderMap) -> SendError {
    let (kind, words) = match status {
        StatusCode::TOO_MANY_REQUESTS => {
            let after = asked_pause(headers);
            (SendErrorKind::RateLimited { after }, "Discord's file server has too much to do")
        }
        StatusCode::REQUEST_TIMEOUT => (SendErrorKind::Unreachable, "Discord's file server is too slow"),
        status if status.is_server_error() => (SendErrorKind::Unreachable, "Discord's file server is in trouble"),
        _ => (SendErrorKind::Gone, "Discord no longer serves the file"),
    };
    SendError::new(kind, format!("{words} ({status})"))
}

/// The interaction can no longer be answered: too late, or answered elsewhere.
pub(super) fn is_stale_interaction(failure: &Failure) -> bool {
    let stale = [UNKNOWN_WEBHOOK, UNKNOWN_INTERACTION, UNKNOWN_MESSAGE, BAD_WEBHOOK_TOKEN];
    matches!(failure, Failure::Refused { status, code, .. } if stale.contains(code) || (*code == 0 && *status == 404))
}

fn refused(status: u16, code: u64, words: &str, place: &str, doing: Doing) -> SendError {
    let kind = if code == UNKNOWN_MESSAGE { SendErrorKind::Gone } else { SendErrorKind::Refused };
    let message = match code {
        UNKNOWN_CHANNEL => format!("{place} does not exist, or the bot was never there"),
        UNKNOWN_MESSAGE => format!("the message in {place} is gone"),
        TOO_LARGE => {
            format!("the file is too large for {place}; Discord takes 10 MB, more where the server is boosted")
        }
        MISSING_ACCESS => format!("the bot can't see {place}; grant it \"View Channel\" there"),
        MISSING_PERMISSION => format!("the bot has no permission in {place}; grant it {}", permission(doing)),
        NO_DIRECT_MESSAGES => {
            "this person takes no direct messages from the bot; they have to share a server with it and \
            allow direct messages from its members"
                .to_owned()
        }
        BAD_FORM => format!("Discord finds the message malformed: {words}"),
        THREAD_ARCHIVED | THREAD_LOCKED => format!("{place} is closed; open the thread again to go on there"),
        _ => format!("Discord refused it in {place}: {words} (status {status}, code {code})"),
    };
    SendError::new(kind, message)
}

fn permission(doing: Doing) -> &'static str {
    match doing {
        Doing::Send => "\"Send Messages\", \"Send Messages in Threads\" and \"Attach Files\"",
        Doing::Edit | Doing::Look => "\"View Channel\"",
        Doing::Delete => "\"Manage Messages\"",
        Doing::React => "\"Add Reactions\" and \"Read Message History\"",
        Doing::Read => "\"Read Message History\"",
    }
}
