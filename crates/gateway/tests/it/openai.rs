//! The OpenAI endpoints, `/tools/invoke` and the page, over plain HTTP.

use std::sync::Arc;

use chela_testkit::model::{FakeModel, Part, Reply, Step};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::sync::Notify;

use crate::client_tools::events;
use crate::conversation::{Talker, config, fake_model, house, http, request};
use crate::support::Setup;

fn chat(text: &str) -> Value {
    json!({ "model": "chela", "messages": [{ "role": "user", "content": text }] })
}

#[tokio::test]
async fn a_completion_in_one_piece() {
    let model = fake_model([Step::text("Hello")]).await;
    let gateway = house(&model).await;
    let body = json!({ "model": "openclaw/main", "messages": [
        { "role": "system", "content": "Be brief." },
        { "role": "user", "content": [{ "type": "text", "text": "hi" }] },
    ] });
    let answer = http(&gateway, "POST", "/v1/chat/completions", &body, "").await;
    let answered = answer.json();
    assert_eq!(answer.status, 200, "{answered}");
    assert_eq!((&answered["object"], &answered["model"]), (&json!("chat.completion"), &json!("openclaw/main")));
    let choice = &answered["choices"][0];
    assert_eq!((&choice["message"]["content"], &choice["finish_reason"]), (&json!("Hello"), &json!("stop")));
    assert_eq!(answered["usage"]["total_tokens"], 110);
    assert!(model.requests()[0].text.contains("Be brief."));
}

#[tokio::test]
async fn a_completion_as_a_stream() {
    let parts = [Part::Text("Hel".into()), Part::Text("lo".into())];
    let model = fake_model([Step::Reply(Reply::new(parts))]).await;
    let gateway = house(&model).await;
    let mut body = chat("hi");
    body["stream"] = json!(true);
    body["stream_options"] = json!({ "include_usage": true });
    let answer = http(&gateway, "POST", "/v1/chat/completions", &body, "").await;
    assert!(answer.head.contains("content-type: text/event-stream"), "{}", answer.head);
    let data = answer.data();
    assert_eq!(data.last().unwrap(), "[DONE]");
    let chunks: Vec<Value> = data[..data.len() - 1].iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let text: String = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!((text.as_str(), &chunks[0]["choices"][0]["delta"]["role"]), ("Hello", &json!("assistant")));
    let (usage, finish) = (&chunks[chunks.len() - 1], &chunks[chunks.len() - 2]);
    assert_eq!(finish["choices"][0]["finish_reason"], "stop");
    assert_eq!((&usage["choices"], &usage["usage"]["prompt_tokens"]), (&json!([]), &json!(100)));
}

/// A model that says something, looks with a tool, breaks off in its second answer, and gets it right the next time.
async fn stumbling_model() -> FakeModel {
    let looking = Reply::tools([("ls", json!({}))]).saying("Let me look.");
    let broken = Step::Break { reply: Reply::text("Half"), class: "overloaded_error".into(), message: "busy".into() };
    fake_model([Step::Reply(looking), broken, Step::text("Whole")]).await
}

#[tokio::test]
async fn an_attempt_that_broke_off_is_no_part_of_the_answer() {
    let model = stumbling_model().await;
    let gateway = house(&model).await;
    let answer = http(&gateway, "POST", "/v1/chat/completions", &chat("hi"), "").await.json();
    assert_eq!(answer["choices"][0]["message"]["content"], "Let me look.\n\nWhole", "{answer}");
    assert_eq!(model.requests().len(), 3);
}

