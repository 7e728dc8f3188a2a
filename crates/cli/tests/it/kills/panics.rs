//! A panic at every point that a message passes: the task in which it happens dies alone, the process lives, and the message is
//! answered all the same (G14).

use chela_store::fault::POINTS;
use serde_json::json;

use super::chats::{answer, assert_answers, until_answered};
use super::house::{House, Talk, WIRES};
use super::platforms::{Place, Platform, Preview, Telegram};

#[tokio::test(flavor = "multi_thread")]
async fn g14_a_panic_anywhere_on_the_way_of_a_message_costs_nothing() {
    for point in POINTS.iter().filter(|point| !point.contains("preview")) {
        let platform = Telegram::start().await;
        let house = House::with_channels(
            WIRES[0],
            &json!({ Telegram::CHANNEL: platform.account(Preview::Off) }),
            &[platform.owner()],
        )
        .await;
        house.model.respond_with(answer);
        let fault = format!("{point}=panic*1");
        let gateway = house.start_with(&[("CHELA_FAULT_POINT", &fault)]);
        let mut talk = Talk::new(&gateway).await;
        platform.say(Place::Direct, "m1");
        if point.starts_with("session.") {
            // Nothing but the task of the session knew of it, which is started anew after a pause.
            talk.event(|name, payload| name == "chat" && payload["state"] == "final").await;
        }
        until_answered(&platform, &["m1"], &[], point).await;
        platform.say(Place::Direct, "text2");
        until_answered(&platform, &["m1", "text2"], &[], point).await;
        assert_answers(&platform, &["m1", "text2"], &[], point);
        house.assert_written("m1", &[0, 1], point);
        let said = gateway.console();
        assert!(said.contains(&format!("a test asked for a panic at {point}")), "{point}: {said}");
        assert_eq!(gateway.stop(), Some(0), "{point}: it lived to be stopped");
        house.model.assert_clean();
        platform.assert_clean();
    }
}
