//! `tools.catalog` and `tools.effective`.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ToolsCatalogParams {
    pub agent_id: Option<String>,
    pub include_plugins: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolsCatalogResult {
    pub agent_id: String,
    pub profiles: Vec<Labelled>,
    pub groups: Vec<ToolGroup>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Labelled {
    pub id: String,
    pub label: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolGroup {
    pub id: String,
    pub label: String,
    /// `core` or `plugin`.
    pub source: String,
    pub tools: Vec<ToolRow>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolRow {
    pub id: String,
    pub label: String,
    pub description: String,
    pub source: String,
    #[serde(default)]
    pub default_profiles: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolsEffectiveParams {
    pub session_key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolsEffectiveResult {
    pub agent_id: String,
    pub profile: String,
    pub groups: Vec<EffectiveGroup>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectiveGroup {
    pub id: String,
    pub label: String,
    pub source: String,
    pub tools: Vec<EffectiveTool>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EffectiveTool {
    pub id: String,
    pub label: String,
    pub description: String,
    pub raw_description: String,
    pub source: String,
}
