//! `POST /v1/responses`.
//!
//! A response's id is the id of its run, so `previous_response_id` finds the session that goes on without a table of its
//! own, and a call that the client was asked for stands in that session until its output comes.

use std::sync::Arc;

use axum::Json;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::response::sse::{KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use chela_protocol::RunId;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::chat::KEEP_ALIVE;
use super::content::{Content, Said};
use super::conversation::{Speaker, Spoken, input_of, told_call};
use super::error::ApiError;
use super::resource::{Resource, events};
use super::run::{follow, memory_of};
use super::tools::ClientTools;
use super::{admit, checked_temperature, checked_tokens, target_of};
use crate::app::Gateway;
use crate::route::Target;
use crate::server::Ready;

#[derive(Debug, Deserialize)]
struct ResponsesRequest {
    #[serde(default = "super::default_model")]
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
    tool_choice: Option<Value>,
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

/// A message, a call and its output, or something that has no meaning here (an item reference, reasoning).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct InputItem {
    #[serde(rename = "type")]
    kind: Option<String>,
    role: Option<String>,
    content: Option<Content>,
    name: String,
    arguments: String,
    call_id: Option<String>,
    output: Option<Content>,
}

pub(super) async fn create(Ready(gateway): Ready, request: Request) -> Response {
    let endpoint = gateway.config.load().gateway.http.endpoints.responses;
    match admit::<ResponsesRequest>(&gateway, endpoint, request).await {
        Ok((parts, request)) => answer(&gateway, &parts, request).await.unwrap_or_else(IntoResponse::into_response),
        Err(refusal) => refusal,
    }
}

async fn answer(gateway: &Arc<Gateway>, parts: &Parts, request: ResponsesRequest) -> Result<Response, ApiError> {
    let target = target(gateway, parts, &request).await?;
    let own = gateway.sessions.agents(gateway).tools(&target.agent);
    let tools = ClientTools::read(request.tools.as_deref(), request.tool_choice.as_ref(), &own)?;
    let mut input = input_of(messages(&request)?, &memory_of(gateway, &target, &own).await)?;
    input.max_output_tokens = checked_tokens(request.max_output_tokens, "max_output_tokens")?;
    input.temperature = checked_temperature(request.temperature)?;
    let run = RunId::new(format!("resp_{}", Uuid::new_v4().simple()));
    let (run, following) = follow(gateway, parts, target, run, input, tools).await?;
    let resource = Resource {
        id: run.to_string(),
        created: gateway.now_ms() / 1_000,
        model: request.model,
        instructions: request.instructions,
        previous: request.previous_response_id,
        metadata: request.metadata.unwrap_or_else(|| json!({})),
        tools: request.tools.unwrap_or_default(),
        tool_choice: request.tool_choice.unwrap_or_else(|| json!("auto")),
    };
    if request.stream == Some(true) {
        let keep_alive = KeepAlive::new().interval(KEEP_ALIVE).text("keep-alive");
        return Ok(Sse::new(events(resource, following)).keep_alive(keep_alive).into_response());
    }
    let answer = following.answer().await?;
    Ok(Json(resource.finished(&answer)).into_response())
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
    Spoken::new(by, Said { text: text.to_owned(), files: Vec::new() })
}

impl InputItem {
    fn spoken(&self) -> Result<Option<Spoken>, ApiError> {
        let read = |content: &Option<Content>| content.as_ref().map_or_else(|| Ok(Said::default()), Content::read);
        match (self.kind.as_deref(), self.role.as_deref()) {
            (None | Some("message"), Some(role)) => {
                Ok(Some(Spoken::new(Speaker::of_role(role)?, read(&self.content)?)))
            }
            (Some("function_call"), _) => Ok(Some(plain(Speaker::Assistant, &told_call(&self.name, &self.arguments)))),
            (Some("function_call_output"), _) => {
                Ok(Some(Spoken { by: Speaker::Tool, said: read(&self.output)?, call: self.call_id.clone() }))
            }
            (Some("reasoning" | "item_reference"), _) => Ok(None),
            (kind, _) => {
                let kind = kind.unwrap_or("message without a role");
                Err(ApiError::invalid(format!("Input of type `{kind}` is not taken.")).with_param("input"))
            }
        }
    }
}
