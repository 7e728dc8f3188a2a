//! Senders of direct messages: strangers with a code, and those whom somebody let in.

use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};

use crate::outbox::{self, NewOutbound};
use crate::sql;
use crate::{Store, StoreError};

/// A stranger asks to be let in.
#[derive(Debug, Clone, PartialEq)]
pub struct NewPairing {
    pub channel: String,
    pub account: String,
    /// The platform's id of the person.
    pub sender: String,
    pub name: String,
    /// Where to tell them that they were let in.
    pub chat: String,
    pub code: String,
    /// Tells them the code; goes out only when the request is new.
    pub reply: NewOutbound,
    pub now_ms: i64,
}

/// What became of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PairingAsked {
    /// The reply is on its way.
    New,
    /// They asked before and wait; nothing is sent again.
    Waiting,
    /// Too many strangers wait on this account.
    Full,
}

/// A request that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PairingCode {
    pub channel: String,
    pub account: String,
    pub sender: String,
    pub name: String,
    pub chat: String,
    pub code: String,
    pub requested_at_ms: i64,
}

/// Somebody who may write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PairedSender {
    pub channel: String,
    pub account: String,
    pub sender: String,
    pub name: String,
    /// May use the owner's commands.
    pub owner: bool,
    pub approved_at_ms: i64,
}

/// Whether somebody becomes an owner by being let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ownership {
    /// The one who is let in while there is no owner on any channel.
    First,
    /// Owners are named elsewhere.
    Nobody,
}

/// How long a code holds.
pub const PAIRING_KEEP_MS: i64 = 60 * 60 * 1000;

/// Strangers that may wait on one account at once.
pub const PAIRINGS_MAX: usize = 3;

impl Store {
    /// Records a stranger's request and its reply in one transaction. Requests older than [`PAIRING_KEEP_MS`] are gone.
    pub async fn ask_pairing(&self, asked: NewPairing) -> Result<PairingAsked, StoreError> {
        let body = asked.reply.body.to_string();
        self.write(move |c| {
            forget_expired(c, asked.now_ms)?;
            let NewPairing { channel, account, sender, name, chat, code, reply, now_ms } = &asked;
            let one = "SELECT 1 FROM pairing_codes WHERE channel = ?1 AND account = ?2 AND sender = ?3";
            if sql::first(c, one, [channel, account, sender], |_| Ok(()))?.is_some() {
                return Ok(PairingAsked::Waiting);
            }
            let count = "SELECT count(*) FROM pairing_codes WHERE channel = ?1 AND account = ?2";
            let waiting: i64 = sql::only(c, count, [channel, account], |row| row.get(0))?;
            if waiting >= sql::limit(PAIRINGS_MAX) {
                return Ok(PairingAsked::Full);
            }
            let (channel, account, sender) = (channel.clone(), account.clone(), sender.clone());
            let (name, chat, code) = (name.clone(), chat.clone(), code.clone());
            wait(c, &PairingCode { channel, account, sender, name, chat, code, requested_at_ms: *now_ms })?;
            outbox::insert(c, reply, &body)?;
            Ok(PairingAsked::New)
        })
        .await
    }

    /// The requests that wait, oldest first.
    pub async fn pairing_codes(&self, now_ms: i64) -> Result<Vec<PairingCode>, StoreError> {
        self.read(move |c| {
            let waiting = "SELECT * FROM pairing_codes WHERE requested_at_ms > ?1 ORDER BY requested_at_ms, code";
            sql::all(c, waiting, [now_ms - PAIRING_KEEP_MS], read_code)
        })
        .await
    }

