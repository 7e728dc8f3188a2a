//! Responses events as one answer.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::sse::Event;
use crate::types::{Block, Completion, LlmErrorKind, StopReason, StreamEvent, ThinkingBlock, Usage};
use crate::wire::call::{Assemble, Progress};
use crate::wire::error;
use crate::wire::parts::{self, PartialCall};

pub(in crate::wire) struct Assembler {
    origin: String,
    /// By the vendor's number of the item.
    pieces: BTreeMap<u64, Piece>,
    response_id: Option<String>,
    usage: Usage,
    stop: Option<StopReason>,
}

enum Piece {
    Text { text: String, refusal: bool },
    Thinking { text: String, id: Option<String>, encrypted: Option<String> },
    Call(PartialCall),
}

impl Assembler {
    pub(in crate::wire) fn new(origin: String) -> Self {
        Self { origin, pieces: BTreeMap::new(), response_id: None, usage: Usage::default(), stop: None }
    }

    fn begin_item(&mut self, index: u64, item: &Value, out: &mut Vec<StreamEvent>) {
        let text = |name: &str| parts::text(item, &[name]).map(str::to_owned);
        let piece = match item["type"].as_str() {
            Some("message") => Piece::Text { text: String::new(), refusal: false },
            Some("reasoning") => Piece::Thinking { text: String::new(), id: text("id"), encrypted: None },
            Some("function_call") => {
                let id = text("call_id").or_else(|| text("id")).unwrap_or_else(parts::fresh_id);
                let name = text("name").unwrap_or_default();
                out.push(StreamEvent::ToolUseStart { id: id.clone(), name: name.clone() });
                Piece::Call(PartialCall { id, name, ..PartialCall::default() })
            }
            // The vendor's own tools, which nobody asked for here.
            _ => return,
        };
        self.pieces.insert(index, piece);
    }

    fn take_delta(&mut self, kind: &str, index: u64, delta: &str, out: &mut Vec<StreamEvent>) {
        if delta.is_empty() {
            return;
        }
        match (self.pieces.get_mut(&index), kind) {
            (Some(Piece::Text { text, refusal }), "output_text" | "refusal") => {
                *refusal |= kind == "refusal";
                text.push_str(delta);
                out.push(StreamEvent::TextDelta(delta.to_owned()));
            }
            (Some(Piece::Thinking { text, .. }), "reasoning_summary_text" | "reasoning_text") => {
                text.push_str(delta);
                out.push(StreamEvent::ThinkingDelta(delta.to_owned()));
            }
            (Some(Piece::Call(call)), "function_call_arguments") => {
                call.json.push_str(delta);
                out.push(StreamEvent::ToolUseDelta { id: call.id.clone(), partial_json: delta.to_owned() });
            }
            _ => {}
        }
    }

    /// A reasoning summary may have several parts; they become one text.
    fn begin_summary_part(&mut self, index: u64, out: &mut Vec<StreamEvent>) {
        if let Some(Piece::Thinking { text, .. }) = self.pieces.get_mut(&index)
            && !text.is_empty()
        {
            text.push_str("\n\n");
            out.push(StreamEvent::ThinkingDelta("\n\n".into()));
        }
    }

    /// The finished item is the truth; deltas only made it visible.
    fn end_item(&mut self, index: u64, item: &Value, out: &mut Vec<StreamEvent>) {
        if !self.pieces.contains_key(&index) {
            self.begin_item(index, item, out);
        }
        match self.pieces.get_mut(&index) {
            Some(Piece::Text { text, .. }) => {
                let whole = joined(&item["content"], "");
                if text.is_empty() && !whole.is_empty() {
                    out.push(StreamEvent::TextDelta(whole.clone()));
                }
                if !whole.is_empty() {
                    *text = whole;
                }
            }
            Some(Piece::Thinking { text, id, encrypted }) => {
                *encrypted = parts::text(item, &["encrypted_content"]).map(str::to_owned);
                *id = parts::text(item, &["id"]).map(str::to_owned).or(id.take());
                let summary = joined(&item["summary"], "\n\n");
                if !summary.is_empty() {
                    *text = summary;
                }
            }
            Some(Piece::Call(call)) => {
                if let Some(arguments) = parts::text(item, &["arguments"]).filter(|text| !text.is_empty()) {
                    arguments.clone_into(&mut call.json);
                }
            }
            None => {}
        }
    }

