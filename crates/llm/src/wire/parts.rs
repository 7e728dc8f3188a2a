//! Pieces that every wire needs: tool calls as they arrive, ids that a vendor accepts, and words for media it can't take.

use std::borrow::Cow;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use serde_json::{Map, Value};

use crate::models::ModelInfo;
use crate::types::{Block, Media, Message, Role, StopReason, Thinking, ToolUse};

/// A tool call whose arguments are still arriving as text.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct PartialCall {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) json: String,
    pub(super) signature: Option<String>,
}

impl PartialCall {
    pub(super) fn finish(self) -> ToolUse {
        let Self { id, name, json, signature } = self;
        let (input, invalid) = arguments(json);
        ToolUse { id, name, input, invalid, signature }
    }
}

/// Arguments that a model wrote: an object, or an empty one with what it wrote instead. No text at all is an empty object.
pub(super) fn arguments(json: String) -> (Value, Option<String>) {
    if json.trim().is_empty() {
        return (Value::Object(Map::new()), None);
    }
    match serde_json::from_str(&json) {
        Ok(input @ Value::Object(_)) => (input, None),
        Ok(_) | Err(_) => (Value::Object(Map::new()), Some(json)),
    }
}

/// A call is a call, whatever word the server ended with (some compatible servers say `stop`). A cut one is not.
pub(super) fn stop_reason(said: StopReason, blocks: &[Block]) -> StopReason {
    let calls = blocks.iter().any(|block| matches!(block, Block::ToolUse(_)));
    if calls && said == StopReason::EndTurn { StopReason::ToolUse } else { said }
}

/// What a vendor accepts as the id of a tool call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IdRule {
    /// Letters, digits, `_` and `-`, at most 64.
    Plain,
    /// Mistral: nine letters or digits.
    Nine,
}

/// An id that the vendor accepts. One that another vendor made is replaced by a digest of it, the same every time.
pub(super) fn call_id(id: &str, rule: IdRule) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    match rule {
        IdRule::Plain if !id.is_empty() && id.len() <= 64 && id.chars().all(plain) => Cow::Borrowed(id),
        IdRule::Plain => Cow::Owned(format!("call_{:016x}", digest(id))),
        IdRule::Nine if id.len() == 9 && id.chars().all(|c| c.is_ascii_alphanumeric()) => Cow::Borrowed(id),
        IdRule::Nine => Cow::Owned(format!("{:016x}", digest(id)).split_off(7)),
    }
}

/// An id for a call to which the vendor gave none.
pub(super) fn fresh_id() -> String {
    // Keyed with the process's randomness, so that ids of two answers differ.
    format!("call_{:016x}", RandomState::new().build_hasher().finish())
}

/// FNV-1a: stable across builds and machines, so that a replayed body stays the same.
fn digest(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Whether a model can be shown this file.
pub(super) fn can_see(info: &ModelInfo, media: &Media) -> bool {
    if is_document(media) { info.documents } else { info.images }
}

pub(super) fn is_document(media: &Media) -> bool {
    media.mime == "application/pdf"
}

/// Stands where a file would, so that the model knows of it.
pub(super) fn unseen(media: &Media) -> String {
    let name = media.name.as_deref().map(|name| format!(" \"{name}\"")).unwrap_or_default();
    let kind = if is_document(media) { "document" } else { "image" };
    format!("[{kind}{name} ({}) is attached, but this model can't read it]", media.mime)
}

pub(super) fn data_url(media: &Media) -> String {
    format!("data:{};base64,{}", media.mime, media.data)
}

pub(super) fn file_name(media: &Media) -> &str {
    media.name.as_deref().unwrap_or("document.pdf")
}

/// Vendors refuse text without a visible character.
pub(super) fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

/// Neighbours of one role become one message, as vendors that insist on alternation want it.
pub(super) fn by_turns(messages: &[Message]) -> Vec<(Role, Vec<&Block>)> {
    let mut turns: Vec<(Role, Vec<&Block>)> = Vec::new();
    for message in messages {
        match turns.last_mut() {
            Some((role, blocks)) if *role == message.role => blocks.extend(&message.blocks),
            _ => turns.push((message.role, message.blocks.iter().collect())),
        }
    }
    turns
}

/// The word for how hard a model of OpenAI's naming thinks; `None` leaves it to the model.
pub(super) fn effort(model: &str, thinking: Thinking) -> Option<&'static str> {
    let generation = gpt_generation(model);
    // The variants that always think refuse to be told not to.
    let stoppable = !model.contains("codex") && !model.contains("pro");
    Some(match thinking {
        Thinking::Off if generation == Some((5, 0)) && stoppable => "minimal",
        Thinking::Off if generation > Some((5, 0)) && stoppable => "none",
        Thinking::Off => return None,
        Thinking::Minimal if generation == Some((5, 0)) => "minimal",
        Thinking::Xhigh | Thinking::Max if generation >= Some((5, 2)) || model.ends_with("codex-max") => "xhigh",
        other => plain_effort(other),
    })
}

/// `gpt-5.2-mini` is of generation (5, 2).
fn gpt_generation(model: &str) -> Option<(u32, u32)> {
    let version = model.strip_prefix("gpt-")?.split('-').next()?;
    let (major, minor) = version.split_once('.').unwrap_or((version, "0"));
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// The three words that every server with efforts knows.
pub(super) fn plain_effort(thinking: Thinking) -> &'static str {
    match thinking {
        Thinking::Off | Thinking::Minimal | Thinking::Low => "low",
        Thinking::Medium | Thinking::Adaptive => "medium",
        Thinking::High | Thinking::Xhigh | Thinking::Max => "high",
    }
}

/// A number under a path of names, 0 when any of it is missing.
pub(super) fn count(value: &Value, path: &[&str]) -> u64 {
    path.iter().try_fold(value, |value, name| value.get(name)).and_then(Value::as_u64).unwrap_or(0)
}

/// A text under a path of names.
pub(super) fn text<'a>(value: &'a Value, path: &[&str]) -> Option<&'a str> {
    path.iter().try_fold(value, |value, name| value.get(name)).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_other_vendors_are_replaced_and_stay_the_same() {
        assert_eq!(call_id("toolu_01-A", IdRule::Plain), "toolu_01-A");
        let replaced = call_id("functions.read:0", IdRule::Plain);
        assert!(replaced.starts_with("call_") && replaced == call_id("functions.read:0", IdRule::Plain));
        assert_ne!(replaced, call_id("functions.read:1", IdRule::Plain));
        assert_eq!(call_id("abcDEF123", IdRule::Nine), "abcDEF123");
        let nine = call_id("toolu_01", IdRule::Nine);
        assert!(nine.len() == 9 && nine.chars().all(|c| c.is_ascii_alphanumeric()), "{nine}");
        assert!(call_id(&"x".repeat(65), IdRule::Plain).len() <= 64);
    }

    #[test]
    fn arguments_that_are_no_object_are_kept_as_text() {
        assert_eq!(arguments(String::new()), (serde_json::json!({}), None));
        assert_eq!(arguments("{\"a\":1}".into()), (serde_json::json!({"a": 1}), None));
        assert_eq!(arguments("[1]".into()), (serde_json::json!({}), Some("[1]".into())));
        assert_eq!(arguments("{\"a\":".into()), (serde_json::json!({}), Some("{\"a\":".into())));
    }
}
