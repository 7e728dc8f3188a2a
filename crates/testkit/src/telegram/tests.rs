//! The fake server refuses what the real one refuses, and a bot is served as the real one serves it.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::methods::Method;
use super::params::Params;
use super::*;

/// Calls a method without a server.
fn call(fake: &FakeTelegram, method: &str, params: Value) -> Result<Value, String> {
    let Value::Object(values) = params else { panic!("parameters are an object") };
    let params = Params { values, uploads: BTreeMap::new() };
    let run = Method::find(method).expect("the method is known").run;
    fake.change(|state| run(state, &params)).map_err(|error| error.description)
}

/// Calls a method over a connection of its own; `None` when it closes without an answer.
async fn ask(fake: &FakeTelegram, method: &str, params: &Value) -> Option<Value> {
    let body = params.to_string();
    let mut socket = TcpStream::connect(fake.address).await.expect("the fake listens");
    let head = format!(
        "POST /bot{}/{method} HTTP/1.1\r\nHost: fake\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        fake.token(),
        body.len()
    );
    socket.write_all(head.as_bytes()).await.expect("the fake reads");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.ok()?;
    let (_, body) = answer.split_once("\r\n\r\n")?;
    serde_json::from_str(body).ok()
}

#[tokio::test]
async fn refuses_what_the_server_refuses() {
    let fake = FakeTelegram::start(TelegramOptions::default()).await;
    let ada = fake.user(1001, "Ada Lovelace");
    let chat = fake.private_chat(ada);
    let hers = fake.say(chat, ada, "hello").send();
    let ours =
        call(&fake, "sendMessage", json!({ "chat_id": chat, "text": "hi" })).expect("sent")["message_id"].clone();
    let group = fake.supergroup("Crew", &[ada]);
    let long = "x".repeat(4097);
    let data = "d".repeat(65);
    let keyboard = json!({ "inline_keyboard": [[{ "text": "a", "callback_data": data }]] });
    let rows = [
        ("sendMessage", json!({ "text": "x" }), "chat_id is empty"),
        ("sendMessage", json!({ "chat_id": 5, "text": "x" }), "chat not found"),
        ("sendMessage", json!({ "chat_id": chat, "text": "  " }), "message text is empty"),
        ("sendMessage", json!({ "chat_id": chat, "text": long }), "message is too long"),
        (
            "sendMessage",
            json!({ "chat_id": chat, "text": "<b>x", "parse_mode": "HTML" }),
            "can't parse entities: Can't find end tag",
        ),
        ("sendMessage", json!({ "chat_id": chat, "text": "x", "reply_markup": keyboard }), "BUTTON_DATA_INVALID"),
        (
            "sendMessage",
            json!({ "chat_id": chat, "text": "x", "reply_parameters": { "message_id": 999 } }),
            "message to be replied not found",
        ),
        ("sendMessage", json!({ "chat_id": group, "text": "x", "message_thread_id": 1 }), "message thread not found"),
        ("editMessageText", json!({ "chat_id": chat, "message_id": ours, "text": "hi" }), "message is not modified"),
        ("editMessageText", json!({ "chat_id": chat, "message_id": hers, "text": "hi" }), "message can't be edited"),
        ("editMessageText", json!({ "chat_id": chat, "message_id": 999, "text": "hi" }), "message to edit not found"),
        ("editMessageReplyMarkup", json!({ "chat_id": chat, "message_id": ours }), "message is not modified"),
        ("deleteMessage", json!({ "chat_id": chat, "message_id": 999 }), "message to delete not found"),
        (
            "setMessageReaction",
            json!({ "chat_id": chat, "message_id": hers, "reaction": [{ "type": "emoji", "emoji": "🦀" }] }),
            "REACTION_INVALID",
        ),
        ("setMyCommands", json!({ "commands": [{ "command": "New", "description": "d" }] }), "BOT_COMMAND_INVALID"),
        ("sendChatAction", json!({ "chat_id": chat, "action": "writing" }), "wrong parameter action"),
        ("setWebhook", json!({ "url": "http://example.com/" }), "An HTTPS URL must be provided"),
        ("answerCallbackQuery", json!({ "callback_query_id": "1" }), "query is too old"),
        ("getFile", json!({ "file_id": "x" }), "wrong file_id"),
    ];
    for (method, params, words) in rows {
        let refusal = call(&fake, method, params.clone()).expect_err(words);
        assert!(refusal.contains(words), "{method} {params}: {refusal}");
    }
    fake.kick(chat);
    let refusal = call(&fake, "sendMessage", json!({ "chat_id": chat, "text": "x" })).expect_err("blocked");
    assert_eq!(refusal, "Forbidden: bot was blocked by the user");
    assert_eq!(fake.bot_messages(chat).len(), 1);
    fake.assert_clean();
}

