//! The process dies at every step of a turn, again and again, and nothing is lost or doubled (G7, G30).

use std::collections::BTreeMap;

use chela_agent::{AbortReason, ItemBody, SteerQueue, TurnCancel, TurnEnd, TurnJob, messages, run_turn};
use chela_store::InboxRow;
use serde_json::json;

use crate::support::{House, results_so_far, steer, text, to_discord, tools_after, watched};
use crate::transcript::assert_valid;

/// More steps than the turn has.
const STEPS: usize = 200;

fn house() -> House {
    House::new(|request| match results_so_far(request) {
        0 => tools_after("Looking.", &[("a", "look", json!({"n": 1})), ("b", "look", json!({"n": 2}))]),
        2 => tools_after("Making.", &[("c", "make", json!({"n": 3})), ("d", "look", json!({"n": 4}))]),
        _ => text("All done."),
    })
}

/// Runs a turn until it has told of so many events, then lets it fall. `Some` when it ended before.
pub(crate) async fn run_and_fall(house: &House, row: InboxRow, events: usize, queue: SteerQueue) -> Option<TurnEnd> {
    let (sender, mut seen) = watched(1);
    let cancel = TurnCancel::new();
    let job = TurnJob { row, also: Vec::new(), steer: queue };
    let turn = run_turn(&house.world, job, sender, &cancel);
    let watch = async {
        for _ in 0..events {
            if seen.recv().await.is_none() {
                return std::future::pending().await;
            }
        }
    };
    tokio::select! {
        biased;
        () = watch => None,
        end = turn => Some(end.unwrap()),
    }
}

async fn assert_answered_once(house: &House, inputs: &[&str], at: &str) {
    let bodies = house.bodies().await;
    let said: Vec<_> = bodies.iter().filter(|body| matches!(body, ItemBody::User(_))).map(ItemBody::text).collect();
    assert_eq!(said, inputs, "{at}");
    let finals = bodies.iter().filter(|body| body.text() == "All done.").count();
    assert_eq!(finals, 1, "{at}");
    assert_eq!(house.open_rows().await, [], "{at}");
    let outbox = house.world.store.due_outbox(i64::MAX, 10).await.unwrap();
    assert_eq!(outbox.len(), 1, "{at}: one reply goes out");
    let mut counts = BTreeMap::<String, usize>::new();
    house.calls().into_iter().for_each(|call| *counts.entry(call).or_default() += 1);
    assert!(
        counts.get("make 3").is_none_or(|count| *count <= 1),
        "{at}: what changes things is never repeated: {counts:?}"
    );
    assert_valid(&messages(house.items().await), at);
}

#[tokio::test]
async fn g07_a_crash_at_any_step_loses_and_doubles_nothing() {
    let mut interrupted = 0;
    for step in 1..STEPS {
        let mut house = house();
        let at = format!("fell after {step} events");
        let row = house.accept("a", to_discord("go")).await;
        let ended = run_and_fall(&house, row, step, SteerQueue::default()).await;
        house.reopen().await;
        if ended.is_none() {
            for row in house.open_rows().await {
                let end = house.run(row).await;
                assert!(matches!(&end, TurnEnd::Final { text, .. } if text == "All done."), "{at}: {end:?}");
            }
        }
        assert_answered_once(&house, &["go"], &at).await;
        interrupted +=
            usize::from(house.bodies().await.iter().any(|body| body.text().contains("Interrupted by a restart")));
        if ended.is_some() {
            assert!(step > 20, "the turn has many steps, this one ended after {step}");
            assert!(interrupted > 0, "some crash hit the call that changes things");
            return;
        }
    }
    panic!("the turn never ended");
}

#[tokio::test]
async fn g07_a_crash_at_every_step_in_a_row_still_ends_in_an_answer() {
    let mut house = house();
    house.accept("a", to_discord("go")).await;
    // Each life gets a little further than the one before; the ninth is left in peace.
    for life in 1..9 {
        let Some(row) = house.open_rows().await.pop() else { break };
        run_and_fall(&house, row, life * 3, SteerQueue::default()).await;
        house.reopen().await;
    }
    if let Some(row) = house.open_rows().await.pop() {
        house.run(row).await;
    }
    assert_answered_once(&house, &["go"], "after eight crashes").await;
}

