//! Automations and what became of each time that one was due. What a job does and when is its owner's business.
//!
//! That a job was due is written in one transaction with the message that answers it, with its next time, and with what a chat is told
//! of it, so that a crash finds a time claimed or not, and no restart skips or doubles one.

use rusqlite::{Connection, Row, params};
use serde_json::Value;

use crate::sql::{self, Json, sql_words};
use crate::{Accepted, InboxRow, NewInbound, NewOutbound, Store, StoreError, fault, inbox, outbox};

/// Most jobs of one store: more than a person oversees, and few enough to be read whole.
pub const CRON_JOBS_MAX: usize = 1_000;

/// Runs that are kept of each job; the oldest go first. A job of every minute shows some hours, one of every day more than a year.
const RUNS_KEPT: usize = 500;

/// One automation.
#[derive(Debug, Clone, PartialEq)]
pub struct CronRow {
    pub id: String,
    /// What it does and when: `chela_protocol::methods::cron::CronSpec`, and what its owner adds.
    pub job: Value,
    /// How it went: `chela_protocol::methods::cron::CronState`.
    pub state: Value,
    /// When it is due next; `None`: not known yet, or never.
    pub due_at_ms: Option<i64>,
    pub created_at_ms: i64,
    pub updated_at_ms: i64,
}

/// One time that a job was due.
#[derive(Debug, Clone, PartialEq)]
pub struct CronRunRow {
    pub job_id: String,
    /// Names it for ever, and is the run of its turn if it came to one.
    pub run: String,
    pub status: CronRunStatus,
    pub started_at_ms: i64,
    /// `None` while it goes on.
    pub ended_at_ms: Option<i64>,
    /// Facts for people; the owner's business, but for `deliveryStatus`, which can be asked for.
    pub record: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CronRunStatus {
    Running,
    Ok,
    Error,
    /// It was due while it could not run.
    Skipped,
    /// It was due while nothing ran.
    Missed,
}

sql_words!(CronRunStatus {
    Running = "running",
    Ok = "ok",
    Error = "error",
    Skipped = "skipped",
    Missed = "missed",
});

/// What became of a job that was to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CronAdded {
    Added,
    /// There is one of this id, and it stays as it is.
    Known,
    /// There are [`CRON_JOBS_MAX`].
    Full,
}

/// A due time that is taken: the job goes on as it is here, the runs are written, and the turn waits in the inbox.
#[derive(Debug, Clone, PartialEq)]
pub struct CronClaim {
    /// When the claimant believes it to be due; of a job that changed meanwhile nothing is claimed.
    pub due_at_ms: Option<i64>,
    /// With its next time, and turned off where nothing comes after this one.
    pub job: CronRow,
    pub runs: Vec<CronRunRow>,
    pub turn: Option<NewInbound>,
    /// What a chat is told of it.
    pub notice: Option<NewOutbound>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum CronClaimed {
    /// The job is gone or is due at another time: nothing was written.
    Changed,
    /// Written, and there is nothing to answer: there was no turn, or the inbox had it before.
    Noted,
    /// Written; the turn waits in the inbox.
    Begun(Box<InboxRow>),
}

/// The end of a run, and what it makes of its job.
#[derive(Debug, Clone, PartialEq)]
pub struct CronFinish {
    pub run: CronRunRow,
    pub job: CronAfter,
    /// What a chat is told of it, besides the answer.
    pub notice: Option<NewOutbound>,
}

/// What a run leaves of its job. One that was removed meanwhile stays so.
#[derive(Debug, Clone, PartialEq)]
pub enum CronAfter {
    Keep(CronRow),
    Remove,
}

/// Which runs, and how many of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CronRunFilter {
    /// `None`: of all jobs.
    pub job_id: Option<String>,
    pub run: Option<String>,
    /// Empty: whatever became of them.
    pub statuses: Vec<CronRunStatus>,
    /// Of `deliveryStatus` in the record. Empty: any, or none.
    pub delivery: Vec<String>,
    /// Stands in the record, whatever its case.
    pub text: Option<String>,
    pub oldest_first: bool,
    pub limit: usize,
    pub offset: usize,
}

impl Store {
    /// Keeps a new job.
    pub async fn add_cron_job(&self, row: CronRow) -> Result<CronAdded, StoreError> {
        self.write(move |c| {
            if sql::first(c, "SELECT 1 FROM cron_jobs WHERE id = ?1", [&row.id], |_| Ok(()))?.is_some() {
                return Ok(CronAdded::Known);
            }
            let count: i64 = sql::only(c, "SELECT count(*) FROM cron_jobs", [], |row| row.get(0))?;
            if count >= sql::limit(CRON_JOBS_MAX) {
                return Ok(CronAdded::Full);
            }
            put(c, &row)?;
            Ok(CronAdded::Added)
        })
        .await
    }

    /// Puts a job in the place of the one with its id. Returns whether there is one.
    pub async fn change_cron_job(&self, row: CronRow) -> Result<bool, StoreError> {
        self.write(move |c| change(c, &row)).await
    }

