//! What stands in the bodies of transcript items.

use chela_llm::{Block, Media, StopReason, ToolResult, ToolUse, Usage};
use chela_protocol::{ItemId, RunId};
use chela_store::{InboxId, Item, ItemKind, NewItem};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::tokens::tokens_of;
use crate::{InputOrigin, Provenance};

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
    /// What in it was not said by the sender.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub untrusted: Vec<Provenance>,
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
    /// The text came from outside; the model sees it between marks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub untrusted: Option<UntrustedMark>,
}

/// Marks a result as untrusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UntrustedMark {
    pub provenance: Provenance,
    /// The random id of the marks around the text. It is kept so that the model sees the same bytes in every later call.
    pub mark: String,
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
    /// The older part of the conversation could not be summarised.
    NotSummarised,
    /// A slash command, as somebody typed it.
    Command,
    /// What the program answered to a slash command.
    Reply,
    /// A kind of a newer version.
    #[serde(other)]
    Other,
}

/// Stands for the older part of the conversation.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CompactionBody {
    pub summary: String,
    /// The id of the marks between which the model sees it, if something that anybody may have written had a part in it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub mark: String,
    /// Position of the first item that it doesn't stand for.
    pub first_kept: i64,
    /// What the context held before and after it, by our own estimate.
    pub tokens_before: u64,
    pub tokens_after: u64,
}

impl ItemBody {
    /// Whether anything in it may have been written by anybody.
    pub(crate) fn is_untrusted(&self) -> bool {
        match self {
            Self::User(body) => !(body.sender_is_owner && body.untrusted.is_empty()),
            Self::ToolResults(body) => body.results.iter().any(|entry| entry.untrusted.is_some()),
            Self::Compaction(body) => !body.mark.is_empty(),
            Self::Assistant(_) | Self::Note(_) => false,
        }
    }

    /// Reads an item. `None` for a body that can't be read (damaged, or of a much newer version): it is skipped, never fatal.
    pub fn of(item: &Item) -> Option<Self> {
        let body = item.body.as_str();
        match item.kind {
            ItemKind::User => serde_json::from_str(body).map(Self::User),
            ItemKind::Assistant => serde_json::from_str(body).map(Self::Assistant),
            ItemKind::ToolResults => serde_json::from_str(body).map(Self::ToolResults),
            ItemKind::Note => serde_json::from_str(body).map(Self::Note),
            ItemKind::Compaction => serde_json::from_str(body).map(Self::Compaction),
        }
        .ok()
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
    ///
    /// # Panics
    /// Never: every body serialises.
    pub fn to_value(&self) -> Value {
        match self {
            Self::User(body) => serde_json::to_value(body),
            Self::Assistant(body) => serde_json::to_value(body),
            Self::ToolResults(body) => serde_json::to_value(body),
            Self::Note(body) => serde_json::to_value(body),
            Self::Compaction(body) => serde_json::to_value(body),
        }
        .expect("our own types serialise")
    }

    /// What full-text search finds, and what a plain-text view shows.
    pub fn text(&self) -> String {
        match self {
            Self::User(body) => body.text.clone(),
            Self::Assistant(body) => body.text(),
            Self::ToolResults(body) => {
                body.results.iter().map(|entry| entry.result.text.as_str()).collect::<Vec<_>>().join("\n")
            }
            Self::Note(body) => body.text.clone(),
            Self::Compaction(body) => body.summary.clone(),
        }
    }

    /// The item to append; one that stands outside of turns has no run. Writing one with the same id again changes nothing.
    pub fn into_item(self, id: ItemId, run: Option<&RunId>, created_at_ms: i64) -> NewItem {
        let (kind, body, text) = (self.kind(), self.to_value(), self.text());
        NewItem { id, run: run.cloned(), kind, tokens: tokens_of(&body), body, text, created_at_ms }
    }
}

impl AssistantBody {
    /// What people read of it.
    pub fn text(&self) -> String {
        text_of(&self.blocks)
    }

    pub fn tool_uses(&self) -> impl Iterator<Item = &ToolUse> {
        self.blocks.iter().filter_map(|block| match block {
            Block::ToolUse(call) => Some(call),
            _ => None,
        })
    }
}

/// The text blocks, one after the other.
fn text_of(blocks: &[Block]) -> String {
    let texts = blocks.iter().filter_map(|block| match block {
        Block::Text { text } => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}
