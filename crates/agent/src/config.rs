//! The sections `agents`, `skills` and `session` as people write them. What they come to for one agent is [`crate::AgentProfile`].
//!
//! Names and shapes are OpenClaw's, of 2026.1 (`agents.list`) and of 2026.9 (`agents.entries`).

use std::collections::BTreeMap;

use chela_config::Secret;
use chela_llm::Thinking;
use chela_protocol::SessionKey;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use crate::context_config::{CompactionConfig, ContextPruningConfig};
use crate::levels::SendPolicy;
use crate::tools_config::AgentTools;

/// Who answers: the personas and what they share.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AgentsConfig {
    /// What holds for every agent that doesn't say otherwise.
    pub defaults: AgentDefaults,
    /// The agents, in order. Default: one agent `main`. A running turn keeps what it began with.
    pub list: Vec<AgentEntry>,
    /// The agents by id: the newer way to write `list`.
    pub entries: BTreeMap<String, AgentEntry>,
}

/// What holds for every agent that doesn't say otherwise.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AgentDefaults {
    /// The model, as `provider/model` or `{primary, fallbacks}`. Default: the best model of the first provider that has a key.
    pub model: Option<ModelSetting>,
    /// Known models by `provider/model`, with short names for them.
    pub models: BTreeMap<String, ModelEntry>,
    /// Folder of the default agent. Default: `workspace` in the state dir.
    pub workspace: Option<String>,
    /// How many turns run at once, over all sessions. Default: 4.
    #[schemars(extend("x-reload" = "restart"))]
    pub max_concurrent: Option<u32>,
    /// How hard models think. Default: `low` for models that can think.
    #[serde(deserialize_with = "thinking_setting")]
    #[schemars(with = "Option<ThinkingSetting>")]
    pub thinking_default: Option<Thinking>,
    /// Longest a turn may take, in seconds; 0 means no limit short of a day. Default: 600.
    pub timeout_seconds: Option<u64>,
    /// Longest part of one workspace file that goes into the prompt, in characters. Default: 20000.
    pub bootstrap_max_chars: Option<usize>,
    /// Longest part of all workspace files together that goes into the prompt, in characters. Default: 60000.
    pub bootstrap_total_max_chars: Option<usize>,
    /// Leaves a new workspace empty instead of putting the first files there. Default: false.
    pub skip_bootstrap: bool,
    /// The owner's time zone as in `Europe/Berlin`; decides what "today" is. Default: UTC.
    pub user_timezone: Option<String>,
    /// The skills that agents may use, by name. Default: all that are eligible.
    pub skills: Option<Vec<String>>,
    /// Caps the context below what the model offers, in tokens. Default: the model's own.
    pub context_tokens: Option<u64>,
    pub compaction: CompactionConfig,
    pub context_pruning: ContextPruningConfig,
    /// When chats see that an answer is being written: `instant`, `thinking` (once the model works), `message` (once it has words)
    /// or `never`. Default: `instant`.
    pub typing_mode: TypingMode,
}

/// `agents.defaults.typingMode`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TypingMode {
    #[default]
    Instant,
    Thinking,
    Message,
    Never,
}

/// One agent.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AgentEntry {
    /// Name in session keys: lower-case letters, digits, `-` and `_`.
    pub id: String,
    /// The agent that answers where no other is chosen. Default: the first of the list.
    #[serde(rename = "default")]
    pub is_default: bool,
    /// For people. Default: `identity.name`, else the id.
    pub name: Option<String>,
    /// Folder of this agent. Default: `agents.defaults.workspace` for the default agent, else `workspace-<id>` in the state dir.
    pub workspace: Option<String>,
    /// Instead of `agents.defaults.model`. A text keeps the fallbacks of the defaults.
    pub model: Option<ModelSetting>,
    /// Instead of `agents.defaults.thinkingDefault`.
    #[serde(deserialize_with = "thinking_setting")]
    #[schemars(with = "Option<ThinkingSetting>")]
    pub thinking_default: Option<Thinking>,
    /// Instead of `agents.defaults.bootstrapMaxChars`.
    pub bootstrap_max_chars: Option<usize>,
    /// Instead of `agents.defaults.bootstrapTotalMaxChars`.
    pub bootstrap_total_max_chars: Option<usize>,
    /// Instead of `agents.defaults.skills`.
    pub skills: Option<Vec<String>>,
    /// How many turns of this agent run at once, of those that `agents.defaults.maxConcurrent` allows. Default: all of them.
    #[schemars(range(min = 1), extend("x-reload" = "restart"))]
    pub max_concurrent: Option<u32>,
    /// How the agent is called in groups.
    pub group_chat: AgentGroupChat,
    /// How the agent presents itself.
    pub identity: AgentIdentity,
    /// What it changes of `tools`.
    pub tools: AgentTools,
}