#[tokio::test]
async fn in_a_stream_a_new_attempt_is_a_new_paragraph() {
    let model = stumbling_model().await;
    let gateway = house(&model).await;
    let body = json!({ "model": "chela", "input": "hi", "stream": true });
    let answer = http(&gateway, "POST", "/v1/responses", &body, "").await;
    let events = events(&answer);
    let deltas: Vec<&str> = events.iter().filter_map(|event| event["delta"].as_str()).collect();
    assert!(deltas.iter().all(|delta| !delta.is_empty()), "{deltas:?}");
    assert_eq!(deltas.concat(), "Let me look.\n\nHalf\n\nWhole");
    let whole = &events.last().unwrap()["response"]["output"][0]["content"][0]["text"];
    assert_eq!(whole, "Let me look.\n\nWhole");
}

#[tokio::test]
async fn caps_and_temperature_reach_the_model() {
    let model = fake_model([]).await;
    let gateway = house(&model).await;
    let mut body = chat("hi");
    (body["max_tokens"], body["temperature"]) = (json!(77), json!(0.5));
    http(&gateway, "POST", "/v1/chat/completions", &body, "").await;
    let body = json!({ "model": "chela", "input": "hi", "max_output_tokens": 78, "temperature": 1.5 });
    http(&gateway, "POST", "/v1/responses", &body, "").await;
    let sent: Vec<Value> = model.requests().iter().map(|request| request.body.clone()).collect();
    let caps: Vec<String> = sent.iter().map(|body| format!("{} {}", cap_of(body), body["temperature"])).collect();
    assert_eq!(caps, ["77 0.5", "78 1.5"]);
}

/// Vendors disagree on the name.
fn cap_of(body: &Value) -> &Value {
    body.get("max_completion_tokens").unwrap_or(&body["max_tokens"])
}

#[tokio::test]
async fn caps_that_make_no_sense_are_refused() {
    let model = fake_model([]).await;
    let gateway = house(&model).await;
    for (field, value) in [("max_tokens", json!(0)), ("temperature", json!(3))] {
        let mut body = chat("hi");
        body[field] = value;
        assert_eq!(http(&gateway, "POST", "/v1/chat/completions", &body, "").await.status, 400, "{field}");
    }
}

#[tokio::test]
async fn a_user_keeps_a_session_and_nobody_gets_a_new_one() {
    let model = fake_model([]).await;
    let gateway = house(&model).await;
    let mut named = chat("my name is Ada");
    named["user"] = json!("ada");
    http(&gateway, "POST", "/v1/chat/completions", &named, "").await;
    let history = json!([
        { "role": "user", "content": "my name is Ada" }, { "role": "assistant", "content": "echo" },
        { "role": "user", "content": "who am I?" },
    ]);
    let again = json!({ "model": "chela", "user": "ada", "messages": history });
    http(&gateway, "POST", "/v1/chat/completions", &again, "").await;
    let fresh = json!({ "model": "chela", "messages": history });
    http(&gateway, "POST", "/v1/chat/completions", &fresh, "").await;
    let requests = model.requests();
    assert!(requests[1].last_user_text().starts_with("who am I?"), "{}", requests[1].last_user_text());
    assert_eq!(requests[1].text.matches("my name is Ada").count(), 2, "said once, echoed once");
    assert!(requests[2].last_user_text().contains("User: my name is Ada"), "{}", requests[2].last_user_text());
    let mut talker = Talker::new(&gateway).await;
    let listed = talker.ok("sessions.list", json!({})).await;
    assert_eq!(listed["totalCount"], 2);
    let keys: Vec<&str> = listed["sessions"].as_array().unwrap().iter().filter_map(|row| row["key"].as_str()).collect();
    assert!(keys.contains(&"agent:main:openai-user:ada"), "{keys:?}");
}

#[tokio::test]
async fn headers_choose_the_session_and_the_model() {
    let model = fake_model([]).await;
    let gateway = house(&model).await;
    let headers = "x-openclaw-session-key: main\r\nx-chela-model: fake/spare\r\n";
    let answer = http(&gateway, "POST", "/v1/chat/completions", &chat("hi"), headers).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(model.requests()[0].model, "spare");
    let mut talker = Talker::new(&gateway).await;
    assert_eq!(talker.transcript().await, ["user: hi", "assistant: echo: hi"]);
}

