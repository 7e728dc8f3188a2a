//! Items as a scribe reads them: plain words, with long ones cut in the middle and everything that is no text named.

use std::fmt::Write as _;

use chela_llm::{Block, Media};
use chela_store::Item;

use crate::transcript::{AssistantBody, BYTES_PER_TEN_TOKENS, ItemBody, NoteKind, ToolResultEntry, UserBody};

/// Longest part of what somebody said, in bytes.
const SAID_MAX_BYTES: usize = 12_000;
/// Longest part of a tool's result.
const RESULT_MAX_BYTES: usize = 2_000;
/// Longest part of a call's arguments.
const ARGUMENTS_MAX_BYTES: usize = 600;

/// What is read of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    Everything,
    /// Only what the owner and the assistant said: no calls, and nothing that came from others or through a tool.
    Said,
}

/// Bytes of text that so many tokens are.
pub(super) fn bytes_of_tokens(tokens: u64) -> usize {
    usize::try_from(tokens.saturating_mul(BYTES_PER_TEN_TOKENS) / 10).unwrap_or(usize::MAX)
}

/// An item in words, ending with an empty line; empty when it has none. No text in it takes more than `most` bytes.
pub(super) fn of(item: &Item, reading: Reading, most: usize) -> String {
    let mut words = String::new();
    match ItemBody::of(item) {
        // Of what others said, or the owner only passed on, nothing may become a rule for ever.
        Some(ItemBody::User(body))
            if reading == Reading::Said && !(body.sender_is_owner && body.untrusted.is_empty()) => {}
        Some(ItemBody::User(body)) => said_by_user(&mut words, &body, most),
        Some(ItemBody::Assistant(body)) => said_by_assistant(&mut words, &body, reading, most),
        Some(ItemBody::ToolResults(body)) if reading == Reading::Everything => {
            body.results.iter().for_each(|entry| result(&mut words, entry, most));
        }
        Some(ItemBody::Note(body)) if body.kind == NoteKind::Injected => {
            let _ = writeln!(words, "ASSISTANT: {}\n", shortened(&body.text, SAID_MAX_BYTES.min(most)));
        }
        // Summaries are handed over by themselves, and notes are for people.
        Some(ItemBody::ToolResults(_) | ItemBody::Note(_) | ItemBody::Compaction(_)) | None => {}
    }
    words
}

fn said_by_user(words: &mut String, body: &UserBody, most: usize) {
    let name = body.origin.sender_name.as_deref().map_or_else(String::new, |name| format!(" ({name})"));
    let day = body.day.as_deref().map_or_else(String::new, |day| format!(" [{day}]"));
    let _ = writeln!(words, "USER{name}{day}: {}", shortened(&body.text, SAID_MAX_BYTES.min(most)));
    body.media.iter().for_each(|media| named(words, media));
    words.push('\n');
}

fn said_by_assistant(words: &mut String, body: &AssistantBody, reading: Reading, most: usize) {
    for block in &body.blocks {
        match block {
            Block::Text { text } if !text.trim().is_empty() => {
                let _ = writeln!(words, "ASSISTANT: {}", shortened(text, SAID_MAX_BYTES.min(most)));
            }
            Block::ToolUse(call) if reading == Reading::Everything && body.cut.is_none() => {
                let arguments = call.input.to_string();
                let arguments = shortened(&arguments, ARGUMENTS_MAX_BYTES.min(most));
                let _ = writeln!(words, "ASSISTANT CALLS {}: {arguments}", call.name);
            }
            Block::Media(media) => named(words, media),
            Block::Text { .. } | Block::Thinking(_) | Block::ToolUse(_) | Block::ToolResult(_) => {}
        }
    }
    if !words.is_empty() {
        words.push('\n');
    }
}

fn result(words: &mut String, entry: &ToolResultEntry, most: usize) {
    let result = &entry.result;
    let what = if result.is_error { "ERROR OF" } else { "RESULT OF" };
    let from = if entry.untrusted.is_some() { " (from outside)" } else { "" };
    let _ = writeln!(words, "{what} {}{from}: {}", result.name, shortened(&result.text, RESULT_MAX_BYTES.min(most)));
    result.media.iter().for_each(|media| named(words, media));
    words.push('\n');
}

fn named(words: &mut String, media: &Media) {
    let name = media.name.as_deref().unwrap_or("without a name");
    let _ = writeln!(words, "[file {name} ({})]", media.mime);
}

/// Three quarters of the room are the beginning's, the rest the end's.
fn shortened(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let head = text.floor_char_boundary(most / 4 * 3);
    let tail = text.ceil_char_boundary(text.len() - most / 4);
    format!("{} […] {}", &text[..head], &text[tail..])
}
