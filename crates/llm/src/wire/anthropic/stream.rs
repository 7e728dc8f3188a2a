//! Messages events as one answer.

use serde_json::Value;

use crate::sse::Event;
use crate::types::{Block, Completion, LlmErrorKind, StopReason, StreamEvent, ThinkingBlock, Usage};
use crate::wire::call::{Assemble, Progress};
use crate::wire::error;
use crate::wire::parts::{self, PartialCall};

pub(in crate::wire) struct Assembler {
    origin: String,
    /// With the vendor's number of the block.
    pieces: Vec<(u64, Piece)>,
    response_id: Option<String>,
    usage: Usage,
    stop: Option<StopReason>,
    ended: bool,
}

enum Piece {
    Text(String),
    Thinking {
        text: String,
        signature: String,
    },
    Redacted(String),
    Call(PartialCall),
    /// Of a kind that this wire asks for nowhere.
    Other,
}

impl Assembler {
    pub(in crate::wire) fn new(origin: String) -> Self {
        let (pieces, usage) = (Vec::new(), Usage::default());
        Self { origin, pieces, response_id: None, usage, stop: None, ended: false }
    }

    fn begin_block(&mut self, data: &Value, out: &mut Vec<StreamEvent>) {
        let block = &data["content_block"];
        let text = |name: &str| parts::text(block, &[name]).unwrap_or_default().to_owned();
        let piece = match block["type"].as_str() {
            Some("text") => {
                if !text("text").is_empty() {
                    out.push(StreamEvent::TextDelta(text("text")));
                }
                Piece::Text(text("text"))
            }
            Some("thinking") => Piece::Thinking { text: text("thinking"), signature: text("signature") },
            Some("redacted_thinking") => Piece::Redacted(text("data")),
            Some("tool_use") => {
                out.push(StreamEvent::ToolUseStart { id: text("id"), name: text("name") });
                // Compatible servers may send the whole input at once.
                let whole = block["input"].as_object().filter(|input| !input.is_empty());
                let json = whole.map(|_| block["input"].to_string()).unwrap_or_default();
                Piece::Call(PartialCall { id: text("id"), name: text("name"), json, signature: None })
            }
            _ => Piece::Other,
        };
        self.pieces.push((data["index"].as_u64().unwrap_or(0), piece));
    }

    fn continue_block(&mut self, data: &Value, out: &mut Vec<StreamEvent>) -> Result<(), LlmErrorKind> {
        let index = data["index"].as_u64().unwrap_or(0);
        let piece = self.pieces.iter_mut().rev().find(|(number, _)| *number == index);
        let Some((_, piece)) = piece else {
            return Err(error::protocol(format!("a delta for block {index}, which has not begun")));
        };
        let delta = &data["delta"];
        let text = |name: &str| parts::text(delta, &[name]).unwrap_or_default();
        match (piece, delta["type"].as_str()) {
            (Piece::Text(whole), Some("text_delta")) => {
                whole.push_str(text("text"));
                out.push(StreamEvent::TextDelta(text("text").to_owned()));
            }
            (Piece::Thinking { text: whole, .. }, Some("thinking_delta")) => {
                whole.push_str(text("thinking"));
                out.push(StreamEvent::ThinkingDelta(text("thinking").to_owned()));
            }
            (Piece::Thinking { signature, .. }, Some("signature_delta")) => signature.push_str(text("signature")),
            (Piece::Call(call), Some("input_json_delta")) => {
                let partial_json = text("partial_json").to_owned();
                call.json.push_str(&partial_json);
                if !partial_json.is_empty() {
                    out.push(StreamEvent::ToolUseDelta { id: call.id.clone(), partial_json });
                }
            }
            // Citations and whatever else is added to blocks.
            _ => {}
        }
        Ok(())
    }

    /// Counts are cumulative and come in two events; a field that is absent keeps its value.
    fn take_usage(&mut self, usage: &Value) {
        let fields = [
            ("input_tokens", &mut self.usage.input),
            ("output_tokens", &mut self.usage.output),
            ("cache_read_input_tokens", &mut self.usage.cache_read),
            ("cache_creation_input_tokens", &mut self.usage.cache_write),
        ];
        for (name, count) in fields {
            if let Some(said) = usage[name].as_u64() {
                *count = said;
            }
        }
    }
}

impl Assemble for Assembler {
    fn accept(&mut self, event: &Event, out: &mut Vec<StreamEvent>) -> Result<Progress, LlmErrorKind> {
        let data: Value = serde_json::from_str(&event.data)
            .map_err(|error| error::protocol(format!("an event is not JSON: {error}")))?;
        match data["type"].as_str().unwrap_or(&event.name) {
            "message_start" => {
                self.response_id = parts::text(&data, &["message", "id"]).map(str::to_owned);
                self.take_usage(&data["message"]["usage"]);
            }
            "content_block_start" => self.begin_block(&data, out),
            "content_block_delta" => self.continue_block(&data, out)?,
            "message_delta" => {
                self.stop = parts::text(&data, &["delta", "stop_reason"]).map(stop_reason).or(self.stop);
                self.take_usage(&data["usage"]);
            }
            "message_stop" => {
                self.ended = true;
                return Ok(Progress::Complete);
            }
            "error" => return Err(error::in_stream(&data)),
            // Pings, ends of blocks, and what is added later.
            _ => {}
        }
        Ok(Progress::More)
    }

    fn finish(self) -> Result<Completion, LlmErrorKind> {
        if !self.ended {
            return Err(error::cut_short());
        }
        let origin = self.origin;
        let thought = |text, signature: String, redacted| {
            let signature = Some(signature).filter(|signature| !signature.is_empty());
            Block::Thinking(ThinkingBlock { text, signature, redacted, id: None, origin: origin.clone() })
        };
        let blocks: Vec<Block> = self
            .pieces
            .into_iter()
            .filter_map(|(_, piece)| match piece {
                Piece::Text(text) => (!text.is_empty()).then_some(Block::Text { text }),
                Piece::Thinking { text, signature } => Some(thought(text, signature, false)),
                Piece::Redacted(data) => Some(thought(String::new(), data, true)),
                Piece::Call(call) => Some(Block::ToolUse(call.finish())),
                Piece::Other => None,
            })
            .collect();
        let stop = parts::stop_reason(self.stop.unwrap_or(StopReason::EndTurn), &blocks);
        Ok(Completion { blocks, stop, usage: self.usage, response_id: self.response_id })
    }
}

fn stop_reason(said: &str) -> StopReason {
    match said {
        "tool_use" => StopReason::ToolUse,
        "max_tokens" | "model_context_window_exceeded" => StopReason::MaxTokens,
        "refusal" => StopReason::Refusal,
        // `end_turn`, `stop_sequence`, `pause_turn`, and what is added later.
        _ => StopReason::EndTurn,
    }
}
