//! Slash commands: answered without a model, durable, and once.

use chela_testkit::model::Step;
use serde_json::json;

use crate::conversation::{MAIN, Talker, fake_model, house, text_of};

#[tokio::test]
async fn help_and_status_answer_without_a_model() {
    let model = fake_model([]).await;
    let gateway = house(&model).await;
    let mut talker = Talker::new(&gateway).await;
    assert_eq!(talker.say("/help", "h").await, json!({ "runId": "h", "status": "started" }));
    let help = text_of(&talker.end_of("h").await["message"]);
    for command in ["/new", "/reset", "/stop", "/status", "/model", "/help"] {
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
    let mut config = crate::conversation::config(&model);
    config["session"] = json!({ "resetTriggers": ["fresh start"] });
    let gateway = crate::support::Setup::default().config(config).start().await;
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
