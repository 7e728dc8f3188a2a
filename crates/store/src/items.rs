//! Transcript items: what was said and done in a session, in order, each written once and never changed.

use chela_protocol::{ItemId, RunId, SessionId, SessionKey};
use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::sql::{self, Count, sql_words};
use crate::{Store, StoreError, search, summaries};

/// An item to append. `body` is the agent crate's; `text` is what full-text search finds.
#[derive(Debug, Clone, PartialEq)]
pub struct NewItem {
    pub id: ItemId,
    pub run: Option<RunId>,
    pub kind: ItemKind,
    /// What it takes up in a model's context, by the agent crate's estimate.
    pub tokens: u64,
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
    /// As estimated when it was written, and never again: sums of it stay what they were.
    pub tokens: u64,
    /// JSON as it was written, for the agent crate to read: of many items only the tokens are asked for.
    pub body: String,
    pub created_at_ms: i64,
}

/// How far back a tail goes: to the first item with which it holds more than one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// Tokens of all items.
    pub all: u64,
    /// Tokens of the items that are no tool results.
    pub besides_results: u64,
}

impl From<u64> for Reach {
    fn from(tokens: u64) -> Self {
        Self { all: tokens, besides_results: tokens }
    }
}

/// The end of a conversation, oldest first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tail {
    pub items: Vec<Item>,
    /// Tokens of everything in the conversation that stands before `items`.
    pub tokens_before: u64,
    /// Whether nothing that a model may see stands before `items`, besides the summary.
    pub complete: bool,
    /// Where the context begins.
    pub from: i64,
    /// Stands for everything before `from`. It was written later, so it may be among `items` too.
    pub summary: Option<Item>,
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
    /// A summary of the older part of the conversation; written by [`Store::summarise`] only.
    Compaction,
}

sql_words!(ItemKind {
    User = "user",
    Assistant = "assistant",
    ToolResults = "tool_results",
    Note = "note",
    Compaction = "compaction",
});

/// The columns of an item, in the order in which [`read`] knows them; the id of its conversation comes from elsewhere.
macro_rules! columns {
    ($session_id:literal) => {
        concat!("SELECT i.id, ", $session_id, ", i.seq, i.run, i.kind, i.tokens, i.body, i.created_at_ms FROM items i ")
    };
}

/// Every query of items that looks their conversation up.
macro_rules! select_items {
    ($tail:literal) => {
        concat!(columns!("c.id"), "JOIN conversations c ON c.number = i.conversation ", $tail)
    };
}

/// The items of a conversation that a model may see, newest first. Parameter 3 is the conversation's id, so that it is not
/// looked up for each item.
const BACKWARDS: &str = concat!(columns!("?3"), "WHERE i.conversation = ?1 AND i.seq >= ?2 ORDER BY i.seq DESC");

impl Store {
    /// Appends items in order; an item whose id exists already is left as it is. Returns their positions.
    pub async fn append(&self, session_id: &SessionId, items: Vec<NewItem>) -> Result<Vec<i64>, StoreError> {
        let session_id = session_id.clone();
        let items = prepare(items);
        self.write(move |c| append(c, conversation(c, &session_id)?, &items)).await
    }

    /// One item of a conversation.
    pub async fn item(&self, session_id: &SessionId, id: &ItemId) -> Result<Option<Item>, StoreError> {
        let (session_id, id) = (session_id.to_string(), id.to_string());
        self.read(move |c| sql::first(c, select_items!("WHERE c.id = ?1 AND i.id = ?2"), [session_id, id], read)).await
    }

