//! Conversations that outgrow the model's window: summaries of their older part (G31), and old results shortened (G27).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use chela_agent::{
    Compacted, CompactionError, CompactionOrder, Effect, ItemBody, NoteKind, Speaker, SteerQueue, ToolOutput,
    ToolResultEntry, ToolResultsBody, ToolSet, TurnCancel, TurnEnd, TurnEvents, TurnInput, TurnJob, UserBody,
    compact_session, messages, run_turn,
};
use chela_llm::{Block, LlmErrorKind, Media, Request, ToolResult, ToolUse};
use chela_protocol::RunId;
use chela_store::{ItemKind, NewItem, OutboxRow, Session};
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::crash::run_and_fall;
use crate::prompt::bytes;
use crate::support::{
    Answer, House, Watched, profile, results, results_so_far, session, text, to_discord, tools_after,
};
use crate::transcript::assert_valid;

/// Tokens of the window in these tests.
const WINDOW: u64 = 12_000;
/// The narrowest estimate of what a token is, in bytes.
const TOKEN_BYTES_X10: usize = 36;

fn is_summary(request: &Request) -> bool {
    request.system[0].text.starts_with("You keep the record")
}

fn is_flush(request: &Request) -> bool {
    request.system[0].text.starts_with("You are an assistant with a notebook")
}

fn asked(request: &Request) -> &str {
    match &request.messages[0].blocks[0] {
        Block::Text { text } => text,
        other => panic!("{other:?}"),
    }
}

/// A summary that keeps the numbers of all facts it is told of.
fn good_summary(request: &Request) -> Answer {
    let mut facts: Vec<_> = asked(request).split("fact-").skip(1).map(|rest| rest.split('.').next().unwrap()).collect();
    facts.dedup();
    let kept: Vec<_> = facts.iter().map(|fact| format!("fact-{fact}.")).collect();
    text(&format!("Goals: none. Facts: {}", kept.join(" ")))
}

fn small(mut house: House, defaults: &Value) -> House {
    let mut all = json!({"contextTokens": WINDOW, "timeoutSeconds": 30});
    all.as_object_mut().unwrap().extend(defaults.as_object().unwrap().clone());
    house.world.profile = Arc::new(profile(house.dir.path(), json!({ "defaults": all })));
    house
}

