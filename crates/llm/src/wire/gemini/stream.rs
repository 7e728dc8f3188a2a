//! `streamGenerateContent` chunks as one answer.

use serde_json::Value;

use super::seal;
use crate::sse::Event;
use crate::types::{Block, Completion, LlmErrorKind, StopReason, StreamEvent, ThinkingBlock, ToolUse, Usage};
use crate::wire::call::{Assemble, Progress};
use crate::wire::error;
use crate::wire::parts;

pub(in crate::wire) struct Assembler {
    origin: String,
    pieces: Vec<Piece>,
    response_id: Option<String>,
    usage: Usage,
    stop: Option<StopReason>,
}

enum Piece {
    Text { text: String, signature: Option<String> },
    Thinking { text: String, signature: Option<String> },
    Call(ToolUse),
}

impl Assembler {
    pub(in crate::wire) fn new(origin: String) -> Self {
        Self { origin, pieces: Vec::new(), response_id: None, usage: Usage::default(), stop: None }
    }

    fn take_part(&mut self, part: &Value, out: &mut Vec<StreamEvent>) {
        let signature = parts::text(part, &["thoughtSignature"]).map(str::to_owned);
        if part["functionCall"].is_object() {
            self.take_call(&part["functionCall"], signature.as_deref(), out);
        } else if let Some(text) = parts::text(part, &["text"]) {
            if part["thought"] == true {
                self.take_thinking(text, signature, out);
            } else {
                self.take_text(text, signature, out);
            }
        }
    }

    fn take_call(&mut self, call: &Value, signature: Option<&str>, out: &mut Vec<StreamEvent>) {
        let id = parts::text(call, &["id"]).filter(|id| !id.is_empty()).map_or_else(parts::fresh_id, str::to_owned);
        let name = parts::text(call, &["name"]).unwrap_or_default().to_owned();
        let (input, invalid) = match &call["args"] {
            Value::Null => parts::arguments(String::new()),
            args => parts::arguments(args.to_string()),
        };
        out.push(StreamEvent::ToolUseStart { id: id.clone(), name: name.clone() });
        out.push(StreamEvent::ToolUseDelta { id: id.clone(), partial_json: input.to_string() });
        let signature = signature.map(|signature| seal(&self.origin, signature));
        self.pieces.push(Piece::Call(ToolUse { id, name, input, invalid, signature }));
    }

    /// A thought that is signed itself ends with the signature, sometimes in an empty part.
    fn take_thinking(&mut self, text: &str, signature: Option<String>, out: &mut Vec<StreamEvent>) {
        if text.is_empty() && signature.is_none() {
            return;
        }
        match self.pieces.last_mut() {
            Some(Piece::Thinking { text: whole, signature: known @ None }) => {
                whole.push_str(text);
                *known = signature;
            }
            _ => self.pieces.push(Piece::Thinking { text: text.to_owned(), signature }),
        }
        if !text.is_empty() {
            out.push(StreamEvent::ThinkingDelta(text.to_owned()));
        }
    }

    /// The signature of a text comes with its last piece, sometimes with an empty one.
    fn take_text(&mut self, text: &str, signature: Option<String>, out: &mut Vec<StreamEvent>) {
        if text.is_empty() && signature.is_none() {
            return;
        }
        match self.pieces.last_mut() {
            Some(Piece::Text { text: whole, signature: known }) => {
                whole.push_str(text);
                *known = signature.or(known.take());
            }
            _ => self.pieces.push(Piece::Text { text: text.to_owned(), signature }),
        }
        if !text.is_empty() {
            out.push(StreamEvent::TextDelta(text.to_owned()));
        }
    }

    fn take_usage(&mut self, usage: &Value) {
        let cache_read = parts::count(usage, &["cachedContentTokenCount"]);
        self.usage = Usage {
            input: parts::count(usage, &["promptTokenCount"]).saturating_sub(cache_read),
            output: parts::count(usage, &["candidatesTokenCount"]) + parts::count(usage, &["thoughtsTokenCount"]),
            cache_read,
            cache_write: 0,
        };
    }
}

impl Assemble for Assembler {
    fn accept(&mut self, event: &Event, out: &mut Vec<StreamEvent>) -> Result<Progress, LlmErrorKind> {
        let chunk: Value = serde_json::from_str(&event.data)
            .map_err(|error| error::protocol(format!("a chunk is not JSON: {error}")))?;
        if chunk.get("error").is_some() {
            return Err(error::in_stream(&chunk));
        }
        if self.response_id.is_none() {
            self.response_id = parts::text(&chunk, &["responseId"]).map(str::to_owned);
        }
        if chunk["usageMetadata"].is_object() {
            self.take_usage(&chunk["usageMetadata"]);
        }
        if parts::text(&chunk, &["promptFeedback", "blockReason"]).is_some() {
            self.stop = Some(StopReason::Refusal);
        }
        let Some(candidate) = chunk["candidates"].as_array().and_then(|candidates| candidates.first()) else {
            return Ok(Progress::More);
        };
        for part in candidate["content"]["parts"].as_array().into_iter().flatten() {
            self.take_part(part, out);
        }
        if let Some(said) = parts::text(candidate, &["finishReason"]) {
            self.stop = Some(stop_reason(said)?);
        }
        // The end of the stream is the only end: usage may follow the reason.
        Ok(Progress::More)
    }

    fn finish(self) -> Result<Completion, LlmErrorKind> {
        let stop = self.stop.ok_or_else(error::cut_short)?;
        let origin = self.origin;
        let mut blocks: Vec<Block> = Vec::new();
        for piece in self.pieces {
            match piece {
                Piece::Thinking { text, signature } => blocks.push(thought(text, signature, &origin)),
                Piece::Call(call) => blocks.push(Block::ToolUse(call)),
                Piece::Text { text, signature } => {
                    // A text has no room for its signature; a thought without words before it has.
                    if let Some(signature) = signature {
                        blocks.push(thought(String::new(), Some(signature), &origin));
                    }
                    if !text.is_empty() {
                        blocks.push(Block::Text { text });
                    }
                }
            }
        }
        let stop = parts::stop_reason(stop, &blocks);
        Ok(Completion { blocks, stop, usage: self.usage, response_id: self.response_id })
    }
}

fn thought(text: String, signature: Option<String>, origin: &str) -> Block {
    Block::Thinking(ThinkingBlock { text, signature, redacted: false, id: None, origin: origin.to_owned() })
}

fn stop_reason(said: &str) -> Result<StopReason, LlmErrorKind> {
    match said {
        "MAX_TOKENS" => Ok(StopReason::MaxTokens),
        "SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" | "LANGUAGE" | "IMAGE_SAFETY" => {
            Ok(StopReason::Refusal)
        }
        // The model wrote a call that the vendor could not read; another try usually goes well.
        "MALFORMED_FUNCTION_CALL" | "UNEXPECTED_TOOL_CALL" | "MALFORMED_RESPONSE" | "MISSING_THOUGHT_SIGNATURE" => {
            Err(error::protocol(format!("the model ended with {said}")))
        }
        _ => Ok(StopReason::EndTurn),
    }
}
