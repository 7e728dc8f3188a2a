//! The one task that writes jobs and their runs: it sleeps until something is due, claims it, and notes how it ended.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chela_agent::parse_thinking;
use chela_protocol::Scope;
use chela_protocol::methods::chat::QueueMode;
use chela_protocol::methods::cron::{
    CronAutoDisabled, CronCompletion, CronDelivered, CronEvent, CronPayload, CronRunEntry, CronRunMode, CronRunResult,
    CronSpec, CronSpecError, CronState, CronStatus,
};
use chela_store::{
    CronAdded, CronAfter, CronClaim, CronClaimed, CronFinish, CronRunRow, CronRunStatus, InboxRow, StoreError,
};
use serde::Deserialize as _;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::job::{Job, Made};
use super::places::{Destination, destination_of, hearers_of, session_of};
use super::run::{self, Address, Ended, GoingOn, inbound, missed_row, run_name, watch, without_turn};
use super::schedule::{MakeUp, Plan, fixed};
use super::{Answer, Ask, CronError, read};
use crate::app::Gateway;
use crate::events::{Audience, Event};
use crate::sessions::{Mail, Refused, begin_anew_if_expired};

/// Longest sleep while a job waits for its time: a clock that was set, or a machine that slept, is noticed within it.
const CLOCK_LOOK: Duration = Duration::from_mins(1);

/// Pause after a store or a gateway that can't take work now.
const PAUSE: Duration = Duration::from_secs(5);

/// Due jobs of one look.
const LOOK: usize = 16;

/// How long a job that failed is left alone at least, by how often it failed in a row. As in the reference system.
const BACKOFF_MS: [i64; 5] = [30_000, 60_000, 300_000, 900_000, 3_600_000];

/// Failures in a row after which a recurring job is turned off: by then a day of hourly tries has cost money for nothing.
const FAILURES_MAX: u32 = 10;

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