    /// Lets the person with this code in, as an owner where `ownership` says so. `notice` makes the message that tells them, if they
    /// are to be told, in the same transaction. `None`: no such code, or too old.
    pub async fn approve_pairing(
        &self,
        channel: &str,
        code: &str,
        ownership: Ownership,
        now_ms: i64,
        notice: impl FnOnce(&PairingCode) -> Option<NewOutbound> + Send + 'static,
    ) -> Result<Option<PairedSender>, StoreError> {
        let (channel, code) = (channel.to_owned(), code.to_owned());
        self.write(move |c| {
            forget_expired(c, now_ms)?;
            let Some(asked) = take(c, &channel, &code)? else { return Ok(None) };
            let owners: i64 = sql::only(c, "SELECT count(*) FROM paired_senders WHERE owner", [], |row| row.get(0))?;
            if let Some(notice) = notice(&asked) {
                outbox::insert(c, &notice, &notice.body.to_string())?;
            }
            let PairingCode { channel, account, sender, name, .. } = asked;
            let owner = ownership == Ownership::First && owners == 0;
            let paired = PairedSender { channel, account, sender, name, owner, approved_at_ms: now_ms };
            let_in(c, &paired)?;
            Ok(Some(paired))
        })
        .await
    }

    /// Drops a request. `None`: no such code.
    pub async fn reject_pairing(&self, channel: &str, code: &str) -> Result<Option<PairingCode>, StoreError> {
        let (channel, code) = (channel.to_owned(), code.to_owned());
        self.write(move |c| take(c, &channel, &code)).await
    }

    /// Everybody who was let in, in the order in which they were.
    pub async fn paired_senders(&self) -> Result<Vec<PairedSender>, StoreError> {
        self.read(|c| {
            let all = "SELECT * FROM paired_senders ORDER BY approved_at_ms, channel, account, sender";
            sql::all(c, all, [], read_paired)
        })
        .await
    }

    /// Shuts somebody out again. Returns whether they were in.
    pub async fn unpair_sender(&self, channel: &str, account: &str, sender: &str) -> Result<bool, StoreError> {
        let names = [channel.to_owned(), account.to_owned(), sender.to_owned()];
        self.write(move |c| {
            let gone = "DELETE FROM paired_senders WHERE channel = ?1 AND account = ?2 AND sender = ?3";
            Ok(sql::execute(c, gone, names)? > 0)
        })
        .await
    }
}

/// Lets somebody in; who is in already is in as this says.
pub(crate) fn let_in(connection: &Connection, paired: &PairedSender) -> Result<(), StoreError> {
    let insert = "INSERT OR REPLACE INTO paired_senders (channel, account, sender, name, owner, approved_at_ms)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let PairedSender { channel, account, sender, name, owner, approved_at_ms } = paired;
    sql::execute(connection, insert, params![channel, account, sender, name, owner, approved_at_ms]).map(drop)
}

/// Keeps a request; neither its sender nor its code may wait already.
pub(crate) fn wait(connection: &Connection, asked: &PairingCode) -> Result<(), StoreError> {
    let insert = "INSERT INTO pairing_codes (channel, account, sender, code, name, chat, requested_at_ms)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let PairingCode { channel, account, sender, code, name, chat, requested_at_ms } = asked;
    let params = params![channel, account, sender, code, name, chat, requested_at_ms];
    sql::execute(connection, insert, params).map(drop)
}

fn forget_expired(connection: &Connection, now_ms: i64) -> Result<(), StoreError> {
    let expired = "DELETE FROM pairing_codes WHERE requested_at_ms <= ?1";
    sql::execute(connection, expired, [now_ms - PAIRING_KEEP_MS]).map(drop)
}

fn take(connection: &Connection, channel: &str, code: &str) -> Result<Option<PairingCode>, StoreError> {
    let take = "DELETE FROM pairing_codes WHERE channel = ?1 AND code = ?2 RETURNING *";
    sql::first(connection, take, [channel, code], read_code)
}

fn read_code(row: &Row<'_>) -> rusqlite::Result<PairingCode> {
    Ok(PairingCode {
        channel: row.get("channel")?,
        account: row.get("account")?,
        sender: row.get("sender")?,
        name: row.get("name")?,
        chat: row.get("chat")?,
        code: row.get("code")?,
        requested_at_ms: row.get("requested_at_ms")?,
    })
}

fn read_paired(row: &Row<'_>) -> rusqlite::Result<PairedSender> {
    Ok(PairedSender {
        channel: row.get("channel")?,
        account: row.get("account")?,
        sender: row.get("sender")?,
        name: row.get("name")?,
        owner: row.get("owner")?,
        approved_at_ms: row.get("approved_at_ms")?,
    })
}