#[tokio::test]
async fn g07_a_steered_input_survives_a_crash_and_is_answered_once() {
    for step in 1..STEPS {
        let mut house = house();
        let at = format!("fell after {step} events");
        let row = house.accept("a", to_discord("go")).await;
        let second = house.accept("b", chela_agent::TurnInput::text("and this")).await;
        let ended = run_and_fall(&house, row, step, steer([second])).await;
        house.reopen().await;
        for row in house.world.store.open_inbox().await.unwrap() {
            let end = house.run(row).await;
            assert!(matches!(end, TurnEnd::Final { .. }), "{at}: {end:?}");
        }
        let bodies = house.bodies().await;
        let said: Vec<_> = bodies.iter().filter(|body| matches!(body, ItemBody::User(_))).map(ItemBody::text).collect();
        assert_eq!(said, ["go", "and this"], "{at}");
        assert_eq!(house.open_rows().await, [], "{at}");
        assert_valid(&messages(house.items().await), &at);
        if ended.is_some() {
            return;
        }
    }
    panic!("the turn never ended");
}

#[tokio::test]
async fn g07_what_is_collected_into_a_resumed_turn_is_said_in_it() {
    let mut house = house();
    let row = house.accept("a", to_discord("go")).await;
    run_and_fall(&house, row, 2, SteerQueue::default()).await;
    house.reopen().await;
    let second = house.accept("b", chela_agent::TurnInput::text("and this")).await;
    let row = house.open_rows().await.remove(0);
    house.run_job(TurnJob { row, also: vec![second], steer: SteerQueue::default() }).await;
    assert_answered_once(&house, &["go", "and this"], "collected after a crash").await;
}

/// What befalls one turn of a random life.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Crash,
    Abort,
    Shutdown,
    Peace,
}

/// Runs a turn in which this happens after so many events.
async fn suffer(house: &mut House, row: InboxRow, fate: Fate, after: usize) {
    let reason = match fate {
        Fate::Crash => {
            run_and_fall(house, row, after, SteerQueue::default()).await;
            return house.reopen().await;
        }
        Fate::Peace => return drop(house.run(row).await),
        Fate::Abort => AbortReason::User,
        Fate::Shutdown => AbortReason::Shutdown,
    };
    let (events, mut seen) = watched(1);
    let cancel = TurnCancel::new();
    let watch = async {
        for count in 1.. {
            if seen.recv().await.is_none() {
                return;
            }
            if count == after {
                cancel.abort(reason);
            }
        }
    };
    let (end, ()) = tokio::join!(run_turn(&house.world, TurnJob::new(row), events, &cancel), watch);
    end.unwrap();
}

#[tokio::test]
async fn g30_random_lives_leave_transcripts_that_every_vendor_takes() {
    for seed in 0..5_u64 {
        let mut house = house();
        let mut random = seed;
        let mut draw = |below: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % below
        };
        for turn in 0..6 {
            house.accept(&format!("turn {turn}"), to_discord(&format!("turn {turn}"))).await;
            // Two tries: what a crash or a shutdown leaves is taken up by the next.
            for _ in 0..2 {
                let Some(row) = house.open_rows().await.into_iter().next() else { break };
                let fate = [Fate::Crash, Fate::Abort, Fate::Shutdown, Fate::Peace][usize::try_from(draw(4)).unwrap()];
                let after = usize::try_from(draw(26)).unwrap() + 1;
                suffer(&mut house, row, fate, after).await;
                let at = format!("seed {seed}, turn {turn}, {fate:?} after {after} events");
                assert_valid(&messages(house.items().await), &at);
            }
        }
        while let Some(row) = house.open_rows().await.into_iter().next() {
            house.run(row).await;
        }
        let said = house.bodies().await.iter().filter(|body| matches!(body, ItemBody::User(_))).count();
        assert_eq!(said, 6, "seed {seed}: every input stands in the transcript once");
        for request in house.requests() {
            assert_valid(&request.messages, &format!("seed {seed}, as it was sent"));
        }
    }
}
