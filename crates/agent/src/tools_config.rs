//! What an agent can say of its tools: the `tools` section of an agent, and the parts that it shares with the `tools` section of all.
//!
//! Names and shapes are OpenClaw's. Owns no default and no policy: those are the tools crate's.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an agent's own `tools` section changes.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AgentTools {
    /// Replaces the profile of `tools`. Default: that of `tools`.
    pub profile: Option<ToolProfile>,
    /// If not empty, narrows the agent's tools to these (names, `group:fs`, `group:runtime`, `group:web`, `group:sessions`, `group:automation` or `*`). Default: `[]`.
    pub allow: Vec<String>,
    /// Tools added to the profile. Default: `[]`.
    pub also_allow: Vec<String>,
    /// Tools taken away, besides those of `tools.deny`. Default: `[]`.
    pub deny: Vec<String>,
    /// Commands. What is left out is as in `tools.exec`.
    pub exec: ExecConfig,
    /// Files. What is left out is as in `tools.fs`.
    pub fs: FsConfig,
}

/// Which of the agent's tools a turn has, because of who speaks or where. Only narrows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TurnTools {
    /// If not empty, only these (names, `group:fs`, `group:runtime`, `group:web`, `group:sessions`, `group:automation` or `*`). Default: `[]`.
    pub allow: Vec<String>,
    /// Added to `allow`. Default: `[]`.
    pub also_allow: Vec<String>,
    /// Taken away; wins. Default: `[]`.
    pub deny: Vec<String>,
}

/// A named set of tools.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ToolProfile {
    /// Only `session_status`.
    Minimal,
    /// Files, commands, the web and `session_status`.
    Coding,
    /// Sending messages and `session_status`.
    Messaging,
    /// Every tool.
    #[default]
    Full,
}

impl ToolProfile {
    /// Every profile, smallest first.
    pub const ALL: [Self; 4] = [Self::Minimal, Self::Coding, Self::Messaging, Self::Full];

    /// The name in the configuration.
    pub fn id(self) -> &'static str {
        match self {
            Self::Minimal => "minimal",
            Self::Coding => "coding",
            Self::Messaging => "messaging",
            Self::Full => "full",
        }
    }

    /// The name for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Minimal => "Minimal",
            Self::Coding => "Coding",
            Self::Messaging => "Messaging",
            Self::Full => "Full",
        }
    }
}

/// How `exec` and `process` run commands.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ExecConfig {
    /// Where commands run. Default: `auto`, which is this machine.
    pub host: Option<ExecHost>,
    /// The older way to say which commands may run; `mode` wins over it, unless this is `deny`. Together with `ask` it means: `deny` is `deny`, `allowlist` is `allowlist` (`ask` if a person is asked), `full` is `full` (`ask` if a person is asked).
    pub security: Option<ExecSecurity>,
    /// Which commands run, and who is asked. `deny`: none. `allowlist`: only those on the list of allowed commands. `ask`: an owner is asked about every other. `auto`: commands of an owner's turn run as long as it has read nothing from outside (web pages, files, other people's words); else as `ask`. `full`: whatever an owner's turn wants, runs, and its web calls too. Turns of anybody else always ask. Default: `auto`.
    pub mode: Option<ExecMode>,
    /// Belongs to `security`. `always` asks even about commands on the list.
    pub ask: Option<ExecAsk>,
    /// Days after which a command that was allowed for always is forgotten. Default: 90.
    pub grant_expiry_days: Option<u32>,
    /// How long a question waits for an owner, for all agents alike. Default: 300 seconds.
    pub approval_timeout_seconds: Option<u64>,
    /// A command that runs longer is ended. Default: 1800 seconds.
    #[serde(alias = "timeoutSec")]
    pub timeout_seconds: Option<u64>,
    /// After this time the call returns and the command goes on in the background. Default: 10000 milliseconds.
    pub background_ms: Option<u64>,
    /// Folders put before `PATH` of commands. Default: `[]`.
    pub path_prepend: Vec<String>,
    /// The `apply_patch` tool.
    pub apply_patch: ApplyPatchConfig,
}

