//! What an account's configuration says besides how to connect: who may speak, and how answers are given. Replaced while connected.

use serde::{Deserialize, Serialize};

use crate::access::AccessRules;
use crate::render::Limits;

/// Everything that a reload may change without a new connection.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AccountPolicy {
    pub access: AccessRules,
    pub delivery: DeliveryPolicy,
}

/// How answers are given.
#[derive(Debug, Clone, PartialEq)]
pub struct DeliveryPolicy {
    pub preview: PreviewMode,
    /// Tighter than the platform's own, or the same.
    pub limits: Limits,
    pub reply_to: ReplyToMode,
    /// Overrides `messages.ackReaction`.
    pub ack_reaction: Option<String>,
    pub ack_scope: Option<AckScope>,
    pub reactions: ReactionNotice,
    /// Stands before each answer.
    pub response_prefix: Option<String>,
    /// Messages of a group that a turn gets as context; 0 for none.
    pub history_limit: usize,
    pub media_max_bytes: u64,
    pub link_preview: bool,
    /// Errors are told without a sound.
    pub silent_errors: bool,
}

/// How an answer shows before it is whole (`streaming.mode`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PreviewMode {
    /// Nothing shows before the answer is whole.
    #[default]
    Off,
    /// One message that is edited as the text grows.
    Partial,
    /// Finished paragraphs are sent as messages of their own.
    Block,
    /// One message that says what is being done; the answer takes its place.
    Progress,
}

/// Which messages of an answer quote the question.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReplyToMode {
    #[default]
    Off,
    First,
    All,
    /// Like `first`, only where several messages were answered together.
    Batched,
}

/// Where a reaction says that a message was seen (`messages.ackReactionScope`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(transform = none_is_off)]
pub enum AckScope {
    /// In groups, where we were mentioned.
    #[default]
    GroupMentions,
    GroupAll,
    Direct,
    All,
    #[serde(alias = "none")]
    Off,
}

/// Which reactions of people the agent is told of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReactionNotice {
    Off,
    /// On messages of ours.
    #[default]
    Own,
    All,
    /// Of people who may speak.
    Allowlist,
}

/// A schema knows no aliases of serde.
fn none_is_off(schema: &mut schemars::Schema) {
    also(schema, "none");
}

/// Adds a word to those that an enum's schema allows.
pub(crate) fn also(schema: &mut schemars::Schema, word: &str) {
    if let Some(choices) = schema.get_mut("oneOf").and_then(serde_json::Value::as_array_mut) {
        choices.push(serde_json::json!({ "type": "string", "const": word }));
    }
}

/// Files of messages, where the configuration sets no cap.
const MEDIA_DEFAULT_BYTES: u64 = 20 * 1024 * 1024;

impl Default for DeliveryPolicy {
    fn default() -> Self {
        Self {
            preview: PreviewMode::default(),
            limits: Limits::default(),
            reply_to: ReplyToMode::default(),
            ack_reaction: None,
            ack_scope: None,
            reactions: ReactionNotice::default(),
            response_prefix: None,
            history_limit: 20,
            media_max_bytes: MEDIA_DEFAULT_BYTES,
            link_preview: true,
            silent_errors: false,
        }
    }
}
