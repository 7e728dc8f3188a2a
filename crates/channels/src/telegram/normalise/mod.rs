//! Updates of the Bot API in the words of every channel. Pure: an update and what we know in, what it means out.
//!
//! What nobody says is no event: posts of channels, service messages, our own words.

mod content;
mod mention;

use serde_json::Value;

use super::chat::Chat;
use super::wire::{
    CallbackQuery, Chat as TelegramChat, ChatType, Membership, Message, MessageReaction, Origin, ReactionType, Update,
    User,
};
use crate::inbound::{ChatKind, InboundEvent, InboundMessage, Mention, MessageId, PlaceName, Quoted, Reaction, Sender};

/// The kinds of updates that are asked for. `message_reaction` comes only where it is named.
pub(super) const ALLOWED_UPDATES: &[&str] =
    &["message", "edited_message", "callback_query", "message_reaction", "my_chat_member"];

/// The first topic of every forum. Messages to it name no topic.
const GENERAL_TOPIC: &str = "1";

/// The bot itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Us {
    pub(super) id: u64,
    pub(super) username: String,
}

/// What is known besides the update.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) us: &'a Us,
    /// Whether the message of this chat is one that we sent.
    pub(super) is_ours: &'a dyn Fn(i64, i32) -> bool,
    /// The id that a group had before it became a supergroup.
    pub(super) former_id: &'a dyn Fn(i64) -> Option<i64>,
    pub(super) now_ms: i64,
}

/// What an update means.
#[derive(Debug, PartialEq)]
pub(super) enum Meaning {
    Events(Vec<InboundEvent>),
    /// A button: whoever pressed it waits until the query is answered, also where nothing comes of it.
    Press {
        query: String,
        event: Option<InboundEvent>,
    },
    /// We were added to a chat or taken out of it.
    Membership {
        chat: i64,
        title: String,
        is_member: bool,
    },
    /// A group became a supergroup, with another id.
    Moved {
        from: i64,
        to: i64,
    },
    Nothing,
}

/// One update, read.
#[derive(Debug, PartialEq)]
pub(super) struct ReadUpdate {
    pub(super) id: u32,
    /// Updates with the same lane are to be accepted in their order.
    pub(super) lane: i64,
    pub(super) meaning: Meaning,
}

/// The id of an update, whatever else is in it.
pub(super) fn update_id(update: &Value) -> Option<u32> {
    update.get("update_id")?.as_u64()?.try_into().ok()
}

/// Objects and lists within each other. Telegram's own go to nine or so; each message within another one takes much of the stack.
const DEPTH_MAX: usize = 12;

/// Reads one update. The error says what is wrong with it, without its content.
pub(super) fn read_update(update: Value, view: View<'_>) -> Result<ReadUpdate, String> {
    if is_deeper(&update, DEPTH_MAX) {
        return Err(format!("more than {DEPTH_MAX} things stand within each other"));
    }
    // The reader's words may quote values of the message, so only where it stopped is told.
    let update: Update = serde_json::from_value(update).map_err(|error| format!("{:?}", error.classify()))?;
    let id = update.update_id;
    let (lane, meaning) = if let Some(message) = update.message {
        (message.chat.id, view.of_message(&message))
    } else if let Some(message) = update.edited_message {
        (message.chat.id, view.of_edit(id, &message))
    } else if let Some(query) = update.callback_query {
        (query.message.as_ref().map_or(0, |message| message.chat.id), view.of_press(&query))
    } else if let Some(reaction) = update.message_reaction {
        (reaction.chat.id, view.of_reaction(id, &reaction))
    } else if let Some(membership) = update.my_chat_member {
        (membership.chat.id, of_membership(&membership))
    } else {
        (0, Meaning::Nothing)
    };
    Ok(ReadUpdate { id, lane, meaning })
}

