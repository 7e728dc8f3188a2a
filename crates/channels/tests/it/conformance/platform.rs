//! What a kind's fake must offer, so that the cases can be played on it.

use std::time::Duration;

use chela_channels::{ChatKind, MediaKind, MessageId};
use serde_json::Value;

/// A fake platform with one bot, one person, and three places that both are in. Everything a method does is done when it returns.
pub(crate) trait Platform: Sized {
    /// As in the table.
    const KIND: &'static str;

    async fn start() -> Self;

    /// One account's keys, which lead to the fake. Without the token.
    fn account(&self) -> Value;
    fn token(&self) -> String;
    /// What stands in the name by which the platform knows the bot.
    fn identity(&self) -> String;
    fn person(&self) -> Person;

    fn direct(&self) -> Spot;
    fn group(&self) -> Spot;
    /// A thread, a topic.
    fn thread(&self) -> Spot;

    fn say(&self, spot: &Spot, said: &Said) -> MessageId;
    fn edit(&self, spot: &Spot, message: &MessageId, text: &str);
    fn delete(&self, spot: &Spot, message: &MessageId) -> Told;
    /// The person reacts.
    fn react(&self, spot: &Spot, message: &MessageId, emoji: &str);
    /// The person presses the button with this label.
    fn press(&self, spot: &Spot, message: &MessageId, label: &str);
    /// Presses of buttons that the bot has not answered.
    fn open_presses(&self) -> usize;
    /// The person chooses a command from the menu, or types it where the menu only types.
    fn choose(&self, spot: &Spot, command: &str);
    /// Gives the newest event again that the bot has acknowledged.
    fn redeliver(&self);

    /// The bot's messages as people see them, oldest first.
    fn shown(&self, spot: &Spot) -> Vec<Shown>;
    /// The bot's reactions on a message.
    fn reactions(&self, spot: &Spot, message: &MessageId) -> Vec<String>;
    /// How often the bot was seen typing.
    fn typed(&self, spot: &Spot) -> usize;
    /// Names of the registered commands.
    fn menu(&self) -> Vec<String>;
    /// How often the menu was registered.
    fn menu_writes(&self) -> usize;

    fn trouble(&self, trouble: Trouble);
    /// Ends every trouble but a revoked token.
    fn heal(&self);
    fn wrong_markup(&self) -> WrongMarkup;

    /// Fails when the bot did what the platform's documentation forbids.
    fn assert_clean(&self);
}

#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) name: String,
}

/// A place where the person and the bot meet, in the words of the contract.
#[derive(Debug, Clone)]
pub(crate) struct Spot {
    /// As [`chela_channels::InboundMessage::chat`] must name it.
    pub(crate) chat: String,
    pub(crate) chat_id: String,
    pub(crate) thread: Option<String>,
    pub(crate) kind: ChatKind,
    /// Ids of the steps from the outside in, each with a name that must be among its names.
    pub(crate) places: Vec<(String, Option<String>)>,
}

/// What the person says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Said {
    pub(crate) text: String,
    pub(crate) mentions: Mentions,
    pub(crate) reply_to: Option<MessageId>,
    pub(crate) file: Option<SaidFile>,
}

/// Whom the message names at its beginning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Mentions {
    #[default]
    Nobody,
    Us,
    SomebodyElse,
}

#[derive(Debug, Clone)]
pub(crate) struct SaidFile {
    pub(crate) kind: MediaKind,
    pub(crate) name: &'static str,
    pub(crate) mime: &'static str,
    pub(crate) bytes: Vec<u8>,
}

/// A message of the bot.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    pub(crate) message: MessageId,
    /// The visible text.
    pub(crate) text: String,
    /// Whether a part of it is shown bold.
    pub(crate) has_bold: bool,
    pub(crate) buttons: Vec<String>,
    /// Name and content.
    pub(crate) files: Vec<(String, Vec<u8>)>,
    pub(crate) reply_to: Option<MessageId>,
}

/// Whether the platform tells bots of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    Yes,
    No,
}

/// What the platform does with markup that it can't read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WrongMarkup {
    /// It refuses this.
    Refused(&'static str),
    /// It refuses none: this is shown, and its last word is visible.
    Shown(&'static str),
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The token is refused from now on.
    Revoked,
    /// The inbound side's connection stays open and nothing comes over it; sending goes on.
    InboundSilent,
    /// All connections stay open and nothing is answered.
    AllSilent,
    /// All connections close without a word and new ones are taken.
    Cut,
    /// All connections close and no new ones are taken.
    Down,
    /// The next message is refused: too fast.
    RateLimited(Duration),
    /// The next message is sent, and nobody is told.
    LostAfter,
    /// The next message is not sent, and nobody is told.
    LostBefore,
    /// The next message is not sent: the platform is ill and says so.
    Unavailable,
    /// The person wants no more messages of the bot.
    Blocked,
}

impl Said {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    pub(crate) fn to(mentions: Mentions, text: &str) -> Self {
        Self { mentions, ..Self::text(text) }
    }
}
