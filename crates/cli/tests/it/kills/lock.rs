//! One gateway on a state dir, whatever the last one left behind.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use super::house::{House, Talk, WIRES, repeats};
use crate::support::{Home, RunningGateway};

#[tokio::test(flavor = "multi_thread")]
async fn g06_it_starts_again_after_every_kill() {
    let house = House::new(WIRES[0]).await;
    for round in 0..5 * repeats() {
        let gateway = house.start();
        let message = format!("text{round}");
        let talk = Talk::new(&gateway).await;
        assert_eq!(talk.ask(&message).await.unwrap()["status"], "ok");
        gateway.kill();
    }
    let gateway = house.start();
    let talk = Talk::new(&gateway).await;
    assert_eq!(talk.history().await.len(), 2 * 5 * repeats());
}

#[tokio::test(flavor = "multi_thread")]
async fn g06_a_second_instance_is_refused_and_told_who_holds_the_place() {
    let house = House::new(WIRES[0]).await;
    let gateway = house.start();
    for _ in 0..3 {
        let second = house.home.run(&["gateway", "--port", "0", "--bind", "loopback"]);
        assert_eq!(second.code, 1, "{second:?}");
        assert!(second.stderr.contains(&format!("pid {}", gateway.pid())), "{second:?}");
        assert!(second.stderr.contains(&gateway.url), "{second:?}");
    }
    assert_eq!(Talk::new(&gateway).await.ask("text1").await.unwrap()["status"], "ok", "the first one goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn g06_a_lock_file_that_names_a_living_process_is_no_lock() {
    let house = House::new(WIRES[0]).await;
    house.start().kill();
    let foreign = format!(r#"{{"pid":{},"startedAtMs":1,"address":"ws://127.0.0.1:1"}}"#, std::process::id());
    let path = house.home.state_dir().join(chela_store::LOCK_FILE);
    for content in [foreign.as_str(), r#"{"pid":1,"startedAtMs":1,"address":null}"#, "\0", ""] {
        std::fs::write(&path, content).unwrap();
        house.start().kill();
    }
}

#[test]
fn g06_a_first_start_that_was_killed_leaves_nothing_that_stops_the_next() {
    const START: [&str; 6] = ["gateway", "--allow-unconfigured", "--port", "0", "--bind", "loopback"];
    for lines in 0..6 {
        let home = Home::new();
        let mut first = home.command(&START).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let said = BufReader::new(first.stdout.take().unwrap()).lines().take(lines).count();
        first.kill().unwrap();
        first.wait().unwrap();
        assert_eq!(said, lines);
        let _gateway = RunningGateway::start(&home);
        home.run(&["config", "validate"]).ok();
        assert!(home.run_with_input(&["chat"], "hi\n").ok().contains("built-in guide"), "killed after {lines} lines");
    }
}