/// How a job came to be run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Call {
    /// It was due at this time, and is next at that one.
    Clock {
        due_ms: i64,
        next_ms: Option<i64>,
    },
    Hand,
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
        for mut job in super::jobs(&self.gateway).await? {
            let is_new = job.state.last_status.is_none() && job.state.running_at_ms.is_none();
            if job.due_at_ms.is_none() && job.spec.enabled && (is_new || !job.is_once()) {
                self.settle(&mut job).await?;
            }
        }
        Ok(())
    }

    /// A job that somebody else wrote gets its next time. What is due once and lies in the past was missed, and is seen to as such.
    async fn settle(&self, job: &mut Job) -> Result<(), StoreError> {
        match job.timetable(&self.gateway) {
            Ok(table) => job.due_at_ms = table.next_after(if job.is_once() { i64::MIN } else { self.gateway.now_ms() }),
            Err(error) => self.turn_off(job, "schedule-errors", &error.to_string()),
        }
        self.gateway.store.change_cron_job(job.row()).await.map(drop)
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

    async fn run_due(&mut self) -> Result<(), Hindered> {
        let rows = self.gateway.store.due_cron_jobs(self.gateway.now_ms(), LOOK).await?;
        let room = self.gateway.config.load().cron.runs_at_once();
        for mut row in rows {
            let Some(job) = read(&row) else {
                // It stays to be looked at, and is not looked at for ever.
                row.due_at_ms = None;
                self.gateway.store.change_cron_job(row).await?;
                continue;
            };
            // One that still runs takes no further place.
            if self.running.len() >= room && !self.running.contains_key(&job.id) {
                continue;
            }
            self.due(job).await?;
        }
        Ok(())
    }

    /// A job is due.
    async fn due(&mut self, mut job: Job) -> Result<(), Hindered> {
        let Some(due_ms) = job.due_at_ms else { return Ok(()) };
        let table = match job.timetable(&self.gateway) {
            Ok(table) => table,
            Err(error) => {
                self.turn_off(&mut job, "schedule-errors", &error.to_string());
                self.gateway.store.change_cron_job(job.row()).await?;
                return Ok(());
            }
        };
        let now_ms = self.gateway.now_ms();
        let skips = self.gateway.config.load().cron.skip_missed_jobs == Some(true);
        let make_up = if skips { MakeUp::Never } else { MakeUp::Once };
        let Plan { run, next, missed } = table.plan(due_ms, now_ms, make_up);
        let zone = job.zone(&self.gateway);
        let noted: Vec<CronRunRow> =
            missed.map(|missed| missed_row(&job, missed, run.is_some(), now_ms, &zone)).into_iter().collect();
        match run {
            Some(due_ms) if self.running.contains_key(&job.id) => {
                let why = "the run before it still goes on".to_owned();
                let skipped = without_turn(&job, run_name(&job, due_ms), now_ms, CronRunStatus::Skipped, why);
                self.pass_over(job, next, noted.into_iter().chain([skipped]).collect()).await
            }
            Some(due_ms) => self.begin(job, Call::Clock { due_ms, next_ms: next }, noted).await.map(drop),
            None => self.pass_over(job, next, noted).await,
        }
    }

    /// A due time leads to no turn.
    async fn pass_over(&mut self, mut job: Job, next: Option<i64>, runs: Vec<CronRunRow>) -> Result<(), Hindered> {
        let entry = runs.last().and_then(|run| CronRunEntry::deserialize(&run.record).ok());
        let due_at_ms = job.due_at_ms;
        let status = entry.as_ref().and_then(|entry| entry.status).unwrap_or(CronStatus::Skipped);
        job.state.last_status = Some(status);
        job.state.last_run_status = Some(status);
        job.state.last_error = entry.as_ref().and_then(|entry| entry.error.clone());
        if status == CronStatus::Error {
            job.state.consecutive_errors += 1;
        } else {
            job.state.consecutive_skipped += 1;
        }
        let state = serde_json::to_value(&job.state).unwrap_or_default();
        let claim = CronClaim { id: job.id.clone(), due_at_ms, next_due_at_ms: next, state, runs, turn: None };
        if self.gateway.store.claim_cron(claim).await? == CronClaimed::Changed {
            return Ok(());
        }
        job.due_at_ms = next;
        if next.is_none() && !self.running.contains_key(&job.id) {
            job.spec.enabled = false;
            self.gateway.store.change_cron_job(job.row()).await?;
        }
        if let Some(entry) = entry {
            tracing::warn!(target: "cron", job = job.id, name = job.spec.name, "{}", entry.error.as_deref().unwrap_or_default());
            self.tell(&finished(&entry, next));
        }
        Ok(())
    }

    /// Claims a run and hands it to its session. Returns its name.
    async fn begin(&mut self, mut job: Job, call: Call, mut runs: Vec<CronRunRow>) -> Result<String, Hindered> {
        let gateway = self.gateway.clone();
        let now_ms = gateway.now_ms();
        let (run, due_ms, next_ms) = match call {
            Call::Clock { due_ms, next_ms } => (run_name(&job, due_ms), due_ms, next_ms),
            Call::Hand => (format!("cron:{}:by-hand:{now_ms}", job.id), now_ms, job.due_at_ms),
        };
        let target = job.agent(&gateway).map_err(|error| error.to_string());
        let target = target.and_then(|agent| session_of(&job, &agent).map(|session| (agent, session)));
        let (agent, session) = match target {
            Ok(target) => target,
            Err(why) => {
                runs.push(without_turn(&job, run.clone(), now_ms, CronRunStatus::Error, why));
                self.pass_over(job, next_ms, runs).await?;
                return Ok(run);
            }
        };
        gateway.pressure.refuse_new().map_err(Refused::from)?;
        if job.is_isolated() {
            gateway.store.reset_session(&session, now_ms).await?;
        }
        let mut entry = CronRunEntry { session_key: Some(session.to_string()), ..run::entry_of(&job, &run, now_ms) };
        let route = match destination_of(&gateway, &job, &agent).await? {
            Destination::Nowhere => None,
            Destination::Chat(route) => {
                entry.delivery = Some(run::place_of(&route));
                Some(route)
            }
            Destination::Missing(why) => {
                entry.delivery_error = Some(why);
                None
            }
        };
        let hearers = hearers_of(&gateway, &agent, route.as_ref()).await?;
        let due_at_ms = job.due_at_ms;
        job.state.running_at_ms = Some(now_ms);
        runs.push(run::row(job.id.clone(), run.clone(), CronRunStatus::Running, now_ms, None, &entry));
        // The place in the queue comes before the commit: what is durable is never turned away afterwards.
        let place = gateway.sessions.reserve(&gateway, &session)?;
        let turn = inbound(&gateway, &job, &run, due_ms, Address { agent, session, route, hearers });
        let claim = CronClaim {
            id: job.id.clone(),
            due_at_ms,
            next_due_at_ms: next_ms,
            state: serde_json::to_value(&job.state).unwrap_or_default(),
            runs,
            turn: Some(turn),
        };
        match gateway.store.claim_cron(claim).await? {
            CronClaimed::Changed => return Ok(run),
            CronClaimed::Noted => {}
            CronClaimed::Begun(row) => self.hand_over(place, *row).await,
        }
        tracing::info!(target: "cron", job = job.id, name = job.spec.name, run, "an automation begins");
        self.tell(&CronEvent {
            run_at_ms: Some(now_ms),
            run_id: Some(run.clone()),
            session_key: entry.session_key.clone(),
            next_run_at_ms: next_ms,
            ..event(&job.id, "started")
        });
        let is_best_effort = job.is_best_effort();
        self.watch(GoingOn { job_id: job.id, run: run.clone(), started_at_ms: now_ms, entry, is_best_effort });
        Ok(run)
    }

    async fn hand_over(&self, place: crate::sessions::Place, row: InboxRow) {
        let put_away = async {
            match self.gateway.store.session(&row.session).await? {
                Some(stored) => begin_anew_if_expired(&self.gateway, &stored).await,
                None => Ok(()),
            }
        };
        if let Err(error) = put_away.await {
            tracing::error!(%error, session = %row.session, "an expired conversation could not be put away");
        }
        self.gateway.sessions.deliver(place, Mail { row, mode: QueueMode::Followup }, None);
    }

    fn watch(&mut self, going_on: GoingOn) {
        self.running.entry(going_on.job_id.clone()).or_default().insert(going_on.run.clone());
        self.watched.spawn(watch(self.gateway.clone(), going_on));
    }

    /// A run is over: its entry is closed and its job goes on, waits longer, or goes.
    async fn ended(&mut self, ended: Ended) -> Result<(), StoreError> {
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

    fn turn_off(&self, job: &mut Job, reason: &str, error: &str) {
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

    async fn answer(&mut self, ask: Ask) {
        // Whoever asked may be gone; it is done all the same.
        match ask {
            Ask::Add(spec, made, answer) => reply(answer, self.add(*spec, made).await),
            Ask::Update(id, patch, made, answer) => reply(answer, self.update(&id, &patch, made).await),
            Ask::Remove(id, answer) => reply(answer, self.remove(&id).await),
            Ask::Run(id, mode, answer) => reply(answer, self.run_now(&id, mode).await),
        }
    }

    async fn add(&self, mut spec: CronSpec, made: Made) -> Result<Job, CronError> {
        let now_ms = self.gateway.now_ms();
        spec.schedule = fixed(spec.schedule, now_ms)?;
        let mut job = Job {
            id: uuid::Uuid::new_v4().to_string(),
            spec,
            made,
            state: CronState::default(),
            due_at_ms: None,
            created_at_ms: now_ms,
            updated_at_ms: now_ms,
        };
        job.agent(&self.gateway)?;
        check_words(&job.spec)?;
        job.due_at_ms = self.next_of(&job)?;
        match self.gateway.store.add_cron_job(job.row()).await? {
            CronAdded::Full => return Err(CronError::Full),
            CronAdded::Added | CronAdded::Known => {}
        }
        self.tell(&CronEvent { next_run_at_ms: job.due_at_ms, ..event(&job.id, "added") });
        Ok(job)
    }

    async fn update(&self, id: &str, patch: &Value, made: Made) -> Result<Job, CronError> {
        let before = self.job(id).await?.ok_or_else(|| CronError::NotFound(id.to_owned()))?;
        let now_ms = self.gateway.now_ms();
        let mut spec = before.spec.patched(patch)?;
        spec.schedule = fixed(spec.schedule, now_ms)?;
        let mut job = Job { spec, updated_at_ms: now_ms, ..before.clone() };
        check_words(&job.spec)?;
        if made == Made::Tainted {
            job.made = Made::Tainted;
        }
        if job.spec.agent_id != before.spec.agent_id {
            job.agent(&self.gateway)?;
        }
        let is_turned_on = job.spec.enabled && !before.spec.enabled;
        if is_turned_on {
            job.state.auto_disabled = None;
            job.state.consecutive_errors = 0;
        }
        if !job.spec.enabled {
            job.due_at_ms = None;
        } else if is_turned_on || job.spec.schedule != before.spec.schedule {
            job.due_at_ms = self.next_of(&job)?;
        }
        if !self.gateway.store.change_cron_job(job.row()).await? {
            return Err(CronError::NotFound(id.to_owned()));
        }
        self.tell(&CronEvent { next_run_at_ms: job.due_at_ms, ..event(id, "updated") });
        Ok(job)
    }

    async fn remove(&self, id: &str) -> Result<bool, CronError> {
        let removed = self.gateway.store.remove_cron_job(id).await?;
        if removed {
            self.tell(&event(id, "removed"));
        }
        Ok(removed)
    }

    async fn run_now(&mut self, id: &str, mode: CronRunMode) -> Result<CronRunResult, CronError> {
        let job = self.job(id).await?.ok_or_else(|| CronError::NotFound(id.to_owned()))?;
        let is_due = job.due_at_ms.is_some_and(|due| due <= self.gateway.now_ms());
        let reason = match mode {
            _ if self.running.contains_key(id) => Some("already-running"),
            CronRunMode::Due if !is_due => Some("not-due"),
            CronRunMode::IfEnabled if !job.spec.enabled => Some("disabled"),
            CronRunMode::Due | CronRunMode::IfEnabled | CronRunMode::Force => None,
        };
        if let Some(reason) = reason {
            return Ok(CronRunResult {
                ok: true,
                ran: Some(false),
                reason: Some(reason.to_owned()),
                ..CronRunResult::default()
            });
        }
        let run = self.begin(job, Call::Hand, Vec::new()).await.map_err(|hindered| match hindered {
            Hindered::Store(error) => CronError::Store(error),
            Hindered::Refused(refused) => CronError::Refused(refused),
        })?;
        Ok(CronRunResult { ok: true, enqueued: Some(true), run_id: Some(run), ..CronRunResult::default() })
    }

    /// When a job that is turned on is due next.
    fn next_of(&self, job: &Job) -> Result<Option<i64>, CronError> {
        let table = job.timetable(&self.gateway)?;
        let next = table.next_after(self.gateway.now_ms());
        match (job.spec.enabled, next) {
            (true, None) => Err(CronError::NeverDue),
            (true, next) => Ok(next),
            (false, _) => Ok(None),
        }
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

/// Refuses words that no turn would understand.
fn check_words(spec: &CronSpec) -> Result<(), CronError> {
    let CronPayload::AgentTurn { thinking: Some(level), .. } = &spec.payload else { return Ok(()) };
    match parse_thinking(level) {
        Some(_) => Ok(()),
        None => Err(CronSpecError::Invalid(format!("`{level}` is no level of thinking; try `low` or `high`")).into()),
    }
}

/// Sleeps so long; for ever where there is nothing to wait for.
async fn after(sleep: Option<Duration>) {
    match sleep {
        Some(sleep) => tokio::time::sleep(sleep).await,
        None => std::future::pending().await,
    }
}

fn reply<T>(answer: Answer<T>, result: Result<T, CronError>) {
    let _ = answer.send(result);
}

fn event(job_id: &str, action: &str) -> CronEvent {
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

fn finished(entry: &CronRunEntry, next_run_at_ms: Option<i64>) -> CronEvent {
    CronEvent {
        run_at_ms: entry.run_at_ms,
        duration_ms: entry.duration_ms,
        status: entry.status,
        error: entry.error.clone(),
        summary: entry.summary.clone(),
        run_id: entry.run_id.clone(),
        session_key: entry.session_key.clone(),
        next_run_at_ms,
        ..event(&entry.job_id, "finished")
    }
}
