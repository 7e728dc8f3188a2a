//! What a channel hears, in the same words for every platform.

use serde::{Deserialize, Serialize};

/// The platform's name of a message within its chat.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageId(pub String);

/// The platform's name of an event within an account, for ever: the same event given twice has the same one.
pub type EventId = String;

/// Something happened on the platform.
#[derive(Debug, Clone, PartialEq)]
pub enum InboundEvent {
    Message(Box<InboundMessage>),
    /// The message has this content now.
    Edited(Box<InboundMessage>),
    Deleted {
        chat: String,
        message: MessageId,
    },
    Reaction(Reaction),
}

/// One message of a person (or of another bot).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct InboundMessage {
    /// See [`EventId`]; a button that is pressed and a command that is chosen from a menu have one as well.
    pub event: EventId,
    /// Where an answer goes: a name that [`crate::OutboundPart::chat`] takes. Threads and topics have their own.
    pub chat: String,
    pub chat_kind: ChatKind,
    pub message: MessageId,
    /// Sessions are per chat; where a thread belongs to a chat, `chat_id` names the chat and `thread` the thread.
    pub chat_id: String,
    pub thread: Option<String>,
    pub sender: Sender,
    /// Without the mention of ourselves at its beginning.
    pub text: String,
    pub media: Vec<MediaRef>,
    pub mention: Mention,
    pub reply_to: Option<Quoted>,
    /// It carries somebody else's message: not everything in it was said by the sender.
    pub is_forward: bool,
    /// The place from the outside in, as rules name it: server, channel, thread; group, topic. Empty in a direct chat.
    pub places: Vec<PlaceName>,
    /// Discord's server.
    pub guild: Option<String>,
    /// How the platform wants a native command answered (an interaction's token); kept with the answer's route.
    pub via: Option<String>,
    /// A command from a menu or a button: it is meant for us whatever the mention rules say.
    pub is_native_command: bool,
    pub sent_at_ms: i64,
    /// Messages of one album share this; the gateway answers them together.
    pub album: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChatKind {
    #[default]
    Direct,
    Group,
    /// A channel of a server.
    Channel,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sender {
    /// The platform's lasting id.
    pub id: String,
    /// As shown to people.
    pub name: String,
    /// Without `@`.
    pub username: Option<String>,
    pub is_bot: bool,
    /// Ids of the roles held at this place.
    pub roles: Vec<String>,
}

/// Whether the message is meant for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mention {
    /// By name, as the platform marks it, or by a reply to a message of ours.
    pub us: bool,
    /// Somebody else is mentioned and we are not.
    pub others: bool,
}

/// The message that this one answers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Quoted {
    pub message: MessageId,
    /// As far as the platform tells with an answer; the roles it never does.
    pub sender: Sender,
    pub text: String,
    pub is_ours: bool,
    /// Its sender only passed it on: the words are somebody else's.
    pub is_forward: bool,
}

/// One step of a place: its lasting id and the names by which people call it (`general`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlaceName {
    pub id: String,
    pub names: Vec<String>,
}

/// A file that can be fetched with [`crate::Channel::fetch`], also after a restart.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MediaRef {
    pub kind: MediaKind,
    /// What `fetch` needs: a file id, a URL.
    pub handle: String,
    pub mime: Option<String>,
    pub name: Option<String>,
    /// As the platform says; `fetch` counts itself.
    pub bytes: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MediaKind {
    Image,
    Audio,
    /// Recorded speech: transcribed where a provider is configured.
    Voice,
    Video,
    Sticker,
    #[default]
    File,
}

/// Somebody reacted to a message.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reaction {
    pub event: EventId,
    pub place: Box<InboundMessage>,
    pub emoji: String,
    pub added: bool,
    /// The message is one of ours.
    pub on_ours: bool,
}

/// What is heard of a chat without being answered: context for a later turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    pub message: MessageId,
    pub sender_name: String,
    pub text: String,
    pub sent_at_ms: i64,
}
