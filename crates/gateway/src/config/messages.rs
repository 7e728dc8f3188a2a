//! `messages`: what happens to messages on their way in, and what shows while they are answered.

use std::collections::BTreeMap;

use chela_agent::{ResponseUsage, parse_queue_mode};
use chela_channels::AckScope;
use chela_protocol::methods::chat::QueueMode;
use chela_store::SessionQueue;
use serde::{Deserialize, Serialize};

/// Settings of incoming messages and their answers.
#[derive(Debug, Clone, Default, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct MessagesConfig {
    pub queue: QueueConfig,
    /// Groups.
    pub group_chat: GroupChatConfig,
    /// The reaction that says that a message was seen. Empty for none. Default: 👀.
    pub ack_reaction: Option<String>,
    /// Where messages get that reaction: `group-mentions`, `group-all`, `direct`, `all` or `off`. Default: `group-mentions`.
    pub ack_reaction_scope: Option<AckScope>,
    /// Takes that reaction away once the answer is there. Default: false.
    pub remove_ack_after_reply: bool,
    pub status_reactions: StatusReactions,
    /// What stands under each answer in chats: `off`, `tokens`, or `full` with the price; or one of them by channel, such as
    /// `{"telegram": "tokens"}`. `/usage` chooses for a session. Default: `off`.
    #[schemars(with = "ResponseUsageSchema")]
    pub response_usage: ResponseUsageSetting,
    /// Stands before each answer, where the channel sets none of its own. `{identityName}` becomes the agent's name; `auto` is that
    /// name in brackets.
    pub response_prefix: Option<String>,
}

/// `messages.responseUsage`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum ResponseUsageSetting {
    Everywhere(ResponseUsage),
    ByChannel(BTreeMap<String, ResponseUsage>),
}

impl Default for ResponseUsageSetting {
    fn default() -> Self {
        Self::Everywhere(ResponseUsage::Off)
    }
}

impl ResponseUsageSetting {
    pub(crate) fn of(&self, channel: &str) -> ResponseUsage {
        match self {
            Self::Everywhere(usage) => *usage,
            Self::ByChannel(usages) => usages.get(channel).copied().unwrap_or_default(),
        }
    }
}

#[derive(schemars::JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum ResponseUsageSchema {
    Everywhere(ResponseUsageWord),
    ByChannel(BTreeMap<String, ResponseUsageWord>),
}

#[derive(schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its schema is used")]
enum ResponseUsageWord {
    Off,
    On,
    Tokens,
    Full,
}

/// `messages.groupChat`.
#[derive(Debug, Clone, Default, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct GroupChatConfig {
    /// Regular expressions, without regard to case, that call the assistant in a group as a mention does. Default: the agent's name.
    pub mention_patterns: Option<Vec<String>>,
    /// Known and kept; each channel has a `historyLimit` of its own. No effect in this version.
    #[schemars(extend("x-reload" = "none"))]
    pub history_limit: Option<usize>,
}

/// `messages.queue`.
#[derive(Debug, Clone, Default, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct QueueConfig {
    /// What happens to a message that arrives while a turn runs: `followup` gives it its own turn, `steer` puts it into the
    /// running one, `collect` answers all that wait together, `interrupt` stops the running one.
    #[schemars(with = "QueueModeWord")]
    pub mode: QueueMode,
    /// Instead of `mode`, by channel: `{"discord": "collect"}`.
    #[schemars(with = "BTreeMap<String, QueueModeWord>")]
    pub by_channel: BTreeMap<String, QueueMode>,
    /// How long a conversation must be quiet before messages that waited are answered, in milliseconds; people write in several
    /// messages. Default: 500.
    pub debounce_ms: Option<u64>,
    /// Messages of one conversation that may wait. Default: 20.
    pub cap: Option<u32>,
    /// What happens to the messages above the cap: `new` turns the newest away and says so, `old` and `summarize` answer the oldest
    /// ones together in one turn. None is lost. Default: `summarize`.
    pub drop: DropPolicy,
}

#[derive(schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its schema is used")]
enum QueueModeWord {
    Steer,
    Followup,
    Collect,
    Interrupt,
}

/// `messages.queue.drop`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DropPolicy {
    New,
    Old,
    #[default]
    Summarize,
}

/// Reactions that show how far an answer is.
#[derive(Debug, Clone, Default, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct StatusReactions {
    /// Shows them instead of `ackReaction`. Default: false.
    pub enabled: bool,
    pub emojis: StatusEmojis,
}

/// The reaction of each state. Telegram takes only those of its own list.
#[derive(Debug, Clone, Default, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct StatusEmojis {
    /// Waits for another answer. Default: 👀.
    pub queued: Option<String>,
    /// The model is at work. Default: 🤔.
    pub thinking: Option<String>,
    /// A tool is at work. Default: 🔥.
    pub tool: Option<String>,
    /// Answered. Default: none, the reaction is taken away.
    pub done: Option<String>,
    /// Failed. Default: 😱.
    pub error: Option<String>,
}

/// Quiet time before messages that waited are answered.
const DEBOUNCE_MS: u64 = 500;
/// Longest quiet time that can be set: a message is answered, not kept.
const DEBOUNCE_MAX_MS: u64 = 60_000;
const CAP: u32 = 20;

impl QueueConfig {
    /// The mode of messages from this channel.
    pub fn mode_of(&self, channel: &str) -> QueueMode {
        self.by_channel.get(channel).copied().unwrap_or(self.mode)
    }

    /// As it was chosen for a session. What can't be read there counts for nothing.
    pub(crate) fn chosen(mut self, chosen: &SessionQueue) -> Self {
        if let Some(mode) = chosen.mode.as_deref().and_then(parse_queue_mode) {
            self.mode = mode;
            self.by_channel.clear();
        }
        self.debounce_ms = chosen.debounce_ms.and_then(|ms| u64::try_from(ms).ok()).or(self.debounce_ms);
        self.cap = chosen.cap.and_then(|cap| u32::try_from(cap).ok()).or(self.cap);
        self.drop = match chosen.drop.as_deref() {
            Some("old") => DropPolicy::Old,
            Some("new") => DropPolicy::New,
            Some("summarize") => DropPolicy::Summarize,
            Some(_) | None => self.drop,
        };
        self
    }

    pub fn debounce(&self) -> std::time::Duration {
        std::time::Duration::from_millis(self.debounce_ms.unwrap_or(DEBOUNCE_MS).min(DEBOUNCE_MAX_MS))
    }

    /// At least one: a conversation in which nothing may wait would answer nothing.
    pub fn cap(&self) -> usize {
        self.cap.unwrap_or(CAP).max(1) as usize
    }
}
