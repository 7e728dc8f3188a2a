//! What the crate promises, at its boundary: files in a temporary directory in, values and problems out.

mod editing;
mod loading;
mod redaction;
mod sample;
mod secrets;
mod validation;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

use crate::{EnvSection, Environment, Loaded, PlaceOverrides, Places, Problem, Secret, SecretsSection};

/// A root as the gateway has one, made up for these tests.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Root {
    agents: Agents,
    auth: BTreeMap<String, Value>,
    bindings: Vec<Binding>,
    channels: BTreeMap<String, Channel>,
    env: EnvSection,
    pub(crate) gateway: Gateway,
    meta: BTreeMap<String, Value>,
    secrets: SecretsSection,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Agents {
    defaults: AgentDefaults,
    list: Vec<Agent>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct AgentDefaults {
    model: Option<Model>,
    #[schemars(range(min = 1, max = 64))]
    max_concurrent: Option<u32>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "the schema is what is tested")]
enum Model {
    Name(String),
    Chain {
        primary: String,
        #[serde(default)]
        fallbacks: Vec<String>,
    },
}

#[derive(Debug, Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the schema is what is tested")]
struct Agent {
    id: String,
    #[serde(default)]
    default: bool,
    name: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "the schema is what is tested")]
struct Binding {
    agent_id: String,
    r#match: BTreeMap<String, Value>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Channel {
    enabled: bool,
    group_policy: GroupPolicy,
    token: Option<Secret>,
    guilds: BTreeMap<String, Value>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum GroupPolicy {
    Open,
    #[default]
    Allowlist,
    Disabled,
}

#[derive(Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Gateway {
    /// The port it listens on.
    #[schemars(range(min = 1, max = 65535))]
    pub(crate) port: Option<u16>,
    pub(crate) mode: Option<String>,
    pub(crate) bind: Option<Bind>,
    pub(crate) auth: Auth,
}

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Bind {
    /// Loopback; all interfaces in a container.
    Auto,
    /// All interfaces.
    Lan,
    /// This machine only.
    Loopback,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Auth {
    pub(crate) mode: Option<AuthMode>,
    pub(crate) token: Option<Secret>,
}

/// Secrets are equal to nothing; these tests compare the mode.
impl PartialEq for Auth {
    fn eq(&self, other: &Self) -> bool {
        self.mode == other.mode
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AuthMode {
    None,
    Token,
    Password,
}

/// A state directory with files in it.
pub(crate) struct House {
    pub(crate) dir: TempDir,
    pub(crate) environment: Environment,
}

impl House {
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self { dir, environment: Environment::default() }
    }

    pub(crate) fn of(config: &str) -> Self {
        Self::with(&[("chela.json", config)])
    }

    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        self.environment.fill([(name, value)]);
        self
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn places(&self) -> Places {
        let overrides = PlaceOverrides { state_dir: Some(self.path().into()), ..PlaceOverrides::default() };
        Places::locate(&self.environment, &overrides).unwrap()
    }

    pub(crate) fn load(&mut self) -> Loaded {
        crate::load(&self.places(), &mut self.environment)
    }
}

/// Problems as they are shown, one per line, with their severity.
pub(crate) fn shown(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(|problem| format!("{:?} {problem}", problem.severity)).collect();
    lines.join("\n")
}
