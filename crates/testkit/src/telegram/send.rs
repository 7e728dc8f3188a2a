//! Methods that send, and what all of them check.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::html::{self, utf16_length};
use super::params::Params;
use super::state::{Answer, ApiError, ChatType, Standing, State};
use super::{Pace, TelegramButton, TelegramEntity, TelegramMedia, TelegramMessage, wire};

/// Visible characters of a text, in UTF-16 units.
const TEXT_MAX: usize = 4096;
/// Visible characters of a caption, in UTF-16 units.
const CAPTION_MAX: usize = 1024;
const PHOTO_MAX: usize = 10 * 1024 * 1024;
const UPLOAD_MAX: usize = 50 * 1024 * 1024;
/// Bytes of a button's data.
const BUTTON_DATA_MAX: usize = 64;
const BUTTONS_MAX: usize = 100;
/// Messages a second in all, where [`Pace::Limited`].
const PER_SECOND: usize = 30;
/// Messages a minute in one group, where [`Pace::Limited`].
const PER_MINUTE_IN_GROUP: usize = 20;

/// A text with its formatting.
pub(super) type Formatted = (String, Vec<TelegramEntity>);

pub(super) fn message(state: &mut State, params: &Params) -> Answer {
    let mut message = begin(state, params)?;
    (message.text, message.entities) = text(state, "sendMessage", params)?;
    if let Some(options) = params.json("link_preview_options")? {
        message.link_preview = options["is_disabled"] != true;
    }
    Ok(finish(state, message))
}

pub(super) fn file(state: &mut State, params: &Params, kind: &str) -> Answer {
    let mut message = begin(state, params)?;
    (message.text, message.entities) = caption(state, kind, params)?;
    let given = params.text(kind).unwrap_or_default();
    message.media = Some(upload(state, params, kind, &given)?);
    Ok(finish(state, message))
}

pub(super) fn media_group(state: &mut State, params: &Params) -> Answer {
    let Some(Value::Array(items)) = params.json("media")? else {
        return Err(ApiError::bad("Bad Request: parameter \"media\" is required"));
    };
    if !(2..=10).contains(&items.len()) {
        return Err(ApiError::bad("Bad Request: media group must include 2-10 items"));
    }
    let album = state.next_number().to_string();
    let mut sent = Vec::new();
    for item in &items {
        let Value::Object(fields) = item else { return Err(ApiError::bad("Bad Request: can't parse InputMedia")) };
        let kind = item["type"].as_str().unwrap_or_default().to_owned();
        if !matches!(kind.as_str(), "photo" | "video" | "document" | "audio") {
            return Err(ApiError::bad("Bad Request: can't parse InputMedia: type is invalid"));
        }
        let item = Params { values: fields.clone(), uploads: std::collections::BTreeMap::new() };
        let mut message = begin(state, params)?;
        (message.text, message.entities) = caption(state, "sendMediaGroup", &item)?;
        let given = item.text("media").unwrap_or_default();
        message.media = Some(upload(state, params, &kind, &given)?);
        message.extra.insert("media_group_id".to_owned(), json!(album));
        sent.push(finish(state, message));
    }
    Ok(Value::Array(sent))
}

pub(super) fn location(state: &mut State, params: &Params) -> Answer {
    let number = |name: &str| params.text(name).and_then(|text| text.parse::<f64>().ok());
    let (Some(latitude), Some(longitude)) = (number("latitude"), number("longitude")) else {
        return Err(ApiError::bad("Bad Request: latitude is empty"));
    };
    let mut message = begin(state, params)?;
    let place = json!({ "latitude": latitude, "longitude": longitude });
    message.media = Some(TelegramMedia {
        kind: "location".to_owned(),
        file_name: None,
        mime: None,
        bytes: Bytes::new(),
        wire: place,
    });
    Ok(finish(state, message))
}

