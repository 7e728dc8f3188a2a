//! The fake as twilight, a client that others use against the real one, sees it; and what it refuses.

use twilight_gateway::{ConfigBuilder, Event, EventTypeFlags, Intents, Shard, ShardId, StreamExt as _};
use twilight_http::Client;
use twilight_http::api_error::ApiError;
use twilight_http::error::ErrorType;
use twilight_model::id::Id;

use super::*;

const WANTED: Intents = Intents::GUILDS
    .union(Intents::GUILD_MESSAGES)
    .union(Intents::GUILD_MESSAGE_REACTIONS)
    .union(Intents::DIRECT_MESSAGES)
    .union(Intents::MESSAGE_CONTENT);

fn shard(discord: &FakeDiscord, intents: Intents) -> Shard {
    // Twilight builds a TLS client in any case. Another test of this process may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = ConfigBuilder::new(discord.token(), intents).proxy_url(discord.gateway_url()).build();
    Shard::with_config(ShardId::ONE, config)
}

fn client(discord: &FakeDiscord) -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().token(discord.token()).proxy(discord.host(), true).build()
}

/// The next event that the pick takes.
async fn next<T>(shard: &mut Shard, what: &str, pick: impl Fn(Event) -> Option<T>) -> T {
    let searching = async {
        loop {
            // Errors on the way are what reconnecting looks like.
            if let Some(Ok(event)) = shard.next_event(EventTypeFlags::all()).await
                && let Some(found) = pick(event)
            {
                return found;
            }
        }
    };
    tokio::time::timeout(PATIENCE, searching).await.unwrap_or_else(|_| panic!("{what} did not come"))
}

async fn next_text(shard: &mut Shard) -> String {
    next(shard, "a message", |event| match event {
        Event::MessageCreate(message) => Some(message.content.clone()),
        _ => None,
    })
    .await
}

async fn ready(shard: &mut Shard) {
    next(shard, "READY", |event| matches!(event, Event::Ready(_)).then_some(())).await;
}

/// Code of the platform's own error.
fn code<T>(result: Result<T, twilight_http::Error>) -> u64 {
    match result.map(|_| ()).expect_err("a refusal").kind() {
        ErrorType::Response { error: ApiError::General(error), .. } => error.code,
        other => panic!("another error: {other:?}"),
    }
}

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
    for code in [4000, 1006, 1001] {
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
    assert_eq!((stats.identifies, stats.resumed, stats.connections), (1, 3, 4));
    discord.assert_clean();
}

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
