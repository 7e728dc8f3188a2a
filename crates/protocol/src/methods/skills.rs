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