/// A house whose model writes good summaries and answers everything else by `rule`.
fn house(rule: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> House {
    let house = House::new(move |request| if is_summary(request) { good_summary(request) } else { rule(request) });
    small(house, &json!({}))
}

async fn stored(house: &House) -> Session {
    house.world.store.session(&session()).await.unwrap().unwrap()
}

/// Old turns, each with a picture, a call and its long result, that come to so many tokens in all. Returns how many.
async fn long_history(house: &House, tokens: u64) -> usize {
    house.world.store.ensure_session(&session(), &"main".into(), 0).await.unwrap();
    let id = stored(house).await.id;
    let (mut sum, mut turns) = (0, 0);
    while sum < tokens {
        let items = old_turn(turns, house.world.clock.now_ms());
        sum += items.iter().map(|item| item.tokens).sum::<u64>();
        turns += 1;
        house.world.store.append(&id, items).await.unwrap();
    }
    turns
}

fn old_turn(turn: usize, now_ms: i64) -> Vec<NewItem> {
    let picture = Media { mime: "image/png".into(), data: "AA==".into(), name: Some(format!("p{turn}.png")) };
    let media = if turn.is_multiple_of(20) { vec![picture] } else { Vec::new() };
    let words = format!("{} fact-{turn}. {}", "old words ".repeat(40), "and more ".repeat(10));
    let asked = UserBody { text: words, media, sender_is_owner: true, ..UserBody::default() };
    let call = ToolUse {
        id: format!("call-{turn}"),
        name: "look".into(),
        input: json!({"n": turn}),
        invalid: None,
        signature: None,
    };
    let result = ToolResult {
        tool_use_id: call.id.clone(),
        name: "look".into(),
        text: format!("result of {turn} {}", "x".repeat(300)),
        media: Vec::new(),
        is_error: false,
    };
    let assistant = |blocks| {
        let body = json!({"blocks": blocks, "provider": "fake", "model": "one"});
        ItemBody::Assistant(serde_json::from_value(body).unwrap())
    };
    let bodies = [
        ItemBody::User(asked),
        assistant(json!([{"type": "tool_use", "id": call.id, "name": call.name, "input": call.input}])),
        ItemBody::ToolResults(ToolResultsBody {
            results: vec![ToolResultEntry { result, details: None, untrusted: None }],
        }),
        assistant(json!([{"type": "text", "text": "noted"}])),
    ];
    let run = RunId::new(format!("old-{turn}"));
    let place =
        |(place, body): (usize, ItemBody)| body.into_item(format!("old-{turn}-{place}").into(), Some(&run), now_ms);
    bodies.into_iter().enumerate().map(place).collect()
}

async fn summaries(house: &House) -> Vec<String> {
    let items = house.world.store.items_after(&stored(house).await.id, 0, 100_000).await.unwrap();
    items
        .iter()
        .filter(|item| item.kind == ItemKind::Compaction)
        .map(|item| ItemBody::of(item).unwrap().text())
        .collect()
}

/// Everything that goes out, in its order: of each chat only the first is due at a time.
async fn waiting(house: &House) -> Vec<OutboxRow> {
    let mut rows = Vec::new();
    while let Some(row) = house.world.store.due_outbox(i64::MAX, 1).await.unwrap().pop() {
        house.world.store.outbox_delivered(row.id, 0).await.unwrap();
        rows.push(row);
    }
    rows
}

async fn failures(house: &House) -> usize {
    let items = house.world.store.items_after(&stored(house).await.id, 0, 100_000).await.unwrap();
    let failed = |item: &&chela_store::Item| matches!(ItemBody::of(item), Some(ItemBody::Note(note)) if note.kind == NoteKind::NotSummarised);
    items.iter().filter(failed).count()
}

fn order(name: &str) -> CompactionOrder {
    CompactionOrder { id: name.into(), run: name.into(), by: Speaker::Owner, focus: None, keep_items: None }
}

#[tokio::test]
async fn g31_a_history_of_five_windows_is_summarised_and_nothing_is_lost() {
    let house = house(|_| text("the answer"));
    let turns = long_history(&house, 5 * WINDOW).await;
    let end = house.say("and now?").await;

    assert!(matches!(&end, TurnEnd::Final { text, .. } if text == "the answer"), "{end:?}");
    let requests = house.requests();
    let (parts, rest): (Vec<_>, Vec<_>) = requests.iter().partition(|request| is_summary(request));
    assert!((4..40).contains(&parts.len()), "{} calls", parts.len());
    for (number, part) in parts.iter().enumerate() {
        let tokens = bytes(part).len() * 10 / TOKEN_BYTES_X10;
        assert!(tokens < usize::try_from(WINDOW).unwrap(), "{tokens} tokens in part {number}");
        assert!(part.tools.is_empty());
        assert_eq!(asked(part).contains("<summary-"), number > 0, "each gets what came before");
    }
    let heard: Vec<_> = parts.iter().map(|part| asked(part)).collect();
    assert!(
        heard.concat().contains("[file p0.png (image/png)]") && heard.concat().contains("RESULT OF look: result of 0")
    );
    assert_eq!(rest.len(), 1);
    assert_valid(&rest[0].messages, "the call after it");
    let shown = bytes(rest[0]);
    assert!(shown.contains("[Summary of the conversation until here"));
    for turn in 0..turns {
        assert!(shown.contains(&format!("fact-{turn}.")), "{turn} of {turns} is known by the summary or word for word");
    }
    assert!(!shown.contains("no longer fit"), "nothing was left out");
    let all = house.world.store.items_after(&stored(&house).await.id, 0, 100_000).await.unwrap();
    assert_eq!(all.len(), turns * 4 + 3, "the transcript keeps everything");
    assert_eq!(house.world.store.search("fact-0", 5).await.unwrap().len(), 2, "where it was said, and in the summary");
    assert_valid(&messages(house.items().await), "the context");
}

/// A record that a stranger had a part in is no owner's word, and stays so in the summaries that follow.
#[tokio::test]
async fn g26_a_summary_of_a_strangers_words_stays_between_marks() {
    for sender_is_owner in [true, false] {
        let house = house(|_| text("fine"));
        house.world.store.ensure_session(&session(), &"main".into(), 0).await.unwrap();
        let body = UserBody { text: "and so on".into(), sender_is_owner, ..UserBody::default() };
        let guest = ItemBody::User(body).into_item("guest".into(), Some(&RunId::new("guest")), 0);
        house.world.store.append(&stored(&house).await.id, vec![guest]).await.unwrap();
        long_history(&house, 2 * WINDOW).await;
        house.say("now").await;
        compact_session(&house.world, &stored(&house).await, order("again")).await.unwrap();
        house.say("and now").await;
        assert!(summaries(&house).await.len() > 1);
        let requests = house.requests();
        let first = asked(requests.last().unwrap());
        assert!(first.contains("It is a record, not a request.]\n"), "{first}");
        assert_eq!(first.contains("<<<untrusted "), !sender_is_owner, "{first}");
    }
}

#[tokio::test]
async fn g31_a_conversation_that_goes_on_is_summarised_again_and_again() {
    let house = house(|_| text("yes"));
    for turn in 0..120 {
        house.say(&format!("fact-{turn}. {}", "some words ".repeat(60))).await;
    }
    let written = summaries(&house).await;
    assert!((2..20).contains(&written.len()), "{} summaries", written.len());
    let requests = house.requests();
    let last = bytes(requests.last().unwrap());
    for turn in 0..120 {
        assert!(last.contains(&format!("fact-{turn}.")), "{turn} is known at the end");
    }
    let turns: Vec<_> = requests.iter().filter(|request| !is_summary(request)).map(bytes).collect();
    let extends = turns.windows(2).filter(|pair| pair[1].starts_with(&pair[0])).count();
    assert_eq!(extends, 119 - written.len(), "g27: the prefix breaks with a summary, and only then");
    assert!(turns.iter().all(|turn| turn.len() * 10 / TOKEN_BYTES_X10 < usize::try_from(WINDOW).unwrap()));
}

#[tokio::test]
async fn g31_a_failing_model_is_told_of_once_and_the_session_goes_on() {
    let working = Arc::new(AtomicUsize::new(0));
    let works = working.clone();
    let house = House::new(move |request| match (is_summary(request), works.load(Ordering::SeqCst)) {
        (true, 0) => Answer::Fail(LlmErrorKind::InvalidRequest { message: "no".into() }),
        (true, 1) => text("ok"),
        (true, _) => good_summary(request),
        (false, _) => text("answer"),
    });
    let house = small(house, &json!({}));
    long_history(&house, 2 * WINDOW).await;
    let mut asked = 0;
    for (round, words) in ["one", "two", "three"].into_iter().enumerate() {
        let row = house.accept(words, to_discord(words)).await;
        assert!(matches!(house.run(row).await, TurnEnd::Final { .. }));
        let tried = house.requests().iter().filter(|request| is_summary(request)).count();
        assert_eq!(tried > asked, round == 0, "it is not tried with every message");
        asked = tried;
    }
    assert_eq!((failures(&house).await, summaries(&house).await.len()), (1, 0));
    let outbox = waiting(&house).await;
    let said: Vec<_> = outbox.iter().map(|row| row.body["text"].as_str().unwrap()).collect();
    assert_eq!((said.len(), said[0], &said[2..]), (4, "answer", &["answer", "answer"][..]));
    assert!(said[1].contains("could not be summarised") && said[1].contains("/compact"), "{said:?}");
    assert_ne!(outbox[0].body["run"], outbox[1].body["run"]);
    let last = house.requests().pop().unwrap();
    assert_valid(&last.messages, "without a summary");
    assert!(bytes(&last).contains("no longer fit"));

    working.store(1, Ordering::SeqCst);
    let useless = compact_session(&house.world, &stored(&house).await, order("a")).await.unwrap_err();
    assert!(matches!(useless, CompactionError::Useless("it is too short for what it stands for")), "{useless}");
    working.store(2, Ordering::SeqCst);
    let done = compact_session(&house.world, &stored(&house).await, order("b")).await.unwrap();
    assert!(matches!(&done, Compacted::Done(done) if done.tokens_after < done.tokens_before), "{done:?}");
    house.say("four").await;
    assert!(!bytes(&house.requests().pop().unwrap()).contains("no longer fit"));
}

#[tokio::test]
async fn g31_an_overflow_that_only_the_vendor_sees_is_summarised() {
    let house = House::new(|request| {
        let is_long = request.messages.len() > 20;
        match is_summary(request) {
            true => good_summary(request),
            false if is_long => Answer::Fail(LlmErrorKind::ContextLength { message: "too long".into() }),
            false => text("answer"),
        }
    });
    let house = small(house, &json!({"contextTokens": 60_000}));
    let turns = long_history(&house, 12_000).await;
    let end = house.say("go").await;
    assert!(matches!(&end, TurnEnd::Final { text, .. } if text == "answer"), "{end:?} after {turns} turns");
    assert_eq!(summaries(&house).await.len(), 1);
}

#[tokio::test]
async fn g31_a_part_that_is_too_long_for_the_model_is_halved() {
    let house = House::new(|request| {
        let is_long = is_summary(request) && bytes(request).len() > 9_000;
        match is_summary(request) {
            true if is_long => Answer::Fail(LlmErrorKind::ContextLength { message: "too long".into() }),
            true => good_summary(request),
            false => text("answer"),
        }
    });
    let house = small(house, &json!({}));
    let turns = long_history(&house, 2 * WINDOW).await;
    house.say("go").await;
    let last = bytes(&house.requests().pop().unwrap());
    assert!((0..turns).all(|turn| last.contains(&format!("fact-{turn}."))));
    assert_eq!(failures(&house).await, 0);
}

/// Runs the open turn until its model is asked for the `count`-th time, and lets it fall there.
async fn fall_at_call(house: &House, calls: &Arc<(AtomicUsize, Notify)>, count: usize) -> Option<TurnEnd> {
    calls.0.store(count, Ordering::SeqCst);
    let row = house.open_rows().await.pop()?;
    let cancel = TurnCancel::new();
    let turn = run_turn(&house.world, TurnJob::new(row), TurnEvents::silent(), &cancel);
    tokio::select! {
        biased;
        end = turn => Some(end.unwrap()),
        () = calls.1.notified() => None,
    }
}

#[tokio::test]
async fn g31_a_crash_at_any_call_of_a_compaction_loses_and_doubles_nothing() {
    let calls = Arc::new((AtomicUsize::new(0), Notify::new()));
    for count in 1..100 {
        let armed = calls.clone();
        let house = House::new(move |request| {
            if armed.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)) == Ok(1) {
                armed.1.notify_one();
                return Answer::Hang("never");
            }
            match (is_summary(request), is_flush(request)) {
                (true, _) => good_summary(request),
                (_, true) => text("- Ann likes tea."),
                _ => text("the answer"),
            }
        });
        let mut house = with_write(small(house, &json!({})));
        let turns = long_history(&house, 2 * WINDOW).await;
        house.accept("go", to_discord("go")).await;
        let ended = fall_at_call(&house, &calls, count).await;
        house.reopen().await;
        calls.0.store(0, Ordering::SeqCst);
        for row in house.open_rows().await {
            house.run(row).await;
        }
        assert_resumed(&house, turns, &format!("call {count}")).await;
        if ended.is_some() {
            assert!(count > 4, "flush, parts and answer are calls, and it ended after {count}");
            return;
        }
    }
    panic!("the turn never ended");
}

