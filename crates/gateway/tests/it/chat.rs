//! `chat.*` and `agent`: sending, streaming, queueing, stopping.

use std::sync::Arc;
use std::time::Duration;

use chela_testkit::model::{Part, Reply, Step};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::conversation::{MAIN, Talker, config, fake_model, house, text_of};
use crate::support::Setup;

#[tokio::test]
async fn a_message_is_streamed_and_stands_in_the_history() {
    let gate = Arc::new(Notify::new());
    let parts = [Part::Text("Hel".into()), Part::Gate(gate.clone()), Part::Text("lo".into())];
    let model = fake_model([Step::Reply(Reply::new(parts))]).await;
    let gateway = house(&model).await;
    let mut talker = Talker::new(&gateway).await;
    talker.ok("sessions.messages.subscribe", json!({ "key": "main" })).await;

    assert_eq!(talker.say("hi", "r1").await, json!({ "runId": "r1", "status": "started" }));
    let delta = talker.event(|name, payload| name == "chat" && payload["state"] == "delta").await;
    assert_eq!((&delta["deltaText"], text_of(&delta["message"])), (&json!("Hel"), "Hel".to_owned()));
    gate.notify_one();
    let end = talker.end_of("r1").await;
    assert_eq!((&end["state"], &end["stopReason"]), (&json!("final"), &json!("stop")));
    assert_eq!(text_of(&end["message"]), "Hello");
    assert_eq!(end["sessionKey"], MAIN);

    let changed = talker.quiet().await;
    assert_eq!((&changed["session"]["hasActiveRun"], &changed["activeRunIds"]), (&json!(false), &json!([])));
    let history = talker.history().await;
    assert_eq!(history[0]["idempotencyKey"], "r1:user");
    assert_eq!(talker.transcript().await, ["user: hi", "assistant: Hello"]);
    let told =
        talker.event(|name, payload| name == "session.message" && payload["message"]["role"] == "assistant").await;
    assert_eq!(text_of(&told["message"]), "Hello");
    model.assert_clean();
}

#[tokio::test]
async fn payloads_of_a_run_are_numbered_without_gaps() {
    let model = fake_model([Step::text("Hello")]).await;
    let gateway = house(&model).await;
    let mut talker = Talker::new(&gateway).await;
    talker.say("hi", "r1").await;
    let end = talker.end_of("r1").await;
    let mut seqs: Vec<u64> = talker
        .seen
        .iter()
        .filter(|frame| matches!(frame["event"].as_str(), Some("chat" | "agent")))
        .map(|frame| frame["payload"]["seq"].as_u64().unwrap())
        .collect();
    seqs.push(end["seq"].as_u64().unwrap());
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
}

#[tokio::test]
async fn g09_the_same_message_ten_times_is_answered_once() {
    let gate = Arc::new(Notify::new());
    let model = fake_model([Step::gated(&gate, Step::text("once"))]).await;
    let gateway = house(&model).await;
    let mut talker = Talker::new(&gateway).await;
    let mut states = Vec::new();
    for _ in 0..10 {
        states.push(talker.say("hi", "same").await["status"].as_str().unwrap().to_owned());
    }
    assert_eq!(states[0], "started");
    assert!(states[1..].iter().all(|state| state == "in_flight"), "{states:?}");
    gate.notify_one();
    talker.end_of("same").await;
    assert_eq!(talker.say("hi", "same").await["status"], "ok");
    assert_eq!(talker.transcript().await, ["user: hi", "assistant: once"]);
    assert_eq!(model.requests().len(), 1);
}

#[tokio::test]
async fn messages_of_a_session_are_answered_in_order() {
    let gate = Arc::new(Notify::new());
    let model = fake_model([Step::gated(&gate, Step::text("one"))]).await;
    let gateway = house(&model).await;
    let mut talker = Talker::new(&gateway).await;
    for key in ["a", "b", "c"] {
        talker.say(key, key).await;
    }
    model.wait_for_requests(1).await;
    let history = talker.ok("chat.history", json!({ "sessionKey": MAIN })).await;
    assert_eq!(history["pendingInputs"]["total"], 2, "{history}");
    gate.notify_one();
    talker.end_of("c").await;
    assert_eq!(
        talker.transcript().await,
        ["user: a", "assistant: one", "user: b", "assistant: echo: b", "user: c", "assistant: echo: c"]
    );
}