/// How an agent is called in groups.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AgentGroupChat {
    /// Regular expressions, without regard to case, that call the agent as a mention does. Instead of
    /// `messages.groupChat.mentionPatterns`. Default: the agent's name.
    pub mention_patterns: Option<Vec<String>>,
}

/// How an agent presents itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AgentIdentity {
    pub name: Option<String>,
    /// Manner, in a few words: `space lobster`.
    pub theme: Option<String>,
    pub emoji: Option<String>,
    /// Path in the workspace, or a URL.
    pub avatar: Option<String>,
}

/// A model and what to try when it fails.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ModelSetting {
    /// `provider/model` or an alias.
    Name(String),
    Chain(ModelChain),
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ModelChain {
    /// `provider/model` or an alias.
    pub primary: Option<String>,
    /// Tried in this order.
    pub fallbacks: Vec<String>,
}

/// What is said about one model.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ModelEntry {
    /// A short name, as in `/model opus`.
    pub alias: Option<String>,
}

/// How `thinkingDefault` is written.
#[derive(JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its schema is used")]
enum ThinkingSetting {
    Off,
    Minimal,
    Low,
    Medium,
    High,
    Xhigh,
    Adaptive,
    Max,
    Ultra,
}

/// Reads a thinking level as people and OpenClaw write it. `ultra` is the highest that vendors have.
pub fn parse_thinking(text: &str) -> Option<Thinking> {
    Some(match text.trim().to_ascii_lowercase().as_str() {
        "off" | "none" | "false" | "disabled" => Thinking::Off,
        "minimal" | "min" => Thinking::Minimal,
        "low" | "on" => Thinking::Low,
        "medium" | "med" => Thinking::Medium,
        "high" | "highest" => Thinking::High,
        "xhigh" | "x-high" | "x_high" | "extra-high" | "extra_high" => Thinking::Xhigh,
        "adaptive" | "auto" => Thinking::Adaptive,
        "max" | "maximum" | "ultra" => Thinking::Max,
        _ => return None,
    })
}

fn thinking_setting<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Thinking>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    let error = || {
        serde::de::Error::custom(format!(
            "expected off, minimal, low, medium, high, xhigh, adaptive, max or ultra, found `{text}`"
        ))
    };
    parse_thinking(&text).map(Some).ok_or_else(error)
}

/// Skills: instructions that the agent reads when a task calls for them.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SkillsConfig {
    /// Settings of single skills, by name.
    pub entries: BTreeMap<String, SkillEntry>,
    /// The bundled skills that may be used. Default: all.
    pub allow_bundled: Option<Vec<String>>,
    pub load: SkillLoad,
    pub limits: SkillLimits,
    pub install: SkillInstall,
}

/// Where skills are installed from.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SkillInstall {
    /// A registry with the API of clawhub.ai that is searched and installed from; an empty text means none. Default:
    /// `https://clawhub.ai`.
    pub registry: Option<String>,
    /// `false` refuses archives that clients bring, `chela skills install <file>` among them. Default: true.
    pub allow_uploaded_archives: Option<bool>,
}

/// Settings of one skill.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SkillEntry {
    /// `false` switches the skill off. Default: true.
    pub enabled: Option<bool>,
    /// The secret that the skill's `primaryEnv` names; makes that requirement met.
    pub api_key: Option<Secret>,
    /// Variables for the skill, by name; makes those requirements met. Shown nowhere, since they are mostly keys.
    pub env: BTreeMap<String, Secret>,
}

/// Where skills are looked for besides the workspace, the state dir and the bundled ones.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SkillLoad {
    /// Further folders of skills; they come after the workspace's and the state dir's.
    pub extra_dirs: Vec<String>,
}

