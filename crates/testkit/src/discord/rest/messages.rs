//! Messages of channels, and reactions to them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::check::{self, Shape};
use super::super::gateway::{Event, Told};
use super::super::payload::{Sight, emoji_json};
use super::super::wire::{FormFile, Refusal, items};
use super::super::world::{ChannelShape, DiscordFile, DiscordMessage, Place, Snowflake, now_ms};
use super::super::{MESSAGE_CONTENT, State};
use super::{Answer, Call, Outcome};

/// How long a nonce is remembered: "the past few minutes".
const NONCE_WINDOW: Duration = Duration::from_mins(5);
/// Different emoji that one message takes.
const REACTIONS_MAX: usize = 20;
const HAS_VOICE: u64 = 1 << 13;

pub(super) fn list(state: &mut State, channel: &str, query: &[(String, String)]) -> Outcome {
    let place = state.place(channel)?.id;
    let anchors: Vec<_> = query.iter().filter(|(name, _)| name != "limit").collect();
    if anchors.len() > 1 {
        return Err(Refusal::form("after", "MUTUALLY_EXCLUSIVE", "only one of before, after and around may be passed"));
    }
    let limit = match query.iter().find(|(name, _)| name == "limit") {
        None => 50,
        Some((_, text)) => text
            .parse()
            .ok()
            .filter(|limit| (1..=100).contains(limit))
            .ok_or_else(|| Refusal::form("limit", "NUMBER_TYPE_MAX", "int value should be between 1 and 100."))?,
    };
    let all: Vec<Snowflake> = state.world.visible(place).map(|message| message.id).collect();
    let anchor = match anchors.first() {
        None => None,
        Some((name, text)) => {
            let id = text.parse().map(Snowflake);
            let id = id.map_err(|_| Refusal::form(name, "NUMBER_TYPE_COERCE", "Value is not snowflake."))?;
            Some((name.as_str(), id))
        }
    };
    let (from, to) = match anchor {
        Some(("before", id)) => {
            let end = all.partition_point(|message| *message < id);
            (end.saturating_sub(limit), end)
        }
        Some(("after", id)) => {
            let begin = all.partition_point(|message| *message <= id);
            (begin, (begin + limit).min(all.len()))
        }
        Some((_, id)) => {
            let begin = all.partition_point(|message| *message < id).saturating_sub(limit / 2);
            (begin, (begin + limit).min(all.len()))
        }
        None => (all.len().saturating_sub(limit), all.len()),
    };
    // Newest first, whatever was asked.
    Answer::ok(all[from..to].iter().rev().map(|id| state.shown(*id)).collect())
}

pub(super) fn get(state: &mut State, channel: &str, message: &str) -> Outcome {
    let place = state.place(channel)?.id;
    let message = state.message_in(place, message)?;
    Answer::ok(state.shown(message))
}

pub(super) fn create(state: &mut State, channel: &str, call: &Call) -> Outcome {
    let place = state.writable(channel)?;
    if place.shape == ChannelShape::Forum {
        return Err(Refusal::new(400, 50008, "Cannot send messages in a non-text channel"));
    }
    let closed = place.recipient.and_then(|user| state.world.users.get(&user)).is_some_and(|user| user.closes_dms);
    if closed {
        return Err(Refusal::new(403, 50007, "Cannot send messages to this user"));
    }
    check::message(&call.body, &call.files, Shape::Create, state.options.upload_max_bytes)?;
    if let Some(known) = known_nonce(state, &call.body) {
        return Answer::ok(state.answered(known));
    }
    let mut message = draft(state, &place, &call.body, &call.files)?;
    quote(state, &mut message, &call.body["message_reference"], &call.body["allowed_mentions"])?;
    message.nonce = call.body.get("nonce").filter(|nonce| !nonce.is_null()).cloned();
    let id = publish(state, message);
    Answer::ok(state.answered(id))
}

