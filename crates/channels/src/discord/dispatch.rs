//! What each event of the gateway means: names are learned at once, what people did becomes a work for the intake.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::bot::Shared;
use super::normalise::Us;
use super::progress::Progress;
use super::wire::{BulkDeleted, Channel, Deleted, Guild, Interaction, Message, Reaction, Ready, ThreadList, order};
use super::work::{Event, Work};

/// One message of the gateway.
#[derive(Debug, Deserialize)]
pub(super) struct Frame<'f> {
    pub(super) op: u8,
    pub(super) s: Option<u64>,
    #[serde(borrow)]
    pub(super) t: Option<&'f str>,
    #[serde(borrow)]
    d: Option<&'f RawValue>,
}

impl<'f> Frame<'f> {
    pub(super) const DISPATCH: u8 = 0;
    pub(super) const RECONNECT: u8 = 7;
    pub(super) const INVALID_SESSION: u8 = 9;
    pub(super) const HELLO: u8 = 10;
    pub(super) const HEARTBEAT_ACK: u8 = 11;

    pub(super) fn data(&self) -> &'f str {
        self.d.map_or("null", RawValue::get)
    }

    pub(super) fn heartbeat_interval(&self) -> Option<Duration> {
        #[derive(Deserialize)]
        struct Hello {
            heartbeat_interval: u64,
        }
        read::<Hello>("HELLO", self.data()).map(|hello| Duration::from_millis(hello.heartbeat_interval))
    }
}

/// Learns from an event and says what there is to do about it.
pub(super) fn dispatch(shared: &Shared, progress: &Progress, name: &str, sequence: u64, data: &str) -> Vec<Event> {
    let works = match name {
        "READY" => read(name, data).map(|ready| begin(shared, progress, sequence, &ready)).unwrap_or_default(),
        "RESUMED" => introduction(shared),
        "GUILD_CREATE" => read(name, data).map(|guild| guild_works(shared, progress, &guild)).unwrap_or_default(),
        "MESSAGE_CREATE" => {
            read::<Message>(name, data).map(|message| vec![Work::Message(Box::new(message))]).unwrap_or_default()
        }
        "MESSAGE_UPDATE" => {
            read::<Message>(name, data).map(|message| vec![Work::Edited(Box::new(message))]).unwrap_or_default()
        }
        "MESSAGE_DELETE" => read(name, data).map(|deleted| vec![Work::Deleted(deleted)]).unwrap_or_default(),
        "MESSAGE_DELETE_BULK" => read(name, data).map(bulk_works).unwrap_or_default(),
        "MESSAGE_REACTION_ADD" => reaction_works(progress, name, sequence, data, true),
        "MESSAGE_REACTION_REMOVE" => reaction_works(progress, name, sequence, data, false),
        "INTERACTION_CREATE" => read(name, data).map(interaction_works).unwrap_or_default(),
        _ => {
            if matches!(name, "CHANNEL_CREATE" | "THREAD_CREATE")
                && let Some(channel) = read::<Channel>(name, data)
            {
                begin_reading(progress, &channel);
            }
            learn(shared, name, data);
            Vec::new()
        }
    };
    let event = |work: Work| {
        let ticket = progress.begin(sequence);
        if work.is_fleeting() {
            progress.done(ticket);
        }
        Event { ticket, work }
    };
    let events: Vec<Event> = works.into_iter().map(event).collect();
    if events.is_empty() {
        progress.received(sequence);
    }
    events
}

/// A session of its own begins. What was said since the last one in direct chats is fetched; servers announce theirs.
fn begin(shared: &Shared, progress: &Progress, sequence: u64, ready: &Ready) -> Vec<Work> {
    let name = ready.user.full_name();
    shared.know_us(Us { id: ready.user.id.clone(), application: ready.application.id.clone(), name });
    progress.begin_session(&ready.session_id, &ready.resume_gateway_url);
    progress.received(sequence);
    let missed = progress.direct_chats().into_iter();
    introduction(shared).into_iter().chain(missed.map(|(chat, after)| Work::CatchUp { chat, after })).collect()
}

/// Once in a process.
fn introduction(shared: &Shared) -> Vec<Work> {
    if shared.introduced.swap(true, Ordering::Relaxed) { Vec::new() } else { vec![Work::Introduce] }
}