#[tokio::test]
async fn the_same_idempotency_key_is_answered_once() {
    let model = fake_model([]).await;
    let gateway = house(&model).await;
    let headers = "idempotency-key: k1\r\n";
    let first = http(&gateway, "POST", "/v1/chat/completions", &chat("hi"), headers).await.json();
    let second = http(&gateway, "POST", "/v1/chat/completions", &chat("hi"), headers).await.json();
    assert_eq!(first["choices"][0]["message"]["content"], second["choices"][0]["message"]["content"]);
    assert_eq!((first["id"].clone(), model.requests().len()), (second["id"].clone(), 1));
}

#[tokio::test]
async fn a_client_that_leaves_stops_its_turn() {
    let gate = Arc::new(Notify::new());
    let parts = [Part::Text("begun".into()), Part::Gate(gate)];
    let model = fake_model([Step::Reply(Reply::new(parts))]).await;
    let gateway = house(&model).await;
    let mut talker = Talker::new(&gateway).await;
    let mut body = chat("hi");
    body["stream"] = json!(true);
    let mut stream = request(&gateway, "POST", "/v1/chat/completions", &body, "").await;
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains("begun") {
        let mut some = [0; 1024];
        let read = stream.read(&mut some).await.unwrap();
        assert_ne!(read, 0);
        seen.extend_from_slice(&some[..read]);
    }
    drop(stream);
    let end = talker.event(|name, payload| name == "chat" && payload["state"] == "aborted").await;
    assert_eq!(end["message"]["content"][0]["text"], "begun");
}

#[tokio::test]
async fn a_response_and_the_one_after_it() {
    let model = fake_model([]).await;
    let gateway = house(&model).await;
    let body = json!({ "model": "chela", "instructions": "Be kind.", "input": "hi" });
    let first = http(&gateway, "POST", "/v1/responses", &body, "").await.json();
    assert_eq!((&first["object"], &first["status"]), (&json!("response"), &json!("completed")));
    assert_eq!(first["output"][0]["content"][0]["text"], "echo: hi");
    assert_eq!(
        first["usage"],
        json!({ "input_tokens": 100, "input_tokens_details": { "cached_tokens": 0, "cache_write_tokens": 0 },
        "output_tokens": 10, "output_tokens_details": { "reasoning_tokens": 0 }, "total_tokens": 110 })
    );
    let next = json!({ "model": "chela", "previous_response_id": first["id"],
        "input": [{ "role": "user", "content": [{ "type": "input_text", "text": "and then?" }] }] });
    let second = http(&gateway, "POST", "/v1/responses", &next, "").await.json();
    assert_eq!(second["previous_response_id"], first["id"], "{second}");
    assert!(model.requests()[1].text.contains("echo: hi"), "the session remembers");
    let lost = json!({ "model": "chela", "previous_response_id": "resp_none", "input": "x" });
    assert_eq!(http(&gateway, "POST", "/v1/responses", &lost, "").await.status, 404);
}

