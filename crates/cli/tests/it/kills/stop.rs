//! SIGTERM in the middle of a turn: an orderly end, and the turn goes on at the next start (G39).

use std::sync::Arc;

use chela_testkit::model::{Part, Reply, Step};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::Message;

use super::chats::{self, assert_answers, until_answered};
use super::house::{House, TOKEN, Talk, WIRES, answer_to, ask_over_http, request_over_http};
use super::moments::{ALIVE, last_breath};
use super::platforms::{Place, Platform, Preview, Telegram};
use crate::support::{PATIENCE, RunningGateway};

/// What a client on a bare socket is told last: the names of the last event and the close code.
async fn farewell(gateway: &RunningGateway) -> tokio::task::JoinHandle<(String, u16)> {
    let (mut socket, _) = tokio_tungstenite::connect_async(&gateway.url).await.unwrap();
    socket.next().await.unwrap().unwrap();
    let params = json!({
        "minProtocol": 3, "maxProtocol": 4, "role": "operator", "scopes": ["operator.read"], "caps": [],
        "client": { "id": "cli", "version": "1", "platform": "linux", "mode": "cli" }, "auth": { "token": TOKEN },
    });
    let connect = json!({ "type": "req", "id": "c", "method": "connect", "params": params });
    socket.send(Message::text(connect.to_string())).await.unwrap();
    let hello: Value = serde_json::from_str(socket.next().await.unwrap().unwrap().to_text().unwrap()).unwrap();
    assert_eq!(hello["ok"], true, "{hello}");
    tokio::spawn(async move {
        let mut shutdown = String::new();
        loop {
            match socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    let frame: Value = serde_json::from_str(&text).unwrap();
                    if frame["event"] == "shutdown" {
                        frame["payload"]["reason"].as_str().unwrap().clone_into(&mut shutdown);
                    }
                }
                Some(Ok(Message::Close(Some(frame)))) => return (shutdown, frame.code.into()),
                Some(Ok(_)) => {}
                end => panic!("no close frame: {end:?}"),
            }
        }
    })
}

