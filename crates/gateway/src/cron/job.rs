//! An automation as the gateway knows it, and as the store keeps it.

use chela_agent::TurnTools;
use chela_protocol::AgentId;
use chela_protocol::methods::cron::{
    CronDeliveryMode, CronJob, CronPayload, CronSchedule, CronSpec, CronState, CronTarget,
};
use chela_store::CronRow;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::schedule::{ScheduleError, Timetable};
use crate::app::Gateway;
use crate::sessions::UnknownAgent;

/// One automation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Job {
    pub id: String,
    pub spec: CronSpec,
    pub made: Made,
    pub state: CronState,
    pub due_at_ms: Option<i64>,
    pub created_at_ms: i64,
    pub updated_at_ms: i64,
}

/// Whose words an automation speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Made {
    ByOwner,
    /// In a turn that had read what others wrote; an owner allowed the job, not everything that it may come to say.
    Tainted,
}

/// What stands in the store's `job`.
#[derive(Serialize, Deserialize)]
struct Kept {
    #[serde(flatten)]
    spec: CronSpec,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    tainted: bool,
}

impl Job {
    /// The error says what can't be read.
    pub(super) fn read(row: &CronRow) -> Result<Self, serde_json::Error> {
        let Kept { spec, tainted } = Kept::deserialize(&row.job)?;
        Ok(Self {
            id: row.id.clone(),
            spec,
            made: if tainted { Made::Tainted } else { Made::ByOwner },
            state: CronState::deserialize(&row.state)?,
            due_at_ms: row.due_at_ms,
            created_at_ms: row.created_at_ms,
            updated_at_ms: row.updated_at_ms,
        })
    }

    /// # Panics
    /// Never: our own types serialise.
    pub(super) fn row(&self) -> CronRow {
        let kept = Kept { spec: self.spec.clone(), tainted: self.made == Made::Tainted };
        CronRow {
            id: self.id.clone(),
            job: serde_json::to_value(kept).expect("our own types serialise"),
            state: serde_json::to_value(&self.state).expect("our own types serialise"),
            due_at_ms: self.due_at_ms,
            created_at_ms: self.created_at_ms,
            updated_at_ms: self.updated_at_ms,
        }
    }

    /// The agent that runs it.
    pub(crate) fn agent(&self, gateway: &Gateway) -> Result<AgentId, UnknownAgent> {
        let book = gateway.sessions.agents(gateway);
        match &self.spec.agent_id {
            Some(agent) => book.profile(&AgentId::new(agent.as_str())).map(|profile| profile.id.clone()),
            None => Ok(book.default_agent().id.clone()),
        }
    }

    /// Its agent's time zone, where its schedule names none.
    pub(super) fn zone(&self, gateway: &Gateway) -> TimeZone {
        let book = gateway.sessions.agents(gateway);
        let agent = self.spec.agent_id.as_deref().map_or_else(|| book.default_agent().id.clone(), AgentId::new);
        book.profile_or_default(&agent).timezone.clone()
    }

    pub(super) fn timetable(&self, gateway: &Gateway) -> Result<Timetable, ScheduleError> {
        Timetable::of(&self.spec.schedule, &self.id, self.created_at_ms, &self.zone(gateway))
    }

    pub(super) fn is_once(&self) -> bool {
        matches!(self.spec.schedule, CronSchedule::At { .. })
    }

    /// Whether it goes once it has done its work. What is due once does, unless its owner wants it kept.
    pub(super) fn goes_after_run(&self) -> bool {
        self.is_once() && self.spec.delete_after_run != Some(false)
    }

    /// Whether an answer that can't be delivered is no failure.
    pub(super) fn is_best_effort(&self) -> bool {
        self.spec.delivery.as_ref().is_some_and(|delivery| delivery.best_effort == Some(true))
    }

    /// Whether its answer is to go to a chat.
    pub(super) fn wants_delivery(&self) -> bool {
        self.spec.delivery.as_ref().is_none_or(|delivery| delivery.mode == CronDeliveryMode::Announce)
    }

    /// The address that its end is posted to.
    pub(super) fn webhook(&self) -> Option<&str> {
        let delivery = self.spec.delivery.as_ref().filter(|delivery| delivery.mode == CronDeliveryMode::Webhook)?;
        delivery.to.as_deref().map(str::trim)
    }

    /// Whether it has a conversation of its own.
    pub(super) fn is_isolated(&self) -> bool {
        match self.spec.session_target {
            CronTarget::Isolated => true,
            CronTarget::Current => self.spec.session_key.is_none() && !self.is_event(),
            CronTarget::Main | CronTarget::Session(_) => false,
        }
    }

    pub(super) fn is_event(&self) -> bool {
        matches!(self.spec.payload, CronPayload::SystemEvent { .. })
    }

    /// What narrows its tools.
    pub(super) fn tools(&self) -> Vec<TurnTools> {
        let allowed = match &self.spec.payload {
            CronPayload::AgentTurn { tools_allow: Some(allow), .. } if !allow.is_empty() => allow.clone(),
            CronPayload::AgentTurn { .. } | CronPayload::SystemEvent { .. } => return Vec::new(),
        };
        vec![TurnTools { allow: allowed, ..TurnTools::default() }]
    }

    /// As clients see it.
    pub(crate) fn shown(&self, gateway: &Gateway) -> CronJob {
        let state = CronState { next_run_at_ms: self.due_at_ms, ..self.state.clone() };
        CronJob {
            id: self.id.clone(),
            spec: self.spec.clone(),
            created_at_ms: self.created_at_ms,
            updated_at_ms: self.updated_at_ms,
            effective_agent_id: self.agent(gateway).ok().map(|agent| agent.to_string()),
            next_run_at_ms: state.next_run_at_ms,
            last_run_at_ms: state.last_run_at_ms,
            last_run_status: state.last_run_status,
            last_run_error: state.last_error.clone(),
            last_delivery_status: state.last_delivery_status,
            tainted: (self.made == Made::Tainted).then_some(true),
            state,
        }
    }
}
