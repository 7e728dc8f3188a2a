//! Transcripts: what stands in items, and how items become messages that every provider accepts.

mod body;
mod repair;
mod tokens;
mod view;

pub use body::{
    AssistantBody, CompactionBody, Cut, ItemBody, NoteBody, NoteKind, ToolResultEntry, ToolResultsBody, UntrustedMark,
    UserBody,
};
pub use repair::repair;
pub(crate) use tokens::{json_bytes, tokens_of_bytes};
pub use view::messages;
pub(crate) use view::{Sight, view};
