//! The one task that writes jobs and their runs: it sleeps until something is due, claims it, and notes how it ended.

mod change;
mod due;
mod outcome;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chela_protocol::Scope;
use chela_protocol::methods::cron::{CronEvent, CronRunEntry, CronStatus};
use chela_store::{CronClaim, StoreError};
use serde::Deserialize as _;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::Ask;
use super::alert::{Occasion, notice};
use super::course::OffReason;
use super::job::Job;
use super::run::{Ended, GoingOn, watch};
use super::schedule::ScheduleError;
use crate::app::Gateway;
use crate::events::{Audience, Event};
use crate::sessions::Refused;

/// Longest sleep while a job waits for its time: a clock that was set, or a machine that slept, is noticed within it.
const CLOCK_LOOK: Duration = Duration::from_mins(1);

/// Pause after a store or a gateway that can't take work now.
const PAUSE: Duration = Duration::from_secs(5);

pub(super) async fn run(gateway: Arc<Gateway>) {
    let mut mailbox = gateway.cron.mailbox.lock().await;
    let mut engine =
        Engine { gateway: gateway.clone(), running: BTreeMap::new(), watched: JoinSet::new(), is_pausing: false };
    while let Err(error) = engine.take_up().await {
        if matches!(error, StoreError::Closed) {
            return;
        }
        tracing::error!(target: "cron", %error, "automations can't be read; trying again");
        tokio::time::sleep(PAUSE).await;
    }
    loop {
        match engine.step(&mut mailbox).await {
            Ok(()) => engine.is_pausing = false,
            Err(Hindered::Store(StoreError::Closed) | Hindered::Refused(Refused::Stopping)) => return,
            Err(hindered) => {
                tracing::warn!(target: "cron", %hindered, "automations wait a moment");
                engine.is_pausing = true;
            }
        }
    }
}

/// What keeps the engine from its work for a moment. Nothing is lost by it.
#[derive(Debug, thiserror::Error)]
enum Hindered {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Refused(#[from] Refused),
}

struct Engine {
    gateway: Arc<Gateway>,
    /// Runs that go on, by their job.
    running: BTreeMap<String, BTreeSet<String>>,
    watched: JoinSet<Option<Ended>>,
    /// Something could not be done a moment ago.
    is_pausing: bool,
}

impl Engine {
    /// Watches the runs that the last start left, and gives a time to jobs that have none yet.
    async fn take_up(&mut self) -> Result<(), StoreError> {
        for row in self.gateway.store.open_cron_runs().await? {
            let best_effort = self.job(&row.job_id).await?.is_some_and(|job| job.is_best_effort());
            match CronRunEntry::deserialize(&row.record) {
                Ok(entry) => self.watch(GoingOn {
                    job_id: row.job_id,
                    run: row.run,
                    started_at_ms: row.started_at_ms,
                    entry,
                    is_best_effort: best_effort,
                }),
                Err(error) => tracing::warn!(target: "cron", %error, run = row.run, "a run can't be read"),
            }
        }
        for job in super::jobs(&self.gateway).await? {
            let is_new = job.state.last_status.is_none() && job.state.running_at_ms.is_none();
            if job.due_at_ms.is_none() && job.spec.enabled && (is_new || !job.is_once()) {
                self.settle(job).await?;
            }
        }
        Ok(())
    }

    /// A job that somebody else wrote gets its next time. What is due once and lies in the past was missed, and is seen to as such.
    async fn settle(&self, mut job: Job) -> Result<(), StoreError> {
        match job.timetable(&self.gateway) {
            Ok(table) => job.due_at_ms = table.next_after(if job.is_once() { i64::MIN } else { self.gateway.now_ms() }),
            Err(error) => return self.give_up(job, &error).await,
        }
        self.gateway.store.change_cron_job(job.row()).await.map(drop)
    }

    /// A job whose schedule can't be kept is turned off, and its owner is told.
    async fn give_up(&self, mut job: Job, error: &ScheduleError) -> Result<(), StoreError> {
        let (now_ms, due_at_ms, was_on) = (self.gateway.now_ms(), job.due_at_ms, job.spec.enabled);
        job.turn_off(OffReason::Schedule, &error.to_string(), now_ms);
        let run = format!("cron:{}:schedule:{now_ms}", job.id);
        let occasion = Occasion { run: &run, status: CronStatus::Error, was_on, told: None };
        let notice = notice(&self.gateway, &mut job, occasion).await?;
        let claim = CronClaim { due_at_ms, job: job.row(), runs: Vec::new(), turn: None, notice };
        self.gateway.store.claim_cron(claim).await?;
        self.gateway.delivery.wake();
        Ok(())
    }

    /// One thing after the other: a run that ended, a question, a job that is due.
    async fn step(&mut self, mailbox: &mut mpsc::Receiver<Ask>) -> Result<(), Hindered> {
        let gateway = self.gateway.clone();
        let sleep = self.sleep().await?;
        tokio::select! {
            biased;
            Some(ended) = self.watched.join_next() => match ended {
                Ok(Some(ended)) => self.ended(ended).await?,
                Ok(None) => return Err(StoreError::Closed.into()),
                // Who watched is gone, and so is what was watched: it is found again at the next beginning.
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            },
            Some(ask) = mailbox.recv() => self.answer(ask).await,
            () = gateway.cron.changed.notified() => {}
            () = after(sleep) => self.run_due().await?,
        }
        Ok(())
    }

    /// How long nothing is due; `None` where nothing ever is, or nothing more may run now.
    async fn sleep(&self) -> Result<Option<Duration>, StoreError> {
        let config = self.gateway.config.load();
        let is_full = self.running.len() >= config.cron.runs_at_once();
        if !config.cron.is_enabled() || is_full {
            return Ok(None);
        }
        if self.is_pausing {
            return Ok(Some(PAUSE));
        }
        let due = self.gateway.store.next_cron_due().await?;
        let until = |due: i64| Duration::from_millis(u64::try_from(due - self.gateway.now_ms()).unwrap_or(0));
        Ok(due.map(|due| until(due).min(CLOCK_LOOK)))
    }

    fn watch(&mut self, going_on: GoingOn) {
        self.running.entry(going_on.job_id.clone()).or_default().insert(going_on.run.clone());
        self.watched.spawn(watch(self.gateway.clone(), going_on));
    }

    async fn job(&self, id: &str) -> Result<Option<Job>, StoreError> {
        super::job(&self.gateway, id).await
    }

    fn forget(&mut self, job_id: &str, run: &str) {
        if let Some(runs) = self.running.get_mut(job_id) {
            runs.remove(run);
            if runs.is_empty() {
                self.running.remove(job_id);
            }
        }
    }

    fn tell(&self, event: &CronEvent) {
        self.gateway.events.publish(&Event::new("cron", Audience::Holding(Scope::Read), event));
    }
}

/// Sleeps so long; for ever where there is nothing to wait for.
async fn after(sleep: Option<Duration>) {
    match sleep {
        Some(sleep) => tokio::time::sleep(sleep).await,
        None => std::future::pending().await,
    }
}
