//! `cron.*`: automations, in the shapes of OpenClaw 2026.9. What 2026.1 wrote is read as well.
//!
//! Left out is what this house doesn't do: schedules `on-exit` and `stream`, payloads `command` and `script`, triggers, pacing,
//! webhooks and failure alerts. A job that asks for one of them is refused by name.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

mod spec;

pub use spec::CronSpecError;

/// Longest name of a job, in characters.
pub const CRON_NAME_MAX: usize = 200;
/// Longest text of a job, in bytes: it goes to a model each time.
pub const CRON_TEXT_MAX: usize = 64 * 1024;
/// Most jobs or runs of one answer.
pub const CRON_LIST_MAX: usize = 200;

/// What a job does and when: the parameters of `cron.add`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CronSpec {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declaration_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whose job it is; the default agent's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// The conversation in which it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_key: Option<String>,
    pub enabled: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_after_run: Option<bool>,
    pub schedule: CronSchedule,
    pub session_target: CronTarget,
    pub wake_mode: CronWake,
    pub payload: CronPayload,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<CronDelivery>,
}

/// When a job is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub enum CronSchedule {
    /// Once.
    At {
        /// RFC 3339 with a zone or offset; without one it is UTC.
        at: String,
    },
    Every {
        every_ms: i64,
        /// A time from which it is counted; the time of its making when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        anchor_ms: Option<i64>,
    },
    Cron {
        /// Five fields, or six with seconds first.
        expr: String,
        /// IANA name of a time zone; the agents' one when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tz: Option<String>,
        /// The job comes later by a part of this that is its own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stagger_ms: Option<i64>,
    },
}

/// In which conversation a job runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum CronTarget {
    /// The direct conversation with the agent's owner.
    Main,
    /// One of its own, which begins anew with each run.
    Isolated,
    /// The one in which it was made.
    Current,
    /// The one of this key.
    Session(String),
}

impl From<String> for CronTarget {
    fn from(text: String) -> Self {
        match text.as_str() {
            "main" => Self::Main,
            "current" => Self::Current,
            other => match other.strip_prefix("session:") {
                Some(key) => Self::Session(key.to_owned()),
                None => Self::Isolated,
            },
        }
    }
}

impl From<CronTarget> for String {
    fn from(target: CronTarget) -> Self {
        match target {
            CronTarget::Main => "main".to_owned(),
            CronTarget::Isolated => "isolated".to_owned(),
            CronTarget::Current => "current".to_owned(),
            CronTarget::Session(key) => format!("session:{key}"),
        }
    }
}

/// Whether a job waits for a heartbeat. Where no heartbeat beats, both mean now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CronWake {
    NextHeartbeat,
    Now,
}

/// What a job says to the agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum CronPayload {
    /// A word of the house, for the main conversation.
    SystemEvent { text: String },
    /// A turn.
    AgentTurn {
        message: String,
        /// `provider/model` or an alias; the agent's own when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        thinking: Option<String>,
        /// Zero: as long as a turn may at most.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout_seconds: Option<u64>,
        /// The only tools that it may use.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tools_allow: Option<Vec<String>>,
    },
}

impl CronPayload {
    /// What the agent is told.
    pub fn text(&self) -> &str {
        match self {
            Self::SystemEvent { text } => text,
            Self::AgentTurn { message, .. } => message,
        }
    }
}

/// Where the answer of a job goes besides its conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CronDelivery {
    pub mode: CronDeliveryMode,
    /// A channel's id, or `last`: where an owner last spoke with the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// A chat of the channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// A topic of the chat: a text or a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread_id: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// A run whose answer could not be delivered is no failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_effort: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CronDeliveryMode {
    None,
    Announce,
}

/// How the runs of a job went.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CronState {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_run_at_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running_at_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_run_at_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_run_status: Option<CronStatus>,
    /// The same, under the name of 2026.1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_status: Option<CronStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_duration_ms: Option<i64>,
    pub consecutive_errors: u32,
    pub consecutive_skipped: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_delivered: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_delivery_status: Option<CronDelivered>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_delivery_error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_disabled: Option<CronAutoDisabled>,
}

/// Why a job was turned off by the house.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CronAutoDisabled {
    /// `consecutive-failures` or `schedule-errors`.
    pub reason: String,
    pub at_ms: i64,
    pub consecutive_errors: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CronStatus {
    Ok,
    Error,
    Skipped,
}

/// What became of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CronDelivered {
    Delivered,
    NotDelivered,
    /// It waits in the outbox.
    Unknown,
    NotRequested,
}

impl CronDelivered {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::NotDelivered => "not-delivered",
            Self::Unknown => "unknown",
            Self::NotRequested => "not-requested",
        }
    }
}

