//! Turns, probes and clients while others look through everything that was ever said.

use std::sync::Arc;

use chela_protocol::{AgentId, SessionKey};
use chela_store::{DATABASE_FILE, ItemKind, NewItem, OpenOptions, Store, WriterMode};
use chela_testkit::model::Step;
use serde_json::json;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::conversation::{PATIENCE, Talker, config, fake_model, text_of};
use crate::support::{Setup, TOKEN, TestGateway};

const TURNS: usize = 8;

/// More than there are places for: some run, some wait.
const SEARCHES: usize = 4;

/// A word said so often in each of so many texts that the best passages take minutes to find.
const WORD: &str = "again";
const TEXTS: usize = 200;
const TIMES: usize = 3_000;

/// A state dir with a history that is slow to search.
async fn much_was_said() -> tempfile::TempDir {
    let state_dir = tempfile::tempdir().unwrap();
    let path = state_dir.path().join(DATABASE_FILE);
    let store = Store::open(OpenOptions { path, writer: WriterMode::Inline }).unwrap();
    let agent = AgentId::new("main");
    let session = store.ensure_session(&SessionKey::scoped(&agent, "old"), &agent, 0).await.unwrap();
    let text = vec![WORD; TIMES].join(" ");
    let item = |number: usize| NewItem {
        id: format!("old-{number}").into(),
        run: None,
        kind: ItemKind::User,
        tokens: 0,
        body: json!({ "text": "" }),
        text: text.clone(),
        created_at_ms: 0,
    };
    store.append(&session.id, (0..TEXTS).map(item).collect()).await.unwrap();
    store.close().await.unwrap();
    state_dir
}

#[tokio::test]
async fn g05_turns_end_and_probes_answer_while_everything_is_searched() {
    let gate = Arc::new(Notify::new());
    let model = fake_model((0..TURNS).map(|turn| Step::gated(&gate, Step::text(format!("answer {turn}"))))).await;
    let state_dir = much_was_said().await;
    let mut whole = config(&model);
    whole["agents"]["defaults"]["maxConcurrent"] = TURNS.into();
    let running = Setup::default().config(whole).start_in(&state_dir).await.unwrap();
    let gateway = TestGateway { running, state_dir };
    let mut searches = Vec::new();
    for _ in 0..SEARCHES {
        let mut talker = Talker::new(&gateway).await;
        let id = talker.send("sessions.search", json!({ "query": WORD, "limit": TEXTS })).await;
        searches.push(tokio::spawn(async move { talker.answer(&id).await }));
    }
    // It stands behind the searches, so that its answer would tell that one of them is through.
    let mut watcher = Talker::new(&gateway).await;
    let listing = watcher.send("sessions.list", json!({})).await;
    let list = tokio::spawn(async move { watcher.answer(&listing).await });
    // And so does who counts what everything has cost.
    let mut accountant = Talker::new(&gateway).await;
    let report = accountant.send("sessions.usage", json!({ "agentScope": "all", "range": "1y" })).await;
    let report = tokio::spawn(async move { accountant.answer(&report).await });

    let mut talker = Talker::new(&gateway).await;
    for turn in 0..TURNS {
        let (key, run) = (format!("agent:main:s{turn}"), format!("r{turn}"));
        talker.ok("chat.send", json!({ "sessionKey": key, "message": "go", "idempotencyKey": run })).await;
    }
    model.wait_for_requests(TURNS).await;
    let bearer = format!("Bearer {TOKEN}");
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(gateway.get(path, &[("authorization", &bearer)]).await.0, 200, "{path}");
    }
    for _ in 0..TURNS {
        gate.notify_one();
    }
    let mut answers = Vec::new();
    for turn in 0..TURNS {
        let end = talker.end_of(&format!("r{turn}")).await;
        assert_eq!(end["state"], "final", "{end}");
        let history = json!({ "sessionKey": format!("agent:main:s{turn}") });
        let history = talker.ok("chat.history", history).await;
        answers.push(text_of(history["messages"].as_array().unwrap().last().unwrap()));
    }
    answers.sort_unstable();
    assert_eq!(answers, (0..TURNS).map(|turn| format!("answer {turn}")).collect::<Vec<_>>());
    assert!(searches.iter().all(|search| !search.is_finished()), "all that went on beside them");
    assert!(!list.is_finished() && !report.is_finished(), "what looks through everything waits for its place");

    timeout(PATIENCE, gateway.running.stop("test")).await.expect("a stop waits for no search");
    for search in searches {
        search.abort();
    }
}
