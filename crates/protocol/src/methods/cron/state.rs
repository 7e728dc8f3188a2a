//! How jobs and their runs went, and the event that tells of it.

use serde::{Deserialize, Serialize};

use super::spec::CronSpec;

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
    /// When a chat was last told of its failures; gone with a run that went well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_failure_alert_at_ms: Option<i64>,
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
