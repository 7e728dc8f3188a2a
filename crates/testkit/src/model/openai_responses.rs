//! `POST /v1/responses`: the rules of OpenAI's newer API, and its events.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::script::{FakeStop, Part, Reply};
use super::wire::{Frame, Verdict, check_fields, check_tool_name, ensure, items, pieces, slices};
use super::{Recorded, State};

const FIELDS: &[&str] = &[
    "model",
    "stream",
    "store",
    "max_output_tokens",
    "temperature",
    "reasoning",
    "include",
    "prompt_cache_key",
    "instructions",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "input",
    "text",
    "metadata",
];

pub(super) fn check(request: &Recorded, state: &State) -> Verdict {
    let body = &request.body;
    check_fields(body, FIELDS)?;
    ensure!(body["model"].is_string(), "Missing required parameter: 'model'");
    ensure!(body["stream"] == true, "this fake serves streams only");
    ensure!(body["store"] == false, "this fake stores nothing: 'store' must be false");
    let cap = &body["max_output_tokens"];
    ensure!(cap.is_null() || cap.as_u64().is_some_and(|cap| cap >= 16), "'max_output_tokens': must be at least 16");
    let mut names = HashSet::new();
    for tool in items(&body["tools"]) {
        ensure!(tool["type"] == "function", "tools: unknown type");
        check_tool_name(&tool["name"])?;
        ensure!(tool["parameters"]["type"] == "object", "tool parameters must be an object schema");
        // The vendor's default is strict, and a strict schema lists every property as required.
        ensure!(tool["strict"] == false, "'strict': this schema is not strict");
        ensure!(names.insert(&tool["name"]), "tool names must be unique");
    }
    check_input(items(&body["input"]), state)
}

fn check_input(input: &[Value], state: &State) -> Verdict {
    ensure!(!input.is_empty(), "One of 'input' or 'conversation' must be provided");
    let (mut called, mut answered) = (HashSet::new(), HashSet::new());
    for (position, item) in input.iter().enumerate() {
        let id = item["call_id"].as_str().unwrap_or_default();
        match item["type"].as_str() {
            None | Some("message") => check_message(position, item)?,
            Some("function_call") => {
                ensure!(!id.is_empty() && id.len() <= 64, "input[{position}].call_id: length");
                ensure!(called.insert(id), "input[{position}]: the call {id} stands twice");
                check_tool_name(&item["name"])?;
                let arguments: Option<Value> =
                    item["arguments"].as_str().and_then(|text| serde_json::from_str(text).ok());
                ensure!(
                    arguments.is_some_and(|value| value.is_object()),
                    "input[{position}].arguments: no JSON object"
                );
            }
            Some("function_call_output") => {
                ensure!(called.contains(id), "No tool call found for function call output with call_id {id}.");
                ensure!(answered.insert(id), "input[{position}]: a second output for {id}");
                check_output(position, &item["output"])?;
            }
            Some("reasoning") => {
                check_reasoning(position, item, state)?;
                let next = input.get(position + 1);
                let follows = next.is_some_and(|next| {
                    next["role"] == "assistant" || next["type"] == "function_call" || next["type"] == "reasoning"
                });
                ensure!(
                    follows,
                    "Item {position} of type 'reasoning' was provided without its required following item."
                );
            }
            Some(other) => return Err(format!("input[{position}]: unknown type {other}")),
        }
    }
    let left: Vec<_> = called.difference(&answered).collect();
    ensure!(left.is_empty(), "No tool output found for function call {left:?}.");
    let last = &input[input.len() - 1];
    ensure!(last["role"] == "user" || last["type"] == "function_call_output", "the input ends with {last}");
    Ok(())
}

/// In the published types an assistant's message without an id is a text; parts belong to stored messages.
fn check_message(position: usize, item: &Value) -> Verdict {
    if item["role"] == "assistant" {
        let whole = item["content"].as_str().is_some_and(|text| !text.is_empty());
        ensure!(whole, "input[{position}].content: expected text, not {}", item["content"]);
        return Ok(());
    }
    let content = items(&item["content"]);
    ensure!(!content.is_empty(), "input[{position}].content: must be non-empty");
    for part in content {
        let whole = match item["role"].as_str() {
            Some("user" | "system" | "developer") => is_input(part),
            _ => false,
        };
        ensure!(whole, "input[{position}]: invalid part {part}");
    }
    Ok(())
}

fn check_output(position: usize, output: &Value) -> Verdict {
    let parts = items(output);
    let whole = output.is_string() || (!parts.is_empty() && parts.iter().all(is_input));
    ensure!(whole, "input[{position}].output: expected text or parts");
    Ok(())
}