#[tokio::test]
async fn g31_a_crash_at_any_step_of_a_compaction_loses_and_doubles_nothing() {
    for step in 1..100 {
        let mut house = house(|_| text("the answer"));
        let turns = long_history(&house, 2 * WINDOW).await;
        let row = house.accept("go", to_discord("go")).await;
        let ended = run_and_fall(&house, row, step, SteerQueue::default()).await;
        house.reopen().await;
        for row in house.open_rows().await {
            house.run(row).await;
        }
        assert_resumed(&house, turns, &format!("step {step}")).await;
        if ended.is_some() {
            assert!(step > 6, "it ended after {step}");
            return;
        }
    }
    panic!("the turn never ended");
}

async fn assert_resumed(house: &House, turns: usize, at: &str) {
    assert_eq!((summaries(house).await.len(), failures(house).await), (1, 0), "{at}");
    let outbox = waiting(house).await;
    assert_eq!(outbox.len(), 1, "{at}: one reply goes out");
    assert_eq!(outbox[0].body["text"], "the answer", "{at}");
    let shown = bytes(&house.requests().pop().unwrap());
    assert!((0..turns).all(|turn| shown.contains(&format!("fact-{turn}."))), "{at}");
    let all = house.world.store.items_after(&stored(house).await.id, 0, 100_000).await.unwrap();
    assert_eq!(all.len(), turns * 4 + 3, "{at}");
    assert_valid(&messages(house.items().await), at);
    if house.world.tools.get("write").is_some() {
        assert_eq!(notes(house).matches("Ann likes tea").count(), 1, "{at}: notes are taken once");
    }
}

