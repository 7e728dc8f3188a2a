//! `status`: the overview for people.

use std::fmt;

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
    /// The hosted machine that it runs on, if it does. Absent in the reference system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<StatusMachine>,
    pub heartbeat: StatusHeartbeat,
    #[serde(default)]
    pub channel_summary: Vec<String>,
    #[serde(default)]
    pub queued_system_events: Vec<Value>,
    pub sessions: StatusSessions,
    /// Models and credentials that are not called for a while.
    #[serde(default)]
    pub cooldowns: Vec<CooldownRow>,
    /// The limits of the day on what models may use: of all agents together, and of each.
    #[serde(default)]
    pub budgets: Vec<BudgetRow>,
    /// What is wrong with the configuration, one line each.
    #[serde(default)]
    pub problems: Vec<String>,
    /// How much is in use of what may be. Ours.
    #[serde(default)]
    pub limits: StatusLimits,
    /// What commands run in, and what is not kept from them; one line for people. Ours.
    #[serde(default)]
    pub sandbox: String,
}

/// Memory and disk. Zero where nothing is known yet.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StatusLimits {
    pub memory: StatusMemory,
    pub disk: StatusDisk,
}

/// Bytes of memory.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StatusMemory {
    pub used: u64,
    pub limit: u64,
    /// Above it, nothing new is begun.
    pub high_water: u64,
    /// Nothing new is begun now.
    pub high: bool,
}

/// Bytes of the state dir and its volume.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StatusDisk {
    pub used: u64,
    pub quota: u64,
    /// Left on the volume.
    pub free: u64,
    /// `calm`, `near` (only what is needed is written) or `full` (no message is accepted).
    pub level: String,
}

/// A limit on what models may use, and how much of it is used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BudgetRow {
    /// `day`, `agent` (of which `id` says which, and also a day) or `session`.
    pub scope: String,
    /// Of the agent or of the conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `tokens` or `usd`.
    pub unit: String,
    pub used: f64,
    pub limit: f64,
    /// In a budget of money: calls that don't count because their price is not known.
    #[serde(default)]
    pub unpriced_calls: u64,
    /// Unix milliseconds; `None` with a new conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resets_at: Option<i64>,
}

impl fmt::Display for BudgetRow {
    /// `today $1.20 of $5.00, without 3 calls of unknown price`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { used, limit, .. } = self;
        match (self.scope.as_str(), self.id.as_deref()) {
            ("agent", Some(agent)) => write!(f, "agent {agent} today ")?,
            ("session", _) => write!(f, "this conversation ")?,
            _ => write!(f, "today ")?,
        }
        match self.unit.as_str() {
            "usd" => write!(f, "${used:.2} of ${limit:.2}")?,
            _ => write!(f, "{used} of {limit} tokens")?,
        }
        match self.unpriced_calls {
            0 => Ok(()),
            1 => write!(f, ", without 1 call of unknown price"),
            calls => write!(f, ", without {calls} calls of unknown price"),
        }
    }
}

/// A machine of a platform, in the platform's own names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusMachine {
    /// `fly`.
    pub platform: String,
    pub app: String,
    pub region: Option<String>,
    pub id: Option<String>,
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
