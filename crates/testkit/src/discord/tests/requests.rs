//! What requests get by themselves: refusals, limits, pages, failures.

use super::*;
use crate::discord::payload::Sight;

#[tokio::test]
async fn what_is_not_there_or_not_allowed_has_the_platforms_own_code() {
    let discord = FakeDiscord::start(DiscordOptions::default()).await;
    let (guild, ada) = (discord.add_guild("home"), discord.add_user("ada"));
    let (channel, locked) = (discord.add_channel(guild, "general"), discord.add_channel(guild, "locked"));
    let client = client(&discord);
    let place = Id::new(channel.0);
    assert_eq!(code(client.create_message(Id::new(1)).content("x").await), 10003);
    assert_eq!(code(client.update_message(place, Id::new(1)).content(Some("x")).await), 10008);
    let hers = Id::new(discord.say(channel, ada, "hers").send().0);
    assert_eq!(code(client.update_message(place, hers).content(Some("x")).await), 50005);
    assert_eq!(code(client.delete_message(place, hers).await), 50013);
    discord.set_access(locked, BotAccess::ReadOnly);
    assert_eq!(code(client.create_message(Id::new(locked.0)).content("x").await), 50013);
    discord.set_access(locked, BotAccess::Hidden);
    assert_eq!(code(client.channel(Id::new(locked.0)).await), 50001);
    let direct = client.create_private_channel(Id::new(ada.0)).await.expect("opens").model().await.expect("a channel");
    discord.close_dms(ada);
    assert_eq!(code(client.create_message(direct.id).content("x").await), 50007);
    discord.assert_clean();
}