#[tokio::test]
async fn a_response_as_a_stream_has_its_events_in_order() {
    let model = fake_model([Step::text("Hello")]).await;
    let gateway = house(&model).await;
    let body = json!({ "model": "chela", "input": "hi", "stream": true });
    let answer = http(&gateway, "POST", "/v1/responses", &body, "").await;
    let events = events(&answer);
    let mut kinds: Vec<&str> = events.iter().filter_map(|event| event["type"].as_str()).collect();
    kinds.dedup();
    assert_eq!(
        kinds,
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    let numbers: Vec<u64> = events.iter().filter_map(|event| event["sequence_number"].as_u64()).collect();
    assert_eq!(numbers, (0..events.len() as u64).collect::<Vec<_>>());
    let delta = events.iter().find(|event| event["type"] == "response.output_text.delta").unwrap();
    assert_eq!(delta["logprobs"], json!([]), "strict clients require the field");
    assert_eq!(events.last().unwrap()["response"]["output"][0]["content"][0]["text"], "Hello");
}

#[tokio::test]
async fn refusals_have_openais_shape() {
    let model = fake_model([]).await;
    let gateway = house(&model).await;
    let with = |change: Value| {
        let mut body = chat("hi");
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        body
    };
    let rows = [
        (with(json!({ "model": "gpt-4o" })), "Invalid `model`"),
        (with(json!({ "model": "chela/ghost" })), "ghost"),
        (with(json!({ "n": 2 })), "`n`"),
        (with(json!({ "messages": [] })), "no user message"),
        (with(json!({ "messages": [{ "role": "king", "content": "x" }] })), "king"),
        (json!({ "model": "chela" }), "messages"),
        (json!(["chela", [{ "role": "user", "content": "hi" }], false, null, null, null]), "a JSON object"),
        (
            with(json!({ "messages": [{ "role": "user", "content": [
            { "type": "image_url", "image_url": { "url": "http://169.254.169.254/" } }] }] })),
            "not fetched",
        ),
    ];
    for (body, named) in rows {
        let answer = http(&gateway, "POST", "/v1/chat/completions", &body, "").await;
        let error = answer.json()["error"].clone();
        assert_eq!((answer.status, &error["type"]), (400, &json!("invalid_request_error")), "{body}");
        assert!(error["message"].as_str().unwrap().contains(named), "{body}: {error}");
    }
    let (status, _) = gateway.get("/v1/models", &[]).await;
    assert_eq!(status, 401);
    assert!(model.requests().is_empty());
}

#[tokio::test]
async fn a_failed_turn_is_not_repeated_by_official_clients() {
    let model = fake_model([Step::fail(400)]).await;
    let gateway = house(&model).await;
    let answer = http(&gateway, "POST", "/v1/chat/completions", &chat("hi"), "").await;
    assert!(answer.status >= 400 && answer.head.contains("x-should-retry: false"), "{}", answer.head);
    assert!(answer.json()["error"]["message"].as_str().is_some_and(|message| !message.is_empty()));
}

#[tokio::test]
async fn agents_are_listed_as_models() {
    let model = fake_model([]).await;
    let gateway = house(&model).await;
    let listed = http(&gateway, "GET", "/v1/models", &Value::Null, "").await.json();
    let ids: Vec<&str> = listed["data"].as_array().unwrap().iter().filter_map(|row| row["id"].as_str()).collect();
    assert_eq!(ids, ["chela", "chela/default", "chela/main", "openclaw", "openclaw/default", "openclaw/main"]);
    assert_eq!(http(&gateway, "GET", "/v1/models/chela/main", &Value::Null, "").await.json()["id"], "chela/main");
    assert_eq!(http(&gateway, "GET", "/v1/models/gpt-4o", &Value::Null, "").await.status, 404);
}

#[tokio::test]
async fn an_endpoint_can_be_switched_off() {
    let model = fake_model([]).await;
    let mut config = config(&model);
    config["gateway"] = json!({ "http": { "endpoints": { "chatCompletions": { "enabled": false } } } });
    let gateway = Setup::default().config(config).start().await;
    assert_eq!(http(&gateway, "POST", "/v1/chat/completions", &chat("hi"), "").await.status, 404);
    assert_eq!(http(&gateway, "POST", "/v1/responses", &json!({ "input": "hi" }), "").await.status, 200);
}

#[tokio::test]
async fn tools_are_invoked_as_far_as_they_are_offered() {
    let model = fake_model([]).await;
    let gateway = house(&model).await;
    std::fs::create_dir_all(gateway.state_dir.path().join("workspace")).unwrap();
    std::fs::write(gateway.state_dir.path().join("workspace/a.txt"), "inside").unwrap();
    let rows = [
        (json!({ "tool": "read", "args": { "path": "a.txt" } }), 200, "inside"),
        (json!({ "name": "read", "args": { "path": "a.txt" }, "dryRun": true }), 200, "dryRun"),
        (json!({ "tool": "exec", "args": { "command": "id" } }), 404, "Tool not available: exec"),
        (
            json!({ "tool": "write", "args": { "path": "~/.profile", "content": "id" } }),
            404,
            "Tool not available: write",
        ),
        (json!({ "tool": "nope" }), 404, "Tool not available: nope"),
        (json!({ "tool": "read", "args": { "path": "missing.txt" } }), 400, "tool_error"),
        (json!({ "tool": "read", "args": 7 }), 400, "invalid_request"),
        (json!({ "tool": "ls", "args": null }), 200, "a.txt"),
        (json!(["ls"]), 400, "a JSON object"),
        (json!({ "tool": "read", "agentId": "ghost" }), 400, "ghost"),
        (json!({}), 400, "tool"),
    ];
    for (body, status, named) in rows {
        let answer = http(&gateway, "POST", "/tools/invoke", &body, "").await;
        assert!(answer.status == status && answer.body.contains(named), "{body}: {} {}", answer.status, answer.body);
        assert_eq!(answer.json()["ok"], status == 200);
    }
    assert_eq!(http(&gateway, "GET", "/tools/invoke", &Value::Null, "").await.status, 405);
}

#[tokio::test]
async fn a_call_with_a_key_is_made_once() {
    let model = fake_model([]).await;
    let mut config = config(&model);
    config["gateway"] = json!({ "mode": "local", "tools": { "allow": ["edit"] } });
    let gateway = Setup::default().config(config).start().await;
    let file = gateway.state_dir.path().join("workspace/a.txt");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, "one two").unwrap();
    let edit = |old: &str, new: &str, key: &str| json!({ "tool": "edit", "idempotencyKey": key, "args": { "path": "a.txt", "oldText": old, "newText": new } });
    let first = http(&gateway, "POST", "/tools/invoke", &edit("one", "eins", "k1"), "").await;
    assert_eq!(first.status, 200, "{}", first.body);
    let again = http(&gateway, "POST", "/tools/invoke", &edit("one", "eins", "k1"), "").await;
    assert_eq!((again.status, again.json()), (200, first.json()), "what was done is not done again");
    let failed = http(&gateway, "POST", "/tools/invoke", &edit("one", "eins", "k2"), "").await;
    assert_eq!(failed.status, 400, "another key is another call: {}", failed.body);
    std::fs::write(&file, "one two").unwrap();
    let kept = http(&gateway, "POST", "/tools/invoke", &edit("one", "eins", "k2"), "").await;
    assert_eq!((kept.status, kept.json()), (400, failed.json()), "an error is an outcome, too");
    let other = http(&gateway, "POST", "/tools/invoke", &edit("two", "zwei", "k1"), "").await;
    assert_eq!((other.status, std::fs::read_to_string(&file).unwrap().as_str()), (200, "one zwei"));
}

