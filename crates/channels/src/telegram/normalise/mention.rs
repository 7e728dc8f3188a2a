//! Whether a text is meant for us, by Telegram's own marks in it. Offsets there count UTF-16 units.

use std::ops::Range;

use super::super::wire::{EntityType, MessageEntity};
use super::Us;
use crate::inbound::Mention;

/// Marks of one text, the limit of Telegram: each is looked for from the text's beginning.
const ENTITIES_MAX: usize = 100;

/// A text, and whom it is meant for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Addressed {
    /// Without our name at its beginning and behind its commands.
    pub(super) text: String,
    pub(super) mention: Mention,
}

/// Whom one mark names.
enum Named {
    Us,
    SomebodyElse,
    Nobody,
}

pub(super) fn read(text: &str, entities: &[MessageEntity], us: &Us) -> Addressed {
    let mut mention = Mention::default();
    // What is our name, and not what is said.
    let mut names: Vec<Range<usize>> = Vec::new();
    for entity in entities.iter().take(ENTITIES_MAX) {
        let Some(range) = bytes_of(text, entity) else { continue };
        let marked = &text[range.clone()];
        let whom = match entity.kind {
            EntityType::Mention => by_username(marked.strip_prefix('@'), us),
            EntityType::BotCommand => by_username(marked.split_once('@').map(|(_, name)| name), us),
            EntityType::TextMention => match &entity.user {
                Some(user) if user.id == us.id => Named::Us,
                Some(_) => Named::SomebodyElse,
                None => Named::Nobody,
            },
            EntityType::Other => Named::Nobody,
        };
        match whom {
            Named::Us if entity.kind == EntityType::BotCommand => {
                let at = marked.find('@').unwrap_or(marked.len());
                names.push(range.start + at..range.end);
                mention.us = true;
            }
            Named::Us => {
                if text[..range.start].trim().is_empty() {
                    names.push(0..end_of_address(text, range.end));
                }
                mention.us = true;
            }
            Named::SomebodyElse => mention.others = true,
            Named::Nobody => {}
        }
    }
    mention.others &= !mention.us;
    Addressed { text: without(text, names), mention }
}

fn by_username(name: Option<&str>, us: &Us) -> Named {
    match name {
        None => Named::Nobody,
        Some(name) if name.eq_ignore_ascii_case(&us.username) => Named::Us,
        Some(_) => Named::SomebodyElse,
    }
}

/// Behind `@us`, and behind the comma or colon that people put there.
fn end_of_address(text: &str, end: usize) -> usize {
    let rest = &text[end..];
    let said = rest.trim_start_matches([',', ':']).trim_start();
    text.len() - said.len()
}

fn without(text: &str, mut names: Vec<Range<usize>>) -> String {
    names.sort_by_key(|range| range.start);
    let mut rest = String::with_capacity(text.len());
    let mut at = 0;
    for name in names {
        if name.start >= at {
            rest.push_str(&text[at..name.start]);
            at = name.end;
        }
    }
    rest.push_str(&text[at..]);
    rest.trim().to_owned()
}

/// The bytes that a mark covers; `None` where it lies outside of the text or within a character.
fn bytes_of(text: &str, entity: &MessageEntity) -> Option<Range<usize>> {
    let start = entity.offset;
    let end = start.saturating_add(entity.length);
    let mut units = 0;
    let mut from = None;
    for (at, character) in text.char_indices().chain([(text.len(), '\0')]) {
        if units == start {
            from = Some(at);
        }
        if units == end {
            return from.map(|from| from..at);
        }
        units += character.len_utf16();
    }
    None
}