pub(super) fn edit(state: &mut State, channel: &str, message: &str, call: &Call) -> Outcome {
    let place = state.place(channel)?.clone();
    let id = state.message_in(place.id, message)?;
    if state.world.messages[&id].author != state.world.bot {
        return Err(Refusal::new(403, 50005, "Cannot edit a message authored by another user"));
    }
    apply_edit(state, id, call)?;
    Answer::ok(state.shown(id))
}

pub(super) fn delete(state: &mut State, channel: &str, message: &str) -> Outcome {
    let place = state.place(channel)?.clone();
    let id = state.message_in(place.id, message)?;
    if state.world.messages[&id].author != state.world.bot {
        let direct = place.guild.is_none();
        let (code, words) =
            if direct { (50003, "Cannot execute action on a DM channel") } else { (50013, "Missing Permissions") };
        return Err(Refusal::new(403, code, words));
    }
    remove(state, id);
    Answer::done()
}

pub(super) fn react(state: &mut State, channel: &str, message: &str, emoji: &str) -> Outcome {
    let place = state.writable(channel)?;
    let id = state.message_in(place.id, message)?;
    check_emoji(emoji)?;
    let bot = state.world.bot;
    let reactions = &state.world.messages[&id].reactions;
    let mut different: Vec<&str> = reactions.iter().map(|(emoji, _)| emoji.as_str()).collect();
    different.dedup();
    if !different.contains(&emoji) && different.len() >= REACTIONS_MAX {
        return Err(Refusal::new(400, 30010, "Maximum number of reactions reached (20)"));
    }
    set_reaction(state, id, bot, emoji, true);
    Answer::done()
}

pub(super) fn unreact(state: &mut State, channel: &str, message: &str, emoji: &str) -> Outcome {
    let place = state.place(channel)?.id;
    let id = state.message_in(place, message)?;
    check_emoji(emoji)?;
    let bot = state.world.bot;
    set_reaction(state, id, bot, emoji, false);
    Answer::done()
}

/// A sign, or `name:id`; a name alone is none.
fn check_emoji(emoji: &str) -> Result<(), Refusal> {
    let own = emoji.split_once(':').is_some_and(|(name, id)| !name.is_empty() && Snowflake::parse(id).is_some());
    let sign = !emoji.is_ascii() && !emoji.chars().any(|c| c.is_ascii_alphabetic() || c.is_whitespace());
    if own || sign { Ok(()) } else { Err(Refusal::new(400, 10014, "Unknown Emoji")) }
}

/// Puts a reaction on or takes it off; nothing happens when it is so already.
pub(in super::super) fn set_reaction(state: &mut State, id: Snowflake, user: Snowflake, emoji: &str, on: bool) {
    let Some(message) = state.world.messages.get_mut(&id) else { return };
    let known = message.reactions.iter().position(|(name, who)| name == emoji && *who == user);
    match (known, on) {
        (None, true) => message.reactions.push((emoji.to_owned(), user)),
        (Some(at), false) => drop(message.reactions.remove(at)),
        (Some(_), true) | (None, false) => return,
    }
    let (channel, author) = (message.channel, message.author);
    let guild = state.world.places.get(&channel).and_then(|place| state.world.guilds.get(&place.guild?));
    let mut data = json!({
        "user_id": user, "channel_id": channel, "message_id": id, "emoji": emoji_json(emoji), "burst": false, "type": 0,
    });
    if let Some(guild) = guild {
        data["guild_id"] = json!(guild.id);
        if let Some(member) = state.world.full_member_json(guild, user).filter(|_| on) {
            data["member"] = member;
        }
    }
    if on {
        data["message_author_id"] = json!(author);
    }
    let name = if on { "MESSAGE_REACTION_ADD" } else { "MESSAGE_REACTION_REMOVE" };
    state.dispatch(&Event { name, channel: Some(channel), told: Told::Plain(data) });
}