/// Whether everything that a run was to do is done, delivery included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CronCompletion {
    Succeeded,
    Failed,
    Unknown,
}

/// A job as clients see it: result of `cron.add`, `cron.update` and `cron.get`, and a row of `cron.list`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CronJob {
    pub id: String,
    #[serde(flatten)]
    pub spec: CronSpec,
    pub created_at_ms: i64,
    pub updated_at_ms: i64,
    pub state: CronState,
    /// The agent that runs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_agent_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_run_at_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_run_at_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_run_status: Option<CronStatus>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_run_error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_delivery_status: Option<CronDelivered>,
    /// It was made from what others wrote, so its turns are not trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tainted: Option<bool>,
}

/// What became of one time that a job was due: an entry of `cron.runs`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CronRunEntry {
    pub ts: i64,
    pub job_id: String,
    /// `finished`; `started` for one that goes on.
    pub action: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<CronStatus>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion_status: Option<CronCompletion>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery_status: Option<CronDelivered>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery_error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<CronRunDelivery>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_at_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_run_at_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_name: Option<String>,
    /// How often the job was due while nothing ran. Ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missed: Option<u32>,
}

/// Where the answer of a run goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CronRunDelivery {
    pub resolved: CronPlace,
}

/// A place on a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CronPlace {
    pub channel: String,
    pub to: String,
    pub account_id: String,
    /// Whether it could be found.
    pub ok: bool,
}

/// Event `cron`: a job changed, or a run of it began or ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CronEvent {
    pub job_id: String,
    /// `added`, `updated`, `removed`, `started` or `finished`.
    pub action: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_at_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<CronStatus>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_run_at_ms: Option<i64>,
}

/// Parameters of `cron.list`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CronListParams {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include_disabled: Option<bool>,
    /// `all`, `enabled` or `disabled`; counts before `includeDisabled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// `all` or a kind of schedule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule_kind: Option<String>,
    /// `all`, `ok`, `error`, `skipped` or `unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_run_status: Option<String>,
    /// `nextRunAtMs`, `updatedAtMs` or `name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort_dir: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_key: Option<String>,
}

/// Result of `cron.list`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CronListResult {
    pub jobs: Vec<CronJob>,
    /// Changes with whatever the list would show: pages with the same one fit together.
    pub snapshot_revision: String,
    pub total: usize,
    pub offset: usize,
    pub limit: usize,
    pub has_more: bool,
    pub next_offset: Option<usize>,
    /// By a job's id: where its answer would go now.
    pub delivery_previews: Map<String, Value>,
}

/// Result of `cron.status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CronStatusResult {
    pub enabled: bool,
    pub triggers_enabled: bool,
    pub store_path: String,
    pub storage: String,
    pub sqlite_path: String,
    pub jobs: usize,
    pub next_wake_at_ms: Option<i64>,
}

/// A job by either of its names: parameters of `cron.get` and `cron.remove`, and part of others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CronIdParams {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The name of 2026.1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
}

impl CronIdParams {
    /// The job that is named, if one is.
    pub fn named(&self) -> Option<&str> {
        self.id.as_deref().or(self.job_id.as_deref()).map(str::trim).filter(|id| !id.is_empty())
    }
}

/// Parameters of `cron.update`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CronUpdateParams {
    #[serde(flatten)]
    pub job: CronIdParams,
    /// As [`CronSpec::patched`] takes it.
    pub patch: Value,
}

/// Parameters of `cron.run`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CronRunParams {
    #[serde(flatten)]
    pub job: CronIdParams,
    #[serde(default)]
    pub mode: CronRunMode,
}

/// When `cron.run` runs a job.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CronRunMode {
    /// Only if it is due.
    Due,
    #[default]
    Force,
    IfEnabled,
}

/// Result of `cron.run`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CronRunResult {
    pub ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enqueued: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// `false` with a reason when it was not run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ran: Option<bool>,
    /// `not-due`, `already-running` or `disabled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Result of `cron.remove`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CronRemoveResult {
    pub ok: bool,
    pub removed: bool,
}

/// Parameters of `cron.runs`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CronRunsParams {
    /// `job` or `all`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    #[serde(flatten)]
    pub job: CronIdParams,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statuses: Option<Vec<CronStatus>>,
    /// `all` or one status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery_statuses: Option<Vec<CronDelivered>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery_status: Option<CronDelivered>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort_dir: Option<String>,
}

/// Result of `cron.runs`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CronRunsResult {
    pub entries: Vec<CronRunEntry>,
    pub total: usize,
    pub offset: usize,
    pub limit: usize,
    pub has_more: bool,
    pub next_offset: Option<usize>,
}
