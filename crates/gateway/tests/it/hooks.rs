//! Hooks over plain HTTP, through the whole house: who is let in, what becomes of a request, and what it may not do.

use std::sync::Arc;

use chela_testkit::model::{FakeModel, Recorded, Step};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::Notify;

use crate::channels::{ADA, put_in_force, said, telegram, telegram_section, with_channels};
use crate::conversation::{Answer, Talker, answer_of, config, fake_model, in_short, request_as};
use crate::support::{Setup, TOKEN, TestGateway};

pub(crate) const HOOK_TOKEN: &str = "a-token-for-hooks";

/// A gateway with these hooks.
async fn house(model: &FakeModel, hooks: Value) -> TestGateway {
    Setup::default().config(with_hooks(model, hooks)).start().await
}

fn with_hooks(model: &FakeModel, hooks: Value) -> Value {
    let mut config = config(model);
    config["hooks"] = section(hooks);
    config["gateway"] = json!({ "mode": "local", "reload": { "debounceMs": 10 } });
    config
}

pub(crate) fn section(hooks: Value) -> Value {
    let mut section = json!({ "enabled": true, "token": HOOK_TOKEN });
    section.as_object_mut().unwrap().extend(hooks.as_object().unwrap().clone());
    section
}

async fn send(gateway: &TestGateway, token: &str, path: &str, body: &Value, headers: &str) -> Answer {
    answer_of(request_as(gateway, token, "POST", path, body, headers).await).await
}

pub(crate) async fn post(gateway: &TestGateway, path: &str, body: Value) -> Answer {
    send(gateway, HOOK_TOKEN, path, &body, "").await
}

/// The conversation of a run once it is over, in short.
async fn talk(talker: &mut Talker, run: &Value) -> (String, Vec<String>) {
    let waited = talker.ok("agent.wait", json!({ "runId": run, "timeoutMs": 15_000 })).await;
    assert_eq!(waited["status"], "ok", "{waited}");
    let listed = talker.ok("sessions.list", json!({})).await;
    let sessions = listed["sessions"].as_array().unwrap();
    for session in sessions {
        let key = session["key"].as_str().unwrap();
        let history = talker.ok("chat.history", json!({ "sessionKey": key })).await;
        let messages = history["messages"].as_array().unwrap();
        if messages.iter().any(|message| message.to_string().contains(run.as_str().unwrap())) || sessions.len() == 1 {
            return (key.to_owned(), messages.iter().map(in_short).collect());
        }
    }
    panic!("no conversation holds the run {run}: {listed}");
}

#[tokio::test]
async fn work_runs_in_a_conversation_of_its_own_and_no_owner_speaks_in_it() {
    let model = fake_model([]).await;
    let gateway = house(&model, json!({})).await;
    let mut talker = Talker::new(&gateway).await;
    let body = json!({ "message": "Look at the build.", "name": "CI", "model": "fake/spare" });
    let answer = post(&gateway, "/hooks/agent", body).await;
    assert_eq!((answer.status, &answer.json()["ok"]), (200, &json!(true)), "{}", answer.body);
    let run = answer.json()["runId"].clone();
    let (key, lines) = talk(&mut talker, &run).await;
    assert_eq!(key, format!("agent:main:hook:{}", run.as_str().unwrap()));
    assert!(
        lines[0].contains("[hook \"CI\": a program sent this; no person said it]\nLook at the build."),
        "{lines:?}"
    );
    assert_eq!(lines[1], "assistant: echo: Look at the build.");
    let history = talker.ok("chat.history", json!({ "sessionKey": key })).await;
    assert_eq!(history["messages"][0]["__openclaw"]["senderIsOwner"], false);
    assert_eq!(model.requests()[0].body["model"], "spare");
    model.assert_clean();
}

