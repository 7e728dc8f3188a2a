//! The built-in guide: what answers while no model is configured.
//!
//! Owns answers from the project's own documentation, read-only tool calls on request, and the plain statement of what it is.
//! It is no language model and never pretends to be one. No network, no clock, no randomness: the same request gives the same answer.

mod answer;
mod intent;
mod passages;
mod words;

#[cfg(test)]
mod tests;

use futures_util::stream;

use crate::{Block, Completion, EventStream, Provider, Request, StopReason, StreamEvent, ToolUse, Usage};

const PROVIDER: &str = "chela";
const MODEL: &str = "guide";

/// Characters per delta: small enough that the answer is seen to come, large enough to cost few events.
const DELTA_CHARS: usize = 48;

/// The provider behind [`crate::GUIDE`].
#[derive(Debug, Clone, Copy, Default)]
pub struct Guide;

impl Guide {
    pub fn new() -> Self {
        Self
    }
}

impl Provider for Guide {
    fn stream(&self, request: Request) -> EventStream {
        let events = events(answer::answer(&request));
        Box::pin(stream::iter(events.into_iter().map(Ok)))
    }
}

/// What the guide does with a request.
#[derive(Debug, PartialEq)]
struct Reply {
    text: String,
    tool: Option<ToolUse>,
}

fn events(reply: Reply) -> Vec<StreamEvent> {
    let mut events = vec![StreamEvent::Started { provider: PROVIDER.to_owned(), model: MODEL.to_owned() }];
    events.extend(deltas(&reply.text).map(|delta| StreamEvent::TextDelta(delta.to_owned())));
    let mut blocks = Vec::new();
    if !reply.text.is_empty() {
        blocks.push(Block::Text { text: reply.text });
    }
    let mut stop = StopReason::EndTurn;
    if let Some(tool) = reply.tool {
        stop = StopReason::ToolUse;
        events.push(StreamEvent::ToolUseStart { id: tool.id.clone(), name: tool.name.clone() });
        events.push(StreamEvent::ToolUseDelta { id: tool.id.clone(), partial_json: tool.input.to_string() });
        blocks.push(Block::ToolUse(tool));
    }
    // Nobody bills the guide: its usage is zero.
    events.push(StreamEvent::Done(Completion { blocks, stop, usage: Usage::default(), response_id: None }));
    events
}

/// Cuts a text into pieces of about [`DELTA_CHARS`] that end behind a blank.
fn deltas(mut text: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        if text.is_empty() {
            return None;
        }
        let cut = text
            .char_indices()
            .skip(DELTA_CHARS)
            .find(|(_, letter)| letter.is_whitespace())
            .map_or(text.len(), |(at, letter)| at + letter.len_utf8());
        let (piece, rest) = text.split_at(cut);
        text = rest;
        Some(piece)
    })
}