/// The chat that a call means, if the bot may speak there.
pub(super) fn target(state: &mut State, params: &Params) -> Result<i64, ApiError> {
    let named = params.text("chat_id").filter(|id| !id.is_empty());
    let Some(named) = named else { return Err(ApiError::bad("Bad Request: chat_id is empty")) };
    let chat = named.parse::<i64>().ok().and_then(|id| state.chats.get(&id));
    let Some(chat) = chat else { return Err(ApiError::bad("Bad Request: chat not found")) };
    if let Some(supergroup) = chat.migrated_to {
        let mut error = ApiError::bad("Bad Request: group chat was upgraded to a supergroup chat");
        error.parameters = Some(json!({ "migrate_to_chat_id": supergroup }));
        return Err(error);
    }
    match (chat.standing, chat.kind) {
        (Standing::Member | Standing::Administrator, _) => Ok(chat.id),
        (Standing::Out, ChatType::Private) => Err(ApiError::new(403, "Forbidden: bot was blocked by the user")),
        (Standing::Out, ChatType::Group) => Err(ApiError::new(403, "Forbidden: bot was kicked from the group chat")),
        (Standing::Out, ChatType::Supergroup) => {
            Err(ApiError::new(403, "Forbidden: bot was kicked from the supergroup chat"))
        }
    }
}

/// The text of a call, parsed and measured.
pub(super) fn text(state: &mut State, method: &str, params: &Params) -> Result<Formatted, ApiError> {
    let (text, entities) = formatted(state, method, params, ("text", "entities"))?;
    if text.is_empty() {
        return Err(ApiError::bad("Bad Request: message text is empty"));
    }
    if utf16_length(&text) > TEXT_MAX {
        return Err(ApiError::bad("Bad Request: message is too long"));
    }
    Ok((text, entities))
}

/// The caption of a call, parsed and measured; it may be empty.
pub(super) fn caption(state: &mut State, method: &str, params: &Params) -> Result<Formatted, ApiError> {
    let (text, entities) = formatted(state, method, params, ("caption", "caption_entities"))?;
    if utf16_length(&text) > CAPTION_MAX {
        return Err(ApiError::bad("Bad Request: message caption is too long"));
    }
    Ok((text, entities))
}

/// Puts the keyboard of a call under a message, or takes the old one away.
pub(super) fn keyboard(message: &mut TelegramMessage, params: &Params) -> Result<(), ApiError> {
    let markup = params.json("reply_markup")?;
    message.buttons = match markup.as_ref().and_then(|markup| markup.get("inline_keyboard")) {
        Some(rows) => buttons(rows)?,
        None => Vec::new(),
    };
    // An empty keyboard is none.
    message.markup = markup.filter(|_| !message.buttons.is_empty());
    Ok(())
}

fn begin(state: &mut State, params: &Params) -> Result<TelegramMessage, ApiError> {
    let chat = target(state, params)?;
    let topic = params.integer("message_thread_id")?;
    // The general topic has no number of its own for senders, although updates of it may carry 1.
    if topic.is_some_and(|topic| !state.chat(chat).topics.contains_key(&topic)) {
        return Err(ApiError::bad("Bad Request: message thread not found"));
    }
    let reply_to = reply(state, chat, params)?;
    check_pace(state, chat)?;
    let bot = state.bot;
    // The id is taken last: a refused call takes none.
    let mut message = TelegramMessage { topic, reply_to, ..State::draft(chat, bot) };
    message.silent = params.flag("disable_notification");
    keyboard(&mut message, params)?;
    Ok(message)
}

fn finish(state: &mut State, mut message: TelegramMessage) -> Value {
    message.id = state.next_message_id(message.chat);
    state.sent_times.push_back((message.chat, Instant::now()));
    state.keep(message)
}

fn reply(state: &State, chat: i64, params: &Params) -> Result<Option<i64>, ApiError> {
    let Some(reply) = params.json("reply_parameters")? else { return Ok(None) };
    let Some(id) = reply["message_id"].as_i64() else {
        return Err(ApiError::bad("Bad Request: can't parse reply parameters: Can't find field \"message_id\""));
    };
    if state.chat(chat).messages.contains_key(&id) {
        return Ok(Some(id));
    }
    if reply["allow_sending_without_reply"] == true {
        return Ok(None);
    }
    Err(ApiError::bad("Bad Request: message to be replied not found"))
}

fn formatted(
    state: &mut State,
    method: &str,
    params: &Params,
    (text, entities): (&str, &str),
) -> Result<Formatted, ApiError> {
    let given = params.text(text).unwrap_or_default();
    match params.text("parse_mode").as_deref() {
        None | Some("") => {
            if params.json(entities)?.is_some() {
                state.fault(method, "this fake reads no entities, only HTML");
            }
            Ok((given.trim().to_owned(), Vec::new()))
        }
        Some(mode) if mode.eq_ignore_ascii_case("html") => {
            let parsed = html::parse(&given)
                .map_err(|words| ApiError::bad(format!("Bad Request: can't parse entities: {words}")))?;
            for doubt in parsed.doubts {
                state.fault(method, doubt);
            }
            Ok((parsed.text, parsed.entities))
        }
        Some(mode) => {
            state.fault(method, format_args!("this fake does not read {mode}, only HTML"));
            Err(ApiError::bad("Bad Request: unsupported parse_mode"))
        }
    }
}