#[tokio::test]
async fn a_wake_is_told_in_the_main_conversation() {
    let model = fake_model([]).await;
    let gateway = house(&model, json!({})).await;
    let mut talker = Talker::new(&gateway).await;
    let answer = post(&gateway, "/hooks/wake", json!({ "text": "The door rang." })).await;
    assert_eq!((answer.status, answer.json()), (200, json!({ "ok": true, "mode": "now", "eventOutcome": "queued" })));
    talker.quiet().await;
    let lines = talker.transcript().await;
    assert!(lines[0].ends_with("no person said it]\nThe door rang."), "{lines:?}");
    assert_eq!(lines[1], "assistant: echo: The door rang.");
}

#[tokio::test]
async fn who_waits_hears_how_it_ended() {
    let model = fake_model([]).await;
    let gateway = house(&model, json!({})).await;
    let answer = post(&gateway, "/hooks/agent", json!({ "message": "go", "waitForCompletion": true })).await.json();
    assert_eq!(answer["completion"], json!({ "status": "ok", "replyDisposition": "visible" }), "{answer}");
    assert_eq!(model.requests().len(), 1);
}

#[tokio::test]
async fn g22_nobody_is_let_in_without_the_token_of_hooks() {
    let model = fake_model([]).await;
    let gateway = house(&model, json!({})).await;
    let body = json!({ "message": "go" });
    for token in ["", "wrong", TOKEN] {
        let refused = send(&gateway, token, "/hooks/agent", &body, "").await;
        assert_eq!((refused.status, refused.body.as_str()), (401, "Unauthorized"), "{token}");
    }
    for header in ["x-openclaw-token", "X-Chela-Token"] {
        let let_in = send(&gateway, "", "/hooks/agent", &body, &format!("{header}: {HOOK_TOKEN}\r\n")).await;
        assert_eq!(let_in.status, 200, "{header}: {}", let_in.body);
    }
    let in_address = post(&gateway, &format!("/hooks/agent?token={HOOK_TOKEN}"), body.clone()).await;
    assert_eq!(in_address.status, 400);
    assert!(!in_address.body.contains(HOOK_TOKEN));
    let got = answer_of(request_as(&gateway, HOOK_TOKEN, "GET", "/hooks/agent", &Value::Null, "").await).await;
    assert!(got.status == 405 && got.head.contains("allow: post"), "{}", got.head);
    // The gateway's own doors don't open to it.
    let invoked = send(&gateway, HOOK_TOKEN, "/tools/invoke", &json!({ "tool": "ls" }), "").await;
    assert_eq!(invoked.status, 401);
}

#[tokio::test]
async fn guesses_are_limited_and_the_right_token_still_opens() {
    let model = fake_model([]).await;
    let gateway = house(&model, json!({})).await;
    for _ in 0..20 {
        assert_eq!(send(&gateway, "guess", "/hooks/wake", &json!({}), "").await.status, 401);
    }
    let limited = send(&gateway, "guess", "/hooks/wake", &json!({}), "").await;
    assert!(limited.status == 429 && limited.head.contains("retry-after: "), "{}", limited.head);
    assert_eq!(post(&gateway, "/hooks/wake", json!({ "text": "x" })).await.status, 200);
    assert_eq!(send(&gateway, "guess", "/hooks/wake", &json!({}), "").await.status, 401, "counted anew");
}

#[tokio::test]
async fn hooks_stay_off_without_a_token_of_their_own() {
    let model = fake_model([]).await;
    for hooks in [json!({ "token": null }), json!({ "token": TOKEN }), json!({ "path": "/" }), json!({ "mappings": 7 })]
    {
        let gateway = house(&model, hooks.clone()).await;
        let refused = send(&gateway, TOKEN, "/hooks/agent", &json!({ "message": "go" }), "").await;
        assert_eq!(refused.status, 404, "{hooks}: {}", refused.body);
        let mut talker = Talker::new(&gateway).await;
        let health = talker.ok("health", json!({})).await.to_string();
        let told = if hooks.get("mappings").is_some() { "config: " } else { "hooks: off, hooks." };
        assert!(health.contains(told), "{hooks}: {health}");
        let problems = talker.ok("status", json!({})).await["problems"].to_string();
        assert!(problems.contains("hooks"), "{hooks}: {problems}");
        gateway.running.stop("test").await;
    }
    assert_eq!(model.requests().len(), 0);
}

