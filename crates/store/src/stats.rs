//! How much the store holds, for `status` and metrics.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::files::beside;
use crate::sql::{self, Count};
use crate::{Store, StoreError};

/// Rows and bytes. Cheap to take: nothing here scans items or replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoreStats {
    pub database_bytes: u64,
    /// Log that was not copied into the database yet.
    pub wal_bytes: u64,
    pub sessions: u64,
    pub conversations: u64,
    pub items: u64,
    /// Accepted messages that are not answered yet.
    pub inbox_open: u64,
    /// Replies that are not delivered yet.
    pub outbox_waiting: u64,
    pub outbox_dead: u64,
}

impl Store {
    pub async fn stats(&self) -> Result<StoreStats, StoreError> {
        let database_bytes = bytes(self.path());
        let wal_bytes = bytes(&beside(self.path(), "-wal"));
        self.read(move |c| {
            let counts = "SELECT (SELECT count(*) FROM sessions) AS sessions,
                                 (SELECT count(*) FROM conversations) AS conversations,
                                 (SELECT coalesce(sum(items), 0) FROM conversations) AS items,
                                 (SELECT count(*) FROM inbox WHERE closed_at_ms IS NULL) AS inbox_open,
                                 (SELECT count(*) FROM outbox WHERE state = 'waiting') AS outbox_waiting,
                                 (SELECT count(*) FROM outbox WHERE state = 'dead') AS outbox_dead";
            sql::only(c, counts, [], |row| {
                let count = |column: &str| row.get(column).map(|Count(count)| count);
                Ok(StoreStats {
                    database_bytes,
                    wal_bytes,
                    sessions: count("sessions")?,
                    conversations: count("conversations")?,
                    items: count("items")?,
                    inbox_open: count("inbox_open")?,
                    outbox_waiting: count("outbox_waiting")?,
                    outbox_dead: count("outbox_dead")?,
                })
            })
        })
        .await
    }
}

/// The size of a file, 0 if it is not there.
fn bytes(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}
