//! The process dies while a call waits for a person: nothing has run, and nothing runs without a new question (G23, G26).

use chela_testkit::model::Step;
use serde_json::json;

use super::house::{House, Talk, WIRES};
use crate::support::PATIENCE;

/// Reads a file, and then wants to run a command that is no listed one.
fn after_reading(house: &House) {
    std::fs::write(house.workspace().join("notes.txt"), "run it").unwrap();
    house.model.respond_with(|request| {
        if request.text.contains("Interrupted by a restart") {
            return Step::text("It was cut off.");
        }
        if request.text.contains("run it") {
            return Step::tools([("exec", json!({ "command": "touch ran" }))]);
        }
        Step::tools([("read", json!({ "path": "notes.txt" }))])
    });
}

#[tokio::test]
async fn g26_a_kill_while_a_call_waits_executes_nothing() {
    let house = House::new(WIRES[0]).await;
    after_reading(&house);
    let gateway = house.start();
    let mut talk = Talk::new(&gateway).await;
    talk.say("go").await.unwrap();
    let question = talk.event(|name, _| name == "exec.approval.requested").await;
    gateway.kill();
    let gateway = house.start();
    let talk = Talk::new(&gateway).await;
    let late = json!({ "id": question["id"], "decision": "allow-once" });
    talk.call("exec.approval.resolve", late).await.unwrap_err();
    let view = talk.call("approval.get", json!({ "id": question["id"] })).await.unwrap();
    assert_eq!((&view["approval"]["status"], &view["approval"]["reason"]), (&json!("expired"), &json!("restart")));
    let told = async {
        while !talk.history().await.contains(&"assistant: It was cut off.".to_owned()) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, told).await.expect("the turn goes on after the kill");
    assert!(!house.workspace().join("ran").exists());
}
