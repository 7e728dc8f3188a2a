//! For the wires' tests: an endpoint, a request that holds one of everything, and events read from text.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::call::Assemble;
use super::endpoint::{Credential, Endpoint};
use crate::http::http_client;
use crate::models::ModelInfo;
use crate::sse::Reader;
use crate::types::{
    Block, Completion, LlmErrorKind, Media, Message, Request, Role, StreamEvent, SystemBlock, Thinking, ThinkingBlock,
    ToolDefinition, ToolResult, ToolUse,
};
use crate::vendors::{KeyHeader, Quirk, UNKNOWN};

/// Provider `acme`; model `m` thinks and sees, others are unknown.
pub(crate) fn endpoint(base_url: &str, quirks: &'static [Quirk], first_byte: Duration) -> Arc<Endpoint> {
    let able = ModelInfo { reasoning: true, images: true, documents: true, ..UNKNOWN.info("acme", "m", true) };
    Arc::new(Endpoint {
        provider: "acme".into(),
        base_url: base_url.into(),
        credential: Credential::NotNeeded,
        key_header: KeyHeader::Bearer,
        headers: HeaderMap::new(),
        first_byte,
        idle: first_byte,
        quirks,
        models: HashMap::from([("m".into(), able)]),
        unlisted: UNKNOWN.info("acme", "", true),
        http: http_client(None),
    })
}

/// The body of a request without an endpoint that answers.
pub(crate) fn body(build: fn(&Request, &Endpoint) -> Value, quirks: &'static [Quirk], request: &Request) -> String {
    let body = build(request, &endpoint("http://127.0.0.1:1", quirks, Duration::from_secs(1)));
    serde_json::to_string_pretty(&body).expect("a value is JSON")
}

/// A conversation with one of everything: files, own and foreign thoughts, calls side by side, a failed one, blank text.
pub(crate) fn everything() -> Request {
    let text = |text: &str| Block::Text { text: text.into() };
    let media = |mime: &str, name: &str| Media { mime: mime.into(), data: "aGk=".into(), name: Some(name.into()) };
    let thought = |origin: &str, redacted| {
        Block::Thinking(ThinkingBlock {
            text: if redacted { String::new() } else { format!("thought of {origin}") },
            signature: Some(format!("sig of {origin}")),
            redacted,
            id: Some("rs_1".into()),
            origin: origin.into(),
        })
    };
    let call = |id: &str, name: &str, signature: Option<&str>| {
        Block::ToolUse(ToolUse {
            id: id.into(),
            name: name.into(),
            input: json!({"path": "a"}),
            invalid: None,
            signature: signature.map(str::to_owned),
        })
    };
    let result = |id: &str, name: &str, is_error, media| {
        Block::ToolResult(ToolResult {
            tool_use_id: id.into(),
            name: name.into(),
            text: format!("{name}!"),
            media,
            is_error,
        })
    };
    let user = |blocks| Message { role: Role::User, blocks };
    let assistant = |blocks| Message { role: Role::Assistant, blocks };
    Request {
        model: "m".into(),
        system: vec![
            SystemBlock { text: "Stable.".into(), cache: true },
            SystemBlock { text: "Volatile.".into(), cache: false },
        ],
        messages: vec![
            user(vec![
                text("look"),
                Block::Media(media("image/png", "a.png")),
                Block::Media(media("application/pdf", "b.pdf")),
            ]),
            assistant(vec![
                thought("other/m", false),
                thought("acme/m", false),
                thought("acme/m", true),
                text("Looking."),
                call("call_1", "read", Some("acme/m gsig")),
                call("functions.list:1", "list", None),
            ]),
            user(vec![text("meanwhile"), result("call_1", "read", false, vec![media("image/jpeg", "c.jpg")])]),
            user(vec![result("functions.list:1", "list", true, Vec::new()), text(" \n")]),
            assistant(vec![text("Done.")]),
            user(vec![text("Thanks. Again?")]),
        ],
        tools: vec![
            tool("read", json!({"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]})),
            tool("list", json!({"type": "object", "properties": {}})),
        ],
        thinking: Thinking::High,
        max_output_tokens: Some(4096),
        temperature: None,
        cache_key: Some("session-1".into()),
    }
}

fn tool(name: &str, parameters: Value) -> ToolDefinition {
    ToolDefinition { name: name.into(), description: format!("Does {name}."), parameters }
}

/// Reads an event stream written by hand.
pub(crate) fn decode<A: Assemble>(
    mut assembler: A,
    text: &str,
) -> Result<(Vec<StreamEvent>, Completion), LlmErrorKind> {
    let (mut events, mut out) = (Vec::new(), Vec::new());
    Reader::default().push(text.as_bytes(), &mut events).expect("within limits");
    for event in &events {
        assembler.accept(event, &mut out)?;
    }
    Ok((out, assembler.finish()?))
}
