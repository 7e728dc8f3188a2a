//! Updates as Telegram's documents show them, and what every channel makes of them.

use serde_json::json;

use super::*;
use crate::inbound::{MediaKind, MediaRef};

fn us() -> Us {
    Us { id: 42, username: "Chela_bot".to_owned() }
}

fn meaning(update: Value) -> Meaning {
    let us = us();
    let is_ours = |chat: i64, message: i32| (chat, message) == (7, 3);
    let former_id = |chat: i64| (chat == -1009).then_some(-9);
    let view = View { us: &us, is_ours: &is_ours, former_id: &former_id, now_ms: 5000 };
    let mut update = update;
    update["update_id"] = json!(100);
    read_update(update, view).expect("the update reads").meaning
}

fn only(meaning: Meaning) -> InboundEvent {
    match meaning {
        Meaning::Events(mut events) if events.len() == 1 => events.remove(0),
        other => panic!("expected one event, got {other:?}"),
    }
}

/// What the message of an update says.
fn said(message: Value) -> InboundMessage {
    let mut update = json!({});
    update["message"] = message;
    match only(meaning(update)) {
        InboundEvent::Message(message) => *message,
        other => panic!("expected a message, got {other:?}"),
    }
}

fn ann() -> Value {
    json!({"id": 7, "is_bot": false, "first_name": "Ann", "last_name": "Lee", "username": "ann"})
}

fn private(more: Value) -> Value {
    merged(
        json!({"message_id": 3, "date": 1000, "from": ann(), "chat": {"id": 7, "type": "private", "first_name": "Ann"}}),
        more,
    )
}

fn group(more: Value) -> Value {
    let chat = json!({"id": -1001, "type": "supergroup", "title": "Friends"});
    merged(json!({"message_id": 3, "date": 1000, "from": ann(), "chat": chat}), more)
}

fn forum(more: Value) -> Value {
    let chat = json!({"id": -1001, "type": "supergroup", "title": "Friends", "is_forum": true});
    group(merged(json!({"chat": chat}), more))
}

fn merged(mut base: Value, more: Value) -> Value {
    let (Some(base_map), Value::Object(more)) = (base.as_object_mut(), more) else { panic!("objects only") };
    base_map.extend(more);
    base
}

fn sender() -> Sender {
    Sender {
        id: "7".to_owned(),
        name: "Ann Lee".to_owned(),
        username: Some("ann".to_owned()),
        is_bot: false,
        roles: Vec::new(),
    }
}

#[test]
fn a_direct_message() {
    let expected = InboundMessage {
        event: "message:7:3".to_owned(),
        chat: "7".to_owned(),
        chat_kind: ChatKind::Direct,
        message: MessageId("3".to_owned()),
        chat_id: "7".to_owned(),
        sender: sender(),
        text: "hello".to_owned(),
        sent_at_ms: 1_000_000,
        ..InboundMessage::default()
    };
    assert_eq!(said(private(json!({"text": "hello"}))), expected);
}

#[test]
fn groups_and_topics_name_their_places() {
    let place = |message: &InboundMessage| {
        let places: Vec<(String, Vec<String>)> =
            message.places.iter().map(|place| (place.id.clone(), place.names.clone())).collect();
        (message.chat.clone(), message.thread.clone(), places)
    };
    let friends = ("-1001".to_owned(), vec!["Friends".to_owned()]);
    let plain = said(group(json!({"text": "x", "message_thread_id": 2})));
    assert_eq!(plain.chat_kind, ChatKind::Group);
    assert_eq!(place(&plain), ("-1001".to_owned(), None, vec![friends.clone()]));

    let general = said(forum(json!({"text": "x"})));
    assert_eq!(place(&general), ("-1001".to_owned(), None, vec![friends.clone(), ("1".to_owned(), vec![])]));

    let opening = json!({"message_id": 5, "date": 1, "from": {"id": 42, "is_bot": true, "first_name": "Chela"},
        "chat": {"id": -1001, "type": "supergroup"}, "forum_topic_created": {"name": "News", "icon_color": 1}});
    let topic = said(forum(
        json!({"text": "x", "message_thread_id": 5, "is_topic_message": true, "reply_to_message": opening}),
    ));
    let news = ("5".to_owned(), vec!["News".to_owned()]);
    assert_eq!(place(&topic), ("-1001:5".to_owned(), Some("5".to_owned()), vec![friends, news]));
    assert_eq!(topic.chat_id, "-1001");
    // Every message of a topic hangs on the one that opened it; that is no answer to us.
    assert_eq!((topic.reply_to, topic.mention.us), (None, false));
}

