//! `status`: the overview for people.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::health::RecentSession;
use super::models::CooldownRow;
use crate::AgentId;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusResult {
    pub runtime_version: String,
    #[serde(default)]
    pub uptime_ms: u64,
    #[serde(default)]
    pub pid: u32,
    #[serde(default)]
    pub config_path: String,
    #[serde(default)]
    pub state_dir: String,
    pub heartbeat: StatusHeartbeat,
    #[serde(default)]
    pub channel_summary: Vec<String>,
    #[serde(default)]
    pub queued_system_events: Vec<Value>,
    pub sessions: StatusSessions,
    /// Models and credentials that are not called for a while.
    #[serde(default)]
    pub cooldowns: Vec<CooldownRow>,
    /// What is wrong with the configuration, one line each.
    #[serde(default)]
    pub problems: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusHeartbeat {
    pub default_agent_id: AgentId,
    #[serde(default)]
    pub agents: Vec<StatusHeartbeatAgent>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusHeartbeatAgent {
    pub agent_id: AgentId,
    pub enabled: bool,
    pub every: String,
    pub every_ms: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusSessions {
    #[serde(default)]
    pub paths: Vec<String>,
    pub count: u64,
    pub defaults: StatusDefaults,
    #[serde(default)]
    pub recent: Vec<RecentSession>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusDefaults {
    /// `provider/model` that answers by default.
    pub model: Option<String>,
    pub context_tokens: Option<u64>,
}
