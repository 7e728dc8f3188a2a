//! `POST /v1beta/models/{model}:streamGenerateContent`: the rules of Google's API, and its chunks.

use std::collections::HashSet;

use axum::http::Uri;
use serde_json::{Value, json};

use super::script::{FakeStop, Part, Reply};
use super::wire::{Frame, Verdict, check_fields, check_tool_name, ensure, items, pieces};
use super::{Recorded, State};

const FIELDS: &[&str] = &["systemInstruction", "tools", "toolConfig", "generationConfig", "safetySettings", "contents"];
/// What Google documents for calls that no Gemini made.
const SKIP_VALIDATION: &str = "skip_thought_signature_validator";

pub(super) fn check(request: &Recorded, uri: &Uri, state: &State) -> Verdict {
    let body = &request.body;
    ensure!(uri.query().is_some_and(|query| query.contains("alt=sse")), "without alt=sse the answer is an array");
    check_fields(body, FIELDS)?;
    let mut names = HashSet::new();
    for declaration in items(&body["tools"]).iter().flat_map(|tool| items(&tool["functionDeclarations"])) {
        check_tool_name(&declaration["name"])?;
        ensure!(names.insert(&declaration["name"]), "Duplicate function declaration found: {}", declaration["name"]);
        let schema = &declaration["parametersJsonSchema"];
        ensure!(schema.is_null() || schema["type"] == "object", "function parameters must be an object schema");
    }
    let contents = items(&body["contents"]);
    ensure!(!contents.is_empty(), "contents is not specified");
    ensure!(contents[0]["role"] == "user", "a function call turn or a model's turn can't come first");
    let mut open: Vec<&str> = Vec::new();
    for (position, content) in contents.iter().enumerate() {
        let parts = items(&content["parts"]);
        ensure!(!parts.is_empty(), "contents[{position}].parts: must not be empty");
        match content["role"].as_str() {
            Some("user") => check_user(position, parts, &std::mem::take(&mut open))?,
            Some("model") => {
                ensure!(open.is_empty(), "a function response turn must come right after a function call turn");
                open = check_model(position, request, parts, state)?;
            }
            other => return Err(format!("contents[{position}].role: {other:?}")),
        }
    }
    ensure!(open.is_empty(), "function calls without responses: {open:?}");
    ensure!(contents[contents.len() - 1]["role"] == "user", "single turn requests end with a user role");
    Ok(())
}

fn check_user(position: usize, parts: &[Value], open: &[&str]) -> Verdict {
    let mut left = open.to_vec();
    for part in parts {
        if let Some(response) = part.get("functionResponse") {
            let name = response["name"].as_str().unwrap_or_default();
            ensure!(response["response"].is_object(), "contents[{position}]: a response is an object");
            let Some(found) = left.iter().position(|open| *open == name) else {
                return Err(format!("contents[{position}]: a response for `{name}`, which was not called"));
            };
            left.remove(found);
        } else {
            let data = &part["inlineData"];
            let text = part["text"].as_str().is_some_and(|text| !text.is_empty());
            let inline = data["mimeType"].is_string() && data["data"].as_str().is_some_and(|data| !data.is_empty());
            ensure!(text || inline, "contents[{position}]: invalid part {part}");
        }
    }
    ensure!(
        left.is_empty(),
        "the number of function response parts must equal the number of function call parts; without: {left:?}"
    );
    Ok(())
}

fn check_model<'a>(
    position: usize,
    request: &Recorded,
    parts: &'a [Value],
    state: &State,
) -> Result<Vec<&'a str>, String> {
    let says = parts.iter().any(|part| part["thought"] != true);
    ensure!(says, "contents[{position}]: a turn of the model must say something");
    let mut open = Vec::new();
    for part in parts {
        let signature = part["thoughtSignature"].as_str();
        if let Some(call) = part.get("functionCall") {
            check_tool_name(&call["name"])?;
            ensure!(call["args"].is_object(), "contents[{position}]: args are no object");
            let unsigned_first = open.is_empty() && signature.is_none();
            ensure!(
                !(unsigned_first && must_sign(request)),
                "Function call {} is missing a thought_signature in functionCall parts",
                call["name"]
            );
            open.push(call["name"].as_str().unwrap_or_default());
            let genuine =
                signature.is_none_or(|sent| sent == SKIP_VALIDATION || state.is_signed(&call_text(call), sent));
            ensure!(genuine, "contents[{position}]: Thought signature is not valid");
        } else {
            let Some(text) = part["text"].as_str() else { return Err(format!("contents[{position}]: part {part}")) };
            ensure!(!text.is_empty() || signature.is_some(), "contents[{position}]: an empty part");
            let genuine = signature.is_none_or(|sent| state.is_signed(text, sent));
            ensure!(genuine, "contents[{position}]: Thought signature is not valid");
        }
    }
    Ok(open)
}

/// Since the third generation a step's first call comes back with its signature.
fn must_sign(request: &Recorded) -> bool {
    request.model.starts_with("gemini-3")
}

fn call_text(call: &Value) -> String {
    format!("{} {}", call["name"], call["args"])
}

pub(super) fn frames(request: &Recorded, reply: &Reply, state: &mut State) -> Vec<Frame> {
    let id = format!("gemini-{}", state.next_number());
    let chunk = |parts: Vec<Value>| {
        json!({
            "candidates": [{"content": {"role": "model", "parts": parts}, "index": 0}],
            "modelVersion": request.model, "responseId": id,
        })
    };
    let mut frames = Vec::new();
    let thinks = reply.parts.iter().any(|part| matches!(part, Part::Thinking(_)));
    let mut unsigned = must_sign(request) || thinks;
    for part in &reply.parts {
        match part {
            Part::Text(text) => {
                let mut pieces: Vec<Value> = pieces(text).into_iter().map(|piece| json!({"text": piece})).collect();
                if thinks && let Some(last) = pieces.last_mut() {
                    last["thoughtSignature"] = json!(state.sign(text));
                }
                frames.extend(pieces.into_iter().map(|piece| Frame::data(&chunk(vec![piece]))));
            }
            Part::Thinking(text) => frames.extend(
                pieces(text)
                    .into_iter()
                    .map(|piece| Frame::data(&chunk(vec![json!({"text": piece, "thought": true})]))),
            ),
            Part::Redacted(_) => {}
            Part::ToolCall(call) => {
                let args: Value = serde_json::from_str(&call.arguments).unwrap_or_else(|_| json!({}));
                let mut part = json!({"functionCall": {"name": call.name, "args": args}});
                if std::mem::take(&mut unsigned) {
                    part["thoughtSignature"] = json!(state.sign(&call_text(&part["functionCall"])));
                }
                frames.push(Frame::data(&chunk(vec![part])));
            }
            Part::Gate(gate) => frames.push(Frame::Wait(gate.clone())),
            Part::Pause(pause) => frames.push(Frame::Pause(*pause)),
        }
    }
    let usage = reply.usage;
    let prompt = usage.input + usage.cache_read;
    let mut last = chunk(vec![json!({"text": ""})]);
    last["candidates"][0]["finishReason"] = json!(match reply.stop {
        FakeStop::End => "STOP",
        FakeStop::MaxTokens => "MAX_TOKENS",
        FakeStop::Refusal => "SAFETY",
    });
    last["usageMetadata"] = json!({
        "promptTokenCount": prompt, "cachedContentTokenCount": usage.cache_read,
        "candidatesTokenCount": usage.output, "totalTokenCount": prompt + usage.output,
    });
    frames.push(Frame::data(&last));
    frames
}
