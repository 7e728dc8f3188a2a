//! Parameters and results of the methods.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::state::{CronDelivered, CronJob, CronRunEntry, CronStatus};

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
    /// As `CronSpec::patched` takes it.
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
