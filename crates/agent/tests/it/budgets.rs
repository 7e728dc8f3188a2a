//! G29: hard limits, checked before each call, over turns that run together, restarts and midnight.

use std::sync::Arc;

use chela_agent::{
    Budget, BudgetRules, BudgetScope, BudgetUnit, BudgetsConfig, Clock, FailureKind, Spender, TurnCancel, TurnEnd,
    TurnEvents, TurnInput, TurnJob, TurnWorld, run_turn,
};
use chela_protocol::{AgentId, SessionKey};
use chela_store::{Accepted, InboxRow, NewInbound, Spent};
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::support::{Answer, House, models, results_so_far, text, to_discord, tools_after};

/// What each answer of the scripted model is said to use.
const CALL: u64 = 160;

fn budget(config: Value) -> Budget {
    let config: BudgetsConfig = serde_json::from_value(config).unwrap();
    Budget { rules: Arc::new(BudgetRules::new(&config, TimeZone::UTC)), ..Budget::default() }
}

fn house(config: Value) -> House {
    let mut house = House::new(|_| text("Fine."));
    house.world.budget = budget(config);
    house
}

/// The used-up budget's message.
#[track_caller]
fn stopped(end: TurnEnd) -> String {
    match end {
        TurnEnd::Failed { message, kind: FailureKind::RateLimit } => message,
        other => panic!("it was not stopped: {other:?}"),
    }
}

fn is_final(end: &TurnEnd) -> bool {
    matches!(end, TurnEnd::Final { .. })
}

async fn row(world: &TurnWorld, agent: &str, place: &str, key: &str) -> InboxRow {
    let agent = AgentId::new(agent);
    let message = NewInbound {
        channel: "webchat".into(),
        account: "default".into(),
        platform_id: key.into(),
        session: SessionKey::scoped(&agent, place),
        agent,
        run: format!("run-{key}").into(),
        body: TurnInput::text(key).to_body(),
        received_at_ms: world.clock.now_ms(),
    };
    match world.store.accept(message).await.unwrap() {
        Accepted::New(row) | Accepted::Duplicate(row) => row,
    }
}

async fn say_in(world: &TurnWorld, agent: &str, place: &str, key: &str) -> TurnEnd {
    let job = TurnJob::new(row(world, agent, place, key).await);
    run_turn(world, job, TurnEvents::silent(), &TurnCancel::new()).await.unwrap()
}

#[tokio::test]
async fn g29_the_day_ends_a_turn_before_the_next_call_and_says_so_in_the_chat() {
    let mut house = House::new(|request| match results_so_far(request) {
        0 => tools_after("Looking.", &[("a", "look", json!({"n": 1}))]),
        _ => text("All done."),
    });
    house.world.budget = budget(json!({"daily": {"tokens": CALL}}));
    let row = house.accept("hi", to_discord("hi")).await;
    let message = stopped(house.run(row).await);
    assert_eq!(message, "the token budget of today is used up; it opens again on Thursday at 00:00 (UTC)");
    assert_eq!(house.requests().len(), 1, "the second call is not made");
    assert_eq!(house.calls(), ["look 1"]);
    let outbox = house.world.store.due_outbox(i64::MAX, 10).await.unwrap();
    assert_eq!(outbox.len(), 1);
    assert!(outbox[0].body.to_string().contains("is used up"), "{}", outbox[0].body);
    // The next message is not even asked about.
    stopped(house.say("again").await);
    assert_eq!(house.requests().len(), 1);
}

#[tokio::test]
async fn g29_the_sums_outlive_the_process() {
    let config = json!({"daily": {"tokens": 2 * CALL}, "session": {"tokens": 3 * CALL}});
    let mut house = house(config.clone());
    assert!(is_final(&house.say("one").await));
    for (text, goes) in [("two", true), ("three", false)] {
        house.reopen().await;
        house.world.budget = budget(config.clone());
        assert_eq!(is_final(&house.say(text).await), goes, "{text}");
    }
    assert_eq!(house.requests().len(), 2);
}

#[tokio::test]
async fn g29_midnight_of_the_owners_zone_begins_a_new_day() {
    let mut house = house(json!({}));
    // 1,795,000,000 s is Wednesday 11:06 in Berlin.
    let config = json!({"daily": {"tokens": 1}, "timezone": "Europe/Berlin"});
    house.world.budget = budget(config);
    assert!(is_final(&house.say("one").await));
    let message = stopped(house.say("two").await);
    assert!(message.ends_with("at 00:00 (Europe/Berlin)"), "{message}");
    let spender = spender(&house).await;
    let state = &house.world.budget.of(&house.world.store, &house.world.clock, &spender).await.unwrap()[0];
    let left_ms = state.resets_at_ms.unwrap() - house.world.clock.now_ms();
    house.world.clock.advance_ms(left_ms - 1);
    stopped(house.say("three").await);
    house.world.clock.advance_ms(1);
    assert!(is_final(&house.say("four").await));
    stopped(house.say("five").await);
}

async fn spender(house: &House) -> Spender {
    let key = SessionKey::main(&AgentId::new("main"));
    let session = house.world.store.session(&key).await.unwrap().unwrap().id;
    Spender { agent: AgentId::new("main"), key, session }
}

