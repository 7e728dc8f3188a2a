//! The root of the configuration: one struct of sections, each beside the code that it configures.

mod access_groups;
mod bindings;
mod commands;
mod cron;
mod gateway;
mod hooks;
mod logging;
mod messages;

pub use access_groups::{AccessGroup, AccessGroups};
pub use bindings::{Binding, BindingMatch, BindingPeer};
use chela_agent::{AgentEntry, AgentsConfig, BudgetsConfig, ExecConfig, SessionConfig, SkillsConfig};
use chela_channels::access::MentionPatterns;
use chela_config::{Criticality, Loaded, Problem, SecretsSection, Severity, extend, schema_of};
use chela_llm::{AuthConfig, ModelsConfig};
use chela_tools::{ExecRefusal, ToolsConfig, exec_refusal};
pub use commands::{Auto, CommandsConfig, NativeCommands};
pub use cron::{CronAlertConfig, CronConfig, CronRetention};
use gateway::read;
pub use gateway::*;
pub use hooks::{
    HookAction, HookMapping, HookMatch, HookSessionMode, HookTransform, HookWakeMode, HooksConfig, HooksGmailConfig,
};
pub use logging::{ConsoleStyle, Level, LoggingConfig};
pub use messages::{DropPolicy, GroupChatConfig, MessagesConfig, QueueConfig, StatusEmojis, StatusReactions};
use serde_json::{Value, json};

/// The configuration in force: every section parsed, wrong ones at their safe default.
#[derive(Debug, Clone, Default, schemars::JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub struct Config {
    #[schemars(extend("x-reload" = "hot"))]
    pub gateway: GatewayConfig,
    #[schemars(extend("x-reload" = "hot"))]
    pub logging: LoggingConfig,
    /// Which agent answers where on channels: the most specific entry wins.
    #[schemars(extend("x-reload" = "hot"))]
    pub bindings: Vec<Binding>,
    /// People under one name, for `accessGroup:<name>` in lists of who may speak.
    #[schemars(extend("x-reload" = "hot"))]
    pub access_groups: AccessGroups,
    #[schemars(extend("x-reload" = "hot"))]
    pub commands: CommandsConfig,
    #[schemars(extend("x-reload" = "hot"))]
    pub agents: AgentsConfig,
    #[schemars(extend("x-reload" = "hot"))]
    pub models: ModelsConfig,
    #[schemars(extend("x-reload" = "hot"))]
    pub auth: AuthConfig,
    #[schemars(extend("x-reload" = "hot"))]
    pub budgets: BudgetsConfig,
    #[schemars(extend("x-reload" = "hot"))]
    pub tools: ToolsConfig,
    #[schemars(extend("x-reload" = "hot"))]
    pub skills: SkillsConfig,
    #[schemars(extend("x-reload" = "hot"))]
    pub session: SessionConfig,
    #[schemars(extend("x-reload" = "hot"))]
    pub messages: MessagesConfig,
    #[schemars(extend("x-reload" = "hot"))]
    pub cron: CronConfig,
    #[schemars(extend("x-reload" = "hot"))]
    pub hooks: HooksConfig,
    /// Where secrets that the configuration refers to are fetched.
    #[schemars(extend("x-reload" = "hot"))]
    pub secrets: SecretsSection,
}

/// Root keys that other readers than this crate's sections take up, with what they are.
const READ_ELSEWHERE: &[(&str, &str, &str)] = &[
    ("env", "Variables that are set where the environment has none.", "hot"),
    ("$schema", "The schema that editors check the file against.", "none"),
    ("meta", "Who wrote the file last.", "none"),
];

