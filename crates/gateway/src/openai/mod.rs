//! OpenAI's HTTP interfaces: `/v1/models`, `/v1/embeddings`, `/v1/chat/completions`, `/v1/responses`.
//!
//! On whenever a secret protects the gateway, unless `gateway.http.endpoints` switches one off. A model's name chooses the
//! agent, never a vendor's model. Which session answers: the one that `x-chela-session-key` (or `x-openclaw-session-key`)
//! names; else the one of the request's `user`; else a new one. A client may offer tools of its own: a call of one is the answer, and the
//! client's next request brings what it gave.

mod chat;
mod content;
mod conversation;
mod embeddings;
mod error;
mod models;
mod resource;
mod responses;
mod run;
mod tools;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::{get, post};
use chela_protocol::{AgentId, SessionKey};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use self::error::ApiError;
use crate::app::Gateway;
use crate::auth::http::authorise;
use crate::config::{AuthMode, EndpointConfig};
use crate::route::{Target, client_target};
use crate::server::{BodyError, Front, json_object, read_body};

/// Largest request: eight pictures in base64 fit.
const BODY_BYTES: usize = 20 * 1024 * 1024;

/// How long a request may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_mins(1);

/// What every model name here begins with; `openclaw` is what clients of the reference system send.
const NAMES: [&str; 2] = ["chela", "openclaw"];

/// The routes of this interface.
pub(crate) fn router() -> Router<Arc<Front>> {
    Router::new()
        .route("/v1/models", get(models::list))
        .route("/v1/models/{*id}", get(models::one))
        .route("/v1/embeddings", post(embeddings::create))
        .route("/v1/chat/completions", post(chat::create))
        .route("/v1/responses", post(responses::create))
}

/// Whether an endpoint is served: without a secret any page in a browser could call it.
fn is_on(gateway: &Gateway, endpoint: EndpointConfig) -> bool {
    endpoint.enabled.unwrap_or(gateway.auth.mode() != AuthMode::None)
}

/// Lets an authenticated request in and reads its body.
async fn admit<T: DeserializeOwned>(
    gateway: &Gateway,
    endpoint: EndpointConfig,
    request: Request,
) -> Result<(Parts, T), Response> {
    let (parts, body) = request.into_parts();
    authorise(gateway, &parts).await.map_err(|refusal| *refusal)?;
    if !is_on(gateway, endpoint) {
        return Err(ApiError::not_found("This endpoint is off; see gateway.http.endpoints.").into());
    }
    // Before its body is read.
    gateway.pressure.refuse_heavy().and_then(|()| gateway.pressure.refuse_new()).map_err(ApiError::scarce)?;
    let bytes = match read_body(body, BODY_BYTES, BODY_TIMEOUT).await {
        Ok(bytes) => bytes,
        Err(BodyError::TooLarge) => return Err(ApiError::too_large(BODY_BYTES).into()),
        Err(BodyError::Broken) => return Err(ApiError::invalid("The body is broken.").into()),
        Err(BodyError::TimedOut) => return Err(ApiError::invalid("The body did not arrive in time.").into()),
    };
    Ok((parts, parsed(&bytes)?))
}

fn parsed<T: DeserializeOwned>(bytes: &Bytes) -> Result<T, ApiError> {
    json_object(bytes).map_err(|error| ApiError::invalid(format!("The body can't be read: {error}")))
}

/// The agent that a model's name chooses; `None` for the default one.
fn agent_of(model: &str) -> Result<Option<&str>, ApiError> {
    let model = model.trim();
    if NAMES.contains(&model) {
        return Ok(None);
    }
    let prefixed = |name: &str| model.strip_prefix(name).and_then(|rest| rest.strip_prefix(['/', ':']));
    let agent = NAMES.iter().find_map(|name| prefixed(name)).or_else(|| model.strip_prefix("agent:"));
    match agent {
        Some("default") => Ok(None),
        Some(agent) if !agent.is_empty() => Ok(Some(agent)),
        _ => Err(ApiError::invalid("Invalid `model`. Use `chela` or `chela/<agentId>`.").with_param("model")),
    }
}

/// Model of a request that names none.
fn default_model() -> String {
    NAMES[0].to_owned()
}

/// Where a request goes. `place` names new sessions of this interface, as in `openai:<uuid>`.
fn target_of(
    gateway: &Gateway,
    parts: &Parts,
    model: &str,
    user: Option<&str>,
    place: &str,
) -> Result<Target, ApiError> {
    let book = gateway.sessions.agents(gateway);
    let agent = match header(parts, "agent-id") {
        Some(agent) => Some(agent),
        None => agent_of(model)?,
    };
    let invalid = |error: crate::route::RouteError| ApiError::invalid(error.to_string());
    if let Some(key) = header(parts, "session-key") {
        return client_target(&book, Some(key), agent).map_err(invalid);
    }
    let Target { agent, .. } = client_target(&book, None, agent).map_err(invalid)?;
    let place = match user.map(str::trim).filter(|user| !user.is_empty()) {
        Some(user) => format!("{place}-user:{user}"),
        None => format!("{place}:{}", Uuid::new_v4()),
    };
    Ok(Target { session: checked_key(&agent, &place)?, agent })
}

/// A cap on an answer's tokens, as far as it makes sense.
fn checked_tokens(tokens: Option<u32>, field: &'static str) -> Result<Option<u32>, ApiError> {
    match tokens {
        Some(0) => Err(ApiError::invalid(format!("`{field}` must be at least 1.")).with_param(field)),
        tokens => Ok(tokens),
    }
}

fn checked_temperature(temperature: Option<f32>) -> Result<Option<f32>, ApiError> {
    match temperature {
        Some(degrees) if !(0.0..=2.0).contains(&degrees) => {
            Err(ApiError::invalid("`temperature` must be from 0 to 2.").with_param("temperature"))
        }
        temperature => Ok(temperature),
    }
}

/// A key with a part that a client chose.
fn checked_key(agent: &AgentId, place: &str) -> Result<SessionKey, ApiError> {
    let key = SessionKey::scoped(agent, place);
    SessionKey::parse(key.as_str(), agent).map_err(|error| ApiError::invalid(error.to_string()).with_param("user"))
}

/// A header of ours, under either name.
fn header<'a>(parts: &'a Parts, name: &str) -> Option<&'a str> {
    let value = NAMES.iter().find_map(|prefix| parts.headers.get(format!("x-{prefix}-{name}")))?;
    value.to_str().ok().map(str::trim).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn model_names_choose_agents() {
        let rows = [
            ("chela", Ok(None)),
            ("openclaw", Ok(None)),
            ("chela/default", Ok(None)),
            ("chela/ops", Ok(Some("ops"))),
            ("openclaw/ops", Ok(Some("ops"))),
            ("openclaw:ops", Ok(Some("ops"))),
            ("agent:ops", Ok(Some("ops"))),
            ("chela/", Err(())),
            ("chelax", Err(())),
            ("gpt-4o", Err(())),
            ("", Err(())),
        ];
        for (model, expected) in rows {
            assert_eq!(agent_of(model).map_err(|_| ()), expected, "{model}");
        }
    }
}
