//! Transcripts: what stands in items, and how items become messages that every provider accepts.

mod body;
mod repair;
mod view;

pub use body::{
    AssistantBody, CompactionBody, Cut, ItemBody, NoteBody, NoteKind, ToolResultEntry, ToolResultsBody, UserBody,
};
pub use repair::repair;
pub use view::messages;
pub(crate) use view::{Sight, view};
