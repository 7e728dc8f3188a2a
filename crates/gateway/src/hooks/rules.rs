//! The section `hooks` made ready for requests, and what is wrong in it. Pure.

use std::collections::BTreeSet;

use chela_config::{Problem, Severity};
use chela_protocol::AgentId;

use super::keys::KeyPolicy;
use super::template::is_template;
use crate::config::{HookAction, HookMapping, HookMatch, HookSessionMode, HooksConfig};

const DEFAULT_PATH: &str = "/hooks";

/// Largest request when the configuration doesn't say; the reference system's limit.
const BODY_BYTES: usize = 256 * 1024;
/// What can be set, and what a batch of mails may have: a request is held in memory several times over.
const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Mails of one batch, and what each takes: its text may be escaped to three times its size, and has headers. As in the reference
/// system.
const GMAIL_MAILS: usize = 100;
const GMAIL_TEXT_BYTES: usize = 20_000;
const GMAIL_ESCAPED: usize = 3;
const GMAIL_HEADERS_BYTES: usize = 8_192;
const GMAIL: &str = "gmail";

/// First parts of paths that the gateway serves itself.
const TAKEN: [&str; 9] = ["v1", "tools", "telegram", "health", "healthz", "ready", "readyz", "startupz", "metrics"];

/// What requests are measured by.
#[derive(Debug, Clone)]
pub(super) struct HookRules {
    /// With a slash in front and none behind.
    base: String,
    body_bytes: usize,
    gmail_body_bytes: usize,
    pub(super) keys: KeyPolicy,
    /// `None`: all of them.
    agents: Option<BTreeSet<AgentId>>,
    pub(super) mappings: Vec<Mapping>,
}

/// A mapping with its name.
#[derive(Debug, Clone)]
pub(super) struct Mapping {
    pub id: String,
    pub config: HookMapping,
    /// Why its requests are refused. It still takes them: another mapping was not meant for them.
    pub refusal: Option<String>,
}

/// What is wrong in the section. Errors at the section itself turn all of it off, those at a mapping only that one.
pub(crate) fn problems(config: &HooksConfig) -> Vec<Problem> {
    if !config.enabled {
        return Vec::new();
    }
    let keys = KeyPolicy::of(config);
    let fatal = fatal(config, &keys).map(|(key, message)| problem(format!("hooks.{key}"), Severity::Error, message));
    let unknown = config.presets.iter().filter(|preset| preset.trim() != GMAIL).map(|preset| {
        problem(
            "hooks.presets".to_owned(),
            Severity::Warning,
            format!("no preset is called `{preset}`; there is `{GMAIL}`"),
        )
    });
    let refused = config.mappings.iter().enumerate().filter_map(|(at, mapping)| {
        Some(problem(format!("hooks.mappings[{at}]"), Severity::Error, refusal(mapping, &keys)?))
    });
    fatal.into_iter().chain(unknown).chain(refused).collect()
}

impl HookRules {
    /// The error says why the hooks stay off.
    pub(super) fn of(config: &HooksConfig) -> Result<Self, String> {
        let keys = KeyPolicy::of(config);
        if let Some((key, message)) = fatal(config, &keys) {
            return Err(format!("hooks.{key}: {message}"));
        }
        let own = config.mappings.iter().cloned();
        let preset = config.presets.iter().any(|preset| preset.trim() == GMAIL).then(|| gmail(config));
        let mapping = |(at, config): (usize, HookMapping)| Mapping {
            id: config.id.clone().unwrap_or_else(|| format!("mapping-{}", at + 1)),
            refusal: refusal(&config, &keys),
            config,
        };
        let gmail_text = config.gmail.max_bytes.unwrap_or(GMAIL_TEXT_BYTES).saturating_mul(GMAIL_ESCAPED);
        let gmail_body = gmail_text.saturating_add(GMAIL_HEADERS_BYTES).saturating_mul(GMAIL_MAILS);
        let body_bytes = config.max_body_bytes.unwrap_or(BODY_BYTES).min(BODY_BYTES_MAX);
        Ok(Self {
            base: base_path(config)?,
            body_bytes,
            gmail_body_bytes: gmail_body.min(BODY_BYTES_MAX).max(body_bytes),
            agents: agents(config),
            mappings: own.chain(preset).enumerate().map(mapping).collect(),
            keys,
        })
    }

    /// What follows the base path, without slashes around it; `None` where the request is for somebody else.
    pub(super) fn rest_of<'a>(&self, path: &'a str) -> Option<&'a str> {
        let rest = path.strip_prefix(self.base.as_str())?;
        (rest.is_empty() || rest.starts_with('/')).then(|| rest.trim_matches('/'))
    }

    /// Largest body of a request to this path.
    pub(super) fn body_bytes(&self, rest: &str) -> usize {
        let has_mails =
            self.mappings.iter().any(|mapping| mapping.config.matches.path.as_deref().map(trimmed) == Some(GMAIL));
        if rest == GMAIL && has_mails { self.gmail_body_bytes } else { self.body_bytes }
    }

    /// Whether hooks may speak with this agent.
    pub(super) fn admits(&self, agent: &AgentId) -> bool {
        self.agents.as_ref().is_none_or(|agents| agents.contains(agent))
    }

    pub(super) fn base(&self) -> &str {
        &self.base
    }
}

