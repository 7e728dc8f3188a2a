//! What exists on the fake platform: people, servers, channels, messages. Plain data with its own ids; no wire, no clock but
//! the one behind ids.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use serde_json::Value;

/// The platform's own beginning of time (2015), in Unix milliseconds.
const EPOCH_MS: u64 = 1_420_070_400_000;

/// An id of the platform: a time and a number, written as a decimal string.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Snowflake(pub u64);

impl Snowflake {
    pub(super) fn parse(text: &str) -> Option<Self> {
        text.parse().ok().filter(|id| *id != 0).map(Self)
    }

    /// When it was made, in Unix milliseconds.
    pub fn made_at_ms(self) -> u64 {
        (self.0 >> 22) + EPOCH_MS
    }

    /// As the wire writes times.
    pub(super) fn timestamp(self) -> String {
        timestamp(self.made_at_ms())
    }
}

impl fmt::Display for Snowflake {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl Serialize for Snowflake {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A person, or a bot.
#[derive(Debug, Clone)]
pub struct DiscordUser {
    pub id: Snowflake,
    /// The unique one.
    pub username: String,
    /// As shown.
    pub display_name: Option<String>,
    pub is_bot: bool,
    /// Takes no direct messages of the bot.
    pub closes_dms: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Guild {
    pub(super) id: Snowflake,
    pub(super) name: String,
    pub(super) owner: Snowflake,
    pub(super) roles: Vec<Role>,
    pub(super) members: BTreeMap<Snowflake, Member>,
}

#[derive(Debug, Clone)]
pub(super) struct Role {
    pub(super) id: Snowflake,
    pub(super) name: String,
    pub(super) permissions: u64,
    /// The bot that it was made for and that alone has it.
    pub(super) of_bot: Option<Snowflake>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Member {
    pub(super) nick: Option<String>,
    pub(super) roles: Vec<Snowflake>,
}

/// The kinds of channel that a bot meets, with the numbers of the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChannelShape {
    Text = 0,
    Direct = 1,
    Thread = 11,
    Forum = 15,
}

/// What the bot may do in a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BotAccess {
    #[default]
    Full,
    /// Reads, and may not write or react.
    ReadOnly,
    /// The channel is hidden from it.
    Hidden,
}

#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) id: Snowflake,
    pub(super) shape: ChannelShape,
    pub(super) guild: Option<Snowflake>,
    pub(super) parent: Option<Snowflake>,
    pub(super) name: String,
    /// The other side of a direct chat.
    pub(super) recipient: Option<Snowflake>,
    pub(super) access: BotAccess,
}

/// A message as it stands now, with its edits.
#[derive(Debug, Clone)]
pub struct DiscordMessage {
    pub id: Snowflake,
    pub channel: Snowflake,
    pub author: Snowflake,
    pub content: String,
    /// How often its content was changed.
    pub edits: u32,
    pub reply_to: Option<Snowflake>,
    /// People who are pinged.
    pub mentions: Vec<Snowflake>,
    /// Roles that are pinged.
    pub role_mentions: Vec<Snowflake>,
    /// `@everyone` or `@here` rings.
    pub pings_everyone: bool,
    pub attachments: Vec<DiscordFile>,
    pub embeds: Vec<Value>,
    pub components: Vec<Value>,
    pub flags: u64,
    pub nonce: Option<Value>,
    /// Emoji and who put it there, in order.
    pub reactions: Vec<(String, Snowflake)>,
    /// 0 is an ordinary one, 19 a reply, 20 the answer to a command.
    pub kind: u8,
    /// Written by a webhook, not by a person.
    pub webhook: Option<Snowflake>,
    /// The answered interaction, for answers to one.
    pub interaction: Option<Snowflake>,
    /// Names of its stickers.
    pub stickers: Vec<String>,
    pub(super) edited_at_ms: Option<u64>,
    /// When the bot wrote it; for the nonce's window.
    pub(super) written: Instant,
}

impl DiscordMessage {
    /// Only the person who ran the command sees it.
    pub fn is_ephemeral(&self) -> bool {
        self.flags & (1 << 6) != 0
    }

    /// Nobody's phone rings.
    pub fn is_silent(&self) -> bool {
        self.flags & (1 << 12) != 0
    }

