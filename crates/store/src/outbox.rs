//! Replies to deliver: written with the turn that made them, kept until the platform has them or they are given up.

use chela_protocol::SessionKey;
use serde::{Deserialize, Serialize};
use serde_json::Value;

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

impl Store {
    /// Undelivered rows that are due, oldest first.
    pub async fn due_outbox(&self, now_ms: i64, limit: usize) -> Result<Vec<OutboxRow>, StoreError> {
        todo!()
    }

    /// Records that the platform has the first `parts` parts.
    pub async fn outbox_progress(&self, id: OutboxId, parts: u32) -> Result<(), StoreError> {
        todo!()
    }

    pub async fn outbox_delivered(&self, id: OutboxId, now_ms: i64) -> Result<(), StoreError> {
        todo!()
    }

    /// Puts a row back for a later try.
    pub async fn outbox_retry(&self, id: OutboxId, error: &str, due_at_ms: i64) -> Result<(), StoreError> {
        todo!()
    }

    /// Gives a row up: it stays in the dead-letter list.
    pub async fn outbox_dead(&self, id: OutboxId, error: &str, now_ms: i64) -> Result<(), StoreError> {
        todo!()
    }

    pub async fn dead_letters(&self, limit: usize) -> Result<Vec<OutboxRow>, StoreError> {
        todo!()
    }
}
