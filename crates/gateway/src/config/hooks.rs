//! `hooks`: what other programs may start by a request. Shape: OpenClaw's section of the same name.

use chela_config::Secret;
use schemars::JsonSchema;
use serde::Deserialize;

/// Requests of other programs that wake an agent or give it work.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HooksConfig {
    /// `true` serves them. Default: false. They stay off without a token.
    pub enabled: bool,
    /// What every request must show, in `Authorization: Bearer` or `x-chela-token`. It must not be the gateway's own secret.
    pub token: Option<Secret>,
    /// Where they are served. Default: `/hooks`. Never `/`, nor a path that the gateway serves itself.
    pub path: Option<String>,
    /// Largest request, in bytes. Default: 262144, at most 8388608.
    #[schemars(range(min = 1))]
    pub max_body_bytes: Option<usize>,
    /// The conversation of work that names none. Default: a new one each time.
    pub default_session_key: Option<String>,
    /// Whether a request, or what a template makes of it, may name its conversation. Default: false.
    pub allow_request_session_key: bool,
    /// What names of conversations must begin with. Empty: anything.
    pub allowed_session_key_prefixes: Vec<String>,
    /// The agents that hooks may speak with; absent or with `*`: all. An empty list: none.
    pub allowed_agent_ids: Option<Vec<String>>,
    /// Mappings that are built in: `gmail`.
    pub presets: Vec<String>,
    /// What to do with requests to further paths. The first that fits counts.
    pub mappings: Vec<HookMapping>,
    /// Of the preset `gmail`.
    pub gmail: HooksGmailConfig,
}

/// What becomes of a request to `<path>/<name>`. Templates hold `{{subject}}`, `{{messages[0].id}}`, `{{headers.x-event}}`,
/// `{{query.kind}}`, `{{path}}` and `{{now}}`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HookMapping {
    /// Its name in logs. Default: `mapping-<number>`.
    pub id: Option<String>,
    /// Which requests it is for. Empty: all.
    #[serde(rename = "match")]
    pub matches: HookMatch,
    /// `agent` gives work, `wake` tells the agent something in its main conversation. Default: `agent`.
    pub action: HookAction,
    /// Taken for compatibility: what is told is told at once.
    pub wake_mode: HookWakeMode,
    /// What the sender is called; a template.
    pub name: Option<String>,
    /// The agent. Default: the default one.
    pub agent_id: Option<String>,
    /// The conversation; a template.
    pub session_key: Option<String>,
    /// `isolated` begins a new conversation each time, `persistent` goes on in the same. Default: `isolated`.
    pub session_mode: HookSessionMode,
    /// What the agent is to do; a template.
    pub message_template: Option<String>,
    /// What the agent is told, for `wake`; a template.
    pub text_template: Option<String>,
    /// The list of the request of which each entry is a piece of work of its own, at most 200. Templates see it as a list of one.
    pub for_each: Option<String>,
    /// `false` keeps the answer in its conversation. Default: true.
    pub deliver: Option<bool>,
    /// Where the answer goes; a template. Default: `last`, where an owner last spoke with the agent.
    pub channel: Option<String>,
    /// The chat of the channel; a template.
    pub to: Option<String>,
    /// The model; a template.
    pub model: Option<String>,
    /// How hard the model thinks; a template.
    pub thinking: Option<String>,
    /// Limit of the turn.
    #[schemars(range(min = 1))]
    pub timeout_seconds: Option<u64>,
    /// `true` leaves out the marks around what came with the request. The turn asks before it does harm all the same.
    pub allow_unsafe_external_content: Option<bool>,
    /// A program of OpenClaw that rewrites the request. It can't run here, and a mapping with one refuses its requests.
    pub transform: Option<HookTransform>,
}

/// `hooks.mappings[].match`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HookMatch {
    /// What follows `hooks.path` and a slash.
    pub path: Option<String>,
    /// The text of the request's field `source`.
    pub source: Option<String>,
}

/// `hooks.mappings[].transform`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HookTransform {
    /// No effect but to refuse.
    pub module: String,
    /// No effect but to refuse.
    pub export: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HookAction {
    Wake,
    #[default]
    Agent,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HookWakeMode {
    #[default]
    Now,
    NextHeartbeat,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HookSessionMode {
    #[default]
    Isolated,
    Persistent,
}

/// `hooks.gmail`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HooksGmailConfig {
    /// Largest text of a mail, in bytes, which decides how large a request may be. Default: 20000.
    #[schemars(range(min = 1))]
    pub max_bytes: Option<usize>,
    /// The model for mails.
    pub model: Option<String>,
    /// How hard it thinks.
    pub thinking: Option<String>,
    /// `true` leaves out the marks around what stands in mails.
    pub allow_unsafe_external_content: Option<bool>,
}

impl HooksConfig {
    /// What stands in for a section that can't be read: nobody knows what it was to allow.
    pub(crate) fn off() -> Self {
        Self::default()
    }
}
