//! The bot itself, people, servers and channels.

use std::time::Instant;

use serde_json::{Value, json};

use super::super::State;
use super::super::payload::{EVERYBODY_MAY, guild_json};
use super::super::wire::Refusal;
use super::super::world::{ChannelShape, DiscordTyping, Guild, Place, Snowflake};
use super::{Answer, Outcome};

/// Sessions that a bot may begin in a day.
const SESSIONS_A_DAY: usize = 1000;

pub(super) fn gateway(state: &mut State) -> Outcome {
    Answer::ok(json!({"url": state.base.replacen("http", "ws", 1)}))
}

pub(super) fn gateway_bot(state: &mut State) -> Outcome {
    let left = SESSIONS_A_DAY.saturating_sub(state.hub.stats.identifies);
    Answer::ok(json!({
        "url": state.base.replacen("http", "ws", 1), "shards": 1,
        "session_start_limit":
            {"total": SESSIONS_A_DAY, "remaining": left, "reset_after": 14_400_000, "max_concurrency": 1},
    }))
}

pub(super) fn my_guilds(state: &mut State) -> Outcome {
    let guild = |guild: &Guild| {
        json!({
            "id": guild.id, "name": guild.name, "icon": null, "banner": null, "owner": false, "features": [],
            "permissions": EVERYBODY_MAY.to_string(),
        })
    };
    Answer::ok(state.world.guilds.values().map(guild).collect())
}

pub(super) fn open_direct(state: &mut State, body: &Value) -> Outcome {
    let user = body["recipient_id"].as_str().and_then(Snowflake::parse);
    let user = user.filter(|user| state.world.users.contains_key(user) && *user != state.world.bot);
    let user = user.ok_or_else(|| Refusal::new(400, 50033, "Invalid Recipient(s)"))?;
    let place = state.world.direct_chat(user);
    Answer::ok(state.world.place_json(&state.world.places[&place]))
}

pub(super) fn user(state: &mut State, user: &str) -> Outcome {
    let user = Snowflake::parse(user).filter(|user| state.world.users.contains_key(user));
    Answer::ok(state.world.user_json(user.ok_or_else(|| Refusal::unknown("User", 10013))?))
}

pub(super) fn application(state: &mut State) -> Outcome {
    Answer::ok(json!({
        "id": state.world.application, "name": state.options.bot_name, "icon": null, "description": "", "summary": "",
        "bot_public": false, "bot_require_code_grant": false, "bot": state.world.user_json(state.world.bot),
        "verify_key": "0".repeat(64), "flags": state.application_flags(), "team": null, "redirect_uris": [],
        "approximate_guild_count": state.world.guilds.len(), "interactions_endpoint_url": null,
        "rpc_origins": [], "tags": [],
    }))
}

pub(super) fn guild(state: &mut State, guild: &str) -> Outcome {
    let guild = state.guild(guild)?;
    Answer::ok(guild_json(guild))
}

pub(super) fn guild_channels(state: &mut State, guild: &str) -> Outcome {
    list(state, guild, |place| place.shape != ChannelShape::Thread).and_then(|list| Answer::ok(json!(list)))
}

pub(super) fn active_threads(state: &mut State, guild: &str) -> Outcome {
    let threads = list(state, guild, |place| place.shape == ChannelShape::Thread)?;
    Answer::ok(json!({"threads": threads, "members": []}))
}

fn list(state: &State, guild: &str, wanted: impl Fn(&Place) -> bool) -> Result<Vec<Value>, Refusal> {
    let guild = state.guild(guild)?.id;
    let places = state.world.places.values().filter(|place| place.guild == Some(guild) && wanted(place));
    Ok(places.map(|place| state.world.place_json(place)).collect())
}

pub(super) fn roles(state: &mut State, guild: &str) -> Outcome {
    let guild = state.guild(guild)?;
    Answer::ok(guild_json(guild)["roles"].take())
}

pub(super) fn member(state: &mut State, guild: &str, user: &str) -> Outcome {
    let guild = state.guild(guild)?;
    let member = Snowflake::parse(user).and_then(|user| state.world.full_member_json(guild, user));
    Answer::ok(member.ok_or_else(|| Refusal::unknown("Member", 10007))?)
}

pub(super) fn channel(state: &mut State, channel: &str) -> Outcome {
    let place = state.place(channel)?;
    Answer::ok(state.world.place_json(place))
}

pub(super) fn typing(state: &mut State, channel: &str) -> Outcome {
    let channel = state.writable(channel)?.id;
    state.world.typing.push(DiscordTyping { channel, at: Instant::now() });
    Answer::done()
}

impl State {
    fn guild(&self, guild: &str) -> Result<&Guild, Refusal> {
        let guild = Snowflake::parse(guild).and_then(|id| self.world.guilds.get(&id));
        guild.ok_or_else(|| Refusal::unknown("Guild", 10004))
    }
}
