//! What the platform refuses in a message's body, in its own words: <https://docs.discord.com/developers/resources/message>
//! and `/developers/components/reference`. Unknown fields are refused too, though the real one overlooks them: a misspelt
//! field would be overlooked for ever.

use serde_json::Value;

use super::wire::{FormFile, Refusal, items};
use super::world::DiscordMessage;

const CONTENT_MAX: usize = 2000;
const NONCE_MAX: usize = 25;
const EMBEDS_MAX: usize = 10;
const EMBED_TOTAL_MAX: usize = 6000;
const FILES_MAX: usize = 10;
const ROWS_MAX: usize = 5;
const ROW_BUTTONS_MAX: usize = 5;
const CUSTOM_ID_MAX: usize = 100;
const LABEL_MAX: usize = 80;
const OPTIONS_MAX: usize = 25;
const OPTION_LENGTH_MAX: usize = 100;
const PLACEHOLDER_MAX: usize = 150;
const ALLOWED_IDS_MAX: usize = 100;
/// No previews, for one person only, no sound, recorded speech.
const FLAGS_TO_SEND: u64 = 1 << 2 | 1 << 6 | 1 << 12 | 1 << 13;

/// Which body it is: each takes its own fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Create,
    Edit,
    /// Of an interaction: no nonce and no quote.
    Webhook,
}

/// A whole body of a message with its files.
pub(super) fn message(body: &Value, files: &[FormFile], shape: Shape, upload_max: usize) -> Result<(), Refusal> {
    let common = ["content", "embeds", "allowed_mentions", "components", "attachments", "flags"];
    let own: &[&str] = match shape {
        Shape::Create => &["nonce", "enforce_nonce", "tts", "message_reference", "sticker_ids", "poll"],
        Shape::Edit => &[],
        Shape::Webhook => &["tts", "poll", "username", "avatar_url"],
    };
    fields("", body, &[&common, own].concat())?;
    text("content", &body["content"], CONTENT_MAX)?;
    nonce(body)?;
    allowed_mentions(&body["allowed_mentions"])?;
    reference(&body["message_reference"])?;
    embeds(&body["embeds"])?;
    components(&body["components"])?;
    uploads(body, files, upload_max)?;
    let flags = &body["flags"];
    let allowed = if shape == Shape::Create { FLAGS_TO_SEND & !(1 << 6) } else { FLAGS_TO_SEND };
    if !flags.is_null() && flags.as_u64().is_none_or(|flags| flags & !allowed != 0) {
        return Err(Refusal::form("flags", "INVALID", format!("flags that can't be set: {flags}")));
    }
    Ok(())
}

/// A message must show something.
pub(super) fn not_empty(message: &DiscordMessage, body: &Value) -> Result<(), Refusal> {
    let has_more = !items(&body["sticker_ids"]).is_empty() || !body["poll"].is_null();
    let empty = message.content.is_empty()
        && message.embeds.is_empty()
        && message.components.is_empty()
        && message.attachments.is_empty();
    if empty && !has_more {
        return Err(Refusal::new(400, 50006, "Cannot send an empty message").fault());
    }
    Ok(())
}

/// A voice message is one sound with its length and shape, and nothing else.
pub(super) fn voice(message: &DiscordMessage) -> Result<(), Refusal> {
    if !message.content.is_empty() || !message.embeds.is_empty() || !message.components.is_empty() {
        return Err(Refusal::new(400, 50159, "Voice messages do not support additional content").fault());
    }
    match message.attachments.as_slice() {
        [sound] if sound.duration_secs.is_some() => Ok(()),
        [_] => Err(Refusal::new(400, 50161, "Voice messages must have supporting metadata").fault()),
        _ => Err(Refusal::new(400, 50160, "Voice messages must have a single audio attachment").fault()),
    }
}

/// Only these fields; `prefix` ends with a dot where there is one. What is `null` or `false` says nothing, and careful clients
/// send it in every shape.
pub(super) fn fields(prefix: &str, body: &Value, known: &[&str]) -> Result<(), Refusal> {
    let fields = match body {
        Value::Null => return Ok(()),
        Value::Object(fields) => fields,
        _ => {
            return Err(Refusal::form(
                prefix.trim_end_matches('.'),
                "MODEL_TYPE_CONVERT",
                "Only dictionaries may be used",
            ));
        }
    };
    let says = |value: &Value| !matches!(value, Value::Null | Value::Bool(false));
    match fields.iter().find(|(name, value)| says(value) && !known.contains(&name.as_str())) {
        Some((name, _)) => {
            Err(Refusal::form(&format!("{prefix}{name}"), "UNKNOWN_FIELD", "the fake knows no such field"))
        }
        None => Ok(()),
    }
}