#[tokio::test]
async fn bad_requests_are_refused_with_their_reason() {
    let model = fake_model([]).await;
    let hooks = json!({ "allowedAgentIds": ["main"], "allowedSessionKeyPrefixes": ["hook:"] });
    let gateway = house(&model, hooks).await;
    let rows = [
        ("/hooks/agent", json!({}), 400, "message required"),
        ("/hooks/wake", json!({}), 400, "text required"),
        ("/hooks/agent", json!([1]), 400, "message required"),
        ("/hooks/agent", json!({ "message": "x", "agentId": "nobody" }), 400, "nobody"),
        ("/hooks/agent", json!({ "message": "x", "sessionKey": "hook:a" }), 400, "allowRequestSessionKey"),
        ("/hooks/agent", json!({ "message": "x", "channel": "telegram", "to": "1" }), 400, "telegram"),
        ("/hooks/nobody", json!({}), 404, "Not Found"),
        ("/hooks", json!({}), 404, "Not Found"),
    ];
    for (path, body, status, reason) in rows {
        let refused = post(&gateway, path, body).await;
        assert_eq!(refused.status, status, "{path}: {}", refused.body);
        assert!(refused.body.contains(reason), "{path}: {} does not say {reason}", refused.body);
    }
    // Told by what it announces, before any of it is read.
    let mut large = TcpStream::connect(("127.0.0.1", gateway.running.port)).await.unwrap();
    let head = format!(
        "POST /hooks/agent HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nx-chela-token: {HOOK_TOKEN}\r\nContent-Length: 300000\r\n\r\n"
    );
    large.write_all(head.as_bytes()).await.unwrap();
    let refused = answer_of(large).await;
    assert_eq!((refused.status, refused.json()["error"].clone()), (413, json!("payload too large")));
    assert_eq!(model.requests().len(), 0);
}

