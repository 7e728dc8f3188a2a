//! What an account's keys mean: read, closed where they are wrong, and put into the common shape of access and delivery.
//!
//! Pure. Wrong values are reported and left out; where one guards something, what it guards is closed.

use chela_config::{Ids, KeyPath, Problem, Segment, Severity, check, schema_of};
use serde_json::{Map, Value, json};

use super::config::{GroupConfig, ReactionLevel, TelegramConfig, TopicConfig};
use crate::access::{AccessRules, AllowList, Place};
use crate::keys::history_within;
use crate::policy::{AccountPolicy, AckScope, DeliveryPolicy, PreviewMode};
use crate::render::Limits;

/// Telegram's own limit of a message, in UTF-16 units of its visible text.
pub(super) const TEXT_MAX: usize = 4096;

/// Leaves room for a prefix and a counter, as the reference system does.
const TEXT_DEFAULT: usize = 4000;

const HISTORY_DEFAULT: usize = 50;

/// Keys without which the account can't connect, and must not with those of somebody else: another token, another server.
const CONNECTION_KEYS: &[&str] = &["botToken", "tokenFile", "apiBase", "apiRoot"];

/// Reads the keys. `None` where they are no object at all, or one that the connection needs is wrong; the problems say so.
pub(super) fn read_config(path: &str, value: &Value, problems: &mut Vec<Problem>) -> Option<TelegramConfig> {
    let base = path.parse::<KeyPath>().unwrap_or_default();
    let found = check(value, &schema_of::<TelegramConfig>(), &base);
    let mut keys = value.as_object().cloned();
    for problem in found.iter().filter(|problem| problem.severity == Severity::Error) {
        let Ok(at) = problem.path.parse::<KeyPath>() else { continue };
        let at = at.segments().get(base.segments().len()..).unwrap_or_default();
        if matches!(at.first(), Some(Segment::Key(name)) if CONNECTION_KEYS.contains(&name.as_str())) {
            keys = None;
        }
        if let Some(keys) = &mut keys {
            close(keys, at);
        }
    }
    chela_config::extend(problems, found);
    if let Some(keys) = &mut keys {
        chela_config::extend(problems, drop_names(keys, &base));
    }
    match serde_json::from_value(Value::Object(keys?)) {
        Ok(config) => Some(config),
        Err(error) => {
            let message = format!("these keys can't be read together: {error}");
            let problem = Problem { path: path.to_owned(), severity: Severity::Error, message, hint: None };
            chela_config::extend(problems, vec![problem]);
            None
        }
    }
}

/// Puts the keys into the common shape.
pub(super) fn policy_of(config: &TelegramConfig) -> AccountPolicy {
    AccountPolicy { access: access_of(config), delivery: delivery_of(config) }
}

/// Takes a wrong value out, and with it whatever it was to guard. `at` is its place below the account.
fn close(keys: &mut Map<String, Value>, at: &[Segment]) {
    let name = |index: usize| match at.get(index) {
        Some(Segment::Key(name)) => Some(name.as_str()),
        _ => None,
    };
    let closed = json!({ "enabled": false });
    match (name(0), name(1)) {
        (Some("groups"), Some(group)) => {
            let Some(group) = keys.get_mut("groups").and_then(|groups| groups.get_mut(group)) else { return };
            let topic = name(3).filter(|_| name(2) == Some("topics"));
            match topic.and_then(|topic| group.get_mut("topics")?.get_mut(topic)) {
                Some(topic) => *topic = closed,
                None => *group = closed,
            }
        }
        (Some("groups" | "groupPolicy" | "groupAllowFrom"), _) => {
            keys.retain(|key, _| key != "groups" && key != "groupAllowFrom");
            keys.insert("groupPolicy".to_owned(), json!("disabled"));
        }
        (Some("dmPolicy"), _) => {
            keys.insert("dmPolicy".to_owned(), json!("disabled"));
        }
        (Some("allowFrom"), _) => {
            keys.remove("allowFrom");
            keys.insert("dmPolicy".to_owned(), json!("disabled"));
            // Without a list of its own the groups' senders are those of this one.
            if !keys.contains_key("groupAllowFrom") {
                keys.insert("groupPolicy".to_owned(), json!("disabled"));
            }
        }
        (Some("contextVisibility"), _) => {
            keys.insert("contextVisibility".to_owned(), json!("allowlist"));
        }
        (Some(key), _) => {
            keys.remove(key);
        }
        (None, _) => {}
    }
}

