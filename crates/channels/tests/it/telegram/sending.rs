//! What is special about sending: looking for a message without reading, captions, keyboards.

use chela_channels::{Button, MessageId, OutboundMedia, OutboundPart, SendErrorKind};
use serde_json::json;

use super::{ADA, Gateway, fake, part};
use crate::conformance::world::eventually;

fn with_buttons(text: &str) -> OutboundPart {
    let button = Button { label: "Yes".to_owned(), command: "/yes".to_owned() };
    OutboundPart { buttons: vec![vec![button]], ..part(ADA, text) }
}

#[tokio::test]
async fn a_message_with_buttons_is_found_and_keeps_them() {
    let (fake, gateway) = (fake().await, Gateway::default());
    let running = gateway.open(&fake, json!({}));
    let question = MessageId(fake.say(ADA, ADA, "may you?").send().to_string());
    let asked = with_buttons("May I?");
    let sent = running.channel.send(&asked).await.expect("it is sent");
    let found = running.channel.find(&asked, Some(&question), &[]).await.expect("Telegram answers");
    assert_eq!(found.as_ref(), Some(&sent));
    assert_eq!(fake.bot_messages(ADA)[0].buttons.len(), 1);
    assert_eq!(running.channel.find(&asked, Some(&question), &[sent.message]).await, Ok(None));
    assert_eq!(running.channel.find(&asked, None, &[]).await, Ok(None), "there is nowhere to begin");
    fake.assert_clean();
}

#[tokio::test]
async fn looking_for_a_message_ends_after_twenty_calls() {
    let (fake, gateway) = (fake().await, Gateway::default());
    let running = gateway.open(&fake, json!({}));
    let found = running.channel.find(&part(ADA, "x"), Some(&MessageId("5".to_owned())), &[]).await;
    assert_eq!(found, Ok(None));
    assert_eq!(fake.calls("editMessageReplyMarkup").len(), 20);
}

#[tokio::test]
async fn a_caption_that_is_too_long_is_refused_before_anything_is_sent() {
    let (fake, gateway) = (fake().await, Gateway::default());
    let running = gateway.open(&fake, json!({}));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.txt");
    std::fs::write(&path, "text").expect("it can be written");
    let media = OutboundMedia { path, name: "a.txt".to_owned(), mime: "text/plain".to_owned(), voice: false };
    let file = |text: &str| OutboundPart { media: Some(media.clone()), ..part(ADA, text) };
    let error = running.channel.send(&file(&"x".repeat(1025))).await.expect_err("it is too long");
    assert_eq!(error.kind, SendErrorKind::Refused);
    running.channel.send(&file(&"x".repeat(1024))).await.expect("it fits");
    assert_eq!(fake.bot_messages(ADA).len(), 1);
    fake.assert_clean();
}

#[tokio::test]
async fn a_file_that_is_gone_is_named() {
    let (fake, gateway) = (fake().await, Gateway::default());
    let running = gateway.open(&fake, json!({}));
    let media = OutboundMedia {
        path: "/nowhere/a.txt".into(),
        name: "a.txt".to_owned(),
        mime: "text/plain".to_owned(),
        voice: false,
    };
    let error = running.channel.send(&OutboundPart { media: Some(media), ..part(ADA, "") }).await;
    let error = error.expect_err("there is no such file");
    assert!(error.kind == SendErrorKind::Refused && error.message.contains("a.txt"), "{error}");
}

#[tokio::test]
async fn the_menu_goes_when_it_is_switched_off() {
    let (fake, gateway) = (fake().await, Gateway::default());
    let custom = json!({"customCommands": [{"command": "backup", "description": "Saves all"}]});
    let running = gateway.open(&fake, custom);
    let names = || fake.commands().as_array().map_or(0, Vec::len);
    eventually("the menu", || (names() == 3).then_some(())).await;
    eventually("that it is noted", || gateway.0.state.kept("commands")).await;
    drop(running);
    let _running = gateway.open(&fake, json!({"commands": {"native": false}}));
    eventually("no menu", || (names() == 0).then_some(())).await;
    fake.assert_clean();
}
