//! What people can say of a conversation that grows: when its older part is summarised, and when old tool results are shortened.
//!
//! Names and shapes are OpenClaw's (`agents.defaults.compaction`, `agents.defaults.contextPruning`).

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

/// Summarising the older part of a conversation that nears the model's context window.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CompactionConfig {
    /// `false`: conversations are never summarised by themselves; their oldest turns are left out of what the model sees. `/compact`
    /// works all the same. Default: true.
    pub enabled: Option<bool>,
    /// The model that writes summaries, as `provider/model` or an alias. Default: the agent's own.
    pub model: Option<String>,
    /// Tokens of the context window that are kept free: a fuller conversation is summarised. Never more than a quarter of the window.
    /// Default: 20000.
    pub reserve_tokens_floor: Option<u64>,
    /// Tokens of the newest turns that stay word for word. Never more than a quarter of what fits. Default: 20000.
    pub keep_recent_tokens: Option<u64>,
    /// Turns that stay word for word, however long they are; at most 12. Default: 1.
    pub recent_turns_preserve: Option<u32>,
    /// Longest that writing a summary may take, in seconds. Default: 300.
    pub timeout_seconds: Option<u64>,
    /// Notes that are taken before.
    pub memory_flush: MemoryFlushConfig,
}

/// Before the main conversation is summarised, the model may write down what should last; it goes to the day's file in the
/// workspace's `memory` folder.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct MemoryFlushConfig {
    /// Default: true, for agents that have the tool `write`.
    pub enabled: Option<bool>,
}

/// Shortening old tool results in what the model sees. The transcript keeps them whole.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ContextPruningConfig {
    /// `off`, or `cache-ttl`: old results are shortened when the vendor's cache of the conversation has expired anyway, and when the
    /// conversation nears the window. Default: `cache-ttl`.
    pub mode: PruningMode,
    /// How long a vendor's cache lasts without a call, as in `5m` or `1h`. Default: `5m`.
    #[serde(deserialize_with = "ttl")]
    #[schemars(with = "Option<String>")]
    pub ttl: Option<Duration>,
    /// Results since so many answers of the model stay whole. Default: 3.
    pub keep_last_assistants: Option<usize>,
    /// Part of the window (0 to 1) whose newest results stay whole when older ones are shortened. Default: 0.3.
    pub soft_trim_ratio: Option<f64>,
    /// Part of the window (0 to 1) before whose results one line is left. Default: 0.5.
    pub hard_clear_ratio: Option<f64>,
    pub soft_trim: SoftTrimConfig,
    pub hard_clear: HardClearConfig,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PruningMode {
    Off,
    #[default]
    CacheTtl,
}

/// What is left of a shortened result.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SoftTrimConfig {
    /// Longer results are shortened, in characters. Default: 4000.
    pub max_chars: Option<usize>,
    /// Characters of its beginning that are left. Default: 1500.
    pub head_chars: Option<usize>,
    /// Characters of its end that are left. Default: 1500.
    pub tail_chars: Option<usize>,
}

/// What is left of a result that is left out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HardClearConfig {
    /// `false`: old results are shortened, never left out. Default: true.
    pub enabled: Option<bool>,
    /// Stands in its place, before the name of the file that holds it. Default: `[Old tool result left out]`.
    pub placeholder: Option<String>,
}

/// [`CompactionConfig`] with every default filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompactionSettings {
    pub enabled: bool,
    pub model: Option<String>,
    pub reserve_tokens: u64,
    pub keep_tokens: u64,
    pub keep_turns: usize,
    pub timeout: Duration,
    pub memory_flush: bool,
}

/// [`ContextPruningConfig`] with every default filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct PruningSettings {
    pub mode: PruningMode,
    pub ttl_ms: i64,
    pub keep_last_assistants: usize,
    pub soft_trim_ratio: f64,
    pub hard_clear_ratio: f64,
    pub max_chars: usize,
    pub head_chars: usize,
    pub tail_chars: usize,
    pub hard_clear: bool,
    pub placeholder: String,
}