/// How much of the skills goes into the prompt.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SkillLimits {
    /// Folders that are looked at in one place. Default: 300.
    pub max_candidates_per_root: Option<usize>,
    /// Skills that the prompt lists. Default: 150.
    pub max_skills_in_prompt: Option<usize>,
    /// Characters of the whole list. Default: 18000.
    pub max_skills_prompt_chars: Option<usize>,
    /// Largest `SKILL.md` that is read, in bytes. Default: 256000.
    pub max_skill_file_bytes: Option<usize>,
}

/// How conversations are told apart and when they begin anew.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionConfig {
    /// `per-sender`, or `global` for one conversation with everybody.
    pub scope: SessionScope,
    /// Which conversation direct messages of channels belong to: the main one (`main`), one for each person (`per-peer`), or one
    /// for each person on each channel or account. Default: `main`.
    pub dm_scope: DmScope,
    /// People who are the same on several channels, each with a name of theirs: `{"ann": ["telegram:123", "discord:456"]}`. With
    /// `dmScope: "per-peer"` and its like they have one conversation.
    pub identity_links: BTreeMap<String, Vec<String>>,
    /// The main conversation is always called `main`. No effect in this version.
    #[schemars(extend("x-reload" = "none"))]
    pub main_key: Option<String>,
    /// When a conversation begins anew by itself. Default: never.
    pub reset: ResetPolicy,
    /// Which sessions' answers go to their chats; the others stand in the transcript only. `/send` chooses for a session. Default: all.
    pub send_policy: SendPolicyConfig,
    /// Messages that begin a new conversation, besides `/new` and `/reset`.
    pub reset_triggers: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SessionScope {
    #[default]
    PerSender,
    Global,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DmScope {
    #[default]
    Main,
    PerPeer,
    PerChannelPeer,
    PerAccountChannelPeer,
}

/// `session.sendPolicy`. A rule that denies counts before those that allow.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SendPolicyConfig {
    /// Where no rule matches. Default: `allow`.
    pub default: SendPolicy,
    pub rules: Vec<SendRule>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SendRule {
    pub action: SendPolicy,
    /// Everything that it names must hold.
    #[serde(rename = "match")]
    pub matching: SendMatch,
}

/// Which answers a rule is about.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SendMatch {
    pub channel: Option<String>,
    /// `direct`, or `group` and `channel`, which are the same.
    pub chat_type: Option<String>,
    /// Begins the session's key without its agent: `telegram:group:`.
    pub key_prefix: Option<String>,
    /// Begins the whole key: `agent:main:telegram:`.
    pub raw_key_prefix: Option<String>,
}

impl SendPolicyConfig {
    /// For answers of a session, whose `kind` is `direct` or `group`.
    pub fn of(&self, channel: &str, kind: &str, session: &SessionKey) -> SendPolicy {
        let matches = |rule: &&SendRule| {
            let SendMatch { channel: on, chat_type, key_prefix, raw_key_prefix } = &rule.matching;
            let is_kind = |wanted: &String| wanted == kind || (wanted == "channel" && kind == "group");
            on.as_ref().is_none_or(|on| on == channel)
                && chat_type.as_ref().is_none_or(is_kind)
                && key_prefix.as_ref().is_none_or(|prefix| session.place().starts_with(prefix.as_str()))
                && raw_key_prefix.as_ref().is_none_or(|prefix| session.as_str().starts_with(prefix.as_str()))
        };
        let mut found = self.rules.iter().filter(matches).map(|rule| rule.action).peekable();
        if found.peek().is_none() {
            return self.default;
        }
        if found.any(|action| action == SendPolicy::Deny) { SendPolicy::Deny } else { SendPolicy::Allow }
    }
}

/// When a conversation begins anew by itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ResetPolicy {
    pub mode: ResetMode,
    /// Hour of the day (0 to 23, in `agents.defaults.userTimezone`) for `daily`. Default: 4.
    pub at_hour: Option<u8>,
    /// Minutes without a message for `idle`. Default: 60.
    pub idle_minutes: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ResetMode {
    #[default]
    None,
    Daily,
    Idle,
}
