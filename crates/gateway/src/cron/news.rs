//! What clients, and receivers of webhooks, are told of jobs and their runs.

use chela_protocol::methods::cron::{CronEvent, CronRunEntry};

/// Something happened to a job: `added`, `updated`, `removed`, `started`.
pub(super) fn event(job_id: &str, action: &str) -> CronEvent {
    CronEvent {
        job_id: job_id.to_owned(),
        action: action.to_owned(),
        run_at_ms: None,
        duration_ms: None,
        status: None,
        error: None,
        summary: None,
        run_id: None,
        session_key: None,
        next_run_at_ms: None,
    }
}

/// A run of it is over.
pub(super) fn finished(entry: &CronRunEntry) -> CronEvent {
    CronEvent {
        run_at_ms: entry.run_at_ms,
        duration_ms: entry.duration_ms,
        status: entry.status,
        error: entry.error.clone(),
        summary: entry.summary.clone(),
        run_id: entry.run_id.clone(),
        session_key: entry.session_key.clone(),
        next_run_at_ms: entry.next_run_at_ms,
        ..event(&entry.job_id, "finished")
    }
}
