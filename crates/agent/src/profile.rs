//! What the configuration comes to for one agent.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chela_llm::Thinking;
use chela_protocol::{AgentId, MAIN};
use jiff::tz::TimeZone;

use crate::config::{AgentDefaults, AgentEntry, AgentIdentity, AgentsConfig, ModelChain, ModelSetting};
use crate::context_config::{CompactionSettings, PruningSettings};
use crate::tools_config::AgentTools;

/// Turns that run at once when the configuration doesn't say.
pub const DEFAULT_MAX_CONCURRENT: u32 = 4;

const DEFAULT_TIMEOUT_S: u64 = 600;
/// No turn is older than a day, whatever is configured: nobody waits for it any more.
const MAX_TIMEOUT_S: u64 = 86_400;
const DEFAULT_FILE_CHARS: usize = 20_000;
const DEFAULT_TOTAL_CHARS: usize = 60_000;
/// Longest agent id: it is part of session keys and folder names.
const AGENT_ID_MAX_BYTES: usize = 64;

/// The settings of one agent, with every default filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentProfile {
    pub id: AgentId,
    /// Exactly one agent is.
    pub is_default: bool,
    /// For people.
    pub name: String,
    pub workspace: PathBuf,
    /// As written; aliases are resolved by [`AgentProfile::model_text`].
    pub model: ModelChain,
    /// `provider/model` by alias, in lower case.
    pub aliases: BTreeMap<String, String>,
    /// `None`: `low` where the model can think.
    pub thinking: Option<Thinking>,
    /// Wall time of a turn.
    pub timeout: Duration,
    /// Turns of it that run at once; `None`: as many as of all.
    pub max_concurrent: Option<u32>,
    /// Cap on the model's own context window.
    pub context_tokens: Option<u64>,
    pub compaction: CompactionSettings,
    pub pruning: PruningSettings,
    pub files: FileLimits,
    /// Whether a new workspace gets its first files.
    pub seed_workspace: bool,
    pub timezone: TimeZone,
    /// `None`: all.
    pub skills: Option<Vec<String>>,
    pub identity: AgentIdentity,
    /// What calls the agent in groups, instead of everybody's patterns.
    pub mention_patterns: Option<Vec<String>>,
    /// What the agent's own section changes of `tools`.
    pub tools: AgentTools,
}

/// How much of the workspace files goes into the prompt, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileLimits {
    pub one: usize,
    pub all: usize,
}

impl AgentProfile {
    /// Replaces an alias by what it stands for.
    pub fn model_text<'a>(&'a self, text: &'a str) -> &'a str {
        self.aliases.get(&text.trim().to_ascii_lowercase()).map_or(text, String::as_str)
    }

    /// The models to ask for, best first: an override, else the agent's own; then the fallbacks.
    pub fn model_texts(&self, chosen: Option<&str>) -> (Option<String>, Vec<String>) {
        let primary = chosen.or(self.model.primary.as_deref()).map(|text| self.model_text(text).to_owned());
        (primary, self.model.fallbacks.iter().map(|text| self.model_text(text).to_owned()).collect())
    }
}

impl AgentsConfig {
    /// Turns that run at once.
    pub fn max_concurrent(&self) -> u32 {
        self.defaults.max_concurrent.unwrap_or(DEFAULT_MAX_CONCURRENT).max(1)
    }

    /// The agents, in the order in which they are written; never empty, and exactly one is the default. `home` stands for a
    /// leading `~` in a workspace.
    pub fn resolve(&self, state_dir: &Path, home: Option<&Path>) -> Vec<AgentProfile> {
        let mut entries = Vec::<(AgentId, &AgentEntry)>::new();
        let written = self.list.iter().map(|entry| (entry.id.as_str(), entry));
        for (id, entry) in written.chain(self.entries.iter().map(|(id, entry)| (id.as_str(), entry))) {
            let id = agent_id(id);
            if entries.iter().all(|(known, _)| *known != id) {
                entries.push((id, entry));
            }
        }
        let main = AgentEntry::default();
        if entries.is_empty() {
            entries.push((AgentId::new(MAIN), &main));
        }
        let default = default_agent(&entries);
        entries
            .iter()
            .enumerate()
            .map(|(index, (id, entry))| {
                let workspace = workspace(&self.defaults, entry, id, index == default, state_dir, home);
                profile(&self.defaults, entry, id.clone(), index == default, workspace)
            })
            .collect()
    }
}

