//! Transcripts: what stands in items, and how items become messages that every provider accepts.

mod body;
mod repair;
mod tokens;
mod view;

pub use body::{
    AssistantBody, CompactionBody, Cut, ItemBody, NoteBody, NoteKind, ToolResultEntry, ToolResultsBody, UntrustedMark,
    UserBody,
};
pub(crate) use repair::fnv1a;
pub use repair::repair;
pub(crate) use tokens::{BYTES_PER_TEN_TOKENS, json_bytes, tokens_of, tokens_of_bytes};
pub use view::messages;
pub(crate) use view::{Sight, view_of};