impl Mapping {
    /// Whether a request to `rest` with this `source` is its own.
    pub(super) fn fits(&self, rest: &str, source: Option<&str>) -> bool {
        let HookMatch { path, source: wanted } = &self.config.matches;
        path.as_deref().map(trimmed).is_none_or(|path| path.is_empty() || path == rest)
            && wanted.as_deref().is_none_or(|wanted| wanted.is_empty() || Some(wanted) == source)
    }
}

fn trimmed(path: &str) -> &str {
    path.trim().trim_matches('/')
}

/// What turns all of the section off: the key and why.
fn fatal(config: &HooksConfig, keys: &KeyPolicy) -> Option<(&'static str, String)> {
    if config.token.is_none() {
        return Some(("token", "hooks stay off without a token; set one that only their senders know".to_owned()));
    }
    if let Err(why) = base_path(config) {
        return Some(("path", why));
    }
    // Its prefixes may name the agent, and which one is not known yet: any will do that they name.
    let agents = config.allowed_session_key_prefixes.iter().filter_map(|prefix| {
        let agent = prefix.trim().strip_prefix("agent:")?.split(':').next()?;
        Some(AgentId::new(agent))
    });
    let mut agents = std::iter::once(AgentId::new(chela_protocol::MAIN)).chain(agents);
    if agents.all(|agent| keys.check_own(&agent).is_err()) {
        let key = if keys.has_default() { "defaultSessionKey" } else { "allowedSessionKeyPrefixes" };
        let why = "work that names no conversation would have none: set a default that begins with an allowed prefix, or allow `hook:`";
        return Some((key, why.to_owned()));
    }
    None
}

/// Why the requests of a mapping are refused.
fn refusal(mapping: &HookMapping, keys: &KeyPolicy) -> Option<String> {
    if mapping.transform.is_some() {
        return Some(
            "transforms are programs of OpenClaw, which don't run here; its requests are refused until it has none"
                .to_owned(),
        );
    }
    let key = mapping.session_key.as_deref().map(str::trim).filter(|key| !key.is_empty());
    if key.is_some_and(is_template) && !keys.has_prefixes() {
        return Some("a template as `sessionKey` needs `hooks.allowedSessionKeyPrefixes`".to_owned());
    }
    if mapping.session_mode == HookSessionMode::Persistent && key.is_none() && !keys.has_default() {
        return Some("`sessionMode: persistent` needs a `sessionKey`".to_owned());
    }
    if mapping.for_each.as_deref().is_some_and(|key| key.is_empty() || key.contains(['.', '[', '{'])) {
        return Some("`forEach` is the name of a list at the top of the request".to_owned());
    }
    let (template, name) = match mapping.action {
        HookAction::Agent => (&mapping.message_template, "messageTemplate"),
        HookAction::Wake => (&mapping.text_template, "textTemplate"),
    };
    let is_empty = template.as_deref().is_none_or(|text| text.trim().is_empty());
    is_empty.then(|| format!("`{name}` is missing: there would be nothing to say"))
}

fn base_path(config: &HooksConfig) -> Result<String, String> {
    let path = config.path.as_deref().map_or(DEFAULT_PATH, str::trim).trim_matches('/');
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.~/".contains(c);
    let first = path.split('/').next().unwrap_or_default();
    if path.is_empty() {
        return Err("hooks can't be served at `/`; name a path such as `/hooks`".to_owned());
    }
    if TAKEN.contains(&first) {
        return Err(format!("`/{first}` is served by the gateway itself; name another path"));
    }
    if !path.chars().all(is_plain) || path.contains("//") {
        return Err(format!("`/{path}` is no plain path; use letters, digits, `-` and `_`"));
    }
    Ok(format!("/{path}"))
}

fn agents(config: &HooksConfig) -> Option<BTreeSet<AgentId>> {
    let named = config.allowed_agent_ids.as_ref()?;
    if named.iter().any(|name| name.trim() == "*") {
        return None;
    }
    Some(named.iter().map(|name| AgentId::new(name.trim())).collect())
}

/// The preset: one piece of work for each mail of a batch.
fn gmail(config: &HooksConfig) -> HookMapping {
    let text = "A mail came.\nFrom: {{messages[0].from}}\nSubject: {{messages[0].subject}}\nIn short: {{messages[0].snippet}}\nText: {{messages[0].body}}";
    HookMapping {
        id: Some(GMAIL.to_owned()),
        matches: HookMatch { path: Some(GMAIL.to_owned()), source: None },
        name: Some("Gmail".to_owned()),
        for_each: Some("messages".to_owned()),
        session_key: Some("hook:gmail:{{messages[0].id}}".to_owned()),
        message_template: Some(text.to_owned()),
        model: config.gmail.model.clone(),
        thinking: config.gmail.thinking.clone(),
        allow_unsafe_external_content: config.gmail.allow_unsafe_external_content,
        ..HookMapping::default()
    }
}