#[test]
fn what_telegram_adds_or_leaves_out_costs_no_message() {
    let strange = said(json!({
        "message_id": 3, "chat": {"id": -5, "type": "constellation", "title": "Stars"}, "from": {"id": 7},
        "text": "look @chela_bot", "entities": [{"type": "hologram", "offset": 0, "length": 4},
            {"type": "mention", "offset": 5, "length": 10}],
        "forward_origin": {"type": "comet"}, "venue": null, "hologram": {"of": ["something"]},
    }));
    assert_eq!(
        (strange.chat_kind, strange.mention.us),
        (ChatKind::Group, true),
        "what is no person's own chat is a group"
    );
    assert_eq!((strange.text.as_str(), strange.is_forward), ("[forwarded from ]\nlook @chela_bot", true));
    let unasked = json!({"business_connection": {"id": "b"}});
    assert_eq!(meaning(unasked), Meaning::Nothing);
}

#[test]
fn messages_within_messages_without_end_are_not_read() {
    let within =
        |depth: usize| (0..depth).fold(private(json!({})), |inner, _| private(json!({ "reply_to_message": inner })));
    let us = us();
    let view = View { us: &us, is_ours: &|_, _| false, former_id: &|_| None, now_ms: 0 };
    let read = |depth| read_update(json!({ "update_id": 1, "message": within(depth) }), view);
    assert!(read(3).is_ok());
    assert!(read(100).is_err_and(|words| words.contains("within each other")));
}

#[test]
fn a_title_is_never_an_id_and_a_former_id_still_counts() {
    let named = |chat: Value| said(group(json!({"text": "x", "chat": chat}))).places[0].names.clone();
    assert_eq!(named(json!({"id": -5, "type": "group", "title": " -1001 "})), Vec::<String>::new());
    assert_eq!(named(json!({"id": -5, "type": "group", "title": "*"})), Vec::<String>::new());
    assert_eq!(named(json!({"id": -1009, "type": "supergroup", "title": "Old"})), ["Old", "-9"]);
}

#[test]
fn whom_a_text_is_meant_for() {
    let check = |text: &str, marks: Value, expected: &str, us: bool, others: bool| {
        let message = said(group(json!({"text": text, "entities": marks})));
        assert_eq!((message.text.as_str(), message.mention), (expected, Mention { us, others }), "{text}");
    };
    let mark = |kind: &str, offset: usize, length: usize| json!({"type": kind, "offset": offset, "length": length});
    check("hi all", json!([]), "hi all", false, false);
    check("@chela_BOT, hi", json!([mark("mention", 0, 10)]), "hi", true, false);
    check("hi @chela_bot", json!([mark("mention", 3, 10)]), "hi @chela_bot", true, false);
    check("@bob hi", json!([mark("mention", 0, 4)]), "@bob hi", false, true);
    check("@bob @chela_bot", json!([mark("mention", 0, 4), mark("mention", 5, 10)]), "@bob @chela_bot", true, false);
    // Offsets count UTF-16 units, of which an emoji has two.
    check("😀 @chela_bot", json!([mark("mention", 3, 10)]), "😀 @chela_bot", true, false);
    check("/status@chela_bot now", json!([mark("bot_command", 0, 17)]), "/status now", true, false);
    check(
        "@chela_bot /status@chela_bot",
        json!([mark("mention", 0, 10), mark("bot_command", 11, 17)]),
        "/status",
        true,
        false,
    );
    check("/status@other_bot", json!([mark("bot_command", 0, 17)]), "/status@other_bot", false, true);
    check("/status", json!([mark("bot_command", 0, 7)]), "/status", false, false);
    check(
        "Chela hi",
        json!([merged(mark("text_mention", 0, 5), json!({"user": {"id": 42, "is_bot": true, "first_name": "Chela"}}))]),
        "hi",
        true,
        false,
    );
    check(
        "Bob hi",
        json!([merged(mark("text_mention", 0, 3), json!({"user": {"id": 8, "is_bot": false, "first_name": "Bob"}}))]),
        "Bob hi",
        false,
        true,
    );
    // Marks that lie outside, and kinds that nobody knows yet, are passed over.
    check("short", json!([mark("mention", 3, 10), mark("hologram", 0, 5)]), "short", false, false);
}

