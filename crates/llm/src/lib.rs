//! Models: one folder per wire API, one table of vendors, and failover between them.
//!
//! Owns everything that is specific to a vendor. Never sees the store, sessions or channels.

mod build;
mod config;
mod cooldown;
mod embed;
mod failover;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod guide;
mod http;
mod models;
mod produce;
mod profiles;
mod sse;
mod transcribe;
mod types;
mod vendors;
mod wire;

use std::pin::Pin;

pub use build::ModelsBuild;
pub use config::{
    Api, AuthConfig, AuthKind, AuthProfile, CooldownConfig, InputKind, ModelConfig, ModelsConfig, ModelsMode,
    ProfileMode, ProviderConfig,
};
pub use cooldown::{Cooldown, CooldownReason};
pub use embed::{EmbedError, EmbedOrder, Embedded};
use futures_util::Stream;
pub use guide::Guide;
pub use http::{HttpClient, HttpClientError, http_client, trusted_roots};
pub use models::{GUIDE, ModelInfo, ModelRef, ModelRefError, Models, Price};
pub use profiles::ProfileStatus;
pub use transcribe::{Ear, Hearing, Recording, TranscribeError, usual_ear};
pub use types::{
    Block, Completion, LlmError, LlmErrorKind, Media, Message, Request, RetryClass, Role, StopReason, StreamEvent,
    SystemBlock, Thinking, ThinkingBlock, ToolDefinition, ToolResult, ToolUse, Usage,
};
pub use vendors::{KeyNeed, Vendor, vendor, vendors};

/// A model's answer as it comes. Dropping it cancels the call.
pub type EventStream = Pin<Box<dyn Stream<Item = Result<StreamEvent, LlmError>> + Send>>;

/// Something that answers requests: one implementation per wire, and the built-in guide.
pub trait Provider: Send + Sync {
    /// Starts the call. Errors before the first byte come as the stream's first item.
    fn stream(&self, request: Request) -> EventStream;
}
