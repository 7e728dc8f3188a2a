//! The routes of REST: one table, and a file per noun.

mod interactions;
mod messages;
mod places;
mod webhooks;

/// What people do as well as the bot.
pub(super) mod people {
    pub(in super::super) use super::messages::{announce_edit, publish, remove, set_reaction};
}

use serde_json::Value;

use super::State;
use super::wire::{FormFile, Refusal};
use super::world::{BotAccess, Place, Snowflake};

/// A request, read.
pub(super) struct Call<'a> {
    pub(super) method: &'a str,
    /// Behind `/api/v10`, without percent signs.
    pub(super) segments: &'a [&'a str],
    pub(super) query: Vec<(String, String)>,
    /// `null` without one.
    pub(super) body: Value,
    pub(super) files: Vec<FormFile>,
}

/// What is answered.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Option<Value>,
}

/// What a handler comes to.
pub(super) type Outcome = Result<Answer, Refusal>;

#[allow(clippy::unnecessary_wraps, reason = "every handler ends with one of these")]
impl Answer {
    fn ok(body: Value) -> Outcome {
        Ok(Self { status: 200, body: Some(body) })
    }

    /// Done, and nothing to say.
    fn done() -> Outcome {
        Ok(Self { status: 204, body: None })
    }
}

/// Finds who answers.
pub(super) fn route(state: &mut State, call: &Call) -> Outcome {
    call.knows_query(match call.segments {
        ["channels", _, "messages"] => &["before", "after", "around", "limit"],
        ["webhooks", ..] => &["wait", "thread_id", "with_components"],
        ["interactions", ..] => &["with_response"],
        ["applications", .., "commands"] => &["with_localizations"],
        ["guilds", _] => &["with_counts"],
        ["users", "@me", "guilds"] => &["before", "after", "limit", "with_counts"],
        ["guilds", _, "members"] => &["limit", "after"],
        _ => &[],
    })?;
    match (call.method, call.segments) {
        ("GET", ["gateway"]) => places::gateway(state),
        ("GET", ["gateway", "bot"]) => places::gateway_bot(state),
        ("GET", ["users", "@me"]) => Answer::ok(state.world.myself_json()),
        ("GET", ["users", "@me", "guilds"]) => places::my_guilds(state),
        ("POST", ["users", "@me", "channels"]) => places::open_direct(state, &call.body),
        ("GET", ["users", user]) => places::user(state, user),
        ("GET", ["applications", "@me"] | ["oauth2", "applications", "@me"]) => places::application(state),
        ("GET", ["guilds", guild]) => places::guild(state, guild),
        ("GET", ["guilds", guild, "channels"]) => places::guild_channels(state, guild),
        ("GET", ["guilds", guild, "threads", "active"]) => places::active_threads(state, guild),
        ("GET", ["guilds", guild, "roles"]) => places::roles(state, guild),
        ("GET", ["guilds", guild, "members", user]) => places::member(state, guild, user),
        ("GET", ["channels", channel]) => places::channel(state, channel),
        ("POST", ["channels", channel, "typing"]) => places::typing(state, channel),
        ("GET", ["channels", channel, "messages"]) => messages::list(state, channel, &call.query),
        ("POST", ["channels", channel, "messages"]) => messages::create(state, channel, call),
        ("GET", ["channels", channel, "messages", message]) => messages::get(state, channel, message),
        ("PATCH", ["channels", channel, "messages", message]) => messages::edit(state, channel, message, call),
        ("DELETE", ["channels", channel, "messages", message]) => messages::delete(state, channel, message),
        ("PUT", ["channels", channel, "messages", message, "reactions", emoji, "@me"]) => {
            messages::react(state, channel, message, emoji)
        }
        ("DELETE", ["channels", channel, "messages", message, "reactions", emoji, "@me"]) => {
            messages::unreact(state, channel, message, emoji)
        }
        ("GET", ["applications", app, "commands"]) => interactions::commands(state, app),
        ("PUT", ["applications", app, "commands"]) => interactions::put_commands(state, app, &call.body),
        ("POST", ["interactions", id, token, "callback"]) => interactions::callback(state, id, token, call),
        ("POST", ["webhooks", app, token]) => webhooks::follow_up(state, app, token, call),
        ("GET", ["webhooks", app, token, "messages", message]) => webhooks::get(state, app, token, message),
        ("PATCH", ["webhooks", app, token, "messages", message]) => webhooks::edit(state, app, token, message, call),
        ("DELETE", ["webhooks", app, token, "messages", message]) => webhooks::delete(state, app, token, message),
        _ => Err(Refusal::new(404, 0, "404: Not Found").fault()),
    }
}

impl Call<'_> {
    fn knows_query(&self, known: &[&str]) -> Result<(), Refusal> {
        match self.query.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            Some((name, _)) => Err(Refusal::form(name, "UNKNOWN_QUERY", "the route knows no such parameter")),
            None => Ok(()),
        }
    }
}

impl State {
    /// A channel that the bot may look at.
    fn place(&self, channel: &str) -> Result<&Place, Refusal> {
        let place = Snowflake::parse(channel).and_then(|id| self.world.places.get(&id));
        let place = place.ok_or_else(|| Refusal::unknown("Channel", 10003))?;
        match self.world.access(place) {
            BotAccess::Hidden => Err(Refusal::new(403, 50001, "Missing Access")),
            BotAccess::ReadOnly | BotAccess::Full => Ok(place),
        }
    }

    /// A channel that the bot may write to.
    fn writable(&self, channel: &str) -> Result<Place, Refusal> {
        let place = self.place(channel)?;
        if self.world.access(place) == BotAccess::ReadOnly {
            return Err(Refusal::new(403, 50013, "Missing Permissions"));
        }
        Ok(place.clone())
    }

    /// A message of that channel.
    fn message_in(&self, place: Snowflake, message: &str) -> Result<Snowflake, Refusal> {
        let found = Snowflake::parse(message).and_then(|id| self.world.messages.get(&id));
        let found = found.filter(|message| message.channel == place && !message.is_ephemeral());
        found.map(|message| message.id).ok_or_else(|| Refusal::unknown("Message", 10008))
    }
}
