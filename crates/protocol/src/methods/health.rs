//! `health`, and the `health` event.

use serde::{Deserialize, Serialize};

use crate::AgentId;

/// Result of `health`, payload of the `health` event, and part of the hello.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HealthSnapshot {
    /// Nothing is degraded.
    pub ok: bool,
    pub ts: i64,
    pub duration_ms: u64,
    pub uptime_ms: u64,
    #[serde(default)]
    pub version: String,
    pub config_reload: ConfigReloadHealth,
    /// By channel; empty while no channel is configured.
    #[serde(default)]
    pub channels: serde_json::Map<String, serde_json::Value>,
    #[serde(default)]
    pub channel_order: Vec<String>,
    #[serde(default)]
    pub channel_labels: serde_json::Map<String, serde_json::Value>,
    /// 0: heartbeats are off.
    #[serde(default)]
    pub heartbeat_seconds: u64,
    pub default_agent_id: AgentId,
    #[serde(default)]
    pub agents: Vec<AgentHealth>,
    pub sessions: SessionsHealth,
    /// What is not as it should be, in words: `config: 2 problems`.
    #[serde(default)]
    pub degraded: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigReloadHealth {
    /// `watching` or `off`.
    pub hot_reload_status: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentHealth {
    pub agent_id: AgentId,
    pub is_default: bool,
    pub sessions: SessionsHealth,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionsHealth {
    /// The file that holds them; empty for whom it is not.
    #[serde(default)]
    pub path: String,
    pub count: u64,
    #[serde(default)]
    pub recent: Vec<RecentSession>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecentSession {
    pub key: String,
    pub updated_at: i64,
    /// Milliseconds since `updated_at`.
    pub age: i64,
}
