//! One gateway on a state dir, whatever the last one left behind.

use super::house::{House, Talk, WIRES, repeats};

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
