//! What people do: messages, edits, presses, reactions.

use bytes::Bytes;
use serde_json::{Value, json};

use super::html::utf16_length;
use super::state::{ChatType, Standing, State, unix_seconds};
use super::{FakeTelegram, TelegramEntity, TelegramMessage, wire};

/// A message that is about to be sent.
#[must_use = "nothing is said before `send`"]
pub struct Saying<'a> {
    fake: &'a FakeTelegram,
    chat: i64,
    user: i64,
    text: String,
    topic: Option<i64>,
    reply_to: Option<i64>,
    file: Option<SaidFile>,
    album: Option<String>,
    fields: Vec<(String, Value)>,
    text_mention: Option<(String, i64)>,
}

struct SaidFile {
    kind: &'static str,
    name: Option<String>,
    mime: Option<String>,
    bytes: Bytes,
}

impl<'a> Saying<'a> {
    pub(super) fn new(fake: &'a FakeTelegram, chat: i64, user: i64, text: &str) -> Self {
        Self {
            fake,
            chat,
            user,
            text: text.to_owned(),
            topic: None,
            reply_to: None,
            file: None,
            album: None,
            fields: Vec::new(),
            text_mention: None,
        }
    }

    pub fn reply_to(mut self, message: i64) -> Self {
        self.reply_to = Some(message);
        self
    }

    pub fn topic(mut self, topic: i64) -> Self {
        self.topic = Some(topic);
        self
    }

    /// Marks the first place of these words as a mention of a person without a username.
    pub fn text_mention(mut self, words: &str, user: i64) -> Self {
        self.text_mention = Some((words.to_owned(), user));
        self
    }

    /// The text becomes the caption; so with every other file.
    pub fn photo(self, bytes: impl Into<Bytes>) -> Self {
        self.file("photo", None, None, bytes.into())
    }

    pub fn voice(self, bytes: impl Into<Bytes>) -> Self {
        self.file("voice", None, Some("audio/ogg"), bytes.into())
    }

    pub fn audio(self, name: &str, bytes: impl Into<Bytes>) -> Self {
        self.file("audio", Some(name), Some("audio/mpeg"), bytes.into())
    }

    pub fn video(self, bytes: impl Into<Bytes>) -> Self {
        self.file("video", None, Some("video/mp4"), bytes.into())
    }

    pub fn video_note(self, bytes: impl Into<Bytes>) -> Self {
        self.file("video_note", None, None, bytes.into())
    }

    pub fn document(self, name: &str, mime: &str, bytes: impl Into<Bytes>) -> Self {
        self.file("document", Some(name), Some(mime), bytes.into())
    }

    /// A sticker that stands for this emoji.
    pub fn sticker(self, emoji: &str, bytes: impl Into<Bytes>) -> Self {
        self.file("sticker", Some(emoji), None, bytes.into())
    }

    pub fn location(self, latitude: f64, longitude: f64) -> Self {
        self.field("location", json!({ "latitude": latitude, "longitude": longitude }))
    }

    /// The same word in several messages makes them one album.
    pub fn album(mut self, album: &str) -> Self {
        self.album = Some(album.to_owned());
        self
    }

    /// The text was first said by somebody who hides who they are.
    pub fn forwarded_from(self, name: &str) -> Self {
        let origin = json!({ "type": "hidden_user", "sender_user_name": name, "date": unix_seconds() - 60 });
        self.field("forward_origin", origin)
    }

    /// Any other field of the message.
    pub fn field(mut self, name: &str, value: Value) -> Self {
        self.fields.push((name.to_owned(), value));
        self
    }

    /// Sends it and gives its id.
    pub fn send(self) -> i64 {
        let fake = self.fake;
        fake.change(|state| self.send_in(state))
    }

    fn file(mut self, kind: &'static str, name: Option<&str>, mime: Option<&str>, bytes: Bytes) -> Self {
        self.file = Some(SaidFile { kind, name: name.map(str::to_owned), mime: mime.map(str::to_owned), bytes });
        self
    }

    fn send_in(self, state: &mut State) -> i64 {
        let media = self.file.map(|file| state.media(file.kind, (file.name, file.mime), file.bytes));
        let mut message = state.new_message(self.chat, self.user);
        message.media = media;
        message.entities = found_entities(&self.text);
        if let Some((words, user)) = self.text_mention {
            let at = self.text.find(&words).expect("the test mentions words of its text");
            message.entities.push(TelegramEntity {
                kind: "text_mention".to_owned(),
                offset: utf16_length(&self.text[..at]),
                length: utf16_length(&words),
                detail: Some(user.to_string()),
            });
        }
        message.text = self.text;
        message.topic = self.topic;
        message.reply_to = self.reply_to;
        message.extra.extend(self.fields);
        if let Some(album) = self.album {
            message.extra.insert("media_group_id".to_owned(), json!(album));
        }
        let id = message.id;
        let heard = state.is_heard(&message);
        let shown = state.keep(message);
        if heard {
            state.push_update("message", self.chat, &shown);
        }
        id
    }
}

