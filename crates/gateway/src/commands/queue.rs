//! `/queue`: what happens to messages of a session that come while a turn runs.

use chela_agent::{ReplyButton, clears, parse_queue_mode};
use chela_protocol::methods::chat::QueueMode;
use chela_store::{SessionPatch, SessionQueue, StoreError};

use super::{Answer, Asked};
use crate::config::{DropPolicy, QueueConfig};

const MODES: [&str; 4] = ["steer", "followup", "collect", "interrupt"];

const USAGE: &str = "Say `/queue steer`, `followup`, `collect` or `interrupt`, with `debounce:2s`, `cap:25` or \
                     `drop:old`, `drop:new`, `drop:summarize` where you wish; `/queue default` goes back.";

pub(super) async fn reply(asked: &Asked<'_>) -> Result<Answer, StoreError> {
    let before = asked.session().await?;
    if asked.args.is_empty() {
        let button = |mode: &str| ReplyButton { label: mode.to_owned(), command: format!("/queue {mode}") };
        let buttons = MODES.chunks(2).map(|row| row.iter().map(|mode| button(mode)).collect()).collect();
        let text = format!("{}\n{USAGE}", in_force(asked, &before.settings.queue));
        return Ok(Answer { text, buttons, ..Answer::default() });
    }
    let queue = match parse(asked.args, before.settings.queue) {
        _ if clears(asked.args) => SessionQueue::default(),
        Some(queue) => queue,
        None => return Ok(format!("That is no queue setting. {USAGE}").into()),
    };
    let stored = asked.choose(SessionPatch { queue: Some(queue), ..SessionPatch::default() }).await?;
    Ok(in_force(asked, &stored.settings.queue).into())
}

/// Whether the words are settings of a queue and nothing else.
pub(super) fn reads(args: &str) -> bool {
    args.is_empty() || clears(args) || parse(args, SessionQueue::default()).is_some()
}

/// The words over what was chosen before. Options may stand by themselves, as platforms' own menus give them: `collect 2s 25 old`.
fn parse(args: &str, mut queue: SessionQueue) -> Option<SessionQueue> {
    for word in args.split_whitespace() {
        let (name, value) = word.split_once(':').or_else(|| word.split_once('=')).unwrap_or(("", word));
        match name {
            "debounce" => queue.debounce_ms = Some(milliseconds(value)?),
            "cap" => queue.cap = Some(value.parse().ok().filter(|cap| (1..=i64::from(u32::MAX)).contains(cap))?),
            "drop" => queue.drop = Some(drop_word(value)?.to_owned()),
            "" => {
                if let Some(mode) = parse_queue_mode(value) {
                    queue.mode = Some(mode_word(mode).to_owned());
                } else if let Ok(cap @ 1..) = value.parse::<u32>() {
                    queue.cap = Some(i64::from(cap));
                } else if let Some(word) = drop_word(value) {
                    queue.drop = Some(word.to_owned());
                } else {
                    queue.debounce_ms = Some(milliseconds(value)?);
                }
            }
            _ => return None,
        }
    }
    Some(queue)
}

/// `500`, `500ms`, `2s`, `0.5s`, `1m`.
fn milliseconds(text: &str) -> Option<i64> {
    let end = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit_ms = match unit.to_ascii_lowercase().as_str() {
        "" | "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let thousandths: i64 = format!("{part:0<3}").get(..3)?.parse().ok()?;
    let whole: i64 = whole.parse().ok().filter(|whole| *whole >= 0)?;
    whole.checked_mul(unit_ms)?.checked_add(thousandths.checked_mul(unit_ms)? / 1_000)
}

fn in_force(asked: &Asked<'_>, chosen: &SessionQueue) -> String {
    let config = asked.gateway.config.load().messages.queue.clone();
    let queue: QueueConfig = config.chosen(chosen);
    let whose = if *chosen == SessionQueue::default() { "as configured" } else { "as chosen for this session" };
    format!(
        "Messages that come while a turn runs: `{}`, debounce {} ms, cap {}, drop `{}` ({whose}).",
        mode_word(queue.mode_of(&asked.row.channel)),
        queue.debounce().as_millis(),
        queue.cap(),
        match queue.drop {
            DropPolicy::New => "new",
            DropPolicy::Old => "old",
            DropPolicy::Summarize => "summarize",
        }
    )
}

fn drop_word(word: &str) -> Option<&'static str> {
    match word.to_ascii_lowercase().as_str() {
        "old" | "oldest" => Some("old"),
        "new" | "newest" => Some("new"),
        "summarize" | "summary" => Some("summarize"),
        _ => None,
    }
}

pub(super) fn mode_word(mode: QueueMode) -> &'static str {
    match mode {
        QueueMode::Steer => MODES[0],
        QueueMode::Followup => MODES[1],
        QueueMode::Collect => MODES[2],
        QueueMode::Interrupt => MODES[3],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_stand_in_any_form() {
        let full = SessionQueue {
            mode: Some("collect".into()),
            debounce_ms: Some(2_000),
            cap: Some(25),
            drop: Some("old".into()),
        };
        for words in
            ["collect debounce:2s cap:25 drop:old", "collect 2s 25 old", "drop=old cap=25 debounce=2000ms collect"]
        {
            assert_eq!(parse(words, SessionQueue::default()), Some(full.clone()), "{words}");
        }
        assert_eq!(parse("cap:3", full.clone()), Some(SessionQueue { cap: Some(3), ..full }));
        for words in ["loud", "cap:0", "debounce:-2s", "drop:all", "what is it"] {
            assert_eq!(parse(words, SessionQueue::default()), None, "{words}");
        }
        assert_eq!(["0.5s", "1.25m", "7"].map(milliseconds), [Some(500), Some(75_000), Some(7)]);
    }
}
