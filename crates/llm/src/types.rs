//! The one shape in which the rest of the house speaks to models. Wires translate it; nothing vendor-specific leaks out.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One call to a model. A wire turns it into its vendor's body without reordering, so that the prefix stays byte-stable.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Request {
    /// The vendor's own name of the model, for example `claude-opus-4-5` (no provider prefix).
    pub model: String,
    /// System prompt, in order. The stable part comes first.
    pub system: Vec<SystemBlock>,
    pub messages: Vec<Message>,
    pub tools: Vec<ToolDefinition>,
    pub thinking: Thinking,
    /// Cap on generated tokens; `None` takes the model's own.
    pub max_output_tokens: Option<u32>,
    pub temperature: Option<f32>,
    /// Stable per session; given to vendors that route by it so that their prompt caches hit.
    pub cache_key: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemBlock {
    pub text: String,
    /// The prefix up to and including this block is worth caching.
    pub cache: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    pub role: Role,
    pub blocks: Vec<Block>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    User,
    Assistant,
}

/// A piece of a message. Tool results stand in messages of [`Role::User`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Block {
    Text { text: String },
    Thinking(ThinkingBlock),
    ToolUse(ToolUse),
    ToolResult(ToolResult),
    Media(Media),
}

/// A thinking block is replayed verbatim to the wire and provider that made it, and dropped for any other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThinkingBlock {
    pub text: String,
    /// Signature, encrypted content or thought signature, as the vendor sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// The vendor withheld the text; `signature` holds its opaque data.
    #[serde(default)]
    pub redacted: bool,
    /// The vendor's id of the block, where it has one (OpenAI Responses: `rs_…`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `provider/model` that made it.
    pub origin: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolUse {
    pub id: String,
    pub name: String,
    /// Arguments; always an object. Arguments that were not valid JSON are `{}` with the text in [`ToolUse::invalid`].
    pub input: Value,
    /// What the model sent when it was not a JSON object. The tool is then not run; the model is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invalid: Option<String>,
    /// Opaque vendor data that must come back with the call (Gemini: `thoughtSignature`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolResult {
    pub tool_use_id: String,
    pub name: String,
    pub text: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub media: Vec<Media>,
    #[serde(default)]
    pub is_error: bool,
}

/// An image or a document that goes to the model. `data` is base64 (standard alphabet, padded).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Media {
    /// `image/png`, `image/jpeg`, `image/gif`, `image/webp` or `application/pdf`.
    pub mime: String,
    pub data: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A tool as the model sees it. `parameters` is a JSON Schema object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolDefinition {
    pub name: String,
    pub description: String,
    pub parameters: Value,
}

/// How hard the model thinks. Wires map it to budgets or efforts; models that can't think ignore it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Thinking {
    #[default]
    Off,
    Minimal,
    Low,
    Medium,
    High,
    Xhigh,
    Adaptive,
    Max,
}

/// What a model's stream yields, in order. The last event is always [`StreamEvent::Done`], or the stream ends in an error.
#[derive(Debug, Clone, PartialEq)]
pub enum StreamEvent {
    /// This model began to answer. First event of every attempt; a later one means that failover chose another model.
    Started {
        provider: String,
        model: String,
    },
    /// The attempt broke after output; all deltas so far are void and the answer begins anew.
    Restart,
    TextDelta(String),
    ThinkingDelta(String),
    /// The model began a tool call; its arguments follow as deltas and complete in [`StreamEvent::Done`].
    ToolUseStart {
        id: String,
        name: String,
    },
    ToolUseDelta {
        id: String,
        partial_json: String,
    },
    Done(Completion),
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Completion {
    /// Text, thinking and tool calls in the order in which the model made them.
    pub blocks: Vec<Block>,
    pub stop: StopReason,
    pub usage: Usage,
    /// The vendor's id of the answer, for support requests.
    pub response_id: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    EndTurn,
    ToolUse,
    MaxTokens,
    Refusal,
}

/// Tokens of one call, as the vendor billed them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// Input that was neither read from nor written to the vendor's cache.
    pub input: u64,
    pub output: u64,
    pub cache_read: u64,
    pub cache_write: u64,
}

impl Usage {
    pub fn total(&self) -> u64 {
        self.input + self.output + self.cache_read + self.cache_write
    }

    pub fn add(&mut self, other: &Usage) {
        self.input += other.input;
        self.output += other.output;
        self.cache_read += other.cache_read;
        self.cache_write += other.cache_write;
    }
}

/// Why a call to a model failed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{provider}/{model}: {kind}{}", status.map(|s| format!(" (HTTP {s})")).unwrap_or_default())]
pub struct LlmError {
    pub provider: String,
    pub model: String,
    pub kind: LlmErrorKind,
    pub status: Option<u16>,
    /// Some text or a tool call had already been passed on when it failed.
    pub after_output: bool,
}

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LlmErrorKind {
    #[error("no key is configured: {hint}")]
    NoKey { hint: String },
    #[error("the key was refused: {message}")]
    Unauthorized { message: String },
    #[error("rate limited: {message}")]
    RateLimited { message: String, retry_after: Option<Duration> },
    #[error("the provider is overloaded: {message}")]
    Overloaded { message: String, retry_after: Option<Duration> },
    #[error("out of credit: {message}")]
    Billing { message: String },
    #[error("the conversation is longer than the model's context: {message}")]
    ContextLength { message: String },
    #[error("no such model: {message}")]
    UnknownModel { message: String },
    #[error("the provider refused the request: {message}")]
    InvalidRequest { message: String },
    #[error("the provider failed: {message}")]
    Server { message: String },
    #[error("can't reach the provider: {message}")]
    Network { message: String },
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    #[error("the provider's answer could not be read: {message}")]
    Protocol { message: String },
}

/// What a caller may do about a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryClass {
    /// The same call may work after a while.
    Same { after: Option<Duration> },
    /// Only another model or another credential can help.
    Next,
    /// Nothing but a changed request can help.
    Never,
}

impl LlmError {
    pub fn retry(&self) -> RetryClass {
        match &self.kind {
            LlmErrorKind::RateLimited { retry_after, .. } | LlmErrorKind::Overloaded { retry_after, .. } => {
                RetryClass::Same { after: *retry_after }
            }
            LlmErrorKind::Server { .. }
            | LlmErrorKind::Network { .. }
            | LlmErrorKind::Timeout(_)
            | LlmErrorKind::Protocol { .. } => RetryClass::Same { after: None },
            LlmErrorKind::NoKey { .. }
            | LlmErrorKind::Unauthorized { .. }
            | LlmErrorKind::Billing { .. }
            | LlmErrorKind::UnknownModel { .. } => RetryClass::Next,
            LlmErrorKind::ContextLength { .. } | LlmErrorKind::InvalidRequest { .. } => RetryClass::Never,
        }
    }
}
