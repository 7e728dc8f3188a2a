//! What is called when, on paused time. Who answers is decided by profile and model, and every call is written down.

use std::collections::VecDeque;
use std::sync::Mutex;

use futures_util::stream;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::*;
use crate::cooldown::{CooldownReason, ProfileKey};
use crate::types::{Completion, LlmErrorKind, StopReason, Usage};

/// What the vendors do next, by `profile/model`; who has nothing written down answers.
#[derive(Default)]
struct Script {
    steps: Mutex<Vec<(String, VecDeque<Step>)>>,
    calls: Mutex<Vec<String>>,
}

enum Step {
    Fail(u16, LlmErrorKind),
    /// Fails when somebody says so.
    Hold(Arc<Notify>, LlmErrorKind),
    /// Answers when somebody says so.
    HoldAndAnswer(Arc<Notify>),
}

struct Voice {
    script: Arc<Script>,
    name: String,
}

impl Provider for Voice {
    fn stream(&self, request: Request) -> EventStream {
        let name = format!("{}/{}", self.name, request.model);
        self.script.calls.lock().unwrap().push(name.clone());
        let mut steps = self.script.steps.lock().unwrap();
        let step = steps.iter_mut().find(|(known, _)| *known == name).and_then(|(_, steps)| steps.pop_front());
        let fail = move |status, kind| LlmError {
            provider: "fake".into(),
            model: request.model,
            kind,
            status: Some(status),
            after_output: false,
        };
        let whole = || {
            let usage = Usage::default();
            let done = Completion { blocks: Vec::new(), stop: StopReason::EndTurn, usage, response_id: None };
            vec![Ok(StreamEvent::TextDelta(name.clone())), Ok(StreamEvent::Done(done))]
        };
        match step {
            None => Box::pin(stream::iter(whole())),
            Some(Step::Fail(status, kind)) => Box::pin(stream::iter([Err(fail(status, kind))])),
            Some(Step::Hold(gate, kind)) => Box::pin(stream::once(async move {
                gate.notified().await;
                Err(fail(500, kind))
            })),
            Some(Step::HoldAndAnswer(gate)) => {
                let whole = whole();
                Box::pin(
                    stream::once(async move { gate.notified().await }).flat_map(move |()| stream::iter(whole.clone())),
                )
            }
        }
    }
}

/// A house with a ledger and a script.
struct House {
    script: Arc<Script>,
    rules: Rules,
}

impl House {
    fn new(steps: Vec<(&str, Vec<Step>)>) -> Self {
        let steps = steps.into_iter().map(|(name, steps)| (name.to_owned(), steps.into())).collect();
        let script = Arc::new(Script { steps: Mutex::new(steps), calls: Mutex::default() });
        let rules = Rules { cooldowns: Arc::default(), config: Arc::default(), pauses: Pauses::Steady };
        Self { script, rules }
    }

    fn candidate(&self, name: &str, key: &str) -> Candidate {
        let (profile, model) = name.split_once('/').expect("profile/model");
        let vendor = profile.split(':').next().unwrap_or_default();
        let profile_key = ProfileKey::new(vendor, profile, key);
        let provider = Arc::new(Voice { script: Arc::clone(&self.script), name: profile.to_owned() });
        Candidate { target: Target { profile: profile_key, model: model.to_owned() }, provider }
    }

    fn stream(&self, names: &[&str]) -> EventStream {
        let candidates = names.iter().map(|name| self.candidate(name, "key")).collect();
        stream(candidates, Request::default(), self.rules.clone())
    }

    /// Who answers, or why nobody does.
    async fn ask(&self, names: &[&str]) -> Result<String, LlmError> {
        hear(self.stream(names)).await
    }

    /// The calls since somebody looked last.
    fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.script.calls.lock().unwrap())
    }

    fn reasons(&self) -> Vec<(String, Option<String>, CooldownReason)> {
        let rests = self.rules.cooldowns.list();
        rests.into_iter().map(|rest| (rest.profile, rest.model, rest.reason)).collect()
    }
}

