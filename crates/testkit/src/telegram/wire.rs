//! The fake server's objects as JSON.

use serde_json::{Map, Value, json};

use super::state::{Chat, ChatType, State, User};
use super::{TelegramEntity, TelegramMessage};

pub(super) fn user(user: &User) -> Value {
    let mut wire = json!({ "id": user.id, "is_bot": user.is_bot, "first_name": user.name, "username": user.username });
    if !user.is_bot {
        wire["language_code"] = json!("en");
    }
    wire
}

pub(super) fn chat(state: &State, chat: &Chat) -> Value {
    match chat.kind {
        ChatType::Private => {
            let user = &state.users[&chat.id];
            json!({ "id": chat.id, "type": "private", "first_name": user.name, "username": user.username })
        }
        ChatType::Group => {
            json!({ "id": chat.id, "type": "group", "title": chat.title, "all_members_are_administrators": false })
        }
        ChatType::Supergroup => {
            let mut wire = json!({ "id": chat.id, "type": "supergroup", "title": chat.title });
            if chat.is_forum {
                wire["is_forum"] = json!(true);
            }
            wire
        }
    }
}

/// The message with what it answers; an answer within an answer is not shown.
pub(super) fn message(state: &State, chat: i64, id: i64) -> Value {
    let found = &state.chat(chat).messages[&id];
    let mut wire = alone(state, found);
    let place = state.chat(chat);
    // In a topic, what answers nothing answers the message that opened the topic.
    let root = found.topic.filter(|_| place.is_forum);
    let answered = found.reply_to.or(root.filter(|root| *root != id));
    if let Some(answered) = answered.and_then(|id| place.messages.get(&id)) {
        wire["reply_to_message"] = alone(state, answered);
    }
    wire
}

fn alone(state: &State, message: &TelegramMessage) -> Value {
    let place = state.chat(message.chat);
    let mut wire = json!({
        "message_id": message.id, "from": user(&state.users[&message.from]), "chat": chat(state, place),
        "date": message.date,
    });
    if let Some(topic) = message.topic {
        wire["message_thread_id"] = json!(topic);
        if place.is_forum {
            wire["is_topic_message"] = json!(true);
        }
    }
    if message.edits > 0 {
        wire["edit_date"] = json!(message.date);
    }
    let entities: Vec<Value> = message.entities.iter().map(|found| entity(state, found)).collect();
    let (text, marks) = match &message.media {
        Some(media) => {
            wire[media.kind.as_str()] = media.wire.clone();
            ("caption", "caption_entities")
        }
        None => ("text", "entities"),
    };
    if !message.text.is_empty() {
        wire[text] = json!(message.text);
        if !entities.is_empty() {
            wire[marks] = json!(entities);
        }
    }
    if let Some(markup) = &message.markup {
        wire["reply_markup"] = markup.clone();
    }
    if let Some(fields) = wire.as_object_mut() {
        fields.extend(message.extra.clone());
    }
    wire
}

fn entity(state: &State, entity: &TelegramEntity) -> Value {
    let mut wire = json!({ "type": entity.kind, "offset": entity.offset, "length": entity.length });
    let Some(detail) = &entity.detail else { return wire };
    match entity.kind.as_str() {
        "text_link" => wire["url"] = json!(detail),
        "pre" => wire["language"] = json!(detail),
        "custom_emoji" => wire["custom_emoji_id"] = json!(detail),
        "text_mention" => {
            let found = detail.parse().ok().and_then(|id: i64| state.users.get(&id));
            wire["user"] = found.map(user).unwrap_or_default();
        }
        _ => {}
    }
    wire
}

/// What a message shows of a file.
pub(super) fn media(kind: &str, id: &str, (name, mime): (Option<&str>, Option<&str>), size: usize) -> Value {
    let file = |mut more: Map<String, Value>| {
        more.insert("file_id".into(), json!(id));
        more.insert("file_unique_id".into(), json!(format!("u{id}")));
        more.insert("file_size".into(), json!(size));
        if let Some(mime) = mime {
            more.insert("mime_type".into(), json!(mime));
        }
        if let Some(name) = name {
            more.insert("file_name".into(), json!(name));
        }
        Value::Object(more)
    };
    let fields = |value: Value| value.as_object().cloned().unwrap_or_default();
    match kind {
        "photo" => json!([
            { "file_id": format!("{id}-small"), "file_unique_id": format!("us{id}"), "file_size": size / 10, "width": 90, "height": 60 },
            { "file_id": id, "file_unique_id": format!("u{id}"), "file_size": size, "width": 900, "height": 600 },
        ]),
        "voice" | "audio" => file(fields(json!({ "duration": 3 }))),
        "video" | "animation" => file(fields(json!({ "duration": 3, "width": 320, "height": 240 }))),
        "video_note" => file(fields(json!({ "duration": 3, "length": 240 }))),
        "sticker" => file(fields(json!({
            "type": "regular", "width": 512, "height": 512, "is_animated": false, "is_video": false,
            "emoji": name.unwrap_or("👍"), "set_name": "Crabs",
        }))),
        _ => file(Map::new()),
    }
}

pub(super) fn folder(kind: &str) -> &'static str {
    match kind {
        "photo" => "photos",
        "voice" => "voice",
        "audio" => "music",
        "video" | "video_note" => "videos",
        "animation" => "animations",
        "sticker" => "stickers",
        _ => "documents",
    }
}

pub(super) fn extension(kind: &str, name: Option<&str>) -> String {
    let of_name = name.and_then(|name| name.rsplit_once('.')).map(|(_, extension)| format!(".{extension}"));
    let usual = match kind {
        "photo" => ".jpg",
        "voice" => ".oga",
        "sticker" => ".webp",
        "video" | "video_note" | "animation" => ".mp4",
        "audio" => ".mp3",
        _ => "",
    };
    of_name.unwrap_or_else(|| usual.to_owned())
}
