//! A request that was let in, from its body to its answer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::action::{Asked, Mapped, mapped, wake, work};
use super::dispatch::{Dispatched, NotPrepared, Prepared, Repeat, completion, dispatch, prepare};
use super::rules::{HookRules, Mapping};
use super::template::HookRequest;
use crate::app::Gateway;
use crate::config::HookWakeMode;
use crate::intake::SubmitError;
use crate::pressure::RETRY_AFTER;
use crate::rpc_error;
use crate::server::{BodyError, read_body};
use crate::sessions::Refused;

/// How long a request may take to arrive; the reference system's limit.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Longest name that a sender may give its request; a longer one counts as none.
const KEY_MAX: usize = 256;

/// Failures of a batch that are told.
const ERRORS_TOLD: usize = 5;

/// Why a request is not answered. Those before the body are plain text, as in the reference system.
#[derive(Debug)]
pub(super) enum Refusal {
    TokenInQuery,
    Method,
    Token,
    TooMany(Duration),
    NotFound,
    /// `{ok: false, error}`.
    Json(StatusCode, String),
    /// The same with a time after which to come again.
    Later(String),
}

/// Answers a request to `rest` below the base path.
pub(super) async fn answer(
    gateway: &Arc<Gateway>,
    rules: &HookRules,
    rest: &str,
    parts: Parts,
    body: Body,
) -> Response {
    match answered(gateway, rules, rest, parts, body).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    }
}

async fn answered(
    gateway: &Arc<Gateway>,
    rules: &HookRules,
    rest: &str,
    parts: Parts,
    body: Body,
) -> Result<Response, Refusal> {
    if rest.is_empty() {
        return Err(Refusal::NotFound);
    }
    // Before its body is read.
    let pressure = &gateway.pressure;
    pressure
        .refuse_heavy()
        .and_then(|()| pressure.refuse_new())
        .map_err(|scarce| Refusal::Later(scarce.to_string()))?;
    let payload = payload(body, rules.body_bytes(rest)).await?;
    let key = repeat_key(&parts.headers, &payload);
    let repeat = Repeat { path: rest, key: key.as_deref(), is_batch: false };
    match rest {
        "wake" => {
            let asked = Asked::Wake(wake(&payload).map_err(|error| Refusal::bad(&error))?);
            single(gateway, rules, asked, repeat, false).await
        }
        "agent" => {
            let asked = Asked::Work(work(&payload).map_err(|error| Refusal::bad(&error))?);
            let waits = payload["waitForCompletion"] == true;
            single(gateway, rules, asked, repeat, waits).await
        }
        _ => by_mapping(gateway, rules, repeat, &parts, payload).await,
    }
}

async fn by_mapping(
    gateway: &Arc<Gateway>,
    rules: &HookRules,
    repeat: Repeat<'_>,
    parts: &Parts,
    payload: Value,
) -> Result<Response, Refusal> {
    let source = payload.get("source").and_then(Value::as_str);
    let fits = |mapping: &&Mapping| mapping.fits(repeat.path, source);
    let mapping = rules.mappings.iter().find(fits).ok_or(Refusal::NotFound)?;
    if let Some(why) = &mapping.refusal {
        tracing::warn!(target: "hooks", mapping = mapping.id, "hook mapping failed: {why}");
        return Err(Refusal::Json(StatusCode::INTERNAL_SERVER_ERROR, "hook mapping failed".to_owned()));
    }
    let mut request = HookRequest {
        payload,
        headers: headers(&parts.headers),
        query: url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()).into_owned().collect(),
        path: repeat.path.to_owned(),
        now: Timestamp::from_millisecond(gateway.now_ms()).unwrap_or_default().to_string(),
    };
    let Mapped { actions, is_batch, dropped } = mapped(mapping, &mut request).map_err(|error| Refusal::bad(&error))?;
    if dropped > 0 {
        tracing::warn!(target: "hooks", mapping = mapping.id, dropped, "a batch is too long; its last entries are dropped");
    }
    let repeat = Repeat { is_batch, ..repeat };
    if is_batch {
        return batch(gateway, rules, actions, repeat).await;
    }
    match actions.into_iter().next() {
        Some(asked) => single(gateway, rules, asked, repeat, false).await,
        None => Ok(StatusCode::NO_CONTENT.into_response()),
    }
}

