//! `send` and `message.action`: words that somebody has the gateway say in a chat, and what it does with its own messages there.
//!
//! Shapes follow the reference system's, as far as channels here can do it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Parameters of `send`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SendParams {
    /// The chat, as its channel names it.
    pub to: String,
    /// Markdown.
    pub message: Option<String>,
    /// Needed where several channels are configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// The first account of the channel without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread_id: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to_id: Option<Value>,
    /// In whose name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_key: Option<String>,
    /// Names the message: the same name for the same chat sends nothing again, and answers what became of it.
    pub idempotency_key: String,
    /// Everything else, so that a wish that can't be granted is refused and not passed over.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// Parameters of `message.action`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MessageActionParams {
    pub channel: String,
    /// `send`, `react`, `edit` or `delete`.
    pub action: String,
    /// What the action takes: `to` (or `target`), `message`, `messageId`, `emoji`, …
    pub params: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_key: Option<String>,
    pub idempotency_key: String,
}

/// The platform has the message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SentResult {
    /// The idempotency key.
    pub run_id: String,
    /// The platform's id of the last part.
    pub message_id: String,
    /// Of every part, in order.
    pub message_ids: Vec<String>,
    pub channel: String,
    pub account_id: String,
    pub chat_id: String,
}

/// The answer of `message.action` for `send`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SendActionResult {
    pub ok: bool,
    pub channel: String,
    pub to: String,
    /// `gateway`.
    pub via: String,
    /// `sent`.
    pub delivery_status: String,
    pub message_id: String,
    pub result: SentResult,
}