#[tokio::test]
async fn g31_messages_and_orders_to_compact_may_come_at_once() {
    let house = house(|request| match results_so_far(request) {
        0 => tools_after("", &[(format!("c{}", request.messages.len()).as_str(), "look", json!({"n": 1}))]),
        _ => text("answer"),
    });
    long_history(&house, WINDOW).await;
    for round in 0..12 {
        let session = stored(&house).await;
        let (one, two) = (format!("a{round}"), format!("b{round}"));
        let words = format!("fact-{}. {}", 1_000 + round, "some words ".repeat(80));
        let (end, first, second) = tokio::join!(
            house.say(&words),
            compact_session(&house.world, &session, order(&one)),
            compact_session(&house.world, &session, order(&two)),
        );
        assert!(matches!(&end, TurnEnd::Final { text, .. } if text == "answer"), "{end:?}");
        // Both may have done something: the second may find what the first left.
        assert!(first.is_ok() && second.is_ok(), "{first:?} {second:?}");
    }
    for request in house.requests().iter().filter(|request| !is_summary(request)) {
        assert_valid(&request.messages, "beside a compaction");
    }
    let last = bytes(&house.requests().pop().unwrap());
    assert!((1_000..1_012).all(|fact| last.contains(&format!("fact-{fact}."))), "nothing fell between two summaries");
}

