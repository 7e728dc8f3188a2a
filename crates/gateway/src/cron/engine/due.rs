//! A job is due: its time is claimed in one transaction with its turn and its next time, or passed over with the reason.

use chela_protocol::methods::chat::QueueMode;
use chela_protocol::methods::cron::{CronEvent, CronRunEntry, CronStatus};
use chela_protocol::{AgentId, SessionKey};
use chela_store::{CronClaim, CronClaimed, CronRunRow, CronRunStatus, InboxRow, StoreError};
use serde::Deserialize as _;

use super::{Engine, Hindered};
use crate::app::Gateway;
use crate::cron::alert::{Occasion, notice};
use crate::cron::job::Job;
use crate::cron::news::{event, finished};
use crate::cron::places::{Destination, Hearers, destination_of, hearers_of, session_of};
use crate::cron::run::{self, Address, GoingOn, inbound, missed_row, run_name, without_turn};
use crate::cron::schedule::{MakeUp, Plan};
use crate::cron::{read, webhook};
use crate::sessions::{Mail, Place, Refused, begin_anew_if_expired};

/// Due jobs of one look.
const LOOK: usize = 16;

/// How a job came to be run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    /// It was due at this time, and is next at that one.
    Clock {
        due_ms: i64,
        next_ms: Option<i64>,
    },
    Hand,
}

impl Engine {
    pub(super) async fn run_due(&mut self) -> Result<(), Hindered> {
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
    async fn due(&mut self, job: Job) -> Result<(), Hindered> {
        let Some(due_ms) = job.due_at_ms else { return Ok(()) };
        let table = match job.timetable(&self.gateway) {
            Ok(table) => table,
            Err(error) => return Ok(self.give_up(job, &error).await?),
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

    /// A due time leads to no turn. What is never due again is turned off with it, and whoever is to know is told.
    async fn pass_over(&mut self, mut job: Job, next_ms: Option<i64>, runs: Vec<CronRunRow>) -> Result<(), Hindered> {
        let last = runs.last().expect("a time that is passed over has an entry that says why");
        let (run, mut entry) = (last.run.clone(), entry_of(last));
        let (due_at_ms, was_on) = (job.due_at_ms, job.spec.enabled);
        job.passed_over(&entry, next_ms);
        if job.due_at_ms.is_none() && !self.running.contains_key(&job.id) {
            job.spec.enabled = false;
        }
        let status = entry.status.unwrap_or(CronStatus::Skipped);
        let notice = notice(&self.gateway, &mut job, Occasion { run: &run, status, was_on, told: None }).await?;
        let is_told = notice.is_some();
        let claim = CronClaim { due_at_ms, job: job.row(), runs, turn: None, notice };
        if self.gateway.store.claim_cron(claim).await? == CronClaimed::Changed {
            return Ok(());
        }
        if is_told {
            self.gateway.delivery.wake();
        }
        tracing::warn!(target: "cron", job = job.id, name = job.spec.name, "{}", entry.error.as_deref().unwrap_or_default());
        entry.next_run_at_ms = job.due_at_ms;
        self.tell(&finished(&entry));
        Ok(())
    }

    /// Claims a run and hands it to its session. Returns its name.
    pub(super) async fn begin(
        &mut self,
        mut job: Job,
        call: Call,
        mut runs: Vec<CronRunRow>,
    ) -> Result<String, Hindered> {
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
        let address = address_of(&gateway, &job, (agent, session), &mut entry).await?;
        let due_at_ms = job.due_at_ms;
        job.due_at_ms = next_ms;
        job.state.running_at_ms = Some(now_ms);
        runs.push(run::row(job.id.clone(), run.clone(), CronRunStatus::Running, now_ms, None, &entry));
        // The place in the queue comes before the commit: what is durable is never turned away afterwards.
        let place = gateway.sessions.reserve(&gateway, &address.session)?;
        let turn = Some(inbound(&gateway, &job, &run, due_ms, address));
        let claim = CronClaim { due_at_ms, job: job.row(), runs, turn, notice: None };
        match gateway.store.claim_cron(claim).await? {
            CronClaimed::Changed => return Ok(run),
            CronClaimed::Noted => {}
            CronClaimed::Begun(row) => self.hand_over(place, *row).await,
        }
        self.begun(&job, run.clone(), now_ms, entry);
        Ok(run)
    }

    fn begun(&mut self, job: &Job, run: String, now_ms: i64, entry: CronRunEntry) {
        tracing::info!(target: "cron", job = job.id, name = job.spec.name, run, "an automation begins");
        self.tell(&CronEvent {
            run_at_ms: Some(now_ms),
            run_id: Some(run.clone()),
            session_key: entry.session_key.clone(),
            next_run_at_ms: job.due_at_ms,
            ..event(&job.id, "started")
        });
        let is_best_effort = job.is_best_effort();
        self.watch(GoingOn { job_id: job.id.clone(), run, started_at_ms: now_ms, entry, is_best_effort });
    }

    async fn hand_over(&self, place: Place, row: InboxRow) {
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
}

/// Where a run goes. The entry says where its answer does, or why it can't.
async fn address_of(
    gateway: &Gateway,
    job: &Job,
    (agent, session): (AgentId, SessionKey),
    entry: &mut CronRunEntry,
) -> Result<Address, StoreError> {
    if let Some(url) = job.webhook() {
        entry.delivery = Some(webhook::place_of(url));
        // Nobody knows who reads there.
        return Ok(Address { agent, session, route: None, hearers: Hearers::Others });
    }
    let route = match destination_of(gateway, job, &agent).await? {
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
    let hearers = hearers_of(gateway, &agent, route.as_ref()).await?;
    Ok(Address { agent, session, route, hearers })
}

fn entry_of(run: &CronRunRow) -> CronRunEntry {
    CronRunEntry::deserialize(&run.record).expect("it was made of our own type")
}