/// Takes groups and topics out that are not named by their id. Whoever adds the bot to a group chooses its title, and must not
/// choose the rules with it.
fn drop_names(keys: &mut Map<String, Value>, base: &KeyPath) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut keep = |id: &str, at: KeyPath, thing: &str| {
        let is_id = id.trim() == "*" || group_id(id).parse::<i64>().is_ok();
        if !is_id {
            let message =
                format!("a {thing} is named by its id, or `*` for all; `{id}` is neither and matches nothing");
            problems.push(Problem { path: at.to_string(), severity: Severity::Warning, message, hint: None });
        }
        is_id
    };
    let Some(groups) = keys.get_mut("groups").and_then(Value::as_object_mut) else { return problems };
    let base = base.key("groups");
    groups.retain(|id, _| keep(id, base.key(id), "group"));
    for (group, value) in groups {
        let Some(topics) = value.get_mut("topics").and_then(Value::as_object_mut) else { continue };
        topics.retain(|id, _| keep(id, base.key(group).key("topics").key(id), "topic"));
    }
    problems
}

fn access_of(config: &TelegramConfig) -> AccessRules {
    let allow_from = people(config.allow_from.as_ref());
    let own = people(config.group_allow_from.as_ref());
    AccessRules {
        dm: config.dm_policy,
        groups: config.group_policy,
        group_allow_from: if own.0.is_empty() { allow_from.clone() } else { own },
        allow_from,
        places: config.groups.as_ref().map(|groups| {
            // A group's own entry stands in for the one of all groups, but for this key, which is inherited.
            let everywhere = groups.get("*").and_then(|group| group.require_mention);
            groups.iter().map(|(id, group)| group_place(id, group, everywhere)).collect()
        }),
        require_mention: true,
        context: config.context_visibility,
        ..AccessRules::default()
    }
}

fn group_place(id: &str, group: &GroupConfig, everywhere: Option<bool>) -> Place {
    Place {
        name: group_id(id),
        allowed: group.enabled,
        require_mention: group.require_mention.or(everywhere),
        policy: group.group_policy,
        users: group.allow_from.as_ref().map(|ids| people(Some(ids))),
        skills: group.skills.clone(),
        tools: group.tools.clone(),
        tools_by_sender: group.tools_by_sender.clone(),
        system_prompt: group.system_prompt.clone(),
        places: group.topics.as_ref().map(|topics| {
            let mut places: Vec<Place> = topics.iter().map(|(id, topic)| topic_place(id, topic)).collect();
            // A topic without an entry is as its group: the map is no list of all that are allowed.
            if !topics.contains_key("*") {
                places.push(Place { name: "*".to_owned(), ..Place::default() });
            }
            places
        }),
        ..Place::default()
    }
}

fn topic_place(id: &str, topic: &TopicConfig) -> Place {
    Place {
        name: id.trim().to_owned(),
        allowed: topic.enabled,
        require_mention: topic.require_mention,
        policy: topic.group_policy,
        users: topic.allow_from.as_ref().map(|ids| people(Some(ids))),
        skills: topic.skills.clone(),
        tools: topic.tools.clone(),
        tools_by_sender: topic.tools_by_sender.clone(),
        system_prompt: topic.system_prompt.clone(),
        agent: topic.agent_id.clone(),
        ..Place::default()
    }
}

fn delivery_of(config: &TelegramConfig) -> DeliveryPolicy {
    let usual = config.answers.delivery();
    DeliveryPolicy {
        preview: config.answers.preview(config.streaming()).unwrap_or(PreviewMode::Partial),
        limits: Limits {
            chars: config.text_chunk_limit.unwrap_or(TEXT_DEFAULT).clamp(1, TEXT_MAX),
            lines: None,
            ..config.answers.limits(config.streaming())
        },
        ack_scope: (config.reaction_level == ReactionLevel::Off).then_some(AckScope::Off),
        history_limit: history_within(config.history_limit, HISTORY_DEFAULT),
        link_preview: config.link_preview.unwrap_or(usual.link_preview),
        silent_errors: config.silent_error_replies,
        ..usual
    }
}

/// People as the rules name them: without our own prefix, names in lowercase.
fn people(ids: Option<&Ids>) -> AllowList {
    let one = |text: String| {
        let text = without_prefix(text.trim());
        if text.starts_with('@') { text.to_lowercase() } else { text.to_owned() }
    };
    let texts = ids.map(Ids::texts).unwrap_or_default();
    AllowList(texts.into_iter().map(one).filter(|entry| !entry.is_empty()).collect())
}

/// `tg:123` and `telegram:123` are `123`.
fn without_prefix(text: &str) -> &str {
    match text.split_once(':') {
        Some((prefix, id)) if ["tg", "telegram"].iter().any(|known| prefix.eq_ignore_ascii_case(known)) => id.trim(),
        _ => text,
    }
}

/// A group's id as messages have it: `telegram:group:-100` and `tg:-100` are `-100`.
fn group_id(text: &str) -> String {
    let id = without_prefix(text.trim());
    id.strip_prefix("group:").unwrap_or(id).to_owned()
}

#[cfg(test)]
mod tests;
