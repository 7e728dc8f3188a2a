//! `POST /v1/responses`.
//!
//! A response's id is the id of its run, so `previous_response_id` finds the session that goes on without a table of its
//! own.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Json;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use chela_llm::{StopReason, Usage};
use chela_protocol::RunId;
use futures_util::{Stream, StreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::chat::KEEP_ALIVE;
use super::content::{Content, Said};
use super::conversation::{Speaker, Spoken, input_of};
use super::error::ApiError;
use super::run::{Following, Piece, follow, memory_of};
use super::{NO_CLIENT_TOOLS, admit, checked_temperature, checked_tokens, target_of};
use crate::app::Gateway;
use crate::route::Target;
use crate::server::Ready;

#[derive(Debug, Deserialize)]
struct ResponsesRequest {
    #[serde(default = "default_model")]
    model: String,
    input: Input,
    #[serde(default)]
    instructions: Option<String>,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    previous_response_id: Option<String>,
    #[serde(default)]
    metadata: Option<Value>,
    #[serde(default)]
    tools: Option<Vec<Value>>,
    #[serde(default)]
    max_output_tokens: Option<u32>,
    #[serde(default)]
    temperature: Option<f32>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Input {
    Text(String),
    Items(Vec<InputItem>),
}

/// A message, a tool's result, or something that has no meaning here (an item reference, reasoning).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct InputItem {
    #[serde(rename = "type")]
    kind: Option<String>,
    role: Option<String>,
    content: Option<Content>,
    output: Option<Content>,
}

/// What every event of one response repeats.
struct Head {
    id: String,
    message_id: String,
    created: i64,
    model: String,
    instructions: Option<String>,
    previous: Option<String>,
    metadata: Value,
}

pub(super) async fn create(Ready(gateway): Ready, request: Request) -> Response {
    let endpoint = gateway.config.load().gateway.http.endpoints.responses;
    match admit::<ResponsesRequest>(&gateway, endpoint, request).await {
        Ok((parts, request)) => answer(&gateway, &parts, request).await.unwrap_or_else(IntoResponse::into_response),
        Err(refusal) => refusal,
    }
}

async fn answer(gateway: &Arc<Gateway>, parts: &Parts, request: ResponsesRequest) -> Result<Response, ApiError> {
    if request.tools.as_ref().is_some_and(|tools| !tools.is_empty()) {
        return Err(ApiError::invalid(NO_CLIENT_TOOLS).with_param("tools"));
    }
    let target = target(gateway, parts, &request).await?;
    let mut input = input_of(messages(&request)?, memory_of(gateway, &target).await)?;
    input.max_output_tokens = checked_tokens(request.max_output_tokens, "max_output_tokens")?;
    input.temperature = checked_temperature(request.temperature)?;
    let run = RunId::new(format!("resp_{}", Uuid::new_v4().simple()));
    let (run, following) = follow(gateway, parts, target, run, input).await?;
    let head = Head {
        message_id: run.as_str().replacen("resp_", "msg_", 1),
        id: run.to_string(),
        created: gateway.now_ms() / 1_000,
        model: request.model,
        instructions: request.instructions,
        previous: request.previous_response_id,
        metadata: request.metadata.unwrap_or_else(|| json!({})),
    };
    if request.stream == Some(true) {
        let keep_alive = KeepAlive::new().interval(KEEP_ALIVE).text("keep-alive");
        return Ok(Sse::new(events(head, following)).keep_alive(keep_alive).into_response());
    }
    let answer = following.answer().await?;
    Ok(Json(head.finished(&answer.text, answer.stop, &answer.usage)).into_response())
}

/// The session of the response before, or as every request chooses it.
async fn target(gateway: &Gateway, parts: &Parts, request: &ResponsesRequest) -> Result<Target, ApiError> {
    let Some(previous) = request.previous_response_id.as_deref().filter(|id| !id.is_empty()) else {
        return target_of(gateway, parts, &request.model, request.user.as_deref(), "openresponses");
    };
    let row = gateway.store.inbox_by_run(&RunId::new(previous)).await.ok().flatten();
    row.map(|row| Target { agent: row.agent, session: row.session }).ok_or_else(|| {
        ApiError::not_found(format!("No response `{previous}` is known.")).with_param("previous_response_id")
    })
}

fn messages(request: &ResponsesRequest) -> Result<Vec<Spoken>, ApiError> {
    let system = request.instructions.as_ref().map(|text| plain(Speaker::System, text));
    let said = match &request.input {
        Input::Text(text) => vec![plain(Speaker::User, text)],
        Input::Items(items) => items.iter().filter_map(|item| item.spoken().transpose()).collect::<Result<_, _>>()?,
    };
    Ok(system.into_iter().chain(said).collect())
}

fn plain(by: Speaker, text: &str) -> Spoken {
    Spoken { by, said: Said { text: text.to_owned(), files: Vec::new() } }
}

impl InputItem {
    fn spoken(&self) -> Result<Option<Spoken>, ApiError> {
        let read = |content: &Option<Content>| content.as_ref().map_or_else(|| Ok(Said::default()), Content::read);
        match (self.kind.as_deref(), self.role.as_deref()) {
            (None | Some("message"), Some(role)) => {
                Ok(Some(Spoken { by: Speaker::of_role(role)?, said: read(&self.content)? }))
            }
            (Some("function_call_output"), _) => Ok(Some(Spoken { by: Speaker::Tool, said: read(&self.output)? })),
            (Some("function_call" | "reasoning" | "item_reference"), _) => Ok(None),
            (kind, _) => {
                let kind = kind.unwrap_or("message without a role");
                Err(ApiError::invalid(format!("Input of type `{kind}` is not taken.")).with_param("input"))
            }
        }
    }
}

/// The events of a streamed response, in OpenAI's order.
fn events(head: Head, following: Following) -> impl Stream<Item = Result<Event, Infallible>> {
    let mut sequence = Sequence::default();
    let first = head.opening(&mut sequence);
    let state = (head, following, sequence, String::new());
    let rest = stream::unfold(Some(state), |state| async move {
        let (head, mut following, mut sequence, mut text) = state?;
        Some(match following.next().await {
            Ok(Piece::Text(delta)) => {
                text.push_str(&delta);
                let event = sequence.event("response.output_text.delta", head.at(delta_of(&delta)));
                (vec![event], Some((head, following, sequence, text)))
            }
            Ok(Piece::End(answer)) => {
                let mut last = Vec::new();
                // An answer that came in one piece has had no delta yet.
                if text.is_empty() && !answer.text.is_empty() {
                    last.push(sequence.event("response.output_text.delta", head.at(delta_of(&answer.text))));
                }
                last.extend(head.closing(&mut sequence, &answer.text, answer.stop, &answer.usage));
                (last, None)
            }
            Err(error) => (vec![sequence.event("response.failed", head.failed(&error))], None),
        })
    });
    stream::iter(first).chain(rest.flat_map(stream::iter)).map(Ok)
}

/// Numbers the events of a stream.
#[derive(Default)]
struct Sequence(u64);

impl Sequence {
    fn event(&mut self, kind: &str, mut payload: Value) -> Event {
        payload["type"] = kind.into();
        payload["sequence_number"] = self.0.into();
        self.0 += 1;
        Event::default().event(kind).data(payload.to_string())
    }
}

impl Head {
    fn opening(&self, sequence: &mut Sequence) -> Vec<Event> {
        let begun = json!({ "response": self.response("in_progress", &[], None) });
        vec![
            sequence.event("response.created", begun.clone()),
            sequence.event("response.in_progress", begun),
            sequence.event(
                "response.output_item.added",
                json!({ "output_index": 0, "item": self.message("in_progress", None) }),
            ),
            sequence.event("response.content_part.added", self.at(json!({ "part": text_part("") }))),
        ]
    }

    fn closing(&self, sequence: &mut Sequence, text: &str, stop: StopReason, usage: &Usage) -> Vec<Event> {
        let status = status_of(stop);
        let kind = if status == "completed" { "response.completed" } else { "response.incomplete" };
        vec![
            sequence.event("response.output_text.done", self.at(json!({ "text": text, "logprobs": [] }))),
            sequence.event("response.content_part.done", self.at(json!({ "part": text_part(text) }))),
            sequence.event(
                "response.output_item.done",
                json!({ "output_index": 0, "item": self.message(status, Some(text)) }),
            ),
            sequence.event(kind, json!({ "response": self.finished(text, stop, usage) })),
        ]
    }

    /// A payload with its place in the response.
    fn at(&self, mut payload: Value) -> Value {
        payload["item_id"] = self.message_id.as_str().into();
        payload["output_index"] = 0.into();
        payload["content_index"] = 0.into();
        payload
    }

    fn message(&self, status: &str, text: Option<&str>) -> Value {
        let content: Vec<Value> = text.map(text_part).into_iter().collect();
        json!({ "type": "message", "id": self.message_id, "role": "assistant", "status": status, "content": content })
    }

    fn finished(&self, text: &str, stop: StopReason, usage: &Usage) -> Value {
        let status = status_of(stop);
        let mut response = self.response(status, &[self.message(status, Some(text))], Some(&usage_value(usage)));
        match stop {
            StopReason::MaxTokens => response["incomplete_details"] = json!({ "reason": "max_output_tokens" }),
            StopReason::Refusal => response["incomplete_details"] = json!({ "reason": "content_filter" }),
            StopReason::EndTurn | StopReason::ToolUse => {}
        }
        response
    }

    fn failed(&self, error: &ApiError) -> Value {
        let mut response = self.response("failed", &[], None);
        response["error"] = json!({ "code": error.code(), "message": error.message() });
        json!({ "response": response })
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
            "tool_choice": "auto",
            "tools": [],
            "top_p": null,
            "usage": usage,
        })
    }
}

fn delta_of(text: &str) -> Value {
    json!({ "delta": text, "logprobs": [] })
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

fn default_model() -> String {
    "chela".to_owned()
}
