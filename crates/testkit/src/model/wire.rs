//! What the four APIs have in common for the fake vendor: which is which, frames, pieces, and the user's words.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Notify;

/// The API that a request spoke, known by its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FakeWire {
    Anthropic,
    OpenAiChat,
    OpenAiResponses,
    Gemini,
}

impl FakeWire {
    pub(super) fn of_path(path: &str) -> Option<Self> {
        match path {
            "/v1/messages" => Some(Self::Anthropic),
            "/v1/chat/completions" => Some(Self::OpenAiChat),
            "/v1/responses" => Some(Self::OpenAiResponses),
            _ if path.starts_with("/v1beta/models/") && path.ends_with(":streamGenerateContent") => Some(Self::Gemini),
            _ => None,
        }
    }
}

/// A step of an event stream.
#[derive(Debug, Clone)]
pub(super) enum Frame {
    Send(String),
    Wait(Arc<Notify>),
    Pause(Duration),
}

impl Frame {
    /// An event with nothing but data.
    pub(super) fn data(json: &Value) -> Self {
        Self::Send(format!("data: {json}\n\n"))
    }

    /// An event named as its `type`.
    pub(super) fn named(json: &Value) -> Self {
        Self::Send(format!("event: {}\ndata: {json}\n\n", json["type"].as_str().unwrap_or_default()))
    }
}

/// Cuts a text as a vendor streams it: behind spaces, so that the pieces make up the whole.
pub(super) fn pieces(text: &str) -> Vec<&str> {
    text.split_inclusive(' ').collect()
}

/// Cuts JSON text at places that mean nothing.
pub(super) fn slices(text: &str) -> Vec<String> {
    const SLICE: usize = 7;
    let characters: Vec<char> = text.chars().collect();
    characters.chunks(SLICE).map(|slice| slice.iter().collect()).collect()
}

/// A rule that a request broke, in the vendor's manner.
pub(super) type Verdict = Result<(), String>;

/// Fails with a text when a condition does not hold.
macro_rules! ensure {
    ($condition:expr, $($words:tt)+) => {
        if !$condition {
            return Err(format!($($words)+));
        }
    };
}
pub(super) use ensure;

/// Only these fields, as vendors refuse what they don't know.
pub(super) fn check_fields(body: &Value, known: &[&str]) -> Verdict {
    let Some(fields) = body.as_object() else { return Err("the body is no object".into()) };
    for name in fields.keys() {
        ensure!(known.contains(&name.as_str()), "{name}: Extra inputs are not permitted");
    }
    Ok(())
}

/// Tool names that all vendors take.
pub(super) fn check_tool_name(name: &Value) -> Verdict {
    let name = name.as_str().unwrap_or_default();
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    ensure!(!name.is_empty() && name.len() <= 64 && name.chars().all(allowed), "invalid tool name `{name}`");
    Ok(())
}

pub(super) fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

pub(super) fn last_user_text(wire: FakeWire, body: &Value) -> String {
    let (list, content) = match wire {
        FakeWire::Anthropic | FakeWire::OpenAiChat => ("messages", "content"),
        FakeWire::OpenAiResponses => ("input", "content"),
        FakeWire::Gemini => ("contents", "parts"),
    };
    let newest =
        items(&body[list]).iter().rev().find(|message| message["role"] == "user" && has_text(&message[content]));
    newest.map(|message| texts(&message[content])).unwrap_or_default()
}

fn has_text(content: &Value) -> bool {
    !texts(content).is_empty()
}

fn texts(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        parts => items(parts).iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n"),
    }
}