/// A text of at most so many characters, or none.
pub(super) fn text(field: &str, value: &Value, max: usize) -> Result<(), Refusal> {
    match value {
        Value::Null => Ok(()),
        Value::String(text) if text.chars().count() <= max => Ok(()),
        Value::String(_) => Err(Refusal::too_long(field, max)),
        _ => Err(Refusal::form(field, "BASE_TYPE_STRING", "Could not interpret as string.")),
    }
}

fn nonce(body: &Value) -> Result<(), Refusal> {
    match &body["nonce"] {
        Value::Null if body["enforce_nonce"] == true => {
            Err(Refusal::form("nonce", "BASE_TYPE_REQUIRED", "enforce_nonce without a nonce enforces nothing"))
        }
        Value::Null | Value::Number(_) => Ok(()),
        nonce => text("nonce", nonce, NONCE_MAX),
    }
}

fn allowed_mentions(allowed: &Value) -> Result<(), Refusal> {
    fields("allowed_mentions.", allowed, &["parse", "roles", "users", "replied_user"])?;
    let parse = items(&allowed["parse"]);
    if let Some(kind) = parse.iter().find(|kind| !["users", "roles", "everyone"].iter().any(|known| **kind == *known)) {
        let words = format!("Value must be one of ('users', 'roles', 'everyone'), not {kind}.");
        return Err(Refusal::form("allowed_mentions.parse", "BASE_TYPE_CHOICES", words));
    }
    for list in ["users", "roles"] {
        let ids = items(&allowed[list]);
        if ids.len() > ALLOWED_IDS_MAX {
            return Err(Refusal::form(
                &format!("allowed_mentions.{list}"),
                "BASE_TYPE_BAD_LENGTH",
                "Must be 100 or fewer.",
            ));
        }
        if !ids.is_empty() && parse.iter().any(|kind| kind == list) {
            let words = format!("parse:[\"{list}\"] and {list}: [ids...] are mutually exclusive.");
            return Err(Refusal::form("allowed_mentions", "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", words));
        }
    }
    Ok(())
}

fn reference(reference: &Value) -> Result<(), Refusal> {
    fields("message_reference.", reference, &["type", "message_id", "channel_id", "guild_id", "fail_if_not_exists"])?;
    let kind = reference["type"].as_u64().unwrap_or_default();
    if kind != 0 {
        return Err(Refusal::form("message_reference.type", "BASE_TYPE_CHOICES", "the fake knows answers only"));
    }
    Ok(())
}

fn embeds(embeds: &Value) -> Result<(), Refusal> {
    let list = items(embeds);
    if list.len() > EMBEDS_MAX {
        return Err(Refusal::form("embeds", "BASE_TYPE_BAD_LENGTH", "Must be 10 or fewer in length."));
    }
    let mut total = 0;
    for (at, embed) in list.iter().enumerate() {
        let known = [
            "title",
            "type",
            "description",
            "url",
            "timestamp",
            "color",
            "footer",
            "image",
            "thumbnail",
            "author",
            "fields",
        ];
        fields(&format!("embeds.{at}."), embed, &known)?;
        text(&format!("embeds.{at}.title"), &embed["title"], 256)?;
        text(&format!("embeds.{at}.description"), &embed["description"], 4096)?;
        let length = |value: &Value| value.as_str().map_or(0, |text| text.chars().count());
        total += length(&embed["title"]) + length(&embed["description"]) + length(&embed["footer"]["text"]);
    }
    if total > EMBED_TOTAL_MAX {
        return Err(Refusal::form("embeds", "MAX_EMBED_SIZE_EXCEEDED", "Embed size exceeds maximum size of 6000"));
    }
    Ok(())
}

fn components(components: &Value) -> Result<(), Refusal> {
    let rows = items(components);
    if rows.len() > ROWS_MAX {
        return Err(Refusal::form("components", "BASE_TYPE_BAD_LENGTH", "Must be 5 or fewer in length."));
    }
    let mut ids: Vec<&str> = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let field = format!("components.{at}");
        fields(&format!("{field}."), row, &["type", "components", "id"])?;
        if row["type"] != 1 {
            return Err(Refusal::form(
                &format!("{field}.type"),
                "UNION_TYPE_CHOICES",
                "Value of field \"type\" must be one of (1,).",
            ));
        }
        let inner = items(&row["components"]);
        if inner.is_empty() || inner.len() > ROW_BUTTONS_MAX {
            return Err(Refusal::form(
                &format!("{field}.components"),
                "BASE_TYPE_BAD_LENGTH",
                "Must be between 1 and 5 in length.",
            ));
        }
        for (place, component) in inner.iter().enumerate() {
            self::component(&format!("{field}.components.{place}"), component)?;
            if let Some(id) = component["custom_id"].as_str() {
                if ids.contains(&id) {
                    return Err(Refusal::form(
                        &format!("{field}.components.{place}.custom_id"),
                        "COMPONENT_CUSTOM_ID_DUPLICATED",
                        "Component custom id cannot be duplicated",
                    ));
                }
                ids.push(id);
            }
        }
        if inner.len() > 1 && inner.iter().any(|component| component["type"] != 2) {
            return Err(Refusal::form(
                &format!("{field}.components"),
                "COMPONENT_LAYOUT_WIDTH_EXCEEDED",
                "a menu stands alone in its row",
            ));
        }
    }
    Ok(())
}