/// A file of the request, under its own name or where `attach://` points, or one that the server has.
fn upload(state: &mut State, params: &Params, kind: &str, given: &str) -> Result<TelegramMedia, ApiError> {
    let name = given.strip_prefix("attach://").unwrap_or(kind);
    if let Some(upload) = params.uploads.get(name).cloned() {
        if upload.bytes.is_empty() {
            return Err(ApiError::bad("Bad Request: file must be non-empty"));
        }
        let limit = if kind == "photo" { PHOTO_MAX } else { UPLOAD_MAX };
        if upload.bytes.len() > limit {
            return Err(if kind == "photo" {
                ApiError::bad("Bad Request: too big for a photo")
            } else {
                ApiError::new(413, "Request Entity Too Large")
            });
        }
        return Ok(state.media(kind, (Some(upload.name), upload.mime), upload.bytes));
    }
    if let Some(file) = state.files.get(given) {
        let bytes = file.bytes.clone();
        let wire = wire::media(kind, given, (None, None), bytes.len());
        return Ok(TelegramMedia { kind: kind.to_owned(), file_name: None, mime: None, bytes, wire });
    }
    if given.is_empty() {
        return Err(ApiError::bad(format!("Bad Request: there is no {kind} in the request")));
    }
    Err(ApiError::bad("Bad Request: wrong remote file identifier specified: Wrong string length"))
}

fn buttons(rows: &Value) -> Result<Vec<Vec<TelegramButton>>, ApiError> {
    let wrong = |what: &str| ApiError::bad(format!("Bad Request: can't parse inline keyboard button: {what}"));
    let rows = rows.as_array().ok_or_else(|| wrong("Inline keyboard must be of type Array"))?;
    let mut keyboard = Vec::new();
    for row in rows {
        let mut shown = Vec::new();
        for button in row.as_array().ok_or_else(|| wrong("Inline keyboard button rows must be of type Array"))? {
            let label = button["text"].as_str().ok_or_else(|| wrong("Field \"text\" must be of type String"))?;
            if label.is_empty() {
                return Err(wrong("Text buttons are unallowed in the inline keyboard"));
            }
            let data = match (button["callback_data"].as_str(), button["url"].as_str()) {
                (Some(data), None) if data.is_empty() || data.len() > BUTTON_DATA_MAX => {
                    return Err(ApiError::bad("Bad Request: BUTTON_DATA_INVALID"));
                }
                (Some(data), None) => data,
                (None, Some(url)) => url,
                _ => return Err(wrong("Text buttons are unallowed in the inline keyboard")),
            };
            shown.push(TelegramButton { label: label.to_owned(), data: data.to_owned() });
        }
        // A row without buttons does not show.
        if !shown.is_empty() {
            keyboard.push(shown);
        }
    }
    if keyboard.iter().map(Vec::len).sum::<usize>() > BUTTONS_MAX {
        return Err(ApiError::bad("Bad Request: reply markup is too long"));
    }
    Ok(keyboard)
}

pub(super) fn check_pace(state: &mut State, chat: i64) -> Result<(), ApiError> {
    if state.options.pace == Pace::Unlimited {
        return Ok(());
    }
    let minute = Duration::from_mins(1);
    while state.sent_times.front().is_some_and(|(_, at)| at.elapsed() > minute) {
        state.sent_times.pop_front();
    }
    let second = Duration::from_secs(1);
    if state.sent_times.iter().filter(|(_, at)| at.elapsed() < second).count() >= PER_SECOND {
        return Err(ApiError::flood(1));
    }
    let is_group = state.chat(chat).kind != ChatType::Private;
    let mut here = state.sent_times.iter().filter(|(sent, _)| *sent == chat);
    if is_group && here.clone().count() >= PER_MINUTE_IN_GROUP {
        let oldest = here.next().map_or(minute, |(_, at)| at.elapsed());
        return Err(ApiError::flood(minute.saturating_sub(oldest).as_secs() + 1));
    }
    Ok(())
}
