//! `POST /v1/messages`: the rules of Anthropic's API, and its events.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::script::{FakeStop, Part, Reply};
use super::wire::{Frame, Verdict, check_fields, check_tool_name, ensure, items, pieces, slices};
use super::{Recorded, State};

const FIELDS: &[&str] = &[
    "model",
    "max_tokens",
    "stream",
    "temperature",
    "thinking",
    "output_config",
    "system",
    "tools",
    "tool_choice",
    "messages",
    "metadata",
    "stop_sequences",
    "top_p",
    "top_k",
];
/// Marks of cached prefixes in one request.
const MAX_CACHE_MARKS: usize = 4;

pub(super) fn check(request: &Recorded, state: &State) -> Verdict {
    let body = &request.body;
    ensure!(request.headers.contains_key("anthropic-version"), "anthropic-version: header is required");
    check_fields(body, FIELDS)?;
    ensure!(body["model"].is_string(), "model: Field required");
    ensure!(body["stream"] == true, "this fake serves streams only");
    let max_tokens = body["max_tokens"].as_u64().unwrap_or(0);
    ensure!(max_tokens > 0, "max_tokens: Field required");
    check_thinking(body, max_tokens)?;
    let marks = count_marks(body);
    ensure!(marks <= MAX_CACHE_MARKS, "A maximum of 4 blocks with cache_control may be provided. Found {marks}.");
    for block in items(&body["system"]) {
        ensure!(is_text(block), "system: text content blocks must be non-empty");
    }
    let mut names = HashSet::new();
    for tool in items(&body["tools"]) {
        check_tool_name(&tool["name"])?;
        ensure!(tool["input_schema"]["type"] == "object", "tools: input_schema.type: Field required");
        ensure!(names.insert(&tool["name"]), "tools: Tool names must be unique.");
    }
    check_messages(body, state)
}

fn check_thinking(body: &Value, max_tokens: u64) -> Verdict {
    let thinking = &body["thinking"];
    match thinking["type"].as_str() {
        None => ensure!(thinking.is_null(), "thinking.type: Field required"),
        Some("enabled") => {
            let budget = thinking["budget_tokens"].as_u64().unwrap_or(0);
            ensure!(budget >= 1024, "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024");
            ensure!(budget < max_tokens, "`max_tokens` must be greater than `thinking.budget_tokens`");
        }
        Some("adaptive" | "disabled") => {}
        Some(other) => return Err(format!("thinking.type: `{other}` is unknown")),
    }
    let thinks = matches!(thinking["type"].as_str(), Some("enabled" | "adaptive"));
    ensure!(!thinks || body["temperature"].is_null(), "`temperature` may only be set to 1 when thinking is enabled");
    Ok(())
}

fn count_marks(value: &Value) -> usize {
    match value {
        Value::Object(fields) => {
            usize::from(fields.contains_key("cache_control")) + fields.values().map(count_marks).sum::<usize>()
        }
        Value::Array(values) => values.iter().map(count_marks).sum(),
        _ => 0,
    }
}

fn check_messages(body: &Value, state: &State) -> Verdict {
    let messages = items(&body["messages"]);
    ensure!(!messages.is_empty(), "messages: at least one message is required");
    ensure!(messages[0]["role"] == "user", "messages: first message must use the \"user\" role");
    let mut seen = HashSet::new();
    let mut open: Vec<&str> = Vec::new();
    for (position, message) in messages.iter().enumerate() {
        match message["role"].as_str() {
            Some("user") => check_user(position, message, &std::mem::take(&mut open))?,
            Some("assistant") => {
                ensure!(open.is_empty(), "messages.{position}: `tool_use` ids without `tool_result` after: {open:?}");
                open = check_assistant(position, message, state)?;
                for id in &open {
                    ensure!(seen.insert(*id), "messages: `tool_use` ids must be unique; {id} stands twice");
                }
            }
            other => return Err(format!("messages.{position}.role: {other:?}")),
        }
    }
    ensure!(open.is_empty(), "`tool_use` ids were found without `tool_result` blocks: {open:?}");
    let last = messages.last().unwrap_or(&Value::Null);
    ensure!(last["role"] == "user", "the conversation must end with a user message");
    check_loop(body, messages)
}

