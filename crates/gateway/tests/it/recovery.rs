//! What was accepted is answered, whatever happens to the process in between.

use std::sync::Arc;
use std::time::Duration;

use chela_testkit::model::{FakeModel, Part, Reply, Step};
use serde_json::json;
use tokio::runtime::Runtime;
use tokio::sync::Notify;

use crate::conversation::{MAIN, Talker, config, fake_model, text_of};
use crate::support::{Setup, TestGateway};

/// A process of its own, as far as one process can hold two: ending it drops every task where it stands.
fn process() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

async fn started(model: &FakeModel, state_dir: tempfile::TempDir) -> TestGateway {
    let running = Setup::default().config(config(model)).start_in(&state_dir).await.unwrap();
    TestGateway { running, state_dir }
}

/// What B and C were in the middle of: B streams, C waits behind it.
async fn two_open_messages(model: &FakeModel, gateway: &TestGateway) {
    let mut talker = Talker::new(gateway).await;
    talker.say("A", "A").await;
    talker.end_of("A").await;
    model.push(Step::Reply(Reply::new([Part::Text("half".into()), Part::Gate(Arc::new(Notify::new()))])));
    talker.say("B", "B").await;
    talker.say("C", "C").await;
    talker.event(|name, payload| name == "chat" && payload["state"] == "delta" && payload["runId"] == "B").await;
}

/// After the restart: both are answered by themselves, each once, in order.
async fn both_are_answered(gateway: &TestGateway) {
    let mut talker = Talker::new(gateway).await;
    for run in ["B", "C"] {
        let ended = talker.ok("agent.wait", json!({ "runId": run, "timeoutMs": 20_000 })).await;
        assert_eq!(ended["status"], "ok", "{run}: {ended}");
    }
    let transcript = talker.transcript().await;
    let said = |line: &str| transcript.iter().filter(|known| known.as_str() == line).count();
    for line in ["user: A", "user: B", "user: C", "assistant: echo: A", "assistant: echo: C"] {
        assert_eq!(said(line), 1, "{line} in {transcript:?}");
    }
    assert_eq!(transcript.last().unwrap(), "assistant: echo: C");
    assert_eq!(talker.say("B", "B").await["status"], "ok", "the client may ask again");
}

#[test]
fn g07_a_running_and_a_queued_message_are_answered_after_a_crash() {
    let outside = process();
    let model = outside.block_on(fake_model([]));
    let first = process();
    let state_dir = first.block_on(async {
        let gateway = started(&model, tempfile::tempdir().unwrap()).await;
        two_open_messages(&model, &gateway).await;
        gateway.state_dir
    });
    first.shutdown_timeout(Duration::from_secs(5));
    let second = process();
    second.block_on(async { both_are_answered(&started(&model, state_dir).await).await });
}

#[test]
fn g39_a_stop_in_the_middle_of_a_turn_loses_nothing() {
    let outside = process();
    let model = outside.block_on(fake_model([]));
    let first = process();
    let state_dir = first.block_on(async {
        let TestGateway { running, state_dir } = {
            let gateway = started(&model, tempfile::tempdir().unwrap()).await;
            two_open_messages(&model, &gateway).await;
            gateway
        };
        running.stop("test").await;
        state_dir
    });
    drop(first);
    let second = process();
    second.block_on(async { both_are_answered(&started(&model, state_dir).await).await });
}

#[tokio::test]
async fn a_stopping_gateway_takes_no_message() {
    let model = fake_model([]).await;
    let gateway = started(&model, tempfile::tempdir().unwrap()).await;
    let mut talker = Talker::new(&gateway).await;
    model.push(Step::Hang);
    talker.say("hold", "hold").await;
    model.wait_for_requests(1).await;
    let stopping = tokio::spawn(gateway.running.stop("test"));
    talker.event(|name, _| name == "shutdown").await;
    let late = talker.call("chat.send", json!({ "sessionKey": MAIN, "message": "late", "idempotencyKey": "l" })).await;
    assert_eq!((&late["error"]["code"], &late["error"]["retryable"]), (&json!("UNAVAILABLE"), &json!(true)), "{late}");
    stopping.await.unwrap();
}

#[tokio::test]
async fn an_answer_of_a_resumed_turn_is_told_to_whoever_watches() {
    let model = fake_model([]).await;
    let dir = tempfile::tempdir().unwrap();
    let first = started(&model, dir).await;
    let mut talker = Talker::new(&first).await;
    model.push(Step::Hang);
    talker.say("B", "B").await;
    model.wait_for_requests(1).await;
    first.running.stop("test").await;
    let gate = Arc::new(Notify::new());
    model.push(Step::gated(&gate, Step::text("at last")));
    let second = started(&model, first.state_dir).await;
    let mut talker = Talker::new(&second).await;
    gate.notify_one();
    assert_eq!(text_of(&talker.end_of("B").await["message"]), "at last");
}
