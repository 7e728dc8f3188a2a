//! What is heard and answered over both sides.

use super::*;

#[tokio::test]
async fn a_client_connects_hears_and_answers() {
    let discord = FakeDiscord::start(DiscordOptions::default()).await;
    let guild = discord.add_guild("home");
    let channel = discord.add_channel(guild, "general");
    let ada = discord.add_user("ada");
    let mut shard = shard(&discord, WANTED);
    ready(&mut shard).await;
    let seen = next(&mut shard, "the server", |event| match event {
        Event::GuildCreate(guild) => Some(guild),
        _ => None,
    });
    let twilight_model::gateway::payload::incoming::GuildCreate::Available(seen) = *seen.await else {
        panic!("the server is there")
    };
    assert_eq!((seen.name.as_str(), seen.channels[0].name.as_deref()), ("home", Some("general")));

    let asked = discord.say(channel, ada, "hello").send();
    let heard = next(&mut shard, "the message", |event| match event {
        Event::MessageCreate(message) => Some(message),
        _ => None,
    });
    let heard = heard.await;
    assert_eq!((heard.content.as_str(), heard.author.name.as_str()), ("hello", "ada"));
    assert_eq!(heard.guild_id.map(Id::get), Some(guild.0));

    let client = client(&discord);
    let sent = client.create_message(heard.channel_id).content("  hi ada \n").reply(heard.id).await.expect("sends");
    let sent = sent.model().await.expect("a message");
    let [first, answer] = &discord.messages(channel)[..] else { panic!("two messages") };
    assert_eq!((first.id, answer.id.0), (asked, sent.id.get()));
    assert_eq!((answer.content.as_str(), answer.reply_to, discord.sent_count()), ("hi ada", Some(asked), 1));
    discord.assert_clean();
}

#[tokio::test]
async fn what_was_missed_is_replayed_on_resume() {
    let discord = FakeDiscord::start(DiscordOptions::default()).await;
    let (guild, ada) = (discord.add_guild("home"), discord.add_user("ada"));
    let channel = discord.add_channel(guild, "general");
    let mut shard = shard(&discord, WANTED);
    ready(&mut shard).await;
    discord.say(channel, ada, "one").send();
    assert_eq!(next_text(&mut shard).await, "one");
    for code in [4000, 1006] {
        // 1006 stands for a connection that ends without a word.
        if code == 1006 {
            discord.drop_gateway();
        } else {
            discord.close_gateway(code);
        }
        discord.wait_until("the end of the connection", |discord| discord.live_sessions() == 0).await;
        discord.say(channel, ada, &format!("missed {code}")).send();
        assert_eq!(next_text(&mut shard).await, format!("missed {code}"));
    }
    let stats = discord.gateway_stats();
    assert_eq!((stats.identifies, stats.resumed, stats.connections), (1, 2, 3));
    discord.assert_clean();
}

#[tokio::test]
async fn without_the_privilege_only_what_is_for_the_bot_can_be_read() {
    let discord = FakeDiscord::start(DiscordOptions::default()).await;
    discord.allow_message_content(false);
    let (guild, ada) = (discord.add_guild("home"), discord.add_user("ada"));
    let (channel, direct) = (discord.add_channel(guild, "general"), discord.direct_chat(ada));
    let mut refused = shard(&discord, WANTED);
    let closed = async {
        loop {
            if let Some(Ok(Event::GatewayClose(frame))) = refused.next_event(EventTypeFlags::all()).await {
                return frame.expect("a code").code;
            }
        }
    };
    assert_eq!(tokio::time::timeout(PATIENCE, closed).await.expect("a close"), 4014);
    let mut shard = shard(&discord, WANTED.difference(Intents::MESSAGE_CONTENT));
    ready(&mut shard).await;
    discord.say(channel, ada, "for the others").send();
    discord.say(channel, ada, &format!("{} for you", discord.mention())).send();
    discord.say(direct, ada, "between us").send();
    assert_eq!(next_text(&mut shard).await, "");
    assert!(next_text(&mut shard).await.ends_with("for you"));
    assert_eq!(next_text(&mut shard).await, "between us");
    let (_, list) = call(&client(&discord), Method::Get, format!("channels/{channel}/messages"), &Value::Null).await;
    assert_eq!((&list[1]["content"], list[0]["content"].as_str().map(str::is_empty)), (&json!(""), Some(false)));
    discord.assert_clean();
}

#[tokio::test]
async fn a_wrong_token_opens_no_door() {
    let discord = FakeDiscord::start(DiscordOptions::default()).await;
    let mut shard = shard(&discord, WANTED);
    let client = client(&discord);
    discord.revoke_token();
    let (status, answer) = call(&client, Method::Get, "users/@me".into(), &Value::Null).await;
    assert_eq!((status, &answer["message"]), (401, &json!("401: Unauthorized")));
    let closed = async {
        loop {
            if let Some(Ok(Event::GatewayClose(frame))) = shard.next_event(EventTypeFlags::all()).await {
                return frame.expect("a code").code;
            }
        }
    };
    assert_eq!(tokio::time::timeout(PATIENCE, closed).await.expect("a close"), 4004);
}