impl FakeTelegram {
    /// A person changes the text of a message.
    pub fn edit(&self, chat: i64, message: i64, text: &str) {
        self.change(|state| {
            let found = state.message_mut(chat, message);
            text.clone_into(&mut found.text);
            found.entities = found_entities(text);
            found.edits += 1;
            let found = found.clone();
            if state.is_heard(&found) {
                let shown = wire::message(state, chat, message);
                state.push_update("edited_message", chat, &shown);
            }
        });
    }

    /// A person takes a message away. The Bot API tells no bot of it.
    pub fn delete(&self, chat: i64, message: i64) {
        self.change(|state| state.chat_mut(chat).messages.remove(&message));
    }

    /// A person presses the button with this label, and it turns until the bot answers.
    ///
    /// # Panics
    /// When the message has no such button.
    pub fn press(&self, chat: i64, message: i64, user: i64, label: &str) -> String {
        self.change(|state| {
            let buttons = state.message_mut(chat, message).buttons.clone();
            let button = buttons.into_iter().flatten().find(|button| button.label == label);
            let data = button.unwrap_or_else(|| panic!("no button {label} under message {message}")).data;
            let id = format!("43{:016}", state.next_number());
            state.open_presses.insert(id.clone());
            let query = json!({
                "id": id, "from": wire::user(&state.users[&user]), "message": wire::message(state, chat, message),
                "chat_instance": "6211843250921", "data": data,
            });
            state.push_update("callback_query", chat, &query);
            id
        })
    }

    /// A person reacts; `None` takes the reaction away. In groups only administrators are told.
    pub fn react(&self, chat: i64, message: i64, user: i64, emoji: Option<&str>) {
        self.change(|state| {
            let reactions = &mut state.message_mut(chat, message).reactions;
            let old = match emoji {
                Some(emoji) => reactions.insert(user, emoji.to_owned()),
                None => reactions.remove(&user),
            };
            let place = state.chat(chat);
            if place.kind != ChatType::Private && place.standing != Standing::Administrator {
                return;
            }
            let list = |emoji: Option<&str>| -> Vec<Value> {
                emoji.into_iter().map(|emoji| json!({ "type": "emoji", "emoji": emoji })).collect()
            };
            let change = json!({
                "chat": wire::chat(state, place), "message_id": message, "user": wire::user(&state.users[&user]),
                "date": unix_seconds(), "old_reaction": list(old.as_deref()), "new_reaction": list(emoji),
            });
            state.push_update("message_reaction", chat, &change);
        });
    }
}

impl State {
    fn message_mut(&mut self, chat: i64, message: i64) -> &mut TelegramMessage {
        let found = self.chat_mut(chat).messages.get_mut(&message);
        found.unwrap_or_else(|| panic!("no message {message} in chat {chat}"))
    }
}

/// Mentions, commands and addresses, as the server finds them in a plain text.
fn found_entities(text: &str) -> Vec<TelegramEntity> {
    let mut entities = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let first = rest.chars().next().expect("there is text left");
        let after_word = text[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || "_/@".contains(c));
        let found = match first {
            _ if after_word => None,
            '@' => Some(("mention", 1 + word(&rest[1..]))).filter(|(_, length)| *length > 3),
            '/' => Some(("bot_command", command(rest))).filter(|(_, length)| *length > 1),
            'h' if rest.starts_with("http://") || rest.starts_with("https://") => {
                Some(("url", rest.find(char::is_whitespace).unwrap_or(rest.len())))
            }
            _ => None,
        };
        let Some((kind, length)) = found else {
            at += first.len_utf8();
            continue;
        };
        entities.push(TelegramEntity {
            kind: kind.to_owned(),
            offset: utf16_length(&text[..at]),
            length: utf16_length(&rest[..length]),
            detail: None,
        });
        at += length;
    }
    entities
}

fn word(text: &str) -> usize {
    text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len())
}

fn command(text: &str) -> usize {
    let name = 1 + word(&text[1..]);
    match text[name..].strip_prefix('@').map(word) {
        Some(length) if name > 1 && length > 3 => name + 1 + length,
        _ => name,
    }
}