/// Sections of the reference system that are known, kept and read by nobody yet.
const KEPT_SECTIONS: &[&str] = &[
    "acp",
    "approvals",
    "attachments",
    "audio",
    "broadcast",
    "browser",
    "canvasHost",
    "cloudWorkers",
    "desktop",
    "diagnostics",
    "discovery",
    "identity",
    "mcp",
    "memory",
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
        let kept = KEPT_SECTIONS.iter().map(|name| (*name, "Known and kept. No effect in this version.", "none"));
        for (name, description, effect) in kept.chain(READ_ELSEWHERE.iter().copied()) {
            properties.entry(name).or_insert(json!({ "description": description, "x-reload": effect }));
        }
        let mut channels = chela_channels::channels_schema();
        channels["x-reload"] = "hot".into();
        properties.insert("channels".to_owned(), channels);
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
            // Without its groups a list names fewer people; without its owners a command refuses more.
            access_groups: loaded
                .section("accessGroups", Criticality::Security, &mut problems)
                .or_closed(AccessGroups::default),
            commands: loaded
                .section("commands", Criticality::Security, &mut problems)
                .or_closed(CommandsConfig::default),
            agents: loaded.section("agents", normal, &mut problems).or_closed(AgentsConfig::default),
            models: loaded.section("models", normal, &mut problems).or_closed(ModelsConfig::default),
            auth: loaded.section("auth", normal, &mut problems).or_closed(AuthConfig::default),
            // Nobody knows how little was wanted.
            budgets: loaded.section("budgets", Criticality::Security, &mut problems).or_closed(BudgetsConfig::closed),
            tools: loaded.section("tools", Criticality::Security, &mut problems).or_closed(no_tools),
            skills: loaded.section("skills", normal, &mut problems).or_closed(SkillsConfig::default),
            session: loaded.section("session", normal, &mut problems).or_closed(SessionConfig::default),
            messages: loaded.section("messages", normal, &mut problems).or_closed(MessagesConfig::default),
            // Nobody knows which of them were to run.
            cron: loaded.section("cron", normal, &mut problems).or_closed(CronConfig::off),
            hooks: loaded.section("hooks", Criticality::Security, &mut problems).or_closed(HooksConfig::off),
            secrets: loaded.section("secrets", normal, &mut problems).or_closed(SecretsSection::default),
        };
        extend(&mut problems, config.refused_commands());
        extend(&mut problems, config.bad_patterns());
        extend(&mut problems, crate::budgets::problems(&config));
        extend(&mut problems, crate::hooks::problems(&config.hooks));
        extend(&mut problems, channel_problems(loaded));
        (config, problems)
    }

    /// Where commands are switched off by rules that can't be kept yet: whoever wrote them expects something else.
    fn refused_commands(&self) -> Vec<Problem> {
        let own = self
            .agent_entries()
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

    /// Patterns of names that can't be used; they call nobody.
    fn bad_patterns(&self) -> Vec<Problem> {
        let shared = self.messages.group_chat.mention_patterns.as_deref();
        let own = self
            .agent_entries()
            .map(|(at, entry)| (format!("{at}.groupChat"), entry.group_chat.mention_patterns.as_deref()));
        std::iter::once(("messages.groupChat".to_owned(), shared))
            .chain(own)
            .flat_map(|(path, patterns)| {
                let bad = MentionPatterns::compile(Some(patterns.unwrap_or_default()), None).1;
                bad.into_iter().map(move |bad| Problem {
                    path: path.clone(),
                    severity: Severity::Error,
                    message: bad.to_string(),
                    hint: None,
                })
            })
            .collect()
    }

    /// Every agent of the file, with its path there.
    fn agent_entries(&self) -> impl Iterator<Item = (String, &AgentEntry)> {
        let listed = self.agents.list.iter().enumerate().map(|(at, entry)| (format!("agents.list[{at}]"), entry));
        listed.chain(self.agents.entries.iter().map(|(id, entry)| (format!("agents.entries.{id}"), entry)))
    }

    /// Adds what [`Config::read`] doesn't see: keys outside of every section. It looks at the whole file under the whole schema,
    /// which takes longer than everything else of a start, so it has its own time.
    pub(crate) fn check_whole(loaded: &Loaded, problems: &mut Vec<Problem>) {
        extend(problems, loaded.check(&schema()));
    }
}

/// What is wrong with the accounts of the section `channels`.
fn channel_problems(loaded: &Loaded) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(section) = loaded.value.get("channels") {
        chela_channels::prepare(section, &|_| false, &mut problems);
    }
    problems
}

/// What stands in for a `tools` section that can't be trusted: none at all.
fn no_tools() -> ToolsConfig {
    ToolsConfig { deny: vec!["*".to_owned()], ..ToolsConfig::default() }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_key_says_what_a_change_does() {
        let page = chela_config::reference(&super::schema());
        let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
        assert!(rows.len() > 100);
        for row in rows {
            let cells: Vec<&str> = row.split(" | ").collect();
            assert!(["hot", "restart", "none"].contains(&cells[3]), "{row}");
            assert_eq!(cells[3] == "none", row.contains("No effect in this version."), "{row}");
        }
    }
}
