//! Events as Discord documents them, and what becomes of them.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::context::{NativeArg, NativeCommand};
use crate::discord::names::{Names, Unknown};
use crate::discord::normalise::{self, Us};
use crate::discord::wire;
use crate::inbound::{ChatKind, InboundMessage, MediaKind, Mention, PlaceName, Quoted, Sender};

const US: &str = "1000";

fn us() -> Us {
    Us { id: US.into(), application: "1001".into(), name: "chela".into() }
}

fn wire<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("an object of Discord")
}

/// A server with a channel, a forum and a post in it, and the bot's own role.
fn names() -> Names {
    let names = Names::default();
    names.learn_guild(
        &wire(json!({
            "id": "10", "name": "Friends of Chela", "large": false, "members": [{ "deaf": false }],
            "channels": [
                { "id": "20", "type": 0, "name": "general", "position": 1, "last_message_id": null },
                { "id": "30", "type": 15, "name": "questions" },
            ],
            "threads": [{ "id": "31", "type": 11, "name": "How do I?", "parent_id": "30" }],
            "roles": [{ "id": "50", "tags": { "bot_id": US } }, { "id": "51", "tags": { "premium_subscriber": null } }, { "id": "52" }],
        })),
        US,
    );
    names
}

/// A message of Ann in the channel `general`, with these fields changed.
fn said(changes: Value) -> Option<InboundMessage> {
    let mut message = json!({
        "id": "1181234567890000000", "channel_id": "20", "guild_id": "10", "type": 0, "tts": false, "pinned": false, "flags": 0,
        "content": "hello", "timestamp": "2026-01-02T03:04:05.678000+00:00", "edited_timestamp": null,
        "author": { "id": "7", "username": "ann", "global_name": "Ann", "discriminator": "0", "avatar": null, "public_flags": 0 },
        "member": { "nick": "Annie", "roles": ["52"], "joined_at": "2020-01-01T00:00:00+00:00", "deaf": false, "mute": false },
        "mentions": [], "mention_roles": [], "mention_everyone": false, "attachments": [], "embeds": [], "components": [],
        "nonce": "1", "channel_type": 0,
    });
    let Value::Object(changes) = changes else { panic!("changes are an object") };
    for (key, value) in changes {
        message[key] = value;
    }
    normalise::message(&us(), &names(), &wire(message))
}

fn place(id: &str, names: &[&str]) -> PlaceName {
    PlaceName { id: id.into(), names: names.iter().map(|name| (*name).to_owned()).collect() }
}

#[test]
fn a_message_of_a_channel_names_its_place_and_its_sender() {
    let message = said(json!({})).expect("a message");
    assert_eq!((message.event.as_str(), message.chat.as_str()), ("m:1181234567890000000", "20"));
    assert_eq!((message.chat_kind, message.chat_id.as_str(), message.thread), (ChatKind::Channel, "20", None));
    assert_eq!(message.guild.as_deref(), Some("10"));
    assert_eq!(message.places, [place("10", &["Friends of Chela", "friends-of-chela"]), place("20", &["general"])]);
    assert_eq!((message.sender.id.as_str(), message.sender.name.as_str()), ("7", "Annie"));
    assert_eq!((message.sender.username.as_deref(), message.sender.roles), (Some("ann"), vec!["52".to_owned()]));
    assert_eq!(message.sent_at_ms, (1_181_234_567_890_000_000_i64 >> 22) + 1_420_070_400_000);
    assert_eq!((message.text.as_str(), message.mention), ("hello", Mention::default()));
}

#[test]
fn a_post_of_a_forum_is_a_thread_of_it() {
    let message = said(json!({ "channel_id": "31" })).expect("a message");
    assert_eq!((message.chat.as_str(), message.chat_id.as_str(), message.thread.as_deref()), ("31", "30", Some("31")));
    assert_eq!(message.places[1..], [place("30", &["questions"]), place("31", &["How do I?", "how-do-i"])]);
}

#[test]
fn a_message_without_a_server_is_a_direct_chat_or_a_group() {
    let direct = said(json!({ "channel_id": "90", "guild_id": null, "member": null })).expect("a message");
    assert_eq!((direct.chat_kind, direct.chat_id.as_str(), direct.places), (ChatKind::Direct, "90", vec![]));
    assert_eq!(direct.sender.name, "Ann");
    let names = names();
    names.learn_channel(&wire(json!({ "id": "91", "type": 3, "name": "Lunch" })), None);
    let spot = names.spot("91", None);
    assert_eq!((spot.kind, spot.places), (ChatKind::Group, vec![place("91", &["Lunch", "lunch"])]));
}

