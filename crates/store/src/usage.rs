//! Tokens spent, one row a model call.

use chela_protocol::{AgentId, RunId, SessionId};
use serde::{Deserialize, Serialize};

use crate::{Store, StoreError};

#[derive(Debug, Clone, PartialEq)]
pub struct NewUsage {
    pub session_id: SessionId,
    pub agent: AgentId,
    pub run: RunId,
    pub provider: String,
    pub model: String,
    pub input: u64,
    pub output: u64,
    pub cache_read: u64,
    pub cache_write: u64,
    /// Millionths of a US dollar, where the price is known.
    pub cost_micros: Option<u64>,
    pub at_ms: i64,
}

/// Sums of one day (UTC) and model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageDay {
    /// `YYYY-MM-DD`.
    pub date: String,
    pub provider: String,
    pub model: String,
    pub calls: u64,
    pub input: u64,
    pub output: u64,
    pub cache_read: u64,
    pub cache_write: u64,
    pub cost_micros: u64,
    /// Calls whose price is not known.
    pub unpriced: u64,
}

impl Store {
    /// Records a call and adds it to its session's sums.
    pub async fn record_usage(&self, usage: NewUsage) -> Result<(), StoreError> {
        todo!()
    }

    /// Days from `from_ms` to `to_ms`, oldest first.
    pub async fn usage_by_day(&self, from_ms: i64, to_ms: i64) -> Result<Vec<UsageDay>, StoreError> {
        todo!()
    }
}