/// Makes a message of a checked body.
pub(super) fn draft(
    state: &mut State,
    place: &Place,
    body: &Value,
    files: &[FormFile],
) -> Result<DiscordMessage, Refusal> {
    // The platform takes the space around a text away.
    let content = body["content"].as_str().unwrap_or_default().trim().to_owned();
    let (id, author) = (state.world.next_id(), state.world.bot);
    let mut message = DiscordMessage::new(id, place.id, author, content);
    message.embeds = items(&body["embeds"]).to_vec();
    message.components = items(&body["components"]).to_vec();
    message.flags = body["flags"].as_u64().unwrap_or_default();
    message.attachments = files.iter().map(|file| attachment(state, file, body)).collect();
    ring(state, place, &mut message, &body["allowed_mentions"]);
    check::not_empty(&message, body)?;
    if message.flags & HAS_VOICE != 0 {
        check::voice(&message)?;
    }
    Ok(message)
}

fn attachment(state: &mut State, file: &FormFile, body: &Value) -> DiscordFile {
    let described = items(&body["attachments"])
        .iter()
        .find(|entry| entry["id"].as_u64().or_else(|| entry["id"].as_str()?.parse().ok()) == Some(file.index));
    let described = described.unwrap_or(&Value::Null);
    DiscordFile {
        id: state.world.next_id(),
        name: described["filename"].as_str().unwrap_or(&file.name).to_owned(),
        mime: file.mime.clone(),
        claimed_size: file.bytes.len() as u64,
        bytes: file.bytes.clone(),
        duration_secs: described["duration_secs"].as_f64().filter(|_| described["waveform"].is_string()),
        description: described["description"].as_str().map(str::to_owned),
    }
}

/// Finds out who is rung: without `allowed_mentions` everybody whom the text names.
fn ring(state: &State, place: &Place, message: &mut DiscordMessage, allowed: &Value) {
    let text = message.content.as_str();
    let parses = |kind: &str| allowed.is_null() || items(&allowed["parse"]).iter().any(|entry| entry == kind);
    let listed = |list: &str, id: &Snowflake| items(&allowed[list]).iter().any(|entry| *entry == id.to_string());
    let mut mentions = state.world.named_in(text);
    mentions.retain(|user| parses("users") || listed("users", user));
    let mut roles = state.world.roles_in(place.id, text);
    roles.retain(|role| parses("roles") || listed("roles", role));
    let is_loud = text.contains("@everyone") || text.contains("@here");
    message.pings_everyone = place.guild.is_some() && parses("everyone") && is_loud;
    (message.mentions, message.role_mentions) = (mentions, roles);
}

