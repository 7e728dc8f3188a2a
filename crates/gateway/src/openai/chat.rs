//! `POST /v1/chat/completions`.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use chela_llm::StopReason;
use chela_protocol::RunId;
use futures_util::{Stream, StreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::content::Content;
use super::conversation::{Speaker, Spoken, input_of};
use super::error::ApiError;
use super::run::{Following, Piece, chat_usage, follow, memory_of};
use super::{NO_CLIENT_TOOLS, admit, checked_temperature, checked_tokens, target_of};
use crate::app::Gateway;
use crate::server::Ready;

/// Comments that keep proxies from closing a quiet stream.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The parts of a request that matter here. The agent answers with its own tools: those of the client (`tools`) are passed over,
/// as in the reference system, unless the client insists on one being called.
#[derive(Debug, Deserialize)]
struct ChatRequest {
    #[serde(default = "default_model")]
    model: String,
    messages: Vec<ChatMessage>,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default)]
    stream_options: Option<StreamOptions>,
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    n: Option<u32>,
    #[serde(default)]
    tool_choice: Option<Value>,
    #[serde(default, alias = "max_tokens")]
    max_completion_tokens: Option<u32>,
    #[serde(default)]
    temperature: Option<f32>,
}

#[derive(Debug, Deserialize)]
struct ChatMessage {
    role: String,
    #[serde(default)]
    content: Option<Content>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

/// What every part of one answer repeats.
struct Head {
    id: String,
    created: i64,
    model: String,
    include_usage: bool,
}

pub(super) async fn create(Ready(gateway): Ready, request: Request) -> Response {
    let endpoint = gateway.config.load().gateway.http.endpoints.chat_completions;
    match admit::<ChatRequest>(&gateway, endpoint, request).await {
        Ok((parts, request)) => answer(&gateway, &parts, request).await.unwrap_or_else(IntoResponse::into_response),
        Err(refusal) => refusal,
    }
}

async fn answer(gateway: &Arc<Gateway>, parts: &Parts, request: ChatRequest) -> Result<Response, ApiError> {
    if request.n.is_some_and(|n| n != 1) {
        return Err(ApiError::invalid("`n` can only be 1: one turn gives one answer.").with_param("n"));
    }
    if request.tool_choice.as_ref().is_some_and(insists) {
        return Err(ApiError::invalid(NO_CLIENT_TOOLS).with_param("tool_choice"));
    }
    let target = target_of(gateway, parts, &request.model, request.user.as_deref(), "openai")?;
    let messages = request.messages.iter().map(spoken).collect::<Result<Vec<_>, _>>()?;
    let mut input = input_of(messages, memory_of(gateway, &target).await)?;
    input.max_output_tokens = checked_tokens(request.max_completion_tokens, "max_completion_tokens")?;
    input.temperature = checked_temperature(request.temperature)?;
    let run = RunId::new(format!("chatcmpl_{}", Uuid::new_v4()));
    let (run, following) = follow(gateway, parts, target, run, input).await?;
    let head = Head {
        id: run.to_string(),
        created: gateway.now_ms() / 1_000,
        model: request.model,
        include_usage: request.stream_options.and_then(|options| options.include_usage) == Some(true),
    };
    if request.stream == Some(true) {
        let keep_alive = KeepAlive::new().interval(KEEP_ALIVE).text("keep-alive");
        return Ok(Sse::new(chunks(head, following)).keep_alive(keep_alive).into_response());
    }
    let answer = following.answer().await?;
    let choice = json!({
        "index": 0,
        "message": { "role": "assistant", "content": answer.text, "refusal": null },
        "logprobs": null,
        "finish_reason": finish_word(answer.stop),
    });
    let body = json!({
        "id": head.id,
        "object": "chat.completion",
        "created": head.created,
        "model": head.model,
        "choices": [choice],
        "usage": chat_usage(&answer.usage),
    });
    Ok(Json(body).into_response())
}

/// The answer as it comes. Dropping the stream stops the turn.
fn chunks(head: Head, following: Following) -> impl Stream<Item = Result<Event, Infallible>> {
    let first = data(&head.chunk(&json!({ "role": "assistant", "content": "" }), None));
    let rest = stream::unfold(Some((head, following)), |state| async move {
        let (head, mut following) = state?;
        Some(match following.next().await {
            Ok(Piece::Text(text)) => {
                (vec![data(&head.chunk(&json!({ "content": text }), None))], Some((head, following)))
            }
            Ok(Piece::End(answer)) => {
                let mut last = vec![data(&head.chunk(&json!({}), Some(finish_word(answer.stop))))];
                if head.include_usage {
                    last.push(data(&head.usage(&chat_usage(&answer.usage))));
                }
                last.push(done());
                (last, None)
            }
            Err(error) => (vec![data(&error.body()), done()], None),
        })
    });
    stream::iter([first]).chain(rest.flat_map(stream::iter)).map(Ok)
}

impl Head {
    fn chunk(&self, delta: &Value, finish: Option<&str>) -> Value {
        let choice = json!({ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish });
        let mut chunk = self.frame(&[choice]);
        if self.include_usage {
            chunk["usage"] = Value::Null;
        }
        chunk
    }

    fn usage(&self, usage: &Value) -> Value {
        let mut chunk = self.frame(&[]);
        chunk["usage"] = usage.clone();
        chunk
    }

    fn frame(&self, choices: &[Value]) -> Value {
        let Self { id, created, model, .. } = self;
        json!({ "id": id, "object": "chat.completion.chunk", "created": created, "model": model, "choices": choices })
    }
}

/// Whether a `tool_choice` asks for a call: `"required"`, or an object that names a tool.
fn insists(choice: &Value) -> bool {
    choice == "required" || choice.is_object()
}

fn spoken(message: &ChatMessage) -> Result<Spoken, ApiError> {
    let said = message.content.as_ref().map_or_else(|| Ok(super::content::Said::default()), Content::read)?;
    Ok(Spoken { by: Speaker::of_role(&message.role)?, said })
}

fn finish_word(stop: StopReason) -> &'static str {
    match stop {
        StopReason::EndTurn | StopReason::ToolUse => "stop",
        StopReason::MaxTokens => "length",
        StopReason::Refusal => "content_filter",
    }
}

fn data(value: &Value) -> Event {
    Event::default().data(value.to_string())
}

fn done() -> Event {
    Event::default().data("[DONE]")
}

fn default_model() -> String {
    "chela".to_owned()
}
