//! Slash commands: answered without a model, durable, and once.

use chela_testkit::model::{FakeModel, Step};
use serde_json::json;

use crate::conversation::{MAIN, Talker, config, fake_model, house, text_of};
use crate::support::{Setup, TestGateway};

#[tokio::test]
async fn help_and_status_answer_without_a_model() {
    let model = fake_model([]).await;
    let gateway = house(&model).await;
    let mut talker = Talker::new(&gateway).await;
    assert_eq!(talker.say("/help", "h").await, json!({ "runId": "h", "status": "started" }));
    let help = text_of(&talker.end_of("h").await["message"]);
    for command in ["/new", "/reset", "/stop", "/status", "/context", "/compact", "/model", "/help", "/commands"] {
        assert!(help.contains(command), "{help}");
    }
    talker.say("/status", "s").await;
    assert!(text_of(&talker.end_of("s").await["message"]).contains("fake/m"));
    assert_eq!(talker.say("/status", "s").await["status"], "ok");
    let history = talker.history().await;
    assert_eq!(history.len(), 4);
    assert_eq!((&history[0]["role"], &history[0]["idempotencyKey"]), (&json!("user"), &json!("h:user")));
    assert!(model.requests().is_empty());
}

#[tokio::test]
async fn the_model_never_sees_commands() {
    let model = fake_model([Step::text("hello")]).await;
    let gateway = house(&model).await;
    let mut talker = Talker::new(&gateway).await;
    talker.say("/status", "s").await;
    talker.end_of("s").await;
    talker.say("hi", "r").await;
    talker.end_of("r").await;
    assert!(!model.requests()[0].text.contains("/status"), "{}", model.requests()[0].text);
}

#[tokio::test]
async fn new_begins_a_conversation_once() {
    let model = fake_model([]).await;
    let gateway = house(&model).await;
    let mut talker = Talker::new(&gateway).await;
    talker.say("remember me", "r1").await;
    talker.end_of("r1").await;
    let before = talker.ok("sessions.describe", json!({ "key": MAIN })).await["session"]["sessionId"].clone();
    talker.say("/new and hello", "n").await;
    assert_eq!(text_of(&talker.end_of("n").await["message"]), "echo: and hello");
    let after = talker.ok("sessions.describe", json!({ "key": MAIN })).await["session"]["sessionId"].clone();
    assert_ne!(before, after);
    assert_eq!(talker.transcript().await, ["user: and hello", "assistant: echo: and hello"]);
    assert_eq!(talker.say("/new and hello", "n").await["status"], "ok");
    assert_eq!(talker.transcript().await.len(), 2, "a repeated request must not empty the conversation again");
    assert!(!model.requests()[1].text.contains("remember me"));
}

#[tokio::test]
async fn stop_answers_with_what_it_stopped() {
    let model = fake_model([Step::Hang]).await;
    let gateway = house(&model).await;
    let mut talker = Talker::new(&gateway).await;
    talker.say("go", "r1").await;
    model.wait_for_requests(1).await;
    assert_eq!(talker.say("/stop", "s").await, json!({ "ok": true, "aborted": true, "runIds": ["r1"] }));
    assert_eq!(talker.end_of("r1").await["state"], "aborted");
}

#[tokio::test]
async fn model_chooses_for_this_conversation() {
    let model = fake_model([]).await;
    let gateway = house(&model).await;
    let mut talker = Talker::new(&gateway).await;
    talker.say("/model fake/spare", "m").await;
    assert!(text_of(&talker.end_of("m").await["message"]).contains("fake/spare"));
    talker.say("hi", "r").await;
    talker.end_of("r").await;
    assert_eq!(model.requests()[0].model, "spare");
    talker.say("/model nobody/nothing", "m2").await;
    assert!(text_of(&talker.end_of("m2").await["message"]).contains("nobody/nothing"));
    talker.say("/model default", "m3").await;
    talker.end_of("m3").await;
    let row = talker.ok("sessions.describe", json!({ "key": MAIN })).await;
    assert_eq!((&row["session"]["model"], row["session"].get("modelOverrideSource")), (&json!("m"), None));
}

