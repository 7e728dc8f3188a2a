//! The same request again and again is one message.

use std::sync::Arc;

use chela_testkit::model::Step;
use tokio::sync::Notify;

use super::house::{House, Talk, WIRES, answer_to, ask_over_http};

const TIMES: usize = 10;

#[tokio::test(flavor = "multi_thread")]
async fn g09_a_repeated_chat_message_is_one_turn() {
    let house = House::new(WIRES[2]).await;
    let gate = Arc::new(Notify::new());
    house.model.push(Step::gated(&gate, Step::text(answer_to("text1"))));
    let gateway = house.start();
    let mut talk = Talk::new(&gateway).await;
    let mut said = Vec::new();
    for _ in 0..TIMES {
        said.push(talk.say("text1").await.unwrap()["status"].as_str().unwrap().to_owned());
    }
    assert_eq!((said[0].as_str(), said[TIMES - 1].as_str()), ("started", "in_flight"));
    gate.notify_one();
    talk.answered("text1").await;
    for _ in 0..TIMES {
        assert_eq!(talk.say("text1").await.unwrap()["status"], "ok");
    }
    gateway.kill();
    let gateway = house.start();
    let talk = Talk::new(&gateway).await;
    for _ in 0..TIMES {
        assert_eq!(talk.say("text1").await.unwrap()["status"], "ok");
        let last = talk.ask("text1").await.unwrap();
        assert_eq!(last["result"]["payloads"][0]["text"], answer_to("text1"));
    }
    talk.assert_once("text1", "at the end").await;
    assert_eq!(house.model.requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn g09_a_repeated_openai_request_is_one_turn() {
    let house = House::new(WIRES[3]).await;
    let gateway = house.start();
    let asked = (0..TIMES).map(|_| ask_over_http(&gateway, "m1"));
    for answer in futures_util::future::join_all(asked).await {
        assert_eq!(answer.unwrap()["choices"][0]["message"]["content"], answer_to("m1"));
    }
    gateway.kill();
    let gateway = house.start();
    let answer = ask_over_http(&gateway, "m1").await.unwrap();
    assert_eq!(answer["choices"][0]["message"]["content"], answer_to("m1"));
    Talk::new(&gateway).await.assert_once("m1", "at the end").await;
    house.assert_written("m1", &[1], "at the end");
    assert_eq!(house.model.requests().len(), 2);
    house.model.assert_clean();
}
