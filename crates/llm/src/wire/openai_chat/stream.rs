//! Chat Completions chunks as one answer.

use serde_json::Value;

use crate::sse::Event;
use crate::types::{Block, Completion, LlmErrorKind, StopReason, StreamEvent, ThinkingBlock, Usage};
use crate::wire::call::{Assemble, Progress};
use crate::wire::error;
use crate::wire::parts::{self, PartialCall};

pub(in crate::wire) struct Assembler {
    origin: String,
    pieces: Vec<Piece>,
    response_id: Option<String>,
    usage: Usage,
    stop: Option<StopReason>,
}

enum Piece {
    Text(String),
    Thinking(String),
    /// With the server's number of the call, where it gives one.
    Call(Option<u64>, PartialCall),
}

impl Assembler {
    pub(in crate::wire) fn new(origin: String) -> Self {
        Self { origin, pieces: Vec::new(), response_id: None, usage: Usage::default(), stop: None }
    }

    fn take_delta(&mut self, delta: &Value, out: &mut Vec<StreamEvent>) {
        for name in ["reasoning_content", "reasoning"] {
            if let Some(text) = parts::text(delta, &[name]).filter(|text| !text.is_empty()) {
                self.take_thinking(text, out);
                break;
            }
        }
        match &delta["content"] {
            Value::String(text) => self.take_text(text, out),
            Value::Array(content) => content.iter().for_each(|part| self.take_part(part, out)),
            _ => {}
        }
        if let Some(text) = parts::text(delta, &["refusal"]) {
            self.take_text(text, out);
            self.stop = Some(StopReason::Refusal);
        }
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            self.take_call(call, out);
        }
    }

    /// Mistral's reasoning models send their content in parts.
    fn take_part(&mut self, part: &Value, out: &mut Vec<StreamEvent>) {
        if let Some(text) = parts::text(part, &["text"]) {
            self.take_text(text, out);
        }
        for thought in part["thinking"].as_array().into_iter().flatten() {
            if let Some(text) = parts::text(thought, &["text"]) {
                self.take_thinking(text, out);
            }
        }
    }

    fn take_text(&mut self, text: &str, out: &mut Vec<StreamEvent>) {
        if text.is_empty() {
            return;
        }
        match self.pieces.last_mut() {
            Some(Piece::Text(whole)) => whole.push_str(text),
            _ => self.pieces.push(Piece::Text(text.to_owned())),
        }
        out.push(StreamEvent::TextDelta(text.to_owned()));
    }

    fn take_thinking(&mut self, text: &str, out: &mut Vec<StreamEvent>) {
        match self.pieces.last_mut() {
            Some(Piece::Thinking(whole)) => whole.push_str(text),
            _ => self.pieces.push(Piece::Thinking(text.to_owned())),
        }
        out.push(StreamEvent::ThinkingDelta(text.to_owned()));
    }

    fn take_call(&mut self, delta: &Value, out: &mut Vec<StreamEvent>) {
        let index = delta["index"].as_u64();
        let id = parts::text(delta, &["id"]).unwrap_or_default();
        let name = parts::text(delta, &["function", "name"]).unwrap_or_default();
        let json = match &delta["function"]["arguments"] {
            Value::String(json) => json.clone(),
            // Some servers send the arguments as the object that they are.
            Value::Object(arguments) => serde_json::to_string(arguments).unwrap_or_default(),
            _ => String::new(),
        };
        if self.open_call(index, id, name).is_none() {
            let id = if id.is_empty() { parts::fresh_id() } else { id.to_owned() };
            out.push(StreamEvent::ToolUseStart { id: id.clone(), name: name.to_owned() });
            let call = PartialCall { id, name: name.to_owned(), ..PartialCall::default() };
            self.pieces.push(Piece::Call(index, call));
        }
        let Some(call) = self.open_call(index, id, "") else { return };
        if !json.is_empty() {
            call.json.push_str(&json);
            out.push(StreamEvent::ToolUseDelta { id: call.id.clone(), partial_json: json });
        }
    }

    /// The call that a delta continues. Servers that number badly (always 0, or not at all) still change the id.
    fn open_call(&mut self, index: Option<u64>, id: &str, name: &str) -> Option<&mut PartialCall> {
        let found = self.pieces.iter_mut().rev().find_map(|piece| match piece {
            Piece::Call(number, call) if *number == index => Some(call),
            _ => None,
        })?;
        let continues = if id.is_empty() { index.is_some() || name.is_empty() } else { id == found.id };
        continues.then_some(found)
    }

    fn take_usage(&mut self, usage: &Value) {
        // OpenAI and most: details; DeepSeek: hits of its cache; Moonshot: a plain number.
        let cache_read = parts::count(usage, &["prompt_tokens_details", "cached_tokens"])
            .max(parts::count(usage, &["prompt_cache_hit_tokens"]))
            .max(parts::count(usage, &["cached_tokens"]));
        let cache_write = parts::count(usage, &["prompt_tokens_details", "cache_write_tokens"]);
        self.usage = Usage {
            input: parts::count(usage, &["prompt_tokens"]).saturating_sub(cache_read + cache_write),
            output: parts::count(usage, &["completion_tokens"]),
            cache_read,
            cache_write,
        };
    }
}

