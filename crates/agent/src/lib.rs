//! The agent loop: from one durable input to one durable answer.
//!
//! Owns turns, transcripts, context, skills and the tool contract. Never sees a socket, a channel or the environment.

mod event;
mod tool;

pub use event::{AbortReason, EVENT_QUEUE, FailureKind, TurnEnd, TurnEvent, TurnEventKind, TurnEvents};
pub use tool::{Effect, SessionStatus, Tool, ToolContext, ToolError, ToolFuture, ToolOutput, ToolProgress, ToolSet};
