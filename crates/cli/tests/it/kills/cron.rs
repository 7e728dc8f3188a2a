//! The process dies wherever an automation passes: its time is neither skipped nor run twice (G32).

use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;

use chela_store::fault::CRON_POINTS;
use chela_store::{CronRow, DATABASE_FILE, OpenOptions, Store, WriterMode};
use chela_testkit::model::Step;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::house::{House, TOKEN, Talk, WIRES};
use super::platforms::{Place, Platform as _, Preview, Telegram};

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

/// A house with a chat in which failures are told, and a store that holds this job before the first start.
async fn with_job(id: &str, schedule: Value, due_at_ms: Option<i64>) -> (House, Telegram) {
    let chat = Telegram::start().await;
    let channels = json!({ Telegram::CHANNEL: chat.account(Preview::Off) });
    let house = House::with_channels(WIRES[0], &channels, &[chat.owner()]).await;
    let to = chat.owner().split_once(':').unwrap().1.to_owned();
    let job = json!({
        "name": "report", "enabled": true, "schedule": schedule, "sessionTarget": "isolated", "wakeMode": "now",
        "payload": { "kind": "agentTurn", "message": "Report!" },
        "failureAlert": { "after": 1, "channel": Telegram::CHANNEL, "to": to },
    });
    let row = CronRow { id: id.to_owned(), job, state: json!({}), due_at_ms, created_at_ms: 0, updated_at_ms: 0 };
    std::fs::create_dir_all(house.home.state_dir()).unwrap();
    let path = house.home.state_dir().join(DATABASE_FILE);
    let store = Store::open(OpenOptions { path, writer: WriterMode::Inline }).unwrap();
    store.add_cron_job(row).await.unwrap();
    store.close().await.unwrap();
    (house, chat)
}

/// A life that ends at this point, maybe before the gateway says that it is ready.
fn die_at(point: &str, house: &House) {
    let mut command = house.home.command(&["gateway"]);
    command.env("CHELA_GATEWAY_TOKEN", TOKEN).env("CHELA_FAULT_POINT", point);
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert_eq!(status.signal(), Some(9), "{point}");
}

