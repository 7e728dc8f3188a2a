//! G29: hard limits of what models may use, through crashes, and who is told. G33: what is left alone shows in the status.

use std::time::Duration;

use chela_testkit::model::{FakeModel, Step};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::conversation::{Talker, config, fake_model, text_of};
use crate::support::{Setup, TestGateway};

/// Tokens that the fake vendor bills for a call.
const CALL: u64 = 110;

/// A process of its own: ending it drops every task where it stands.
fn process() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

async fn started(model: &FakeModel, state_dir: tempfile::TempDir, budgets: &Value) -> TestGateway {
    let mut config = config(model);
    config["models"]["providers"]["fake"]["models"][0]["cost"] = json!({"input": 1000, "output": 1000});
    config["budgets"] = budgets.clone();
    let running = Setup::default().config(config).start_in(&state_dir).await.unwrap();
    TestGateway { running, state_dir }
}

async fn answer(talker: &mut Talker, text: &str) -> Value {
    talker.say(text, text).await;
    talker.end_of(text).await
}

#[test]
fn g29_a_budget_holds_through_crashes_and_its_owner_is_told_once() {
    let budgets = json!({"daily": {"tokens": 2 * CALL}, "agent": {"usd": 10}});
    let outside = process();
    let model = outside.block_on(fake_model([]));
    let run = |state_dir: tempfile::TempDir, lives: u32| {
        let life = process();
        let state_dir = life.block_on(async {
            let gateway = started(&model, state_dir, &budgets).await;
            let mut talker = Talker::new(&gateway).await;
            let end = answer(&mut talker, &format!("life {lives}")).await;
            assert_eq!(end["state"] == "final", lives <= 2, "{end}");
            if lives > 2 {
                let message = end["errorMessage"].as_str().unwrap();
                assert!(message.starts_with("the token budget of today is used up"), "{message}");
            }
            if lives == 3 {
                let told = talker.event(|name, _| name == "budget.reached").await;
                assert_eq!(
                    (&told["budget"]["scope"], &told["budget"]["used"]),
                    (&json!("day"), &json!(220.0)),
                    "{told}"
                );
                assert_eq!(told["sessionKey"], "agent:main:main");
            }
            let status = talker.ok("status", json!({})).await;
            assert_eq!(status["budgets"].as_array().unwrap().len(), 2, "{status}");
            let asked = format!("status {lives}");
            talker.say("/status", &asked).await;
            let spoken = text_of(&talker.end_of(&asked).await["message"]);
            if lives > 2 {
                assert!(spoken.contains("- Budget: today 220 of 220 tokens"), "{spoken}");
                assert!(spoken.contains("- Budget: agent main today $0.22 of $10.00"), "{spoken}");
            }
            let told = talker.seen.iter().any(|frame| frame["event"] == "budget.reached");
            assert!(!told, "the owner is told once");
            gateway.state_dir
        });
        life.shutdown_timeout(Duration::from_secs(5));
        state_dir
    };
    let mut state_dir = tempfile::tempdir().unwrap();
    for lives in 1..=4 {
        state_dir = run(state_dir, lives);
    }
    assert_eq!(model.requests().len(), 2, "a used-up budget asks nobody");
}

#[tokio::test]
async fn g29_a_section_that_cannot_be_read_allows_no_call() {
    let model = fake_model([]).await;
    let gateway = started(&model, tempfile::tempdir().unwrap(), &json!({"daily": {"tokens": "many"}})).await;
    let mut talker = Talker::new(&gateway).await;
    let end = answer(&mut talker, "hi").await;
    assert_eq!(end["state"], "error");
    assert!(model.requests().is_empty());
    let status = talker.ok("status", json!({})).await;
    assert!(status["problems"].to_string().contains("budgets.daily.tokens"), "{status}");
}

#[tokio::test]
async fn g33_a_limited_key_shows_in_the_status_and_a_reload_keeps_its_rest() {
    let model = fake_model([Step::rate_limited(Duration::from_mins(2)), Step::text("from the spare")]).await;
    let mut config = config(&model);
    config["agents"]["defaults"]["model"]["fallbacks"] = json!(["fake/spare"]);
    let gateway = Setup::default().config(config).start().await;
    let mut talker = Talker::new(&gateway).await;
    assert_eq!(text_of(&answer(&mut talker, "hi").await["message"]), "from the spare");
    let base = talker.ok("config.get", json!({})).await["hash"].clone();
    talker.ok("config.patch", json!({"raw": "{logging: {level: 'debug'}}", "baseHash": base})).await;
    for (method, place) in [("status", "/cooldowns"), ("models.authStatus", "/cooldowns")] {
        let shown = talker.ok(method, json!({})).await;
        let rest = &shown.pointer(place).unwrap()[0];
        assert_eq!((&rest["profileId"], &rest["model"]), (&json!("fake:default"), &json!("m")), "{shown}");
        assert_eq!(rest["reason"], "rate_limit");
        assert!(rest["until"].as_i64().is_some());
    }
    answer(&mut talker, "again").await;
    let called: Vec<_> = model.requests().into_iter().map(|request| request.model).collect();
    assert_eq!(called, ["m", "spare", "spare"]);
}