/// Where commands run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExecHost {
    Auto,
    Sandbox,
    Gateway,
    Node,
}

/// Which commands may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExecSecurity {
    Deny,
    Allowlist,
    Full,
}

/// Which commands may run, and who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExecMode {
    Deny,
    Allowlist,
    Ask,
    Auto,
    Full,
}

/// What `mode`, `security` and `ask` come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecRule {
    Deny,
    /// Only listed commands; nobody is asked.
    Allowlist,
    /// A person is asked about commands that are not listed.
    Ask,
    /// A person is asked about every command.
    AskAlways,
    /// Trusted turns run what they want, others as [`ExecRule::Ask`].
    Auto,
    /// An owner's turns run what they want.
    Full,
}

/// When a person is asked before a command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ExecAsk {
    Off,
    OnMiss,
    Always,
}

/// Settings of `apply_patch`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ApplyPatchConfig {
    /// Default: true.
    pub enabled: Option<bool>,
    /// Whether patches may only touch the workspace. Default: `tools.fs.workspaceOnly`.
    pub workspace_only: Option<bool>,
}

impl ExecConfig {
    /// The rule in force: that of `mode`, else that of `security` and `ask`. `deny` in either denies.
    pub fn rule(&self) -> ExecRule {
        if self.security == Some(ExecSecurity::Deny) {
            return ExecRule::Deny;
        }
        let always = self.ask == Some(ExecAsk::Always);
        match self.mode {
            Some(ExecMode::Deny) => ExecRule::Deny,
            Some(ExecMode::Allowlist) => ExecRule::Allowlist,
            Some(ExecMode::Ask) if always => ExecRule::AskAlways,
            Some(ExecMode::Ask) => ExecRule::Ask,
            Some(ExecMode::Auto) => ExecRule::Auto,
            Some(ExecMode::Full) => ExecRule::Full,
            None => self.former_rule(),
        }
    }

    /// What `security` and `ask` come to by themselves.
    fn former_rule(&self) -> ExecRule {
        match (self.security, self.ask) {
            (_, Some(ExecAsk::Always)) => ExecRule::AskAlways,
            (_, Some(ExecAsk::OnMiss)) => ExecRule::Ask,
            (Some(ExecSecurity::Deny), _) => ExecRule::Deny,
            (Some(ExecSecurity::Allowlist), _) => ExecRule::Allowlist,
            (Some(ExecSecurity::Full), _) | (None, Some(ExecAsk::Off)) => ExecRule::Full,
            (None, None) => ExecRule::Auto,
        }
    }

    /// These settings, and those of `base` where these say nothing.
    #[must_use]
    pub fn over(self, base: &Self) -> Self {
        Self {
            host: self.host.or(base.host),
            security: self.security.or(base.security),
            mode: self.mode.or(base.mode),
            ask: self.ask.or(base.ask),
            grant_expiry_days: self.grant_expiry_days.or(base.grant_expiry_days),
            approval_timeout_seconds: self.approval_timeout_seconds.or(base.approval_timeout_seconds),
            timeout_seconds: self.timeout_seconds.or(base.timeout_seconds),
            background_ms: self.background_ms.or(base.background_ms),
            path_prepend: if self.path_prepend.is_empty() { base.path_prepend.clone() } else { self.path_prepend },
            apply_patch: ApplyPatchConfig {
                enabled: self.apply_patch.enabled.or(base.apply_patch.enabled),
                workspace_only: self.apply_patch.workspace_only.or(base.apply_patch.workspace_only),
            },
        }
    }
}

/// Settings of the file tools.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct FsConfig {
    /// Whether file tools may only touch the agent's workspace. Default: false.
    pub workspace_only: Option<bool>,
}

impl FsConfig {
    /// These settings, and those of `base` where these say nothing.
    #[must_use]
    pub fn over(self, base: &Self) -> Self {
        Self { workspace_only: self.workspace_only.or(base.workspace_only) }
    }
}