#[test]
fn names_that_are_missing_are_told_from_the_outside_in() {
    let names = Names::default();
    assert_eq!(names.unknown_of("31", "10"), Some(Unknown::Guild("10".into())));
    names.learn_guild(&wire(json!({ "id": "10", "name": "Friends" })), US);
    assert_eq!(names.unknown_of("31", "10"), Some(Unknown::Channel("31".into())));
    names.learn_channel(
        &wire(json!({ "id": "31", "type": 11, "guild_id": "10", "parent_id": "30", "name": "t" })),
        None,
    );
    assert_eq!(names.unknown_of("31", "10"), Some(Unknown::Channel("30".into())));
    names.learn_channel(
        &wire(json!({ "id": "30", "type": 15, "guild_id": "10", "parent_id": "29", "name": "q" })),
        None,
    );
    assert_eq!(names.unknown_of("31", "10"), None);
    names.forget_guild("10");
    assert!(names.guild_of("31").is_none());
}

#[test]
fn a_mention_of_us_is_one_by_name_by_our_role_or_by_a_reply() {
    let ours = |changes: Value| said(changes).map(|message| (message.text, message.mention)).expect("a message");
    let of_us = Mention { us: true, others: false };
    let user = |id: &str| json!([{ "id": id, "username": "x" }]);
    let cases = [
        (json!({ "content": "<@1000> hi", "mentions": user(US) }), "hi", of_us),
        (json!({ "content": " <@!1000>, <@&50>: hi <@1000>", "mentions": user(US) }), "hi <@1000>", of_us),
        (json!({ "content": "<@&50> hi", "mention_roles": ["50"] }), "hi", of_us),
        (json!({ "content": "<@&52> hi", "mention_roles": ["52"] }), "<@&52> hi", Mention { us: false, others: true }),
        (json!({ "content": "<@8> hi", "mentions": user("8") }), "<@8> hi", Mention { us: false, others: true }),
        (json!({ "content": "all", "mention_everyone": true }), "all", Mention { us: false, others: true }),
        (
            json!({ "type": 19, "content": "yes", "referenced_message": { "id": "5", "author": { "id": US } } }),
            "yes",
            of_us,
        ),
    ];
    for (changes, text, mention) in cases {
        assert_eq!(ours(changes.clone()), (text.to_owned(), mention), "{changes}");
    }
}

#[test]
fn a_reply_carries_what_it_quotes() {
    let quoted =
        json!({ "id": "5", "content": "before", "author": { "id": "8", "username": "bob", "global_name": null } });
    let message = said(json!({ "type": 19, "referenced_message": quoted })).expect("a message");
    let expected = Quoted {
        message: crate::MessageId("5".into()),
        sender: Sender { id: "8".into(), name: "bob".into(), username: Some("bob".into()), ..Sender::default() },
        text: "before".into(),
        is_ours: false,
        is_forward: false,
    };
    assert_eq!(message.reply_to, Some(expected));
    assert_eq!(said(json!({ "type": 19, "referenced_message": null })).and_then(|message| message.reply_to), None);
}

#[test]
fn what_nobody_said_is_no_message() {
    for changes in
        [json!({ "author": { "id": US } }), json!({ "webhook_id": "3" }), json!({ "type": 7 }), json!({ "author": {} })]
    {
        assert_eq!(said(changes.clone()), None, "{changes}");
    }
    assert!(
        said(json!({ "author": { "id": "8", "username": "other", "bot": true } }))
            .is_some_and(|message| message.sender.is_bot)
    );
}

#[test]
fn files_voices_stickers_and_forwarded_ones_can_be_fetched() {
    let file = |name: &str, mime: &str| json!({ "id": "1", "filename": name, "content_type": mime, "size": 9, "url": format!("https://cdn.discordapp.com/{name}") });
    let message = said(json!({
        "attachments": [file("a.png", "image/png"), file("b.txt", "text/plain; charset=utf-8")],
        "message_snapshots": [{ "message": { "content": "forwarded", "attachments": [file("c.mp4", "video/mp4")] } }],
        "sticker_items": [{ "id": "77", "name": "wave", "format_type": 1 }, { "id": "78", "name": "drawn", "format_type": 3 }],
    }))
    .expect("a message");
    let kinds: Vec<_> = message
        .media
        .iter()
        .map(|media| (media.kind, media.name.as_deref().unwrap_or(""), media.mime.as_deref()))
        .collect();
    assert_eq!(
        kinds,
        [
            (MediaKind::Image, "a.png", Some("image/png")),
            (MediaKind::File, "b.txt", Some("text/plain")),
            (MediaKind::Video, "c.mp4", Some("video/mp4")),
            (MediaKind::Sticker, "wave", Some("image/png")),
        ]
    );
    assert_eq!(message.text, "hello\n\n[forwarded]\nforwarded");
    let order = said(json!({ "content": "", "message_snapshots": [{ "message": { "content": "/new" } }] }));
    assert_eq!(order.expect("a message").text, "[forwarded]\n/new", "what somebody else wrote is no command");
    let voice = said(json!({ "flags": 8192, "attachments": [file("v.ogg", "audio/ogg")] })).expect("a message");
    assert_eq!(voice.media[0].kind, MediaKind::Voice);
}