    /// Labels of its buttons, row by row.
    pub fn buttons(&self) -> Vec<Vec<String>> {
        let label = |button: &Value| button["label"].as_str().unwrap_or_default().to_owned();
        let row = |row: &Value| super::wire::items(&row["components"]).iter().map(label).collect();
        self.components.iter().map(row).collect()
    }
}

/// A file of a message, served by the fake itself.
#[derive(Debug, Clone)]
pub struct DiscordFile {
    pub id: Snowflake,
    pub name: String,
    pub mime: Option<String>,
    pub bytes: Vec<u8>,
    /// What the message claims; a lying server claims less.
    pub claimed_size: u64,
    /// Length of a voice message.
    pub duration_secs: Option<f64>,
    pub description: Option<String>,
}

/// A command that a person chose, a button that was pressed, or an argument that is being typed.
#[derive(Debug, Clone)]
pub struct DiscordInteraction {
    pub id: Snowflake,
    pub channel: Snowflake,
    pub user: Snowflake,
    pub token: String,
    /// 2 command, 3 component, 4 completion.
    pub kind: u8,
    /// The type of the first answer; `None` while the person waits.
    pub answer: Option<u8>,
    /// Time from the event to the first answer.
    pub answered_after: Option<std::time::Duration>,
    /// Offered completions: name and value.
    pub choices: Vec<(String, Value)>,
    /// Only the person sees the answer.
    pub ephemeral: bool,
    /// The first answer's message (for a component: the one it stands under).
    pub original: Option<Snowflake>,
    pub followups: Vec<Snowflake>,
    pub(super) made: Instant,
    /// Its token is no longer taken.
    pub(super) expired: bool,
    /// The command, or the button.
    pub name: String,
}

/// One call of "is writing".
#[derive(Debug, Clone, Copy)]
pub struct DiscordTyping {
    pub channel: Snowflake,
    pub at: Instant,
}

/// Everything that exists.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) users: BTreeMap<Snowflake, DiscordUser>,
    pub(super) guilds: BTreeMap<Snowflake, Guild>,
    pub(super) places: BTreeMap<Snowflake, Place>,
    pub(super) messages: BTreeMap<Snowflake, DiscordMessage>,
    pub(super) interactions: BTreeMap<Snowflake, DiscordInteraction>,
    pub(super) typing: Vec<DiscordTyping>,
    pub(super) commands: Vec<Value>,
    pub(super) bot: Snowflake,
    pub(super) application: Snowflake,
    last_id: u64,
}

impl World {
    /// A fresh id, later than all others.
    pub(super) fn next_id(&mut self) -> Snowflake {
        let by_clock = now_ms().saturating_sub(EPOCH_MS) << 22;
        self.last_id = by_clock.max(self.last_id + 1);
        Snowflake(self.last_id)
    }

    pub(super) fn add_user(&mut self, username: &str, is_bot: bool) -> Snowflake {
        let id = self.next_id();
        let user = DiscordUser { id, username: username.to_owned(), display_name: None, is_bot, closes_dms: false };
        self.users.insert(id, user);
        id
    }

    /// The direct chat with a person; made on first use.
    pub(super) fn direct_chat(&mut self, user: Snowflake) -> Snowflake {
        let known = self.places.values().find(|place| place.recipient == Some(user)).map(|place| place.id);
        known.unwrap_or_else(|| {
            let id = self.next_id();
            let place = Place {
                id,
                shape: ChannelShape::Direct,
                guild: None,
                parent: None,
                name: String::new(),
                recipient: Some(user),
                access: BotAccess::Full,
            };
            self.places.insert(id, place);
            id
        })
    }

    /// What the bot may do there; a thread has its parent's rule unless it has a stricter one.
    pub(super) fn access(&self, place: &Place) -> BotAccess {
        let parent = place.parent.and_then(|parent| self.places.get(&parent)).map(|parent| parent.access);
        match (place.access, parent) {
            (BotAccess::Hidden, _) | (_, Some(BotAccess::Hidden)) => BotAccess::Hidden,
            (BotAccess::ReadOnly, _) | (_, Some(BotAccess::ReadOnly)) => BotAccess::ReadOnly,
            (BotAccess::Full, _) => BotAccess::Full,
        }
    }

    /// The people whom a text names, each once, who exist.
    pub(super) fn named_in(&self, text: &str) -> Vec<Snowflake> {
        let mut named = Vec::new();
        for piece in text.split("<@").skip(1) {
            let id = piece.strip_prefix('!').unwrap_or(piece).split_once('>').and_then(|(id, _)| Snowflake::parse(id));
            if let Some(id) = id.filter(|id| self.users.contains_key(id) && !named.contains(id)) {
                named.push(id);
            }
        }
        named
    }

    /// The roles of a channel's server that a text names.
    pub(super) fn roles_in(&self, channel: Snowflake, text: &str) -> Vec<Snowflake> {
        let guild = self.places.get(&channel).and_then(|place| self.guilds.get(&place.guild?));
        let roles = guild.map(|guild| guild.roles.as_slice()).unwrap_or_default();
        roles.iter().map(|role| role.id).filter(|role| text.contains(&format!("<@&{role}>"))).collect()
    }

    /// The messages of a channel that everybody sees, oldest first.
    pub(super) fn visible(&self, channel: Snowflake) -> impl DoubleEndedIterator<Item = &DiscordMessage> {
        self.messages.values().filter(move |message| message.channel == channel && !message.is_ephemeral())
    }
}

impl DiscordMessage {
    pub(super) fn new(id: Snowflake, channel: Snowflake, author: Snowflake, content: String) -> Self {
        Self {
            id,
            channel,
            author,
            content,
            edits: 0,
            reply_to: None,
            mentions: Vec::new(),
            role_mentions: Vec::new(),
            pings_everyone: false,
            attachments: Vec::new(),
            embeds: Vec::new(),
            components: Vec::new(),
            flags: 0,
            nonce: None,
            reactions: Vec::new(),
            kind: 0,
            webhook: None,
            interaction: None,
            stickers: Vec::new(),
            edited_at_ms: None,
            written: Instant::now(),
        }
    }
}

pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Microseconds and an offset, as the platform writes them.
pub(super) fn timestamp(unix_ms: u64) -> String {
    let (days, ms) = (unix_ms / 86_400_000, unix_ms % 86_400_000);
    let (year, month, day) = civil(days);
    let (seconds, ms) = (ms / 1000, ms % 1000);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{ms:03}000+00:00",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

/// The date of a day since 1970, by the Gregorian cycle of 400 years counted from 1 March.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (era * 400 + year + u64::from(month <= 2), month, of_year - (153 * shifted + 2) / 5 + 1)
}
