//! The bodies of messages that we send. Pure.

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::{Value, json};

use crate::outbound::{Button, OutboundPart, PartKey};

/// Limits of one message's components.
const ROWS_MAX: usize = 5;
const ROW_BUTTONS_MAX: usize = 5;
const LABEL_CHARS_MAX: usize = 80;
const CUSTOM_ID_CHARS_MAX: usize = 100;

/// Signs of Discord's Markdown that a backslash takes the meaning of.
const MARKUP_SIGNS: &str = r"\*_~`|>#[]<";

/// Flags of messages.
const SUPPRESS_EMBEDS: u64 = 1 << 2;
const SUPPRESS_NOTIFICATIONS: u64 = 1 << 12;

/// A new message of a channel.
pub(super) fn create(part: &OutboundPart) -> Value {
    let mut body = content(part);
    body["nonce"] = nonce(part).into();
    // Within a few minutes Discord answers a nonce that it knows with the message that it made of it.
    body["enforce_nonce"] = true.into();
    if let Some(quoted) = &part.reply_to {
        body["message_reference"] = json!({ "message_id": quoted.0, "fail_if_not_exists": false });
    }
    set_flags(&mut body, part, part.silent);
    body
}

/// An answer to an interaction, or one more of them. Who sees it was decided when it was deferred.
pub(super) fn answer(part: &OutboundPart) -> Value {
    let mut body = content(part);
    set_flags(&mut body, part, false);
    body
}

/// New content of a message that exists.
pub(super) fn edit(part: &OutboundPart) -> Value {
    let mut body = content(part);
    set_flags(&mut body, part, false);
    // An edit says all of it: without buttons, those of before go.
    body["components"] = components(&part.buttons).into();
    body
}

/// What the message says. Text in which nothing is markup has its signs escaped, so that it shows as it is.
pub(super) fn text(part: &OutboundPart) -> Cow<'_, str> {
    if !part.content.markup.is_empty() {
        return Cow::Borrowed(&part.content.markup);
    }
    let escaped = part.content.plain.chars().flat_map(|letter| {
        let sign = MARKUP_SIGNS.contains(letter).then_some('\\');
        sign.into_iter().chain([letter])
    });
    Cow::Owned(escaped.collect())
}

/// Discord knows a nonce of all chats at once, so that the chat belongs to the name.
fn nonce(part: &OutboundPart) -> String {
    PartKey { run: format!("{} {}", part.chat, part.key.run), part: part.key.part }.nonce()
}

fn content(part: &OutboundPart) -> Value {
    let mut body = json!({
        "content": text(part),
        // People may be called by an answer, everybody at once may not.
        "allowed_mentions": { "parse": ["users"], "replied_user": true },
    });
    let rows = components(&part.buttons);
    if !rows.is_empty() {
        body["components"] = rows.into();
    }
    if let Some(media) = &part.media {
        body["attachments"] = json!([{ "id": 0, "filename": media.name }]);
    }
    body
}

/// Says nothing where no flag is set: an edit must not touch those that Discord has set, who sees the message among them.
fn set_flags(body: &mut Value, part: &OutboundPart, silent: bool) {
    let embeds = if part.link_preview { 0 } else { SUPPRESS_EMBEDS };
    let sound = if silent { SUPPRESS_NOTIFICATIONS } else { 0 };
    if embeds | sound != 0 {
        body["flags"] = (embeds | sound).into();
    }
}

/// Rows of buttons whose ids are their commands. What Discord would refuse the whole message for is left out: a command that is too
/// long or stands there twice, a row or a button too many.
fn components(rows: &[Vec<Button>]) -> Vec<Value> {
    let mut taken = HashSet::new();
    let mut fits = |button: &&Button| {
        button.command.chars().count() <= CUSTOM_ID_CHARS_MAX
            && !button.label.trim().is_empty()
            && taken.insert(button.command.clone())
    };
    let rows = rows.iter().map(|row| row.iter().filter(&mut fits).collect::<Vec<_>>());
    let rows: Vec<_> = rows.collect();
    let pieces = rows.iter().flat_map(|row| row.chunks(ROW_BUTTONS_MAX)).take(ROWS_MAX);
    pieces.map(|row| json!({ "type": 1, "components": row.iter().copied().map(button).collect::<Vec<_>>() })).collect()
}

fn button(button: &Button) -> Value {
    let label: String = button.label.chars().take(LABEL_CHARS_MAX).collect();
    json!({ "type": 2, "style": 2, "label": label, "custom_id": button.command })
}