#[tokio::test]
async fn stopping_keeps_what_was_said_and_drops_what_waits() {
    let gate = Arc::new(Notify::new());
    let parts = [Part::Text("partial".into()), Part::Gate(gate.clone()), Part::Text(" never".into())];
    let model = fake_model([Step::Reply(Reply::new(parts))]).await;
    let gateway = house(&model).await;
    let mut talker = Talker::new(&gateway).await;
    talker.say("go", "r1").await;
    talker.say("queued", "r2").await;
    talker.event(|name, payload| name == "chat" && payload["state"] == "delta").await;
    let stopped = talker.ok("chat.abort", json!({ "sessionKey": MAIN })).await;
    assert_eq!(stopped, json!({ "ok": true, "aborted": true, "runIds": ["r1", "r2"] }));
    let (first, second) = (talker.end_of("r1").await, talker.end_of("r2").await);
    assert_eq!((&first["state"], &second["state"]), (&json!("aborted"), &json!("aborted")));
    assert_eq!(text_of(&first["message"]), "partial");
    let transcript = talker.transcript().await;
    assert_eq!(transcript[..2], ["user: go", "assistant: partial"]);
    assert!(!transcript.iter().any(|line| line.contains("queued")), "{transcript:?}");
    let nothing = talker.ok("chat.abort", json!({ "sessionKey": MAIN, "runId": "r1" })).await;
    assert_eq!(nothing, json!({ "ok": true, "aborted": false, "runIds": [] }));
    talker.say("again", "r3").await;
    assert_eq!(talker.end_of("r3").await["state"], "final");
}

#[tokio::test]
async fn a_session_takes_only_so_many_waiting_messages() {
    let gate = Arc::new(Notify::new());
    let model = fake_model([Step::gated(&gate, Step::text("at last"))]).await;
    let gateway = house(&model).await;
    let mut talker = Talker::new(&gateway).await;
    let mut refused = None;
    for number in 0..600 {
        let params = json!({ "sessionKey": MAIN, "message": "again", "idempotencyKey": format!("r{number}") });
        let answer = talker.call("chat.send", params).await;
        if answer["ok"] == false {
            refused = Some((number, answer["error"].clone()));
            break;
        }
    }
    let (number, error) = refused.expect("nobody may queue without end");
    assert!((256..=520).contains(&number), "{number}");
    assert_eq!((&error["code"], &error["retryable"]), (&json!("UNAVAILABLE"), &json!(true)));
    assert!(talker.ok("chat.abort", json!({ "sessionKey": MAIN })).await["aborted"] == true);
}

#[tokio::test]
async fn agent_answers_twice() {
    let model = fake_model([Step::text("done")]).await;
    let gateway = house(&model).await;
    let mut talker = Talker::new(&gateway).await;
    let id = talker.send("agent", json!({ "message": "hi", "idempotencyKey": "run" })).await;
    let accepted = talker.answer(&id).await["payload"].clone();
    assert_eq!((&accepted["status"], &accepted["sessionKey"]), (&json!("accepted"), &json!(MAIN)));
    let last = talker.answer(&id).await["payload"].clone();
    assert_eq!((&last["status"], &last["summary"], &last["runId"]), (&json!("ok"), &json!("completed"), &json!("run")));
    assert_eq!(last["result"]["payloads"][0]["text"], "done");
    assert_eq!(last["result"]["meta"]["agentMeta"]["model"], "m");
    let id = talker.send("agent", json!({ "message": "hi", "idempotencyKey": "run" })).await;
    assert_eq!(talker.answer(&id).await["payload"]["status"], "accepted");
    assert_eq!(talker.answer(&id).await["payload"]["result"]["payloads"][0]["text"], "done");
    assert_eq!(model.requests().len(), 1);
}