#[test]
fn an_answer_to_us_is_meant_for_us() {
    let quoted = |from: u64, text: &str| {
        json!({"message_id": 2, "date": 1, "from": {"id": from, "is_bot": from == 42, "first_name": "N"},
            "chat": {"id": -1001, "type": "supergroup"}, "text": text})
    };
    let message = said(group(json!({"text": "why?", "reply_to_message": quoted(42, "because")})));
    let expected = Quoted {
        message: MessageId("2".to_owned()),
        sender: Sender { id: "42".to_owned(), name: "N".to_owned(), is_bot: true, ..Sender::default() },
        text: "because".to_owned(),
        is_ours: true,
        is_forward: false,
    };
    assert_eq!((message.reply_to, message.mention.us), (Some(expected), true));
    let message = said(group(
        json!({"text": "why?", "reply_to_message": quoted(8, "a"), "quote": {"text": "part", "position": 0}}),
    ));
    assert_eq!(message.reply_to.map(|quoted| (quoted.text, quoted.is_ours)), Some(("part".to_owned(), false)));
    assert!(!message.mention.us);
}

#[test]
fn files_are_named_by_their_ids() {
    let file = |kind: MediaKind, handle: &str, mime: Option<&str>, name: Option<&str>, bytes: Option<u64>| {
        let (mime, name) = (mime.map(str::to_owned), name.map(str::to_owned));
        MediaRef { kind, handle: handle.to_owned(), mime, name, bytes }
    };
    let id = |more: Value| merged(json!({"file_id": "F", "file_unique_id": "u", "file_size": 9}), more);
    let size = |name: &str, side: u32| merged(id(json!({"width": side, "height": side})), json!({"file_id": name}));
    let check = |content: Value, expected: MediaRef| {
        assert_eq!(said(private(content.clone())).media, [expected], "{content}");
    };
    check(
        json!({"photo": [size("small", 90), size("big", 900), size("mid", 300)], "caption": "see"}),
        file(MediaKind::Image, "big", Some("image/jpeg"), None, Some(9)),
    );
    check(json!({"voice": id(json!({"duration": 3}))}), file(MediaKind::Voice, "F", Some("audio/ogg"), None, Some(9)));
    check(
        json!({"audio": id(json!({"duration": 3, "mime_type": "audio/mpeg", "title": "Song"}))}),
        file(MediaKind::Audio, "F", Some("audio/mpeg"), Some("Song"), Some(9)),
    );
    check(
        json!({"video": id(json!({"duration": 3, "width": 1, "height": 1, "mime_type": "video/mp4", "file_name": "v.mp4"}))}),
        file(MediaKind::Video, "F", Some("video/mp4"), Some("v.mp4"), Some(9)),
    );
    check(
        json!({"video_note": id(json!({"duration": 3, "length": 1}))}),
        file(MediaKind::Video, "F", Some("video/mp4"), None, Some(9)),
    );
    let moving = id(json!({"duration": 3, "width": 1, "height": 1, "mime_type": "video/mp4"}));
    check(
        json!({"animation": moving, "document": id(json!({}))}),
        file(MediaKind::Video, "F", Some("video/mp4"), None, Some(9)),
    );
    check(
        json!({"document": id(json!({"mime_type": "application/pdf", "file_name": "a.pdf"}))}),
        file(MediaKind::File, "F", Some("application/pdf"), Some("a.pdf"), Some(9)),
    );
    check(
        json!({"document": id(json!({"mime_type": "image/png"}))}),
        file(MediaKind::Image, "F", Some("image/png"), None, Some(9)),
    );
    let sticker = id(
        json!({"type": "regular", "width": 1, "height": 1, "is_animated": false, "is_video": false, "emoji": "😀", "set_name": "Cats"}),
    );
    check(json!({"sticker": sticker}), file(MediaKind::Sticker, "F", Some("image/webp"), None, Some(9)));
}