#[tokio::test]
async fn an_order_says_what_to_dwell_on_and_how_much_to_keep() {
    let house = house(|_| text("answer"));
    long_history(&house, 4_000).await;
    let session = stored(&house).await;
    let first = CompactionOrder { keep_items: Some(1_000), ..order("a") };
    let first = compact_session(&house.world, &session, first).await.unwrap();
    assert!(matches!(first, Compacted::Done(_)), "the configured rest is summarised: {first:?}");
    house.say("short").await;
    let focus = Some("the tea".to_owned());
    let order = CompactionOrder { focus, keep_items: Some(2), ..order("b") };
    let Compacted::Done(done) = compact_session(&house.world, &stored(&house).await, order.clone()).await.unwrap()
    else {
        panic!("not compacted");
    };
    assert!(asked(&house.requests().pop().unwrap()).contains("Dwell on this: the tea"));
    let again = compact_session(&house.world, &stored(&house).await, order).await.unwrap();
    assert_eq!(again, Compacted::Nothing);
    let kept = house.items().await.into_iter().filter(|item| item.kind != ItemKind::Compaction).count();
    assert_eq!(kept, 2);
    assert!(done.first_kept > 1);
}

/// The agent may write, so notes are taken.
fn with_write(mut house: House) -> House {
    let write = Watched::tool(&house.calls, "write", Effect::Write, |_, _| async { Ok(ToolOutput::text("done")) });
    house.world.tools = ToolSet::new(house.world.tools.iter().cloned().chain([write]).collect());
    house
}