#[tokio::test]
async fn agent_wait_ends_with_the_run_or_its_patience() {
    let gate = Arc::new(Notify::new());
    let model = fake_model([Step::gated(&gate, Step::text("late"))]).await;
    let gateway = house(&model).await;
    let mut talker = Talker::new(&gateway).await;
    talker.say("hi", "run").await;
    let early = talker.ok("agent.wait", json!({ "runId": "run", "timeoutMs": 1 })).await;
    assert_eq!(early, json!({ "runId": "run", "status": "timeout" }));
    let id = talker.send("agent.wait", json!({ "runId": "run", "timeoutMs": 20_000 })).await;
    gate.notify_one();
    let ended = talker.answer(&id).await["payload"].clone();
    assert_eq!((&ended["status"], &ended["stopReason"]), (&json!("ok"), &json!("stop")));
    let later = talker.ok("agent.wait", json!({ "runId": "run" })).await;
    assert_eq!(later["status"], "ok");
}

#[tokio::test]
async fn interrupt_takes_the_place_of_the_running_turn() {
    let model = fake_model([Step::Hang]).await;
    let gateway = house(&model).await;
    let mut talker = Talker::new(&gateway).await;
    talker.say("first", "r1").await;
    model.wait_for_requests(1).await;
    let params = json!({ "sessionKey": MAIN, "message": "second", "idempotencyKey": "r2", "queueMode": "interrupt" });
    talker.ok("chat.send", params).await;
    assert_eq!(talker.end_of("r1").await["state"], "aborted");
    assert_eq!(text_of(&talker.end_of("r2").await["message"]), "echo: second");
}

#[tokio::test]
async fn collected_messages_are_answered_together() {
    let gate = Arc::new(Notify::new());
    let model = fake_model([Step::gated(&gate, Step::text("one")), Step::text("both")]).await;
    let gateway = house(&model).await;
    let mut talker = Talker::new(&gateway).await;
    talker.say("a", "a").await;
    model.wait_for_requests(1).await;
    for key in ["b", "c"] {
        let params = json!({ "sessionKey": MAIN, "message": key, "idempotencyKey": key, "queueMode": "collect" });
        talker.ok("chat.send", params).await;
    }
    gate.notify_one();
    assert_eq!(text_of(&talker.end_of("b").await["message"]), "both");
    assert_eq!(talker.end_of("c").await["state"], "final");
    assert_eq!(model.requests().len(), 2);
    assert_eq!(talker.ok("agent.wait", json!({ "runId": "c" })).await["status"], "ok");
}

#[tokio::test]
async fn a_steered_message_goes_into_the_running_turn() {
    let gate = Arc::new(Notify::new());
    let tool = Step::gated(&gate, Step::tools([("session_status", json!({}))]));
    let model = fake_model([tool, Step::text("both answered")]).await;
    let gateway = house(&model).await;
    let mut talker = Talker::new(&gateway).await;
    talker.say("a", "a").await;
    model.wait_for_requests(1).await;
    let params = json!({ "sessionKey": MAIN, "message": "and b", "idempotencyKey": "b", "queueMode": "steer" });
    talker.ok("chat.send", params).await;
    gate.notify_one();
    assert_eq!(text_of(&talker.end_of("a").await["message"]), "both answered");
    assert_eq!(talker.end_of("b").await["state"], "final");
    let requests = model.requests();
    assert_eq!(requests.len(), 2);
    assert!(requests[1].text.contains("and b"));
    let tools: Vec<Value> = talker
        .seen
        .iter()
        .filter(|frame| frame["payload"]["stream"] == "tool")
        .map(|frame| frame["payload"]["data"]["phase"].clone())
        .collect();
    assert_eq!((tools.first(), tools.last()), (Some(&json!("start")), Some(&json!("result"))));
}