#[test]
fn the_rest_is_told_in_words() {
    let check = |content: Value, expected: &str| {
        let message = said(private(content));
        assert_eq!((message.text.as_str(), message.media.len()), (expected, 0));
    };
    let location = json!({"latitude": 52.5, "longitude": 13.4});
    check(json!({"location": location}), "[location: 52.5, 13.4]");
    check(json!({"location": merged(location.clone(), json!({"live_period": 60}))}), "[live location: 52.5, 13.4]");
    check(
        json!({"location": location, "venue": {"location": location, "title": "Zoo", "address": "Gate 1"}}),
        "[place: Zoo, Gate 1 (52.5, 13.4)]",
    );
    check(json!({"contact": {"phone_number": "+49 1", "first_name": "Bo"}}), "[contact: Bo, +49 1]");
    check(
        json!({"poll": {"id": "1", "question": "When?", "total_voter_count": 0, "is_closed": false, "is_anonymous": true,
        "type": "regular", "options": [{"text": "now", "voter_count": 0}, {"text": "later", "voter_count": 0}]}}),
        "[poll: When? (now; later)]",
    );
    check(json!({"dice": {"emoji": "🎲", "value": 4}}), "[dice 🎲: 4]");
    check(
        json!({"sticker": {"file_id": "F", "file_unique_id": "u", "type": "regular", "width": 1, "height": 1,
        "is_animated": true, "is_video": false, "emoji": "😀", "set_name": "Cats"}}),
        "[sticker 😀 from the set Cats]",
    );
    check(
        json!({"text": "/stop", "forward_origin": {"type": "hidden_user", "date": 1, "sender_user_name": "Eve"}}),
        "[forwarded from Eve]\n/stop",
    );
}

#[test]
fn albums_keep_together() {
    let photo = json!([{"file_id": "F", "file_unique_id": "u", "width": 1, "height": 1}]);
    assert_eq!(said(private(json!({"photo": photo, "media_group_id": "A1"}))).album.as_deref(), Some("A1"));
}

#[test]
fn nobody_speaks_in_service_messages_channels_and_our_own_words() {
    let silent = [
        json!({"message": group(json!({"new_chat_title": "x"}))}),
        json!({"message": group(json!({"text": "x", "from": {"id": 42, "is_bot": true, "first_name": "Chela"}}))}),
        json!({"message": group(json!({"text": "x", "chat": {"id": -1002, "type": "channel", "title": "News"}}))}),
        json!({"channel_post": group(json!({"text": "x", "chat": {"id": -1002, "type": "channel", "title": "News"}}))}),
        json!({"poll": {"id": "1", "question": "q", "total_voter_count": 0, "is_closed": false, "is_anonymous": true, "type": "regular", "options": []}}),
    ];
    for update in silent {
        assert_eq!(meaning(update.clone()), Meaning::Nothing, "{update}");
    }
}

#[test]
fn an_anonymous_administrator_speaks_as_the_group() {
    let message =
        said(group(json!({"text": "x", "from": {"id": 1_087_968_824, "is_bot": true, "first_name": "Group"},
        "sender_chat": {"id": -1001, "type": "supergroup", "title": "Friends"}})));
    assert_eq!(
        (message.sender.id.as_str(), message.sender.name.as_str(), message.sender.is_bot),
        ("-1001", "Friends", false)
    );
}