    /// Takes a job away; its runs stay. Returns whether there was one.
    pub async fn remove_cron_job(&self, id: &str) -> Result<bool, StoreError> {
        let id = id.to_owned();
        self.write(move |c| remove(c, &id)).await
    }

    pub async fn cron_job(&self, id: &str) -> Result<Option<CronRow>, StoreError> {
        let id = id.to_owned();
        self.read(move |c| sql::first(c, "SELECT * FROM cron_jobs WHERE id = ?1", [id], read_job)).await
    }

    /// Every job, oldest first; [`CRON_JOBS_MAX`] at most.
    pub async fn cron_jobs(&self) -> Result<Vec<CronRow>, StoreError> {
        self.read(|c| sql::all(c, "SELECT * FROM cron_jobs ORDER BY created_at_ms, id", [], read_job)).await
    }

    /// Jobs that are due, the longest first.
    pub async fn due_cron_jobs(&self, now_ms: i64, limit: usize) -> Result<Vec<CronRow>, StoreError> {
        self.read(move |c| {
            let due = "SELECT * FROM cron_jobs WHERE due_at_ms <= ?1 ORDER BY due_at_ms, id LIMIT ?2";
            sql::all(c, due, [now_ms, sql::limit(limit)], read_job)
        })
        .await
    }

    /// When the next job is due; `None` when none is.
    pub async fn next_cron_due(&self) -> Result<Option<i64>, StoreError> {
        self.read(|c| {
            let next = "SELECT min(due_at_ms) FROM cron_jobs WHERE due_at_ms IS NOT NULL";
            sql::only(c, next, [], |row| row.get(0))
        })
        .await
    }

    /// Takes a due time. The turn's session is made if its key is new.
    pub async fn claim_cron(&self, claim: CronClaim) -> Result<CronClaimed, StoreError> {
        let body = claim.turn.as_ref().map(|turn| turn.body.to_string()).unwrap_or_default();
        let claimed = self
            .write(move |c| {
                let CronClaim { due_at_ms, job, runs, turn, notice } = claim;
                let is_due = "SELECT 1 FROM cron_jobs WHERE id = ?1 AND due_at_ms IS ?2";
                if sql::first(c, is_due, params![job.id, due_at_ms], |_| Ok(()))?.is_none() {
                    return Ok(CronClaimed::Changed);
                }
                change(c, &job)?;
                runs.iter().try_for_each(|run| note(c, run))?;
                trim(c, &job.id)?;
                tell(c, notice.as_ref())?;
                let accepted = turn.map(|turn| inbox::accept(c, turn, &body)).transpose()?;
                fault::point("cron.before_claim");
                Ok(match accepted {
                    Some(Accepted::New(row)) => CronClaimed::Begun(Box::new(row)),
                    Some(Accepted::Duplicate(_)) | None => CronClaimed::Noted,
                })
            })
            .await?;
        fault::point("cron.after_claim");
        Ok(claimed)
    }

    /// Writes the end of a run and what it makes of its job. A run that ended before changes nothing.
    pub async fn finish_cron_run(&self, finish: CronFinish) -> Result<(), StoreError> {
        self.write(move |c| {
            let CronFinish { run, job, notice } = finish;
            let end = "UPDATE cron_runs SET status = ?2, ended_at_ms = ?3, record = ?4
                       WHERE run = ?1 AND ended_at_ms IS NULL";
            let ended = sql::execute(c, end, params![run.run, run.status, run.ended_at_ms, run.record.to_string()])?;
            if ended > 0 {
                match job {
                    CronAfter::Keep(row) => change(c, &row)?,
                    CronAfter::Remove => remove(c, &run.job_id)?,
                };
                tell(c, notice.as_ref())?;
            }
            fault::point("cron.before_finish");
            Ok(())
        })
        .await?;
        fault::point("cron.after_finish");
        Ok(())
    }

    /// Writes runs of the past. One that is known stays as it is.
    pub async fn note_cron_runs(&self, runs: Vec<CronRunRow>) -> Result<(), StoreError> {
        self.write(move |c| runs.iter().try_for_each(|run| note(c, run))).await
    }

    /// Runs that go on, oldest first.
    pub async fn open_cron_runs(&self) -> Result<Vec<CronRunRow>, StoreError> {
        self.read(|c| {
            let open = "SELECT * FROM cron_runs INDEXED BY cron_runs_open WHERE ended_at_ms IS NULL ORDER BY number";
            sql::all(c, open, [], read_run)
        })
        .await
    }

    /// The runs that a filter asks for, and how many there are in all.
    pub async fn cron_runs(&self, filter: CronRunFilter) -> Result<(Vec<CronRunRow>, usize), StoreError> {
        self.scan(move |c| select(c, &filter)).await
    }

    /// Forgets runs that ended before this time and returns how many.
    pub async fn prune_cron_runs(&self, before_ms: i64) -> Result<usize, StoreError> {
        let old = "DELETE FROM cron_runs WHERE number IN
                   (SELECT number FROM cron_runs WHERE ended_at_ms < ?1 LIMIT ?2)";
        self.prune(old, before_ms).await
    }
}

