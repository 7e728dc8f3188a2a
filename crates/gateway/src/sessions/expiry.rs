//! When a conversation begins anew by itself: every day at an hour, or after a silence (`session.reset`); and as was chosen for its
//! session (`/session`).

use std::sync::Arc;

use chela_agent::{ResetMode, ResetPolicy};
use chela_store::{Session, SessionExpiry, StoreError};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde_json::json;

use super::observer::session_changed;
use crate::app::Gateway;

/// Hour of a daily reset when the configuration doesn't say: at night, as in the reference system.
const DEFAULT_HOUR: u8 = 4;
/// Silence before an idle reset when the configuration doesn't say.
const DEFAULT_IDLE_MINUTES: u32 = 60;

/// Gives the session an empty conversation when a message comes and the old one has expired. Called when the message is durable
/// and not yet with its session's task. A conversation in which a turn runs or waits goes on.
pub(crate) async fn begin_anew_if_expired(gateway: &Arc<Gateway>, stored: &Session) -> Result<(), StoreError> {
    let (session, chosen) = (&stored.key, stored.settings.expiry);
    let mut policy = gateway.config.load().session.reset.clone();
    if chosen.idle_minutes.is_some() && policy.mode == ResetMode::Idle {
        policy.mode = ResetMode::None;
    }
    let is_for_ever = policy.mode == ResetMode::None && chosen == SessionExpiry::default();
    if is_for_ever || !gateway.sessions.active(session).is_empty() {
        return Ok(());
    }
    let Some(last) = gateway.store.items_before(&stored.id, None, 1).await?.pop() else { return Ok(()) };
    let timezone = gateway.sessions.agents(gateway).profile_or_default(&stored.agent).timezone.clone();
    let now_ms = gateway.now_ms();
    let is_over = is_expired(&policy, &timezone, last.created_at_ms, now_ms)
        || is_past(chosen.idle_minutes, last.created_at_ms, now_ms)
        || is_past(chosen.max_age_minutes, stored.started_at_ms, now_ms);
    if is_over {
        gateway.store.reset_session(session, now_ms).await?;
        session_changed(gateway, session, json!({ "reason": "reset" }));
    }
    Ok(())
}

/// Whether a conversation with its last word at `last_ms` is over at `now_ms`.
fn is_expired(policy: &ResetPolicy, timezone: &TimeZone, last_ms: i64, now_ms: i64) -> bool {
    match policy.mode {
        ResetMode::None => false,
        ResetMode::Idle => {
            let minutes = policy.idle_minutes.unwrap_or(DEFAULT_IDLE_MINUTES).max(1);
            now_ms.saturating_sub(last_ms) >= i64::from(minutes) * 60_000
        }
        ResetMode::Daily => {
            let hour = policy.at_hour.filter(|hour| *hour < 24).unwrap_or(DEFAULT_HOUR);
            last_boundary(timezone, hour, now_ms).is_some_and(|boundary_ms| last_ms < boundary_ms)
        }
    }
}

/// Whether so many minutes have passed since; 0 is never.
fn is_past(minutes: Option<i64>, since_ms: i64, now_ms: i64) -> bool {
    minutes.is_some_and(|minutes| minutes > 0 && now_ms.saturating_sub(since_ms) >= minutes.saturating_mul(60_000))
}

/// The newest time at or before `now_ms` at which it was `hour` o'clock. An hour that a clock change skips counts as the next
/// one there was.
fn last_boundary(timezone: &TimeZone, hour: u8, now_ms: i64) -> Option<i64> {
    let now = Timestamp::from_millisecond(now_ms).ok()?.to_zoned(timezone.clone());
    let at = |date: jiff::civil::Date| {
        let time = date.at(i8::try_from(hour).ok()?, 0, 0, 0);
        Some(time.to_zoned(timezone.clone()).ok()?.timestamp().as_millisecond())
    };
    let today = at(now.date())?;
    if today <= now_ms { Some(today) } else { at(now.date().checked_sub(1.day()).ok()?) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(policy: Value, timezone: &str, last: &str, now: &str, expected: bool) {
        let policy: ResetPolicy = serde_json::from_value(policy).unwrap();
        let ms = |text: &str| text.parse::<Timestamp>().unwrap().as_millisecond();
        let timezone = TimeZone::get(timezone).unwrap();
        assert_eq!(is_expired(&policy, &timezone, ms(last), ms(now)), expected, "{policy:?} {last} {now}");
    }

    #[test]
    fn a_chosen_time_passes() {
        assert!(is_past(Some(1), 0, 60_000) && !is_past(Some(1), 0, 59_999));
        assert!(!is_past(Some(0), 0, i64::MAX) && !is_past(None, 0, i64::MAX));
    }

    #[test]
    fn nothing_expires_by_default() {
        check(json!({}), "UTC", "2020-01-01T00:00:00Z", "2026-01-01T00:00:00Z", false);
    }

    #[test]
    fn a_silence_ends_a_conversation() {
        let policy = || json!({"mode": "idle", "idleMinutes": 30});
        check(policy(), "UTC", "2026-01-01T10:00:00Z", "2026-01-01T10:29:59Z", false);
        check(policy(), "UTC", "2026-01-01T10:00:00Z", "2026-01-01T10:30:00Z", true);
    }

    #[test]
    fn a_day_begins_at_its_hour_in_the_owners_zone() {
        let policy = || json!({"mode": "daily", "atHour": 4});
        check(policy(), "UTC", "2026-01-01T03:59:00Z", "2026-01-01T04:00:00Z", true);
        check(policy(), "UTC", "2026-01-01T04:00:00Z", "2026-01-02T03:59:59Z", false);
        check(policy(), "UTC", "2026-01-01T03:00:00Z", "2026-01-01T03:30:00Z", false);
        // Four o'clock in New York is nine o'clock UTC in winter.
        check(policy(), "America/New_York", "2026-01-01T08:00:00Z", "2026-01-01T08:59:00Z", false);
        check(policy(), "America/New_York", "2026-01-01T08:00:00Z", "2026-01-01T09:00:00Z", true);
        // Two o'clock doesn't exist in Berlin on the day the clocks go forward.
        let skipped = json!({"mode": "daily", "atHour": 2});
        check(skipped, "Europe/Berlin", "2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z", true);
    }
}