#[tokio::test]
async fn a_suppressed_command_is_a_message() {
    let model = fake_model([]).await;
    let gateway = house(&model).await;
    let mut talker = Talker::new(&gateway).await;
    let params = json!({ "sessionKey": MAIN, "message": "/help", "idempotencyKey": "r",
        "suppressCommandInterpretation": true });
    talker.ok("chat.send", params).await;
    assert_eq!(text_of(&talker.end_of("r").await["message"]), "echo: /help");
}

#[tokio::test]
async fn a_configured_word_begins_a_conversation() {
    let model = fake_model([]).await;
    let mut config = config(&model);
    config["session"] = json!({ "resetTriggers": ["fresh start"] });
    let gateway = Setup::default().config(config).start().await;
    let mut talker = Talker::new(&gateway).await;
    talker.say("remember me", "r").await;
    talker.end_of("r").await;
    talker.say(" Fresh start ", "n").await;
    talker.end_of("n").await;
    talker.say("who am I", "w").await;
    talker.end_of("w").await;
    assert_eq!(model.requests().len(), 2);
    assert!(!model.requests()[1].text.contains("remember me"));
}

/// Three messages, of which all but the last may become a summary.
async fn talked(model: &FakeModel) -> (TestGateway, Talker) {
    let mut config = config(model);
    config["agents"]["defaults"]["compaction"] = json!({ "keepRecentTokens": 0, "memoryFlush": { "enabled": false } });
    let gateway = Setup::default().config(config).start().await;
    let mut talker = Talker::new(&gateway).await;
    for round in 0..3 {
        talker.say(&format!("number {round} {}", "and so on ".repeat(60)), &format!("r{round}")).await;
        talker.end_of(&format!("r{round}")).await;
    }
    (gateway, talker)
}

#[tokio::test]
async fn compact_makes_room_and_context_shows_it() {
    let model = fake_model([]).await;
    let (_gateway, mut talker) = talked(&model).await;
    talker.say("/context", "c1").await;
    let before = text_of(&talker.end_of("c1").await["message"]);
    assert!(before.contains("`fake/m`") && before.contains("Summary: none"), "{before}");
    talker.say("/compact what Ann said", "c").await;
    let said = text_of(&talker.end_of("c").await["message"]);
    assert!(said.contains("is summarised"), "{said}");
    let asked = model.requests().last().unwrap().text.clone();
    assert!(asked.contains("Dwell on this: what Ann said") && asked.contains("USER"), "{asked}");
    talker.say("/context", "c2").await;
    let after = text_of(&talker.end_of("c2").await["message"]);
    assert!(after.contains("number 1 of this conversation"), "{after}");
    assert_eq!(talker.say("/compact what Ann said", "c").await["status"], "ok", "it happens once");

    talker.say("and now?", "r3").await;
    talker.end_of("r3").await;
    let sent = model.requests().last().unwrap().text.clone();
    assert!(sent.contains("Summary of the conversation until here") && sent.contains("number 2"), "{sent}");
    assert!(!sent.contains("number 0"));
    let history = talker.history().await;
    let roles: Vec<_> = history.iter().filter_map(|message| message["role"].as_str()).collect();
    assert!(roles.contains(&"compactionSummary") && history[0]["content"].as_str().unwrap().starts_with("number 0"));
}

#[tokio::test]
async fn sessions_compact_says_what_came_of_it() {
    let model = fake_model([]).await;
    let (_gateway, mut talker) = talked(&model).await;
    let done = talker.ok("sessions.compact", json!({ "key": MAIN })).await;
    assert_eq!((&done["ok"], &done["compacted"]), (&json!(true), &json!(true)), "{done}");
    assert!(done["result"]["tokensAfter"].as_u64() < done["result"]["tokensBefore"].as_u64(), "{done}");
    let nothing = talker.ok("sessions.compact", json!({ "key": "main", "maxLines": 5 })).await;
    assert_eq!(nothing["compacted"], false, "{nothing}");
    let refused = talker.call("sessions.compact", json!({ "key": MAIN, "maxLines": 0 })).await;
    assert_eq!(refused["ok"], false, "{refused}");
}
