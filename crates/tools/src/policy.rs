//! Which tools an agent has: profile, allow, also-allow and deny turned into a list. Pure; a deny always wins.

use chela_agent::{AgentTools, ExecConfig, ExecHost, ExecRule, ToolProfile, ToolSet, TurnTools};

use crate::config::ToolsConfig;
use crate::table::{TOOLS, ToolId, ToolRow};

/// The tools that `config` and the agent's own section leave, in the order of [`TOOLS`].
pub fn effective(config: &ToolsConfig, agent: &AgentTools) -> Vec<ToolId> {
    let settings = config.for_agent(agent);
    let profile = agent.profile.or(config.profile).unwrap_or_default();
    let also = |row: &ToolRow| names(&config.also_allow, row) || names(&agent.also_allow, row);
    let narrowed = |allow: &[String], row: &ToolRow| allow.is_empty() || names(allow, row) || also(row);
    TOOLS
        .iter()
        .filter(|row| in_profile(profile, row) || also(row))
        .filter(|row| narrowed(&config.allow, row) && narrowed(&agent.allow, row))
        .filter(|row| !names(&config.deny, row) && !names(&agent.deny, row))
        .filter(|row| !is_switched_off(&settings, row))
        .map(|row| row.id)
        .collect()
}

/// The tools that these rules leave of an agent's. Names that are no built-in tool's count as they are written.
pub fn narrowed(tools: &ToolSet, rules: &[TurnTools]) -> ToolSet {
    let keeps = |name: &str, rule: &TurnTools| {
        let named = |list: &[String]| match TOOLS.iter().find(|row| row.id == name) {
            Some(row) => names(list, row),
            None => list.iter().any(|entry| entry == name || entry == "*"),
        };
        !named(&rule.deny) && (rule.allow.is_empty() || named(&rule.allow) || named(&rule.also_allow))
    };
    let left = tools.iter().filter(|tool| rules.iter().all(|rule| keeps(&tool.definition().name, rule)));
    ToolSet::new(left.cloned().collect())
}

/// Whether a profile holds the tool.
pub fn in_profile(profile: ToolProfile, row: &ToolRow) -> bool {
    match profile {
        ToolProfile::Full | ToolProfile::Coding => true,
        ToolProfile::Minimal | ToolProfile::Messaging => row.id == "session_status",
    }
}

/// Why `exec` and `process` are switched off by their own settings. A rule that can't be kept (another host) is kept by running
/// nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExecRefusal {
    /// Whoever wrote it wants no command to run.
    #[error("tools.exec denies every command")]
    Denied,
    #[error(
        "it asks for a host that is not there, so no command runs; `host: \"gateway\"` runs commands on this machine"
    )]
    NoHost,
}

/// Whether `exec` and `process` are switched off by their own settings, and why.
pub fn exec_refusal(config: &ExecConfig) -> Option<ExecRefusal> {
    if config.rule() == ExecRule::Deny {
        return Some(ExecRefusal::Denied);
    }
    matches!(config.host, Some(ExecHost::Sandbox | ExecHost::Node)).then_some(ExecRefusal::NoHost)
}

fn is_switched_off(config: &ToolsConfig, row: &ToolRow) -> bool {
    match row.id {
        "web_fetch" => config.web.fetch.enabled == Some(false),
        "apply_patch" => config.exec.apply_patch.enabled == Some(false),
        "exec" | "process" => exec_refusal(&config.exec).is_some(),
        _ => false,
    }
}

/// Whether a list names the tool by its id, a former name, its group or a `*` pattern.
fn names(list: &[String], row: &ToolRow) -> bool {
    list.iter().any(|entry| {
        let entry = entry.trim().to_ascii_lowercase().replace('-', "_");
        match entry.as_str() {
            "bash" => row.id == "exec",
            other => match other.strip_suffix('*') {
                Some(prefix) => row.id.starts_with(prefix),
                None => other == row.id || other == row.group.id(),
            },
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(config: &str, agent: &str, expected: &[&str]) {
        let config = serde_json::from_str(config).unwrap();
        let agent = serde_json::from_str(agent).unwrap();
        assert_eq!(effective(&config, &agent), expected, "{config:?} {agent:?}");
    }

    #[test]
    fn profiles_lists_and_groups_combine() {
        let all: Vec<&str> = TOOLS.iter().map(|row| row.id).collect();
        check("{}", "{}", &all);
        check(r#"{"profile":"minimal"}"#, "{}", &["session_status"]);
        check(r#"{"profile":"minimal"}"#, r#"{"profile":"full"}"#, &all);
        check(r#"{"profile":"minimal","alsoAllow":["group:web"]}"#, "{}", &["web_fetch", "session_status"]);
        check(r#"{"allow":["group:runtime","read"]}"#, "{}", &["read", "exec", "process"]);
        check(r#"{"allow":["group:runtime","read"]}"#, r#"{"allow":["read","write"]}"#, &["read"]);
        check(r#"{"allow":["bash","apply-patch","*_status"]}"#, "{}", &["apply_patch", "exec"]);
        check(r#"{"allow":["Web_*"]}"#, "{}", &["web_fetch"]);
    }

    #[test]
    fn turns_have_what_every_rule_leaves() {
        let all = crate::tests::Bench::new().tools;
        let left = |rules: &str| -> Vec<String> {
            let rules: Vec<TurnTools> = serde_json::from_str(rules).unwrap();
            narrowed(&all, &rules).iter().map(|tool| tool.definition().name.clone()).collect()
        };
        assert_eq!(left("[]").len(), TOOLS.len());
        assert_eq!(left(r#"[{"allow":["read"],"alsoAllow":["group:web"]}]"#), ["read", "web_fetch"]);
        assert_eq!(left(r#"[{"allow":["group:fs"]},{"deny":["*"]}]"#), Vec::<String>::new());
        assert_eq!(left(r#"[{"allow":["read","exec"]},{"deny":["bash"]}]"#), ["read"]);
    }

    #[test]
    fn a_deny_wins() {
        check(r#"{"deny":["*"],"alsoAllow":["read"]}"#, r#"{"allow":["read"],"alsoAllow":["read"]}"#, &[]);
        check(r#"{"allow":["read","ls"]}"#, r#"{"deny":["group:fs"]}"#, &[]);
    }

    #[test]
    fn rules_that_cannot_be_kept_run_nothing() {
        for exec in [r#"{"security":"deny","mode":"full"}"#, r#"{"mode":"deny"}"#, r#"{"host":"sandbox"}"#] {
            check(&format!(r#"{{"allow":["group:runtime"],"exec":{exec}}}"#), "{}", &[]);
        }
        check(r#"{"allow":["group:runtime"],"exec":{"security":"full","host":"gateway"}}"#, "{}", &["exec", "process"]);
        let one_agent = r#"{"exec":{"security":"full","host":"gateway"}}"#;
        check(r#"{"allow":["group:runtime"],"exec":{"security":"deny"}}"#, one_agent, &["exec", "process"]);
        check(r#"{"allow":["group:runtime"]}"#, r#"{"exec":{"mode":"deny"}}"#, &[]);
        check(r#"{"allow":["group:runtime"]}"#, r#"{"exec":{"mode":"ask"}}"#, &["exec", "process"]);
        check(r#"{"allow":["group:web"],"web":{"fetch":{"enabled":false}}}"#, "{}", &[]);
    }
}
