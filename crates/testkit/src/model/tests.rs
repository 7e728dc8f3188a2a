//! The fake vendor refuses what the vendors refuse; each row is a good request with one thing wrong.

use std::collections::{HashMap, VecDeque};

use axum::http::Uri;
use serde_json::{Value, json};

use super::wire::Verdict;
use super::*;

fn state() -> State {
    State {
        embeddings: Vec::new(),
        steps: VecDeque::new(),
        responder: Arc::new(Box::new(|_| Step::text(""))),
        requests: Vec::new(),
        recordings: Vec::new(),
        forgets: false,
        violations: Vec::new(),
        issued: HashMap::from([
            ("sig".to_owned(), "thought".to_owned()),
            ("sig-call".to_owned(), "\"read\" {}".to_owned()),
        ]),
        counter: 0,
    }
}

fn check(wire: FakeWire, model: &str, body: Value) -> Verdict {
    let headers = BTreeMap::from([("anthropic-version".to_owned(), "2023-06-01".to_owned())]);
    let request =
        Recorded { wire, path: String::new(), headers, text: body.to_string(), body, model: model.to_owned() };
    let uri: Uri = "/x?alt=sse".parse().expect("a path");
    match wire {
        FakeWire::Anthropic => anthropic::check(&request, &state()),
        FakeWire::OpenAiChat => openai_chat::check(&request),
        FakeWire::OpenAiResponses => openai_responses::check(&request, &state()),
        FakeWire::Gemini => gemini::check(&request, &uri, &state()),
    }
}

/// Checks that the good request passes and that each change makes it fail with these words.
#[track_caller]
fn refuses(wire: FakeWire, good: &Value, changes: &[(&str, Value, &str)]) {
    assert_eq!(check(wire, "gemini-3", good.clone()), Ok(()));
    for (pointer, value, words) in changes {
        let mut bad = good.clone();
        match bad.pointer_mut(pointer) {
            Some(place) => *place = value.clone(),
            None => bad[pointer.trim_start_matches('/')] = value.clone(),
        }
        let verdict = check(wire, "gemini-3", bad).expect_err(words);
        assert!(verdict.contains(words), "{pointer} = {value}: {verdict}");
    }
}

#[test]
fn anthropics_rules() {
    let user = json!({"role": "user", "content": [{"type": "text", "text": "hi"}]});
    let call = json!({"type": "tool_use", "id": "t1", "name": "read", "input": {}});
    let good = json!({
        "model": "m", "max_tokens": 2048, "stream": true,
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "tools": [{"name": "read", "description": "", "input_schema": {"type": "object"}}],
        "messages": [
            user,
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "thought", "signature": "sig"}, call]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "ok"}, {"type": "text", "text": "x"}]},
        ],
    });
    let mark = json!({"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}});
    refuses(
        FakeWire::Anthropic,
        &good,
        &[
            ("/temprature", json!(1), "Extra inputs"),
            ("/max_tokens", json!(1000), "must be greater"),
            ("/thinking/budget_tokens", json!(1000), "greater than or equal to 1024"),
            ("/system", json!([mark, mark, mark, mark, mark]), "maximum of 4"),
            ("/tools/0/name", json!("a.b"), "invalid tool name"),
            ("/messages", json!([]), "at least one message"),
            ("/messages/0/role", json!("assistant"), "first message"),
            ("/messages/0/content/0/text", json!(" "), "invalid content block"),
            ("/messages/1/content/0/signature", json!("forged"), "Invalid `signature`"),
            ("/messages/1/content/0/thinking", json!("changed"), "Invalid `signature`"),
            ("/messages/1/content/0", json!({"type": "text", "text": "no thought"}), "Expected `thinking`"),
            (
                "/messages/1/content",
                json!([{"type": "thinking", "thinking": "thought", "signature": "sig"}]),
                "cannot be `thinking`",
            ),
            ("/messages/1/content/1/id", json!("a:b"), "should match"),
            ("/messages/1/content/1/input", json!("{}"), "valid dictionary"),
            ("/messages/2/content/0/tool_use_id", json!("t2"), "unexpected `tool_use_id`"),
            ("/messages/2/content/0", json!({"type": "text", "text": "no result"}), "without `tool_result`"),
            ("/messages/2/content/1", json!({"type": "tool_result", "tool_use_id": "t1"}), "single result"),
            ("/messages/2", user.clone(), "without `tool_result`"),
            ("/messages/2/role", json!("assistant"), "without `tool_result`"),
        ],
    );
    let ends = json!({"model": "m", "max_tokens": 1, "stream": true,
        "messages": [user, {"role": "assistant", "content": [{"type": "text", "text": "so"}]}]});
    assert!(check(FakeWire::Anthropic, "m", ends).expect_err("prefill").contains("end with a user message"));
}

#[test]
fn openais_chat_rules() {
    let call = json!({"id": "c1", "type": "function", "function": {"name": "read", "arguments": "{}"}});
    let good = json!({
        "model": "m", "stream": true,
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": null, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": "ok"},
        ],
    });
    refuses(
        FakeWire::OpenAiChat,
        &good,
        &[
            ("/sys", json!(1), "Extra inputs"),
            ("/messages/1/content", json!(""), "empty content"),
            ("/messages/2/tool_calls", json!([]), "too short"),
            ("/messages/2/tool_calls", json!(null), "neither content nor calls"),
            ("/messages/2/tool_calls/0/function/arguments", json!("{"), "no JSON object"),
            ("/messages/2/tool_calls/0/function/arguments", json!({}), "no JSON object"),
            ("/messages/3/tool_call_id", json!("c2"), "must answer a preceding"),
            ("/messages/3", json!({"role": "user", "content": "and?"}), "must be followed by tool messages"),
            ("/messages/3/content", json!([{"type": "image_url"}]), "hold text"),
            ("/messages/1", json!({"role": "tool", "tool_call_id": "c0", "content": "x"}), "must answer a preceding"),
        ],
    );
}