/// One thing to do, and one answer.
async fn single(
    gateway: &Arc<Gateway>,
    rules: &HookRules,
    asked: Asked,
    repeat: Repeat<'_>,
    waits: bool,
) -> Result<Response, Refusal> {
    let prepared = prepare(gateway, rules, &asked, repeat).await?;
    let done = dispatch(gateway, prepared).await?;
    let mut body = match &asked {
        Asked::Wake(wake) => woken(wake.mode, &done),
        Asked::Work(_) => json!({ "ok": true, "runId": done.run }),
    };
    if waits {
        let ended = completion(gateway, &done.run)
            .await
            .ok_or_else(|| Refusal::Later("the gateway is stopping; the run goes on after the restart".to_owned()))?;
        body["completion"] = ended.shown();
    }
    Ok(Json(body).into_response())
}

/// Several things to do. All of them are checked before the first one begins.
async fn batch(
    gateway: &Arc<Gateway>,
    rules: &HookRules,
    actions: Vec<Asked>,
    repeat: Repeat<'_>,
) -> Result<Response, Refusal> {
    let mut prepared: Vec<Prepared> = Vec::with_capacity(actions.len());
    for asked in &actions {
        prepared.push(prepare(gateway, rules, asked, repeat).await?);
    }
    let told = actions.iter().find_map(|asked| match asked {
        Asked::Wake(wake) => Some(wake.mode),
        Asked::Work(_) => None,
    });
    // Their words stand in what was prepared.
    drop(actions);
    if prepared.is_empty() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let (mut begun, mut failed) = (Vec::new(), Vec::new());
    for one in prepared {
        match dispatch(gateway, one).await {
            Ok(done) => begun.push(done),
            Err(error) => failed.push(error.to_string()),
        }
    }
    Ok(match told {
        Some(mode) if failed.is_empty() => {
            let all_repeated = begun.iter().all(|done| done.is_repeat);
            let last = begun.pop().map(|done| Dispatched { is_repeat: all_repeated, ..done });
            Json(last.map_or_else(|| json!({ "ok": true }), |done| woken(mode, &done))).into_response()
        }
        _ => worked(&begun, &failed),
    })
}

fn woken(mode: HookWakeMode, done: &Dispatched) -> Value {
    let mode = match mode {
        HookWakeMode::Now => "now",
        HookWakeMode::NextHeartbeat => "next-heartbeat",
    };
    json!({ "ok": true, "mode": mode, "eventOutcome": if done.is_repeat { "coalesced" } else { "queued" } })
}

fn worked(begun: &[Dispatched], failed: &[String]) -> Response {
    let runs: Vec<&str> = begun.iter().map(|done| done.run.as_str()).collect();
    if !failed.is_empty() {
        let told = &failed[..failed.len().min(ERRORS_TOLD)];
        let body = json!({ "ok": false, "error": "hook batch is incomplete", "runIds": runs, "errors": told });
        let headers = [(header::RETRY_AFTER, RETRY_AFTER.as_secs())];
        return (StatusCode::SERVICE_UNAVAILABLE, headers, Json(body)).into_response();
    }
    let body = match runs.as_slice() {
        [run] => json!({ "ok": true, "runId": run }),
        runs => json!({ "ok": true, "runId": runs.first(), "runIds": runs, "dispatched": runs.len() }),
    };
    Json(body).into_response()
}