async fn hear(mut events: EventStream) -> Result<String, LlmError> {
    let mut text = String::new();
    while let Some(event) = events.next().await {
        match event? {
            StreamEvent::TextDelta(delta) => text.push_str(&delta),
            StreamEvent::Restart => text.clear(),
            _ => {}
        }
    }
    Ok(text)
}

fn limited(retry_after: Option<Duration>) -> Step {
    Step::Fail(429, LlmErrorKind::RateLimited { message: "slow down".into(), retry_after })
}

fn refused() -> Step {
    Step::Fail(401, LlmErrorKind::Unauthorized { message: "who are you".into() })
}

fn down() -> Step {
    Step::Fail(500, server())
}

fn server() -> LlmErrorKind {
    LlmErrorKind::Server { message: "oh no".into() }
}

async fn pass(seconds: u64) {
    tokio::time::advance(Duration::from_secs(seconds)).await;
}

const CHAIN: &[&str] = &["a:1/one", "b:1/two"];

#[tokio::test(start_paused = true)]
async fn g33_a_limited_primary_is_left_alone_as_long_as_it_wants_and_used_again_then() {
    let house = House::new(vec![("a:1/one", vec![limited(Some(Duration::from_secs(90)))])]);
    let began = Instant::now();
    assert_eq!(house.ask(CHAIN).await.unwrap(), "b:1/two");
    assert!(began.elapsed() < Duration::from_secs(1));
    assert_eq!(house.calls(), ["a:1/one", "b:1/two"]);
    pass(89).await;
    assert_eq!(house.ask(CHAIN).await.unwrap(), "b:1/two");
    assert_eq!(house.calls(), ["b:1/two"], "the primary is not asked while it rests");
    pass(1).await;
    assert_eq!(house.ask(CHAIN).await.unwrap(), "a:1/one");
    assert_eq!(house.calls(), ["a:1/one"]);
    assert_eq!(house.reasons(), []);
}

#[tokio::test(start_paused = true)]
async fn g33_no_wish_of_a_vendor_counts_for_more_than_five_minutes() {
    let house = House::new(vec![("a:1/one", vec![limited(Some(Duration::from_hours(6)))])]);
    house.ask(CHAIN).await.unwrap();
    pass(299).await;
    assert_eq!(house.ask(CHAIN).await.unwrap(), "b:1/two");
    pass(1).await;
    assert_eq!(house.ask(CHAIN).await.unwrap(), "a:1/one");
}

#[tokio::test(start_paused = true)]
async fn g33_failures_in_a_row_make_longer_rests_up_to_five_minutes() {
    let house = House::new(vec![("a:1/one", (0..5).map(|_| limited(None)).collect())]);
    for seconds in [30, 60, 300, 300, 300] {
        assert_eq!(house.ask(CHAIN).await.unwrap(), "b:1/two");
        pass(seconds - 1).await;
        house.calls();
        house.ask(CHAIN).await.unwrap();
        assert_eq!(house.calls(), ["b:1/two"], "{seconds}");
        pass(1).await;
    }
    assert_eq!(house.ask(CHAIN).await.unwrap(), "a:1/one");
}

#[tokio::test(start_paused = true)]
async fn g33_turns_that_fail_together_count_as_one_failure() {
    let gate = Arc::new(Notify::new());
    let limited = || LlmErrorKind::RateLimited { message: "slow down".into(), retry_after: None };
    let steps = (0..8).map(|_| Step::Hold(Arc::clone(&gate), limited())).collect();
    let house = House::new(vec![("a:1/one", steps)]);
    let turns = futures_util::future::join_all((0..8).map(|_| house.ask(CHAIN)));
    let (turns, ()) = tokio::join!(turns, async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        gate.notify_waiters();
    });
    assert!(turns.into_iter().all(|answer| answer.unwrap() == "b:1/two"));
    assert_eq!(house.calls().len(), 16);
    pass(30).await;
    assert_eq!(house.ask(CHAIN).await.unwrap(), "a:1/one", "the first rest is half a minute");
}

