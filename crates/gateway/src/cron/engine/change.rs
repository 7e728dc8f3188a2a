//! What clients and agents ask for: jobs are made, changed, removed, and run by hand.

use chela_agent::parse_thinking;
use chela_protocol::methods::cron::{
    CronEvent, CronPayload, CronRunMode, CronRunResult, CronSpec, CronSpecError, CronState,
};
use chela_store::CronAdded;
use serde_json::Value;

use super::due::Call;
use super::{Engine, Hindered};
use crate::cron::job::{Job, Made};
use crate::cron::news::event;
use crate::cron::schedule::fixed;
use crate::cron::{Answer, Ask, CronError, webhook};

impl Engine {
    pub(super) async fn answer(&mut self, ask: Ask) {
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
        self.check_webhook(&job)?;
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
        self.check_webhook(&job)?;
        if made == Made::Tainted {
            job.made = Made::Tainted;
        }
        if job.spec.agent_id != before.spec.agent_id {
            job.agent(&self.gateway)?;
        }
        let is_turned_on = job.spec.enabled && !before.spec.enabled;
        if is_turned_on {
            job.state.auto_disabled = None;
            job.state.last_failure_alert_at_ms = None;
        }
        if !job.spec.enabled {
            job.due_at_ms = None;
        } else if is_turned_on || job.spec.schedule != before.spec.schedule {
            job.state.consecutive_errors = 0;
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

    fn check_webhook(&self, job: &Job) -> Result<(), CronError> {
        Ok(job.webhook().map_or(Ok(()), |url| webhook::check(&self.gateway, url))?)
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
}

/// Refuses words that no turn would understand.
fn check_words(spec: &CronSpec) -> Result<(), CronError> {
    let CronPayload::AgentTurn { thinking: Some(level), .. } = &spec.payload else { return Ok(()) };
    match parse_thinking(level) {
        Some(_) => Ok(()),
        None => Err(CronSpecError::Invalid(format!("`{level}` is no level of thinking; try `low` or `high`")).into()),
    }
}

fn reply<T>(answer: Answer<T>, result: Result<T, CronError>) {
    let _ = answer.send(result);
}
