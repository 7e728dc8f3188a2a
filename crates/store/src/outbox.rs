//! Replies to deliver: written with the turn that made them, kept until the platform has them or they are given up.

use chela_protocol::SessionKey;
use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::sql::{self, Json, Key};
use crate::{Store, StoreError};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OutboxId(pub i64);

#[derive(Debug, Clone, PartialEq)]
pub struct NewOutbound {
    pub channel: String,
    pub account: String,
    /// Where on the channel it goes.
    pub chat: String,
    pub session: SessionKey,
    pub body: Value,
    pub created_at_ms: i64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct OutboxRow {
    pub id: OutboxId,
    pub channel: String,
    pub account: String,
    pub chat: String,
    pub session: SessionKey,
    pub body: Value,
    pub attempts: u32,
    /// Not to be tried before this time.
    pub due_at_ms: i64,
    /// Parts (chunks) that the platform has confirmed; delivery goes on with the next.
    pub parts_sent: u32,
    pub last_error: Option<String>,
    pub created_at_ms: i64,
}

/// Where a message stands that has not arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutboundState {
    Waiting { last_error: Option<String> },
    Dead { error: String },
}

/// The rows of one chat that have not arrived and whose body names a run: parameters 1 to 4. By their states one after the other,
/// so that each is found by its own index.
macro_rules! undelivered {
    () => {
        "FROM (SELECT * FROM outbox WHERE state = 'waiting' AND channel = ?1 AND account = ?2 AND chat = ?3
               UNION ALL
               SELECT * FROM outbox WHERE state = 'dead' AND channel = ?1 AND account = ?2 AND chat = ?3)
         WHERE body ->> '$.run' = ?4"
    };
}

impl Store {
    /// As [`Store::enqueue`], unless the platform has something of this run already, or the outbox a row of it for the same chat.
    /// `run` is what the body names as its run.
    pub async fn enqueue_once(&self, reply: NewOutbound, run: &str) -> Result<(), StoreError> {
        let (body, run) = (reply.body.to_string(), run.to_owned());
        self.write(move |c| {
            let known = concat!(
                "SELECT EXISTS (SELECT 1 FROM sent_messages WHERE run = ?4) OR EXISTS (SELECT 1 ",
                undelivered!(),
                ")"
            );
            let place = params![reply.channel, reply.account, reply.chat, run];
            if sql::only(c, known, place, |row| row.get(0))? { Ok(()) } else { insert(c, &reply, &body) }
        })
        .await
    }

    /// Where the message of a run to a chat stands; `None` when nothing of it waits or was given up.
    pub async fn outbound_state(
        &self,
        channel: &str,
        account: &str,
        chat: &str,
        run: &str,
    ) -> Result<Option<OutboundState>, StoreError> {
        let place = [channel, account, chat, run].map(str::to_owned);
        self.read(move |c| {
            let state = concat!("SELECT state, last_error ", undelivered!(), " ORDER BY id DESC LIMIT 1");
            sql::first(c, state, place, |row| {
                let last_error: Option<String> = row.get("last_error")?;
                Ok(match row.get::<_, String>("state")?.as_str() {
                    "dead" => OutboundState::Dead { error: last_error.unwrap_or_default() },
                    _ => OutboundState::Waiting { last_error },
                })
            })
        })
        .await
    }

    /// Puts a message that no turn made into the outbox, due at once.
    pub async fn enqueue(&self, reply: NewOutbound) -> Result<(), StoreError> {
        let body = reply.body.to_string();
        self.write(move |c| insert(c, &reply, &body)).await
    }

