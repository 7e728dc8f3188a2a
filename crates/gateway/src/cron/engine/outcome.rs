//! A run is over: what it leaves of its job, and whom it is told.

use chela_protocol::methods::cron::{CronCompletion, CronRunEntry};
use chela_store::{CronAfter, CronFinish, StoreError};

use super::{Engine, PAUSE};
use crate::cron::alert::{Occasion, notice};
use crate::cron::job::Job;
use crate::cron::news::{event, finished};
use crate::cron::run::{self, Ended, GoingOn, route_of};
use crate::cron::webhook;

impl Engine {
    /// A run is over: its entry is closed and its job goes on, waits longer, or goes.
    pub(super) async fn ended(&mut self, ended: Ended) -> Result<(), StoreError> {
        let GoingOn { job_id, run, .. } = &ended.going_on;
        // What ended is known to nobody else until the next start, so it is tried until it stands.
        let (after, entry) = loop {
            match self.close(&ended).await {
                Ok(closed) => break closed,
                Err(StoreError::Closed) => return Err(StoreError::Closed),
                Err(error) => {
                    tracing::error!(target: "cron", %error, run, "the end of a run can't be written; trying again");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        };
        self.forget(job_id, run);
        tracing::info!(target: "cron", job = job_id, run, failure = ?ended.failure, delivery = ended.delivery.as_str(), "an automation ended");
        self.tell(&finished(&entry));
        if after == After::Gone {
            self.tell(&event(job_id, "removed"));
        }
        Ok(())
    }

    /// Writes what is left of the job and of the run, and what a chat is told of it, in one transaction.
    async fn close(&self, ended: &Ended) -> Result<(After, CronRunEntry), StoreError> {
        let GoingOn { job_id, run, started_at_ms, .. } = &ended.going_on;
        let job = self.job(job_id).await?;
        let goes = job.as_ref().is_some_and(|job| goes(job, ended));
        let (mut next, mut told, mut left) = (None, None, CronAfter::Remove);
        if let Some(mut job) = job.filter(|_| !goes) {
            let was_on = job.spec.enabled;
            job.ran(ended);
            next = job.due_at_ms;
            let place = ended.going_on.entry.delivery.as_ref().map(|delivery| &delivery.resolved);
            let route = place.filter(|place| webhook::address_of(place).is_none()).map(route_of);
            let occasion = Occasion { run, status: ended.status(), was_on, told: route.as_ref() };
            told = notice(&self.gateway, &mut job, occasion).await?;
            left = CronAfter::Keep(job.row());
        }
        let entry = ended.entry(next);
        let row = run::row(job_id.clone(), run.clone(), ended.row_status(), *started_at_ms, Some(ended.at_ms), &entry);
        let is_told = told.is_some();
        self.gateway.store.finish_cron_run(CronFinish { run: row, job: left, notice: told }).await?;
        if is_told {
            self.gateway.delivery.wake();
        }
        Ok((if goes { After::Gone } else { After::Kept }, entry))
    }
}

/// What became of the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    Kept,
    Gone,
}

/// Whether a job has done all that it was made for.
fn goes(job: &Job, ended: &Ended) -> bool {
    job.goes_after_run() && job.due_at_ms.is_none() && ended.completion() == CronCompletion::Succeeded
}
