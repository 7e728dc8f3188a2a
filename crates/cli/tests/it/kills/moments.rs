//! Kills from outside at moments that a client sees, on every wire: the strict model then shows that what a kill leaves
//! behind is still a transcript that its vendor takes (G30).

use std::fs::File;
use std::io::Read as _;
use std::process::Command;
use std::sync::{Arc, mpsc};

use chela_testkit::model::{Part, Reply, Step};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::house::{House, Talk, WIRES, repeats};
use crate::support::PATIENCE;

/// A pipe that a command and its children hold open for as long as they live.
pub(crate) const ALIVE: &str = "alive";

/// Where a turn is when the process dies.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// Some words of the answer are out.
    Stream,
    /// A command has begun, or is about to.
    ToolStart,
    /// A command has written its line and goes on.
    Tool,
    /// The last result is known, and the model is to be asked again.
    BetweenToolAndModel,
}

const MOMENTS: [Moment; 4] = [Moment::Stream, Moment::ToolStart, Moment::Tool, Moment::BetweenToolAndModel];

impl Moment {
    /// What the model says first, if it isn't the usual.
    fn first_step(self, message: &str) -> Option<Step> {
        match self {
            Self::Stream => {
                let half = ["half of an ", "answer "].map(|text| Part::Text(text.to_owned()));
                let thought = Part::Thinking("Slowly.".to_owned());
                let parts = [thought].into_iter().chain(half).chain([Part::Gate(Arc::new(Notify::new()))]);
                Some(Step::Reply(Reply::new(parts)))
            }
            Self::ToolStart | Self::Tool => {
                let command = format!("exec 3> {ALIVE}; echo {message} >> written; echo begun; sleep 60 & sleep 60");
                let calls = [("exec", json!({ "command": command })), ("ls", json!({ "path": "." }))];
                Some(Step::Reply(Reply::tools(calls).thinking("This takes long.")))
            }
            Self::BetweenToolAndModel => None,
        }
    }

    fn is_here(self, name: &str, payload: &Value) -> bool {
        let tool = |phase: &str| name == "agent" && payload["stream"] == "tool" && payload["data"]["phase"] == phase;
        match self {
            Self::Stream => name == "chat" && payload["state"] == "delta",
            Self::ToolStart => tool("start"),
            Self::Tool => tool("update"),
            Self::BetweenToolAndModel => tool("result") && payload["data"]["name"] == "ls",
        }
    }

    /// How often the command may have written its line.
    fn may_be_written(self) -> &'static [usize] {
        match self {
            Self::Stream | Self::Tool | Self::BetweenToolAndModel => &[1],
            Self::ToolStart => &[0, 1],
        }
    }
}

/// Tells when nobody holds the pipe open any more.
pub(crate) fn last_breath(house: &House) -> mpsc::Receiver<()> {
    let path = house.workspace().join(ALIVE);
    if !path.exists() {
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    }
    let (gone, heard) = mpsc::channel();
    std::thread::spawn(move || {
        File::open(path).unwrap().read_to_end(&mut Vec::new()).unwrap();
        let _ = gone.send(());
    });
    heard
}

async fn dies(house: &House, moment: Moment, message: &str) {
    let at = format!("{moment:?} of {message}");
    let commands = last_breath(house);
    if let Some(step) = moment.first_step(message) {
        house.model.push(step);
    }
    let gateway = house.start();
    let mut talk = Talk::new(&gateway).await;
    talk.say(message).await.unwrap();
    talk.event(|name, payload| moment.is_here(name, payload)).await;
    gateway.kill();
    // Opened once more, so that a reader whose command never began comes to an end too.
    drop(File::options().read(true).write(true).open(house.workspace().join(ALIVE)).unwrap());
    assert!(commands.recv_timeout(PATIENCE).is_ok(), "{at}: the command outlived its gateway");

    let gateway = house.start();
    let mut talk = Talk::new(&gateway).await;
    talk.answered(message).await;
    assert_eq!(talk.say(message).await.unwrap()["status"], "ok", "{at}");
    talk.assert_once(message, &at).await;
    house.assert_written(message, moment.may_be_written(), &at);
    assert_eq!(house.told(message), matches!(moment, Moment::ToolStart | Moment::Tool), "{at}");
    let half = talk.history().await.iter().any(|line| line.contains("half of an"));
    assert!(!half, "{at}: what a kill cut off is said anew");
    house.model.assert_clean();
    gateway.kill();
}

async fn dies_at_every_moment(wire: &str) {
    let house = House::new(wire).await;
    for round in 0..repeats() {
        for moment in MOMENTS {
            dies(&house, moment, &format!("m{round}{moment:?}")).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g07_g30_killed_in_mid_turn_on_openai_completions() {
    dies_at_every_moment(WIRES[0]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn g07_g30_killed_in_mid_turn_on_openai_responses() {
    dies_at_every_moment(WIRES[1]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn g07_g30_killed_in_mid_turn_on_anthropic() {
    dies_at_every_moment(WIRES[2]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn g07_g30_killed_in_mid_turn_on_gemini() {
    dies_at_every_moment(WIRES[3]).await;
}
