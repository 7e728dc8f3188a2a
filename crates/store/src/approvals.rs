//! Commands that run without a question, and the questions that were asked. What they mean is their owner's business.

use rusqlite::{Connection, Row, params};
use serde_json::Value;

use crate::sql::{self, Json};
use crate::{Store, StoreError};

/// Decided questions that are kept; the oldest go first.
const HISTORY_KEPT: i64 = 1_000;

/// Most grants of one store: a list that nobody can read is no list.
pub const GRANTS_MAX: usize = 1_000;

/// The grants that hold at a time, oldest first.
const HOLDING: &str =
    "SELECT * FROM exec_grants WHERE expires_at_ms IS NULL OR expires_at_ms > ?1 ORDER BY created_at_ms, id";

/// A command that may run without a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecGrant {
    pub id: String,
    /// An agent's id, or `*`.
    pub agent: String,
    pub pattern: String,
    pub arg_pattern: Option<String>,
    /// `allow-always` for one that a person gave by a button; `None` for one that was written by hand.
    pub source: Option<String>,
    /// As it was shown when it was granted.
    pub command: Option<String>,
    pub created_at_ms: i64,
    /// `None`: never.
    pub expires_at_ms: Option<i64>,
    pub used_at_ms: Option<i64>,
    pub used_command: Option<String>,
    pub used_program: Option<String>,
}

impl Store {
    /// The grants that hold, oldest first.
    pub async fn exec_grants(&self, now_ms: i64) -> Result<Vec<ExecGrant>, StoreError> {
        self.read(move |c| sql::all(c, HOLDING, [now_ms], read_grant)).await
    }

    /// Writes a grant. False when there are [`GRANTS_MAX`] already; expired ones are dropped first.
    pub async fn add_exec_grant(&self, grant: ExecGrant) -> Result<bool, StoreError> {
        self.write(move |c| {
            sql::execute(c, "DELETE FROM exec_grants WHERE expires_at_ms <= ?1", [grant.created_at_ms])?;
            let count: i64 = sql::only(c, "SELECT count(*) FROM exec_grants", [], |row| row.get(0))?;
            if count >= sql::limit(GRANTS_MAX) {
                return Ok(false);
            }
            insert(c, &grant)?;
            Ok(true)
        })
        .await
    }

    /// Puts these grants in the place of those that hold at `now_ms`, if these are still the `standing` ones; when they were used
    /// last is no change. False when they are not: then nothing is replaced.
    pub async fn replace_exec_grants(
        &self,
        standing: Vec<ExecGrant>,
        grants: Vec<ExecGrant>,
        now_ms: i64,
    ) -> Result<bool, StoreError> {
        self.write(move |c| {
            let holding = sql::all(c, HOLDING, [now_ms], read_grant)?;
            let is_same =
                holding.len() == standing.len() && holding.iter().zip(&standing).all(|(one, other)| one.says(other));
            if !is_same {
                return Ok(false);
            }
            sql::execute(c, "DELETE FROM exec_grants", [])?;
            grants.iter().try_for_each(|grant| insert(c, grant))?;
            Ok(true)
        })
        .await
    }

    /// Takes a grant back. Returns whether there was one.
    pub async fn remove_exec_grant(&self, id: &str) -> Result<bool, StoreError> {
        let id = id.to_owned();
        self.write(move |c| Ok(sql::execute(c, "DELETE FROM exec_grants WHERE id = ?1", [id])? > 0)).await
    }

    /// Notes that a grant let a command run.
    pub async fn note_exec_grant_use(
        &self,
        id: &str,
        command: &str,
        program: &str,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let (id, command, program) = (id.to_owned(), command.to_owned(), program.to_owned());
        self.write(move |c| {
            let used = "UPDATE exec_grants SET used_at_ms = ?2, used_command = ?3, used_program = ?4 WHERE id = ?1";
            sql::execute(c, used, params![id, now_ms, command, program]).map(drop)
        })
        .await
    }

    /// Writes a question down, or how it ended over what was written before.
    pub async fn record_approval(&self, id: &str, record: Value, created_at_ms: i64) -> Result<(), StoreError> {
        let (id, record) = (id.to_owned(), record.to_string());
        self.write(move |c| {
            let put = "INSERT INTO approvals (id, record, created_at_ms) VALUES (?1, ?2, ?3)
                       ON CONFLICT (id) DO UPDATE SET record = excluded.record";
            sql::execute(c, put, params![id, record, created_at_ms])?;
            let old = "DELETE FROM approvals WHERE seq <= (SELECT max(seq) FROM approvals) - ?1";
            sql::execute(c, old, [HISTORY_KEPT]).map(drop)
        })
        .await
    }

    pub async fn approval(&self, id: &str) -> Result<Option<Value>, StoreError> {
        let id = id.to_owned();
        self.read(move |c| {
            let found = sql::first(c, "SELECT record FROM approvals WHERE id = ?1", [id], |row| row.get(0))?;
            Ok(found.map(|Json(record)| record))
        })
        .await
    }

    /// Questions before `before` (a number that an earlier call returned), newest first, each with its number.
    pub async fn approvals(&self, before: Option<i64>, limit: usize) -> Result<Vec<(i64, Value)>, StoreError> {
        self.read(move |c| {
            let page = "SELECT seq, record FROM approvals WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2";
            sql::all(c, page, [before.unwrap_or(i64::MAX), sql::limit(limit)], |row| {
                let Json(record) = row.get(1)?;
                Ok((row.get(0)?, record))
            })
        })
        .await
    }
}

impl ExecGrant {
    /// Whether it allows the same as the other, under the same name and for as long.
    fn says(&self, other: &Self) -> bool {
        let core = |grant: &Self| Self { used_at_ms: None, used_command: None, used_program: None, ..grant.clone() };
        core(self) == core(other)
    }
}

fn insert(connection: &Connection, grant: &ExecGrant) -> Result<(), StoreError> {
    let insert =
        "INSERT INTO exec_grants (id, agent, pattern, arg_pattern, source, command, created_at_ms, expires_at_ms,
                      used_at_ms, used_command, used_program) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    let ExecGrant { id, agent, pattern, arg_pattern, source, command, .. } = grant;
    let times = (grant.created_at_ms, grant.expires_at_ms, grant.used_at_ms);
    let values = params![
        id,
        agent,
        pattern,
        arg_pattern,
        source,
        command,
        times.0,
        times.1,
        times.2,
        grant.used_command,
        grant.used_program
    ];
    sql::execute(connection, insert, values).map(drop)
}

fn read_grant(row: &Row<'_>) -> rusqlite::Result<ExecGrant> {
    Ok(ExecGrant {
        id: row.get("id")?,
        agent: row.get("agent")?,
        pattern: row.get("pattern")?,
        arg_pattern: row.get("arg_pattern")?,
        source: row.get("source")?,
        command: row.get("command")?,
        created_at_ms: row.get("created_at_ms")?,
        expires_at_ms: row.get("expires_at_ms")?,
        used_at_ms: row.get("used_at_ms")?,
        used_command: row.get("used_command")?,
        used_program: row.get("used_program")?,
    })
}
