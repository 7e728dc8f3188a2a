//! Messages of ours that a platform has: to go on behind them after a crash, to edit them, and to know them when somebody
//! answers or reacts to one.

use rusqlite::{Connection, Row, params};

use crate::sql;
use crate::{OutboxId, Store, StoreError};

/// One message of ours on a platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentPart {
    pub channel: String,
    pub account: String,
    pub chat: String,
    /// The platform's id of the message.
    pub message: String,
    /// The run that speaks.
    pub run: String,
    /// Its place in the run's answer, from 0.
    pub part: u32,
    pub sent_at_ms: i64,
}

impl Store {
    /// Records that the platform has a part. With an outbox row, its delivery goes on behind this part from now on, in the same
    /// transaction. The same message again is no error.
    pub async fn record_sent(&self, sent: SentPart, outbox: Option<OutboxId>) -> Result<(), StoreError> {
        self.write(move |c| {
            insert(c, &sent)?;
            if let Some(id) = outbox {
                let progress = "UPDATE outbox SET parts_sent = max(parts_sent, ?2) WHERE id = ?1";
                sql::execute(c, progress, params![id.0, sent.part + 1])?;
            }
            Ok(())
        })
        .await
    }

    /// The parts of a run that platforms have, by their place.
    pub async fn sent_of_run(&self, run: &str) -> Result<Vec<SentPart>, StoreError> {
        let run = run.to_owned();
        self.read(move |c| {
            sql::all(c, "SELECT * FROM sent_messages WHERE run = ?1 ORDER BY part, sent_at_ms", [run], read)
        })
        .await
    }

    /// Our newest messages in a chat, newest first.
    pub async fn sent_in_chat(
        &self,
        channel: &str,
        account: &str,
        chat: &str,
        limit: usize,
    ) -> Result<Vec<SentPart>, StoreError> {
        let (channel, account, chat) = (channel.to_owned(), account.to_owned(), chat.to_owned());
        self.read(move |c| {
            let newest = "SELECT * FROM sent_messages WHERE channel = ?1 AND account = ?2 AND chat = ?3
                          ORDER BY sent_at_ms DESC LIMIT ?4";
            sql::all(c, newest, params![channel, account, chat, sql::limit(limit)], read)
        })
        .await
    }

    /// The part that a message of ours is; `None` when it is not ours, or too old.
    pub async fn sent_message(
        &self,
        channel: &str,
        account: &str,
        chat: &str,
        message: &str,
    ) -> Result<Option<SentPart>, StoreError> {
        let names = [channel.to_owned(), account.to_owned(), chat.to_owned(), message.to_owned()];
        self.read(move |c| {
            let one = "SELECT * FROM sent_messages WHERE channel = ?1 AND account = ?2 AND chat = ?3 AND message = ?4";
            sql::first(c, one, names, read)
        })
        .await
    }

    /// Forgets a message of ours that is no longer there.
    pub async fn forget_sent(&self, sent: &SentPart) -> Result<(), StoreError> {
        let names = [sent.channel.clone(), sent.account.clone(), sent.chat.clone(), sent.message.clone()];
        self.write(move |c| {
            let gone = "DELETE FROM sent_messages WHERE channel = ?1 AND account = ?2 AND chat = ?3 AND message = ?4";
            sql::execute(c, gone, names).map(drop)
        })
        .await
    }

    /// Forgets messages of ours from before this time and returns how many.
    pub async fn prune_sent(&self, before_ms: i64) -> Result<usize, StoreError> {
        let old = "DELETE FROM sent_messages WHERE (channel, account, chat, message) IN
                   (SELECT channel, account, chat, message FROM sent_messages WHERE sent_at_ms < ?1 LIMIT ?2)";
        self.prune(old, before_ms).await
    }
}

fn insert(connection: &Connection, sent: &SentPart) -> Result<(), StoreError> {
    let insert = "INSERT OR REPLACE INTO sent_messages (channel, account, chat, message, run, part, sent_at_ms)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let SentPart { channel, account, chat, message, run, part, sent_at_ms } = sent;
    sql::execute(connection, insert, params![channel, account, chat, message, run, part, sent_at_ms]).map(drop)
}

fn read(row: &Row<'_>) -> rusqlite::Result<SentPart> {
    Ok(SentPart {
        channel: row.get("channel")?,
        account: row.get("account")?,
        chat: row.get("chat")?,
        message: row.get("message")?,
        run: row.get("run")?,
        part: row.get("part")?,
        sent_at_ms: row.get("sent_at_ms")?,
    })
}
