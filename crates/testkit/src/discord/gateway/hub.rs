//! Sessions and their events: who hears what, in which order, and what a resumed session missed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::super::payload::Sight;
use super::super::world::{BotAccess, Snowflake};
use super::super::{GatewayStats, MESSAGE_CONTENT, State};
use super::intents;

/// Events that a session can still replay; more missed ones end it.
const REPLAY_MAX: usize = 2_000;
/// Sessions that can still be resumed.
const SESSIONS_MAX: usize = 32;

/// What a connection is told to do.
#[derive(Debug, Clone)]
pub(crate) enum LinkCommand {
    Send(String),
    Close(u16),
    /// The connection ends without a word.
    Drop,
    /// Nothing goes out and nothing is read, though the connection stands.
    Freeze,
}

/// The session of one IDENTIFY. It lives on without a connection until somebody ends it.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) intents: u64,
    pub(crate) sequence: u64,
    replay: VecDeque<(u64, String)>,
    pub(crate) link: Option<u64>,
}

/// All sessions and connections.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    pub(crate) sessions: BTreeMap<String, Session>,
    pub(crate) links: BTreeMap<u64, mpsc::UnboundedSender<LinkCommand>>,
    pub(crate) stats: GatewayStats,
    pub(crate) withholds_acks: bool,
    /// Connections over which nothing goes any more.
    pub(crate) frozen: BTreeSet<u64>,
    /// New connections stand and nothing comes over them.
    pub(crate) is_silent: bool,
    /// The newest `presence` of the client.
    pub(crate) presence: Option<Value>,
    next: u64,
}

/// Something that sessions are told.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) name: &'static str,
    /// Where it happened; `None` for what everybody hears.
    pub(crate) channel: Option<Snowflake>,
    pub(crate) told: Told,
}

#[derive(Debug, Clone)]
pub(crate) enum Told {
    Plain(Value),
    /// The message as it stands now, as the listener may see it.
    Message(Snowflake),
}

impl Hub {
    pub(crate) fn next_number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Tells every connection.
    pub(crate) fn command(&self, command: &LinkCommand) {
        for link in self.links.values() {
            // A connection that just ended takes no commands.
            let _ = link.send(command.clone());
        }
    }

    /// Nothing goes over the connections that stand, from this moment on.
    pub(crate) fn freeze(&mut self) {
        self.frozen.extend(self.links.keys());
        self.command(&LinkCommand::Freeze);
    }

    /// A new session, connected.
    pub(crate) fn begin(&mut self, intents: u64, link: u64) -> String {
        let id = format!("{:032x}", 0x5e55_1000_0000_u64 + self.next_number());
        let session = Session { intents, sequence: 0, replay: VecDeque::new(), link: Some(link) };
        self.sessions.insert(id.clone(), session);
        if self.sessions.len() > SESSIONS_MAX {
            self.sessions.pop_first();
        }
        id
    }

    /// Sends an event to one session, now or when it is resumed.
    pub(crate) fn tell(&mut self, session: &str, name: &str, data: &Value) {
        let Some(session) = self.sessions.get_mut(session) else { return };
        session.sequence += 1;
        let frame = json!({"t": name, "s": session.sequence, "op": 0, "d": data}).to_string();
        session.replay.push_back((session.sequence, frame.clone()));
        if session.replay.len() > REPLAY_MAX {
            session.replay.pop_front();
        }
        if let Some(link) = session.link.and_then(|link| self.links.get(&link)) {
            let _ = link.send(LinkCommand::Send(frame));
        }
    }

    /// The frames behind a sequence number; `None` when they are no longer kept, or were never sent.
    pub(crate) fn missed(&self, session: &str, sequence: u64) -> Option<Vec<String>> {
        let session = self.sessions.get(session)?;
        let oldest = session.replay.front().map_or(session.sequence + 1, |(first, _)| *first);
        let known = sequence <= session.sequence && sequence + 1 >= oldest;
        let later = session.replay.iter().filter(|(at, _)| *at > sequence);
        known.then(|| later.map(|(_, frame)| frame.clone()).collect())
    }
}

impl State {
    /// Tells every session that asked for such events.
    pub(crate) fn dispatch(&mut self, event: &Event) {
        let needed = self.needed_intent(event);
        let mut telling = Vec::new();
        for (id, session) in &self.hub.sessions {
            if needed.is_none_or(|needed| session.intents & needed == needed) {
                let reads_content = session.intents & MESSAGE_CONTENT != 0;
                let data =
                    match &event.told {
                        Told::Plain(data) => Some(data.clone()),
                        Told::Message(message) => self.world.messages.get(message).map(|message| {
                            self.world.message_json(message, Sight::Gateway { reads_content }, &self.base)
                        }),
                    };
                telling.extend(data.map(|data| (id.clone(), data)));
            }
        }
        // The bot is told nothing of what is hidden from it.
        let place = event.channel.and_then(|channel| self.world.places.get(&channel));
        if place.is_some_and(|place| self.world.access(place) == BotAccess::Hidden) {
            return;
        }
        for (session, data) in telling {
            self.hub.tell(&session, event.name, &data);
        }
    }

    /// The intent for an event; `None` for what needs none.
    fn needed_intent(&self, event: &Event) -> Option<u64> {
        let place = event.channel.and_then(|channel| self.world.places.get(&channel));
        let direct = place.is_some_and(|place| place.guild.is_none());
        match event.name.split('_').next() {
            Some("INTERACTION") => None,
            Some("MESSAGE") => Some(match (event.name.contains("REACTION"), direct) {
                (true, true) => intents::DIRECT_REACTIONS,
                (true, false) => intents::GUILD_REACTIONS,
                (false, true) => intents::DIRECT_MESSAGES,
                (false, false) => intents::GUILD_MESSAGES,
            }),
            // GUILD_*, CHANNEL_*, THREAD_*.
            _ => Some(intents::GUILDS),
        }
    }
}