impl View<'_> {
    fn of_message(self, message: &Message) -> Meaning {
        let here = message.chat.id;
        if let Some(to) = message.migrate_to_chat_id {
            return Meaning::Moved { from: here, to };
        }
        if let Some(from) = message.migrate_from_chat_id {
            return Meaning::Moved { from, to: here };
        }
        let event = format!("message:{here}:{}", message.message_id);
        let said = self.said(message, event).map(|message| InboundEvent::Message(Box::new(message)));
        said.map_or(Meaning::Nothing, |event| Meaning::Events(vec![event]))
    }

    fn of_edit(self, update: u32, message: &Message) -> Meaning {
        // Two edits within a second have the same date, so the update tells them apart.
        let event = format!("edit:{}:{}:{update}", message.chat.id, message.message_id);
        let said = self.said(message, event).map(|message| InboundEvent::Edited(Box::new(message)));
        said.map_or(Meaning::Nothing, |event| Meaning::Events(vec![event]))
    }

    /// What a person said; `None` for everything else.
    fn said(self, message: &Message, event: String) -> Option<InboundMessage> {
        let sender = sender_of(message)?;
        if message.chat.kind == ChatType::Channel || sender.id == self.us.id.to_string() {
            return None;
        }
        let content = content::of(message);
        let addressed = mention::read(content.text, content.entities, self.us);
        let forwarded =
            message.forward_origin.as_ref().map(|origin| format!("[forwarded from {}]", origin_of(origin).name));
        let parts = forwarded.into_iter().chain([addressed.text]).chain(content.described);
        let text = parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n");
        if text.is_empty() && content.media.is_empty() && content.text.is_empty() {
            return None;
        }
        let reply_to = self.quoted(message);
        let us = addressed.mention.us || reply_to.as_ref().is_some_and(|quoted| quoted.is_ours);
        Some(InboundMessage {
            event,
            message: MessageId(message.message_id.to_string()),
            sender,
            text,
            media: content.media,
            mention: Mention { us, others: addressed.mention.others && !us },
            reply_to,
            is_forward: message.forward_origin.is_some(),
            sent_at_ms: millis(message.date),
            album: message.media_group_id.clone(),
            ..self.place(&message.chat, topic_of(message), topic_name(message))
        })
    }

    /// The message that is answered. In a forum every message hangs on the one that opened its topic, which is no answer.
    fn quoted(self, message: &Message) -> Option<Quoted> {
        if let Some(quoted) = message.reply_to_message.as_deref() {
            let opens_topic = topic_of(message) == Some(quoted.message_id) || quoted.forum_topic_created.is_some();
            let sender = sender_of(quoted).filter(|_| !opens_topic)?;
            let manual = message.quote.as_ref().map(|quote| quote.text.clone());
            return Some(Quoted {
                message: MessageId(quoted.message_id.to_string()),
                is_ours: sender.id == self.us.id.to_string(),
                sender,
                text: manual.unwrap_or_else(|| content::summary(quoted)),
                is_forward: quoted.forward_origin.is_some(),
            });
        }
        let other = message.external_reply.as_ref()?;
        Some(Quoted {
            message: MessageId(other.message_id.map(|id| id.to_string()).unwrap_or_default()),
            sender: origin_of(&other.origin),
            text: message.quote.as_ref().map(|quote| quote.text.clone()).unwrap_or_default(),
            is_ours: false,
            is_forward: false,
        })
    }

    /// A message that has its place and nothing else yet.
    fn place(self, chat: &TelegramChat, topic: Option<i32>, topic_name: Option<String>) -> InboundMessage {
        let is_direct = chat.kind == ChatType::Private;
        let mut places = Vec::new();
        if !is_direct {
            let former = (self.former_id)(chat.id).map(|id| id.to_string());
            let title = chat.title.clone().filter(|title| is_harmless(title));
            places.push(PlaceName { id: chat.id.to_string(), names: title.into_iter().chain(former).collect() });
            let topic = topic.map(|topic| topic.to_string());
            let general = chat.is_forum.then(|| GENERAL_TOPIC.to_owned());
            if let Some(id) = topic.or(general) {
                let names = topic_name.into_iter().filter(|name| is_harmless(name)).collect();
                places.push(PlaceName { id, names });
            }
        }
        InboundMessage {
            chat: Chat::name(chat.id, topic),
            chat_kind: if is_direct { ChatKind::Direct } else { ChatKind::Group },
            chat_id: chat.id.to_string(),
            thread: topic.map(|topic| topic.to_string()),
            places,
            ..InboundMessage::default()
        }
    }

    fn of_press(self, query: &CallbackQuery) -> Meaning {
        let event = self.pressed(query).map(|message| InboundEvent::Message(Box::new(message)));
        Meaning::Press { query: query.id.clone(), event }
    }

    fn pressed(self, query: &CallbackQuery) -> Option<InboundMessage> {
        let text = query.data.clone().filter(|data| !data.is_empty())?;
        let message = query.message.as_ref()?;
        Some(InboundMessage {
            event: format!("press:{}", query.id),
            message: MessageId(message.message_id.to_string()),
            sender: person(&query.from),
            text,
            mention: Mention { us: true, others: false },
            is_native_command: true,
            sent_at_ms: self.now_ms,
            ..self.place(&message.chat, topic_of(message), topic_name(message))
        })
    }

    fn of_reaction(self, update: u32, reaction: &MessageReaction) -> Meaning {
        let by_chat = reaction.actor_chat.as_ref().map(chat_as_sender);
        let Some(sender) = reaction.user.as_ref().map(person).or(by_chat) else { return Meaning::Nothing };
        let chat = &reaction.chat;
        if sender.id == self.us.id.to_string() || chat.kind == ChatType::Channel {
            return Meaning::Nothing;
        }
        let place = InboundMessage {
            message: MessageId(reaction.message_id.to_string()),
            sender,
            sent_at_ms: millis(reaction.date),
            ..self.place(chat, None, None)
        };
        let (old, new) = (emojis(&reaction.old_reaction), emojis(&reaction.new_reaction));
        let gone = old.iter().filter(|emoji| !new.contains(emoji)).map(|emoji| (emoji, false));
        let added = new.iter().filter(|emoji| !old.contains(emoji)).map(|emoji| (emoji, true));
        let event = |(emoji, added): (&String, bool)| {
            let sign = if added { '+' } else { '-' };
            let event = format!("reaction:{}:{}:{update}:{sign}{emoji}", chat.id, reaction.message_id);
            let place = Box::new(InboundMessage { event: event.clone(), ..place.clone() });
            let on_ours = (self.is_ours)(chat.id, reaction.message_id);
            InboundEvent::Reaction(Reaction { event, place, emoji: emoji.clone(), added, on_ours })
        };
        Meaning::Events(gone.chain(added).map(event).collect())
    }
}