#[test]
fn an_edit_is_one_only_if_somebody_edited() {
    let message = |edited: Value| -> wire::Message {
        wire(
            json!({ "id": "4", "channel_id": "20", "guild_id": "10", "author": { "id": "7" }, "content": "new", "edited_timestamp": edited }),
        )
    };
    assert_eq!(normalise::edited(&us(), &names(), &message(Value::Null)), None);
    let edited = normalise::edited(&us(), &names(), &message(json!("2026-01-02T03:04:05+00:00"))).expect("an edit");
    assert_eq!(edited.event, "e:4:2026-01-02T03:04:05+00:00");
}

#[test]
fn reactions_say_whose_message_they_are_on() {
    let reaction = |user: &str, author: Value, emoji: Value| {
        let wire: wire::Reaction = wire(json!({
            "user_id": user, "channel_id": "20", "message_id": "4", "guild_id": "10", "emoji": emoji, "message_author_id": author,
            "member": { "user": { "id": user, "username": "ann" }, "roles": ["52"] }, "burst": false, "type": 0,
        }));
        normalise::reaction(&us(), &names(), "r:s:9".into(), &wire, true)
    };
    let unicode = reaction("7", json!(US), json!({ "id": null, "name": "👍" })).expect("a reaction");
    assert_eq!((unicode.emoji.as_str(), unicode.on_ours, unicode.place.sender.id.as_str()), ("👍", true, "7"));
    let own = reaction("7", json!("8"), json!({ "id": "66", "name": "parrot" })).expect("a reaction");
    assert_eq!((own.emoji.as_str(), own.on_ours), ("<:parrot:66>", false));
    assert_eq!(reaction(US, json!("8"), json!({ "name": "👍" })), None);
}

#[test]
fn a_command_is_what_would_be_typed() {
    let arg =
        |name: &str| NativeArg { name: name.into(), description: String::new(), completes: false, choices: Vec::new() };
    let commands =
        [NativeCommand { name: "model".into(), description: String::new(), args: vec![arg("name"), arg("level")] }];
    let interaction: wire::Interaction = wire(json!({
        "id": "1181234567890000000", "application_id": "1001", "type": 2, "token": "t", "version": 1, "guild_id": "10", "channel_id": "31",
        "channel": { "id": "31", "type": 11 }, "member": { "user": { "id": "7", "username": "ann" }, "roles": ["52"], "permissions": "0" },
        "data": { "id": "2", "name": "model", "type": 1, "options": [
            { "name": "level", "type": 4, "value": 3 }, { "name": "name", "type": 3, "value": "gpt" },
        ] },
    }));
    let message = normalise::interaction(&names(), &interaction, &commands).expect("a message");
    assert_eq!((message.text.as_str(), message.is_native_command, message.mention.us), ("/model gpt 3", true, true));
    assert_eq!((message.chat.as_str(), message.chat_id.as_str()), ("31", "30"));
    assert_eq!((message.event.as_str(), message.sender.id.as_str()), ("i:1181234567890000000", "7"));
}

#[test]
fn a_button_says_its_command_and_a_menu_what_was_chosen() {
    let pressed = |data: Value| {
        let interaction: wire::Interaction = wire(json!({
            "id": "5", "application_id": "1001", "type": 3, "token": "t", "channel_id": "90", "user": { "id": "7", "username": "ann" },
            "message": { "id": "4", "channel_id": "90" }, "data": data,
        }));
        normalise::interaction(&names(), &interaction, &[])
    };
    let button = pressed(json!({ "custom_id": "/stop", "component_type": 2 })).expect("a message");
    assert_eq!((button.text.as_str(), button.message.0.as_str(), button.chat_kind), ("/stop", "4", ChatKind::Direct));
    let menu = pressed(json!({ "custom_id": "/model", "component_type": 3, "values": ["a/b"] })).expect("a message");
    assert_eq!(menu.text, "/model a/b");
    assert_eq!(pressed(json!({ "custom_id": "elsewhere" })), None);
}
