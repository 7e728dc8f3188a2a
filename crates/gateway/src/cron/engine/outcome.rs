//! A run is over: what it leaves of its job.

use chela_protocol::methods::cron::{CronAutoDisabled, CronCompletion, CronDelivered, CronState, CronStatus};
use chela_store::{CronAfter, CronFinish, StoreError};

use super::{Engine, PAUSE, event, finished};
use crate::cron::job::Job;
use crate::cron::run::{self, Ended, GoingOn};

/// How long a job that failed is left alone at least, by how often it failed in a row. As in the reference system.
const BACKOFF_MS: [i64; 5] = [30_000, 60_000, 300_000, 900_000, 3_600_000];

/// Failures in a row after which a recurring job is turned off: by then a day of hourly tries has cost money for nothing.
const FAILURES_MAX: u32 = 10;

impl Engine {
    /// A run is over: its entry is closed and its job goes on, waits longer, or goes.
    pub(super) async fn ended(&mut self, ended: Ended) -> Result<(), StoreError> {
        let GoingOn { job_id, run, started_at_ms, .. } = ended.going_on.clone();
        let job = self.job(&job_id).await?;
        let is_last = job.as_ref().is_none_or(|job| job.due_at_ms.is_none());
        let goes = job
            .as_ref()
            .is_some_and(|job| job.goes_after_run() && is_last && ended.completion() == CronCompletion::Succeeded);
        let (after, next) = match job {
            Some(job) if !goes => {
                let job = self.after(job, &ended);
                let next = job.due_at_ms;
                (CronAfter::Keep(job.row()), next)
            }
            Some(_) | None => (CronAfter::Remove, None),
        };
        let entry = ended.entry(next);
        let row = run::row(job_id.clone(), run.clone(), ended.row_status(), started_at_ms, Some(ended.at_ms), &entry);
        let finish = CronFinish { run: row, job: after };
        while let Err(error) = self.gateway.store.finish_cron_run(finish.clone()).await {
            if matches!(error, StoreError::Closed) {
                return Err(error);
            }
            tracing::error!(target: "cron", %error, run, "the end of a run can't be written; trying again");
            tokio::time::sleep(PAUSE).await;
        }
        self.forget(&job_id, &run);
        tracing::info!(target: "cron", job = job_id, run, status = ?ended.status, delivery = ended.delivery.as_str(), "an automation ended");
        self.tell(&finished(&entry, next));
        if goes {
            self.tell(&event(&job_id, "removed"));
        }
        Ok(())
    }

    /// The job after one of its runs.
    fn after(&self, mut job: Job, ended: &Ended) -> Job {
        let GoingOn { started_at_ms, .. } = ended.going_on;
        let before = job.state.clone();
        let is_error = ended.status == CronStatus::Error;
        job.state = CronState {
            running_at_ms: None,
            last_run_at_ms: Some(started_at_ms),
            last_run_status: Some(ended.status),
            last_status: Some(ended.status),
            last_error: ended.error.clone(),
            last_duration_ms: Some(ended.at_ms - started_at_ms),
            consecutive_errors: if is_error { before.consecutive_errors + 1 } else { 0 },
            consecutive_skipped: 0,
            last_delivered: Some(ended.delivery == CronDelivered::Delivered),
            last_delivery_status: Some(ended.delivery),
            last_delivery_error: ended.delivery_error.clone(),
            ..before
        };
        if job.is_once() {
            // What waits again was given a new time meanwhile.
            job.spec.enabled &= job.due_at_ms.is_some();
        } else if job.state.consecutive_errors >= FAILURES_MAX && job.spec.enabled {
            let error = ended.error.clone().unwrap_or_default();
            self.turn_off(&mut job, "consecutive-failures", &error);
        } else if let (true, Some(due)) = (is_error, job.due_at_ms) {
            let step = (job.state.consecutive_errors as usize).clamp(1, BACKOFF_MS.len());
            job.due_at_ms = Some(due.max(ended.at_ms + BACKOFF_MS[step - 1]));
        }
        job
    }

    pub(super) fn turn_off(&self, job: &mut Job, reason: &str, error: &str) {
        tracing::error!(target: "cron", job = job.id, name = job.spec.name, reason, error, "an automation is turned off");
        job.spec.enabled = false;
        job.due_at_ms = None;
        job.state.last_error = Some(error.to_owned());
        job.state.auto_disabled = Some(CronAutoDisabled {
            reason: reason.to_owned(),
            at_ms: self.gateway.now_ms(),
            consecutive_errors: job.state.consecutive_errors.max(1),
        });
    }
}