#[tokio::test]
async fn a_body_that_breaks_a_rule_is_refused_and_remembered() {
    let discord = FakeDiscord::start(DiscordOptions::default()).await;
    let guild = discord.add_guild("home");
    let channel = discord.add_channel(guild, "general");
    let client = client(&discord);
    let button = |id: &str| json!({"type": 2, "style": 1, "label": "Go", "custom_id": id});
    let row = |buttons: &[Value]| json!({"type": 1, "components": buttons});
    let rows = |count: usize| (0..count).map(|at| row(&[button(&at.to_string())])).collect::<Vec<_>>();
    let cases = [
        (json!({"content": "x".repeat(2001)}), 50035, "content"),
        (json!({"content": " \n "}), 50006, ""),
        (json!({"components": [], "embeds": []}), 50006, ""),
        (json!({"content": "x", "nonce": "n".repeat(26), "enforce_nonce": true}), 50035, "nonce"),
        (json!({"content": "x", "enforce_nonce": true}), 50035, "nonce"),
        (json!({"content": "x", "replyTo": "1"}), 50035, "replyTo"),
        (json!({"content": "x", "flags": 64}), 50035, "flags"),
        (json!({"content": "x", "components": rows(6)}), 50035, "components"),
        (json!({"content": "x", "components": [button("a")]}), 50035, "components"),
        (json!({"content": "x", "components": [row(&[button(&"i".repeat(101))])]}), 50035, "components"),
        (json!({"content": "x", "components": [row(&[button("a"), button("a")])]}), 50035, "components"),
        (json!({"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["1"]}}), 50035, "allowed_mentions"),
        (json!({"content": "x", "message_reference": {"message_id": "1"}}), 50035, "message_reference"),
        (json!({"content": "x", "attachments": [{"id": 0, "filename": "a"}]}), 50035, "attachments"),
    ];
    for (body, code, field) in cases {
        let (status, answer) = call(&client, Method::Post, format!("channels/{channel}/messages"), &body).await;
        assert_eq!((status, answer["code"].as_u64()), (400, Some(code)), "{body}: {answer}");
        assert!(field.is_empty() || !answer["errors"][field].is_null(), "{body}: {answer}");
        // A message that quotes what is gone is nobody's fault: it can go at any time.
        assert_eq!(discord.take_faults().len(), usize::from(field != "message_reference"), "{body}");
    }
    assert_eq!(discord.sent_count(), 0);
    let good = json!({"content": "x".repeat(2000), "components": rows(5), "message_reference":
        {"message_id": "1", "fail_if_not_exists": false}});
    assert_eq!(call(&client, Method::Post, format!("channels/{channel}/messages"), &good).await.0, 200);
    discord.assert_clean();
}

#[tokio::test]
async fn one_nonce_makes_one_message_and_no_history_shows_it() {
    let discord = FakeDiscord::start(DiscordOptions::default()).await;
    let guild = discord.add_guild("home");
    let channel = discord.add_channel(guild, "general");
    let client = client(&discord);
    let send = async |nonce: &str, enforce: bool| {
        let body = json!({"content": "once", "nonce": nonce, "enforce_nonce": enforce});
        let (status, answer) = call(&client, Method::Post, format!("channels/{channel}/messages"), &body).await;
        assert_eq!((status, answer["nonce"].as_str()), (200, Some(nonce)));
        answer["id"].as_str().expect("an id").to_owned()
    };
    let first = send("a", true).await;
    assert_eq!(send("a", true).await, first);
    assert_ne!(send("a", false).await, first);
    assert_ne!(send("b", true).await, first);
    discord.forget_nonces();
    assert_ne!(send("a", true).await, first);
    assert_eq!(discord.sent_count(), 4);
    let (_, history) = call(&client, Method::Get, format!("channels/{channel}/messages"), &Value::Null).await;
    let history = history.as_array().expect("a list").clone();
    assert!(history.len() == 4 && history.iter().all(|message| message.get("nonce").is_none()));
    discord.assert_clean();
}

#[tokio::test]
async fn history_is_paged_as_the_platform_pages_it() {
    let discord = FakeDiscord::start(DiscordOptions::default()).await;
    let (guild, ada) = (discord.add_guild("home"), discord.add_user("ada"));
    let channel = discord.add_channel(guild, "general");
    let ids: Vec<Snowflake> = (0..5).map(|at| discord.say(channel, ada, &at.to_string()).send()).collect();
    let client = client(&discord);
    let page = async |query: String| {
        let path = format!("channels/{channel}/messages?{query}");
        let (_, list) = call(&client, Method::Get, path, &Value::Null).await;
        let text = |message: &Value| message["content"].as_str().expect("a text").to_owned();
        list.as_array().expect("a list").iter().map(text).collect::<String>()
    };
    assert_eq!(page("limit=2".into()).await, "43");
    assert_eq!(page(format!("after={}&limit=2", ids[1])).await, "32");
    assert_eq!(page(format!("before={}&limit=2", ids[3])).await, "21");
    assert_eq!(page("after=0".into()).await, "43210");
    let (status, _) = call(&client, Method::Get, format!("channels/{channel}/messages?limit=101"), &Value::Null).await;
    assert_eq!((status, discord.take_faults().len()), (400, 1));
}

#[tokio::test]
async fn failures_come_as_the_script_asks() {
    let discord = FakeDiscord::start(DiscordOptions::default()).await;
    let guild = discord.add_guild("home");
    let channel = discord.add_channel(guild, "general");
    let client = Client::builder().token(discord.token()).proxy(discord.host(), true).ratelimiter(None).build();
    let path = || format!("channels/{channel}/messages");
    let fail = |failure| discord.fail_next("POST", "/channels/*/messages", failure);
    let send = async || {
        let request = RequestBuilder::raw(Method::Post, path()).json(&json!({"content": "x"}));
        client.request::<()>(request.build().expect("a request")).await
    };
    fail(DiscordFailure::error(500, 0, "internal"));
    assert_eq!(answer(send().await).await.0, 500);
    fail(DiscordFailure::RateLimited { after: Duration::from_millis(1500), global: true });
    let answered = raw(&discord, &format!("POST /api/v10/{}", path()), AGENT, "{\"content\": \"x\"}").await;
    assert!(answered.starts_with("HTTP/1.1 429"), "{answered}");
    for wanted in ["retry-after: 2\r\n", "x-ratelimit-global: true\r\n", "\"retry_after\":1.5"] {
        assert!(answered.contains(wanted), "{wanted} in {answered}");
    }
    assert_eq!(discord.sent_count(), 0);
    for (failure, sent) in [(DiscordFailure::CutBefore, 0), (DiscordFailure::CutAfter, 1)] {
        fail(failure);
        let error = send().await.expect_err("no answer");
        assert!(matches!(error.kind(), ErrorType::RequestError), "{error:?}");
        assert_eq!(discord.sent_count(), sent);
    }
    assert_eq!((answer(send().await).await.0, discord.failures_left()), (200, 0));
    discord.assert_clean();
}

#[tokio::test]
async fn a_route_takes_no_more_than_its_rate() {
    let rate = Some((2, Duration::from_mins(1)));
    let discord = FakeDiscord::start(DiscordOptions { rate, ..DiscordOptions::default() }).await;
    let guild = discord.add_guild("home");
    let (one, other) = (discord.add_channel(guild, "one"), discord.add_channel(guild, "other"));
    let send = async |channel: Snowflake| {
        let line = format!("POST /api/v10/channels/{channel}/messages");
        raw(&discord, &line, AGENT, "{\"content\": \"x\"}").await[9..12].to_owned()
    };
    assert_eq!([send(one).await, send(one).await, send(one).await, send(other).await], ["200", "200", "429", "200"]);
    discord.assert_clean();
    for _ in 0..5 {
        send(one).await;
    }
    assert_eq!(discord.take_faults().len(), 1);
}

#[tokio::test]
async fn who_says_not_what_it_is_comes_not_in() {
    let discord = FakeDiscord::start(DiscordOptions::default()).await;
    let answered = raw(&discord, "GET /api/v10/users/@me", "curl/8", "").await;
    assert!(answered.starts_with("HTTP/1.1 403"), "{answered}");
    assert_eq!(discord.take_faults().len(), 1);
    let answered = raw(&discord, "GET /api/v10/users/@me", AGENT, "").await;
    assert!(answered.starts_with("HTTP/1.1 200"), "{answered}");
    let answered = raw(&discord, "GET /api/v9/users/@me", AGENT, "").await;
    assert!(answered.starts_with("HTTP/1.1 404"), "{answered}");
    assert_eq!(discord.take_faults().len(), 1);
}

#[tokio::test]
async fn files_go_both_ways() {
    let options = DiscordOptions { upload_max_bytes: 1000, ..DiscordOptions::default() };
    let discord = FakeDiscord::start(options).await;
    let (guild, ada) = (discord.add_guild("home"), discord.add_user("ada"));
    let channel = discord.add_channel(guild, "general");
    let mut shard = shard(&discord, WANTED);
    ready(&mut shard).await;
    discord.say(channel, ada, "look").attach("a.png", "image/png", b"\x89PNG").send();
    let heard = next(&mut shard, "the file", |event| match event {
        Event::MessageCreate(message) => message.attachments.first().cloned(),
        _ => None,
    });
    let heard = heard.await;
    assert_eq!((heard.filename.as_str(), heard.size, heard.content_type.as_deref()), ("a.png", 4, Some("image/png")));
    assert!(heard.url.starts_with(&discord.url()));

    let client = client(&discord);
    let send = async |bytes: &[u8]| {
        let payload = json!({"content": "here", "attachments": [{"id": 0, "filename": "b.txt"}]});
        let form = Form::new().json_part(b"payload_json", payload.to_string().as_bytes());
        let form = form.file_part(b"files[0]", b"b.txt", bytes);
        let request = RequestBuilder::raw(Method::Post, format!("channels/{channel}/messages")).form(form);
        answer(client.request::<()>(request.build().expect("a request")).await).await
    };
    let (status, _) = send(b"one\r\n--two\r\n").await;
    let arrived = discord.bot_messages(channel);
    assert_eq!((status, arrived[0].attachments[0].bytes.as_slice()), (200, &b"one\r\n--two\r\n"[..]));
    let (status, answer) = send(&[b'x'; 1001]).await;
    assert_eq!((status, answer["code"].as_u64()), (413, Some(40005)));
    discord.assert_clean();
}

#[tokio::test]
async fn what_a_body_denies_it_does_not_ask() {
    let discord = FakeDiscord::start(DiscordOptions::default()).await;
    let channel = discord.add_channel(discord.add_guild("home"), "general");
    let client = client(&discord);
    let sent = client
        .create_message(Id::new(channel.0))
        .content("x")
        .await
        .expect("is sent")
        .model()
        .await
        .expect("a message");
    let path = || format!("channels/{channel}/messages/{}", sent.id);
    let denied = json!({"content": "y", "tts": false, "enforce_nonce": false, "sticker_ids": null});
    assert_eq!(call(&client, Method::Patch, path(), &denied).await.0, 200);
    discord.assert_clean();
    assert_eq!(call(&client, Method::Patch, path(), &json!({"content": "z", "tts": true})).await.0, 400);
    assert_eq!((discord.bot_texts(channel), discord.take_faults().len()), (vec!["y".to_owned()], 1));
}

#[tokio::test]
async fn an_event_tells_the_kind_of_its_channel() {
    let discord = FakeDiscord::start(DiscordOptions::default()).await;
    let (guild, ada) = (discord.add_guild("home"), discord.add_user("ada"));
    for (place, kind) in [(discord.direct_chat(ada), 1), (discord.add_channel(guild, "general"), 0)] {
        let said = discord.message(discord.say(place, ada, "hi").send()).expect("it was said");
        let event = discord.lock().world.message_json(&said, Sight::Gateway { reads_content: true }, "");
        assert_eq!(event["channel_type"], kind);
    }
}
