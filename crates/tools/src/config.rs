//! The `tools` section of the configuration: which tools an agent has, and their limits.
//!
//! Names and shapes are OpenClaw's. Owns no default that a limit of a tool's own file states.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// Tools that the model may call.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ToolsConfig {
    /// The set to start from. Default: `full`.
    pub profile: Option<Profile>,
    /// If not empty, only these tools (names, `group:fs`, `group:runtime`, `group:web`, `group:sessions` or `*`). Default: `[]`.
    pub allow: Vec<String>,
    /// Tools added to the profile. Default: `[]`.
    pub also_allow: Vec<String>,
    /// Tools taken away; wins over everything else. Default: `[]`.
    pub deny: Vec<String>,
    /// Commands.
    pub exec: ExecConfig,
    /// The web.
    pub web: WebConfig,
    /// Files.
    pub fs: FsConfig,
}

/// What an agent's own `tools` section changes.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AgentToolsConfig {
    /// Replaces the profile of `tools`. Default: that of `tools`.
    pub profile: Option<Profile>,
    /// If not empty, narrows the agent's tools to these. Default: `[]`.
    pub allow: Vec<String>,
    /// Tools added to the profile. Default: `[]`.
    pub also_allow: Vec<String>,
    /// Tools taken away, besides those of `tools.deny`. Default: `[]`.
    pub deny: Vec<String>,
}

/// A named set of tools.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
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

impl Profile {
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
    pub host: ExecHost,
    /// Which commands may run; with anything but `full`, `exec` is switched off, since there are no approvals yet. Default: `full`.
    pub security: Option<ExecSecurity>,
    /// The newer name of `security` and `ask` together; same rule. Default: `full`.
    pub mode: Option<ExecMode>,
    /// Whether a person is asked; with anything but `off`, `exec` is switched off. Default: `off`.
    pub ask: Option<ExecAsk>,
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExecHost {
    #[default]
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

/// Tools that reach the web.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct WebConfig {
    /// The `web_fetch` tool.
    pub fetch: FetchConfig,
}

/// Settings of `web_fetch`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct FetchConfig {
    /// Default: true.
    pub enabled: Option<bool>,
    /// Most characters of a page that the model gets. Default: 20000.
    pub max_chars: Option<usize>,
    /// Most bytes that are read of an answer. Default: 2000000.
    pub max_response_bytes: Option<usize>,
    /// Time for the whole call, redirects included. Default: 30 seconds.
    #[serde(alias = "timeoutSec")]
    pub timeout_seconds: Option<u64>,
    /// Redirects that are followed, each checked like the first address. Default: 5.
    pub max_redirects: Option<usize>,
    /// The `User-Agent` header. Default: Chela's name and version.
    pub user_agent: Option<String>,
    /// Further request headers. Default: `{}`.
    pub headers: BTreeMap<String, String>,
    /// Whether pages are cut down to their main text. Default: true.
    pub readability: Option<bool>,
    /// Which addresses may be reached.
    pub ssrf_policy: SsrfPolicy,
}

/// Which addresses `web_fetch` may reach besides the public internet.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SsrfPolicy {
    /// Hosts that may have a private address, for example `wiki.lan`; `*.lan` covers everything below. Default: `[]`.
    pub allowed_hostnames: Vec<String>,
    /// Hosts that are never reached; `*.example.com` covers everything below. Default: `[]`.
    pub blocked_hostnames: Vec<String>,
    /// Lets pages and redirects point the model at this machine and its networks. Default: false.
    pub dangerously_allow_private_network: bool,
}

/// Settings of the file tools.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct FsConfig {
    /// Whether file tools may only touch the agent's workspace. Default: false.
    pub workspace_only: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_openclaw() {
        let text = r#"{"profile": "coding", "alsoAllow": ["a"], "exec": {"timeoutSec": 7, "backgroundMs": 5, "pathPrepend": ["/x"], "unknown": 1},
            "web": {"fetch": {"timeoutSeconds": 3, "maxChars": 9, "ssrfPolicy": {"allowedHostnames": ["h"]}}}, "fs": {"workspaceOnly": true}}"#;
        let config: ToolsConfig = serde_json::from_str(text).unwrap();
        assert_eq!((config.profile, config.also_allow), (Some(Profile::Coding), vec!["a".to_owned()]));
        assert_eq!(
            (config.exec.timeout_seconds, config.exec.background_ms, config.exec.path_prepend.len()),
            (Some(7), Some(5), 1)
        );
        let fetch = config.web.fetch;
        assert_eq!(
            (fetch.timeout_seconds, fetch.max_chars, fetch.ssrf_policy.allowed_hostnames.len()),
            (Some(3), Some(9), 1)
        );
        assert!(config.fs.workspace_only);
    }

    #[test]
    fn every_setting_is_described() {
        fn check(path: &str, schema: &serde_json::Value) {
            for (name, property) in schema["properties"].as_object().into_iter().flatten() {
                assert!(property["description"].is_string(), "{path}.{name} has no doc comment");
            }
        }
        let schema = serde_json::to_value(schemars::schema_for!(ToolsConfig)).unwrap();
        check("tools", &schema);
        for (name, part) in schema["$defs"].as_object().unwrap() {
            check(name, part);
        }
    }
}