/// Marked as default, else called `main`, else the first.
fn default_agent(entries: &[(AgentId, &AgentEntry)]) -> usize {
    let marked = entries.iter().position(|(_, entry)| entry.is_default);
    marked.or_else(|| entries.iter().position(|(id, _)| id.as_str() == MAIN)).unwrap_or(0)
}

fn profile(
    defaults: &AgentDefaults,
    entry: &AgentEntry,
    id: AgentId,
    is_default: bool,
    workspace: PathBuf,
) -> AgentProfile {
    let name = entry.name.clone().or_else(|| entry.identity.name.clone()).unwrap_or_else(|| id.to_string());
    let timeout_s = match defaults.timeout_seconds.unwrap_or(DEFAULT_TIMEOUT_S) {
        0 => MAX_TIMEOUT_S,
        seconds => seconds.min(MAX_TIMEOUT_S),
    };
    let aliases = defaults.models.iter().filter_map(|(model, known)| {
        Some((known.alias.as_deref()?.trim().to_ascii_lowercase(), model.clone()))
            .filter(|(alias, _)| !alias.is_empty())
    });
    AgentProfile {
        id,
        is_default,
        name,
        workspace,
        model: model_chain(defaults.model.as_ref(), entry.model.as_ref()),
        aliases: aliases.collect(),
        thinking: entry.thinking_default.or(defaults.thinking_default),
        timeout: Duration::from_secs(timeout_s),
        max_concurrent: entry.max_concurrent,
        context_tokens: defaults.context_tokens.filter(|tokens| *tokens > 0),
        compaction: defaults.compaction.settings(),
        pruning: defaults.context_pruning.settings(),
        files: FileLimits {
            one: entry.bootstrap_max_chars.or(defaults.bootstrap_max_chars).unwrap_or(DEFAULT_FILE_CHARS),
            all: entry.bootstrap_total_max_chars.or(defaults.bootstrap_total_max_chars).unwrap_or(DEFAULT_TOTAL_CHARS),
        },
        seed_workspace: !defaults.skip_bootstrap,
        timezone: timezone(defaults.user_timezone.as_deref()),
        skills: entry.skills.clone().or_else(|| defaults.skills.clone()),
        identity: entry.identity.clone(),
        mention_patterns: entry.group_chat.mention_patterns.clone(),
        tools: entry.tools.clone(),
    }
}

/// An unknown zone is UTC: the configuration's own check has reported it, and a wrong "today" is better than no answer.
fn timezone(name: Option<&str>) -> TimeZone {
    name.and_then(|name| TimeZone::get(name.trim()).ok()).unwrap_or(TimeZone::UTC)
}

fn model_chain(defaults: Option<&ModelSetting>, own: Option<&ModelSetting>) -> ModelChain {
    let shared = match defaults {
        Some(ModelSetting::Chain(chain)) => chain.clone(),
        Some(ModelSetting::Name(name)) => ModelChain { primary: Some(name.clone()), fallbacks: Vec::new() },
        None => ModelChain::default(),
    };
    match own {
        Some(ModelSetting::Chain(chain)) => {
            ModelChain { primary: chain.primary.clone().or(shared.primary), fallbacks: chain.fallbacks.clone() }
        }
        Some(ModelSetting::Name(name)) => ModelChain { primary: Some(name.clone()), ..shared },
        None => shared,
    }
}

fn workspace(
    defaults: &AgentDefaults,
    entry: &AgentEntry,
    id: &AgentId,
    is_default: bool,
    state_dir: &Path,
    home: Option<&Path>,
) -> PathBuf {
    let shared = defaults.workspace.as_deref().filter(|_| is_default);
    match entry.workspace.as_deref().or(shared).map(str::trim).filter(|text| !text.is_empty()) {
        Some(text) => state_dir.join(expand_home(text, home)),
        None if is_default => state_dir.join("workspace"),
        None => state_dir.join(format!("workspace-{id}")),
    }
}

