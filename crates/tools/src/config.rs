//! The `tools` section of the configuration: which tools an agent has, and their limits.
//!
//! Names and shapes are OpenClaw's. What an agent can say of its own too stands in the agent crate. Owns no default that a limit of a tool's own file states.

use std::collections::BTreeMap;

use chela_agent::{AgentTools, ExecConfig, FsConfig, ToolProfile, TurnTools};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::sandbox::SandboxConfig;

/// Tools that the model may call.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ToolsConfig {
    /// The set to start from. Default: `full`.
    pub profile: Option<ToolProfile>,
    /// If not empty, only these tools (names, `group:fs`, `group:runtime`, `group:web`, `group:sessions`, `group:automation` or `*`). Default: `[]`.
    pub allow: Vec<String>,
    /// Tools added to the profile. Default: `[]`.
    pub also_allow: Vec<String>,
    /// Tools taken away; wins over everything else. Default: `[]`.
    pub deny: Vec<String>,
    /// What narrows the tools of single people in chats, by id, `@username`, `telegram:123` or `*`. Default: `{}`.
    pub tools_by_sender: BTreeMap<String, TurnTools>,
    /// Commands.
    pub exec: ExecConfig,
    /// What commands run in.
    pub sandbox: SandboxConfig,
    /// The web.
    pub web: WebConfig,
    /// Files.
    pub fs: FsConfig,
    /// What people send besides words.
    pub media: MediaConfig,
}

impl ToolsConfig {
    /// The section as it holds for an agent: what the agent says itself stands in for what is said for all. The lists of
    /// tools stay apart, since [`crate::effective`] weighs them against each other.
    pub(crate) fn for_agent(&self, agent: &AgentTools) -> Self {
        Self { exec: agent.exec.clone().over(&self.exec), fs: agent.fs.clone().over(&self.fs), ..self.clone() }
    }
}

/// What people send besides words.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct MediaConfig {
    /// Voice messages and other recordings.
    pub audio: AudioConfig,
}

/// Recordings are put into words before the model sees them.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AudioConfig {
    /// Default: true, where a vendor that can do it has a key.
    pub enabled: Option<bool>,
    /// Who does it, in the order in which they are tried. Default: Groq, OpenAI, Mistral, as far as they have a key.
    pub models: Vec<AudioModel>,
    /// Largest recording that is sent, in bytes. Default: 20000000.
    pub max_bytes: Option<u64>,
    /// The language that is spoken, as in `de`. Default: the vendor finds out.
    pub language: Option<String>,
}

/// A model that puts recordings into words.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AudioModel {
    /// A provider with OpenAI's transcription API.
    pub provider: Option<String>,
    /// Its own name of the model. Default: the provider's usual one.
    pub model: Option<String>,
    /// Instead of the provider's own address.
    pub base_url: Option<String>,
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

/// Which addresses may be reached besides the public internet.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_openclaw() {
        let text = r#"{"profile": "coding", "alsoAllow": ["a"], "exec": {"timeoutSec": 7, "backgroundMs": 5, "pathPrepend": ["/x"], "unknown": 1},
            "web": {"fetch": {"timeoutSeconds": 3, "maxChars": 9, "ssrfPolicy": {"allowedHostnames": ["h"]}}}, "fs": {"workspaceOnly": true}}"#;
        let config: ToolsConfig = serde_json::from_str(text).unwrap();
        assert_eq!((config.profile, config.also_allow), (Some(ToolProfile::Coding), vec!["a".to_owned()]));
        assert_eq!(
            (config.exec.timeout_seconds, config.exec.background_ms, config.exec.path_prepend.len()),
            (Some(7), Some(5), 1)
        );
        let fetch = config.web.fetch;
        assert_eq!(
            (fetch.timeout_seconds, fetch.max_chars, fetch.ssrf_policy.allowed_hostnames.len()),
            (Some(3), Some(9), 1)
        );
        assert_eq!(config.fs.workspace_only, Some(true));
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