#[tokio::test]
async fn a_black_hole_swallows_heartbeats_and_a_new_connection_brings_what_it_held() {
    let options = DiscordOptions { heartbeat: Duration::from_millis(60), ..DiscordOptions::default() };
    let discord = FakeDiscord::start(options).await;
    let (guild, ada) = (discord.add_guild("home"), discord.add_user("ada"));
    let channel = discord.add_channel(guild, "general");
    let mut shard = shard(&discord, WANTED);
    ready(&mut shard).await;
    discord.black_hole_gateway();
    discord.say(channel, ada, "into the hole").send();
    assert_eq!(next_text(&mut shard).await, "into the hole");
    let stats = discord.gateway_stats();
    assert_eq!((stats.identifies, stats.resumed), (1, 1));
    discord.assert_clean();
}

#[tokio::test]
async fn an_invalid_session_is_begun_anew() {
    let discord = FakeDiscord::start(DiscordOptions::default()).await;
    discord.add_guild("home");
    let mut shard = shard(&discord, WANTED);
    ready(&mut shard).await;
    discord.invalidate_sessions(false);
    ready(&mut shard).await;
    assert_eq!(discord.gateway_stats().identifies, 2);
    discord.assert_clean();
}

#[tokio::test]
async fn a_command_is_chosen_deferred_and_answered() {
    let discord = FakeDiscord::start(DiscordOptions::default()).await;
    let (guild, ada) = (discord.add_guild("home"), discord.add_user("ada"));
    let channel = discord.add_channel(guild, "general");
    let (client, app) = (client(&discord), discord.application());
    let commands = json!([{"name": "model", "description": "Chooses", "options":
        [{"type": 3, "name": "name", "description": "Which", "autocomplete": true}]}]);
    let path = format!("applications/{app}/commands");
    assert_eq!(call(&client, Method::Put, path.clone(), &commands).await.0, 200);
    assert_eq!(discord.commands()[0]["name"], "model");
    let mut shard = shard(&discord, WANTED);
    ready(&mut shard).await;

    let chosen = discord.slash(channel, ada, "model", &[("name", "gpt")]);
    let heard = next(&mut shard, "the command", |event| match event {
        Event::InteractionCreate(interaction) => Some(interaction),
        _ => None,
    });
    let heard = heard.await;
    assert_eq!(heard.guild_id.map(Id::get), Some(guild.0));
    let callback = format!("interactions/{}/{}/callback", heard.id, heard.token);
    let original = format!("webhooks/{app}/{}/messages/@original", heard.token);
    assert_eq!(call(&client, Method::Patch, original.clone(), &json!({"content": "early"})).await.1["code"], 10015);
    let deferred = json!({"type": 5, "data": {"flags": 64}});
    assert_eq!(call(&client, Method::Post, callback.clone(), &deferred).await.0, 204);
    assert_eq!(call(&client, Method::Post, callback, &deferred).await.1["code"], 40060);
    assert_eq!(discord.take_faults().len(), 1);
    assert_eq!(call(&client, Method::Patch, original.clone(), &json!({"content": "done"})).await.0, 200);
    let response = discord.response(chosen).expect("an answer");
    assert_eq!((response.content.as_str(), response.is_ephemeral(), response.kind), ("done", true, 20));
    // Only she sees it.
    assert!(discord.messages(channel).is_empty());
    discord.expire_interactions();
    assert_eq!(call(&client, Method::Patch, original, &json!({"content": "late"})).await.1["code"], 50027);

    let typing = discord.autocomplete(channel, ada, "model", "name", "g");
    let asked = discord.interaction(typing);
    let callback = format!("interactions/{typing}/{}/callback", asked.token);
    let many: Vec<Value> = (0..26).map(|at| json!({"name": at.to_string(), "value": "v"})).collect();
    let (status, _) =
        call(&client, Method::Post, callback.clone(), &json!({"type": 8, "data": {"choices": many}})).await;
    assert_eq!((status, discord.take_faults().len()), (400, 1));
    let (status, _) = call(&client, Method::Post, callback, &json!({"type": 8, "data": {"choices": many[..25]}})).await;
    assert_eq!((status, discord.interaction(typing).choices.len()), (204, 25));

    for (name, description) in [("Model", "upper"), ("two words", "a space"), ("ok", ""), (&"n".repeat(33), "long")] {
        let body = json!([{"name": name, "description": description}]);
        assert_eq!(call(&client, Method::Put, path.clone(), &body).await.0, 400, "{name}");
    }
    assert_eq!(discord.take_faults().len(), 4);
}