/// A server was announced: at the beginning of a session, when it comes back, or when the bot was invited. Channels that have newer
/// messages than the last one seen are read from there; those that nothing was read of begin at their end, which is their very
/// beginning where nobody has written yet.
fn guild_works(shared: &Shared, progress: &Progress, guild: &Guild) -> Vec<Work> {
    let us = shared.known_us().map(|us| us.id).unwrap_or_default();
    shared.names.learn_guild(guild, &us);
    let mut missed = Vec::new();
    for channel in guild.channels.iter().chain(&guild.threads) {
        match (progress.last_seen(&channel.id), &channel.last_message_id) {
            (None, _) => begin_reading(progress, channel),
            (Some(seen), Some(last)) if order(last) > order(&seen) => missed.push((channel.id.clone(), seen)),
            (Some(_), _) => {}
        }
    }
    missed.sort_by_key(|(_, seen)| std::cmp::Reverse(order(seen)));
    missed.into_iter().map(|(chat, after)| Work::CatchUp { chat, after }).collect()
}

/// From here on nothing that is said in a channel is missed, also when it is the first thing ever said there.
fn begin_reading(progress: &Progress, channel: &Channel) {
    // A message is younger than its channel, and so is its id.
    let start = channel.last_message_id.as_ref().or(channel.holds_messages().then_some(&channel.id));
    if let Some(start) = start {
        progress.starts_at(&channel.id, start);
    }
}

fn bulk_works(deleted: BulkDeleted) -> Vec<Work> {
    let one = |id| Work::Deleted(Deleted { id, channel_id: deleted.channel_id.clone() });
    deleted.ids.into_iter().map(one).collect()
}

/// Reactions have no id; their place in the session is one, since a resumed session gives them again with it.
fn reaction_works(progress: &Progress, name: &str, sequence: u64, data: &str, added: bool) -> Vec<Work> {
    let session = progress.session().map(|session| session.id).unwrap_or_default();
    let event = format!("r:{session}:{sequence}");
    let reaction = read::<Reaction>(name, data);
    reaction.map(|reaction| vec![Work::Reaction { event, reaction: Box::new(reaction), added }]).unwrap_or_default()
}

fn interaction_works(mut interaction: Interaction) -> Vec<Work> {
    if interaction.channel_id.is_none() {
        interaction.channel_id = interaction.channel.as_ref().map(|channel| channel.id.clone());
    }
    match interaction.kind {
        Interaction::COMMAND | Interaction::COMPONENT => vec![Work::Interaction(Box::new(interaction))],
        Interaction::COMPLETION => vec![Work::Completion(Box::new(interaction))],
        _ => Vec::new(),
    }
}

/// Events that change names only.
fn learn(shared: &Shared, name: &str, data: &str) {
    match name {
        "GUILD_UPDATE" | "GUILD_DELETE" => {
            let Some(guild) = read::<Guild>(name, data) else { return };
            match name {
                "GUILD_DELETE" if !guild.unavailable => shared.names.forget_guild(&guild.id),
                "GUILD_UPDATE" => {
                    shared.names.learn_guild(&guild, &shared.known_us().map(|us| us.id).unwrap_or_default());
                }
                _ => {}
            }
        }
        "CHANNEL_CREATE" | "CHANNEL_UPDATE" | "THREAD_CREATE" | "THREAD_UPDATE" => {
            if let Some(channel) = read::<Channel>(name, data) {
                shared.names.learn_channel(&channel, None);
            }
        }
        "CHANNEL_DELETE" | "THREAD_DELETE" => {
            if let Some(channel) = read::<Channel>(name, data) {
                shared.names.forget_channel(&channel.id);
            }
        }
        "THREAD_LIST_SYNC" => {
            let Some(list) = read::<ThreadList>(name, data) else { return };
            for thread in &list.threads {
                shared.names.learn_channel(thread, Some(&list.guild_id));
            }
        }
        _ => {}
    }
}

fn read<T: DeserializeOwned>(name: &str, data: &str) -> Option<T> {
    serde_json::from_str(data)
        .inspect_err(|error| {
            // The reader's own words may quote what somebody said.
            let reason = error.classify();
            tracing::warn!(target: "discord", event = name, ?reason, column = error.column(), "an event can't be read");
        })
        .ok()
}
