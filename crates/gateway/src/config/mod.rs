//! The root of the configuration: one struct of sections, each beside the code that it configures.

mod bindings;
mod gateway;
mod logging;
mod messages;

pub use bindings::{Binding, BindingMatch, BindingPeer};
use chela_agent::{AgentsConfig, ExecConfig, SessionConfig, SkillsConfig};
use chela_config::{Criticality, Loaded, Problem, SecretsSection, Severity, extend, schema_of};
use chela_llm::{AuthConfig, ModelsConfig};
use chela_tools::{ExecRefusal, ToolsConfig, exec_refusal};
use gateway::read;
pub use gateway::*;
pub use logging::{ConsoleStyle, Level, LoggingConfig};
pub use messages::{MessagesConfig, QueueConfig};
use serde_json::{Value, json};

/// The configuration in force: every section parsed, wrong ones at their safe default.
#[derive(Debug, Clone, Default, schemars::JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub struct Config {
    pub gateway: GatewayConfig,
    pub logging: LoggingConfig,
    pub bindings: Vec<Binding>,
    pub agents: AgentsConfig,
    pub models: ModelsConfig,
    /// Credentials of model vendors: profiles, and the order in which they are tried.
    pub auth: AuthConfig,
    pub tools: ToolsConfig,
    pub skills: SkillsConfig,
    pub session: SessionConfig,
    pub messages: MessagesConfig,
    /// Where secrets that the configuration refers to are fetched.
    pub secrets: SecretsSection,
}

/// The text of a configuration where there is none yet: with it, a gateway starts here.
pub const FIRST_FILE: &str = r#"{
  // Settings of this gateway. `chela config schema` lists what can stand here; changes are taken up while it runs.
  gateway: {
    mode: "local",
  },
}
"#;

/// Sections of the reference system that are known, kept and read by nobody yet.
const KEPT_SECTIONS: &[&str] = &[
    "accessGroups",
    "acp",
    "approvals",
    "attachments",
    "audio",
    "broadcast",
    "browser",
    "canvasHost",
    "channels",
    "cloudWorkers",
    "commands",
    "cron",
    "desktop",
    "diagnostics",
    "discovery",
    "env",
    "hooks",
    "identity",
    "mcp",
    "memory",
    "meta",
    "nodeHost",
    "plugins",
    "proxy",
    "security",
    "surfaces",
    "talk",
    "telemetry",
    "transcripts",
    "tts",
    "ui",
    "update",
    "web",
    "wizard",
    "worktreeAcceleration",
    "worktreeRoot",
    "$schema",
];

/// The JSON Schema of the whole configuration.
pub fn schema() -> Value {
    let mut schema = schema_of::<Config>();
    if let Some(object) = schema.as_object_mut() {
        // Every section may be left out.
        object.remove("required");
        object.insert("title".to_owned(), json!("Chela configuration"));
    }
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        for name in KEPT_SECTIONS {
            properties.entry(*name).or_insert(json!(true));
        }
    }
    schema
}

impl Config {
    /// Takes every section out of what was read. Nothing here stops: what is wrong is reported, all at once, and its safe default
    /// stands in. Security-relevant sections fail closed.
    pub fn read(loaded: &Loaded) -> (Self, Vec<Problem>) {
        let mut problems = loaded.problems.clone();
        let normal = Criticality::Normal;
        let config = Self {
            gateway: read(loaded, &mut problems),
            logging: loaded.section("logging", normal, &mut problems).or_closed(LoggingConfig::default),
            bindings: loaded.section("bindings", normal, &mut problems).or_closed(Vec::new),
            agents: loaded.section("agents", normal, &mut problems).or_closed(AgentsConfig::default),
            models: loaded.section("models", normal, &mut problems).or_closed(ModelsConfig::default),
            auth: loaded.section("auth", normal, &mut problems).or_closed(AuthConfig::default),
            tools: loaded.section("tools", Criticality::Security, &mut problems).or_closed(no_tools),
            skills: loaded.section("skills", normal, &mut problems).or_closed(SkillsConfig::default),
            session: loaded.section("session", normal, &mut problems).or_closed(SessionConfig::default),
            messages: loaded.section("messages", normal, &mut problems).or_closed(MessagesConfig::default),
            secrets: loaded.section("secrets", normal, &mut problems).or_closed(SecretsSection::default),
        };
        extend(&mut problems, config.refused_commands());
        (config, problems)
    }

    /// Where commands are switched off by rules that can't be kept yet: whoever wrote them expects something else.
    fn refused_commands(&self) -> Vec<Problem> {
        let entries = self.agents.list.iter().enumerate().map(|(at, entry)| (format!("agents.list[{at}]"), entry));
        let named = self.agents.entries.iter().map(|(id, entry)| (format!("agents.entries.{id}"), entry));
        let own = entries
            .chain(named)
            .filter(|(_, entry)| entry.tools.exec != ExecConfig::default())
            .map(|(at, entry)| (format!("{at}.tools.exec"), entry.tools.exec.clone().over(&self.tools.exec)));
        std::iter::once(("tools.exec".to_owned(), self.tools.exec.clone()))
            .chain(own)
            .filter_map(|(path, exec)| {
                let refusal = exec_refusal(&exec).filter(|refusal| *refusal != ExecRefusal::Denied)?;
                Some(Problem { path, severity: Severity::Warning, message: refusal.to_string(), hint: None })
            })
            .collect()
    }

    /// Adds what [`Config::read`] doesn't see: keys outside of every section. It looks at the whole file under the whole schema,
    /// which takes longer than everything else of a start, so it has its own time.
    pub(crate) fn check_whole(loaded: &Loaded, problems: &mut Vec<Problem>) {
        extend(problems, loaded.check(&schema()));
    }
}

/// What stands in for a `tools` section that can't be trusted: none at all.
fn no_tools() -> ToolsConfig {
    ToolsConfig { deny: vec!["*".to_owned()], ..ToolsConfig::default() }
}
