//! Long polling: what is passed over, what is kept, and who else polls.

use std::time::Duration;

use chela_channels::{ConnectionState, HttpSource as _, InboundMessage, Patience};
use serde_json::json;

use super::{ADA, Gateway, fake, part};
use crate::conformance::world::{IMPATIENT, TestHttp, eventually, now_ms};

#[tokio::test]
async fn an_update_that_nobody_can_read_holds_up_nothing() {
    let (fake, gateway) = (fake().await, Gateway::default());
    fake.push_raw_update("message", ADA, &json!({"message_id": "of the future", "chat": {"id": ADA}}));
    fake.push_raw_update("hologram", ADA, &json!({"depth": 3}));
    fake.say(ADA, ADA, "hello").send();
    let _running = gateway.open(&fake, json!({}));
    gateway.heard("hello").await;
    eventually("all to be confirmed", || (fake.waiting_updates() == 0).then_some(())).await;
    fake.assert_clean();
}

#[tokio::test]
async fn another_program_that_polls_is_told_in_plain_words() {
    let (fake, gateway) = (fake().await, Gateway::default());
    // Long enough to be seen.
    let slow = Patience { retry_first: Duration::from_millis(300), ..IMPATIENT };
    let _running = gateway.open_with(&fake, json!({}), slow);
    gateway.connected().await;
    eventually("an open poll", || (fake.polls().open == 1).then_some(())).await;
    let other = TestHttp.client().expect("a client can be made");
    let url = format!("{}/bot{}/getUpdates", fake.url(), fake.token());
    other.post(url).json(&json!({"timeout": 0})).send().await.expect("the fake answers");
    let status =
        eventually("the trouble", || Some(gateway.0.status.read()).filter(|status| status.last_error.is_some())).await;
    assert_eq!(status.state, ConnectionState::Reconnecting);
    assert!(status.last_error.is_some_and(|words| words.starts_with("another program polls this bot")));
    let status =
        eventually("its end", || Some(gateway.0.status.read()).filter(|status| status.last_error.is_none())).await;
    assert_eq!((status.state, status.reconnects), (ConnectionState::Connected, 1));
}

#[tokio::test]
async fn the_offset_is_kept_once_all_is_accepted() {
    let (fake, gateway) = (fake().await, Gateway::default());
    let running = gateway.open(&fake, json!({}));
    fake.say(ADA, ADA, "one").send();
    gateway.heard("one").await;
    let kept = eventually("the offset", || gateway.0.state.kept("offset")).await;
    assert_eq!(kept["bot"], json!(fake.bot_id()));
    drop(running);
    let before = fake.calls("getUpdates").len();
    let _running = gateway.open(&fake, json!({}));
    let first = eventually("a poll", || fake.calls("getUpdates").into_iter().nth(before)).await;
    assert_eq!(first.params.get("offset"), Some(&kept["offset"]));
}

#[tokio::test]
async fn an_offset_of_another_bot_or_of_long_ago_passes_over_nothing() {
    let (fake, gateway) = (fake().await, Gateway::default());
    let week = 7 * 24 * 60 * 60 * 1000;
    let strange = [
        json!({"bot": 1, "offset": 999_999_999, "atMs": now_ms()}),
        json!({"bot": fake.bot_id(), "offset": 999_999_999, "atMs": now_ms() - week}),
        json!("no offset at all"),
    ];
    for (at, kept) in strange.into_iter().enumerate() {
        gateway.0.state.keep("offset", kept);
        let text = format!("message {at}");
        fake.say(ADA, ADA, &text).send();
        let _running = gateway.open(&fake, json!({}));
        gateway.heard(&text).await;
    }
}

#[tokio::test]
async fn a_group_that_moved_keeps_its_rules_and_gets_its_answers() {
    let (fake, gateway) = (fake().await, Gateway::default());
    let old = fake.group("Crew", &[ADA]);
    let running = gateway.open(&fake, json!({}));
    let new = fake.migrate(old);
    fake.say(new, ADA, "still here").send();
    let names = |message: InboundMessage| message.places[0].names.clone();
    assert_eq!(names(gateway.heard("still here").await), ["Crew".to_owned(), old.to_string()]);
    // An answer that was meant for the old id goes to the new one.
    running.channel.send(&part(old, "me too")).await.expect("it is sent");
    let sent: Vec<String> = fake.bot_messages(new).into_iter().map(|message| message.text).collect();
    assert_eq!(sent, ["me too"]);
    drop(running);
    let _running = gateway.open(&fake, json!({}));
    fake.say(new, ADA, "after a restart").send();
    assert_eq!(names(gateway.heard("after a restart").await), ["Crew".to_owned(), old.to_string()]);
}