fn is_input(part: &Value) -> bool {
    let starts = |name: &str, prefix: &str| part[name].as_str().is_some_and(|text| text.starts_with(prefix));
    match part["type"].as_str() {
        Some("input_text") => part["text"].as_str().is_some_and(|text| !text.is_empty()),
        Some("input_image") => part["detail"].is_string() && starts("image_url", "data:image/"),
        Some("input_file") => part["filename"].is_string() && starts("file_data", "data:application/pdf;base64,"),
        _ => false,
    }
}

fn check_reasoning(position: usize, item: &Value, state: &State) -> Verdict {
    ensure!(item["summary"].is_array(), "input[{position}].summary: Missing required parameter");
    ensure!(
        item["id"].is_null(),
        "Item with id {} not found. Items are not persisted when `store` is set to false.",
        item["id"]
    );
    let content = item["encrypted_content"].as_str().unwrap_or_default();
    let summary: Vec<&str> = items(&item["summary"]).iter().filter_map(|part| part["text"].as_str()).collect();
    let genuine = state.is_signed(&summary.join("\n\n"), content);
    ensure!(genuine, "input[{position}]: The encrypted content could not be verified.");
    Ok(())
}

pub(super) fn frames(request: &Recorded, reply: &Reply, state: &mut State) -> Vec<Frame> {
    let id = format!("resp_{}", state.next_number());
    let response = |status: &str| json!({"id": id, "object": "response", "status": status, "model": request.model});
    let mut frames = vec![Frame::named(&json!({"type": "response.created", "response": response("in_progress")}))];
    let mut index = 0;
    for part in &reply.parts {
        match part {
            Part::Gate(gate) => frames.push(Frame::Wait(gate.clone())),
            Part::Pause(pause) => frames.push(Frame::Pause(*pause)),
            Part::Text(_) | Part::Thinking(_) | Part::Redacted(_) | Part::ToolCall(_) => {
                frames.extend(item_frames(index, part, state));
                index += 1;
            }
        }
    }
    let (kind, status, details) = match reply.stop {
        FakeStop::MaxTokens => ("response.incomplete", "incomplete", json!({"reason": "max_output_tokens"})),
        FakeStop::Refusal => ("response.incomplete", "incomplete", json!({"reason": "content_filter"})),
        FakeStop::End => ("response.completed", "completed", Value::Null),
    };
    let mut last = response(status);
    let usage = reply.usage;
    let input = usage.input + usage.cache_read;
    last["incomplete_details"] = details;
    last["usage"] = json!({
        "input_tokens": input, "input_tokens_details": {"cached_tokens": usage.cache_read},
        "output_tokens": usage.output, "total_tokens": input + usage.output,
    });
    frames.push(Frame::named(&json!({"type": kind, "response": last})));
    frames
}

fn item_frames(index: usize, part: &Part, state: &mut State) -> Vec<Frame> {
    let number = state.next_number();
    let (begun, delta_kind, deltas, done) = match part {
        Part::Text(text) => {
            let id = format!("msg_{number}");
            let begun =
                json!({"id": id, "type": "message", "role": "assistant", "status": "in_progress", "content": []});
            let mut done = begun.clone();
            done["status"] = json!("completed");
            done["content"] = json!([{"type": "output_text", "text": text, "annotations": []}]);
            let deltas = pieces(text).into_iter().map(str::to_owned).collect();
            (begun, "response.output_text.delta", deltas, done)
        }
        Part::Thinking(text) | Part::Redacted(text) => {
            let text = if matches!(part, Part::Redacted(_)) { "" } else { text };
            let begun = json!({"id": format!("rs_{number}"), "type": "reasoning", "summary": []});
            let mut done = begun.clone();
            done["encrypted_content"] = json!(state.sign(text));
            if !text.is_empty() {
                done["summary"] = json!([{"type": "summary_text", "text": text}]);
            }
            let deltas = pieces(text).into_iter().map(str::to_owned).collect();
            (begun, "response.reasoning_summary_text.delta", deltas, done)
        }
        Part::ToolCall(call) => {
            let call_id = call.id.clone().unwrap_or_else(|| format!("call_{number}"));
            let begun = json!({"id": format!("fc_{number}"), "type": "function_call", "status": "in_progress",
                "call_id": call_id, "name": call.name, "arguments": ""});
            let mut done = begun.clone();
            done["status"] = json!("completed");
            done["arguments"] = json!(call.arguments);
            (begun, "response.function_call_arguments.delta", slices(&call.arguments), done)
        }
        Part::Gate(_) | Part::Pause(_) => (Value::Null, "", Vec::new(), Value::Null),
    };
    let event = |kind: &str, field: &str, value: Value| {
        Frame::named(&json!({"type": kind, "output_index": index, "item_id": begun["id"], field: value}))
    };
    let mut frames = vec![event("response.output_item.added", "item", begun.clone())];
    frames.extend(deltas.into_iter().map(|delta| event(delta_kind, "delta", json!(delta))));
    frames.push(event("response.output_item.done", "item", done));
    frames
}
