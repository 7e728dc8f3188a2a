//! Discord's objects as they arrive, cut down to what is used (API v10, <https://docs.discord.com/developers/reference>).
//!
//! Everything but ids is optional, and unknown values pass: a field that Discord adds or leaves out must never cost a message.

use serde::Deserialize;

/// Milliseconds from the Unix epoch to the first of January 2015, where ids begin to count.
const EPOCH_MS: i64 = 1_420_070_400_000;

/// When the thing with this id was made, in Unix milliseconds; 0 for what is no id.
pub(super) fn made_at_ms(id: &str) -> i64 {
    id.parse::<u64>().ok().and_then(|id| i64::try_from(id >> 22).ok()).map_or(0, |ms| ms + EPOCH_MS)
}

/// The first id of this moment, in Unix milliseconds: nothing that was made before it has one as great.
pub(super) fn first_id_at(ms: i64) -> u64 {
    u64::try_from(ms - EPOCH_MS).unwrap_or(0) << 22
}

/// Ids grow with time; what is no id comes first.
pub(super) fn order(id: &str) -> u64 {
    id.parse().unwrap_or(0)
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct User {
    pub(super) id: String,
    pub(super) username: String,
    pub(super) global_name: Option<String>,
    /// `0` for those who have left discriminators behind.
    pub(super) discriminator: Option<String>,
    pub(super) bot: bool,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Member {
    pub(super) user: Option<User>,
    pub(super) nick: Option<String>,
    pub(super) roles: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) channel_id: String,
    pub(super) guild_id: Option<String>,
    pub(super) author: User,
    pub(super) member: Option<Member>,
    pub(super) content: String,
    pub(super) edited_timestamp: Option<String>,
    pub(super) mentions: Vec<User>,
    pub(super) mention_roles: Vec<String>,
    pub(super) mention_everyone: bool,
    pub(super) attachments: Vec<Attachment>,
    pub(super) sticker_items: Vec<Sticker>,
    #[serde(rename = "type")]
    pub(super) kind: u64,
    pub(super) flags: Option<u64>,
    pub(super) webhook_id: Option<String>,
    #[serde(rename = "referenced_message")]
    pub(super) quoted: Option<Box<Message>>,
    /// What a forwarded message carries.
    #[serde(rename = "message_snapshots")]
    pub(super) forwarded: Vec<Snapshot>,
    pub(super) reactions: Vec<ReactionCount>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Snapshot {
    pub(super) message: SnapshotMessage,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct SnapshotMessage {
    pub(super) content: String,
    pub(super) attachments: Vec<Attachment>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Attachment {
    pub(super) filename: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) size: Option<u64>,
    pub(super) url: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Sticker {
    pub(super) id: String,
    pub(super) name: String,
    /// 1 PNG, 2 animated PNG, 3 Lottie, 4 GIF.
    pub(super) format_type: u64,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct ReactionCount {
    pub(super) me: bool,
    pub(super) emoji: Emoji,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Emoji {
    /// Absent for those of Unicode.
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
}

/// `MESSAGE_DELETE`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Deleted {
    pub(super) id: String,
    pub(super) channel_id: String,
}

/// `MESSAGE_DELETE_BULK`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct BulkDeleted {
    pub(super) ids: Vec<String>,
    pub(super) channel_id: String,
}

/// `MESSAGE_REACTION_ADD` and `MESSAGE_REACTION_REMOVE`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Reaction {
    pub(super) user_id: String,
    pub(super) channel_id: String,
    pub(super) message_id: String,
    pub(super) guild_id: Option<String>,
    pub(super) member: Option<Member>,
    pub(super) emoji: Emoji,
    /// Absent where a reaction is taken away.
    pub(super) message_author_id: Option<String>,
}

/// `READY`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Ready {
    pub(super) user: User,
    pub(super) session_id: String,
    pub(super) resume_gateway_url: String,
    pub(super) application: Application,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Application {
    pub(super) id: String,
    pub(super) flags: u64,
}

/// `GUILD_CREATE`, `GUILD_UPDATE`, `GUILD_DELETE`. The lists are absent in the latter two.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Guild {
    pub(super) id: String,
    pub(super) name: Option<String>,
    pub(super) channels: Vec<Channel>,
    pub(super) threads: Vec<Channel>,
    pub(super) roles: Vec<Role>,
    /// The bot is still a member, but Discord can't serve the server at the moment.
    pub(super) unavailable: bool,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Role {
    pub(super) id: String,
    pub(super) tags: Option<RoleTags>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct RoleTags {
    /// The bot whose own role this is.
    pub(super) bot_id: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Channel {
    pub(super) id: String,
    #[serde(rename = "type")]
    pub(super) kind: u64,
    pub(super) guild_id: Option<String>,
    pub(super) parent_id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) last_message_id: Option<String>,
}

impl Channel {
    /// Whether people write in it: categories, directories and forums hold other channels only.
    pub(super) fn holds_messages(&self) -> bool {
        !matches!(self.kind, 4 | 14 | 15 | 16)
    }
}

/// `THREAD_LIST_SYNC`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct ThreadList {
    pub(super) guild_id: String,
    pub(super) threads: Vec<Channel>,
}

/// `INTERACTION_CREATE`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Interaction {
    pub(super) id: String,
    pub(super) application_id: String,
    /// One of the constants below; others are none of our business.
    #[serde(rename = "type")]
    pub(super) kind: u64,
    pub(super) token: String,
    pub(super) data: InteractionData,
    pub(super) guild_id: Option<String>,
    pub(super) channel_id: Option<String>,
    pub(super) channel: Option<Channel>,
    pub(super) member: Option<Member>,
    pub(super) user: Option<User>,
    /// The message that carries the button.
    pub(super) message: Option<Box<Message>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct InteractionData {
    pub(super) name: String,
    pub(super) options: Vec<CommandOption>,
    pub(super) custom_id: String,
    pub(super) values: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct CommandOption {
    pub(super) name: String,
    pub(super) value: serde_json::Value,
    /// The person is typing this one.
    pub(super) focused: bool,
}

impl Interaction {
    pub(super) const COMMAND: u64 = 2;
    /// A button or a menu under a message.
    pub(super) const COMPONENT: u64 = 3;
    /// A command that is being typed.
    pub(super) const COMPLETION: u64 = 4;
}

impl User {
    /// As shown to people.
    pub(super) fn shown(&self) -> &str {
        self.global_name.as_deref().filter(|name| !name.is_empty()).unwrap_or(&self.username)
    }

    /// With its discriminator where it has one: `chela#1234`.
    pub(super) fn full_name(&self) -> String {
        match self.discriminator.as_deref() {
            Some(number) if !number.trim_matches('0').is_empty() => format!("{}#{number}", self.username),
            _ => self.username.clone(),
        }
    }
}

impl Emoji {
    /// As people write it in a message.
    pub(super) fn written(&self) -> String {
        let name = self.name.as_deref().unwrap_or("?");
        self.id.as_ref().map_or_else(|| name.to_owned(), |id| format!("<:{name}:{id}>"))
    }

    /// As addresses of the API name it, not yet encoded.
    pub(super) fn address(&self) -> String {
        let name = self.name.as_deref().unwrap_or_default();
        self.id.as_ref().map_or_else(|| name.to_owned(), |id| format!("{name}:{id}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_moments_say_the_same() {
        let noon = 1_790_000_000_000;
        let first = first_id_at(noon);
        assert_eq!((made_at_ms(&first.to_string()), made_at_ms(&(first - 1).to_string())), (noon, noon - 1));
        assert_eq!((first_id_at(EPOCH_MS), first_id_at(0)), (0, 0));
    }
}