const DEFAULT_RESERVE_TOKENS: u64 = 20_000;
const DEFAULT_KEEP_TOKENS: u64 = 20_000;
const KEEP_TURNS_MAX: u32 = 12;
const DEFAULT_TIMEOUT_S: u64 = 300;
/// Nobody waits longer for a summary.
const TIMEOUT_MAX_S: u64 = 3_600;
/// What the shortest caches of vendors last.
const DEFAULT_TTL: Duration = Duration::from_mins(5);
const DEFAULT_PLACEHOLDER: &str = "[Old tool result left out]";
/// Longest text that may stand in the place of a result, in bytes.
const PLACEHOLDER_MAX_BYTES: usize = 500;

impl CompactionConfig {
    pub(crate) fn settings(&self) -> CompactionSettings {
        let timeout = self.timeout_seconds.filter(|seconds| *seconds > 0).unwrap_or(DEFAULT_TIMEOUT_S);
        CompactionSettings {
            enabled: self.enabled.unwrap_or(true),
            model: self.model.clone().filter(|model| !model.trim().is_empty()),
            reserve_tokens: self.reserve_tokens_floor.unwrap_or(DEFAULT_RESERVE_TOKENS),
            keep_tokens: self.keep_recent_tokens.unwrap_or(DEFAULT_KEEP_TOKENS),
            keep_turns: self.recent_turns_preserve.unwrap_or(1).min(KEEP_TURNS_MAX) as usize,
            timeout: Duration::from_secs(timeout.min(TIMEOUT_MAX_S)),
            memory_flush: self.memory_flush.enabled.unwrap_or(true),
        }
    }
}

impl ContextPruningConfig {
    pub(crate) fn settings(&self) -> PruningSettings {
        let max_chars = self.soft_trim.max_chars.unwrap_or(4_000);
        let placeholder = self.hard_clear.placeholder.clone().filter(|text| !text.trim().is_empty());
        let mut placeholder = placeholder.unwrap_or_else(|| DEFAULT_PLACEHOLDER.to_owned());
        placeholder.truncate(placeholder.floor_char_boundary(PLACEHOLDER_MAX_BYTES));
        let ttl = self.ttl.unwrap_or(DEFAULT_TTL);
        PruningSettings {
            mode: self.mode,
            ttl_ms: i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX),
            keep_last_assistants: self.keep_last_assistants.unwrap_or(3),
            soft_trim_ratio: self.soft_trim_ratio.unwrap_or(0.3).clamp(0.0, 1.0),
            hard_clear_ratio: self.hard_clear_ratio.unwrap_or(0.5).clamp(0.0, 1.0),
            max_chars,
            head_chars: self.soft_trim.head_chars.unwrap_or(1_500).min(max_chars),
            tail_chars: self.soft_trim.tail_chars.unwrap_or(1_500).min(max_chars),
            hard_clear: self.hard_clear.enabled.unwrap_or(true),
            placeholder,
        }
    }
}

/// Reads `90s`, `5m`, `1h`, `1d`; a bare number counts minutes, as in OpenClaw.
fn parse_ttl(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = (text[..digits].parse::<u64>().ok()?, text[digits..].trim());
    let seconds = match unit {
        "s" => 1,
        "" | "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    number.checked_mul(seconds).map(Duration::from_secs)
}

fn ttl<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    let error = || serde::de::Error::custom(format!("expected a time like 30s, 5m or 1h, found `{text}`"));
    parse_ttl(&text).map(Some).ok_or_else(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let seconds = |text| parse_ttl(text).map(|ttl| ttl.as_secs());
        assert_eq!(["5m", "1h", "90s", "7", " 2 d"].map(seconds), [300, 3_600, 90, 420, 172_800].map(Some));
        assert_eq!(["", "m", "1w", "-1m", "1.5h"].map(seconds), [None; 5]);
    }
}