/// The body as JSON; one that is no object has no fields.
async fn payload(body: Body, most: usize) -> Result<Value, Refusal> {
    let bytes = read_body(body, most, BODY_TIMEOUT).await.map_err(|error| {
        let (status, message) = match error {
            BodyError::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "payload too large"),
            BodyError::TimedOut => (StatusCode::REQUEST_TIMEOUT, "request body timeout"),
            BodyError::Broken => (StatusCode::BAD_REQUEST, "the body is broken"),
        };
        Refusal::Json(status, message.to_owned())
    })?;
    if bytes.trim_ascii().is_empty() {
        return Ok(json!({}));
    }
    let value: Value = serde_json::from_slice(&bytes)
        .map_err(|error| Refusal::Json(StatusCode::BAD_REQUEST, format!("the body is no JSON: {error}")))?;
    Ok(if value.is_object() { value } else { json!({}) })
}

/// The sender's name for this request: the same request again is the same run.
fn repeat_key(headers: &HeaderMap, payload: &Value) -> Option<String> {
    let of_header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    ["idempotency-key", "x-chela-idempotency-key", "x-openclaw-idempotency-key"]
        .iter()
        .map(|name| of_header(name))
        .chain([payload.get("idempotencyKey").and_then(Value::as_str)])
        .flatten()
        .map(str::trim)
        .find(|key| !key.is_empty() && key.chars().count() <= KEY_MAX)
        .map(str::to_owned)
}

/// By lowercase name; of several with one name the first, and none that is no text.
fn headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    let text = |name: &HeaderName| Some((name.as_str().to_owned(), headers.get(name)?.to_str().ok()?.to_owned()));
    headers.keys().filter_map(text).collect()
}

impl Refusal {
    fn bad(error: &super::action::BadHook) -> Self {
        Self::Json(StatusCode::BAD_REQUEST, error.to_string())
    }
}

impl From<NotPrepared> for Refusal {
    fn from(error: NotPrepared) -> Self {
        match error {
            NotPrepared::Store(error) => Self::Later(rpc_error::of_store(error).message),
            NotPrepared::Agent(_) | NotPrepared::AgentNotAllowed | NotPrepared::Key(_) | NotPrepared::Place(_) => {
                Self::Json(StatusCode::BAD_REQUEST, error.to_string())
            }
        }
    }
}

impl From<SubmitError> for Refusal {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::TooLong { .. } => Self::Json(StatusCode::BAD_REQUEST, error.to_string()),
            SubmitError::Refused(refused @ (Refused::Stopping | Refused::Busy | Refused::Scarce(_))) => {
                Self::Later(refused.to_string())
            }
            SubmitError::Store(error) => Self::Later(rpc_error::of_store(error).message),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let plain = |status: StatusCode, text: &'static str| {
            // The body is still on its way, and nobody is going to read it.
            let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CONNECTION, "close")];
            (status, headers, text).into_response()
        };
        match self {
            Self::TokenInQuery => plain(
                StatusCode::BAD_REQUEST,
                "A hook's token is sent as Authorization: Bearer <token> or in the header x-chela-token (or x-openclaw-token), never in the address.",
            ),
            Self::Method => {
                let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
                response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("POST"));
                response
            }
            Self::Token => plain(StatusCode::UNAUTHORIZED, "Unauthorized"),
            Self::TooMany(left) => {
                let mut response = plain(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests");
                // Not a second too early.
                response.headers_mut().insert(header::RETRY_AFTER, (left.as_secs() + 1).into());
                response
            }
            Self::NotFound => plain(StatusCode::NOT_FOUND, "Not Found"),
            Self::Json(status, error) => (status, Json(json!({ "ok": false, "error": error }))).into_response(),
            Self::Later(error) => {
                let headers = [(header::RETRY_AFTER, RETRY_AFTER.as_secs())];
                let body = Json(json!({ "ok": false, "error": error }));
                (StatusCode::SERVICE_UNAVAILABLE, headers, body).into_response()
            }
        }
    }
}