    /// Items with `seq > after`, oldest first, at most `limit`.
    pub async fn items_after(&self, session_id: &SessionId, after: i64, limit: usize) -> Result<Vec<Item>, StoreError> {
        let id = session_id.to_string();
        self.read_items(move |c| {
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
        self.read_items(move |c| {
            let before_sql = select_items!("WHERE c.id = ?1 AND i.seq < ?2 ORDER BY i.seq DESC LIMIT ?3");
            let params = params![id, before.unwrap_or(i64::MAX), sql::limit(limit)];
            let mut items = sql::all(c, before_sql, params, read)?;
            items.reverse();
            Ok(items)
        })
        .await
    }

    /// The items from the start of the context on, oldest first. The newest [`ItemKind::Compaction`] among them stands for what
    /// was before.
    pub async fn items_in_context(&self, session_id: &SessionId) -> Result<Vec<Item>, StoreError> {
        let id = session_id.to_string();
        self.read_items(move |c| {
            let context = select_items!("WHERE c.id = ?1 AND i.seq >= c.context_from ORDER BY i.seq");
            sql::all(c, context, [id], read)
        })
        .await
    }

    /// The end of [`items_in_context`](Self::items_in_context), as far back as `reach` says (of a number: so many tokens), and
    /// at least back to position `from`. Costs what it returns, however long the conversation is.
    pub async fn tail_in_context(
        &self,
        session_id: &SessionId,
        reach: impl Into<Reach>,
        from: i64,
    ) -> Result<Tail, StoreError> {
        let (id, reach) = (session_id.to_string(), reach.into());
        let read = self.read(move |c| {
            let totals = "SELECT number, item_tokens FROM conversations WHERE id = ?1";
            let totals = sql::first(c, totals, [&id], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let (Some((conversation, Count(total))), Some(start)) = (totals, summaries::find(c, &id)?) else {
                return Ok(Tail::default());
            };
            let summary =
                start.summary.map(|seq| at(c, conversation, &[seq])).transpose()?.and_then(|mut one| one.pop());
            let tail = tail(c, (conversation, &id), start.from, total, reach, from)?;
            Ok(Tail { summary, ..tail })
        });
        let tail = read.await?;
        self.count_items_read(tail.items.len());
        Ok(tail)
    }

    /// The items of one run, oldest first.
    pub async fn items_of_run(&self, session_id: &SessionId, run: &RunId) -> Result<Vec<Item>, StoreError> {
        let names = [session_id.to_string(), run.to_string()];
        self.read_items(move |c| {
            let of_run = select_items!("WHERE c.id = ?1 AND i.run = ?2 ORDER BY i.seq");
            sql::all(c, of_run, names, read)
        })
        .await
    }

    async fn read_items<F>(&self, work: F) -> Result<Vec<Item>, StoreError>
    where
        F: FnOnce(&Connection) -> Result<Vec<Item>, StoreError> + Send + 'static,
    {
        let items = self.read(work).await?;
        self.count_items_read(items.len());
        Ok(items)
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

/// Walks back from the end.
fn tail(
    connection: &Connection,
    (conversation, id): (i64, &str),
    context_from: i64,
    total: u64,
    reach: Reach,
    from: i64,
) -> Result<Tail, StoreError> {
    let mut statement = connection.prepare_cached(BACKWARDS)?;
    let mut rows = statement.query(params![conversation, context_from, id])?;
    let mut items = Vec::<Item>::new();
    let (mut all, mut besides_results) = (0, 0);
    while (all <= reach.all && besides_results <= reach.besides_results)
        || items.last().is_some_and(|item| item.seq > from)
    {
        let Some(row) = rows.next()? else { break };
        let item = read(row)?;
        all += item.tokens;
        besides_results += if item.kind == ItemKind::ToolResults { 0 } else { item.tokens };
        items.push(item);
    }
    items.reverse();
    let complete = items.first().is_none_or(|first| first.seq <= context_from);
    Ok(Tail { items, tokens_before: total.saturating_sub(all), complete, from: context_from, summary: None })
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
    let next = "UPDATE conversations SET items = items + 1, item_tokens = item_tokens + ?2 WHERE number = ?1
                RETURNING items";
    let tokens = Count(item.tokens);
    let seq: i64 = sql::only(connection, next, params![conversation, tokens], |row| row.get(0))?;
    let insert = "INSERT INTO items (id, conversation, seq, run, kind, tokens, body, created_at_ms)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let run = item.run.as_ref().map(RunId::as_str);
    let params = params![item.id.as_str(), conversation, seq, run, item.kind, tokens, body, item.created_at_ms];
    sql::execute(connection, insert, params)?;
    if !searched.is_empty() {
        let number = connection.last_insert_rowid();
        sql::execute(connection, "INSERT INTO items_fts (rowid, text) VALUES (?1, ?2)", params![number, searched])?;
    }
    Ok(seq)
}

/// Where an item stands that was appended before.
pub(crate) fn position(connection: &Connection, conversation: i64, id: &ItemId) -> Result<Option<i64>, StoreError> {
    let find = "SELECT conversation, seq FROM items WHERE id = ?1";
    match sql::first(connection, find, [id.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))? {
        Some((owner, _)) if owner != conversation => {
            Err(StoreError::Database(format!("item `{id}` belongs to another session")))
        }
        found => Ok(found.map(|(_, seq): (i64, i64)| seq)),
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Item> {
    let Count(tokens) = row.get(5)?;
    Ok(Item {
        id: row.get::<_, String>(0)?.into(),
        session_id: row.get::<_, String>(1)?.into(),
        seq: row.get(2)?,
        run: row.get::<_, Option<String>>(3)?.map(RunId::from),
        kind: row.get(4)?,
        tokens,
        body: row.get(6)?,
        created_at_ms: row.get(7)?,
    })
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;

    /// Virtual-machine steps that SQLite may take for each item it gives back.
    const STEPS_PER_ITEM: i32 = 40;

    #[test]
    fn g04_the_end_of_a_conversation_costs_the_same_however_long_it_is() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(include_str!("schema/0001_first.sql")).unwrap();
        let filler = "INSERT INTO conversations (number, id, session_key, started_at_ms, items, item_tokens)
                      VALUES (1, 'c', 'agent:main:main', 0, 50000, 500000);
                      WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 50000)
                      INSERT INTO items (id, conversation, seq, kind, tokens, body, created_at_ms)
                      SELECT 'i' || n, 1, n, 'user', 10, '{}', 0 FROM n";
        connection.execute_batch(filler).unwrap();

        let found = tail(&connection, (1, "c"), 1, 500_000, 200.into(), i64::MAX).unwrap();

        assert_eq!((found.items.len(), found.tokens_before, found.complete), (21, 500_000 - 210, false));
        // The statement comes back out of the cache with what it has counted.
        let statement = connection.prepare_cached(BACKWARDS).unwrap();
        let steps = statement.get_status(StatementStatus::VmStep);
        assert!((21..21 * STEPS_PER_ITEM).contains(&steps), "{steps} steps for 21 items of 50,000");
    }
}
