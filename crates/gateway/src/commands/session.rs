//! `/session`: which session this is, and when its conversation ends by itself.

use chela_agent::clears;
use chela_store::{Session, SessionExpiry, SessionPatch, StoreError};
use jiff::Timestamp;

use super::Asked;

/// Longest time that can be chosen: what is longer is never.
const MINUTES_MAX: i64 = 10 * 366 * 24 * 60;

const USAGE: &str = "`/session idle 24h` begins a new conversation after a silence, `/session max-age 7d` at an age; \
                     `off` is never, `default` what the configuration says.";

pub(super) async fn reply(asked: &Asked<'_>) -> Result<String, StoreError> {
    let session = asked.session().await?;
    let words: Vec<&str> = asked.args.split_whitespace().collect();
    let mut expiry = session.settings.expiry;
    let field = match words.first().map(|word| word.to_ascii_lowercase()).as_deref() {
        None => return Ok(shown(&session)),
        Some("idle") => &mut expiry.idle_minutes,
        Some("max-age" | "maxage") => &mut expiry.max_age_minutes,
        Some(_) => return Ok(format!("That is no setting of a session. {USAGE}")),
    };
    match words[1..] {
        [] => return Ok(times(session.settings.expiry)),
        [time] => match minutes(time) {
            Some(time) => *field = time,
            None => return Ok(format!("`{}` is no time. {USAGE}", time.replace('`', "'"))),
        },
        _ => return Ok(USAGE.to_owned()),
    }
    let stored = asked.choose(SessionPatch { expiry: Some(expiry), ..SessionPatch::default() }).await?;
    Ok(times(stored.settings.expiry))
}

fn shown(session: &Session) -> String {
    let began = Timestamp::from_millisecond(session.started_at_ms).unwrap_or_default();
    let lines = [
        format!("Session `{}` of the agent `{}`", session.key, session.agent),
        format!(
            "- Conversation: `{}`, {} entries, since {}",
            session.id,
            session.items,
            began.strftime("%Y-%m-%d %H:%M UTC")
        ),
        format!("- {}", times(session.settings.expiry)),
        USAGE.to_owned(),
    ];
    lines.join("\n")
}

fn times(expiry: SessionExpiry) -> String {
    let word = |minutes: Option<i64>| match minutes {
        None => "as configured".to_owned(),
        Some(0) => "never".to_owned(),
        Some(minutes) if minutes % 1_440 == 0 => format!("after {} days", minutes / 1_440),
        Some(minutes) if minutes % 60 == 0 => format!("after {} hours", minutes / 60),
        Some(minutes) => format!("after {minutes} minutes"),
    };
    let age = expiry.max_age_minutes.or(Some(0));
    format!("The conversation ends by a silence {}, by its age {}.", word(expiry.idle_minutes), word(age))
}

/// `Some(None)` for what the configuration says, `Some(Some(0))` for never.
#[expect(clippy::option_option, reason = "no time, none of its own, and one are three things")]
fn minutes(text: &str) -> Option<Option<i64>> {
    if clears(text) {
        return Some(None);
    }
    if ["off", "never", "0"].iter().any(|word| text.eq_ignore_ascii_case(word)) {
        return Some(Some(0));
    }
    let end = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(end);
    let unit = match unit.to_ascii_lowercase().as_str() {
        "m" | "min" => 1,
        "h" => 60,
        "d" => 1_440,
        "w" => 10_080,
        _ => return None,
    };
    let minutes = number.parse::<i64>().ok()?.checked_mul(unit)?;
    (1..=MINUTES_MAX).contains(&minutes).then_some(Some(minutes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let rows = [
            ("90m", Some(Some(90))),
            ("24h", Some(Some(1_440))),
            ("7d", Some(Some(10_080))),
            ("off", Some(Some(0))),
            ("default", Some(None)),
            ("5", None),
            ("-5m", None),
            ("0h", None),
            ("soon", None),
        ];
        for (text, expected) in rows {
            assert_eq!(minutes(text), expected, "{text}");
        }
    }
}
