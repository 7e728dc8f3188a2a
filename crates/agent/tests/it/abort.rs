//! Turns that are stopped from outside.

use std::time::Duration;

use chela_agent::{AbortReason, Cut, ItemBody, TurnCancel, TurnEnd, TurnEventKind, TurnInput, TurnJob, run_turn};
use chela_store::{InboxRow, InboxState};
use serde_json::json;

use crate::support::{Answer, House, results, results_so_far, session, text, tools_after, watched};

/// Runs a turn and aborts it at the first event that fits.
async fn abort_at(house: &House, row: InboxRow, reason: AbortReason, when: impl Fn(&TurnEventKind) -> bool) -> TurnEnd {
    let cancel = TurnCancel::new();
    let (events, mut seen) = watched(1);
    let watch = async {
        while let Some(event) = seen.recv().await {
            if when(&event.kind) {
                cancel.abort(reason);
            }
        }
    };
    let (end, ()) = tokio::join!(run_turn(&house.world, TurnJob::new(row), events, &cancel), watch);
    end.unwrap()
}

fn is_text(kind: &TurnEventKind) -> bool {
    matches!(kind, TurnEventKind::TextDelta { .. })
}

#[tokio::test]
async fn an_abort_keeps_what_was_said() {
    let house = House::new(|request| if request.messages.len() == 1 { Answer::Hang("half a") } else { text("new") });
    let row = house.accept("a", TurnInput::text("go")).await;
    let end = abort_at(&house, row, AbortReason::User, is_text).await;
    assert_eq!(end, TurnEnd::Aborted { text: "half a".into(), reason: AbortReason::User });
    assert_eq!(house.open_rows().await, []);
    let bodies = house.bodies().await;
    assert!(matches!(&bodies[1], ItemBody::Assistant(body) if body.cut == Some(Cut::Aborted)), "{bodies:?}");

    house.say("and now?").await;
    let sent = serde_json::to_string(&house.requests().pop().unwrap().messages).unwrap();
    assert!(sent.contains("half a"), "the model knows what it had said: {sent}");
}

#[tokio::test]
async fn an_abort_answers_the_calls_that_hang() {
    let house = House::new(|request| match results_so_far(request) {
        0 if request.messages.len() == 1 => {
            tools_after("", &[("a", "make", json!({"n": 1})), ("b", "wait", json!({})), ("c", "make", json!({"n": 2}))])
        }
        _ => text("I see"),
    });
    let row = house.accept("a", TurnInput::text("go")).await;
    let waits = |kind: &TurnEventKind| matches!(kind, TurnEventKind::ToolStart { name, .. } if name == "wait");
    let end = abort_at(&house, row, AbortReason::User, waits).await;
    assert_eq!(end, TurnEnd::Aborted { text: String::new(), reason: AbortReason::User });
    assert_eq!(house.calls(), ["make 1", "wait null"], "what had not begun does not begin");
    house.say("what happened?").await;
    let told = results(&house.requests()[1]);
    assert_eq!((told.len(), told[0].as_str()), (3, "made 1"));
    assert!(told[1..].iter().all(|result| result.contains("the turn was aborted")), "{told:?}");
}

#[tokio::test]
async fn a_turn_ends_when_its_time_is_up() {
    let house = House::new(|_| Answer::Hang("slow"));
    let row = house.accept("a", TurnInput { timeout_ms: Some(20), ..TurnInput::text("go") }).await;
    let end = house.run(row).await;
    assert_eq!(end, TurnEnd::Aborted { text: "slow".into(), reason: AbortReason::Timeout });
    let last = house.world.store.session(&session()).await.unwrap().unwrap().last_state;
    assert_eq!(last, Some(InboxState::Aborted));
}

#[tokio::test]
async fn a_shutdown_leaves_the_turn_to_the_next_start() {
    let calls = std::sync::atomic::AtomicUsize::new(0);
    let house = House::new(move |_| match calls.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
        0 => Answer::Hang("half"),
        _ => text("whole"),
    });
    let row = house.accept("a", TurnInput::text("go")).await;
    let end = abort_at(&house, row, AbortReason::Shutdown, is_text).await;
    assert_eq!(end, TurnEnd::Aborted { text: "half".into(), reason: AbortReason::Shutdown });
    let open = house.open_rows().await;
    assert_eq!((open.len(), open[0].state), (1, InboxState::Running));
    let end = house.run(open[0].clone()).await;
    assert!(matches!(end, TurnEnd::Final { text, .. } if text == "whole"));
    assert_eq!(house.bodies().await.len(), 2, "one input, one answer");
}

#[tokio::test]
async fn an_abort_before_the_start_costs_no_call() {
    let house = House::new(|_| text("never"));
    let row = house.accept("a", TurnInput::text("go")).await;
    let cancel = TurnCancel::new();
    cancel.abort(AbortReason::User);
    cancel.abort(AbortReason::Shutdown);
    let running = run_turn(&house.world, TurnJob::new(row), chela_agent::TurnEvents::silent(), &cancel);
    let end = tokio::time::timeout(Duration::from_secs(5), running).await.unwrap().unwrap();
    assert_eq!(end, TurnEnd::Aborted { text: String::new(), reason: AbortReason::User }, "the first reason stays");
    assert_eq!(house.requests().len(), 0);
}