fn component(field: &str, component: &Value) -> Result<(), Refusal> {
    let required =
        |name: &str| Refusal::form(&format!("{field}.{name}"), "BASE_TYPE_REQUIRED", "This field is required");
    match component["type"].as_u64() {
        Some(2) => {
            fields(
                &format!("{field}."),
                component,
                &["type", "id", "style", "label", "emoji", "custom_id", "url", "disabled"],
            )?;
            text(&format!("{field}.label"), &component["label"], LABEL_MAX)?;
            if component["label"].as_str().is_none_or(str::is_empty) && component["emoji"].is_null() {
                return Err(required("label"));
            }
            match component["style"].as_u64() {
                Some(1..=4) if component["url"].is_null() => custom_id(field, component),
                Some(5) if component["url"].is_string() && component["custom_id"].is_null() => Ok(()),
                _ => Err(Refusal::form(
                    &format!("{field}.style"),
                    "BASE_TYPE_CHOICES",
                    "a style that fits its other fields is needed",
                )),
            }
        }
        Some(3) => {
            let known = [
                "type",
                "id",
                "custom_id",
                "options",
                "placeholder",
                "min_values",
                "max_values",
                "disabled",
                "required",
            ];
            fields(&format!("{field}."), component, &known)?;
            custom_id(field, component)?;
            text(&format!("{field}.placeholder"), &component["placeholder"], PLACEHOLDER_MAX)?;
            let options = items(&component["options"]);
            if options.is_empty() || options.len() > OPTIONS_MAX {
                return Err(Refusal::form(
                    &format!("{field}.options"),
                    "BASE_TYPE_BAD_LENGTH",
                    "Must be between 1 and 25 in length.",
                ));
            }
            for (at, option) in options.iter().enumerate() {
                text(&format!("{field}.options.{at}.label"), &option["label"], OPTION_LENGTH_MAX)?;
                text(&format!("{field}.options.{at}.value"), &option["value"], OPTION_LENGTH_MAX)?;
            }
            Ok(())
        }
        _ => Err(Refusal::form(
            &format!("{field}.type"),
            "UNION_TYPE_CHOICES",
            "the fake knows buttons and menus of texts",
        )),
    }
}

fn custom_id(field: &str, component: &Value) -> Result<(), Refusal> {
    let field = format!("{field}.custom_id");
    text(&field, &component["custom_id"], CUSTOM_ID_MAX)?;
    if component["custom_id"].as_str().is_none_or(str::is_empty) {
        return Err(Refusal::form(&field, "BASE_TYPE_REQUIRED", "This field is required"));
    }
    Ok(())
}

fn uploads(body: &Value, files: &[FormFile], upload_max: usize) -> Result<(), Refusal> {
    if files.len() > FILES_MAX {
        return Err(Refusal::form("attachments", "BASE_TYPE_MAX_LENGTH", "Must be 10 or fewer in length."));
    }
    if files.iter().any(|file| file.bytes.len() > upload_max) {
        // A size is nobody's carelessness: servers differ in it.
        return Err(Refusal::new(413, 40005, "Request entity too large"));
    }
    for (at, entry) in items(&body["attachments"]).iter().enumerate() {
        let known = [
            "id",
            "filename",
            "description",
            "title",
            "duration_secs",
            "waveform",
            "is_spoiler",
            "size",
            "content_type",
        ];
        fields(&format!("attachments.{at}."), entry, &known)?;
        text(&format!("attachments.{at}.description"), &entry["description"], 1024)?;
        // A number below the ids of the platform names a file of this form.
        let index = entry["id"].as_u64().or_else(|| entry["id"].as_str()?.parse().ok());
        let is_here = index.is_some_and(|index| index > 1 << 22 || files.iter().any(|file| file.index == index));
        if !is_here {
            return Err(Refusal::form(
                &format!("attachments.{at}.id"),
                "ATTACHMENT_NOT_FOUND",
                format!("no file {}", entry["id"]),
            ));
        }
    }
    Ok(())
}