#[tokio::test]
async fn g23_an_invoked_command_obeys_the_owners_rules() {
    let model = fake_model([]).await;
    for (mode, status, named) in [
        ("deny", 404, "Tool not available: exec"),
        ("allowlist", 403, "not on the list of allowed commands"),
        ("ask", 403, "no owner can be asked"),
        ("auto", 200, "exit code 0"),
    ] {
        let mut config = config(&model);
        config["tools"] = json!({ "exec": { "mode": mode } });
        config["gateway"] = json!({ "mode": "local", "tools": { "allow": ["exec"] } });
        let gateway = Setup::default().config(config).start().await;
        let body = json!({ "tool": "exec", "args": { "command": "touch made" } });
        let answer = http(&gateway, "POST", "/tools/invoke", &body, "").await;
        assert!(answer.status == status && answer.body.contains(named), "{mode}: {} {}", answer.status, answer.body);
        assert_eq!(gateway.state_dir.path().join("workspace/made").exists(), status == 200, "{mode}");
    }
}

#[tokio::test]
async fn g25_the_configuration_and_its_former_texts_are_closed_to_tools_wherever_they_stand() {
    let elsewhere = tempfile::tempdir().unwrap();
    let path = elsewhere.path().join("settings.json");
    for secret in ["an-old-secret-token", "a-newer-secret-token"] {
        let text = json!({ "gateway": { "mode": "local", "auth": { "token": secret } } }).to_string();
        chela_config::write(&path, &text, None).unwrap();
    }
    std::fs::write(elsewhere.path().join("notes.txt"), "free to read").unwrap();
    let environment = vec![("CHELA_CONFIG_PATH".into(), path.to_str().unwrap().into())];
    let gateway = Setup { environment, ..Setup::default() }.start().await;
    for (name, status, named) in [
        ("notes.txt", 200, "free to read"),
        ("settings.json", 400, "private to the gateway"),
        ("settings.json.bak", 400, "private to the gateway"),
    ] {
        let body = json!({ "tool": "read", "args": { "path": elsewhere.path().join(name) } });
        let answer = http(&gateway, "POST", "/tools/invoke", &body, "").await;
        assert!(answer.status == status && answer.body.contains(named), "{name}: {} {}", answer.status, answer.body);
    }
}

