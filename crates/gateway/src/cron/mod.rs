//! Automations: work that agents do by the clock (G32).
//!
//! ```text
//! cron.* methods, the tool `cron` ──Ask──▶ engine ──claim──▶ inbox row ──▶ session task ──▶ outbox ──▶ chat
//!                                            │ ▲                                              │
//!                                     sleeps until due └────────────── end of the run ────────┘
//! ```
//!
//! One task, the engine, writes jobs and their runs; lists read the store and change nothing. A due time is claimed in one
//! transaction with the row of its turn and the job's next time.

mod alert;
mod course;
mod desk;
mod engine;
mod job;
mod news;
mod places;
mod retention;
mod run;
mod schedule;
mod webhook;

use std::sync::Arc;

use chela_protocol::methods::cron::{CronRunMode, CronRunResult, CronSpec, CronSpecError};
use chela_store::{CronRow, StoreError};
use chela_tools::{CronCall, CronLine, WebhookError};
use serde_json::Value;
use tokio::sync::{Mutex, Notify, mpsc, oneshot};

pub(crate) use self::desk::serve as serve_tool;
pub(crate) use self::job::{Job, Made};
pub(crate) use self::places::{Destination, LastPlaces, chat_of, place_of};
pub(crate) use self::run::preview;
pub(crate) use self::schedule::ScheduleError;
use crate::app::Gateway;
use crate::sessions::{Refused, UnknownAgent};

/// Changes that may wait for the engine: each takes a commit.
const MAILBOX: usize = 64;

/// The way to the engine, and what it knows beside the store.
pub(crate) struct Cron {
    asks: mpsc::Sender<Ask>,
    /// The engine's for as long as it runs; one that begins again after a panic takes over.
    mailbox: Mutex<mpsc::Receiver<Ask>>,
    /// Told when the configuration changed.
    changed: Notify,
    pub(crate) last_places: LastPlaces,
    /// Where the agents' tool finds the desk, and what it asks there; the desk's for as long as it runs.
    line: CronLine,
    calls: Mutex<mpsc::Receiver<CronCall>>,
}

impl Default for Cron {
    fn default() -> Self {
        let (asks, mailbox) = mpsc::channel(MAILBOX);
        let (line, calls) = CronLine::new();
        Self {
            asks,
            mailbox: Mutex::new(mailbox),
            changed: Notify::new(),
            last_places: LastPlaces::default(),
            line,
            calls: Mutex::new(calls),
        }
    }
}

type Answer<T> = oneshot::Sender<Result<T, CronError>>;

/// What the engine is asked to do.
enum Ask {
    Add(Box<CronSpec>, Made, Answer<Job>),
    Update(String, Value, Made, Answer<Job>),
    Remove(String, Answer<bool>),
    Run(String, CronRunMode, Answer<CronRunResult>),
}

/// Why the engine did not do it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CronError {
    #[error("Automation not found: {0}. List automations and retry with a current job id.")]
    NotFound(String),
    #[error(transparent)]
    Spec(#[from] CronSpecError),
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    #[error("`delivery.to` can't be posted to: {0}")]
    Webhook(#[from] WebhookError),
    #[error("this schedule is never due from now on")]
    NeverDue,
    #[error(transparent)]
    Agent(#[from] UnknownAgent),
    #[error("there are {} automations already; remove some first", chela_store::CRON_JOBS_MAX)]
    Full,
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Cron {
    /// The way of the agents' tool.
    pub(crate) fn line(&self) -> CronLine {
        self.line.clone()
    }

    /// The configuration changed.
    pub(crate) fn wake(&self) {
        self.changed.notify_one();
    }

    pub(crate) async fn add(&self, gateway: &Gateway, spec: CronSpec, made: Made) -> Result<Job, CronError> {
        self.ask(gateway, |answer| Ask::Add(Box::new(spec), made, answer)).await
    }

    /// Changes a job as [`CronSpec::patched`] says. One that is changed in a tainted turn is tainted from then on.
    pub(crate) async fn update(&self, gateway: &Gateway, id: &str, patch: Value, made: Made) -> Result<Job, CronError> {
        self.ask(gateway, |answer| Ask::Update(id.to_owned(), patch, made, answer)).await
    }

    /// Takes a job away and returns whether there was one. A run that goes on ends by itself.
    pub(crate) async fn remove(&self, gateway: &Gateway, id: &str) -> Result<bool, CronError> {
        self.ask(gateway, |answer| Ask::Remove(id.to_owned(), answer)).await
    }

    /// Begins a run now and returns when it is durable, not when it is over.
    pub(crate) async fn run_now(
        &self,
        gateway: &Gateway,
        id: &str,
        mode: CronRunMode,
    ) -> Result<CronRunResult, CronError> {
        self.ask(gateway, |answer| Ask::Run(id.to_owned(), mode, answer)).await
    }

    async fn ask<T>(&self, gateway: &Gateway, ask: impl FnOnce(Answer<T>) -> Ask) -> Result<T, CronError> {
        let (answer, answered) = oneshot::channel();
        let asking = async {
            self.asks.send(ask(answer)).await.ok()?;
            answered.await.ok()
        };
        tokio::select! {
            biased;
            done = asking => done.unwrap_or(Err(CronError::Refused(Refused::Busy))),
            () = gateway.shutdown.cancelled() => Err(CronError::Refused(Refused::Stopping)),
        }
    }
}

/// Every job that can be read, oldest first.
pub(crate) async fn jobs(gateway: &Gateway) -> Result<Vec<Job>, StoreError> {
    Ok(gateway.store.cron_jobs().await?.iter().filter_map(read).collect())
}

pub(crate) async fn job(gateway: &Gateway, id: &str) -> Result<Option<Job>, StoreError> {
    Ok(gateway.store.cron_job(id).await?.as_ref().and_then(read))
}

/// Runs what is due, until the gateway stops.
pub(crate) async fn run(gateway: Arc<Gateway>) {
    engine::run(gateway).await;
}

/// Removes conversations of runs whose time is over, until the gateway stops.
pub(crate) async fn keep_small(gateway: Arc<Gateway>) {
    retention::run(gateway).await;
}

fn read(row: &CronRow) -> Option<Job> {
    match Job::read(row) {
        Ok(job) => Some(job),
        Err(error) => {
            tracing::warn!(%error, job = row.id, "an automation can't be read");
            None
        }
    }
}
