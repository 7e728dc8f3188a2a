//! What happens when memory or disk is short (G2, G34), and that nobody has to wait for another's queue.

use std::sync::Arc;

use chela_testkit::model::{FakeModel, Part, Reply, Step};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::channels::{ADA, put_in_force, said, telegram, telegram_section, texts, with_channels};
use crate::conversation::{Talker, config, fake_model, http};
use crate::support::Setup;

/// The configuration with these limits; a change is taken up at once.
fn limited(model: &FakeModel, channels: Value, limits: Value) -> Value {
    let mut whole = with_channels(model, channels, json!({}));
    whole["gateway"]["limits"] = limits;
    whole
}

/// The next `health` event in which something of this kind is (or is not) degraded.
async fn degraded(talker: &mut Talker, kind: &str, wanted: bool) -> Value {
    talker
        .event(|name, payload| {
            let lines = payload["degraded"].as_array().map(Vec::as_slice).unwrap_or_default();
            name == "health" && lines.iter().any(|line| line.as_str().unwrap().starts_with(kind)) == wanted
        })
        .await
}

#[tokio::test]
async fn g02_short_of_memory_nothing_heavy_begins_and_all_of_it_later() {
    let model = fake_model([]).await;
    let with = |limits| limited(&model, json!({}), limits);
    let gateway = Setup::default().config(with(json!({}))).start().await;
    let mut talker = Talker::new(&gateway).await;
    put_in_force(&gateway, &mut talker, &with(json!({ "memoryHighWaterMb": 1 }))).await;
    degraded(&mut talker, "memory", true).await;

    let (status, ready) = gateway.get("/readyz", &[]).await;
    assert!(status == 200 && ready.contains("\"memory: "), "{ready}");
    assert_eq!(talker.say("hi", "r1").await["status"], "started", "it is accepted");
    let body = json!({ "model": "chela", "messages": [{ "role": "user", "content": "hi" }] });
    let refused = http(&gateway, "POST", "/v1/chat/completions", &body, "").await;
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (503, &json!("overloaded")));
    assert!(refused.head.contains("retry-after: 5"), "{}", refused.head);
    let refused = http(&gateway, "POST", "/tools/invoke", &json!({ "tool": "ls" }), "").await;
    assert!(refused.status == 503 && refused.head.contains("retry-after: 5"), "{}", refused.head);
    let large = json!({ "sessionKey": "main", "message": "x".repeat(300_000), "idempotencyKey": "large" });
    let refused = talker.call("chat.send", large.clone()).await;
    assert_eq!((&refused["error"]["code"], &refused["error"]["retryAfterMs"]), (&json!("UNAVAILABLE"), &json!(5000)));
    let status = talker.ok("status", json!({})).await;
    assert_eq!(
        (&status["limits"]["memory"]["high"], &status["limits"]["memory"]["highWater"]),
        (&json!(true), &json!(1024 * 1024))
    );
    assert_eq!(model.requests().len(), 0, "no turn has begun");

    put_in_force(&gateway, &mut talker, &with(json!({ "memoryHighWaterMb": 1_000_000 }))).await;
    degraded(&mut talker, "memory", false).await;
    assert_eq!(talker.end_of("r1").await["state"], "final");
    assert_eq!(talker.call("chat.send", large).await["ok"], true);
}

#[tokio::test]
async fn g34_above_the_quota_no_message_is_taken_and_none_is_lost() {
    let (model, fake) = (fake_model([]).await, telegram().await);
    let with = |limits| limited(&model, json!({ "telegram": telegram_section(&fake, json!({})) }), limits);
    let gateway = Setup::default().config(with(json!({}))).start().await;
    std::fs::write(gateway.state_dir.path().join("grown"), vec![0; 3 * 1024 * 1024]).unwrap();
    let mut talker = Talker::new(&gateway).await;
    put_in_force(&gateway, &mut talker, &with(json!({ "diskQuotaMb": 1 }))).await;
    degraded(&mut talker, "disk", true).await;
    // What is beside the database is counted now and then; the database alone may be below the quota.
    while talker.ok("status", json!({})).await["limits"]["disk"]["level"] != "full" {
        degraded(&mut talker, "disk", true).await;
    }
    let params = json!({ "sessionKey": "main", "message": "hi", "idempotencyKey": "r1" });
    let refused = talker.call("chat.send", params.clone()).await;
    assert_eq!((&refused["error"]["code"], &refused["error"]["retryable"]), (&json!("UNAVAILABLE"), &json!(true)));
    fake.say(ADA, ADA, "anybody?").send();
    fake.wait_for("the message is offered again", |fake| (fake.waiting_updates() == 1).then_some(())).await;
    assert_eq!(texts(&fake, ADA), [""; 0]);

    put_in_force(&gateway, &mut talker, &with(json!({ "diskQuotaMb": 1_000 }))).await;
    degraded(&mut talker, "disk", false).await;
    assert_eq!(talker.call("chat.send", params).await["ok"], true, "the same request is taken now");
    said(&fake, ADA, "echo: anybody?").await;
    assert_eq!(texts(&fake, ADA).len(), 1);
}

/// A model whose first answer waits for the gate.
async fn gated_model() -> (FakeModel, Arc<Notify>) {
    let gate = Arc::new(Notify::new());
    let first = Reply::new([Part::Gate(gate.clone()), Part::Text("first".into())]);
    (fake_model([Step::Reply(first)]).await, gate)
}

async fn say_in(talker: &mut Talker, session: &str, text: &str) {
    let params = json!({ "sessionKey": session, "message": text, "idempotencyKey": text });
    assert_eq!(talker.ok("chat.send", params).await["status"], "started");
}

#[tokio::test]
async fn a_session_with_hundreds_of_messages_starves_nobody() {
    let (model, gate) = gated_model().await;
    let mut config = config(&model);
    config["agents"]["defaults"]["maxConcurrent"] = 1.into();
    config["messages"]["queue"] = json!({ "mode": "followup", "cap": 1000 });
    let gateway = Setup::default().config(config).start().await;
    let mut talker = Talker::new(&gateway).await;
    for number in 0..300 {
        say_in(&mut talker, "agent:main:busy", &format!("busy {number}")).await;
    }
    model.wait_for_requests(1).await;
    say_in(&mut talker, "agent:main:other", "other").await;
    gate.notify_one();
    talker.end_of("other").await;
    let place = model.requests().iter().position(|request| request.last_user_text().contains("other")).unwrap();
    assert!(place <= 2, "it came after {place} turns of the busy session");
}

#[tokio::test]
async fn an_agent_with_one_place_leaves_the_others_to_the_others() {
    let (model, gate) = gated_model().await;
    let mut config = config(&model);
    config["agents"]["list"] = json!([{ "id": "one", "maxConcurrent": 1 }, { "id": "two" }]);
    let gateway = Setup::default().config(config).start().await;
    let mut talker = Talker::new(&gateway).await;
    say_in(&mut talker, "agent:one:a", "runs").await;
    model.wait_for_requests(1).await;
    say_in(&mut talker, "agent:one:b", "waits").await;
    say_in(&mut talker, "agent:two:main", "passes").await;
    talker.end_of("passes").await;
    let asked = |text: &str| model.requests().iter().any(|request| request.last_user_text().contains(text));
    assert!(asked("passes") && !asked("waits"));
    gate.notify_one();
    talker.end_of("waits").await;
}