fn put(connection: &Connection, row: &CronRow) -> Result<(), StoreError> {
    let insert = "INSERT INTO cron_jobs (id, job, state, due_at_ms, created_at_ms, updated_at_ms)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let CronRow { id, job, state, due_at_ms, created_at_ms, updated_at_ms } = row;
    let values = params![id, job.to_string(), state.to_string(), due_at_ms, created_at_ms, updated_at_ms];
    sql::execute(connection, insert, values).map(drop)
}

fn change(connection: &Connection, row: &CronRow) -> Result<bool, StoreError> {
    let change = "UPDATE cron_jobs SET job = ?2, state = ?3, due_at_ms = ?4, created_at_ms = ?5, updated_at_ms = ?6 WHERE id = ?1";
    let CronRow { id, job, state, due_at_ms, created_at_ms, updated_at_ms } = row;
    let values = params![id, job.to_string(), state.to_string(), due_at_ms, created_at_ms, updated_at_ms];
    Ok(sql::execute(connection, change, values)? > 0)
}

fn remove(connection: &Connection, id: &str) -> Result<bool, StoreError> {
    Ok(sql::execute(connection, "DELETE FROM cron_jobs WHERE id = ?1", [id])? > 0)
}

fn tell(connection: &Connection, notice: Option<&NewOutbound>) -> Result<(), StoreError> {
    notice.map_or(Ok(()), |notice| outbox::insert(connection, notice, &notice.body.to_string()))
}

fn note(connection: &Connection, run: &CronRunRow) -> Result<(), StoreError> {
    let insert = "INSERT INTO cron_runs (job_id, run, status, started_at_ms, ended_at_ms, record)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING";
    let CronRunRow { job_id, run, status, started_at_ms, ended_at_ms, record } = run;
    let values = params![job_id, run, status, started_at_ms, ended_at_ms, record.to_string()];
    sql::execute(connection, insert, values).map(drop)
}

/// Forgets the oldest runs of a job that are too many; one that goes on stays.
fn trim(connection: &Connection, job_id: &str) -> Result<(), StoreError> {
    let trim = "DELETE FROM cron_runs WHERE job_id = ?1 AND ended_at_ms IS NOT NULL AND number <=
                (SELECT number FROM cron_runs WHERE job_id = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)";
    sql::execute(connection, trim, params![job_id, sql::limit(RUNS_KEPT)]).map(drop)
}

fn select(connection: &Connection, filter: &CronRunFilter) -> Result<(Vec<CronRunRow>, usize), StoreError> {
    let words = |words: Vec<&str>| Value::from(words).to_string();
    let statuses = words(filter.statuses.iter().map(|status| status.as_str()).collect());
    let delivery = words(filter.delivery.iter().map(String::as_str).collect());
    let text = filter.text.as_deref().map(str::to_lowercase);
    let wanted = "(?1 IS NULL OR job_id = ?1) AND (?2 IS NULL OR run = ?2)
                  AND (?3 = '[]' OR status IN (SELECT value FROM json_each(?3)))
                  AND (?4 = '[]' OR json_extract(record, '$.deliveryStatus') IN (SELECT value FROM json_each(?4)))
                  AND (?5 IS NULL OR instr(lower(record), ?5) > 0)";
    let order = if filter.oldest_first { "ASC" } else { "DESC" };
    let page = format!("SELECT * FROM cron_runs WHERE {wanted} ORDER BY number {order} LIMIT ?6 OFFSET ?7");
    let count = format!("SELECT count(*) FROM cron_runs WHERE {wanted}");
    let (limit, offset) = (sql::limit(filter.limit), sql::limit(filter.offset));
    let values = params![filter.job_id, filter.run, statuses, delivery, text, limit, offset];
    let found = sql::all(connection, &page, values, read_run)?;
    let values = params![filter.job_id, filter.run, statuses, delivery, text];
    let sql::Count(total) = sql::only(connection, &count, values, |row| row.get(0))?;
    Ok((found, usize::try_from(total).unwrap_or(usize::MAX)))
}

fn read_job(row: &Row<'_>) -> rusqlite::Result<CronRow> {
    let (Json(job), Json(state)) = (row.get("job")?, row.get("state")?);
    Ok(CronRow {
        id: row.get("id")?,
        job,
        state,
        due_at_ms: row.get("due_at_ms")?,
        created_at_ms: row.get("created_at_ms")?,
        updated_at_ms: row.get("updated_at_ms")?,
    })
}

fn read_run(row: &Row<'_>) -> rusqlite::Result<CronRunRow> {
    let Json(record) = row.get("record")?;
    Ok(CronRunRow {
        job_id: row.get("job_id")?,
        run: row.get("run")?,
        status: row.get("status")?,
        started_at_ms: row.get("started_at_ms")?,
        ended_at_ms: row.get("ended_at_ms")?,
        record,
    })
}