impl Assemble for Assembler {
    fn accept(&mut self, event: &Event, out: &mut Vec<StreamEvent>) -> Result<Progress, LlmErrorKind> {
        if event.data.trim() == "[DONE]" {
            self.stop.get_or_insert(StopReason::EndTurn);
            return Ok(Progress::Complete);
        }
        let chunk: Value = serde_json::from_str(&event.data)
            .map_err(|error| error::protocol(format!("a chunk is not JSON: {error}")))?;
        if chunk.get("error").is_some_and(|error| !error.is_null()) || event.name == "error" {
            return Err(error::in_stream(&chunk));
        }
        if self.response_id.is_none() {
            self.response_id = parts::text(&chunk, &["id"]).filter(|id| !id.is_empty()).map(str::to_owned);
        }
        if chunk["usage"].is_object() {
            self.take_usage(&chunk["usage"]);
        }
        // Only one choice was asked for.
        let Some(choice) = chunk["choices"].as_array().and_then(|choices| choices.first()) else {
            return Ok(Progress::More);
        };
        self.take_delta(&choice["delta"], out);
        if choice["usage"].is_object() {
            self.take_usage(&choice["usage"]);
        }
        if let Some(said) = parts::text(choice, &["finish_reason"]).filter(|said| !said.is_empty()) {
            if matches!(said, "error" | "insufficient_system_resource") {
                return Err(LlmErrorKind::Server { message: format!("the provider ended its answer with `{said}`") });
            }
            let refused = self.stop == Some(StopReason::Refusal);
            self.stop = Some(if refused { StopReason::Refusal } else { stop_reason(said) });
        }
        Ok(Progress::More)
    }

    fn finish(self) -> Result<Completion, LlmErrorKind> {
        let stop = self.stop.ok_or_else(error::cut_short)?;
        let origin = self.origin;
        let blocks: Vec<Block> = self
            .pieces
            .into_iter()
            .map(|piece| match piece {
                Piece::Text(text) => Block::Text { text },
                Piece::Call(_, call) => Block::ToolUse(call.finish()),
                Piece::Thinking(text) => Block::Thinking(ThinkingBlock {
                    text,
                    signature: None,
                    redacted: false,
                    id: None,
                    origin: origin.clone(),
                }),
            })
            .collect();
        let stop = parts::stop_reason(stop, &blocks);
        Ok(Completion { blocks, stop, usage: self.usage, response_id: self.response_id })
    }
}

fn stop_reason(said: &str) -> StopReason {
    match said {
        "length" | "model_length" => StopReason::MaxTokens,
        "content_filter" | "sensitive" => StopReason::Refusal,
        // `stop`, `tool_calls`, `eos` and whatever else a server says when all went well; calls are seen in the answer.
        _ => StopReason::EndTurn,
    }
}