fn problem(path: String, severity: Severity, message: String) -> Problem {
    Problem { path, severity, message, hint: None }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn config(section: Value) -> HooksConfig {
        let mut section = section;
        section["enabled"] = json!(true);
        section["token"] = section.get("token").cloned().unwrap_or(json!("t"));
        serde_json::from_value(section).unwrap()
    }

    fn paths(section: Value) -> Vec<String> {
        problems(&config(section)).into_iter().map(|problem| problem.path).collect()
    }

    #[test]
    fn without_a_token_or_a_path_of_their_own_hooks_stay_off() {
        let without = HooksConfig { enabled: true, ..HooksConfig::default() };
        assert!(HookRules::of(&without).unwrap_err().starts_with("hooks.token: "));
        assert_eq!(problems(&without)[0].path, "hooks.token");
        assert_eq!(problems(&HooksConfig::default()), [], "nobody asked for them");
        for path in ["/", "", "//", "v1", "/tools/x", "/a b", "/a//b", "/{x}"] {
            assert_eq!(paths(json!({ "path": path })), ["hooks.path"], "{path}");
        }
        assert_eq!(HookRules::of(&config(json!({ "path": "in/" }))).unwrap().base(), "/in");
        assert_eq!(paths(json!({ "allowedSessionKeyPrefixes": ["mail:"] })), ["hooks.allowedSessionKeyPrefixes"]);
        assert_eq!(
            paths(json!({ "allowedSessionKeyPrefixes": ["hook:"], "defaultSessionKey": "main" })),
            ["hooks.defaultSessionKey"]
        );
        assert_eq!(paths(json!({ "allowedSessionKeyPrefixes": ["agent:ops:hook:"] })), Vec::<String>::new());
    }

    #[test]
    fn a_mapping_that_cannot_do_what_it_says_refuses_alone() {
        let rows = [
            json!({ "messageTemplate": "x", "transform": { "module": "a.js" } }),
            json!({ "messageTemplate": "x", "sessionKey": "hook:{{id}}" }),
            json!({ "messageTemplate": "x", "sessionMode": "persistent" }),
            json!({ "messageTemplate": "x", "forEach": "a.b" }),
            json!({ "action": "wake", "messageTemplate": "x" }),
            json!({}),
        ];
        for row in rows {
            let section = json!({ "mappings": [{ "messageTemplate": "fine" }, row] });
            assert_eq!(paths(section.clone()), ["hooks.mappings[1]"], "{row}");
            let rules = HookRules::of(&config(section)).unwrap();
            assert!(rules.mappings[0].refusal.is_none() && rules.mappings[1].refusal.is_some(), "{row}");
        }
        assert_eq!(paths(json!({ "presets": ["gmail", "slack"] })), ["hooks.presets"]);
    }

    #[test]
    fn paths_and_sources_choose_the_mapping() {
        let section = json!({ "mappings": [
            { "match": { "path": "/github/" }, "messageTemplate": "a" },
            { "match": { "source": "ci" }, "messageTemplate": "b" },
        ] });
        let rules = HookRules::of(&config(section)).unwrap();
        let chosen = |path: &str, source| {
            let rest = rules.rest_of(path)?;
            rules.mappings.iter().find(|mapping| mapping.fits(rest, source)).map(|mapping| mapping.id.as_str())
        };
        assert_eq!(chosen("/hooks/github", None), Some("mapping-1"));
        assert_eq!(chosen("/hooks/other", Some("ci")), Some("mapping-2"));
        assert_eq!(chosen("/hooks/other", Some("cd")), None);
        assert_eq!(chosen("/hooksgithub", None), None);
        assert_eq!(rules.rest_of("/hooks"), Some(""));
    }

    #[test]
    fn a_batch_of_mails_may_be_larger() {
        let rules =
            HookRules::of(&config(json!({ "presets": ["gmail"], "allowedSessionKeyPrefixes": ["hook:"] }))).unwrap();
        assert_eq!((rules.body_bytes("wake"), rules.body_bytes("gmail")), (BODY_BYTES, 6_819_200));
        assert_eq!(HookRules::of(&config(json!({}))).unwrap().body_bytes("gmail"), BODY_BYTES);
        let section = json!({ "presets": ["gmail"], "gmail": { "maxBytes": 10_000_000 } });
        assert_eq!(HookRules::of(&config(section)).unwrap().body_bytes("gmail"), BODY_BYTES_MAX);
    }

    #[test]
    fn agents_are_admitted_by_name() {
        let admits = |section| HookRules::of(&config(section)).unwrap().admits(&AgentId::new("ops"));
        assert!(admits(json!({})));
        assert!(admits(json!({ "allowedAgentIds": ["*"] })));
        assert!(admits(json!({ "allowedAgentIds": ["ops"] })));
        assert!(!admits(json!({ "allowedAgentIds": ["main"] })));
        assert!(!admits(json!({ "allowedAgentIds": [] })));
    }
}
