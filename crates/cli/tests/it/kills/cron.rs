//! The process dies wherever an automation passes: its time is neither skipped nor run twice (G32).

use std::os::unix::process::ExitStatusExt as _;

use chela_store::fault::CRON_POINTS;
use chela_testkit::model::Step;
use serde_json::{Value, json};

use super::house::{House, Talk, WIRES};

const HOUR_MS: i64 = 3_600_000;

/// What the turn of an automation passes besides.
const TURN_POINTS: [&str; 5] =
    ["turn.begun", "turn.before_model", "turn.in_stream", "turn.before_finish", "turn.after_finish"];

async fn job(talk: &Talk, id: &str) -> Value {
    talk.call("cron.get", json!({ "id": id })).await.unwrap()
}

/// Waits until the only run of a job is over.
async fn the_only_run(talk: &mut Talk, id: &str, at: &str) -> Value {
    loop {
        let runs = talk.call("cron.runs", json!({ "id": id })).await.unwrap();
        let entries = runs["entries"].as_array().unwrap();
        assert!(entries.len() <= 1, "{at}: {entries:#?}");
        if let Some(entry) = entries.first().filter(|entry| entry["action"] == "finished") {
            return entry.clone();
        }
        // Whatever ends after that look is told to this client.
        talk.event(|name, payload| name == "cron" && payload["action"] == "finished").await;
    }
}

async fn dies_at(point: &str) {
    let house = House::new(WIRES[0]).await;
    house.model.respond_with(|_| Step::text("The report."));
    let gateway = house.start_to_die_at(point);
    let talk = Talk::new(&gateway).await;
    let due = jiff::Timestamp::now().as_millisecond() + 500;
    let added = json!({
        "name": "report", "schedule": { "kind": "every", "everyMs": HOUR_MS, "anchorMs": due },
        "sessionTarget": "isolated", "wakeMode": "now", "payload": { "kind": "agentTurn", "message": "Report!" },
    });
    let added = talk.call("cron.add", added).await.unwrap();
    let id = added["id"].as_str().unwrap();
    assert_eq!(gateway.died().signal(), Some(9), "{point}");

    // Once to go on, and once more: what is over stays so.
    for life in ["the next life", "the one after it"] {
        let at = format!("{point}, {life}");
        let gateway = house.start();
        let mut talk = Talk::new(&gateway).await;
        let entry = the_only_run(&mut talk, id, &at).await;
        assert_eq!((&entry["status"], &entry["summary"]), (&json!("ok"), &json!("The report.")), "{at}");
        assert_eq!(entry["runId"], format!("cron:{id}:{due}"), "{at}");
        let history = talk.history_of(&format!("agent:main:cron:{id}")).await;
        assert_eq!(history.len(), 2, "{at}: {history:#?}");
        assert_eq!(history[1], "assistant: The report.", "{at}");
        let state = job(&talk, id).await["state"].clone();
        assert_eq!((&state["nextRunAtMs"], &state["lastStatus"]), (&json!(due + HOUR_MS), &json!("ok")), "{at}");
        gateway.kill();
    }
    house.model.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn g32_killed_at_every_point_of_a_claim_and_its_end() {
    for point in CRON_POINTS {
        dies_at(point).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g32_killed_in_the_turn_of_an_automation() {
    for point in TURN_POINTS {
        dies_at(point).await;
    }
}
