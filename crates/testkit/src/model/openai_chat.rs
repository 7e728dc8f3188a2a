//! `POST /v1/chat/completions`: the rules of OpenAI's API, and its chunks.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::script::{FakeStop, Part, Reply};
use super::wire::{Frame, Verdict, check_fields, check_tool_name, ensure, items, pieces, slices};
use super::{Recorded, State};

const FIELDS: &[&str] = &[
    "model",
    "stream",
    "stream_options",
    "max_tokens",
    "max_completion_tokens",
    "temperature",
    "reasoning_effort",
    "reasoning",
    "thinking",
    "enable_thinking",
    "prompt_cache_key",
    "tools",
    "tool_choice",
    "messages",
    "user",
];

pub(super) fn check(request: &Recorded) -> Verdict {
    let body = &request.body;
    check_fields(body, FIELDS)?;
    ensure!(body["model"].is_string(), "you must provide a model parameter");
    ensure!(body["stream"] == true, "this fake serves streams only");
    ensure!(
        body["max_tokens"].is_null() || body["max_completion_tokens"].is_null(),
        "max_tokens and max_completion_tokens exclude each other"
    );
    let mut names = HashSet::new();
    for tool in items(&body["tools"]) {
        ensure!(tool["type"] == "function", "tools: unknown type");
        check_tool_name(&tool["function"]["name"])?;
        ensure!(tool["function"]["parameters"]["type"] == "object", "tool parameters must be an object schema");
        ensure!(names.insert(&tool["function"]["name"]), "tool names must be unique");
    }
    check_messages(items(&body["messages"]))
}

fn check_messages(messages: &[Value]) -> Verdict {
    ensure!(!messages.is_empty(), "[] is too short - 'messages'");
    let mut open: Vec<&str> = Vec::new();
    for (position, message) in messages.iter().enumerate() {
        let role = message["role"].as_str().unwrap_or_default();
        if role != "tool" {
            ensure!(
                open.is_empty(),
                "an assistant message with 'tool_calls' must be followed by tool messages; no answer to {open:?}"
            );
        }
        match role {
            "system" | "developer" => ensure!(message["content"].is_string(), "messages[{position}]: no content"),
            "user" => check_user(position, &message["content"])?,
            "assistant" => open = check_assistant(position, message)?,
            "tool" => {
                let id = message["tool_call_id"].as_str().unwrap_or_default();
                let Some(found) = open.iter().position(|open| *open == id) else {
                    return Err(format!(
                        "messages with role 'tool' must answer a preceding 'tool_calls'; {id} does not"
                    ));
                };
                open.remove(found);
                let text = &message["content"];
                let texts = items(text);
                let parts = !texts.is_empty() && texts.iter().all(|part| part["type"] == "text");
                ensure!(text.is_string() || parts, "messages[{position}]: tool messages hold text");
            }
            other => return Err(format!("messages[{position}]: '{other}' is no role")),
        }
    }
    ensure!(open.is_empty(), "tool calls without an answer: {open:?}");
    let last = messages.last().map(|message| &message["role"]);
    ensure!(last.is_some_and(|role| role == "user" || role == "tool"), "the last message is {last:?}");
    Ok(())
}

fn check_user(position: usize, content: &Value) -> Verdict {
    if let Some(text) = content.as_str() {
        ensure!(!text.is_empty(), "messages[{position}]: empty content");
        return Ok(());
    }
    ensure!(!items(content).is_empty(), "messages[{position}]: no content");
    for part in items(content) {
        let whole = match part["type"].as_str() {
            Some("text") => part["text"].as_str().is_some_and(|text| !text.is_empty()),
            Some("image_url") => part["image_url"]["url"].as_str().is_some_and(|url| url.starts_with("data:image/")),
            Some("file") => {
                let data = part["file"]["file_data"].as_str().unwrap_or_default();
                part["file"]["filename"].is_string() && data.starts_with("data:application/pdf;base64,")
            }
            _ => false,
        };
        ensure!(whole, "messages[{position}]: invalid part {part}");
    }
    Ok(())
}

