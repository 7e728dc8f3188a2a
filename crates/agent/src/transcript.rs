//! What stands in the bodies of transcript items, and how items become messages that every provider accepts.

use chela_llm::{Block, Media, StopReason, ToolResult, Usage};
use chela_store::{InboxId, Item, ItemKind};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::InputOrigin;

/// An item's body, by its kind.
#[derive(Debug, Clone, PartialEq)]
pub enum ItemBody {
    User(UserBody),
    Assistant(AssistantBody),
    ToolResults(ToolResultsBody),
    Note(NoteBody),
    Compaction(CompactionBody),
}

/// What a person said.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UserBody {
    pub text: String,
    /// What the model sees of the attachments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub media: Vec<Media>,
    /// The day, where it differs from the day of the input before: stands at the end of the text that the model sees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day: Option<String>,
    /// The inbox row that it came from; rows steered into a turn are closed with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inbox: Option<InboxId>,
    /// The id under which the client knows it (`platform_id` of the row).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_key: Option<String>,
    pub origin: InputOrigin,
    pub sender_is_owner: bool,
}

/// One answer of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AssistantBody {
    pub blocks: Vec<Block>,
    pub provider: String,
    pub model: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<StopReason>,
    #[serde(default)]
    pub usage: Usage,
    /// The vendor's id of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_id: Option<String>,
    /// The answer was cut off; the blocks are what had come until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<Cut>,
}

/// Why an answer has no end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cut {
    Aborted,
    Timeout,
    Failed,
}

/// What one or more tool calls gave.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolResultsBody {
    pub results: Vec<ToolResultEntry>,
}

/// One tool call's result, with what only interfaces see.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolResultEntry {
    pub result: ToolResult,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Value>,
}

/// A note by the program. People see it; the model doesn't, unless it was injected into the conversation on purpose.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NoteBody {
    pub text: String,
    pub kind: NoteKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteKind {
    /// Words put into the assistant's mouth (`chat.inject`); part of the model's view.
    Injected,
    /// A turn failed with this message.
    Failure,
    /// A slash command, as somebody typed it.
    Command,
    /// What the program answered to a slash command.
    Reply,
    /// A kind of a newer version.
    #[serde(other)]
    Other,
}

/// Stands for everything before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CompactionBody {
    pub summary: String,
}

impl ItemBody {
    /// Reads an item. `None` for a body that can't be read (damaged, or of a much newer version): it is skipped, never fatal.
    pub fn of(item: &Item) -> Option<Self> {
        let _ = item;
        todo!()
    }

    pub fn kind(&self) -> ItemKind {
        match self {
            Self::User(_) => ItemKind::User,
            Self::Assistant(_) => ItemKind::Assistant,
            Self::ToolResults(_) => ItemKind::ToolResults,
            Self::Note(_) => ItemKind::Note,
            Self::Compaction(_) => ItemKind::Compaction,
        }
    }

    /// The body as the store keeps it.
    pub fn to_value(&self) -> Value {
        todo!()
    }

    /// What full-text search finds, and what a plain-text view shows.
    pub fn text(&self) -> String {
        todo!()
    }
}
