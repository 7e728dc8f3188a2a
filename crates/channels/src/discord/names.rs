//! What servers, channels and threads are called, as the gateway tells: the only thing about them that is kept in memory.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::wire::{Channel, Guild};
use crate::inbound::{ChatKind, PlaceName};

/// Channels and threads of all servers together. A bot in one very large server stays below it; what is not kept is asked for
/// when it is needed.
const CHANNELS_MAX: usize = 20_000;

/// Kinds of channels, as Discord numbers them.
const DIRECT: u64 = 1;
const GROUP_DIRECT: u64 = 3;
const THREADS: [u64; 3] = [10, 11, 12];

/// Shared by the worker, which learns names, and the channel, which says them.
#[derive(Debug, Default)]
pub(super) struct Names(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    guilds: HashMap<String, String>,
    channels: HashMap<String, ChannelName>,
    /// The roles that belong to our bot itself: mentioning one means us.
    our_roles: HashSet<String>,
}

#[derive(Debug, Clone, Default)]
struct ChannelName {
    kind: u64,
    guild: Option<String>,
    parent: Option<String>,
    name: Option<String>,
}

/// What has to be asked for by its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unknown {
    Guild(String),
    Channel(String),
}

/// Where a message was said.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Spot {
    pub(super) kind: ChatKind,
    /// See [`crate::InboundMessage::chat_id`].
    pub(super) chat_id: String,
    pub(super) thread: Option<String>,
    pub(super) guild: Option<String>,
    pub(super) places: Vec<PlaceName>,
}

impl Names {
    pub(super) fn learn_guild(&self, guild: &Guild, us: &str) {
        let mut known = self.known();
        if let Some(name) = &guild.name {
            known.guilds.insert(guild.id.clone(), name.clone());
        }
        for role in &guild.roles {
            if role.tags.as_ref().and_then(|tags| tags.bot_id.as_deref()) == Some(us) {
                known.our_roles.insert(role.id.clone());
            }
        }
        for channel in guild.channels.iter().chain(&guild.threads) {
            known.learn(channel, Some(&guild.id));
        }
    }

    pub(super) fn forget_guild(&self, id: &str) {
        let mut known = self.known();
        known.guilds.remove(id);
        known.channels.retain(|_, channel| channel.guild.as_deref() != Some(id));
    }

    pub(super) fn learn_channel(&self, channel: &Channel, guild: Option<&str>) {
        self.known().learn(channel, guild);
    }

    pub(super) fn forget_channel(&self, id: &str) {
        self.known().channels.remove(id);
    }

    /// A channel, thread or server of which rules can't be applied yet, because it, or what is around it, has no known name.
    pub(super) fn unknown_of(&self, channel: &str, guild: &str) -> Option<Unknown> {
        let known = self.known();
        if !known.guilds.contains_key(guild) {
            return Some(Unknown::Guild(guild.to_owned()));
        }
        let Some(here) = known.channels.get(channel) else { return Some(Unknown::Channel(channel.to_owned())) };
        let parent = here.parent.as_ref().filter(|_| THREADS.contains(&here.kind))?;
        (!known.channels.contains_key(parent)).then(|| Unknown::Channel(parent.clone()))
    }

    /// The server that a channel belongs to, if the channel is known.
    pub(super) fn guild_of(&self, channel: &str) -> Option<String> {
        self.known().channels.get(channel)?.guild.clone()
    }

    pub(super) fn is_our_role(&self, role: &str) -> bool {
        self.known().our_roles.contains(role)
    }

    pub(super) fn guild_count(&self) -> usize {
        self.known().guilds.len()
    }

    /// For people: `#general`, or the id of a channel that is not known.
    pub(super) fn channel_for_people(&self, id: &str) -> String {
        let known = self.known();
        match known.channels.get(id).and_then(|channel| channel.name.as_deref()) {
            Some(name) => format!("#{name}"),
            None => format!("channel {id}"),
        }
    }

    /// Where a message in this channel is said. `guild` is what the message says itself; a channel that is in no server and not
    /// known is a direct chat.
    pub(super) fn spot(&self, channel: &str, guild: Option<&str>) -> Spot {
        let known = self.known();
        let here = known.channels.get(channel).cloned().unwrap_or_default();
        let Some(guild) = guild.map(str::to_owned).or(here.guild.clone()) else {
            let is_group = here.kind == GROUP_DIRECT;
            let place = || PlaceName { id: channel.to_owned(), names: callings(here.name.as_deref()) };
            return Spot {
                kind: if is_group { ChatKind::Group } else { ChatKind::Direct },
                chat_id: channel.to_owned(),
                places: if is_group { vec![place()] } else { Vec::new() },
                ..Spot::default()
            };
        };
        let mut places =
            vec![PlaceName { names: callings(known.guilds.get(&guild).map(String::as_str)), id: guild.clone() }];
        let parent = here.parent.as_ref().filter(|_| THREADS.contains(&here.kind));
        for id in parent.into_iter().map(String::as_str).chain([channel]) {
            let name = known.channels.get(id).and_then(|channel| channel.name.as_deref());
            places.push(PlaceName { id: id.to_owned(), names: callings(name) });
        }
        Spot {
            kind: ChatKind::Channel,
            chat_id: parent.map_or(channel, String::as_str).to_owned(),
            thread: parent.map(|_| channel.to_owned()),
            guild: Some(guild),
            places,
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn learn(&mut self, channel: &Channel, guild: Option<&str>) {
        let is_new = !self.channels.contains_key(&channel.id);
        if channel.id.is_empty() || channel.kind == DIRECT || (is_new && self.channels.len() >= CHANNELS_MAX) {
            return;
        }
        let name = ChannelName {
            kind: channel.kind,
            guild: channel.guild_id.clone().or_else(|| guild.map(str::to_owned)),
            parent: channel.parent_id.clone(),
            name: channel.name.clone(),
        };
        self.channels.insert(channel.id.clone(), name);
    }
}

/// The names by which a rule may call a place: as it is written, and as a slug (`Friends of Chela`, `friends-of-chela`).
fn callings(name: Option<&str>) -> Vec<String> {
    let Some(name) = name.filter(|name| !name.is_empty()) else { return Vec::new() };
    let mut slug = String::new();
    for letter in name.chars().flat_map(char::to_lowercase) {
        if letter.is_alphanumeric() {
            slug.push(letter);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-').to_owned();
    if slug.is_empty() || slug == name { vec![name.to_owned()] } else { vec![name.to_owned(), slug] }
}
