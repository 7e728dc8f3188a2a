//! Transcript items: what was said and done in a session, in order, each written once and never changed.

use chela_protocol::{ItemId, RunId, SessionId, SessionKey};
use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::sql::{self, Json, sql_words};
use crate::{Store, StoreError, search};

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

sql_words!(ItemKind {
    User = "user",
    Assistant = "assistant",
    ToolResults = "tool_results",
    Note = "note",
    Compaction = "compaction",
});

/// Every query of items, with the id of their conversation.
macro_rules! select_items {
    ($tail:literal) => {
        concat!("SELECT i.*, c.id AS session_id FROM items i JOIN conversations c ON c.number = i.conversation ", $tail)
    };
}

impl Store {
    /// Appends items in order; an item whose id exists already is left as it is. Returns their positions.
    pub async fn append(&self, session_id: &SessionId, items: Vec<NewItem>) -> Result<Vec<i64>, StoreError> {
        let session_id = session_id.clone();
        let items = prepare(items);
        self.write(move |c| append(c, conversation(c, &session_id)?, &items)).await
    }

    /// Items with `seq > after`, oldest first, at most `limit`.
    pub async fn items_after(&self, session_id: &SessionId, after: i64, limit: usize) -> Result<Vec<Item>, StoreError> {
        let id = session_id.to_string();
        self.read(move |c| {
            let after_sql = select_items!("WHERE c.id = ?1 AND i.seq > ?2 ORDER BY i.seq LIMIT ?3");
            sql::all(c, after_sql, params![id, after, sql::limit(limit)], read)
        })
        .await
    }

    /// The last `limit` items with `seq < before` (`None`: the end), oldest first.
    pub async fn items_before(
        &self,
        session_id: &SessionId,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Item>, StoreError> {
        let id = session_id.to_string();
        self.read(move |c| {
            let before_sql = select_items!("WHERE c.id = ?1 AND i.seq < ?2 ORDER BY i.seq DESC LIMIT ?3");
            let params = params![id, before.unwrap_or(i64::MAX), sql::limit(limit)];
            let mut items = sql::all(c, before_sql, params, read)?;
            items.reverse();
            Ok(items)
        })
        .await
    }

    /// The model's view of a session: items from its last compaction on, oldest first.
    pub async fn items_in_context(&self, session_id: &SessionId) -> Result<Vec<Item>, StoreError> {
        let id = session_id.to_string();
        self.read(move |c| {
            let context = select_items!("WHERE c.id = ?1 AND i.seq >= c.context_from ORDER BY i.seq");
            sql::all(c, context, [id], read)
        })
        .await
    }

    /// The items of one run, oldest first.
    pub async fn items_of_run(&self, session_id: &SessionId, run: &RunId) -> Result<Vec<Item>, StoreError> {
        let names = [session_id.to_string(), run.to_string()];
        self.read(move |c| {
            let of_run = select_items!("WHERE c.id = ?1 AND i.run = ?2 ORDER BY i.seq");
            sql::all(c, of_run, names, read)
        })
        .await
    }
}

/// A new item as it goes into rows: made by the caller, so that the writer only writes.
pub(crate) struct PreparedItem {
    item: NewItem,
    body: String,
    searched: String,
}

pub(crate) fn prepare(items: Vec<NewItem>) -> Vec<PreparedItem> {
    let prepare = |item: NewItem| {
        let (body, searched) = (item.body.to_string(), search::indexed(&item.text));
        PreparedItem { item, body, searched }
    };
    items.into_iter().map(prepare).collect()
}

impl PreparedItem {
    /// Counts an item that names no run as one of `run`.
    pub(crate) fn in_run(mut self, run: &RunId) -> Self {
        self.item.run.get_or_insert_with(|| run.clone());
        self
    }
}

/// The number of a conversation.
pub(crate) fn conversation(connection: &Connection, id: &SessionId) -> Result<i64, StoreError> {
    sql::first(connection, "SELECT number FROM conversations WHERE id = ?1", [id.as_str()], |row| row.get(0))?
        .ok_or_else(|| StoreError::NotFound { thing: "session", id: id.to_string() })
}

/// The items of a run in whatever conversation of a key, oldest first.
pub(crate) fn of_run_and_key(connection: &Connection, run: &RunId, key: &SessionKey) -> Result<Vec<Item>, StoreError> {
    let of_run = select_items!("WHERE c.session_key = ?1 AND i.run = ?2 ORDER BY c.number, i.seq");
    sql::all(connection, of_run, [key.as_str(), run.as_str()], read)
}

/// The items at these positions.
pub(crate) fn at(connection: &Connection, conversation: i64, seqs: &[i64]) -> Result<Vec<Item>, StoreError> {
    let at = select_items!("WHERE i.conversation = ?1 AND i.seq = ?2");
    seqs.iter().map(|seq| sql::only(connection, at, [conversation, *seq], read)).collect()
}

/// Appends items at the next positions and returns these.
pub(crate) fn append(
    connection: &Connection,
    conversation: i64,
    items: &[PreparedItem],
) -> Result<Vec<i64>, StoreError> {
    items.iter().map(|item| append_one(connection, conversation, item)).collect()
}

fn append_one(connection: &Connection, conversation: i64, prepared: &PreparedItem) -> Result<i64, StoreError> {
    let PreparedItem { item, body, searched } = prepared;
    if let Some(seq) = position(connection, conversation, &item.id)? {
        return Ok(seq);
    }
    let next = "UPDATE conversations SET items = items + 1 WHERE number = ?1 RETURNING items";
    let seq: i64 = sql::only(connection, next, [conversation], |row| row.get(0))?;
    let insert = "INSERT INTO items (id, conversation, seq, run, kind, body, created_at_ms)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let run = item.run.as_ref().map(RunId::as_str);
    let params = params![item.id.as_str(), conversation, seq, run, item.kind, body, item.created_at_ms];
    sql::execute(connection, insert, params)?;
    if !searched.is_empty() {
        let number = connection.last_insert_rowid();
        sql::execute(connection, "INSERT INTO items_fts (rowid, text) VALUES (?1, ?2)", params![number, searched])?;
    }
    if item.kind == ItemKind::Compaction {
        sql::execute(connection, "UPDATE conversations SET context_from = ?2 WHERE number = ?1", [conversation, seq])?;
    }
    Ok(seq)
}

/// Where an item stands that was appended before.
fn position(connection: &Connection, conversation: i64, id: &ItemId) -> Result<Option<i64>, StoreError> {
    let find = "SELECT conversation, seq FROM items WHERE id = ?1";
    match sql::first(connection, find, [id.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))? {
        Some((owner, _)) if owner != conversation => {
            Err(StoreError::Database(format!("item `{id}` belongs to another session")))
        }
        found => Ok(found.map(|(_, seq): (i64, i64)| seq)),
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Item> {
    let Json(body) = row.get("body")?;
    Ok(Item {
        id: sql::id(row, "id")?,
        session_id: sql::id(row, "session_id")?,
        seq: row.get("seq")?,
        run: sql::optional_id(row, "run")?,
        kind: row.get("kind")?,
        body,
        created_at_ms: row.get("created_at_ms")?,
    })
}