/// What the chat was told of the job.
fn told(chat: &Telegram) -> Vec<String> {
    chat.texts(Place::Direct).into_iter().filter(|text| text.contains("\"report\"")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn g32_killed_while_what_is_due_once_fails_it_waits_for_one_more_try_and_is_told_once() {
    for point in CRON_POINTS {
        let due = jiff::Timestamp::now().as_millisecond();
        let (house, chat) = with_job("once", json!({ "kind": "at", "at": due.to_string() }), Some(due)).await;
        house.model.respond_with(|_| Step::text(""));
        die_at(point, &house);

        for life in ["the next life", "the one after it"] {
            let at = format!("{point}, {life}");
            let gateway = house.start();
            let mut talk = Talk::new(&gateway).await;
            let entry = the_only_run(&mut talk, "once", &at).await;
            assert_eq!(
                (&entry["status"], &entry["runId"]),
                (&json!("error"), &json!(format!("cron:once:{due}"))),
                "{at}"
            );
            let job = job(&talk, "once").await;
            let state = &job["state"];
            assert_eq!((&job["enabled"], &state["consecutiveErrors"]), (&json!(true), &json!(1)), "{at}: {job}");
            let pause = state["nextRunAtMs"].as_i64().unwrap() - entry["ts"].as_i64().unwrap();
            assert_eq!(pause, 30_000, "{at}: {job}");
            chat.wait(&format!("the alert, {at}"), |chat| !told(chat).is_empty()).await;
            // A chat in which nothing was said before can't be searched, so what is being sent may end.
            gateway.stop();
        }
        assert_eq!(told(&chat).len(), 1, "{point}: {:?}", told(&chat));
        chat.assert_clean();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g32_killed_while_a_time_is_noted_as_missed_the_job_is_off_with_it_and_it_is_told_once() {
    for point in ["cron.before_claim", "cron.after_claim"] {
        let long_ago = jiff::Timestamp::now().as_millisecond() - 30 * 24 * HOUR_MS;
        let at = json!({ "kind": "at", "at": long_ago.to_string() });
        let (house, chat) = with_job("lost", at, Some(long_ago)).await;
        die_at(point, &house);
        if point == "cron.after_claim" {
            let path = house.home.state_dir().join(DATABASE_FILE);
            let store = Store::open(OpenOptions { path, writer: WriterMode::Inline }).unwrap();
            let row = store.cron_job("lost").await.unwrap().unwrap();
            assert_eq!((&row.job["enabled"], row.due_at_ms), (&json!(false), None), "{point}");
            store.close().await.unwrap();
        }
        for life in ["the next life", "the one after it"] {
            let at = format!("{point}, {life}");
            let gateway = house.start();
            let mut talk = Talk::new(&gateway).await;
            let entry = the_only_run(&mut talk, "lost", &at).await;
            assert_eq!((&entry["status"], &entry["missed"]), (&json!("skipped"), &json!(1)), "{at}");
            assert_eq!(job(&talk, "lost").await["enabled"], false, "{at}");
            chat.wait(&format!("the notice, {at}"), |chat| !told(chat).is_empty()).await;
            // A chat in which nothing was said before can't be searched, so what is being sent may end.
            gateway.stop();
        }
        assert_eq!(told(&chat).len(), 1, "{point}: {:?}", told(&chat));
        assert!(told(&chat)[0].contains("did not run: missed: "), "{point}: {:?}", told(&chat));
        chat.assert_clean();
    }
}

/// A receiver of webhooks; tells the name of each posting.
async fn receiver() -> (String, mpsc::UnboundedReceiver<String>) {
    let (told, names) = mpsc::unbounded_channel();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/in", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = String::new();
            while !request.ends_with('}') {
                let mut piece = [0; 4096];
                let read = stream.read(&mut piece).await.unwrap();
                assert_ne!(read, 0, "{request}");
                request.push_str(std::str::from_utf8(&piece[..read]).unwrap());
            }
            let name = request.lines().find_map(|line| line.strip_prefix("idempotency-key: "));
            told.send(name.unwrap().to_owned()).unwrap();
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
        }
    });
    (url, names)
}

#[tokio::test(flavor = "multi_thread")]
async fn g32_killed_before_its_end_is_written_a_run_is_posted_again_under_the_same_name() {
    let (url, mut posted) = receiver().await;
    let house = House::new(WIRES[0]).await;
    house.model.respond_with(|_| Step::text("The report."));
    house.configure("", "cron", json!({ "webhookSsrfPolicy": { "allowedHostnames": ["127.0.0.1"] } }));
    let gateway = house.start_to_die_at("cron.before_finish");
    let talk = Talk::new(&gateway).await;
    let due = jiff::Timestamp::now().as_millisecond() + 500;
    let added = json!({
        "name": "report", "schedule": { "kind": "every", "everyMs": HOUR_MS, "anchorMs": due },
        "payload": { "kind": "agentTurn", "message": "Report!" }, "delivery": { "mode": "webhook", "to": url },
    });
    let added = talk.call("cron.add", added).await.unwrap();
    let id = added["id"].as_str().unwrap();
    assert_eq!(gateway.died().signal(), Some(9));
    let gateway = house.start();
    let entry = the_only_run(&mut Talk::new(&gateway).await, id, "the next life").await;
    assert_eq!((&entry["status"], &entry["deliveryStatus"]), (&json!("ok"), &json!("delivered")));
    let names = [posted.recv().await.unwrap(), posted.recv().await.unwrap()];
    assert_eq!(names, [entry["runId"].as_str().unwrap(), entry["runId"].as_str().unwrap()]);
    assert!(posted.try_recv().is_err(), "it is posted no third time");
    gateway.kill();
}
