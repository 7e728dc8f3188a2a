//! Keys that an account has on every platform, and what they mean. A platform flattens them into its own; keys whose meaning or
//! default is the platform's own stand there.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::policy::{DeliveryPolicy, PreviewMode, ReactionNotice, ReplyToMode};
use crate::render::{Cut, Limits, Tables};

/// Whether there is an account, and what people call it.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct AccountKeys {
    /// `false` keeps the account closed. Default: true.
    pub(crate) enabled: Option<bool>,
    /// For people, in lists. Default: the account's id.
    pub(crate) name: Option<String>,
}

/// How answers are given.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct AnswerKeys {
    /// The older name of `streaming.mode`, which wins.
    pub(crate) stream_mode: Option<PreviewMode>,
    /// The older name of `streaming.chunkMode`, which wins.
    pub(crate) chunk_mode: Option<Cut>,
    /// Markdown that the platform has not.
    pub(crate) markdown: MarkdownKeys,
    /// Which messages of an answer quote the question. Default: `off`.
    pub(crate) reply_to_mode: Option<ReplyToMode>,
    /// Largest file of a message, in megabytes, 50 at most; the platform may give less. Default: 20.
    #[schemars(range(min = 0))]
    pub(crate) media_max_mb: Option<f64>,
    /// The emoji that says that a message was seen; an empty one for none. Default: `messages.ackReaction`.
    pub(crate) ack_reaction: Option<String>,
    /// Which reactions of people the agent is told of. Default: `own`.
    pub(crate) reaction_notifications: Option<ReactionNotice>,
    /// Stands before each answer. Default: `messages.responsePrefix`.
    pub(crate) response_prefix: Option<String>,
    /// The platform's menu of commands.
    pub(crate) commands: MenuKeys,
}

/// `streaming`, as an object.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct StreamingKeys {
    /// How an answer shows before it is whole.
    pub(crate) mode: Option<PreviewMode>,
    /// Where a long answer is cut. Default: `length`.
    pub(crate) chunk_mode: Option<Cut>,
}

/// `markdown`.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct MarkdownKeys {
    /// How tables show. Default: `code`.
    pub(crate) tables: Option<Tables>,
}

/// `commands` of an account.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct MenuKeys {
    /// Whether the platform offers the commands in its menu. Default: `auto`, which is yes.
    pub(crate) native: Option<MenuSwitch>,
}

/// A switch that may be left to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum MenuSwitch {
    Whether(bool),
    Auto(Auto),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Auto {
    Auto,
}

impl AnswerKeys {
    /// The manners that these keys set. What depends on the platform is at its usual value.
    pub(crate) fn delivery(&self) -> DeliveryPolicy {
        let usual = DeliveryPolicy::default();
        DeliveryPolicy {
            reply_to: self.reply_to_mode.unwrap_or_default(),
            ack_reaction: self.ack_reaction.clone(),
            reactions: self.reaction_notifications.unwrap_or_default(),
            response_prefix: self.response_prefix.clone(),
            media_max_bytes: self.media_max_mb.map_or(usual.media_max_bytes, bytes_of_mb),
            ..usual
        }
    }

    /// How an answer shows before it is whole, where a key says it.
    pub(crate) fn preview(&self, streaming: StreamingKeys) -> Option<PreviewMode> {
        streaming.mode.or(self.stream_mode)
    }

    /// The limits of a message but for its size, which is the platform's.
    pub(crate) fn limits(&self, streaming: StreamingKeys) -> Limits {
        Limits {
            cut: streaming.chunk_mode.or(self.chunk_mode).unwrap_or_default(),
            tables: self.markdown.tables.unwrap_or_default(),
            ..Limits::default()
        }
    }

    pub(crate) fn shows_menu(&self) -> bool {
        self.commands.native != Some(MenuSwitch::Whether(false))
    }
}

/// A number of earlier messages in the configuration, bounded.
pub(crate) fn history_within(written: Option<usize>, usual: usize) -> usize {
    written.unwrap_or(usual).min(HISTORY_MAX)
}

/// What a number of megabytes in the configuration means. What is below 0 or no number is 0, and [`MEDIA_MAX_MB`] the most.
fn bytes_of_mb(megabytes: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=50 MB")]
    let bytes = (megabytes.clamp(0.0, MEDIA_MAX_MB) * 1024.0 * 1024.0) as u64;
    bytes
}

/// A file of a message is held in memory on its way in, several at a time. No model reads more, and Telegram takes no larger one.
const MEDIA_MAX_MB: f64 = 50.0;

/// More earlier messages would fill a context with chatter.
const HISTORY_MAX: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_lets_a_file_fill_the_memory() {
        let megabytes = |bytes: u64| bytes / 1024 / 1024;
        assert_eq!(
            [-1.0, f64::NAN, 8.0, 50.0, 2000.0, f64::INFINITY].map(bytes_of_mb).map(megabytes),
            [0, 0, 8, 50, 50, 50]
        );
    }
}