#[test]
fn openais_responses_rules() {
    let good = json!({
        "model": "m", "stream": true, "store": false,
        "input": [
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]},
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "thought"}], "encrypted_content": "sig"},
            {"type": "function_call", "call_id": "c1", "name": "read", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": "ok"},
        ],
    });
    let message =
        |role: &str| json!({"type": "message", "role": role, "content": [{"type": "input_text", "text": "x"}]});
    refuses(
        FakeWire::OpenAiResponses,
        &good,
        &[
            ("/store", json!(true), "store"),
            ("/max_output_tokens", json!(3), "at least 16"),
            ("/input/1/encrypted_content", json!("forged"), "could not be verified"),
            ("/input/1", json!({"type": "reasoning", "id": "rs_1", "summary": []}), "not found"),
            ("/input/2", message("user"), "without its required following item"),
            ("/input/3/call_id", json!("c2"), "No tool call found"),
            ("/input/3", message("user"), "No tool output found"),
            ("/input/0", message("assistant"), "expected text"),
            ("/input/0/content/0", json!({"type": "output_text", "text": "x"}), "invalid part"),
            (
                "/input/0/content/0",
                json!({"type": "input_image", "image_url": "data:image/png;base64,aGk="}),
                "invalid part",
            ),
            ("/input/2/arguments", json!({}), "no JSON object"),
        ],
    );
}

#[test]
fn geminis_rules() {
    let call = json!({"functionCall": {"name": "read", "args": {}}, "thoughtSignature": "sig-call"});
    let good = json!({
        "contents": [
            {"role": "user", "parts": [{"text": "hi"}]},
            {"role": "model", "parts": [{"text": "thought", "thoughtSignature": "sig"}, call]},
            {"role": "user", "parts": [{"functionResponse": {"name": "read", "response": {"output": "ok"}}}]},
        ],
    });
    refuses(
        FakeWire::Gemini,
        &good,
        &[
            ("/messages", json!([]), "Extra inputs"),
            ("/contents/0/parts", json!([]), "must not be empty"),
            ("/contents/0/role", json!("model"), "can't come first"),
            ("/contents/1/parts/0/thoughtSignature", json!("forged"), "not valid"),
            ("/contents/1/parts/1/thoughtSignature", json!("forged"), "not valid"),
            (
                "/contents/1/parts/1",
                json!({"functionCall": {"name": "read", "args": {}}}),
                "missing a thought_signature",
            ),
            ("/contents/2/parts/0/functionResponse/name", json!("list"), "was not called"),
            ("/contents/2/parts/0", json!({"text": "no response"}), "number of function response parts"),
            ("/contents/2/role", json!("model"), "right after a function call"),
        ],
    );
}

#[test]
fn the_users_words_are_found_on_every_wire() {
    for (wire, body) in [
        (
            FakeWire::OpenAiChat,
            json!({"messages": [{"role": "user", "content": "a"}, {"role": "tool", "content": "b"}]}),
        ),
        (
            FakeWire::Anthropic,
            json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]},
            {"role": "user", "content": [{"type": "tool_result"}]}]}),
        ),
        (
            FakeWire::OpenAiResponses,
            json!({"input": [{"role": "user", "content": [{"type": "input_text", "text": "a"}]}]}),
        ),
        (FakeWire::Gemini, json!({"contents": [{"role": "user", "parts": [{"text": "a"}]}]})),
    ] {
        assert_eq!(wire::last_user_text(wire, &body), "a", "{wire:?}");
    }
}