/// With a thinking budget, the answer that a tool loop continues begins with its thought.
fn check_loop(body: &Value, messages: &[Value]) -> Verdict {
    let results = messages.last().map_or(&[][..], |last| items(&last["content"]));
    let in_loop = results.iter().any(|block| block["type"] == "tool_result");
    if body["thinking"]["type"] != "enabled" || !in_loop {
        return Ok(());
    }
    let answer = messages.iter().rev().find(|message| message["role"] == "assistant");
    let first = answer.and_then(|answer| items(&answer["content"]).first()).map(|block| &block["type"]);
    let thinks = first.is_some_and(|kind| kind == "thinking" || kind == "redacted_thinking");
    ensure!(thinks, "Expected `thinking` or `redacted_thinking`, but found `{first:?}`");
    Ok(())
}

fn check_user(position: usize, message: &Value, open: &[&str]) -> Verdict {
    if let Some(text) = message["content"].as_str() {
        ensure!(!text.trim().is_empty(), "messages.{position}: text content must be non-empty");
        ensure!(open.is_empty(), "`tool_use` ids were found without `tool_result` blocks immediately after: {open:?}");
        return Ok(());
    }
    let blocks = items(&message["content"]);
    ensure!(!blocks.is_empty(), "messages.{position}.content: must be non-empty");
    let (mut answered, mut past_results) = (HashSet::new(), false);
    for block in blocks {
        if block["type"] == "tool_result" {
            let id = block["tool_use_id"].as_str().unwrap_or_default();
            ensure!(open.contains(&id), "unexpected `tool_use_id` found in `tool_result` blocks: {id}");
            ensure!(answered.insert(id), "each tool_use must have a single result; {id} has more");
            ensure!(!past_results, "messages.{position}: tool_result blocks must come first");
            for inner in items(&block["content"]) {
                check_content(position, inner)?;
            }
            let empty = block["content"].is_null() || block["content"] == "";
            ensure!(!(empty && block["is_error"] == true), "content cannot be empty if `is_error` is true");
        } else {
            past_results = true;
            check_content(position, block)?;
        }
    }
    let left: Vec<_> = open.iter().filter(|id| !answered.contains(*id)).collect();
    ensure!(left.is_empty(), "`tool_use` ids were found without `tool_result` blocks immediately after: {left:?}");
    Ok(())
}

fn check_content(position: usize, block: &Value) -> Verdict {
    let source = &block["source"];
    let inline = source["type"] == "base64" && source["data"].as_str().is_some_and(|data| !data.is_empty());
    let mime = source["media_type"].as_str().unwrap_or_default();
    let whole = match block["type"].as_str() {
        Some("text") => is_text(block),
        Some("image") => inline && ["image/png", "image/jpeg", "image/gif", "image/webp"].contains(&mime),
        Some("document") => inline && mime == "application/pdf",
        _ => false,
    };
    ensure!(whole, "messages.{position}: invalid content block {block}");
    Ok(())
}

fn check_assistant<'a>(position: usize, message: &'a Value, state: &State) -> Result<Vec<&'a str>, String> {
    let blocks = items(&message["content"]);
    ensure!(!blocks.is_empty(), "messages.{position}.content: must be non-empty");
    let last = &blocks[blocks.len() - 1]["type"];
    ensure!(
        last != "thinking" && last != "redacted_thinking",
        "messages.{position}: The final block in an assistant message cannot be `thinking`."
    );
    let mut open = Vec::new();
    for block in blocks {
        match block["type"].as_str() {
            Some("text") => ensure!(is_text(block), "messages: text content blocks must contain non-whitespace text"),
            Some("tool_use") => {
                let id = block["id"].as_str().unwrap_or_default();
                let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
                ensure!(!id.is_empty() && id.chars().all(plain), "tool_use.id: String should match '^[a-zA-Z0-9_-]+$'");
                check_tool_name(&block["name"])?;
                ensure!(block["input"].is_object(), "tool_use.input: Input should be a valid dictionary");
                open.push(id);
            }
            Some("thinking") => {
                let signature = block["signature"].as_str().unwrap_or_default();
                let text = block["thinking"].as_str().unwrap_or_default();
                ensure!(
                    state.is_signed(text, signature),
                    "messages.{position}: Invalid `signature` in `thinking` block"
                );
                ensure!(block["cache_control"].is_null(), "thinking blocks cannot be marked for caching");
            }
            Some("redacted_thinking") => {
                let data = block["data"].as_str().unwrap_or_default();
                ensure!(state.is_signed("", data), "messages.{position}: Invalid `data` in `redacted_thinking` block");
            }
            other => return Err(format!("messages.{position}: an assistant says no {other:?}")),
        }
    }
    Ok(open)
}