#[tokio::test]
async fn buttons_edits_and_reactions_are_told() {
    let discord = FakeDiscord::start(DiscordOptions::default()).await;
    let (guild, ada) = (discord.add_guild("home"), discord.add_user("ada"));
    let channel = discord.add_channel(guild, "general");
    let (client, place) = (client(&discord), Id::new(channel.0));
    let mut shard = shard(&discord, WANTED);
    ready(&mut shard).await;
    let button = json!({"type": 2, "style": 2, "label": "Yes", "custom_id": "/approve 1"});
    let body = json!({"content": "May I?", "components": [{"type": 1, "components": [button]}]});
    call(&client, Method::Post, format!("channels/{channel}/messages"), &body).await;
    let asked = discord.bot_messages(channel)[0].clone();
    assert_eq!(asked.buttons(), [["Yes"]]);
    let pressed = discord.press(asked.id, ada, "Yes");
    let heard = next(&mut shard, "the press", |event| match event {
        Event::InteractionCreate(interaction) => Some(interaction),
        _ => None,
    });
    assert_eq!(heard.await.message.as_ref().map(|message| message.id.get()), Some(asked.id.0));
    let path = format!("interactions/{pressed}/{}/callback", discord.interaction(pressed).token);
    assert_eq!(call(&client, Method::Post, path, &json!({"type": 6})).await.0, 204);

    client.update_message(place, Id::new(asked.id.0)).content(Some("Thanks")).await.expect("edits");
    let told = next(&mut shard, "the edit", |event| match event {
        Event::MessageUpdate(message) => Some(message.content.clone()),
        _ => None,
    });
    assert_eq!((told.await.as_str(), discord.message(asked.id).expect("there").edits), ("Thanks", 1));

    let hers = discord.say(channel, ada, "well").send();
    let eyes = RequestReactionType::Unicode { name: "\u{1f440}" };
    client.create_reaction(place, Id::new(hers.0), &eyes).await.expect("reacts");
    assert_eq!(discord.bot_reactions(hers), ["\u{1f440}"]);
    let words = RequestReactionType::Unicode { name: "eyes" };
    assert_eq!(code(client.create_reaction(place, Id::new(hers.0), &words).await), 10014);
    discord.react(asked.id, ada, "\u{1f44d}");
    let told = next(&mut shard, "her reaction", |event| match event {
        Event::ReactionAdd(reaction) if reaction.user_id.get() == ada.0 => Some(reaction.message_author_id),
        _ => None,
    });
    assert_eq!(told.await.map(Id::get), Some(discord.bot().0));
    client.delete_current_user_reaction(place, Id::new(hers.0), &eyes).await.expect("takes it away");
    assert!(discord.bot_reactions(hers).is_empty());
    client.create_typing_trigger(place).await.expect("types");
    assert_eq!(discord.typing(channel).len(), 1);
    client.delete_message(place, Id::new(asked.id.0)).await.expect("deletes");
    next(&mut shard, "the removal", |event| matches!(event, Event::MessageDelete(_)).then_some(())).await;
    discord.assert_clean();
}

#[tokio::test]
async fn a_role_of_the_bot_is_named_by_its_people() {
    let discord = FakeDiscord::start(DiscordOptions::default()).await;
    let (guild, ada) = (discord.add_guild("home"), discord.add_user("ada"));
    let channel = discord.add_channel(guild, "general");
    let role = discord.bot_role(guild);
    let mut shard = shard(&discord, WANTED);
    let seen = next(&mut shard, "the server", |event| match event {
        Event::GuildCreate(guild) => Some(guild),
        _ => None,
    });
    let twilight_model::gateway::payload::incoming::GuildCreate::Available(seen) = *seen.await else {
        panic!("the server is there")
    };
    let known = seen.roles.iter().find(|known| known.id.get() == role.0).expect("the role is told");
    let of = known.tags.as_ref().and_then(|tags| tags.bot_id);
    assert_eq!((of.map(Id::get), seen.members[0].roles[0].get()), (Some(discord.bot().0), role.0));
    discord.say(channel, ada, &format!("<@&{role}> hello")).send();
    let named = next(&mut shard, "the message", |event| match event {
        Event::MessageCreate(message) => Some(message.mention_roles.clone()),
        _ => None,
    });
    assert_eq!(named.await, [Id::new(role.0)]);
}

#[tokio::test]
async fn silence_and_absence_end_when_it_is_healed() {
    let discord = FakeDiscord::start(DiscordOptions::default()).await;
    discord.add_guild("home");
    let client = client(&discord);
    discord.silence();
    let asking = call(&client, Method::Get, "users/@me".into(), &Value::Null);
    assert!(tokio::time::timeout(Duration::from_millis(100), asking).await.is_err(), "nothing answers");
    discord.heal();
    assert_eq!(call(&client, Method::Get, "users/@me".into(), &Value::Null).await.0, 200);
    discord.go_down();
    let request = RequestBuilder::raw(Method::Get, "users/@me".into()).build().expect("a request");
    client.request::<()>(request).await.expect_err("nobody is there");
    discord.heal();
    assert_eq!(call(&client, Method::Get, "users/@me".into(), &Value::Null).await.0, 200);
}