fn check_assistant(position: usize, message: &Value) -> Result<Vec<&str>, String> {
    let calls = items(&message["tool_calls"]);
    ensure!(message["tool_calls"].is_null() || !calls.is_empty(), "[] is too short - 'messages.{position}.tool_calls'");
    let text = message["content"].as_str();
    ensure!(
        text.is_some_and(|text| !text.is_empty()) || !calls.is_empty(),
        "messages[{position}]: neither content nor calls"
    );
    let mut open = Vec::new();
    for call in calls {
        let id = call["id"].as_str().unwrap_or_default();
        ensure!(!id.is_empty() && call["type"] == "function", "messages[{position}]: a call needs an id and a type");
        ensure!(!open.contains(&id), "messages[{position}]: the id {id} stands twice");
        check_tool_name(&call["function"]["name"])?;
        let arguments = call["function"]["arguments"].as_str().unwrap_or_default();
        let parsed: Option<Value> = serde_json::from_str(arguments).ok();
        ensure!(
            parsed.is_some_and(|parsed| parsed.is_object()),
            "messages[{position}]: arguments are no JSON object in text"
        );
        open.push(id);
    }
    Ok(open)
}

pub(super) fn frames(request: &Recorded, reply: &Reply, state: &mut State) -> Vec<Frame> {
    let id = format!("chatcmpl-{}", state.next_number());
    let chunk = |delta: Value, finish: Value| {
        Frame::data(&json!({
            "id": id, "object": "chat.completion.chunk", "created": 0, "model": request.model,
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        }))
    };
    let mut frames = vec![chunk(json!({"role": "assistant", "content": ""}), Value::Null)];
    let mut calls = 0;
    for part in &reply.parts {
        match part {
            Part::Text(text) => {
                frames.extend(pieces(text).into_iter().map(|piece| chunk(json!({"content": piece}), Value::Null)));
            }
            Part::Thinking(text) => frames
                .extend(pieces(text).into_iter().map(|piece| chunk(json!({"reasoning_content": piece}), Value::Null))),
            Part::Redacted(_) => {}
            Part::ToolCall(call) => {
                let call_id = call.id.clone().unwrap_or_else(|| format!("call_{}", state.next_number()));
                let function = json!({"name": call.name, "arguments": ""});
                let head = json!({"index": calls, "id": call_id, "type": "function", "function": function});
                frames.push(chunk(json!({"tool_calls": [head]}), Value::Null));
                frames.extend(slices(&call.arguments).into_iter().map(|slice| {
                    chunk(json!({"tool_calls": [{"index": calls, "function": {"arguments": slice}}]}), Value::Null)
                }));
                calls += 1;
            }
            Part::Gate(gate) => frames.push(Frame::Wait(gate.clone())),
            Part::Pause(pause) => frames.push(Frame::Pause(*pause)),
        }
    }
    let finish = match reply.stop {
        FakeStop::MaxTokens => "length",
        FakeStop::Refusal => "content_filter",
        FakeStop::End if reply.has_calls() => "tool_calls",
        FakeStop::End => "stop",
    };
    frames.push(chunk(json!({}), json!(finish)));
    let usage = reply.usage;
    let prompt = usage.input + usage.cache_read + usage.cache_write;
    frames.push(Frame::data(&json!({
        "id": id, "object": "chat.completion.chunk", "created": 0, "model": request.model, "choices": [],
        "usage": {
            "prompt_tokens": prompt, "completion_tokens": usage.output, "total_tokens": prompt + usage.output,
            "prompt_tokens_details": {"cached_tokens": usage.cache_read, "cache_write_tokens": usage.cache_write},
        },
    })));
    frames.push(Frame::Send("data: [DONE]\n\n".into()));
    frames
}
