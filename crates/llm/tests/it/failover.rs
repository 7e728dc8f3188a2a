//! Which model is called when, told by the order of the requests.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chela_config::{Environment, Problem};
use chela_llm::{LlmErrorKind, Models, Request, StreamEvent};
use chela_testkit::FakeModel;
use chela_testkit::model::{Reply, Step};
use serde_json::{Value, json};

use crate::support::{build_with, chain, hear, mock, request, says};

/// Runs the script against a chain and returns the models that were called, with what was heard.
async fn run(steps: Vec<Step>, names: &[&str]) -> (Vec<String>, crate::support::Heard) {
    let fake = FakeModel::start(steps).await;
    let heard = hear(mock("openai-completions", &fake).stream(&chain(names), request(vec![says("hi")]))).await;
    fake.assert_clean();
    assert_eq!(fake.steps_left(), 0);
    (fake.requests().into_iter().map(|request| request.model).collect(), heard)
}

fn soon(status: u16) -> Step {
    Step::Fail { status, body: None, retry_after: Some(Duration::from_millis(1)) }
}

#[tokio::test]
async fn a_limited_model_gives_way_at_once() {
    let wants_a_minute = Step::rate_limited(Duration::from_mins(1));
    let (called, heard) = run(vec![wants_a_minute, Step::text("from m2")], &["m1", "m2"]).await;
    assert_eq!((called, heard.text()), (vec!["m1".into(), "m2".into()], "from m2".into()));
    heard.done();
}

#[tokio::test]
async fn a_missing_model_gives_way_too() {
    let (called, heard) = run(vec![Step::fail(404), Step::text("ok")], &["m1", "m2"]).await;
    assert_eq!(called, ["m1", "m2"]);
    assert_eq!(heard.text(), "ok");
}

#[tokio::test]
async fn a_refused_key_is_not_shown_for_another_model() {
    let (called, heard) = run(vec![Step::fail(401)], &["m1", "m2"]).await;
    assert_eq!(called, ["m1"]);
    assert!(matches!(heard.failed().kind, LlmErrorKind::Unauthorized { .. }));
}

/// Provider `mock` over the fake, with three profiles; the own key of the provider is `own-key-0`.
fn profiles(fake: &FakeModel, auth: Value) -> (Models, Vec<Problem>) {
    let mut auth: Value = auth;
    auth["profiles"] = json!({
        "mock:b": {"provider": "mock", "mode": "api_key", "apiKey": "key-of-b"},
        "mock:a": {"provider": "mock", "mode": "api_key", "apiKey": "key-of-a"},
        "mock:c": {"provider": "mock", "mode": "token", "token": "token-of-c"},
    });
    let provider = json!({
        "baseUrl": fake.url(), "api": "anthropic-messages", "apiKey": "own-key-0", "models": [{"id": "m1"}, {"id": "m2"}],
    });
    build_with(json!({"mode": "replace", "providers": {"mock": provider}}), auth, &Environment::default())
}

/// With which key each call came.
fn keys(fake: &FakeModel) -> Vec<String> {
    let shown = |headers: &BTreeMap<String, String>| {
        let key = headers.get("x-api-key").or_else(|| headers.get("authorization")).cloned();
        key.unwrap_or_default()
    };
    fake.requests().iter().map(|request| shown(&request.headers)).collect()
}

#[tokio::test]
async fn g33_profiles_are_tried_in_their_order_before_the_next_model() {
    let fake =
        FakeModel::start([soon(401), Step::rate_limited(Duration::from_mins(9)), Step::text("ok"), soon(401)]).await;
    let (models, problems) = profiles(&fake, json!({"order": {"mock": ["mock:c", "mock:nobody", "mock:b"]}}));
    let paths: Vec<_> = problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(paths, ["auth.order.mock"]);
    let heard = hear(models.stream(&chain(&["m1", "m2"]), request(vec![says("hi")]))).await;
    assert_eq!(heard.text(), "ok");
    assert_eq!(keys(&fake), ["Bearer token-of-c", "key-of-b", "own-key-0"]);
    assert!(fake.requests().iter().all(|request| request.model == "m1"));
    fake.assert_clean();

    let rests: Vec<_> = models
        .cooldowns()
        .into_iter()
        .map(|rest| {
            (
                rest.profile,
                rest.model,
                rest.reason.as_str(),
                rest.remaining.is_some_and(|left| left <= Duration::from_mins(5)),
            )
        })
        .collect();
    let limited = ("mock:b".to_owned(), Some("m1".to_owned()), "rate_limit", true);
    assert_eq!(rests, [limited, ("mock:c".to_owned(), None, "auth", false)]);
    let shown: Vec<_> = models.profiles("mock").into_iter().map(|profile| (profile.id, profile.source)).collect();
    let source = |path: &str| format!("config:{path}");
    assert_eq!(
        shown,
        [
            ("mock:c".to_owned(), source("auth.profiles.mock:c.token")),
            ("mock:b".to_owned(), source("auth.profiles.mock:b.apiKey")),
            ("mock:default".to_owned(), source("models.providers.mock.apiKey")),
        ]
    );

    // A reload gives the refused key another chance, and forgets no limit.
    let (after, _) = profiles(&fake, json!({"order": {"mock": ["mock:c", "mock:b"]}}));
    let after = after.succeeding(&models);
    hear(after.stream(&chain(&["m1"]), request(vec![says("hi")]))).await.done();
    assert_eq!(keys(&fake)[3..], ["Bearer token-of-c", "own-key-0"]);
}