fn is_text(block: &Value) -> bool {
    block["type"] == "text" && block["text"].as_str().is_some_and(|text| !text.trim().is_empty())
}

pub(super) fn frames(request: &Recorded, reply: &Reply, state: &mut State) -> Vec<Frame> {
    let usage = reply.usage;
    let mut frames = vec![
        Frame::named(&json!({"type": "message_start", "message": {
            "id": format!("msg_{}", state.next_number()), "type": "message", "role": "assistant", "model": request.model,
            "content": [], "stop_reason": null, "stop_sequence": null,
            "usage": {
                "input_tokens": usage.input, "output_tokens": 1,
                "cache_read_input_tokens": usage.cache_read, "cache_creation_input_tokens": usage.cache_write,
            },
        }})),
        Frame::named(&json!({"type": "ping"})),
    ];
    let mut index = 0;
    for part in &reply.parts {
        match part {
            Part::Gate(gate) => frames.push(Frame::Wait(gate.clone())),
            Part::Pause(pause) => frames.push(Frame::Pause(*pause)),
            Part::Text(_) | Part::Thinking(_) | Part::Redacted(_) | Part::ToolCall(_) => {
                frames.extend(block_frames(index, part, state));
                index += 1;
            }
        }
    }
    let stop = match reply.stop {
        FakeStop::MaxTokens => "max_tokens",
        FakeStop::Refusal => "refusal",
        FakeStop::End if reply.has_calls() => "tool_use",
        FakeStop::End => "end_turn",
    };
    frames.push(Frame::named(&json!({
        "type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": null},
        "usage": {"output_tokens": usage.output},
    })));
    frames.push(Frame::named(&json!({"type": "message_stop"})));
    frames
}

fn block_frames(index: usize, part: &Part, state: &mut State) -> Vec<Frame> {
    let (start, deltas) = match part {
        Part::Text(text) => {
            let deltas = pieces(text).into_iter().map(|piece| json!({"type": "text_delta", "text": piece}));
            (json!({"type": "text", "text": ""}), deltas.collect())
        }
        Part::Thinking(text) => {
            let deltas = pieces(text).into_iter().map(|piece| json!({"type": "thinking_delta", "thinking": piece}));
            let signature = json!({"type": "signature_delta", "signature": state.sign(text)});
            (json!({"type": "thinking", "thinking": "", "signature": ""}), deltas.chain([signature]).collect())
        }
        Part::Redacted(_) => (json!({"type": "redacted_thinking", "data": state.sign("")}), Vec::new()),
        Part::ToolCall(call) => {
            let id = call.id.clone().unwrap_or_else(|| format!("toolu_{:04}", state.next_number()));
            let slices = slices(&call.arguments).into_iter();
            let deltas = slices.map(|slice| json!({"type": "input_json_delta", "partial_json": slice}));
            (json!({"type": "tool_use", "id": id, "name": call.name, "input": {}}), deltas.collect())
        }
        Part::Gate(_) | Part::Pause(_) => (Value::Null, Vec::<Value>::new()),
    };
    let mut frames =
        vec![Frame::named(&json!({"type": "content_block_start", "index": index, "content_block": start}))];
    let deltas = deltas.into_iter();
    frames.extend(
        deltas.map(|delta| Frame::named(&json!({"type": "content_block_delta", "index": index, "delta": delta}))),
    );
    frames.push(Frame::named(&json!({"type": "content_block_stop", "index": index})));
    frames
}