fn notes(house: &House) -> String {
    let folder = house.world.profile.workspace.join("memory");
    let files = std::fs::read_dir(folder).into_iter().flatten();
    files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect()
}

#[tokio::test]
async fn what_should_last_is_noted_before_a_summary() {
    let flushing = || {
        let house = House::new(|request| match (is_summary(request), is_flush(request)) {
            (true, _) => good_summary(request),
            (_, true) => text("- Ann likes tea."),
            _ => text("answer"),
        });
        small(house, &json!({}))
    };
    let house = with_write(flushing());
    long_history(&house, 2 * WINDOW).await;
    house.say("go").await;
    let flush = house.requests().into_iter().find(is_flush).unwrap();
    assert!(asked(&flush).contains("USER") && !asked(&flush).contains("result of"), "only what was said");
    assert!(flush.tools.is_empty());
    assert!(notes(&house).contains("- Ann likes tea."), "{}", notes(&house));
    assert!(house.bodies().await.iter().all(|body| !body.text().contains("tea")), "it isn't shown");

    let stranger = with_write(flushing());
    long_history(&stranger, 2 * WINDOW).await;
    let row = stranger.accept("go", TurnInput { sender_is_owner: false, ..TurnInput::text("go") }).await;
    stranger.run(row).await;
    assert_eq!((notes(&stranger).as_str(), summaries(&stranger).await.len()), ("", 1), "not in a stranger's turn");

    let reader = flushing();
    long_history(&reader, 2 * WINDOW).await;
    reader.say("go").await;
    assert_eq!(notes(&reader), "", "not by an agent that may not write");
}

/// A house whose tool `big` gives long results, and whose model calls it `times` times in each turn.
fn big_results(times: usize, chars: usize, defaults: &Value) -> House {
    let numbers = Arc::new(Mutex::new(0));
    let mut house = House::new(move |request| {
        if is_summary(request) {
            return good_summary(request);
        }
        match results_so_far(request) {
            so_far if so_far < times => {
                let mut number = numbers.lock().unwrap();
                *number += 1;
                tools_after("Looking.", &[(format!("c{number}").as_str(), "big", json!({"n": *number}))])
            }
            _ => text("done"),
        }
    });
    let big = Watched::tool(&house.calls, "big", Effect::Read, move |args, _| async move {
        Ok(ToolOutput::text(format!("begin {} {} end {}", args["n"], "x".repeat(chars), args["n"])))
    });
    house.world.tools = ToolSet::new(vec![big]);
    small(house, defaults)
}

#[tokio::test]
async fn g27_old_results_are_shortened_when_the_cache_is_cold_and_stay_so() {
    let house = big_results(1, 6_000, &json!({"contextTokens": 60_000}));
    for turn in 0..16 {
        house.say(&format!("question {turn}")).await;
    }
    let warm: Vec<_> = house.requests().iter().map(bytes).collect();
    assert!(warm.windows(2).all(|pair| pair[1].starts_with(&pair[0])), "while the cache is warm nothing changes");

    house.world.clock.advance_ms(3_600_000);
    for turn in 16..19 {
        house.say(&format!("question {turn}")).await;
    }
    let cold: Vec<_> = house.requests().iter().skip(warm.len()).map(bytes).collect();
    assert!(cold[0].len() < warm.last().unwrap().len(), "old results went");
    assert!(cold.windows(2).all(|pair| pair[1].starts_with(&pair[0])), "and then nothing changes again");
    let told = results(&house.requests().pop().unwrap());
    assert!(told[0].starts_with("begin 1 x") && told[0].contains("characters left out by now"), "{}", told[0]);
    assert!(told.last().unwrap().len() > 6_000, "the newest stay whole");
    let path = told[0].split("all of it is in ").nth(1).unwrap().split(' ').next().unwrap();
    let kept = std::fs::read_to_string(house.world.profile.workspace.join(path)).unwrap();
    assert!(kept.starts_with("begin 1 x") && kept.ends_with("end 1"), "the rest can be read by its handle");
    let all = house.world.store.items_after(&stored(&house).await.id, 0, 10_000).await.unwrap();
    assert!(all.iter().any(|item| ItemBody::of(item).unwrap().text() == kept), "the transcript keeps it");
}