#[tokio::test]
async fn g33_without_an_order_conversations_are_spread_and_each_keeps_its_profile() {
    let fake = FakeModel::start([]).await;
    let (models, _) = profiles(&fake, json!({}));
    let ask = async |session: usize| {
        let request = Request { cache_key: Some(format!("session-{session}")), ..request(vec![says("hi")]) };
        hear(models.stream(&chain(&["m1"]), request)).await.done();
        keys(&fake).pop().expect("a call came")
    };
    let mut first = Vec::new();
    for session in 0..12 {
        first.push(ask(session).await);
    }
    let used: BTreeSet<_> = first.iter().cloned().collect();
    let all = ["Bearer token-of-c", "key-of-a", "key-of-b"];
    assert_eq!(used.iter().map(String::as_str).collect::<Vec<_>>(), all, "the own key is the last resort");
    for (session, key) in first.iter().enumerate() {
        assert_eq!(ask(session).await, *key, "session {session}");
    }
    // What a conversation's own profile can't do, another does; then it goes back.
    fake.push(Step::rate_limited(Duration::from_millis(1)));
    assert_ne!(ask(0).await, first[0]);
    let resting = || models.cooldowns().iter().any(|rest| rest.remaining.is_some_and(|left| !left.is_zero()));
    while resting() {
        tokio::task::yield_now().await;
    }
    assert_eq!(ask(0).await, first[0]);
}

#[tokio::test]
async fn g33_a_limited_primary_is_asked_once_and_its_fallback_answers_at_once() {
    let fake = FakeModel::start([Step::rate_limited(Duration::from_mins(2))]).await;
    let models = mock("openai-completions", &fake);
    let began = std::time::Instant::now();
    for _ in 0..5 {
        hear(models.stream(&chain(&["m1", "m2"]), request(vec![says("hi")]))).await.done();
    }
    let called: Vec<_> = fake.requests().into_iter().map(|request| request.model).collect();
    assert_eq!(called, ["m1", "m2", "m2", "m2", "m2", "m2"]);
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test]
async fn the_last_model_is_waited_for() {
    let (called, heard) = run(vec![Step::fail(500), soon(429), soon(503), Step::text("ok")], &["m1", "m2"]).await;
    assert_eq!(called, ["m1", "m2", "m2", "m2"]);
    assert_eq!(heard.text(), "ok");
}

#[tokio::test]
async fn after_three_tries_the_error_is_told() {
    let (called, heard) = run(vec![soon(429), soon(429), soon(429)], &["m1"]).await;
    assert_eq!(called.len(), 3);
    assert!(matches!(heard.failed().kind, LlmErrorKind::RateLimited { .. }));
}

#[tokio::test]
async fn a_wish_for_a_long_pause_is_told_instead_of_slept() {
    let (called, heard) = run(vec![Step::rate_limited(Duration::from_secs(31))], &["m1"]).await;
    assert_eq!(called.len(), 1);
    let LlmErrorKind::RateLimited { retry_after, .. } = heard.failed().kind else { panic!("{:?}", heard.error) };
    assert_eq!(retry_after, Some(Duration::from_secs(31)));
}

#[tokio::test]
async fn a_bad_request_is_nobody_elses_business() {
    let (called, heard) = run(vec![Step::fail(400)], &["m1", "m2"]).await;
    assert_eq!(called, ["m1"]);
    assert!(matches!(heard.failed().kind, LlmErrorKind::InvalidRequest { .. }));
}

#[tokio::test]
async fn an_answer_that_breaks_off_begins_anew_once_and_then_elsewhere() {
    let cut = || Step::Cut { after_bytes: 900, reply: Reply::text("one two three four five six seven") };
    let (called, heard) = run(vec![cut(), cut(), Step::text("whole")], &["m1", "m2"]).await;
    assert_eq!(called, ["m1", "m1", "m2"]);
    assert_eq!(heard.events.iter().filter(|event| **event == StreamEvent::Restart).count(), 2);
    assert_eq!(heard.text(), "whole");
    let started = heard.events.iter().filter_map(|event| match event {
        StreamEvent::Started { model, .. } => Some(model.as_str()),
        _ => None,
    });
    assert_eq!(started.collect::<Vec<_>>(), ["m1", "m1", "m2"]);
}
