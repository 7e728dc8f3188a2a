//! The process dies, or the task panics, at every point of a compaction. The message behind which it ran is answered once, the
//! conversation is summarised once, and nothing that was said is lost (G7, G14, G31).

use std::os::unix::process::ExitStatusExt as _;

use chela_store::fault::COMPACTION_POINTS;
use chela_testkit::model::{Recorded, Step};
use serde_json::json;

use super::house::{House, MAIN, Talk, WIRES, answer, answer_to};

/// Window of the model once the old messages are said, in tokens: they no longer fit, and their summary takes two calls.
const WINDOW: u64 = 16_384;
const OLD_MESSAGES: usize = 10;
/// Most calls of one summary here, with the one for notes; more passes of a point are not tried.
const CALLS_MAX: usize = 8;

const NOTE: &str = "- Ann likes tea.";

fn old_message(number: usize) -> String {
    format!("text{number} fact-{number}. {}", "some words ".repeat(490))
}

/// Summaries keep every fact that they are told of.
fn answer_or_sum_up(request: &Recorded) -> Step {
    let words = request.last_user_text();
    if words.contains("Write the new notes now") {
        return Step::text(NOTE);
    }
    if !words.contains("Write the new summary now") {
        return answer(request);
    }
    let facts = (0..OLD_MESSAGES).map(fact).filter(|fact| words.contains(fact)).collect::<Vec<_>>();
    Step::text(format!("Goals: none. Facts: {}", facts.join(" ")))
}

fn fact(number: usize) -> String {
    format!("fact-{number}.")
}

/// A house whose next message finds its conversation too long.
async fn nearly_full(wire: &str) -> House {
    let house = House::new(wire).await;
    house.model.respond_with(answer_or_sum_up);
    let gateway = house.start();
    let mut talk = Talk::new(&gateway).await;
    for number in 0..OLD_MESSAGES {
        let key = format!("text{number}");
        let params = json!({ "sessionKey": MAIN, "message": old_message(number), "idempotencyKey": key });
        talk.call("chat.send", params).await.unwrap();
        talk.answered(&key).await;
    }
    assert_eq!(gateway.stop(), Some(0));
    house.configure("/agents/defaults", "contextTokens", json!(WINDOW));
    house
}

/// Everything is there once, on a gateway that lives.
async fn assert_summarised_once(house: &House, talk: &Talk, at: &str) {
    talk.assert_once("m1", at).await;
    house.assert_written("m1", &[1], at);
    let history = talk.history().await;
    let count = |begin: &str| history.iter().filter(|line| line.starts_with(begin)).count();
    assert_eq!(count("compactionSummary: "), 1, "{at}: {history:#?}");
    for number in 0..OLD_MESSAGES {
        let lines =
            [format!("user: {}", old_message(number)), format!("assistant: {}", answer_to(&format!("text{number}")))];
        for line in lines {
            assert_eq!(count(line.trim_end()), 1, "{at}: `{line}` in {history:#?}");
        }
    }
    let last = house.model.requests().pop().unwrap();
    assert!((0..OLD_MESSAGES).all(|number| last.text.contains(&fact(number))), "{at}: the model knows all of it");
    assert_eq!(notes(house).matches(NOTE).count(), 1, "{at}: notes are taken once");
    house.model.assert_clean();
    assert!(talk.ask("text99").await.is_ok_and(|last| last["status"] == "ok"), "{at}: the conversation goes on");
}

fn notes(house: &House) -> String {
    let files = std::fs::read_dir(house.workspace().join("memory")).unwrap();
    files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect()
}

/// Whether it came by so often, and died.
async fn dies_at(point: &str, pass: usize, wire: &str) -> bool {
    let at = format!("{point}, pass {pass}, {wire}");
    let house = nearly_full(wire).await;
    let gateway = house.start_to_die_at(&format!("{point}@{pass}"));
    let died = Talk::new(&gateway).await.ask("m1").await.is_err();
    if died {
        assert_eq!(gateway.died().signal(), Some(9), "{at}");
    } else {
        gateway.kill();
    }
    let gateway = house.start();
    let mut talk = Talk::new(&gateway).await;
    talk.answered("m1").await;
    assert!(talk.say("m1").await.is_ok(), "{at}: said again by a client that is not sure");
    assert_summarised_once(&house, &talk, &at).await;
    died
}

#[tokio::test(flavor = "multi_thread")]
async fn g07_killed_at_every_point_of_a_compaction() {
    let mut wires = WIRES.iter().cycle();
    for point in COMPACTION_POINTS {
        let mut kills = 0;
        while kills < CALLS_MAX && dies_at(point, kills + 1, wires.next().unwrap()).await {
            kills += 1;
        }
        // One call for notes and at least two for the summary; one summary is written.
        let expected = if point.ends_with("_call") { 3..CALLS_MAX } else { 1..2 };
        assert!(expected.contains(&kills), "{point} was passed {kills} times");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g14_a_panic_in_a_compaction_costs_nothing() {
    for point in COMPACTION_POINTS {
        let house = nearly_full(WIRES[0]).await;
        let gateway = house.start_with(&[("CHELA_FAULT_POINT", &format!("{point}=panic*1"))]);
        let mut talk = Talk::new(&gateway).await;
        assert!(talk.say("m1").await.is_ok(), "{point}");
        talk.answered("m1").await;
        assert_summarised_once(&house, &talk, point).await;
        let said = gateway.console();
        assert!(said.contains(&format!("a test asked for a panic at {point}")), "{point}: {said}");
        assert_eq!(gateway.stop(), Some(0), "{point}: it lived to be stopped");
    }
}
