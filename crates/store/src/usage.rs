//! Tokens spent, one row a model call.

use chela_protocol::{AgentId, RunId, SessionId};
use rusqlite::{Connection, Row, params};
use serde_json::Value;

use crate::sql::{self, Count};
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
    /// Names of the tools that the answer called, one for each call.
    pub tools: Vec<String>,
    pub at_ms: i64,
}

/// What calls used together, as budgets count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spent {
    /// Of every kind, those from a vendor's cache included.
    pub tokens: u64,
    /// Millionths of a US dollar.
    pub cost_micros: u64,
    /// Calls whose price is not known.
    pub unpriced: u64,
}

impl Spent {
    pub fn add(&mut self, other: Self) {
        self.tokens = self.tokens.saturating_add(other.tokens);
        self.cost_micros = self.cost_micros.saturating_add(other.cost_micros);
        self.unpriced = self.unpriced.saturating_add(other.unpriced);
    }
}

impl NewUsage {
    /// What this call adds.
    pub fn spent(&self) -> Spent {
        let tokens =
            [self.input, self.output, self.cache_read, self.cache_write].into_iter().fold(0, u64::saturating_add);
        let cost_micros = self.cost_micros.unwrap_or(0);
        Spent { tokens, cost_micros, unpriced: u64::from(self.cost_micros.is_none()) }
    }
}

impl Store {
    /// Records a call and adds it to its session's sums.
    pub async fn record_usage(&self, usage: NewUsage) -> Result<(), StoreError> {
        self.write(move |c| record(c, &usage)).await
    }

    /// Records a call that didn't carry the conversation (a summary of it, say): its sums grow, and what its context holds stays
    /// as it is known.
    pub async fn record_side_usage(&self, usage: NewUsage) -> Result<(), StoreError> {
        self.write(move |c| {
            insert(c, &usage)?;
            add(c, &usage)
        })
        .await
    }

    /// What each agent used from `from_ms` on, by agent.
    pub async fn spent_since(&self, from_ms: i64) -> Result<Vec<(AgentId, Spent)>, StoreError> {
        self.read(move |c| {
            let sums = "SELECT agent, sum(input + output + cache_read + cache_write) AS tokens,
                            coalesce(sum(cost_micros), 0) AS cost_micros, sum(cost_micros IS NULL) AS unpriced
                        FROM usage WHERE at_ms >= ?1 GROUP BY agent ORDER BY agent";
            sql::all(c, sums, [from_ms], |row| Ok((sql::id(row, "agent")?, read_spent(row)?)))
        })
        .await
    }

    /// What one conversation used, from its beginning.
    pub async fn spent_in(&self, session: &SessionId) -> Result<Spent, StoreError> {
        let session = session.as_str().to_owned();
        self.read(move |c| {
            let sums = "SELECT coalesce(sum(input + output + cache_read + cache_write), 0) AS tokens,
                            coalesce(sum(cost_micros), 0) AS cost_micros,
                            coalesce(sum(cost_micros IS NULL), 0) AS unpriced
                        FROM usage WHERE session_id = ?1";
            sql::only(c, sums, [session], read_spent)
        })
        .await
    }

    /// Removes calls from before this time and returns how many. Sums of sessions stay.
    pub async fn prune_usage(&self, before_ms: i64) -> Result<usize, StoreError> {
        let sql = "DELETE FROM usage WHERE number IN (SELECT number FROM usage WHERE at_ms < ?1 LIMIT ?2)";
        self.prune(sql, before_ms).await
    }
}

/// The row of a call, and its tokens in the session's sums.
pub(crate) fn record(connection: &Connection, usage: &NewUsage) -> Result<(), StoreError> {
    insert(connection, usage)?;
    add(connection, usage)?;
    let held = Count(usage.input + usage.cache_read + usage.cache_write);
    let context = "UPDATE conversations SET context_tokens = ?2 WHERE id = ?1";
    sql::execute(connection, context, params![usage.session_id.as_str(), held]).map(drop)
}

/// Adds to the session's sums. No row is changed when the conversation was deleted meanwhile; the tokens are spent all the same.
fn add(connection: &Connection, usage: &NewUsage) -> Result<(), StoreError> {
    let sums = "UPDATE conversations SET
                    input_tokens = input_tokens + ?2, output_tokens = output_tokens + ?3,
                    cache_read_tokens = cache_read_tokens + ?4, cache_write_tokens = cache_write_tokens + ?5
                WHERE id = ?1";
    let params = params![
        usage.session_id.as_str(),
        Count(usage.input),
        Count(usage.output),
        Count(usage.cache_read),
        Count(usage.cache_write),
    ];
    sql::execute(connection, sums, params).map(drop)
}

fn insert(connection: &Connection, usage: &NewUsage) -> Result<(), StoreError> {
    let insert = "INSERT INTO usage (at_ms, session_id, agent, run, provider, model, input, output, cache_read,
                                     cache_write, cost_micros, tools)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
    let tools = (!usage.tools.is_empty()).then(|| Value::from(usage.tools.clone()).to_string());
    let params = params![
        usage.at_ms,
        usage.session_id.as_str(),
        usage.agent.as_str(),
        usage.run.as_str(),
        usage.provider,
        usage.model,
        Count(usage.input),
        Count(usage.output),
        Count(usage.cache_read),
        Count(usage.cache_write),
        usage.cost_micros.map(Count),
        tools,
    ];
    sql::execute(connection, insert, params).map(drop)
}

fn read_spent(row: &Row<'_>) -> rusqlite::Result<Spent> {
    let count = |column: &str| row.get(column).map(|Count(count)| count);
    Ok(Spent { tokens: count("tokens")?, cost_micros: count("cost_micros")?, unpriced: count("unpriced")? })
}
