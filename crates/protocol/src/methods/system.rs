//! `system.info`, `environments.list`, `update.status` and `diagnostics.*`: the machine and the process, for admin pages. Shapes:
//! OpenClaw's; what has no meaning in a program without an interpreter and an event loop is left out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Result of `system.info`. Sizes are bytes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SystemInfoResult {
    pub machine_name: String,
    pub hostname: String,
    /// `linux`, as in [`std::env::consts::OS`].
    pub platform: String,
    /// The kernel's.
    pub release: String,
    pub arch: String,
    /// For people: the distribution's name, else the kernel's.
    pub os_label: String,
    /// The field that pages show as the version of what runs the gateway; there is no Node.js here, so it names the program itself.
    pub node_version: String,
    pub pid: u32,
    pub process_instance_id: String,
    pub uptime_ms: u64,
    pub cpu_count: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_model: Option<String>,
    /// Over one, five and fifteen minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_average: Option<[f64; 3]>,
    pub memory_total_bytes: u64,
    pub memory_free_bytes: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_total_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_available_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_path: Option<String>,
}

/// Result of `environments.list`: where agents can work.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct EnvironmentsListResult {
    pub environments: Vec<EnvironmentRow>,
}

/// One place where an agent can work.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnvironmentRow {
    /// `gateway`, or `node:<id>`.
    pub id: String,
    /// `local` or `node`.
    #[serde(rename = "type")]
    pub kind: String,
    pub label: String,
    /// `available` or `unavailable`.
    pub status: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Whether sessions run there.
    pub session_host: bool,
    pub trust: String,
    pub capabilities: Vec<String>,
}

/// Result of `update.status`. Nothing looks for updates, so none is ever known and none runs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateStatusResult {
    pub sentinel: Option<Value>,
    pub update_available: Option<Value>,
}

/// Result of `diagnostics.lanes`: what may run at once, what does, and what waits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LanesResult {
    pub ts: i64,
    pub lanes: Vec<LaneRow>,
    /// The sessions' own lanes together; `None` while none has work.
    pub dynamic: Option<LaneTotals>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LaneRow {
    pub lane: String,
    pub queued_count: usize,
    pub active_count: usize,
    pub max_concurrent: usize,
    /// Nothing new begins.
    pub draining: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LaneTotals {
    pub lane_count: usize,
    pub active_count: usize,
    pub queued_count: usize,
    pub queued_lane_count: usize,
}

/// Result of `diagnostics.stability`. Events of this kind are not recorded here (the log and `/metrics` tell), so the recorder's
/// room is zero; the memory is that of the moment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StabilityResult {
    /// RFC 3339.
    pub generated_at: String,
    pub capacity: usize,
    pub count: usize,
    pub dropped: usize,
    pub events: Vec<Value>,
    pub summary: StabilitySummary,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StabilitySummary {
    pub by_type: BTreeMap<String, usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<StabilityMemory>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StabilityMemory {
    pub latest: ProcessMemory,
    /// The most that the process ever held.
    pub max_rss_bytes: u64,
    /// 1 while nothing new is begun because memory is scarce.
    pub pressure_count: u32,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessMemory {
    pub rss_bytes: u64,
    /// Heap in use: all that is not shared or mapped from files.
    pub heap_used_bytes: u64,
}
