//! A kill while one message is worked on and another waits behind it.

use std::time::Instant;

use chela_testkit::model::Step;

use super::house::{House, Talk, WIRES, answer_to, repeats};

#[tokio::test(flavor = "multi_thread")]
async fn g07_a_running_and_a_queued_message_are_both_answered_in_order() {
    let house = House::new(WIRES[0]).await;
    for round in 0..repeats() {
        let [first, second, third] = ["m", "text", "n"].map(|kind| format!("{kind}{round}"));
        house.model.push(Step::Hang);
        let asked = house.model.requests().len();
        let gateway = house.start();
        let talk = Talk::new(&gateway).await;
        for message in [&first, &second, &third] {
            assert_eq!(talk.say(message).await.unwrap()["status"], "started");
        }
        house.model.wait_for_requests(asked + 1).await;
        gateway.kill();

        let began = Instant::now();
        let gateway = house.start();
        let ready = began.elapsed();
        let mut talk = Talk::new(&gateway).await;
        talk.answered(&third).await;
        println!("ready {ready:?} after exec, three messages answered {:?} after exec", began.elapsed());
        let history = talk.history().await;
        for message in [&first, &second, &third] {
            talk.assert_once(message, "after a kill").await;
        }
        let place = |line: String| history.iter().position(|known| *known == line).unwrap();
        let answered = [&first, &second, &third].map(|message| place(format!("assistant: {}", answer_to(message))));
        assert!(answered.is_sorted(), "{history:#?}");
        for message in [&first, &third] {
            house.assert_written(message, &[1], "at the end");
        }
    }
    house.model.assert_clean();
}
