//! Parts as Telegram's parameters.

use std::path::PathBuf;

use super::*;
use crate::PartKey;

fn part() -> OutboundPart {
    OutboundPart {
        key: PartKey { run: "run".to_owned(), part: 0 },
        chat: "-100:7".to_owned(),
        content: Rendered { markup: "<b>hi</b> &amp;".to_owned(), plain: "hi &".to_owned() },
        media: None,
        reply_to: None,
        via: None,
        buttons: Vec::new(),
        silent: false,
        link_preview: true,
    }
}

fn chat(name: &str) -> Chat {
    Chat::parse(name).expect("a chat")
}

fn button(label: &str, command: &str) -> Button {
    Button { label: label.to_owned(), command: command.to_owned() }
}

#[test]
fn a_text_goes_as_html_and_as_itself_without_markup() {
    assert_eq!(
        text_message(&chat("-100:7"), &part(), ButtonScope::All),
        json!({"chat_id": -100, "message_thread_id": 7, "text": "<b>hi</b> &amp;", "parse_mode": "HTML",
            "link_preview_options": {"is_disabled": false}})
    );
    let mut plain = part();
    plain.content.markup.clear();
    (plain.silent, plain.link_preview) = (true, false);
    plain.reply_to = Some(MessageId("5".to_owned()));
    assert_eq!(
        text_message(&chat("9"), &plain, ButtonScope::All),
        json!({"chat_id": 9, "reply_parameters": {"message_id": 5, "allow_sending_without_reply": true},
            "disable_notification": true, "text": "hi &", "link_preview_options": {"is_disabled": true}})
    );
}

#[test]
fn buttons_show_where_the_configuration_wants_them() {
    let mut part = part();
    part.buttons = vec![
        vec![button("One", "/one"), button("Long", &"x".repeat(65))],
        vec![button("", "/nameless")],
        vec![button("Just", &"x".repeat(64))],
    ];
    let keys = json!({"inline_keyboard": [
        [{"text": "One", "callback_data": "/one"}],
        [{"text": "Just", "callback_data": "x".repeat(64)}],
    ]});
    let shown = |name: &str, scope: ButtonScope| keyboard(&chat(name), &part, scope);
    let (group, person) = ("-5", "5");
    for (scope, in_group, direct) in [
        (ButtonScope::Off, false, false),
        (ButtonScope::Dm, false, true),
        (ButtonScope::Group, true, false),
        (ButtonScope::All, true, true),
        (ButtonScope::Allowlist, true, true),
    ] {
        assert_eq!(shown(group, scope), in_group.then(|| keys.clone()), "{scope:?}");
        assert_eq!(shown(person, scope), direct.then(|| keys.clone()), "{scope:?}");
    }
}

#[test]
fn files_go_as_what_they_are() {
    let media = |mime: &str, voice: bool| OutboundMedia {
        path: PathBuf::from("f"),
        name: "f".to_owned(),
        mime: mime.to_owned(),
        voice,
    };
    let method = |mime: &str, voice: bool, bytes: u64| upload_of(&media(mime, voice), bytes).method;
    for (mime, voice, bytes, expected) in [
        ("image/png", false, 10, "sendPhoto"),
        ("image/png", false, PHOTO_MAX_BYTES + 1, "sendDocument"),
        ("image/gif", false, 10, "sendAnimation"),
        ("image/svg+xml", false, 10, "sendDocument"),
        ("video/mp4", false, 10, "sendVideo"),
        ("audio/ogg", true, 10, "sendVoice"),
        ("audio/ogg", false, 10, "sendDocument"),
        ("audio/mpeg", false, 10, "sendAudio"),
        ("application/pdf", false, 10, "sendDocument"),
    ] {
        assert_eq!(method(mime, voice, bytes), expected, "{mime}");
    }
}
