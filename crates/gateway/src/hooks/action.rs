//! What a request asks for: to tell an agent something, or to give it work. Reads the shapes of `/wake` and `/agent`, and makes them
//! out of mappings. Pure.

use chela_agent::{parse_thinking, untrusted_mark_id};
use chela_llm::Thinking;
use serde::Deserialize;
use serde_json::{Value, json};

use super::keys::KeySource;
use super::rules::Mapping;
use super::template::{HookRequest, Marks, TooMuch, is_template, render};
use crate::auth::secret_digest;
use crate::config::{HookAction, HookSessionMode, HookWakeMode};

/// Entries of a list that are taken; the reference system's limit.
const ENTRIES_MAX: usize = 200;

/// Text of all pieces of work of one request, in bytes: each is held in memory until all are durable.
const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Characters of a name that are shown.
const NAME_MAX: usize = 60;
const DEFAULT_NAME: &str = "Hook";

/// One thing to do.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Asked {
    Wake(Wake),
    Work(Work),
}

/// Something that an agent is told in a conversation that goes on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wake {
    pub text: String,
    pub words: Words,
    pub mode: HookWakeMode,
    pub agent: Option<ChosenAgent>,
    pub key: Option<ChosenKey>,
}

/// A digest of what is said, without the marks, which are others each time.
pub(super) type Words = [u8; 32];

/// A piece of work.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Work {
    pub message: String,
    pub words: Words,
    pub name: String,
    pub agent: Option<ChosenAgent>,
    pub key: Option<ChosenKey>,
    pub session_mode: HookSessionMode,
    pub delivers: bool,
    pub channel: Option<String>,
    pub to: Option<String>,
    pub account: Option<String>,
    pub model: Option<String>,
    pub thinking: Option<Thinking>,
    pub timeout_seconds: Option<u64>,
}

/// An agent's name, and who chose it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ChosenAgent {
    pub id: String,
    pub source: KeySource,
}

/// A name for the conversation, and who chose it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ChosenKey {
    pub text: String,
    pub source: KeySource,
}

/// What a mapping makes of a request.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mapped {
    pub actions: Vec<Asked>,
    /// The mapping takes a list apart.
    pub is_batch: bool,
    /// Entries beyond what is taken.
    pub dropped: usize,
}