    /// The first undelivered row of each chat, if it is due; oldest first. Later rows of a chat wait for it, so that answers
    /// arrive in their order.
    pub async fn due_outbox(&self, now_ms: i64, limit: usize) -> Result<Vec<OutboxRow>, StoreError> {
        self.read(move |c| {
            let due = "SELECT o.* FROM outbox o WHERE o.state = 'waiting' AND o.due_at_ms <= ?1 AND NOT EXISTS (
                           SELECT 1 FROM outbox p WHERE p.state = 'waiting' AND p.channel = o.channel
                           AND p.account = o.account AND p.chat = o.chat AND p.id < o.id)
                       ORDER BY o.id LIMIT ?2";
            sql::all(c, due, [now_ms, sql::limit(limit)], read)
        })
        .await
    }

    /// As [`Store::due_outbox`], of one account: what waits for another account never stands in the way.
    pub async fn due_outbox_of(
        &self,
        channel: &str,
        account: &str,
        now_ms: i64,
        limit: usize,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        let (channel, account) = (channel.to_owned(), account.to_owned());
        self.read(move |c| {
            let due = "SELECT o.* FROM outbox o WHERE o.state = 'waiting' AND o.channel = ?1 AND o.account = ?2
                       AND o.due_at_ms <= ?3 AND NOT EXISTS (
                           SELECT 1 FROM outbox p WHERE p.state = 'waiting' AND p.channel = o.channel
                           AND p.account = o.account AND p.chat = o.chat AND p.id < o.id)
                       ORDER BY o.id LIMIT ?4";
            sql::all(c, due, params![channel, account, now_ms, sql::limit(limit)], read)
        })
        .await
    }

    /// Whether anything is still to be delivered to a chat.
    pub async fn outbox_waits(&self, channel: &str, account: &str, chat: &str) -> Result<bool, StoreError> {
        let place = [channel.to_owned(), account.to_owned(), chat.to_owned()];
        self.read(move |c| {
            let waits = "SELECT EXISTS (SELECT 1 FROM outbox WHERE state = 'waiting' AND channel = ?1 AND account = ?2
                         AND chat = ?3)";
            sql::only(c, waits, place, |row| row.get(0))
        })
        .await
    }

    /// The accounts for which something waits, with the time of the oldest row of each.
    pub async fn outbox_accounts(&self) -> Result<Vec<(String, String, i64)>, StoreError> {
        self.read(|c| {
            let accounts = "SELECT channel, account, min(created_at_ms) FROM outbox WHERE state = 'waiting'
                            GROUP BY channel, account ORDER BY channel, account";
            sql::all(c, accounts, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        })
        .await
    }

    /// The newest row of all; later ones have greater numbers.
    pub async fn last_outbox_id(&self) -> Result<Option<OutboxId>, StoreError> {
        self.read(|c| {
            sql::only(c, "SELECT max(id) FROM outbox", [], |row| Ok(row.get::<_, Option<i64>>(0)?.map(OutboxId)))
        })
        .await
    }

    /// When the next row after this time is due; `None` when no row waits for a later time.
    pub async fn next_outbox_due_after(&self, now_ms: i64) -> Result<Option<i64>, StoreError> {
        self.read(move |c| {
            let next = "SELECT min(due_at_ms) FROM outbox WHERE state = 'waiting' AND due_at_ms > ?1";
            sql::only(c, next, [now_ms], |row| row.get(0))
        })
        .await
    }

    /// When the next row that waits is due; `None` when none waits.
    pub async fn next_outbox_due(&self) -> Result<Option<i64>, StoreError> {
        self.read(|c| sql::only(c, "SELECT min(due_at_ms) FROM outbox WHERE state = 'waiting'", [], |row| row.get(0)))
            .await
    }

    /// Takes a row out of the dead-letter list for good. Returns whether it was there.
    pub async fn discard_dead(&self, id: OutboxId) -> Result<bool, StoreError> {
        self.write(move |c| Ok(sql::execute(c, "DELETE FROM outbox WHERE id = ?1 AND state = 'dead'", [id.0])? > 0))
            .await
    }

    /// One row of the dead-letter list.
    pub async fn dead_letter(&self, id: OutboxId) -> Result<Option<OutboxRow>, StoreError> {
        self.read(move |c| sql::first(c, "SELECT * FROM outbox WHERE id = ?1 AND state = 'dead'", [id.0], read)).await
    }

    /// Closes a row that the platform has whole. Its body is dropped; the rest stays until it is pruned.
    pub async fn outbox_delivered(&self, id: OutboxId, now_ms: i64) -> Result<(), StoreError> {
        self.write(move |c| {
            let delivered = "UPDATE outbox SET state = 'delivered', body = 'null', closed_at_ms = ?2 WHERE id = ?1";
            found(id, sql::execute(c, delivered, [id.0, now_ms])?)
        })
        .await
    }

    /// Puts a row back for a later try, also from the dead-letter list. No-op when it was delivered.
    pub async fn outbox_retry(&self, id: OutboxId, error: &str, due_at_ms: i64) -> Result<(), StoreError> {
        let error = error.to_owned();
        self.write(move |c| {
            let retry = "UPDATE outbox SET attempts = attempts + (state <> 'delivered'),
                                last_error = iif(state = 'delivered', last_error, ?2),
                                due_at_ms = iif(state = 'delivered', due_at_ms, ?3),
                                closed_at_ms = iif(state = 'delivered', closed_at_ms, NULL),
                                state = iif(state = 'delivered', state, 'waiting')
                         WHERE id = ?1";
            found(id, sql::execute(c, retry, params![id.0, error, due_at_ms])?)
        })
        .await
    }

    /// Gives a row up: it stays in the dead-letter list. The failed try is counted. No-op when it is closed already.
    pub async fn outbox_dead(&self, id: OutboxId, error: &str, now_ms: i64) -> Result<(), StoreError> {
        let error = error.to_owned();
        self.write(move |c| {
            let dead = "UPDATE outbox SET state = 'dead', attempts = attempts + 1, last_error = ?2, closed_at_ms = ?3
                        WHERE id = ?1 AND state = 'waiting'";
            sql::execute(c, dead, params![id.0, error, now_ms]).map(drop)
        })
        .await
    }

    /// Rows that were given up, newest first.
    pub async fn dead_letters(&self, limit: usize) -> Result<Vec<OutboxRow>, StoreError> {
        self.scan(move |c| {
            let dead = "SELECT * FROM outbox WHERE state = 'dead' ORDER BY id DESC LIMIT ?1";
            sql::all(c, dead, [sql::limit(limit)], read)
        })
        .await
    }

    /// Removes rows that were delivered or given up before this time and returns how many.
    pub async fn prune_outbox(&self, before_ms: i64) -> Result<usize, StoreError> {
        let sql = "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE closed_at_ms < ?1 LIMIT ?2)";
        self.prune(sql, before_ms).await
    }
}

