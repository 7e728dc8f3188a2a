//! `POST /v1/chat/completions`.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use chela_llm::{StopReason, ToolUse};
use chela_protocol::RunId;
use futures_util::{Stream, StreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::content::{Content, Said};
use super::conversation::{Speaker, Spoken, input_of, told_call};
use super::error::ApiError;
use super::run::{Answer, Following, Piece, chat_usage, follow, memory_of};
use super::tools::{ClientTools, arguments};
use super::{admit, checked_temperature, checked_tokens, target_of};
use crate::app::Gateway;
use crate::server::Ready;

/// Comments that keep proxies from closing a quiet stream.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The parts of a request that matter here.
#[derive(Debug, Deserialize)]
struct ChatRequest {
    #[serde(default = "super::default_model")]
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
    tools: Option<Vec<Value>>,
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
    /// Calls that the assistant asked for.
    #[serde(default)]
    tool_calls: Option<Vec<SaidCall>>,
    /// The call whose result this is.
    #[serde(default)]
    tool_call_id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct SaidCall {
    #[serde(default)]
    function: SaidFunction,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SaidFunction {
    name: String,
    arguments: String,
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
    let target = target_of(gateway, parts, &request.model, request.user.as_deref(), "openai")?;
    let messages = request.messages.iter().map(spoken).collect::<Result<Vec<_>, _>>()?;
    let own = gateway.sessions.agents(gateway).tools(&target.agent);
    let tools = ClientTools::read(request.tools.as_deref(), request.tool_choice.as_ref(), &own)?;
    let mut input = input_of(messages, &memory_of(gateway, &target, &own).await)?;
    input.max_output_tokens = checked_tokens(request.max_completion_tokens, "max_completion_tokens")?;
    input.temperature = checked_temperature(request.temperature)?;
    let run = RunId::new(format!("chatcmpl_{}", Uuid::new_v4()));
    let (run, following) = follow(gateway, parts, target, run, input, tools).await?;
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
    let mut message = json!({ "role": "assistant", "content": answer.text, "refusal": null });
    if !answer.calls.is_empty() {
        message["tool_calls"] = answer.calls.iter().map(tool_call).collect();
    }
    let choice = json!({ "index": 0, "message": message, "logprobs": null, "finish_reason": finish_word(&answer) });
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
    let rest = stream::unfold(Some((head, following, false)), |state| async move {
        let (head, mut following, said) = state?;
        Some(match following.next().await {
            Ok(Piece::Text(text)) => {
                (vec![data(&head.chunk(&json!({ "content": text }), None))], Some((head, following, true)))
            }
            Ok(Piece::End(answer)) => {
                let mut last = Vec::new();
                // Words that were held back, or came in one piece.
                if !said && !answer.text.is_empty() {
                    last.push(data(&head.chunk(&json!({ "content": answer.text }), None)));
                }
                last.extend(answer.calls.iter().enumerate().flat_map(|(index, call)| head.call(index, call)));
                last.push(data(&head.chunk(&json!({}), Some(finish_word(&answer)))));
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

    /// A call: its name first, then its arguments.
    fn call(&self, index: usize, call: &ToolUse) -> [Event; 2] {
        let mut begun = tool_call(call);
        begun["index"] = index.into();
        begun["function"]["arguments"] = "".into();
        let rest = json!({ "index": index, "function": { "arguments": arguments(call) } });
        [begun, rest].map(|delta| data(&self.chunk(&json!({ "tool_calls": [delta] }), None)))
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

fn spoken(message: &ChatMessage) -> Result<Spoken, ApiError> {
    let mut said = message.content.as_ref().map_or_else(|| Ok(Said::default()), Content::read)?;
    for SaidCall { function } in message.tool_calls.iter().flatten() {
        said.add(&told_call(&function.name, &function.arguments));
    }
    Ok(Spoken { by: Speaker::of_role(&message.role)?, said, call: message.tool_call_id.clone() })
}

fn tool_call(call: &ToolUse) -> Value {
    json!({ "id": call.id, "type": "function", "function": { "name": call.name, "arguments": arguments(call) } })
}

fn finish_word(answer: &Answer) -> &'static str {
    match answer.stop {
        _ if !answer.calls.is_empty() => "tool_calls",
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
