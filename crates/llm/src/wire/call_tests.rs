//! One attempt against the fake vendor: what ends it besides an answer.

use std::time::Duration;

use chela_testkit::FakeModel;
use chela_testkit::model::Step;
use futures_util::StreamExt;
use reqwest::header::{HeaderName, HeaderValue};

use super::*;
use crate::wire::endpoint::Credential;
use crate::wire::fixture;
use crate::wire::openai_chat::OpenAiChat;
use crate::{Provider, Request};

const AMPLE: Duration = Duration::from_secs(10);

async fn attempt(endpoint: Arc<Endpoint>) -> Result<Completion, LlmError> {
    let request =
        Request { messages: vec![fixture::everything().messages.remove(5)], model: "m".into(), ..Request::default() };
    let mut stream = OpenAiChat::new(endpoint).stream(request);
    let mut last = None;
    while let Some(item) = stream.next().await {
        if let StreamEvent::Done(completion) = item? {
            last = Some(completion);
        }
    }
    Ok(last.expect("a stream ends with Done or an error"))
}

async fn fails(step: Step, first_byte: Duration) -> LlmErrorKind {
    let fake = FakeModel::start([step]).await;
    let error = attempt(fixture::endpoint(&fake.url(), &[], first_byte)).await.expect_err("no answer came");
    assert!(!error.after_output);
    error.kind
}

#[tokio::test]
async fn silence_ends_in_a_timeout() {
    let limit = Duration::from_millis(20);
    assert_eq!(fails(Step::Hang, limit).await, LlmErrorKind::Timeout(limit));
}

#[tokio::test]
async fn a_stream_without_an_end_is_cut() {
    assert_eq!(fails(Step::Raw(": nothing\n\n".into()), AMPLE).await, error::cut_short());
}

#[tokio::test]
async fn nonsense_is_a_broken_protocol() {
    let kind = fails(Step::Raw("data: {\"half\": \n\n".into()), AMPLE).await;
    assert!(matches!(kind, LlmErrorKind::Protocol { .. }), "{kind:?}");
}

#[tokio::test]
async fn an_endless_event_is_refused() {
    let kind = fails(Step::Raw(format!("data: {}", "x".repeat(crate::sse::MAX_EVENT_BYTES))), AMPLE).await;
    assert!(matches!(&kind, LlmErrorKind::Protocol { message } if message.contains("larger")), "{kind:?}");
}

#[tokio::test]
async fn an_endless_answer_is_refused() {
    let kind = fails(Step::Raw(format!(": {}\n", "x".repeat(4093)).repeat(MAX_ANSWER_BYTES / 4096 + 1)), AMPLE).await;
    assert!(matches!(&kind, LlmErrorKind::Protocol { message } if message.contains("larger")), "{kind:?}");
}

#[tokio::test]
async fn of_a_large_error_page_the_beginning_is_read() {
    let kind = fails(Step::fail_with(500, "broken ".repeat(MAX_ERROR_BYTES)), AMPLE).await;
    let LlmErrorKind::Server { message } = kind else { panic!("{kind:?}") };
    assert!(message.starts_with("broken") && message.len() < 700);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let kind = fails(Step::fail(307), AMPLE).await;
    assert!(matches!(kind, LlmErrorKind::InvalidRequest { .. }), "{kind:?}");
}

#[tokio::test]
async fn an_answer_that_does_not_stream_says_so() {
    let kind = fails(Step::fail_with(200, r#"{"choices": []}"#), AMPLE).await;
    assert!(matches!(&kind, LlmErrorKind::Protocol { message } if message.contains("baseUrl")), "{kind:?}");
}

#[tokio::test]
async fn nobody_at_home_is_a_network_error() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback").local_addr().expect("bound");
    let error = attempt(fixture::endpoint(&format!("http://{free}"), &[], AMPLE)).await.expect_err("nobody");
    assert!(matches!(error.kind, LlmErrorKind::Network { .. }), "{error:?}");
}

#[tokio::test]
async fn without_a_key_nothing_is_sent() {
    let fake = FakeModel::start([]).await;
    let mut endpoint = fixture::endpoint(&fake.url(), &[], AMPLE);
    Arc::get_mut(&mut endpoint).expect("sole owner").credential = Credential::Missing("set ACME_API_KEY".into());
    let error = attempt(endpoint).await.expect_err("no key");
    assert_eq!(error.kind, LlmErrorKind::NoKey { hint: "set ACME_API_KEY".into() });
    assert!(fake.requests().is_empty());
}

#[tokio::test]
async fn the_users_headers_win() {
    let fake = FakeModel::start([]).await;
    let mut endpoint = fixture::endpoint(&fake.url(), &[], AMPLE);
    let changed = Arc::get_mut(&mut endpoint).expect("sole owner");
    changed.credential = Credential::Key("k".to_owned().into());
    changed.headers.insert(HeaderName::from_static("authorization"), HeaderValue::from_static("Basic x"));
    attempt(endpoint).await.expect("an answer");
    assert_eq!(fake.requests()[0].headers["authorization"], "Basic x");
}

/// The message of an answer to a key that the vendor did not like.
async fn refusal(key: &str, message: &str) -> String {
    let fake = FakeModel::start([Step::fail_with(401, format!(r#"{{"error":{{"message":"{message}"}}}}"#))]).await;
    let mut endpoint = fixture::endpoint(&fake.url(), &[], AMPLE);
    Arc::get_mut(&mut endpoint).expect("sole owner").credential = Credential::Key(key.to_owned().into());
    match attempt(endpoint).await.expect_err("refused").kind {
        LlmErrorKind::Unauthorized { message } => message,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_echoed_key_is_hidden_and_a_placeholder_garbles_nothing() {
    assert_eq!(refusal("sk-1234567890", "no such key: sk-1234567890").await, "no such key: ***");
    assert_eq!(refusal("k", "no such key").await, "no such key");
    assert_eq!(refusal("", "no such key").await, "no such key");
}