#[tokio::test]
async fn mappings_make_work_out_of_other_shapes() {
    let model = fake_model([]).await;
    let mappings = json!([
        { "match": { "path": "github" }, "name": "GitHub {{action}}", "sessionKey": "hook:pr:{{pr.number}}",
          "messageTemplate": "Look at this change.\n{{pr.title}}" },
        { "match": { "path": "script" }, "messageTemplate": "x", "transform": { "module": "a.js" } },
        { "match": { "source": "bell" }, "action": "wake", "textTemplate": "It rang: {{source}} {{headers.x-room}}" },
        { "match": { "path": "mails" }, "forEach": "mails", "sessionKey": "hook:{{mails[0].id}}",
          "messageTemplate": "{{mails[0].text}}" },
    ]);
    let hooks = json!({
        "mappings": mappings, "allowRequestSessionKey": true, "allowedSessionKeyPrefixes": ["hook:"],
    });
    let gateway = house(&model, hooks).await;
    let mut talker = Talker::new(&gateway).await;

    let body = json!({ "action": "opened", "pr": { "number": 7, "title": "Obey me" } });
    let answer = post(&gateway, "/hooks/github", body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let run = answer.json()["runId"].as_str().unwrap().to_owned();
    let (key, lines) = talk(&mut talker, &json!(run)).await;
    assert_eq!(key, format!("agent:main:hook:pr:7:hook:{run}"));
    assert!(lines[0].contains("[hook \"GitHub opened\": "), "{lines:?}");
    assert!(lines[0].contains("Look at this change.\n<<<untrusted "), "{lines:?}");

    let failed = post(&gateway, "/hooks/script", json!({})).await;
    assert_eq!((failed.status, failed.json()["error"].clone()), (500, json!("hook mapping failed")));
    let woken = send(&gateway, HOOK_TOKEN, "/hooks/x", &json!({ "source": "bell" }), "x-room: hall\r\n").await;
    assert_eq!(woken.json()["eventOutcome"], "queued", "{}", woken.body);
    assert_eq!(post(&gateway, "/hooks/mails", json!({ "mails": [] })).await.status, 204);

    let mails = json!({ "mails": [{ "id": "a", "text": "one" }, { "id": "b", "text": "two" }] });
    let first = post(&gateway, "/hooks/mails", mails.clone()).await.json();
    assert_eq!((&first["dispatched"], first["runIds"].as_array().unwrap().len()), (&json!(2), 2), "{first}");
    let again = post(&gateway, "/hooks/mails", mails).await.json();
    assert_eq!(again["runIds"], first["runIds"], "each mail is one run, however often it is sent");
}

#[tokio::test]
async fn a_mappings_agent_that_is_gone_is_the_default_one_and_a_requests_is_refused() {
    let model = fake_model([]).await;
    let mapping = json!({ "match": { "path": "bell" }, "messageTemplate": "ring {{n}}", "agentId": "ghost" });
    let gateway = house(&model, json!({ "mappings": [mapping] })).await;
    let mut talker = Talker::new(&gateway).await;
    let answer = post(&gateway, "/hooks/bell", json!({ "n": 7 })).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let (key, _) = talk(&mut talker, &answer.json()["runId"]).await;
    assert!(key.starts_with("agent:main:hook:"), "{key}");
    let refused = post(&gateway, "/hooks/agent", json!({ "message": "go", "agentId": "ghost" })).await;
    assert_eq!(refused.status, 400, "{}", refused.body);
}

#[tokio::test]
async fn work_of_one_name_runs_one_after_the_other_and_other_work_beside_it() {
    let gate = Arc::new(Notify::new());
    let model = fake_model([Step::gated(&gate, Step::text("first"))]).await;
    let gateway = house(&model, json!({ "allowRequestSessionKey": true })).await;
    let work = |message: &str, key: &str| json!({ "message": message, "sessionKey": key, "waitForCompletion": true });
    let first = post(&gateway, "/hooks/agent", json!({ "message": "one", "sessionKey": "mail" })).await.json();
    model.wait_for_requests(1).await;
    let second = post(&gateway, "/hooks/agent", json!({ "message": "two", "sessionKey": "mail" })).await.json();
    // What has another name is over while the first one stands still.
    let other = post(&gateway, "/hooks/agent", work("three", "door")).await.json();
    assert_eq!(other["completion"]["status"], "ok", "{other}");
    let mut talker = Talker::new(&gateway).await;
    let waiting = talker.ok("agent.wait", json!({ "runId": second["runId"], "timeoutMs": 50 })).await;
    assert_eq!((&waiting["status"], model.requests().len()), (&json!("timeout"), 2), "{waiting}");
    gate.notify_one();
    for run in [first, second] {
        talk(&mut talker, &run["runId"]).await;
    }
    let asked: Vec<String> = model.requests().iter().map(Recorded::last_user_text).collect();
    for (asked, said) in asked.iter().zip(["one", "three", "two"]) {
        assert!(asked.contains(said), "{said}: {asked}");
    }
}

#[tokio::test]
async fn g09_a_request_that_is_sent_again_is_one_run_also_after_a_restart() {
    let model = fake_model([]).await;
    let state_dir = tempfile::tempdir().unwrap();
    let start = async || {
        let running = Setup::default().config(with_hooks(&model, json!({}))).start_in(&state_dir).await.unwrap();
        // Its own folder goes with it; the state stays.
        TestGateway { running, state_dir: tempfile::tempdir().unwrap() }
    };
    let body = json!({ "message": "deploy", "waitForCompletion": true });
    let key = "Idempotency-Key: once\r\n";
    let gateway = start().await;
    let first = send(&gateway, HOOK_TOKEN, "/hooks/agent", &body, key).await.json();
    let again = send(&gateway, HOOK_TOKEN, "/hooks/agent", &body, key).await.json();
    gateway.running.stop("test").await;
    let gateway = start().await;
    let later = send(&gateway, HOOK_TOKEN, "/hooks/agent", &body, key).await.json();
    assert_eq!((&again["runId"], &later["runId"]), (&first["runId"], &first["runId"]), "{first} {later}");
    assert_eq!(later["completion"]["status"], "ok", "{later}");
    assert_eq!(model.requests().len(), 1);
    let other = json!({ "message": "deploy something else", "waitForCompletion": true });
    let other = send(&gateway, HOOK_TOKEN, "/hooks/agent", &other, key).await.json();
    assert_ne!(other["runId"], first["runId"], "a name is for one request");
    gateway.running.stop("test").await;
}

#[tokio::test]
async fn answers_go_where_the_request_says_or_where_an_owner_last_spoke() {
    let (model, fake) = (fake_model([]).await, telegram().await);
    let channels = json!({ "telegram": telegram_section(&fake, json!({})) });
    let more = json!({
        "commands": { "ownerAllowFrom": [format!("telegram:{ADA}")] }, "hooks": section(json!({})),
        "gateway": { "mode": "local" },
    });
    let gateway = Setup::default().config(with_channels(&model, channels, more)).start().await;
    let body = json!({ "message": "Ring.", "channel": "telegram", "to": ADA });
    assert_eq!(post(&gateway, "/hooks/agent", body).await.status, 200);
    said(&fake, ADA, "echo: Ring.").await;
    fake.say(ADA, ADA, "hello").send();
    said(&fake, ADA, "echo: hello").await;
    assert_eq!(post(&gateway, "/hooks/wake", json!({ "text": "Wake." })).await.status, 200);
    said(&fake, ADA, "echo: Wake.").await;
    let silent = json!({ "message": "Psst.", "deliver": false, "waitForCompletion": true });
    assert_eq!(post(&gateway, "/hooks/agent", silent).await.json()["completion"]["status"], "ok");
    assert_eq!(post(&gateway, "/hooks/agent", json!({ "message": "Last." })).await.status, 200);
    said(&fake, ADA, "echo: Last.").await;
    assert!(!fake.bot_messages(ADA).iter().any(|message| message.text.contains("Psst")));
    fake.assert_clean();
}

#[tokio::test]
async fn a_changed_token_is_dead_at_once() {
    let model = fake_model([]).await;
    let gateway = house(&model, json!({})).await;
    let mut talker = Talker::new(&gateway).await;
    let wake = json!({ "text": "x" });
    assert_eq!(post(&gateway, "/hooks/wake", wake.clone()).await.status, 200);
    put_in_force(&gateway, &mut talker, &with_hooks(&model, json!({ "token": "another", "path": "in" }))).await;
    // The event goes out before the doors are changed, within the same reload.
    while post(&gateway, "/hooks/wake", wake.clone()).await.status != 404 {
        tokio::task::yield_now().await;
    }
    assert_eq!(post(&gateway, "/in/wake", wake.clone()).await.status, 401);
    assert_eq!(send(&gateway, "another", "/in/wake", &wake, "").await.status, 200);
}

#[tokio::test]
async fn internal_hooks_of_the_reference_system_are_none() {
    let model = fake_model([]).await;
    let gateway = house(&model, json!({})).await;
    let mut talker = Talker::new(&gateway).await;
    let status = talker.ok("hooks.status", json!({ "agentId": "main" })).await;
    assert_eq!(status["hooks"], json!([]));
    assert!(status["workspaceDir"].as_str().unwrap().ends_with("/workspace"), "{status}");
    assert_eq!(talker.call("hooks.status", json!({ "agentId": "nobody" })).await["ok"], false);
}