#[tokio::test]
async fn an_invoked_session_status_tells_of_the_real_session() {
    let model = fake_model([]).await;
    let gateway = house(&model).await;
    let status = json!({ "tool": "session_status", "sessionKey": "agent:main:openai-user:ada" });
    let said = async || {
        let answer = http(&gateway, "POST", "/tools/invoke", &status, "").await.json();
        answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    };
    let before = said().await;
    assert!(before.contains("Model: fake/") && before.contains(" 0 items"), "{before}");
    assert!(!before.contains("1970") && !before.contains("of 0 tokens"), "{before}");
    let mut body = chat("hi");
    body["user"] = json!("ada");
    http(&gateway, "POST", "/v1/chat/completions", &body, "").await;
    let after = said().await;
    assert!(after.contains(" 2 items") && after.contains("Tokens used: 100 in, 10 out"), "{after}");
}

#[tokio::test]
async fn an_option_that_is_null_is_one_that_is_left_out() {
    let model = fake_model([]).await;
    let gateway = house(&model).await;
    let mut body = chat("hi");
    let nulls = json!({ "user": null, "n": null, "stream": true, "stream_options": { "include_usage": null } });
    body.as_object_mut().unwrap().extend(nulls.as_object().unwrap().clone());
    let answer = http(&gateway, "POST", "/v1/chat/completions", &body, "").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(!answer.body.contains("\"usage\""), "{}", answer.body);
}

#[tokio::test]
async fn the_page_is_served_under_a_strict_policy() {
    let model = fake_model([]).await;
    let gateway = house(&model).await;
    let page = http(&gateway, "GET", "/", &Value::Null, "").await;
    assert!(page.head.contains("content-security-policy: default-src 'none'; script-src 'self'"), "{}", page.head);
    assert!(page.body.contains("<title>Chela</title>"));
    assert_eq!(http(&gateway, "GET", "/chat/main", &Value::Null, "").await.body, page.body);
    assert_eq!(http(&gateway, "GET", "/icon.svg", &Value::Null, "").await.status, 200);
    for path in ["/missing.js", "/favicon.ico", "/v1/nothing"] {
        assert_eq!(http(&gateway, "GET", path, &Value::Null, "").await.status, 404, "{path}");
    }
    assert_eq!(http(&gateway, "POST", "/nothing", &json!({}), "").await.status, 404);
    let settings = http(&gateway, "GET", "/control-ui-config.json", &Value::Null, "").await.json();
    assert_eq!(settings["assistantAgentId"], "main");
}