pub(crate) fn expand_home(text: &str, home: Option<&Path>) -> PathBuf {
    match (text.strip_prefix('~'), home) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => home.join(rest.trim_start_matches('/')),
        _ => PathBuf::from(text),
    }
}

/// Ids stand in session keys and folder names, so anything else than letters, digits, `-` and `_` becomes `-`.
pub fn agent_id(text: &str) -> AgentId {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c.to_ascii_lowercase() } else { '-' };
    let id: String = text.trim().chars().map(plain).take(AGENT_ID_MAX_BYTES).collect();
    let id = id.trim_matches('-');
    AgentId::new(if id.is_empty() { MAIN } else { id })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn resolve(config: Value) -> Vec<AgentProfile> {
        let config: AgentsConfig = serde_json::from_value(config).unwrap();
        config.resolve(Path::new("/state"), Some(Path::new("/home/ada")))
    }

    #[test]
    fn nothing_configured_gives_one_agent() {
        let agents = resolve(json!({}));
        assert_eq!(agents.len(), 1);
        assert_eq!((agents[0].id.as_str(), agents[0].is_default), ("main", true));
        assert_eq!(agents[0].workspace, Path::new("/state/workspace"));
        assert_eq!(
            (agents[0].timeout, agents[0].files.one, agents[0].files.all),
            (Duration::from_mins(10), 20_000, 60_000)
        );
    }

    #[test]
    fn the_documents_sample_resolves() {
        let agents = resolve(json!({
            "defaults": {"model": {"primary": "anthropic/claude-opus-4-5",
                "fallbacks": ["anthropic/claude-sonnet-4-5", "openai/gpt-4o"]}, "maxConcurrent": 4},
            "list": [{"id": "main", "default": true}]}));
        let (primary, fallbacks) = agents[0].model_texts(None);
        assert_eq!(primary.as_deref(), Some("anthropic/claude-opus-4-5"));
        assert_eq!(fallbacks, ["anthropic/claude-sonnet-4-5", "openai/gpt-4o"]);
    }

    #[test]
    fn agents_differ_where_they_say_so() {
        let agents = resolve(json!({
            "defaults": {"model": "anthropic/a", "workspace": "~/work", "thinkingDefault": "ultra", "timeoutSeconds": 0,
                "models": {"openai/gpt-4o": {"alias": "GPT"}}},
            "list": [{"id": "Ops Team", "model": "gpt", "workspace": "/srv/ops"}, {"id": "home", "default": true}, {"id": "x"}],
            "entries": {"home": {"name": "twice"}, "late": {"thinkingDefault": "off"}}}));
        let summary: Vec<_> = agents
            .iter()
            .map(|agent| (agent.id.as_str(), agent.is_default, agent.workspace.to_str().unwrap(), agent.thinking))
            .collect();
        assert_eq!(
            summary,
            [
                ("ops-team", false, "/srv/ops", Some(Thinking::Max)),
                ("home", true, "/home/ada/work", Some(Thinking::Max)),
                ("x", false, "/state/workspace-x", Some(Thinking::Max)),
                ("late", false, "/state/workspace-late", Some(Thinking::Off)),
            ]
        );
        assert_eq!(agents[0].model_texts(None).0.as_deref(), Some("openai/gpt-4o"));
        assert_eq!(agents[1].model_texts(Some("Gpt")).0.as_deref(), Some("openai/gpt-4o"));
        assert_eq!(agents[0].timeout, Duration::from_hours(24));
    }

    #[test]
    fn a_wrong_thinking_level_is_named() {
        let error =
            serde_json::from_value::<AgentsConfig>(json!({"defaults": {"thinkingDefault": "hard"}})).unwrap_err();
        assert!(error.to_string().contains("`hard`"), "{error}");
    }
}