#[tokio::test]
async fn a_rate_limited_model_is_replaced_by_its_fallback() {
    let model = fake_model([]).await;
    model.respond_with(|request| match request.model.as_str() {
        "m" => Step::rate_limited(Duration::from_mins(1)),
        _ => Step::text("from the spare"),
    });
    let mut config = config(&model);
    config["agents"]["defaults"]["model"]["fallbacks"] = json!(["fake/spare"]);
    let gateway = Setup::default().config(config).start().await;
    let mut talker = Talker::new(&gateway).await;
    talker.say("hi", "r1").await;
    let end = talker.end_of("r1").await;
    assert_eq!((&end["state"], text_of(&end["message"])), (&json!("final"), "from the spare".to_owned()));
}

#[tokio::test]
async fn a_failed_turn_is_told_and_the_session_goes_on() {
    let model = fake_model([Step::fail(400)]).await;
    let gateway = house(&model).await;
    let mut talker = Talker::new(&gateway).await;
    talker.say("hi", "r1").await;
    let end = talker.end_of("r1").await;
    assert_eq!(end["state"], "error", "{end}");
    assert!(end["errorMessage"].as_str().is_some_and(|message| !message.is_empty()), "{end}");
    talker.say("again", "r2").await;
    assert_eq!(text_of(&talker.end_of("r2").await["message"]), "echo: again");
}

#[tokio::test]
async fn at_most_so_many_turns_run_at_once() {
    let gate = Arc::new(Notify::new());
    let model = fake_model([Step::gated(&gate, Step::text("one")), Step::text("two")]).await;
    let mut config = config(&model);
    config["agents"]["defaults"]["maxConcurrent"] = json!(1);
    let gateway = Setup::default().config(config).start().await;
    let mut talker = Talker::new(&gateway).await;
    talker.say("a", "a").await;
    model.wait_for_requests(1).await;
    talker.ok("chat.send", json!({ "sessionKey": "other", "message": "b", "idempotencyKey": "b" })).await;
    let row = talker.ok("sessions.describe", json!({ "key": "other" })).await;
    assert_eq!(row["session"]["status"], "queued");
    let stopped = talker.ok("chat.abort", json!({ "sessionKey": "other" })).await;
    assert_eq!(stopped["runIds"], json!(["b"]));
    talker.ok("chat.send", json!({ "sessionKey": "other", "message": "c", "idempotencyKey": "c" })).await;
    gate.notify_one();
    talker.end_of("a").await;
    assert_eq!(text_of(&talker.end_of("c").await["message"]), "two");
    assert_eq!(model.requests().len(), 2);
}

#[tokio::test]
async fn attachments_reach_the_model_and_bad_ones_are_named() {
    let model = fake_model([Step::text("seen")]).await;
    let mut config = config(&model);
    config["models"]["providers"]["fake"]["models"][0]["input"] = json!(["text", "image"]);
    let gateway = Setup::default().config(config).start().await;
    let mut talker = Talker::new(&gateway).await;
    let png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    let send = |content: &str, key: &str| {
        json!({ "sessionKey": MAIN, "message": "look", "idempotencyKey": key,
            "attachments": [{ "type": "image", "mimeType": "image/png", "fileName": "dot.png", "content": content }] })
    };
    let refused = talker.call("chat.send", send("not base64!", "r0")).await;
    assert!(refused["error"]["message"].as_str().unwrap().contains("dot.png"), "{refused}");
    talker.ok("chat.send", send(png, "r1")).await;
    assert_eq!(talker.end_of("r1").await["state"], "final");
    assert!(model.requests()[0].text.contains(png));
    assert_eq!(talker.history().await[0]["content"][1]["type"], "image");
}

#[tokio::test]
async fn who_may_not_write_can_not_send() {
    let model = fake_model([]).await;
    let gateway = house(&model).await;
    let mut reader = gateway.client_with(json!(["operator.read"])).await;
    let params = json!({ "sessionKey": MAIN, "message": "hi", "idempotencyKey": "x" });
    assert_eq!(reader.call("chat.send", params).await["error"]["details"]["missingScope"], "operator.write");
    let mut writer = gateway.client_with(json!(["operator.write"])).await;
    let reset = writer.call("agent", json!({ "message": "/new", "idempotencyKey": "x" })).await;
    assert_eq!(reset["error"]["details"]["missingScope"], "operator.admin");
}
