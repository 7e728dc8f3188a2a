//! `skills.status`.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SkillsStatusParams {
    pub agent_id: Option<String>,
    pub session_key: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SkillsStatusResult {
    pub workspace_dir: String,
    pub managed_skills_dir: String,
    #[serde(default)]
    pub agent_id: String,
    pub skills: Vec<SkillRow>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "independent flags of the wire form")]
pub struct SkillRow {
    pub name: String,
    pub description: String,
    /// `openclaw-workspace`, `openclaw-managed`, `openclaw-extra` or `openclaw-bundled`.
    pub source: String,
    pub bundled: bool,
    #[serde(default)]
    pub file_path: String,
    #[serde(default)]
    pub base_dir: String,
    pub skill_key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emoji: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    #[serde(default)]
    pub always: bool,
    #[serde(default)]
    pub disabled: bool,
    /// All requirements are met, and nothing disables it.
    pub eligible: bool,
    #[serde(default)]
    pub requirements: SkillNeeds,
    #[serde(default)]
    pub missing: SkillNeeds,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SkillNeeds {
    pub bins: Vec<String>,
    pub any_bins: Vec<String>,
    pub env: Vec<String>,
    pub config: Vec<String>,
    pub os: Vec<String>,
}

/// Parameters of `skills.search`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SkillsSearchParams {
    /// Words that must all be there.
    pub query: Option<String>,
    pub limit: Option<usize>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkillsSearchResult {
    pub results: Vec<SkillSearchRow>,
    /// `installed`: no registry was asked.
    pub scope: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SkillSearchRow {
    pub slug: String,
    pub display_name: String,
    pub summary: String,
    pub source: String,
    pub installed: bool,
}
