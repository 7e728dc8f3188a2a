//! Skills: folders with a `SKILL.md` that the agent reads when a task calls for it. Format: AgentSkills with OpenClaw's metadata.
//!
//! Owns finding, gating and listing them. Never runs anything of a skill, and never reads the environment: it is handed one.

use std::path::{Path, PathBuf};

use chela_config::Environment;
use serde::Serialize;

use crate::AgentProfile;
use crate::config::SkillsConfig;

/// Where skills come from and what the machine has.
#[derive(Debug, Clone, Copy)]
pub struct SkillSources<'a> {
    pub profile: &'a AgentProfile,
    pub state_dir: &'a Path,
    /// Stands for a leading `~` in `skills.load.extraDirs`.
    pub home: Option<&'a Path>,
    pub config: &'a SkillsConfig,
    /// `PATH` decides which programs are there; names of variables meet `requires.env`.
    pub environment: &'a Environment,
}

/// The skills of one agent as they stood when they were loaded.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SkillIndex {
    statuses: Vec<SkillStatus>,
    prompt: String,
}

/// One skill, in the words of `skills.status`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "the wire shape of skills.status")]
pub struct SkillStatus {
    pub name: String,
    pub description: String,
    /// `openclaw-workspace`, `openclaw-managed`, `openclaw-extra` or `openclaw-bundled`: clients group by these words.
    pub source: &'static str,
    pub bundled: bool,
    pub file_path: PathBuf,
    pub base_dir: PathBuf,
    pub skill_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emoji: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    /// Eligible whatever its requirements say.
    pub always: bool,
    /// Switched off in `skills.entries`.
    pub disabled: bool,
    /// Bundled, and not in `skills.allowBundled`.
    pub blocked_by_allowlist: bool,
    /// Not in the agent's `skills`.
    pub blocked_by_agent_filter: bool,
    pub eligible: bool,
    pub platform_incompatible: bool,
    /// The prompt lists it.
    pub model_visible: bool,
    pub user_invocable: bool,
    pub command_visible: bool,
    pub requirements: SkillNeeds,
    pub missing: SkillNeeds,
    pub config_checks: Vec<serde_json::Value>,
    pub install: Vec<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary_env: Option<String>,
}

/// What a skill needs, or what of it is missing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SkillNeeds {
    pub bins: Vec<String>,
    /// One of them is enough.
    pub any_bins: Vec<String>,
    pub env: Vec<String>,
    pub config: Vec<String>,
    pub os: Vec<String>,
}

impl SkillIndex {
    /// Looks at every source. Reads files and writes the bundled skills to the state dir, so call it off the async threads.
    pub fn load(sources: SkillSources<'_>) -> Self {
        let _ = sources;
        todo!()
    }

    /// Every skill that was found, by name; of several with one name only the one with precedence.
    pub fn statuses(&self) -> &[SkillStatus] {
        &self.statuses
    }

    /// The list that goes into the system prompt; empty when there is nothing to list. Byte-stable for this index.
    pub fn prompt(&self) -> &str {
        &self.prompt
    }
}