#[tokio::test(start_paused = true)]
async fn g33_an_answer_that_was_under_way_ends_no_rest() {
    let gate = Arc::new(Notify::new());
    let steps = vec![Step::HoldAndAnswer(Arc::clone(&gate)), limited(Some(Duration::from_secs(90)))];
    let house = House::new(vec![("a:1/one", steps)]);
    let (slow, ()) = tokio::join!(house.ask(CHAIN), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(house.ask(CHAIN).await.unwrap(), "b:1/two");
        gate.notify_one();
    });
    assert_eq!(slow.unwrap(), "a:1/one");
    assert_eq!(house.ask(CHAIN).await.unwrap(), "b:1/two", "the vendor's wish still counts");
}

#[tokio::test(start_paused = true)]
async fn g33_a_rate_limit_is_of_one_credential_and_one_model() {
    let house = House::new(vec![("a:1/one", vec![limited(None)])]);
    let chain = ["a:1/one", "a:2/one", "b:1/two"];
    assert_eq!(house.ask(&chain).await.unwrap(), "a:2/one");
    house.calls();
    assert_eq!(house.ask(&["a:1/other", "b:1/two"]).await.unwrap(), "a:1/other");
    assert_eq!(house.reasons(), [("a:1".into(), Some("one".into()), CooldownReason::RateLimit)]);
}

#[tokio::test(start_paused = true)]
async fn g33_a_vendor_that_is_down_is_not_asked_with_another_key() {
    let house = House::new(vec![("a:1/one", vec![down()])]);
    let chain = ["a:1/one", "a:2/one", "b:1/two"];
    assert_eq!(house.ask(&chain).await.unwrap(), "b:1/two");
    assert_eq!(house.calls(), ["a:1/one", "b:1/two"]);
}

#[tokio::test(start_paused = true)]
async fn g33_a_refused_key_is_not_shown_again_until_something_changes() {
    let house = House::new(vec![("a:1/one", vec![refused(), refused()])]);
    assert_eq!(house.ask(CHAIN).await.unwrap(), "b:1/two");
    pass(7 * 24 * 3600).await;
    house.calls();
    assert_eq!(house.ask(&["a:1/other", "b:1/two"]).await.unwrap(), "b:1/two", "no model will do");
    assert_eq!(house.calls(), ["b:1/two"]);
    // Another key under the same name.
    let candidates = vec![house.candidate("a:1/other", "new key"), house.candidate("b:1/two", "key")];
    assert_eq!(hear(stream(candidates, Request::default(), house.rules.clone())).await.unwrap(), "a:1/other");
    // The configuration is read again.
    house.rules.cooldowns.forgive_keys();
    house.calls();
    assert_eq!(house.ask(CHAIN).await.unwrap(), "b:1/two");
    assert_eq!(house.calls(), ["a:1/one", "b:1/two"], "it gets one more chance");
}

#[tokio::test(start_paused = true)]
async fn g33_no_credit_rests_for_hours_and_twice_as_long_the_next_time() {
    let broke = || Step::Fail(402, LlmErrorKind::Billing { message: "empty".into() });
    let house = House::new(vec![("a:1/one", (0..3).map(|_| broke()).collect())]);
    for hours in [5, 10, 20] {
        assert_eq!(house.ask(CHAIN).await.unwrap(), "b:1/two");
        assert_eq!(house.rules.cooldowns.list()[0].remaining, Some(Duration::from_hours(hours)));
        pass(hours * 3600).await;
    }
    assert_eq!(house.ask(CHAIN).await.unwrap(), "a:1/one");
}

