//! Models: one folder per wire API, one table of vendors, and failover between them.
//!
//! Owns everything that is specific to a vendor. Never sees the store, sessions or channels.

mod guide;
mod models;
mod types;

use std::pin::Pin;

use futures_util::Stream;
pub use guide::Guide;
pub use models::{GUIDE, ModelInfo, ModelRef, ModelRefError, Models, Price};
pub use types::{
    Block, Completion, LlmError, LlmErrorKind, Media, Message, Request, RetryClass, Role, StopReason, StreamEvent,
    SystemBlock, Thinking, ThinkingBlock, ToolDefinition, ToolResult, ToolUse, Usage,
};

/// A model's answer as it comes. Dropping it cancels the call.
pub type EventStream = Pin<Box<dyn Stream<Item = Result<StreamEvent, LlmError>> + Send>>;

/// Something that answers requests: one implementation per wire, and the built-in guide.
pub trait Provider: Send + Sync {
    /// Starts the call. Errors before the first byte come as the stream's first item.
    fn stream(&self, request: Request) -> EventStream;
}
