//! Which model is called when, told by the order of the requests.

use std::time::Duration;

use chela_llm::{LlmErrorKind, StreamEvent};
use chela_testkit::FakeModel;
use chela_testkit::model::{Reply, Step};

use crate::support::{chain, hear, mock, request, says};

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
async fn a_refused_key_or_a_missing_model_gives_way_too() {
    let steps = vec![Step::fail(401), Step::fail(404), Step::fail(500), Step::text("ok")];
    let (called, heard) = run(steps, &["m1", "m2", "m1", "m2"]).await;
    assert_eq!(called, ["m1", "m2", "m1", "m2"]);
    assert_eq!(heard.text(), "ok");
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
