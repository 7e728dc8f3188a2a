//! The wires' readers, and their words for errors, over any bytes. See [`crate::fuzzing`].

#![allow(clippy::missing_panics_doc, reason = "to panic is how these say that a promise is broken")]

use reqwest::header::HeaderMap;

use super::call::{Assemble, Progress};
use crate::fuzzing::read;
use crate::types::{Block, Completion, StreamEvent};
use crate::wire::{self, error};

/// No vendor's word for an error is longer when it is shown.
const WORDS_MAX_BYTES: usize = 8 * 1024;

/// Whether a wire tells the whole text again at its end, which then holds, whatever was streamed.
#[derive(Clone, Copy)]
enum LastWord {
    None,
    OfTheVendor,
}

/// The Messages API.
pub fn anthropic(data: &[u8]) {
    check(data, wire::anthropic::stream::Assembler::new("acme/m".into()), LastWord::None);
}

/// Chat Completions.
pub fn openai_chat(data: &[u8]) {
    check(data, wire::openai_chat::stream::Assembler::new("acme/m".into()), LastWord::None);
}

/// The Responses API.
pub fn openai_responses(data: &[u8]) {
    check(data, wire::openai_responses::stream::Assembler::new("acme/m".into()), LastWord::OfTheVendor);
}

/// Gemini's stream.
pub fn gemini(data: &[u8]) {
    check(data, wire::gemini::stream::Assembler::new("acme/m".into()), LastWord::None);
}

/// An error's body is put into few words, of the key that was sent none. The first two bytes are the status.
pub fn errors(data: &[u8]) {
    const KEY: &str = "sk-a-key-of-the-house";
    let Some((status, body)) = data.split_first_chunk() else { return };
    let failure = error::of_response(u16::from_be_bytes(*status), &HeaderMap::new(), body);
    let words = error::redact(&failure.kind.to_string(), KEY);
    assert!(words.len() <= WORDS_MAX_BYTES && !words.contains(KEY), "{words}");
    let unstreamed = error::of_unstreamed(body).to_string();
    assert!(unstreamed.len() <= WORDS_MAX_BYTES, "{unstreamed}");
}

/// Streams an answer and looks whether it is one.
fn check<A: Assemble>(data: &[u8], mut assembler: A, last_word: LastWord) {
    let mut out = Vec::new();
    for event in read([data]).0 {
        match assembler.accept(&event, &mut out) {
            Ok(Progress::More) => {}
            Ok(Progress::Complete) => break,
            Err(kind) => {
                assert!(kind.to_string().len() <= WORDS_MAX_BYTES, "{kind}");
                return;
            }
        }
    }
    if let Ok(Completion { blocks, .. }) = assembler.finish() {
        let streamed: String = out.iter().filter_map(said).collect();
        let kept: String = blocks.iter().filter_map(text).collect();
        match last_word {
            LastWord::None => assert_eq!(streamed, kept, "what was streamed is what is kept"),
            LastWord::OfTheVendor => assert!(kept.len() <= data.len(), "nothing is kept that did not come"),
        }
        for block in &blocks {
            if let Block::ToolUse(call) = block {
                assert!(call.input.is_object(), "arguments are an object: {call:?}");
                assert!(call.invalid.is_none() || call.input.as_object().is_some_and(serde_json::Map::is_empty));
            }
        }
    }
}

fn said(event: &StreamEvent) -> Option<&str> {
    match event {
        StreamEvent::TextDelta(text) => Some(text),
        _ => None,
    }
}

fn text(block: &Block) -> Option<&str> {
    match block {
        Block::Text { text } => Some(text),
        _ => None,
    }
}