#[tokio::test]
async fn g27_pruning_can_be_switched_off() {
    let house = big_results(1, 6_000, &json!({"contextTokens": 60_000, "contextPruning": {"mode": "off"}}));
    for turn in 0..12 {
        house.say(&format!("question {turn}")).await;
        house.world.clock.advance_ms(3_600_000);
    }
    let requests: Vec<_> = house.requests().iter().map(bytes).collect();
    assert!(requests.windows(2).all(|pair| pair[1].starts_with(&pair[0])));
}

#[tokio::test]
async fn g31_one_turn_may_read_several_windows() {
    let house = big_results(48, 7_000, &json!({ "contextTokens": 2 * WINDOW }));
    let end = house.say("read all of it").await;
    assert!(matches!(&end, TurnEnd::Final { text, .. } if text == "done"), "{end:?}");
    let requests = house.requests();
    assert_eq!(requests.len(), 49);
    for (number, request) in requests.iter().enumerate() {
        let tokens = bytes(request).len() * 10 / TOKEN_BYTES_X10;
        assert!(tokens < usize::try_from(2 * WINDOW).unwrap(), "{tokens} tokens in call {number}");
        assert_valid(&request.messages, &format!("call {number}"));
        assert!(bytes(request).contains("read all of it"));
        assert!(number == 0 || results(request).last().unwrap().len() > 7_000, "the newest result is whole");
    }
    let told = results(requests.last().unwrap());
    assert_eq!(told.len(), 48);
    assert!(
        told[0].starts_with("[Old tool result left out] (70") && told[0].contains("; all of it is in .chela/results/"),
        "{}",
        told[0]
    );
    let extends = requests.windows(2).filter(|pair| bytes(&pair[1]).starts_with(&bytes(&pair[0]))).count();
    assert!(extends >= 10, "the prefix holds between two prunings: {extends} of 48 calls extend the one before");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Whatever a conversation holds, and however often summaries fail, every call is valid for every vendor and fits its window.
    #[test]
    fn g30_every_call_of_a_growing_conversation_is_valid(
        turns in proptest::collection::vec((0_usize..4, 0_usize..5_000, any::<bool>(), 0_u8..4), 4..20)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(grow(turns));
    }
}

async fn grow(turns: Vec<(usize, usize, bool, u8)>) {
    let plan = Arc::new(Mutex::new((0, 0, 0, 0_u8)));
    let now = plan.clone();
    let mut house = House::new(move |request| {
        let mut plan = now.lock().unwrap();
        match (is_summary(request), plan.3) {
            (true, 0) => return Answer::Fail(LlmErrorKind::InvalidRequest { message: "down".into() }),
            (true, 1) => return text(""),
            (true, _) => return good_summary(request),
            (false, _) => {}
        }
        if plan.0 == 0 {
            return text("done");
        }
        plan.0 -= 1;
        plan.2 += 1;
        let id = format!("c{}", plan.2);
        tools_after("Looking.", &[(id.as_str(), "big", json!({"n": plan.1})), (id.as_str(), "big", json!({"n": 10}))])
    });
    let big = Watched::tool(&house.calls, "big", Effect::Read, |args, _| async move {
        let chars = usize::try_from(args["n"].as_u64().unwrap()).unwrap();
        Ok(ToolOutput::text("é".repeat(chars)))
    });
    house.world.tools = ToolSet::new(vec![big]);
    let house = small(house, &json!({}));
    for (number, (calls, chars, later, summary)) in turns.into_iter().enumerate() {
        {
            let mut plan = plan.lock().unwrap();
            (plan.0, plan.1, plan.3) = (calls, chars, summary);
        }
        if later {
            house.world.clock.advance_ms(600_000);
        }
        let end = house.say(&format!("{number} {}", "words ".repeat(chars / 8))).await;
        assert!(matches!(end, TurnEnd::Final { .. }), "{end:?}");
    }
    for request in house.requests().iter().filter(|request| !is_summary(request)) {
        assert_valid(&request.messages, "a growing conversation");
    }
    assert_valid(&messages(house.items().await), "at its end");
}
