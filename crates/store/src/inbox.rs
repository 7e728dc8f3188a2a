//! Accepted inbound messages, from the moment their sender may forget them until they are answered.

use chela_protocol::{AgentId, RunId, SessionKey};
use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::sql::{self, Json, Key, sql_words};
use crate::{Store, StoreError, fault, sessions};

/// Row number; grows with each accept, so it orders the inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InboxId(pub i64);

/// A message to accept. `(channel, account, platform_id)` names it for ever: the same triple is accepted once.
#[derive(Debug, Clone, PartialEq)]
pub struct NewInbound {
    /// `webchat` for WebSocket clients, `http` for the OpenAI endpoints, else the channel's id.
    pub channel: String,
    pub account: String,
    /// The platform's id of the message; a client's idempotency key.
    pub platform_id: String,
    pub session: SessionKey,
    pub agent: AgentId,
    pub run: RunId,
    /// Everything the turn needs to run it again after a crash; the agent crate owns its shape.
    pub body: Value,
    pub received_at_ms: i64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct InboxRow {
    pub id: InboxId,
    pub channel: String,
    pub account: String,
    pub platform_id: String,
    pub session: SessionKey,
    pub agent: AgentId,
    pub run: RunId,
    /// Null once it is closed.
    pub body: Value,
    pub state: InboxState,
    /// How often a turn was begun for it; more than once only after crashes.
    pub attempts: u32,
    pub received_at_ms: i64,
    pub closed_at_ms: Option<i64>,
    /// How it ended, for `agent.wait` and for repeated requests: final text or error message.
    pub result: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InboxState {
    Queued,
    Running,
    Done,
    Failed,
    Aborted,
}

sql_words!(InboxState {
    Queued = "queued",
    Running = "running",
    Done = "done",
    Failed = "failed",
    Aborted = "aborted",
});

impl InboxState {
    pub fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::Running)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Accepted {
    New(InboxRow),
    /// The triple was accepted before; the row says how far it came.
    Duplicate(InboxRow),
}

/// How long rows of answered messages should be kept: a platform that repeats an event (a webhook with retries, a
/// channel that replays after days offline) does so within this time, and is told [`Accepted::Duplicate`] for as long.
pub const DEDUPE_KEEP_MS: i64 = 7 * 24 * 60 * 60 * 1000;

impl Store {
    /// Makes a message durable, or finds the one that has its triple. Creates the session if the key is new.
    pub async fn accept(&self, message: NewInbound) -> Result<Accepted, StoreError> {
        let body = message.body.to_string();
        let accepted = self
            .write(move |c| {
                let accepted = accept(c, message, &body)?;
                if matches!(accepted, Accepted::New(_)) {
                    fault::point("inbox.before_commit");
                }
                Ok(accepted)
            })
            .await?;
        fault::point("inbox.after_commit");
        Ok(accepted)
    }

    /// Every open row, oldest first: what a start must run again.
    pub async fn open_inbox(&self) -> Result<Vec<InboxRow>, StoreError> {
        self.read(|c| {
            // Left alone, SQLite walks the whole table for the order, with every answered message in it.
            let open = "SELECT * FROM inbox INDEXED BY inbox_open WHERE closed_at_ms IS NULL ORDER BY id";
            sql::all(c, open, [], read)
        })
        .await
    }

    /// Open rows of one session, oldest first.
    pub async fn open_inbox_of(&self, session: &SessionKey) -> Result<Vec<InboxRow>, StoreError> {
        let key = session.to_string();
        self.read(move |c| {
            let open = "SELECT * FROM inbox WHERE session_key = ?1 AND closed_at_ms IS NULL ORDER BY id";
            sql::all(c, open, [key], read)
        })
        .await
    }

    /// Open rows of one account whose body has a text at a place (`$.deliver.chat`; the caller's business, as all of a body),
    /// oldest first.
    pub async fn open_inbox_where(
        &self,
        channel: &str,
        account: &str,
        place: &'static str,
        text: &str,
    ) -> Result<Vec<InboxRow>, StoreError> {
        let (channel, account, text) = (channel.to_owned(), account.to_owned(), text.to_owned());
        self.read(move |c| {
            let open = "SELECT * FROM inbox INDEXED BY inbox_open WHERE closed_at_ms IS NULL \
                        AND channel = ?1 AND account = ?2 AND json_extract(body, ?3) = ?4 ORDER BY id";
            sql::all(c, open, (channel, account, place, text), read)
        })
        .await
    }

    /// The newest row of this run.
    pub async fn inbox_by_run(&self, run: &RunId) -> Result<Option<InboxRow>, StoreError> {
        let run = run.to_string();
        self.read(move |c| sql::first(c, "SELECT * FROM inbox WHERE run = ?1 ORDER BY id DESC LIMIT 1", [run], read))
            .await
    }

    /// Closes an open row without a turn (aborted while queued, or refused). No-op when it is closed already.
    pub async fn close_inbox(
        &self,
        id: InboxId,
        state: InboxState,
        result: Option<String>,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        self.write(move |c| close(c, id, state, result.as_deref(), now_ms).map(drop)).await
    }

    /// The row of a platform's message.
    pub async fn inbox_by_platform_id(
        &self,
        channel: &str,
        account: &str,
        platform_id: &str,
    ) -> Result<Option<InboxRow>, StoreError> {
        let triple = [channel.to_owned(), account.to_owned(), platform_id.to_owned()];
        self.read(move |c| {
            sql::first(c, "SELECT * FROM inbox WHERE channel = ?1 AND account = ?2 AND platform_id = ?3", triple, read)
        })
        .await
    }

    /// Gives a message that waits a new body: its sender edited it. Returns whether it still waited.
    pub async fn replace_inbox_body(&self, id: InboxId, body: Value) -> Result<bool, StoreError> {
        let body = body.to_string();
        self.write(move |c| {
            let replace = "UPDATE inbox SET body = ?2 WHERE id = ?1 AND state = 'queued' AND closed_at_ms IS NULL";
            Ok(sql::execute(c, replace, params![id.0, body])? > 0)
        })
        .await
    }

    /// Removes rows that were closed before this time and returns how many. Give it `now` less [`DEDUPE_KEEP_MS`] or
    /// more.
    pub async fn prune_closed_inbox(&self, before_ms: i64) -> Result<usize, StoreError> {
        let sql = "DELETE FROM inbox WHERE id IN (SELECT id FROM inbox WHERE closed_at_ms < ?1 LIMIT ?2)";
        self.prune(sql, before_ms).await
    }
}

/// Closes a row that is open. Returns whether it was.
pub(crate) fn close(
    connection: &Connection,
    id: InboxId,
    state: InboxState,
    result: Option<&str>,
    now_ms: i64,
) -> Result<bool, StoreError> {
    if state.is_open() {
        return Err(StoreError::Database(format!("inbox row {} can't be closed as {state:?}", id.0)));
    }
    // What was said stands in the transcript. The row stays for the sake of its name, and files in it would take their room twice.
    let close = "UPDATE inbox SET state = ?2, result = ?3, closed_at_ms = ?4,
                        body = 'null'
                 WHERE id = ?1 AND closed_at_ms IS NULL";
    if sql::execute(connection, close, params![id.0, state, result, now_ms])? > 0 {
        return Ok(true);
    }
    match sql::first(connection, "SELECT 1 FROM inbox WHERE id = ?1", [id.0], |_| Ok(()))? {
        Some(()) => Ok(false),
        None => Err(not_found("inbox row", id)),
    }
}

/// Writes a message down, or finds the one that has its triple. `body` is its body as text.
pub(crate) fn accept(connection: &Connection, message: NewInbound, body: &str) -> Result<Accepted, StoreError> {
    if let Some(row) = find_triple(connection, &message)? {
        return Ok(Accepted::Duplicate(row));
    }
    sessions::ensure(connection, &message.session, &message.agent, message.received_at_ms)?;
    Ok(Accepted::New(insert(connection, message, body)?))
}

/// Marks an open row as worked on and returns it.
pub(crate) fn begin(connection: &Connection, id: InboxId) -> Result<InboxRow, StoreError> {
    let begin = "UPDATE inbox SET state = ?2, attempts = attempts + 1 WHERE id = ?1 AND closed_at_ms IS NULL
                 RETURNING *";
    sql::first(connection, begin, params![id.0, InboxState::Running], read)?
        .ok_or_else(|| not_found("open inbox row", id))
}

fn not_found(thing: &'static str, id: InboxId) -> StoreError {
    StoreError::NotFound { thing, id: id.0.to_string() }
}

fn find_triple(connection: &Connection, message: &NewInbound) -> Result<Option<InboxRow>, StoreError> {
    let find = "SELECT * FROM inbox WHERE channel = ?1 AND account = ?2 AND platform_id = ?3";
    sql::first(connection, find, [&message.channel, &message.account, &message.platform_id], read)
}

fn insert(connection: &Connection, message: NewInbound, body: &str) -> Result<InboxRow, StoreError> {
    let insert =
        "INSERT INTO inbox (channel, account, platform_id, session_key, agent, run, body, state, received_at_ms)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let params = params![
        message.channel,
        message.account,
        message.platform_id,
        message.session.as_str(),
        message.agent.as_str(),
        message.run.as_str(),
        body,
        InboxState::Queued,
        message.received_at_ms,
    ];
    sql::execute(connection, insert, params)?;
    Ok(InboxRow {
        id: InboxId(connection.last_insert_rowid()),
        channel: message.channel,
        account: message.account,
        platform_id: message.platform_id,
        session: message.session,
        agent: message.agent,
        run: message.run,
        body: message.body,
        state: InboxState::Queued,
        attempts: 0,
        received_at_ms: message.received_at_ms,
        closed_at_ms: None,
        result: None,
    })
}

fn read(row: &Row<'_>) -> rusqlite::Result<InboxRow> {
    let Key(session) = row.get("session_key")?;
    let Json(body) = row.get("body")?;
    Ok(InboxRow {
        id: InboxId(row.get("id")?),
        channel: row.get("channel")?,
        account: row.get("account")?,
        platform_id: row.get("platform_id")?,
        session,
        agent: sql::id(row, "agent")?,
        run: sql::id(row, "run")?,
        body,
        state: row.get("state")?,
        attempts: row.get("attempts")?,
        received_at_ms: row.get("received_at_ms")?,
        closed_at_ms: row.get("closed_at_ms")?,
        result: row.get("result")?,
    })
}
