//! A response as `/v1/responses` shows it: whole, or as the events of a stream.
//!
//! Its output is the message, where the agent said something, and behind it the calls that the client is asked to make.

use std::convert::Infallible;

use axum::response::sse::Event;
use chela_llm::{StopReason, ToolUse, Usage};
use futures_util::{Stream, StreamExt, stream};
use serde_json::{Value, json};

use super::error::ApiError;
use super::run::{Answer, Following, Piece};
use super::tools::arguments;

/// What every event of one response repeats.
pub(super) struct Resource {
    /// `resp_…`, the id of the run.
    pub id: String,
    /// Unix seconds.
    pub created: i64,
    pub model: String,
    pub instructions: Option<String>,
    pub previous: Option<String>,
    pub metadata: Value,
    pub tools: Vec<Value>,
    pub tool_choice: Value,
}

/// What a stream has told so far.
struct Told {
    resource: Resource,
    /// The number of the next event.
    next: u64,
    text: String,
    /// The message was begun.
    is_open: bool,
}

/// The events of a streamed response, in OpenAI's order. Dropping the stream stops the turn.
pub(super) fn events(resource: Resource, following: Following) -> impl Stream<Item = Result<Event, Infallible>> {
    let mut told = Told { resource, next: 0, text: String::new(), is_open: false };
    let first = told.opening();
    let rest = stream::unfold(Some((told, following)), |state| async move {
        let (mut told, mut following) = state?;
        Some(match following.next().await {
            Ok(Piece::Text(delta)) => (told.said(&delta), Some((told, following))),
            Ok(Piece::End(answer)) => (told.closing(&answer), None),
            Err(error) => (told.failed(&error), None),
        })
    });
    stream::iter(first).chain(rest.flat_map(stream::iter)).map(Ok)
}

impl Told {
    fn opening(&mut self) -> Vec<Event> {
        let begun = json!({ "response": self.resource.response("in_progress", &[], None) });
        vec![self.event("response.created", begun.clone()), self.event("response.in_progress", begun)]
    }

    fn said(&mut self, delta: &str) -> Vec<Event> {
        let mut events = self.open();
        self.text.push_str(delta);
        let payload = self.resource.at(json!({ "delta": delta, "logprobs": [] }));
        events.push(self.event("response.output_text.delta", payload));
        events
    }

    /// Begins the message, unless it is begun. An answer that only calls has none.
    fn open(&mut self) -> Vec<Event> {
        if std::mem::replace(&mut self.is_open, true) {
            return Vec::new();
        }
        let item = self.resource.message("in_progress", None);
        let part = self.resource.at(json!({ "part": text_part("") }));
        vec![
            self.event("response.output_item.added", json!({ "output_index": 0, "item": item })),
            self.event("response.content_part.added", part),
        ]
    }

    fn closing(&mut self, answer: &Answer) -> Vec<Event> {
        let mut events = Vec::new();
        // An answer that came in one piece has had no delta yet.
        if self.text.is_empty() && !answer.text.is_empty() {
            events.extend(self.said(&answer.text));
        } else if answer.calls.is_empty() {
            events.extend(self.open());
        }
        if self.is_open {
            events.extend(self.close(answer));
        }
        let first = usize::from(self.is_open);
        for (index, call) in answer.calls.iter().enumerate() {
            events.extend(self.call(first + index, index, call));
        }
        let kind = match status_of(answer.stop) {
            "completed" => "response.completed",
            _ => "response.incomplete",
        };
        let response = self.resource.finished(answer);
        events.push(self.event(kind, json!({ "response": response })));
        events.push(Event::default().data("[DONE]"));
        events
    }

    fn close(&mut self, answer: &Answer) -> Vec<Event> {
        let done = self.resource.at(json!({ "text": answer.text, "logprobs": [] }));
        let part = self.resource.at(json!({ "part": text_part(&answer.text) }));
        let item = self.resource.message(status_of(answer.stop), Some(&answer.text));
        vec![
            self.event("response.output_text.done", done),
            self.event("response.content_part.done", part),
            self.event("response.output_item.done", json!({ "output_index": 0, "item": item })),
        ]
    }

