//! The process dies at every named point, for every way in.

use std::os::unix::process::ExitStatusExt as _;

use serde_json::Value;

use super::house::{House, INTERRUPTED, Talk, WIRES, answer_to, ask_over_http};
use crate::support::RunningGateway;

#[derive(Debug, Clone, Copy)]
enum Way {
    Chat,
    Agent,
    Http,
}

/// What the client of a message learned.
#[derive(Debug, PartialEq, Eq)]
enum Heard {
    Nothing,
    /// It is durable.
    Accepted,
    Answer(String),
}

impl Way {
    async fn send(self, gateway: &RunningGateway, message: &str) -> Heard {
        let talk = Talk::new(gateway).await;
        let text = match self {
            Self::Chat => return talk.say(message).await.map_or(Heard::Nothing, |_| Heard::Accepted),
            Self::Agent => talk.ask(message).await.map(|last| last["result"]["payloads"][0]["text"].clone()).ok(),
            Self::Http => {
                let answer = ask_over_http(gateway, message).await;
                answer.map(|answer| answer["choices"][0]["message"]["content"].clone())
            }
        };
        text.map_or(Heard::Nothing, |text| Heard::Answer(text.as_str().unwrap_or_default().to_owned()))
    }
}

/// Everything that a message passes whose answer goes to no chat platform; [`super::chats`] has the rest.
fn points() -> impl Iterator<Item = &'static str> {
    chela_store::fault::POINTS.iter().copied().filter(|point| !point.starts_with("outbox."))
}

async fn dies_at_every_point(way: Way) {
    for (number, point) in points().enumerate() {
        let house = House::new(WIRES[number % WIRES.len()]).await;
        let at = format!("{way:?} at {point}");
        let gateway = house.start_to_die_at(point);
        let heard = way.send(&gateway, "m1").await;
        assert_eq!(gateway.died().signal(), Some(9), "{at}");
        assert!(!matches!(heard, Heard::Answer(_)), "{at}: it died before it could answer");

        let gateway = house.start();
        let mut talk = Talk::new(&gateway).await;
        let committed = point != "inbox.before_commit";
        assert!(committed || heard == Heard::Nothing, "{at}: acknowledged but not durable");
        if committed {
            talk.answered("m1").await;
        }
        // A client that heard nothing sends its message again, and so does one that is not sure.
        let again = way.send(&gateway, "m1").await;
        talk.answered("m1").await;
        match way {
            Way::Chat => assert_eq!(again, Heard::Accepted, "{at}"),
            Way::Agent | Way::Http => assert_eq!(again, Heard::Answer(answer_to("m1")), "{at}"),
        }
        assert_nothing_lost_or_doubled(&house, &talk, point, &at).await;
    }
}

async fn assert_nothing_lost_or_doubled(house: &House, talk: &Talk, point: &str, at: &str) {
    talk.assert_once("m1", at).await;
    let done = usize::from(point != "turn.before_tool");
    house.assert_written("m1", &[done], at);
    let cut = matches!(point, "turn.before_tool" | "turn.in_tool");
    assert_eq!(house.told("m1"), cut, "{at}: `{INTERRUPTED}`");
    house.model.assert_clean();
    // The conversation goes on.
    assert!(talk.ask("text2").await.is_ok_and(|last: Value| last["status"] == "ok"), "{at}");
    house.model.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn g07_killed_at_every_point_of_a_chat() {
    dies_at_every_point(Way::Chat).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn g07_killed_at_every_point_of_an_agent_run() {
    dies_at_every_point(Way::Agent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn g07_killed_at_every_point_of_an_openai_request() {
    dies_at_every_point(Way::Http).await;
}
