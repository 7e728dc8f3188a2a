//! The real binary in a container that it was put into from outside: its session has no number in there (G25).
//!
//! Namespaces can't be made on every machine; where they can't the test says so and ends.

use std::process::Command;

use crate::kills::house::{House, Talk, WIRES};

const CONTAINER: &str = "unshare --pid --fork --kill-child --mount-proc";

#[tokio::test(flavor = "multi_thread")]
async fn g25_commands_run_in_a_container_whose_session_began_outside() {
    let mut made = Command::new("sh");
    let tried = made.args(["-c", &format!("{CONTAINER} true")]).output().unwrap();
    if !tried.status.success() {
        eprintln!("skipped: no container can be made here: {}", String::from_utf8_lossy(&tried.stderr).trim());
        return;
    }
    let house = House::new(WIRES[0]).await;
    let gateway = house.start_under(&format!(r#"exec {CONTAINER} "$0" "$@""#));
    let talk = Talk::new(&gateway).await;
    assert!(talk.ask("m1").await.is_ok_and(|last| last["status"] == "ok"));
    house.assert_written("m1", &[1], "in the container");
    gateway.kill();
}
