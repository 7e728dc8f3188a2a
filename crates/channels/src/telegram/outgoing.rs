//! The parameters of what is sent: text, files, keyboards. Pure, but for looking at the size of a file.

use std::path::Path;

use reqwest::multipart::{Form, Part};
use serde_json::{Map, Value, json};

use super::chat::Chat;
use super::config::ButtonScope;
use crate::inbound::MessageId;
use crate::outbound::{Button, OutboundMedia, OutboundPart};
use crate::render::Rendered;
use crate::{SendError, SendErrorKind};

/// Largest file that Telegram takes from a bot.
pub(super) const UPLOAD_MAX_BYTES: u64 = 50 * 1024 * 1024;
/// Larger pictures go as files.
const PHOTO_MAX_BYTES: u64 = 10 * 1024 * 1024;
/// Limit of a caption, in UTF-16 units of the visible text.
const CAPTION_MAX: usize = 1024;
/// Limit of `callback_data`, in bytes.
const CALLBACK_MAX_BYTES: usize = 64;

/// A file's way to Telegram: the method, and the field that holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Upload {
    pub(super) method: &'static str,
    field: &'static str,
}

/// The way that always works: people get the file as it is.
pub(super) const AS_DOCUMENT: Upload = Upload { method: "sendDocument", field: "document" };

/// Parameters of `sendMessage`.
pub(super) fn text_message(chat: &Chat, part: &OutboundPart, buttons: ButtonScope) -> Value {
    let mut parameters = frame(chat, part, buttons);
    put_text(&mut parameters, "text", &part.content);
    parameters.insert("link_preview_options".to_owned(), json!({ "is_disabled": !part.link_preview }));
    Value::Object(parameters)
}

/// Parameters of `editMessageText`, or of `editMessageCaption` where the message is a file.
pub(super) fn edited_message(chat: &Chat, message: i32, part: &OutboundPart, buttons: ButtonScope) -> Value {
    let mut parameters = chat.id_parameters();
    parameters.insert("message_id".to_owned(), json!(message));
    if part.media.is_some() {
        put_text(&mut parameters, "caption", &part.content);
    } else {
        put_text(&mut parameters, "text", &part.content);
        parameters.insert("link_preview_options".to_owned(), json!({ "is_disabled": !part.link_preview }));
    }
    if let Some(keyboard) = keyboard(chat, part, buttons) {
        parameters.insert("reply_markup".to_owned(), keyboard);
    }
    Value::Object(parameters)
}

/// How the file goes: as what people expect to see, where Telegram takes it as that.
pub(super) fn upload_of(media: &OutboundMedia, bytes: u64) -> Upload {
    let (method, field) = match media.mime.as_str() {
        "image/jpeg" | "image/png" | "image/webp" if bytes <= PHOTO_MAX_BYTES => ("sendPhoto", "photo"),
        "image/gif" => ("sendAnimation", "animation"),
        "video/mp4" => ("sendVideo", "video"),
        "audio/ogg" | "audio/opus" | "audio/mpeg" | "audio/mp4" | "audio/x-m4a" if media.voice => {
            ("sendVoice", "voice")
        }
        "audio/mpeg" | "audio/mp4" | "audio/x-m4a" => ("sendAudio", "audio"),
        _ => return AS_DOCUMENT,
    };
    Upload { method, field }
}

/// The size of a file that can be sent.
pub(super) async fn size_of(path: &Path, name: &str) -> Result<u64, SendError> {
    let found = tokio::fs::metadata(path).await.map_err(|error| unreadable(name, &error))?;
    if found.len() > UPLOAD_MAX_BYTES {
        let words = format!("{name} has {} bytes, and Telegram takes {UPLOAD_MAX_BYTES} at most", found.len());
        return Err(SendError::new(SendErrorKind::Refused, words));
    }
    Ok(found.len())
}

/// The form of a file with its caption. The file is read while it is sent.
pub(super) async fn file_message(
    chat: &Chat,
    part: &OutboundPart,
    media: &OutboundMedia,
    upload: Upload,
    buttons: ButtonScope,
) -> Result<Form, SendError> {
    let caption = part.content.plain.encode_utf16().count();
    if caption > CAPTION_MAX {
        let words = format!("the text under {} has {caption} characters, and Telegram takes {CAPTION_MAX}", media.name);
        return Err(SendError::new(SendErrorKind::Refused, words));
    }
    let mut parameters = frame(chat, part, buttons);
    if caption > 0 {
        put_text(&mut parameters, "caption", &part.content);
    }
    let file = Part::file(&media.path).await.map_err(|error| unreadable(&media.name, &error))?;
    let file = file
        .file_name(media.name.clone())
        .mime_str(&media.mime)
        .map_err(|_| SendError::new(SendErrorKind::Refused, format!("`{}` is no type of a file", media.mime)))?;
    let form = parameters.into_iter().fold(Form::new(), |form, (name, value)| {
        // Forms hold text: objects as JSON, everything else as it is.
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        form.text(name, text)
    });
    Ok(form.part(upload.field, file))
}

/// The keyboard under a message. A button whose command is too long for Telegram is left out.
pub(super) fn keyboard(chat: &Chat, part: &OutboundPart, scope: ButtonScope) -> Option<Value> {
    let shows = match scope {
        ButtonScope::Off => false,
        ButtonScope::Dm => !chat.is_group(),
        ButtonScope::Group => chat.is_group(),
        ButtonScope::All | ButtonScope::Allowlist => true,
    };
    let fits = |button: &&Button| (1..=CALLBACK_MAX_BYTES).contains(&button.command.len()) && !button.label.is_empty();
    let key = |button: &Button| json!({ "text": button.label, "callback_data": button.command });
    let rows = part.buttons.iter().map(|row| row.iter().filter(fits).map(key).collect::<Vec<_>>());
    let rows: Vec<Vec<Value>> = rows.filter(|row| shows && !row.is_empty()).collect();
    (!rows.is_empty()).then(|| json!({ "inline_keyboard": rows }))
}

/// The number of a message.
pub(super) fn number_of(message: &MessageId) -> Result<i32, SendError> {
    message.0.parse().map_err(|_| {
        SendError::new(SendErrorKind::Refused, format!("`{}` is no message of Telegram; ids are numbers", message.0))
    })
}

/// What every message has: place, answer, sound, keyboard.
fn frame(chat: &Chat, part: &OutboundPart, buttons: ButtonScope) -> Map<String, Value> {
    let mut parameters = chat.place_parameters();
    if let Some(reply_to) = part.reply_to.as_ref().and_then(|message| number_of(message).ok()) {
        let reply = json!({ "message_id": reply_to, "allow_sending_without_reply": true });
        parameters.insert("reply_parameters".to_owned(), reply);
    }
    if part.silent {
        parameters.insert("disable_notification".to_owned(), json!(true));
    }
    if let Some(keyboard) = keyboard(chat, part, buttons) {
        parameters.insert("reply_markup".to_owned(), keyboard);
    }
    parameters
}

/// Markup where there is some; else the plain text, which Telegram then shows as it is.
fn put_text(parameters: &mut Map<String, Value>, field: &str, content: &Rendered) {
    if content.markup.is_empty() {
        parameters.insert(field.to_owned(), json!(content.plain));
    } else {
        parameters.insert(field.to_owned(), json!(content.markup));
        parameters.insert("parse_mode".to_owned(), json!("HTML"));
    }
}

fn unreadable(name: &str, error: &std::io::Error) -> SendError {
    SendError::new(SendErrorKind::Refused, format!("the file {name} can't be read: {error}"))
}

#[cfg(test)]
mod tests;