#[tokio::test]
async fn g29_agents_and_conversations_have_budgets_of_their_own() {
    let config =
        json!({"agent": {"tokens": 2 * CALL}, "agents": {"Ops": {"tokens": CALL}}, "session": {"tokens": CALL}});
    let house = house(config);
    let world = &house.world;
    assert!(is_final(&say_in(world, "main", "a", "1").await));
    let message = stopped(say_in(world, "main", "a", "2").await);
    assert_eq!(message, "the token budget of this conversation is used up; `/new` begins another one");
    assert!(is_final(&say_in(world, "main", "b", "3").await));
    let message = stopped(say_in(world, "main", "c", "4").await);
    assert!(message.starts_with("the token budget of this agent for today is used up"), "{message}");
    assert!(is_final(&say_in(world, "ops", "a", "5").await));
    stopped(say_in(world, "ops", "b", "6").await);
    // A new conversation under the same key has a budget of its own.
    let house = self::house(json!({"session": {"tokens": CALL}}));
    assert!(is_final(&say_in(&house.world, "main", "a", "1").await));
    stopped(say_in(&house.world, "main", "a", "2").await);
    house.world.store.reset_session(&SessionKey::scoped(&AgentId::new("main"), "a"), 1).await.unwrap();
    assert!(is_final(&say_in(&house.world, "main", "a", "3").await));
}

#[tokio::test]
async fn g29_eight_turns_at_once_pass_a_limit_by_less_than_one_call_each() {
    let house = house(json!({"daily": {"tokens": 3 * CALL}}));
    let turns = (0..8).map(|number| {
        let world = house.world.clone();
        tokio::spawn(async move { say_in(&world, "main", &format!("p{number}"), &format!("k{number}")).await })
    });
    let ends = futures_util::future::join_all(turns).await;
    let answered = ends.into_iter().filter(|end| is_final(end.as_ref().unwrap())).count();
    assert_eq!((answered, house.requests().len()), (3, 3), "they wait for each other where it is tight");
    let spent = house.world.store.spent_since(0).await.unwrap();
    assert_eq!(spent[0].1.tokens, 3 * CALL);
}

#[tokio::test]
async fn g29_money_limits_what_has_a_price_and_only_that() {
    let provider = |cost: Value| json!({"mode": "replace", "providers": {"fake": {"baseUrl": "http://127.0.0.1:9", "models": [{"id": "one", "cost": cost}]}}});
    // 100 in, 10 out and 50 from the cache cost $0.00065.
    let priced = || models(provider(json!({"input": 5.0, "output": 10.0, "cacheRead": 1.0})));
    assert!((priced().list()[0].price.unwrap().input - 5.0).abs() < f64::EPSILON);
    let mut house = house(json!({"daily": {"usd": 0.0}}));
    assert!(is_final(&house.say("one").await), "no price is known: tokens alone could stop it");
    let spender = spender(&house).await;
    let states = house.world.budget.of(&house.world.store, &house.world.clock, &spender).await.unwrap();
    assert_eq!((states[0].unit, states[0].used, states[0].unpriced), (BudgetUnit::Usd, 0, 1));
    house.world.models = Arc::new(priced());
    stopped(house.say("two").await);
}

#[tokio::test]
async fn g29_the_owner_is_told_once_a_period() {
    let house = house(json!({"daily": {"tokens": CALL}}));
    assert!(is_final(&house.say("one").await));
    for text in ["two", "three", "four"] {
        stopped(house.say(text).await);
    }
    let ledger = &house.world.budget.ledger;
    let told = ledger.reached().await;
    assert_eq!((told.state.scope, told.state.used, told.state.limit), (BudgetScope::Day, CALL, CALL));
    assert!(futures_util::FutureExt::now_or_never(ledger.reached()).is_none());
    house.world.clock.advance_ms(24 * 3600 * 1000);
    assert!(is_final(&house.say("five").await));
    stopped(house.say("six").await);
    ledger.reached().await;
}

#[tokio::test]
async fn g29_a_call_that_is_cut_off_counts_with_what_it_was_taken_for() {
    let mut house = House::new(|_| Answer::Hang("Well"));
    house.world.budget = budget(json!({"daily": {"tokens": 1_000}}));
    let cancel = TurnCancel::new();
    let job = TurnJob::new(row(&house.world, "main", "a", "1").await);
    let (sender, mut seen) = crate::support::watched(8);
    let turn = run_turn(&house.world, job, sender, &cancel);
    let abort = async {
        while let Some(event) = seen.recv().await {
            if matches!(event.kind, chela_agent::TurnEventKind::TextDelta { .. }) {
                cancel.abort(chela_agent::AbortReason::User);
            }
        }
    };
    let (end, ()) = tokio::join!(turn, abort);
    assert!(matches!(end.unwrap(), TurnEnd::Aborted { .. }));
    let message = stopped(say_in(&house.world, "main", "b", "2").await);
    assert!(message.starts_with("the token budget of today"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn g29_a_call_that_was_not_made_gives_its_place_back() {
    let house = house(json!({}));
    let budget = budget(json!({"daily": {"tokens": 100}}));
    let world = &house.world;
    let clock = Clock::manual(0);
    let key = SessionKey::main(&AgentId::new("main"));
    let spender = Spender { agent: AgentId::new("main"), key, session: "s".into() };
    let large = Spent { tokens: 5_000, cost_micros: 0, unpriced: 1 };
    let first = budget.reserve(&world.store, &clock, &spender, large).await.unwrap().unwrap();
    let second = budget.reserve(&world.store, &clock, &spender, large);
    let mut second = std::pin::pin!(second);
    assert!(futures_util::FutureExt::now_or_never(second.as_mut()).is_none(), "the first may use up everything");
    drop(first);
    let second = second.await.unwrap().unwrap();
    second.settle(Spent { tokens: 100, cost_micros: 0, unpriced: 1 });
    assert!(budget.reserve(&world.store, &clock, &spender, large).await.unwrap().is_err());
}
