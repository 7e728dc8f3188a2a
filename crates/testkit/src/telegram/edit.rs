//! Methods that change or remove messages.

use serde_json::{Value, json};

use super::TelegramMessage;
use super::params::Params;
use super::send::{self, keyboard, target};
use super::state::{Answer, ApiError, ChatType, Standing, State};

const NOT_MODIFIED: &str = "Bad Request: message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message";

pub(super) fn text(state: &mut State, params: &Params) -> Answer {
    let old = own_message(state, params)?;
    let (text, entities) = send::text(state, "editMessageText", params)?;
    if old.media.is_some() {
        return Err(ApiError::bad("Bad Request: there is no text in the message to edit"));
    }
    let mut new = TelegramMessage { text, entities, ..old.clone() };
    keyboard(&mut new, params)?;
    if let Some(options) = params.json("link_preview_options")? {
        new.link_preview = options["is_disabled"] != true;
    }
    replace(state, &old, new)
}

pub(super) fn caption(state: &mut State, params: &Params) -> Answer {
    let old = own_message(state, params)?;
    let (text, entities) = send::caption(state, "editMessageCaption", params)?;
    if old.media.is_none() {
        return Err(ApiError::bad("Bad Request: there is no caption in the message to edit"));
    }
    let mut new = TelegramMessage { text, entities, ..old.clone() };
    keyboard(&mut new, params)?;
    replace(state, &old, new)
}

pub(super) fn markup(state: &mut State, params: &Params) -> Answer {
    let old = own_message(state, params)?;
    let mut new = old.clone();
    keyboard(&mut new, params)?;
    replace(state, &old, new)
}

pub(super) fn delete(state: &mut State, params: &Params) -> Answer {
    let chat = target(state, params)?;
    let id = params.integer("message_id")?.unwrap_or_default();
    remove(state, chat, id)?;
    Ok(json!(true))
}

pub(super) fn delete_many(state: &mut State, params: &Params) -> Answer {
    let chat = target(state, params)?;
    let Some(Value::Array(ids)) = params.json("message_ids")? else {
        return Err(ApiError::bad("Bad Request: message identifiers are not specified"));
    };
    if ids.is_empty() || ids.len() > 100 {
        return Err(ApiError::bad("Bad Request: there must be 1-100 message identifiers"));
    }
    for id in ids.iter().filter_map(Value::as_i64) {
        // Those that are gone are skipped.
        let _ = remove(state, chat, id);
    }
    Ok(json!(true))
}

fn own_message(state: &mut State, params: &Params) -> Result<TelegramMessage, ApiError> {
    let chat = target(state, params)?;
    let Some(id) = params.integer("message_id")? else {
        return Err(ApiError::bad("Bad Request: message identifier is not specified"));
    };
    let Some(message) = state.chat(chat).messages.get(&id) else {
        return Err(ApiError::bad("Bad Request: message to edit not found"));
    };
    if message.from != state.bot {
        return Err(ApiError::bad("Bad Request: message can't be edited"));
    }
    Ok(message.clone())
}

fn replace(state: &mut State, old: &TelegramMessage, mut new: TelegramMessage) -> Answer {
    if old.text == new.text && old.entities == new.entities && old.markup == new.markup {
        return Err(ApiError::bad(NOT_MODIFIED));
    }
    send::check_pace(state, old.chat)?;
    new.edits += 1;
    Ok(state.keep(new))
}

fn remove(state: &mut State, chat: i64, id: i64) -> Result<(), ApiError> {
    let bot = state.bot;
    let place = state.chat_mut(chat);
    let Some(message) = place.messages.get(&id) else {
        return Err(ApiError::bad("Bad Request: message to delete not found"));
    };
    let may = message.from == bot || place.kind == ChatType::Private || place.standing == Standing::Administrator;
    if !may {
        return Err(ApiError::bad("Bad Request: message can't be deleted"));
    }
    place.messages.remove(&id);
    Ok(())
}
