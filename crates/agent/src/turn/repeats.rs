//! Notices a model that goes round in circles: the same call, with the same result, again and again.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use chela_llm::ToolUse;

/// What the calls of one turn gave. Bounded by the number of calls that a turn may make.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    seen: HashMap<u64, Seen>,
    refused: u32,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    result: u64,
    times: u32,
}

impl Repeats {
    /// How often this call gave the same result in a row, if that is enough to refuse it.
    pub(super) fn refuse(&mut self, call: &ToolUse, limit: u32) -> Option<u32> {
        let times = self.seen.get(&key(call)).map(|seen| seen.times).filter(|times| *times >= limit)?;
        self.refused += 1;
        Some(times)
    }

    /// Remembers a result. A refusal repeats the count of what it stands for, so that it stays refused.
    pub(super) fn note(&mut self, call: &ToolUse, result: &str) {
        let result = hash(&result);
        let seen = self.seen.entry(key(call)).or_insert(Seen { result, times: 0 });
        if seen.result == result {
            seen.times += 1;
        } else {
            *seen = Seen { result, times: 1 };
        }
    }

    /// How many calls were refused in this turn.
    pub(super) fn refused(&self) -> u32 {
        self.refused
    }
}

fn key(call: &ToolUse) -> u64 {
    hash(&(&call.name, call.input.to_string()))
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
