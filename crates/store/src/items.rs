//! Transcript items: what was said and done in a session, in order, each written once and never changed.

use chela_protocol::{ItemId, RunId, SessionId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{InboxId, InboxState, Store, StoreError};

/// An item to append. `body` is the agent crate's; `text` is what full-text search finds.
#[derive(Debug, Clone, PartialEq)]
pub struct NewItem {
    pub id: ItemId,
    pub run: Option<RunId>,
    pub kind: ItemKind,
    pub body: Value,
    pub text: String,
    pub created_at_ms: i64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    pub id: ItemId,
    pub session_id: SessionId,
    /// Position in the session, from 1, without gaps.
    pub seq: i64,
    pub run: Option<RunId>,
    pub kind: ItemKind,
    pub body: Value,
    pub created_at_ms: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    /// What a person (or a client in their name) said.
    User,
    /// One answer of a model: text, thinking and tool calls.
    Assistant,
    /// The results of the tool calls of the assistant item before.
    ToolResults,
    /// A note by the program (an injected message, a failed turn); shown to people.
    Note,
    /// A summary that stands for everything before it.
    Compaction,
}

/// The first write of a turn: marks the inbox row running and appends its user item.
#[derive(Debug, Clone, PartialEq)]
pub struct TurnStart {
    pub inbox: InboxId,
    pub session_id: SessionId,
    pub items: Vec<NewItem>,
    pub now_ms: i64,
}

/// The last write of a turn, in one transaction: items, usage, outbox rows, and the inbox row closed.
#[derive(Debug, Clone, PartialEq)]
pub struct TurnFinish {
    pub inbox: InboxId,
    /// Further inbox rows that this turn answered (steered or collected into it).
    pub also: Vec<InboxId>,
    pub session_id: SessionId,
    pub items: Vec<NewItem>,
    pub outbox: Vec<crate::NewOutbound>,
    pub state: InboxState,
    pub result: Option<String>,
    pub now_ms: i64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct SearchHit {
    pub session_id: SessionId,
    pub seq: i64,
    pub kind: ItemKind,
    pub created_at_ms: i64,
    /// The best passage, with matches between `«` and `»`.
    pub snippet: String,
}

impl Store {
    /// Begins a turn. If items of this run exist already (a crash), appends nothing and returns them all, oldest first.
    pub async fn begin_turn(&self, start: TurnStart) -> Result<Vec<Item>, StoreError> {
        todo!()
    }

    /// Appends items in order; an item whose id exists already is left as it is. Returns their positions.
    pub async fn append(&self, session_id: &SessionId, items: Vec<NewItem>) -> Result<Vec<i64>, StoreError> {
        todo!()
    }

    /// Ends a turn; a second call for the same inbox row changes nothing.
    pub async fn finish_turn(&self, finish: TurnFinish) -> Result<(), StoreError> {
        todo!()
    }

    /// Items with `seq > after`, oldest first, at most `limit`.
    pub async fn items_after(&self, session_id: &SessionId, after: i64, limit: usize) -> Result<Vec<Item>, StoreError> {
        todo!()
    }

    /// The last `limit` items with `seq < before` (`None`: the end), oldest first.
    pub async fn items_before(
        &self,
        session_id: &SessionId,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Item>, StoreError> {
        todo!()
    }

    /// The model's view of a session: items from its last compaction on, oldest first.
    pub async fn items_in_context(&self, session_id: &SessionId) -> Result<Vec<Item>, StoreError> {
        todo!()
    }

    /// Items whose text matches the words of `query`, best first. Any text is a valid query.
    pub async fn search(&self, query: &str, limit: usize) -> Result<Vec<SearchHit>, StoreError> {
        todo!()
    }
}