/// Goes no deeper than it has to.
fn is_deeper(value: &Value, levels: usize) -> bool {
    match value {
        Value::Object(_) | Value::Array(_) if levels == 0 => true,
        Value::Object(fields) => fields.values().any(|inner| is_deeper(inner, levels - 1)),
        Value::Array(items) => items.iter().any(|inner| is_deeper(inner, levels - 1)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn of_membership(update: &Membership) -> Meaning {
    let is_member = match update.new_chat_member.status.as_str() {
        "creator" | "administrator" | "member" => true,
        "restricted" => update.new_chat_member.is_member,
        _ => false,
    };
    let title = chat_as_sender(&update.chat).name;
    Meaning::Membership { chat: update.chat.id, title, is_member }
}

/// The topic of a forum. Threads of answers in other groups have a number as well, and are no topics.
fn topic_of(message: &Message) -> Option<i32> {
    message.message_thread_id.filter(|_| message.is_topic_message == Some(true))
}

/// The topic's name, where the message hangs on the one that opened it.
fn topic_name(message: &Message) -> Option<String> {
    let opening = message.reply_to_message.as_deref()?.forum_topic_created.as_ref()?;
    topic_of(message).map(|_| opening.name.clone())
}

/// Whoever names a group or a topic must not name it like an id of the rules.
fn is_harmless(name: &str) -> bool {
    let name = name.trim();
    name != "*" && name.parse::<i64>().is_err()
}

/// Who speaks: a person, or the chat on whose behalf somebody does (an anonymous administrator, a linked channel).
fn sender_of(message: &Message) -> Option<Sender> {
    let chat = message.sender_chat.as_ref().map(chat_as_sender);
    chat.or_else(|| message.from.as_ref().map(person))
}

fn person(user: &User) -> Sender {
    Sender {
        id: user.id.to_string(),
        name: [Some(user.first_name.as_str()), user.last_name.as_deref()]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" "),
        username: user.username.clone(),
        is_bot: user.is_bot,
        roles: Vec::new(),
    }
}

fn chat_as_sender(chat: &TelegramChat) -> Sender {
    let name = chat.title.as_ref().or(chat.first_name.as_ref()).or(chat.username.as_ref());
    Sender {
        id: chat.id.to_string(),
        name: name.cloned().unwrap_or_default(),
        username: chat.username.clone(),
        ..Sender::default()
    }
}

/// Who said what was forwarded or quoted from elsewhere; who hides has a name and no id.
fn origin_of(origin: &Origin) -> Sender {
    let chat = || origin.sender_chat.as_ref().or(origin.chat.as_ref()).map(chat_as_sender);
    origin
        .sender_user
        .as_ref()
        .map(person)
        .or_else(chat)
        .unwrap_or_else(|| Sender { name: origin.sender_user_name.clone().unwrap_or_default(), ..Sender::default() })
}

fn emojis(reactions: &[ReactionType]) -> Vec<String> {
    let one = |reaction: &ReactionType| match (&reaction.emoji, &reaction.custom_emoji_id) {
        (Some(emoji), _) => emoji.clone(),
        (None, Some(custom)) => format!("custom:{custom}"),
        (None, None) => "⭐".to_owned(),
    };
    reactions.iter().map(one).collect()
}

fn millis(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(0).saturating_mul(1000)
}

#[cfg(test)]
mod tests;
