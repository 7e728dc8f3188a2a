//! `hooks.status`: the reference system's internal hooks, modules that it runs at events of its own (`HOOK.md`).

use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HooksStatusParams {
    pub agent_id: Option<String>,
}

/// Its report. Such modules are JavaScript and never run here, so that `hooks` is always empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HooksStatusResult {
    pub workspace_dir: String,
    pub managed_hooks_dir: String,
    pub hooks: Vec<Value>,
}
