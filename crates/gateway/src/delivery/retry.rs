//! What becomes of a reply that could not be sent: tried again, when, or given up. Pure.

use std::time::Duration;

use chela_channels::{RetryClass, SendError};
use chela_store::OutboxRow;

/// What to do with a row after a failed try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Unix milliseconds.
    TryAt(i64),
    /// Once the account is open again; the row stays as it is.
    WhenBack,
    /// Into the dead-letter list.
    GiveUp,
}

/// Pause after the first failed try; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Longest pause between two tries: a platform that is back is noticed soon.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);
/// Longest time that a platform may ask us to wait and is believed.
const LONGEST_WAIT: Duration = Duration::from_hours(1);
/// An answer that is older says nothing to anybody any more.
pub(super) const KEEP: Duration = Duration::from_hours(24);
/// Pause after the store failed, so that a full disk makes no storm.
pub(super) const STORE_PAUSE: Duration = Duration::from_secs(1);
/// A day of tries at the longest pause: more is a loop. Asking a platform too often is no failed try of the reply, but counts.
const TRIES_MAX: u32 = 300;
/// An old reply that this process finds at its start gets a few chances all the same.
const TRIES_MIN: u32 = 3;

/// Decides about a row whose try failed now. `row.attempts` counts the failed tries before this one.
pub(super) fn verdict(error: &SendError, row: &OutboxRow, now_ms: i64) -> Verdict {
    let tries = row.attempts.saturating_add(1);
    let too_old = now_ms.saturating_sub(row.created_at_ms) > millis(KEEP) && tries >= TRIES_MIN;
    let pause = match error.retry() {
        RetryClass::Never => return Verdict::GiveUp,
        RetryClass::WhenBack => return Verdict::WhenBack,
        RetryClass::After(_) | RetryClass::BackOff if too_old || tries >= TRIES_MAX => return Verdict::GiveUp,
        RetryClass::After(wait) => wait.min(LONGEST_WAIT),
        RetryClass::BackOff => pause(row.attempts),
    };
    Verdict::TryAt(now_ms.saturating_add(millis(pause)))
}

/// The pause after this many failed tries before.
pub(super) fn pause(tries: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(tries)).min(LONGEST_PAUSE)
}

pub(super) fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use chela_channels::SendErrorKind;
    use chela_protocol::{AgentId, SessionKey};
    use chela_store::OutboxId;
    use serde_json::Value;

    use super::*;

    const DAY: i64 = 24 * 60 * 60 * 1000;

    fn row(attempts: u32) -> OutboxRow {
        OutboxRow {
            id: OutboxId(1),
            channel: "telegram".into(),
            account: "default".into(),
            chat: "1".into(),
            session: SessionKey::main(&AgentId::new("main")),
            body: Value::Null,
            attempts,
            due_at_ms: 0,
            parts_sent: 0,
            last_error: None,
            created_at_ms: 0,
        }
    }

    #[test]
    fn each_class_has_its_pause() {
        let limited = |secs| SendErrorKind::RateLimited { after: Duration::from_secs(secs) };
        let rows = [
            (SendErrorKind::Unreachable, 0, 10, Verdict::TryAt(1010)),
            (SendErrorKind::Unknown, 3, 10, Verdict::TryAt(8010)),
            (SendErrorKind::Markup, 200, 10, Verdict::TryAt(300_010)),
            (SendErrorKind::Unreachable, TRIES_MAX - 1, 10, Verdict::GiveUp),
            (SendErrorKind::Unreachable, 0, DAY + 1, Verdict::TryAt(DAY + 1001)),
            (SendErrorKind::Unreachable, TRIES_MIN, DAY + 1, Verdict::GiveUp),
            (limited(7), 0, 10, Verdict::TryAt(7010)),
            (limited(100_000), 0, 10, Verdict::TryAt(3_600_010)),
            (SendErrorKind::Auth, 1000, 9 * DAY, Verdict::WhenBack),
            (SendErrorKind::Refused, 0, 10, Verdict::GiveUp),
            (SendErrorKind::Gone, 0, 10, Verdict::GiveUp),
        ];
        for (kind, attempts, now_ms, expected) in rows {
            assert_eq!(verdict(&SendError::new(kind, "x"), &row(attempts), now_ms), expected, "{kind:?} {attempts}");
        }
    }
}