/// Why nothing can be made of a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadHook {
    #[error("{0}")]
    Shape(String),
    #[error("text required")]
    NoText,
    #[error("message required")]
    NoMessage,
    #[error("hook mapping requires text")]
    NoMappedText,
    #[error("hook mapping requires message")]
    NoMappedMessage,
    #[error("hook mapping sessionKey template is empty")]
    NoKey,
    #[error("sessionKey is only supported with mode \"now\"")]
    KeyLater,
    #[error("accountId requires channel and to")]
    AccountAlone,
    #[error("to requires channel")]
    ToAlone,
    #[error("unknown thinking level `{0}`; one of off, minimal, low, medium, high, xhigh, adaptive, max")]
    Thinking(String),
    #[error(transparent)]
    TooMuch(#[from] TooMuch),
    #[error("the pieces of work of one request have more than {BATCH_BYTES_MAX} bytes; send it in parts")]
    BatchTooLarge,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WakeBody {
    text: Option<String>,
    #[serde(default)]
    mode: HookWakeMode,
    agent_id: Option<String>,
    session_key: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WorkBody {
    message: Option<String>,
    name: Option<String>,
    agent_id: Option<String>,
    session_key: Option<String>,
    #[serde(default)]
    session_mode: HookSessionMode,
    deliver: Option<bool>,
    channel: Option<String>,
    to: Option<Value>,
    account_id: Option<String>,
    model: Option<String>,
    thinking: Option<String>,
    timeout_seconds: Option<Value>,
}

/// The body of `/wake`.
pub(super) fn wake(payload: &Value) -> Result<Wake, BadHook> {
    let body = WakeBody::deserialize(payload).map_err(|error| BadHook::Shape(error.to_string()))?;
    let key = named(body.session_key);
    if key.is_some() && body.mode != HookWakeMode::Now {
        return Err(BadHook::KeyLater);
    }
    let text = named(body.text).ok_or(BadHook::NoText)?;
    Ok(Wake {
        words: secret_digest(&text),
        text,
        mode: body.mode,
        agent: chosen(body.agent_id, KeySource::Request),
        key: key.map(of_request),
    })
}

/// The body of `/agent`.
pub(super) fn work(payload: &Value) -> Result<Work, BadHook> {
    let body = WorkBody::deserialize(payload).map_err(|error| BadHook::Shape(error.to_string()))?;
    let (channel, to) = (named(body.channel), named(body.to.and_then(text_of)));
    let (account, delivers) = (named(body.account_id), body.deliver != Some(false));
    if delivers && account.is_some() && (channel.is_none() || to.is_none()) {
        return Err(BadHook::AccountAlone);
    }
    if delivers && to.is_some() && channel.is_none() {
        return Err(BadHook::ToAlone);
    }
    let message = named(body.message).ok_or(BadHook::NoMessage)?;
    Ok(Work {
        words: secret_digest(&message),
        message,
        name: shown_name(body.name.as_deref()),
        agent: chosen(body.agent_id, KeySource::Request),
        key: named(body.session_key).map(of_request),
        session_mode: body.session_mode,
        delivers,
        channel,
        to,
        account,
        model: named(body.model),
        thinking: thinking(named(body.thinking))?,
        timeout_seconds: body.timeout_seconds.and_then(|value| seconds(&value)),
    })
}

/// What a mapping makes of a request; the list that it takes apart is taken out of it.
pub(super) fn mapped(mapping: &Mapping, request: &mut HookRequest) -> Result<Mapped, BadHook> {
    let Some(list) = mapping.config.for_each.as_deref() else {
        return Ok(Mapped { actions: vec![one(mapping, request)?], is_batch: false, dropped: 0 });
    };
    let entries = match request.payload.get_mut(list).map(Value::take) {
        Some(Value::Array(entries)) => entries,
        _ => Vec::new(),
    };
    let dropped = entries.len().saturating_sub(ENTRIES_MAX);
    let mut actions = Vec::new();
    let mut bytes = 0;
    for entry in entries.into_iter().take(ENTRIES_MAX) {
        request.payload[list] = json!([entry]);
        let action = one(mapping, request)?;
        bytes += action.text().len();
        if bytes > BATCH_BYTES_MAX {
            return Err(BadHook::BatchTooLarge);
        }
        actions.push(action);
    }
    Ok(Mapped { actions, is_batch: true, dropped })
}

impl Asked {
    fn text(&self) -> &str {
        match self {
            Self::Wake(wake) => &wake.text,
            Self::Work(work) => &work.message,
        }
    }
}

fn one(mapping: &Mapping, request: &HookRequest) -> Result<Asked, BadHook> {
    let config = &mapping.config;
    let plain = |template: &Option<String>| match template.as_deref() {
        Some(template) => render(template, request, Marks::None).map(|text| named(Some(text))),
        None => Ok(None),
    };
    let id = untrusted_mark_id();
    let marks = if config.allow_unsafe_external_content == Some(true) { Marks::None } else { Marks::Untrusted(&id) };
    let said = |template: &Option<String>, missing: BadHook| {
        let template = template.as_deref().unwrap_or_default();
        let bare = named(Some(render(template, request, Marks::None)?)).ok_or(missing)?;
        Ok::<_, BadHook>((render(template, request, marks)?.trim().to_owned(), secret_digest(&bare)))
    };
    let key = match config.session_key.as_deref().map(str::trim).filter(|key| !key.is_empty()) {
        Some(template) if is_template(template) => {
            let text = plain(&config.session_key)?.ok_or(BadHook::NoKey)?;
            Some(ChosenKey { text, source: KeySource::Request })
        }
        Some(text) => Some(ChosenKey { text: text.to_owned(), source: KeySource::Mapping }),
        None => None,
    };
    if config.action == HookAction::Wake {
        let (text, words) = said(&config.text_template, BadHook::NoMappedText)?;
        let agent = chosen(config.agent_id.clone(), KeySource::Mapping);
        return Ok(Asked::Wake(Wake { text, words, mode: config.wake_mode, agent, key }));
    }
    let (message, words) = said(&config.message_template, BadHook::NoMappedMessage)?;
    Ok(Asked::Work(Work {
        message,
        words,
        name: shown_name(plain(&config.name)?.as_deref()),
        agent: chosen(config.agent_id.clone(), KeySource::Mapping),
        key,
        session_mode: config.session_mode,
        delivers: config.deliver != Some(false),
        channel: plain(&config.channel)?,
        to: plain(&config.to)?,
        account: None,
        model: plain(&config.model)?,
        thinking: thinking(plain(&config.thinking)?)?,
        timeout_seconds: config.timeout_seconds,
    }))
}

fn of_request(text: String) -> ChosenKey {
    ChosenKey { text, source: KeySource::Request }
}

fn thinking(level: Option<String>) -> Result<Option<Thinking>, BadHook> {
    match level {
        Some(level) => parse_thinking(&level).map(Some).ok_or(BadHook::Thinking(level)),
        None => Ok(None),
    }
}

/// Whole seconds; what is no positive number counts as absent, as in the reference system.
fn seconds(value: &Value) -> Option<u64> {
    let whole = value.as_u64().or_else(|| {
        let number = value.as_f64().filter(|number| number.is_finite() && *number >= 1.0)?;
        // Years are cut to the longest turn later.
        Some(std::time::Duration::try_from_secs_f64(number).ok()?.as_secs())
    });
    whole.filter(|seconds| *seconds > 0)
}

/// Chats are numbers on some platforms.
fn text_of(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn chosen(id: Option<String>, source: KeySource) -> Option<ChosenAgent> {
    named(id).map(|id| ChosenAgent { id, source })
}

fn named(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// A name on one line that can't be taken for anything else.
fn shown_name(name: Option<&str>) -> String {
    let plain = |c: &char| c.is_alphanumeric() || " -_.:#/".contains(*c);
    let name: String = name.unwrap_or_default().trim().chars().filter(plain).take(NAME_MAX).collect();
    if name.is_empty() { DEFAULT_NAME.to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::HookMapping;

    fn mapping(config: Value) -> Mapping {
        let config: HookMapping = serde_json::from_value(config).unwrap();
        Mapping { id: "m".to_owned(), config, refusal: None }
    }

    fn request(payload: Value) -> HookRequest {
        HookRequest {
            payload,
            headers: BTreeMap::new(),
            query: BTreeMap::new(),
            path: "x".to_owned(),
            now: String::new(),
        }
    }

    #[test]
    fn direct_requests_are_read_as_the_reference_system_reads_them() {
        let body =
            json!({ "message": " go ", "name": "CI\n]x", "to": 42, "channel": "telegram", "timeoutSeconds": 1.9 });
        let work_read = work(&body).unwrap();
        assert_eq!((work_read.message.as_str(), work_read.name.as_str()), ("go", "CIx"));
        assert_eq!(
            (work_read.to.as_deref(), work_read.timeout_seconds, work_read.delivers),
            (Some("42"), Some(1), true)
        );
        assert_eq!(work(&json!({ "message": "x", "timeoutSeconds": -1 })).unwrap().timeout_seconds, None);
        assert_eq!(work(&json!({ "message": "x" })).unwrap().name, "Hook");
        let bad = [
            (json!({}), BadHook::NoMessage),
            (json!({ "message": " " }), BadHook::NoMessage),
            (json!({ "message": "x", "accountId": "a" }), BadHook::AccountAlone),
            (json!({ "message": "x", "to": "42" }), BadHook::ToAlone),
            (json!({ "message": "x", "thinking": "hard" }), BadHook::Thinking("hard".to_owned())),
        ];
        for (body, expected) in bad {
            assert_eq!(work(&body), Err(expected), "{body}");
        }
        assert!(matches!(work(&json!({ "message": 1 })), Err(BadHook::Shape(_))));
        assert_eq!(wake(&json!({ "mode": "now" })), Err(BadHook::NoText));
        let later = json!({ "text": "x", "mode": "next-heartbeat", "sessionKey": "hook:a" });
        assert_eq!(wake(&later), Err(BadHook::KeyLater));
        assert!(matches!(wake(&json!({ "text": "x", "mode": "soon" })), Err(BadHook::Shape(_))));
    }

    #[test]
    fn a_list_becomes_pieces_of_work_and_is_bounded() {
        let config =
            json!({ "forEach": "mails", "messageTemplate": "{{mails[0].s}}", "sessionKey": "hook:{{mails[0].s}}" });
        let mails: Vec<Value> = (0..205).map(|n| json!({ "s": format!("n{n}") })).collect();
        let made = mapped(&mapping(config.clone()), &mut request(json!({ "mails": mails }))).unwrap();
        assert_eq!((made.actions.len(), made.dropped, made.is_batch), (200, 5, true));
        let Asked::Work(last) = &made.actions[199] else { panic!("work") };
        let key = ChosenKey { text: "hook:n199".to_owned(), source: KeySource::Request };
        assert_eq!(last.key, Some(key));
        assert!(last.message.contains("\nn199\n"), "{}", last.message);
        for payload in [json!({}), json!({ "mails": [] }), json!({ "mails": "x" })] {
            assert_eq!(mapped(&mapping(config.clone()), &mut request(payload)).unwrap().actions, []);
        }
        let large: Vec<Value> = (0..200).map(|_| json!({ "s": "x".repeat(30_000) })).collect();
        let config = json!({ "forEach": "mails", "messageTemplate": "{{mails[0].s}}" });
        let refused = mapped(&mapping(config), &mut request(json!({ "mails": large })));
        assert_eq!(refused, Err(BadHook::BatchTooLarge));
    }

    #[test]
    fn the_marks_stay_unless_the_owner_takes_them_off() {
        let text = |unsafe_content: bool| {
            let config =
                json!({ "action": "wake", "textTemplate": "{{a}}", "allowUnsafeExternalContent": unsafe_content });
            match mapped(&mapping(config), &mut request(json!({ "a": "hi" }))).unwrap().actions.remove(0) {
                Asked::Wake(wake) => wake.text,
                Asked::Work(_) => panic!("a wake"),
            }
        };
        assert_eq!(text(true), "hi");
        assert!(text(false).starts_with("<<<untrusted "));
    }

    #[test]
    fn nothing_to_say_is_an_error() {
        let empty = mapped(&mapping(json!({ "messageTemplate": "{{a}}" })), &mut request(json!({})));
        assert_eq!(empty, Err(BadHook::NoMappedMessage));
        let config = json!({ "messageTemplate": "x", "sessionKey": "{{a}}" });
        assert_eq!(mapped(&mapping(config), &mut request(json!({}))), Err(BadHook::NoKey));
    }
}
