//! `plugins.list`: what is built in, in the words of a system of plugins. Shape: OpenClaw's.

use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PluginsListResult {
    pub plugins: Vec<PluginRow>,
    pub diagnostics: Vec<Value>,
    /// Never: nothing is installed into this program.
    pub mutation_allowed: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PluginRow {
    pub id: String,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub version: String,
    pub kind: Vec<String>,
    /// `bundled`.
    pub origin: String,
    pub installed: bool,
    pub enabled: bool,
    /// `enabled`, `disabled`, `needs-setup` or `error`.
    pub state: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channel_ids: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