#[test]
fn an_edit_tells_its_update_apart() {
    let update = json!({"edited_message": private(json!({"text": "new", "edit_date": 1001}))});
    let InboundEvent::Edited(message) = only(meaning(update)) else { panic!("expected an edit") };
    assert_eq!((message.event.as_str(), message.text.as_str()), ("edit:7:3:100", "new"));
}

#[test]
fn a_button_says_its_command() {
    let query = json!({"id": "q1", "from": ann(), "chat_instance": "c", "data": "/model a",
        "message": forum(json!({"text": "pick", "message_thread_id": 5, "is_topic_message": true}))});
    let Meaning::Press { query, event: Some(InboundEvent::Message(message)) } =
        meaning(json!({"callback_query": query}))
    else {
        panic!("expected a press");
    };
    assert_eq!((query.as_str(), message.event.as_str(), message.text.as_str()), ("q1", "press:q1", "/model a"));
    assert_eq!((message.chat.as_str(), message.sender.clone(), message.sent_at_ms), ("-1001:5", sender(), 5000));
    assert!(message.is_native_command && message.mention.us);
    let inline = json!({"id": "q2", "from": ann(), "chat_instance": "c", "inline_message_id": "i", "data": "x"});
    assert_eq!(meaning(json!({"callback_query": inline})), Meaning::Press { query: "q2".to_owned(), event: None });
}

#[test]
fn reactions_come_and_go() {
    let emoji = |emoji: &str| json!({"type": "emoji", "emoji": emoji});
    let update = |chat: i64, old: Value, new: Value| {
        let chat = json!({"id": chat, "type": "private", "first_name": "Ann"});
        meaning(
            json!({"message_reaction": {"chat": chat, "message_id": 3, "user": ann(), "date": 9, "old_reaction": old, "new_reaction": new}}),
        )
    };
    let Meaning::Events(events) = update(7, json!([emoji("👍")]), json!([emoji("🔥")])) else {
        panic!("expected events")
    };
    let seen: Vec<(String, bool, bool)> = events
        .into_iter()
        .map(|event| match event {
            InboundEvent::Reaction(reaction) => (reaction.emoji, reaction.added, reaction.on_ours),
            other => panic!("expected a reaction, got {other:?}"),
        })
        .collect();
    assert_eq!(seen, [("👍".to_owned(), false, true), ("🔥".to_owned(), true, true)]);
    let InboundEvent::Reaction(other) = only(update(8, json!([]), json!([emoji("🔥")]))) else {
        panic!("expected one")
    };
    assert_eq!((other.on_ours, other.place.sender.id.as_str()), (false, "7"));
    assert_eq!(update(7, json!([emoji("🔥")]), json!([emoji("🔥")])), Meaning::Events(vec![]));
}

#[test]
fn groups_move_and_bots_are_thrown_out() {
    assert_eq!(
        meaning(json!({"message": group(json!({"migrate_to_chat_id": -1002}))})),
        Meaning::Moved { from: -1001, to: -1002 }
    );
    assert_eq!(
        meaning(json!({"message": group(json!({"migrate_from_chat_id": -5}))})),
        Meaning::Moved { from: -5, to: -1001 }
    );
    let bot = json!({"id": 42, "is_bot": true, "first_name": "Chela"});
    let update = json!({"my_chat_member": {"chat": {"id": -1001, "type": "supergroup", "title": "Friends"}, "from": ann(), "date": 1,
        "old_chat_member": {"status": "member", "user": bot}, "new_chat_member": {"status": "kicked", "user": bot, "until_date": 0}}});
    assert_eq!(meaning(update), Meaning::Membership { chat: -1001, title: "Friends".to_owned(), is_member: false });
}

#[test]
fn what_cannot_be_read_says_nothing_of_its_content() {
    let us = us();
    let view = View { us: &us, is_ours: &|_, _| false, former_id: &|_| None, now_ms: 0 };
    let update = json!({"update_id": 5, "message": {"message_id": "secret words", "date": 1}});
    assert_eq!(update_id(&update), Some(5));
    let error = read_update(update, view).expect_err("the id is no number");
    assert!(!error.contains("secret"), "{error}");
}
