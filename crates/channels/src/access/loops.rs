//! Stops two bots that talk to each other: counts what each bot says in each chat, and is silent for a while after too much.
//!
//! Knows no clock: the time is passed in.

use std::collections::{HashMap, VecDeque};

use super::LoopProtection;

/// Pairs of a chat and a bot that are remembered; the one that was silent longest is forgotten. Enough for every bot of a busy
/// server, and small.
const PAIRS_MAX: usize = 1024;

/// Moments that one pair keeps, whatever the configuration asks for.
const EVENTS_MAX: u32 = 1000;

/// Counts messages of bots. One per account; not for people.
#[derive(Debug, Default)]
pub struct LoopGuard {
    pairs: HashMap<(String, String), Pair>,
}

/// What is to become of a bot's message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoopVerdict {
    Pass,
    /// This message is one too many: it and all that follow are dropped until the cool-down is over. Worth one log line.
    Tripped,
    /// Dropped while it cools down.
    Cooling,
}

#[derive(Debug, Default)]
struct Pair {
    /// Moments within the window, oldest first.
    events: VecDeque<i64>,
    silent_until_ms: Option<i64>,
    last_ms: i64,
}

impl LoopGuard {
    /// Counts one message of a bot in a chat. A clock that goes back ends no cool-down early.
    pub fn observe(&mut self, chat: &str, bot: &str, rule: LoopProtection, now_ms: i64) -> LoopVerdict {
        if !rule.enabled {
            return LoopVerdict::Pass;
        }
        self.make_room(chat, bot);
        let pair = self.pairs.entry((chat.to_owned(), bot.to_owned())).or_default();
        pair.last_ms = now_ms;
        pair.observe(rule, now_ms)
    }

    fn make_room(&mut self, chat: &str, bot: &str) {
        if self.pairs.len() < PAIRS_MAX || self.pairs.contains_key(&(chat.to_owned(), bot.to_owned())) {
            return;
        }
        if let Some(oldest) = self.pairs.iter().min_by_key(|(_, pair)| pair.last_ms).map(|(key, _)| key.clone()) {
            self.pairs.remove(&oldest);
        }
    }
}

impl Pair {
    fn observe(&mut self, rule: LoopProtection, now_ms: i64) -> LoopVerdict {
        if self.silent_until_ms.is_some_and(|until| now_ms < until) {
            return LoopVerdict::Cooling;
        }
        self.silent_until_ms = None;
        let window_start = now_ms.saturating_sub(milliseconds(rule.window_secs));
        while self.events.front().is_some_and(|event| *event <= window_start) {
            self.events.pop_front();
        }
        if self.events.len() >= rule.max_events.min(EVENTS_MAX) as usize {
            self.events.clear();
            self.silent_until_ms = Some(now_ms.saturating_add(milliseconds(rule.cooldown_secs)));
            return LoopVerdict::Tripped;
        }
        self.events.push_back(now_ms);
        LoopVerdict::Pass
    }
}

fn milliseconds(secs: u64) -> i64 {
    i64::try_from(secs.saturating_mul(1000)).unwrap_or(i64::MAX)
}