#[test]
fn html_is_parsed_as_the_server_parses_it() {
    let parsed =
        html::parse(" <b>a <i>😀b</i></b> &lt;<a href=\"https://x.y/?a=1&amp;b=2\">l</a>").expect("good markup");
    let entity = |kind: &str, offset, length, detail: Option<&str>| TelegramEntity {
        kind: kind.to_owned(),
        offset,
        length,
        detail: detail.map(str::to_owned),
    };
    assert_eq!(parsed.text, "a 😀b <l");
    assert_eq!(
        parsed.entities,
        [
            entity("bold", 0, 5, None),
            entity("italic", 2, 3, None),
            entity("text_link", 7, 1, Some("https://x.y/?a=1&b=2"))
        ]
    );
    let code = html::parse("<pre><code class=\"language-rust\">fn</code></pre>").expect("good markup");
    assert_eq!(code.entities, [entity("pre", 0, 2, Some("rust"))]);
    assert!(code.doubts.is_empty());
    for (markup, words) in [
        ("<h1>x</h1>", "Unsupported start tag \"h1\" at byte offset 0"),
        ("a<b", "Unclosed start tag at byte offset 1"),
        ("<b><i>x</b></i>", "Unmatched end tag at byte offset 7, expected \"</i>\", found \"</b>\""),
        ("x</b>", "Unexpected end tag at byte offset 1"),
        ("<span>x</span>", "Tag \"span\" must have class \"tg-spoiler\" at byte offset 0"),
    ] {
        assert_eq!(html::parse(markup).expect_err(markup), words);
    }
    assert_eq!(html::parse("a & b > c").expect("the server takes it").doubts.len(), 2);
}

#[tokio::test]
async fn an_offset_confirms_and_a_second_poll_ends_the_first() {
    let fake = FakeTelegram::start(TelegramOptions::default()).await;
    let ada = fake.user(1001, "Ada");
    let chat = fake.private_chat(ada);
    fake.say(chat, ada, "one").send();
    fake.say(chat, ada, "two").send();
    let updates = ask(&fake, "getUpdates", &json!({})).await.expect("an answer")["result"].clone();
    assert_eq!(updates[1]["message"]["text"], "two");
    let next = updates[1]["update_id"].as_i64().expect("a number") + 1;
    let poll = json!({ "offset": next, "timeout": 50 });
    let third = async {
        fake.wait_for("an open poll", |fake| (fake.polls().open == 1).then_some(())).await;
        let second = ask(&fake, "getUpdates", &poll);
        let say = async {
            fake.wait_for("a conflict", |fake| (fake.polls().conflicts == 1).then_some(())).await;
            fake.say(chat, ada, "three").send();
        };
        tokio::join!(second, say).0.expect("an answer")
    };
    let (first, third) = tokio::join!(ask(&fake, "getUpdates", &poll), third);
    assert_eq!(first.expect("an answer")["error_code"], 409);
    assert_eq!(third["result"][0]["message"]["text"], "three");
    assert_eq!(fake.waiting_updates(), 1);
}

#[tokio::test]
async fn cut_connections_tell_nothing_of_what_was_done() {
    let fake = FakeTelegram::start(TelegramOptions::default()).await;
    let ada = fake.user(1001, "Ada");
    let chat = fake.private_chat(ada);
    let send = json!({ "chat_id": chat, "text": "x", "surprise": 1 });
    fake.fail_next("sendMessage", TelegramFailure::CutBefore);
    assert_eq!(ask(&fake, "sendMessage", &send).await, None);
    assert!(fake.bot_messages(chat).is_empty());
    fake.fail_next("sendMessage", TelegramFailure::CutAfter);
    assert_eq!(ask(&fake, "sendMessage", &send).await, None);
    assert_eq!(fake.bot_messages(chat).len(), 1);
    fake.fail_next("sendMessage", TelegramFailure::flood(7));
    let refusal = ask(&fake, "sendMessage", &send).await.expect("an answer");
    assert_eq!(refusal["parameters"]["retry_after"], 7);
    assert_eq!(fake.faults(), ["sendMessage: unknown parameter surprise"]);
    fake.revoke_token();
    let old = TelegramOptions::default().token;
    assert_ne!(fake.token(), old);
}

#[tokio::test]
async fn privacy_keeps_from_the_bot_what_is_not_for_it() {
    let fake = FakeTelegram::start(TelegramOptions { privacy: GroupPrivacy::On, ..TelegramOptions::default() }).await;
    let ada = fake.user(1001, "Ada");
    let group = fake.group("Crew", &[ada]);
    fake.say(group, ada, "just talk").send();
    fake.say(group, ada, "/other@another_bot").send();
    assert_eq!(fake.waiting_updates(), 0);
    fake.say(group, ada, "@Chela_bot hello").send();
    fake.say(group, ada, "/new@chela_bot").send();
    let ours = call(&fake, "sendMessage", json!({ "chat_id": group, "text": "hi" })).expect("sent");
    fake.say(group, ada, "and?").reply_to(ours["message_id"].as_i64().expect("a number")).send();
    assert_eq!(fake.waiting_updates(), 3);
    fake.promote(group);
    fake.say(group, ada, "just talk").send();
    assert_eq!(fake.waiting_updates(), 5, "the promotion and the talk");
}

#[tokio::test]
async fn a_file_may_come_under_any_name_that_a_parameter_points_to() {
    let fake = FakeTelegram::start(TelegramOptions::default()).await;
    let chat = fake.private_chat(fake.user(1001, "Ada"));
    let upload = |name: &str| params::Upload { name: name.to_owned(), mime: None, bytes: Bytes::from_static(b"crab") };
    let values = json!({ "chat_id": chat, "document": "attach://x1" });
    let params = Params {
        values: values.as_object().cloned().unwrap_or_default(),
        uploads: BTreeMap::from([("x1".to_owned(), upload("crab.txt")), ("x2".to_owned(), upload("lost.txt"))]),
    };
    assert!(params.points_to("x1") && !params.points_to("x2"));
    let send = Method::find("sendDocument").expect("the method is known").run;
    fake.change(|state| send(state, &params)).map_err(|error| error.description).expect("the file is taken");
    let file = fake.bot_messages(chat).pop().and_then(|message| message.media).expect("a message with a file");
    assert_eq!((file.file_name.as_deref(), &file.bytes[..]), (Some("crab.txt"), &b"crab"[..]));
}