/// Adds a reply, due at once.
pub(crate) fn insert(connection: &Connection, reply: &NewOutbound, body: &str) -> Result<(), StoreError> {
    let insert = "INSERT INTO outbox (channel, account, chat, session_key, body, due_at_ms, created_at_ms)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)";
    let NewOutbound { channel, account, chat, session, created_at_ms, body: _ } = reply;
    let params = params![channel, account, chat, session.as_str(), body, created_at_ms];
    sql::execute(connection, insert, params).map(drop)
}

fn found(id: OutboxId, changed: usize) -> Result<(), StoreError> {
    match changed {
        0 => Err(StoreError::NotFound { thing: "outbox row", id: id.0.to_string() }),
        _ => Ok(()),
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<OutboxRow> {
    let Key(session) = row.get("session_key")?;
    let Json(body) = row.get("body")?;
    Ok(OutboxRow {
        id: OutboxId(row.get("id")?),
        channel: row.get("channel")?,
        account: row.get("account")?,
        chat: row.get("chat")?,
        session,
        body,
        attempts: row.get("attempts")?,
        due_at_ms: row.get("due_at_ms")?,
        parts_sent: row.get("parts_sent")?,
        last_error: row.get("last_error")?,
        created_at_ms: row.get("created_at_ms")?,
    })
}