fn quote(state: &State, message: &mut DiscordMessage, reference: &Value, allowed: &Value) -> Result<(), Refusal> {
    let Some(wanted) = reference.get("message_id").filter(|id| !id.is_null()) else { return Ok(()) };
    let quoted = wanted.as_str().and_then(Snowflake::parse).and_then(|id| state.world.messages.get(&id));
    if quoted.is_some_and(|quoted| quoted.channel != message.channel) {
        let words = "Cannot reply to a message in a different channel";
        return Err(Refusal::form("message_reference", "REPLIES_CANNOT_REFERENCE_OTHER_CHANNEL", words));
    }
    match quoted {
        Some(quoted) => {
            message.reply_to = Some(quoted.id);
            message.kind = 19;
            let pings = allowed.is_null() || allowed["replied_user"] == true;
            if pings && !message.mentions.contains(&quoted.author) {
                message.mentions.push(quoted.author);
            }
            Ok(())
        }
        // A quote of something that is gone becomes an ordinary message, where the client allows it.
        None if reference["fail_if_not_exists"] == false => Ok(()),
        None => Err(Refusal {
            is_fault: false,
            ..Refusal::form("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
        }),
    }
}

/// The message that this nonce made already, if the client asks to look.
fn known_nonce(state: &State, body: &Value) -> Option<Snowflake> {
    let nonce = body.get("nonce").filter(|nonce| !nonce.is_null() && body["enforce_nonce"] == true)?;
    let now = Instant::now();
    let fresh = |message: &&DiscordMessage| now.duration_since(message.written) < NONCE_WINDOW;
    let mut own = state.world.messages.values().filter(|message| message.author == state.world.bot).filter(fresh);
    own.find(|message| message.nonce.as_ref() == Some(nonce)).map(|message| message.id)
}

/// Puts a message there and tells everybody.
pub(in super::super) fn publish(state: &mut State, message: DiscordMessage) -> Snowflake {
    let (id, channel) = (message.id, message.channel);
    if message.author == state.world.bot {
        state.sent += 1;
    }
    state.tell_listeners(&message);
    let hidden = message.is_ephemeral();
    state.world.messages.insert(id, message);
    if !hidden {
        state.dispatch(&Event { name: "MESSAGE_CREATE", channel: Some(channel), told: Told::Message(id) });
    }
    id
}

/// Checks and applies a PATCH.
pub(super) fn apply_edit(state: &mut State, id: Snowflake, call: &Call) -> Result<(), Refusal> {
    check::message(&call.body, &call.files, Shape::Edit, state.options.upload_max_bytes)?;
    let place = state.world.places[&state.world.messages[&id].channel].clone();
    let mut message = state.world.messages[&id].clone();
    let body = &call.body;
    if let Some(content) = body.get("content") {
        let content = content.as_str().unwrap_or_default().trim();
        if content != message.content {
            message.edits += 1;
        }
        content.clone_into(&mut message.content);
        ring(state, &place, &mut message, &body["allowed_mentions"]);
    }
    if body.get("embeds").is_some() {
        message.embeds = items(&body["embeds"]).to_vec();
    }
    if body.get("components").is_some() {
        message.components = items(&body["components"]).to_vec();
    }
    if let Some(flags) = body["flags"].as_u64() {
        message.flags = flags;
    }
    if let Some(kept) = body["attachments"].as_array() {
        let kept: Vec<&str> = kept.iter().filter_map(|entry| entry["id"].as_str()).collect();
        message.attachments.retain(|file| kept.contains(&file.id.to_string().as_str()));
    }
    message.attachments.extend(call.files.iter().map(|file| attachment(state, file, body)));
    check::not_empty(&message, &Value::Null)?;
    message.edited_at_ms = Some(now_ms());
    announce_edit(state, message);
    Ok(())
}

pub(in super::super) fn announce_edit(state: &mut State, message: DiscordMessage) {
    let (id, channel, hidden) = (message.id, message.channel, message.is_ephemeral());
    state.tell_listeners(&message);
    state.world.messages.insert(id, message);
    if !hidden {
        state.dispatch(&Event { name: "MESSAGE_UPDATE", channel: Some(channel), told: Told::Message(id) });
    }
}

pub(in super::super) fn remove(state: &mut State, id: Snowflake) {
    let Some(message) = state.world.messages.remove(&id).filter(|message| !message.is_ephemeral()) else { return };
    let guild = state.world.places.get(&message.channel).and_then(|place| place.guild);
    let mut data = json!({"id": id, "channel_id": message.channel});
    if let Some(guild) = guild {
        data["guild_id"] = json!(guild);
    }
    state.dispatch(&Event { name: "MESSAGE_DELETE", channel: Some(message.channel), told: Told::Plain(data) });
}

impl State {
    fn tell_listeners(&mut self, message: &DiscordMessage) {
        if message.author == self.world.bot {
            self.listeners.retain(|listener| listener.send(message.clone()).is_ok());
        }
    }

    /// A message as REST shows it. Whether it reads what is not for the bot is the portal's switch, not the connection's.
    pub(super) fn shown(&self, message: Snowflake) -> Value {
        let reads_content = self.options.allowed_intents & MESSAGE_CONTENT != 0;
        self.world.message_json(&self.world.messages[&message], Sight::Rest { reads_content }, &self.base)
    }

    /// The answer to its writer, which carries the nonce; no later look does.
    pub(super) fn answered(&self, message: Snowflake) -> Value {
        let mut json = self.shown(message);
        if let Some(nonce) = &self.world.messages[&message].nonce {
            json["nonce"] = nonce.clone();
        }
        json
    }
}