/// Stops in the middle of the first message and starts again: it is answered, and so is the one that waited.
async fn stops_in_the_middle(first_step: Step, here: fn(&str, &Value) -> bool) {
    let house = House::new(WIRES[2]).await;
    house.model.push(first_step);
    let gateway = house.start();
    let told = farewell(&gateway).await;
    let mut talk = Talk::new(&gateway).await;
    talk.say("m1").await.unwrap();
    talk.say("text2").await.unwrap();
    talk.event(here).await;
    assert_eq!(gateway.stop(), Some(0));
    let (reason, code) = told.await.unwrap();
    assert_eq!((reason.is_empty(), code), (false, 1012));

    let gateway = house.start();
    let mut talk = Talk::new(&gateway).await;
    talk.answered("text2").await;
    for message in ["m1", "text2"] {
        talk.assert_once(message, "after a stop").await;
    }
    house.assert_written("m1", &[0, 1], "after a stop");
    house.model.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn g39_a_stop_in_mid_stream_loses_nothing() {
    let parts = [Part::Text("half ".into()), Part::Text("of it ".into()), Part::Gate(Arc::new(Notify::new()))];
    let is_delta = |name: &str, payload: &Value| name == "chat" && payload["state"] == "delta";
    stops_in_the_middle(Step::Reply(Reply::new(parts)), is_delta).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn g39_a_stop_while_a_command_runs_loses_nothing() {
    let command = "echo m1 >> written; echo begun; sleep 60";
    let step = Step::tools([("exec", json!({ "command": command }))]);
    let is_working = |name: &str, payload: &Value| name == "agent" && payload["data"]["phase"] == "update";
    stops_in_the_middle(step, is_working).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn g39_an_openai_request_that_a_stop_cuts_off_is_answered_later() {
    let house = House::new(WIRES[0]).await;
    house.model.push(Step::Hang);
    let gateway = house.start();
    let asked = tokio::spawn(request_over_http(&gateway, "m1").send());
    house.model.wait_for_requests(1).await;
    assert_eq!(gateway.stop(), Some(0));
    let told = asked.await.unwrap().unwrap();
    assert_eq!(told.status(), 503, "the client knows that there is no answer yet");
    let gateway = house.start();
    Talk::new(&gateway).await.answered("m1").await;
    let answer = ask_over_http(&gateway, "m1").await.unwrap();
    assert_eq!(answer["choices"][0]["message"]["content"], answer_to("m1"));
    Talk::new(&gateway).await.assert_once("m1", "after a stop").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn g39_a_stop_ends_commands_in_the_background() {
    let house = House::new(WIRES[0]).await;
    let commands = last_breath(&house);
    let command = format!("exec 3> {ALIVE}; echo m1 >> written; sleep 60 & sleep 60");
    house.model.push(Step::tools([("exec", json!({ "command": command, "yieldMs": 0, "background": true }))]));
    let gateway = house.start();
    Talk::new(&gateway).await.ask("m1").await.unwrap();
    assert!(commands.try_recv().is_err(), "it runs on behind the answer");
    assert_eq!(gateway.stop(), Some(0));
    assert!(commands.recv_timeout(PATIENCE).is_ok(), "nobody is left behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn g39_a_stop_while_twenty_turns_run_loses_none() {
    let house = House::new(WIRES[0]).await;
    house.configure("/agents/defaults", "maxConcurrent", 20.into());
    let gateway = house.start();
    let talk = Talk::new(&gateway).await;
    let messages: Vec<(String, String)> =
        (0..20).map(|number| (format!("agent:main:s{number}"), format!("m{number}"))).collect();
    for (session, message) in &messages {
        house.model.push(Step::Hang);
        talk.say_in(session, message).await.unwrap();
    }
    house.model.wait_for_requests(20).await;
    assert_eq!(gateway.stop(), Some(0));

    let gateway = house.start();
    let mut talk = Talk::new(&gateway).await;
    for (session, message) in &messages {
        let lines = [format!("user: {message}"), format!("assistant: {}", answer_to(message))];
        while !talk.history_of(session).await.contains(&lines[1]) {
            talk.event(|name, payload| name == "chat" && payload["state"] == "final").await;
        }
        let history = talk.history_of(session).await;
        let said: Vec<&String> = history.iter().filter(|line| lines.contains(line)).collect();
        assert_eq!(said, lines.iter().collect::<Vec<_>>(), "{history:#?}");
        house.assert_written(message, &[1], session);
    }
    house.model.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn g39_a_turn_that_ends_in_time_is_answered_before_the_stop() {
    let house = House::new(WIRES[0]).await;
    let gate = Arc::new(Notify::new());
    house.model.push(Step::Reply(Reply::new([Part::Gate(gate.clone()), Part::Text(answer_to("text1"))])));
    let gateway = house.start_with(&[("CHELA_KILL_TIMEOUT", "60")]);
    let mut talk = Talk::new(&gateway).await;
    talk.say("text1").await.unwrap();
    house.model.wait_for_requests(1).await;
    gateway.ask_to_stop();
    talk.event(|name, _| name == "shutdown").await;
    assert!(talk.say("text2").await.is_err(), "nothing new is taken");
    gate.notify_one();
    talk.event(|name, payload| name == "chat" && payload["state"] == "final").await;
    assert_eq!(gateway.died().code(), Some(0));

    let gateway = house.start();
    Talk::new(&gateway).await.assert_once("text1", "after a stop").await;
    assert_eq!(house.model.requests().len(), 1, "it was not asked again");
}

#[tokio::test(flavor = "multi_thread")]
async fn g39_a_second_signal_ends_it_at_once_and_loses_nothing() {
    let house = House::new(WIRES[0]).await;
    house.model.push(Step::Hang);
    // Longer than the test waits for an end.
    let gateway = house.start_with(&[("CHELA_KILL_TIMEOUT", "600")]);
    let mut talk = Talk::new(&gateway).await;
    talk.say("m1").await.unwrap();
    house.model.wait_for_requests(1).await;
    gateway.ask_to_stop();
    talk.event(|name, _| name == "shutdown").await;
    gateway.ask_to_stop();
    assert_eq!(gateway.died().code(), Some(130));

    let gateway = house.start();
    let mut talk = Talk::new(&gateway).await;
    talk.answered("m1").await;
    talk.assert_once("m1", "after two signals").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn g39_a_stop_between_the_parts_of_an_answer_doubles_nothing() {
    let platform = Telegram::start().await;
    let house = House::with_channels(
        WIRES[0],
        &json!({ Telegram::CHANNEL: platform.account(Preview::Off) }),
        &[platform.owner()],
    )
    .await;
    house.model.respond_with(chats::answer);
    let gateway = house.start();
    platform.say(Place::Direct, "m1");
    platform.wait("the first part", |platform| !platform.answers(Place::Direct).is_empty()).await;
    platform.say(Place::Direct, "text2");
    assert_eq!(gateway.stop(), Some(0));
    platform.say(Place::Direct, "text3");

    let _gateway = house.start();
    let direct = ["m1", "text2", "text3"];
    until_answered(&platform, &direct, &[], "after a stop").await;
    assert_answers(&platform, &direct, &[], "after a stop");
    platform.assert_clean();
}