    fn end(&mut self, response: &Value, stop: StopReason) -> Progress {
        let usage = &response["usage"];
        let cache_read = parts::count(usage, &["input_tokens_details", "cached_tokens"]);
        let cache_write = parts::count(usage, &["input_tokens_details", "cache_write_tokens"]);
        self.usage = Usage {
            input: parts::count(usage, &["input_tokens"]).saturating_sub(cache_read + cache_write),
            output: parts::count(usage, &["output_tokens"]),
            cache_read,
            cache_write,
        };
        self.stop = Some(stop);
        Progress::Complete
    }
}

impl Assemble for Assembler {
    fn accept(&mut self, event: &Event, out: &mut Vec<StreamEvent>) -> Result<Progress, LlmErrorKind> {
        // Some proxies add the older API's last line.
        if event.data.trim() == "[DONE]" {
            return Ok(Progress::More);
        }
        let data: Value = serde_json::from_str(&event.data)
            .map_err(|error| error::protocol(format!("an event is not JSON: {error}")))?;
        let index = data["output_index"].as_u64().unwrap_or(0);
        let response = &data["response"];
        match data["type"].as_str().unwrap_or(&event.name) {
            "response.created" => self.response_id = parts::text(response, &["id"]).map(str::to_owned),
            "response.output_item.added" => self.begin_item(index, &data["item"], out),
            "response.output_item.done" => self.end_item(index, &data["item"], out),
            "response.reasoning_summary_part.added" => self.begin_summary_part(index, out),
            "response.completed" => return Ok(self.end(response, StopReason::EndTurn)),
            "response.incomplete" => {
                let filtered = parts::text(response, &["incomplete_details", "reason"]) == Some("content_filter");
                let stop = if filtered { StopReason::Refusal } else { StopReason::MaxTokens };
                return Ok(self.end(response, stop));
            }
            "response.failed" => return Err(error::in_stream(&response["error"])),
            "error" => return Err(error::in_stream(&data)),
            other => {
                if let Some(kind) = other.strip_prefix("response.").and_then(|kind| kind.strip_suffix(".delta")) {
                    self.take_delta(kind, index, parts::text(&data, &["delta"]).unwrap_or_default(), out);
                }
            }
        }
        Ok(Progress::More)
    }

    fn finish(self) -> Result<Completion, LlmErrorKind> {
        let mut stop = self.stop.ok_or_else(error::cut_short)?;
        let mut blocks = Vec::new();
        for piece in self.pieces.into_values() {
            match piece {
                Piece::Text { text, refusal } => {
                    if refusal && stop == StopReason::EndTurn {
                        stop = StopReason::Refusal;
                    }
                    if !text.is_empty() {
                        blocks.push(Block::Text { text });
                    }
                }
                Piece::Thinking { text, id, encrypted } => {
                    // With neither words nor content there is nothing to show and nothing to replay.
                    if !text.is_empty() || encrypted.is_some() {
                        let origin = self.origin.clone();
                        let thought = ThinkingBlock { text, signature: encrypted, redacted: false, id, origin };
                        blocks.push(Block::Thinking(thought));
                    }
                }
                Piece::Call(call) => blocks.push(Block::ToolUse(call.finish())),
            }
        }
        let stop = parts::stop_reason(stop, &blocks);
        Ok(Completion { blocks, stop, usage: self.usage, response_id: self.response_id })
    }
}

/// The texts (or refusals) of parts.
fn joined(content: &Value, between: &str) -> String {
    let texts = content.as_array().into_iter().flatten();
    let texts = texts.filter_map(|part| parts::text(part, &["text"]).or_else(|| parts::text(part, &["refusal"])));
    texts.collect::<Vec<_>>().join(between)
}