    fn call(&mut self, at: usize, index: usize, call: &ToolUse) -> Vec<Event> {
        let begun = self.resource.call(index, call, "in_progress", "");
        let whole = self.resource.call(index, call, "completed", &arguments(call));
        let (id, arguments) = (begun["id"].clone(), arguments(call));
        vec![
            self.event("response.output_item.added", json!({ "output_index": at, "item": begun })),
            self.event(
                "response.function_call_arguments.delta",
                json!({ "item_id": id, "output_index": at, "delta": arguments }),
            ),
            self.event(
                "response.function_call_arguments.done",
                json!({ "item_id": id, "output_index": at, "name": call.name, "arguments": arguments }),
            ),
            self.event("response.output_item.done", json!({ "output_index": at, "item": whole })),
        ]
    }

    fn failed(&mut self, error: &ApiError) -> Vec<Event> {
        let mut response = self.resource.response("failed", &[], None);
        response["error"] = json!({ "code": error.code(), "message": error.message() });
        vec![self.event("response.failed", json!({ "response": response })), Event::default().data("[DONE]")]
    }

    fn event(&mut self, kind: &str, mut payload: Value) -> Event {
        payload["type"] = kind.into();
        payload["sequence_number"] = self.next.into();
        self.next += 1;
        Event::default().event(kind).data(payload.to_string())
    }
}

impl Resource {
    /// The whole response.
    pub(super) fn finished(&self, answer: &Answer) -> Value {
        let status = status_of(answer.stop);
        let has_message = !answer.text.is_empty() || answer.calls.is_empty();
        let message = has_message.then(|| self.message(status, Some(&answer.text)));
        let calls = answer.calls.iter().enumerate();
        let calls = calls.map(|(index, call)| self.call(index, call, "completed", &arguments(call)));
        let output: Vec<Value> = message.into_iter().chain(calls).collect();
        let mut response = self.response(status, &output, Some(&usage_value(&answer.usage)));
        match answer.stop {
            StopReason::MaxTokens => response["incomplete_details"] = json!({ "reason": "max_output_tokens" }),
            StopReason::Refusal => response["incomplete_details"] = json!({ "reason": "content_filter" }),
            StopReason::EndTurn | StopReason::ToolUse => {}
        }
        response
    }

    /// A payload with its place in the message.
    fn at(&self, mut payload: Value) -> Value {
        payload["item_id"] = self.item_id("msg").into();
        payload["output_index"] = 0.into();
        payload["content_index"] = 0.into();
        payload
    }

    /// Ids of items are made of the response's, so that they are the same however often it is shown.
    fn item_id(&self, kind: &str) -> String {
        self.id.replacen("resp", kind, 1)
    }

    fn message(&self, status: &str, text: Option<&str>) -> Value {
        let content: Vec<Value> = text.map(text_part).into_iter().collect();
        let id = self.item_id("msg");
        json!({ "type": "message", "id": id, "role": "assistant", "status": status, "content": content })
    }

    fn call(&self, index: usize, call: &ToolUse, status: &str, arguments: &str) -> Value {
        json!({
            "type": "function_call",
            "id": format!("{}_{index}", self.item_id("fc")),
            "call_id": call.id,
            "name": call.name,
            "arguments": arguments,
            "status": status,
        })
    }

    fn response(&self, status: &str, output: &[Value], usage: Option<&Value>) -> Value {
        json!({
            "id": self.id,
            "object": "response",
            "created_at": self.created,
            "status": status,
            "error": null,
            "incomplete_details": null,
            "instructions": self.instructions,
            "metadata": self.metadata,
            "model": self.model,
            "output": output,
            "parallel_tool_calls": true,
            "previous_response_id": self.previous,
            "temperature": null,
            "tool_choice": self.tool_choice,
            "tools": self.tools,
            "top_p": null,
            "usage": usage,
        })
    }
}

fn text_part(text: &str) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": [] })
}

fn usage_value(usage: &Usage) -> Value {
    let input = usage.input + usage.cache_read + usage.cache_write;
    json!({
        "input_tokens": input,
        "input_tokens_details": { "cached_tokens": usage.cache_read, "cache_write_tokens": usage.cache_write },
        "output_tokens": usage.output,
        "output_tokens_details": { "reasoning_tokens": 0 },
        "total_tokens": input + usage.output,
    })
}

fn status_of(stop: StopReason) -> &'static str {
    match stop {
        StopReason::EndTurn | StopReason::ToolUse => "completed",
        StopReason::MaxTokens | StopReason::Refusal => "incomplete",
    }
}