#[tokio::test(start_paused = true)]
async fn g33_when_all_rest_one_call_probes_and_the_others_share_what_it_finds() {
    let gate = Arc::new(Notify::new());
    let minutes = Some(Duration::from_mins(4));
    let house = House::new(vec![
        ("a:1/one", vec![limited(minutes)]),
        (
            "b:1/two",
            vec![
                limited(Some(Duration::from_mins(3))),
                Step::Hold(
                    Arc::clone(&gate),
                    LlmErrorKind::RateLimited { message: "still".into(), retry_after: minutes },
                ),
            ],
        ),
    ]);
    house.ask(CHAIN).await.unwrap_err();
    house.calls();
    let asked = futures_util::future::join_all((0..8).map(|_| house.ask(CHAIN)));
    let (answers, ()) = tokio::join!(asked, async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        gate.notify_one();
    });
    assert!(answers.iter().all(|answer| matches!(&answer, Err(error) if error.to_string().contains("still"))));
    assert_eq!(house.calls(), ["b:1/two"], "the one that is back first is asked, once");
}

#[tokio::test(start_paused = true)]
async fn g33_a_probe_that_is_answered_lets_everybody_through() {
    let gate = Arc::new(Notify::new());
    let house = House::new(vec![(
        "a:1/one",
        vec![limited(Some(Duration::from_mins(4))), Step::HoldAndAnswer(Arc::clone(&gate))],
    )]);
    house.ask(&CHAIN[..1]).await.unwrap_err();
    house.calls();
    let asked = futures_util::future::join_all((0..8).map(|_| house.ask(&CHAIN[..1])));
    let (answers, held) = tokio::join!(asked, async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        let held = house.calls().len();
        gate.notify_one();
        held
    });
    assert_eq!(held, 1, "one at a time");
    assert!(answers.into_iter().all(|answer| answer.unwrap() == "a:1/one"));
    assert_eq!(house.calls().len(), 7);
    assert_eq!(house.reasons(), []);
}

#[tokio::test(start_paused = true)]
async fn g33_a_probe_that_is_given_up_passes_to_the_next() {
    let gate = Arc::new(Notify::new());
    let house = House::new(vec![("a:1/one", vec![limited(Some(Duration::from_mins(4))), Step::HoldAndAnswer(gate)])]);
    house.ask(&CHAIN[..1]).await.unwrap_err();
    let mut given_up = house.stream(&CHAIN[..1]);
    assert!(tokio::time::timeout(Duration::from_secs(1), given_up.next()).await.is_err());
    let waits = house.ask(&CHAIN[..1]);
    let (answer, ()) = tokio::join!(waits, async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        drop(given_up);
    });
    assert_eq!(answer.unwrap(), "a:1/one");
}

#[tokio::test(start_paused = true)]
async fn g33_nobody_is_told_of_a_failure_while_one_was_not_asked() {
    let house = House::new(vec![("a:1/one", vec![limited(None)]), ("b:1/two", vec![refused()])]);
    assert!(house.ask(CHAIN).await.is_err());
    house.calls();
    // Both rest: the limited one is back first.
    assert_eq!(house.ask(CHAIN).await.unwrap(), "a:1/one");
    assert_eq!(house.calls(), ["a:1/one"]);
}

#[tokio::test(start_paused = true)]
async fn the_only_model_is_waited_for_although_it_rests() {
    let house = House::new(vec![("a:1/one", vec![down(), down()])]);
    assert_eq!(house.ask(&CHAIN[..1]).await.unwrap(), "a:1/one");
    assert_eq!(house.calls().len(), 3);
    assert_eq!(house.reasons(), []);
}

#[test]
fn pauses_are_spread_around_the_middle() {
    let pauses: Vec<Duration> = (0..200).map(|_| Pauses::Spread.of(PAUSE)).collect();
    assert!(pauses.iter().all(|pause| *pause >= PAUSE / 2 && *pause < PAUSE * 3 / 2));
    assert!(pauses.iter().any(|pause| *pause < PAUSE) && pauses.iter().any(|pause| *pause > PAUSE));
}
