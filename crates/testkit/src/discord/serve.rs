//! The HTTP side: connections, the door (agent, token, limits), files, and the script's failures.

use std::convert::Infallible;
use std::hash::{Hash, Hasher};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State as Shares};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri, header};
use axum::routing::get;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tower_service::Service as _;

use super::failure::DiscordFailure;
use super::rest::{self, Answer, Call};
use super::wire::{self, FormFile, Refusal};
use super::world::{Snowflake, now_ms};
use super::{DiscordRequest, Shared, State, gateway};

/// Where REST stands.
const PREFIX: &str = "/api/v10";
/// Larger than any upload that the platform takes.
const BODY_MAX: usize = 64 * 1024 * 1024;
/// What the headers claim while no limit is set.
const IDLE_LIMIT: u32 = 50;

/// Requests that were on their way already when a route said to wait.
const EARLY_MAX: u32 = 3;

/// Marks an answer that must not leave: its connection ends instead.
#[derive(Clone)]
struct Cut;

pub(super) async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let app = Router::new().route("/", get(gateway::upgrade)).fallback(answer);
    let app = app.layer(DefaultBodyLimit::max(BODY_MAX)).with_state(Arc::clone(&shared));
    loop {
        let stream = tokio::select! {
            () = shared.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = stream else { return };
        let _ = stream.set_nodelay(true);
        let ends = {
            let state = shared.lock();
            if state.is_offline {
                continue;
            }
            state.connections.clone()
        };
        tokio::spawn(connection(stream, app.clone(), Arc::clone(&shared), ends));
    }
}

async fn connection(stream: TcpStream, app: Router, shared: Arc<Shared>, ends: CancellationToken) {
    let service = service_fn(move |request: Request<Incoming>| {
        let answering = app.clone().call(request.map(Body::new));
        async move {
            let response = answering.await.unwrap_or_else(|never: Infallible| match never {});
            // An error of the service ends the connection without a word.
            let cut = response.extensions().get::<Cut>().is_some();
            if cut { Err(io::Error::other("cut by the script")) } else { Ok(response) }
        }
    });
    let serving = http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades();
    tokio::select! {
        // How a test's connection ended has nobody to be told.
        _ = serving => {}
        () = ends.cancelled() => {}
        () = shared.stop.cancelled() => {}
    }
}

async fn answer(
    Shares(shared): Shares<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let (is_offline, is_silent) = {
        let state = shared.lock();
        (state.is_offline, state.is_silent)
    };
    if is_offline {
        return cut();
    }
    if is_silent {
        return std::future::pending().await;
    }
    let Some(path) = uri.path().strip_prefix(PREFIX) else {
        return shared.change(|state| file(state, &method, &uri, &headers));
    };
    let read = read_body(&headers, &body);
    let (index, latency, trap) = shared.change(|state| {
        let index = record(state, &method, path, &uri, &headers, &read);
        let trap = state.traps.iter().position(|trap| trap.catches(method.as_str(), path));
        (index, state.latency, trap.map(|at| state.traps.remove(at).failure))
    });
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    if let Some(failure) = trap.as_ref().filter(|failure| !failure.is_applied()) {
        return fail(&shared, index, failure.clone()).await;
    }
    let response = shared.change(|state| {
        let (status, response) = serve(state, &method, path, &uri, &headers, read);
        if let Some(request) = state.requests.get_mut(index) {
            request.status = Some(status);
        }
        response
    });
    match trap {
        Some(DiscordFailure::HangAfter) => std::future::pending().await,
        Some(_) => cut(),
        None => response,
    }
}

async fn fail(shared: &Shared, index: usize, failure: DiscordFailure) -> Response<Body> {
    let (status, body, extra) = match failure {
        DiscordFailure::Status(status, Value::String(text)) => (status, text, None),
        DiscordFailure::Status(status, body) => (status, body.to_string(), None),
        DiscordFailure::RateLimited { after, global } => {
            let seconds = after.as_secs_f64();
            let body = json!({"message": "You are being rate limited.", "retry_after": seconds, "global": global});
            (429, body.to_string(), Some((after, global)))
        }
        DiscordFailure::CutBefore | DiscordFailure::CutAfter => return cut(),
        DiscordFailure::Hang | DiscordFailure::HangAfter => return std::future::pending().await,
    };
    shared.change(|state| {
        if let Some(request) = state.requests.get_mut(index) {
            request.status = Some(status);
        }
    });
    let mut response = plain(status, body);
    if let Some((after, global)) = extra {
        limit_headers(response.headers_mut(), "made-to-fail", (1, 0), after, Some(global));
    }
    response
}

enum ReadBody {
    Empty,
    Json(Value),
    Form(Value, Vec<FormFile>),
    Broken(String),
}

fn read_body(headers: &HeaderMap, body: &Bytes) -> ReadBody {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if body.is_empty() {
        ReadBody::Empty
    } else if content_type.starts_with("multipart/form-data") {
        match wire::read_form(content_type, body) {
            Ok((payload, files)) => ReadBody::Form(payload, files),
            Err(error) => ReadBody::Broken(error),
        }
    } else if content_type.starts_with("application/json") {
        serde_json::from_slice(body).map_or_else(|error| ReadBody::Broken(error.to_string()), ReadBody::Json)
    } else {
        ReadBody::Broken(format!("a body of type `{content_type}`"))
    }
}

fn record(state: &mut State, method: &Method, path: &str, uri: &Uri, headers: &HeaderMap, body: &ReadBody) -> usize {
    if state.forgets {
        return usize::MAX;
    }
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    state.requests.push(DiscordRequest {
        method: method.to_string(),
        path: path.to_owned(),
        query: wire::read_query(uri.query().unwrap_or_default()),
        headers: headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        body: match body {
            ReadBody::Json(body) | ReadBody::Form(body, _) => body.clone(),
            ReadBody::Empty | ReadBody::Broken(_) => Value::Null,
        },
        status: None,
        at: Instant::now(),
    });
    state.requests.len() - 1
}

/// Applies a request. The answer carries the headers of its limit.
fn serve(
    state: &mut State,
    method: &Method,
    path: &str,
    uri: &Uri,
    headers: &HeaderMap,
    body: ReadBody,
) -> (u16, Response<Body>) {
    let decoded: Vec<String> = path.trim_matches('/').split('/').filter_map(wire::decode_path).collect();
    let segments: Vec<&str> = decoded.iter().map(String::as_str).collect();
    let bucket = bucket(method, &segments);
    let (left, reset) = match take(state, &bucket) {
        Ok(taken) => taken,
        Err(after) => {
            let seconds = after.as_secs_f64();
            let body = json!({"message": "You are being rate limited.", "retry_after": seconds, "global": false});
            let mut response = plain(429, body.to_string());
            limit_headers(response.headers_mut(), &bucket, (limit(state), 0), after, Some(false));
            return (429, response);
        }
    };
    let applied = door(state, headers, &segments).and_then(|()| {
        let (body, files) = match body {
            ReadBody::Empty => (Value::Null, Vec::new()),
            ReadBody::Json(body) => (body, Vec::new()),
            ReadBody::Form(body, files) => (body, files),
            ReadBody::Broken(words) => {
                return Err(Refusal::new(400, 50109, "The request body contains invalid JSON.")
                    .fault()
                    .because(&words));
            }
        };
        let query = wire::read_query(uri.query().unwrap_or_default());
        rest::route(state, &Call { method: method.as_str(), segments: &segments, query, body, files })
    });
    let (status, body) = match applied {
        Ok(Answer { status, body }) => (status, body.map(|body| body.to_string()).unwrap_or_default()),
        Err(refusal) => {
            if refusal.is_fault {
                let fields = refusal.errors.as_ref().map(Value::to_string).unwrap_or_default();
                state.faults.push(format!("{method} {path}: {} {fields}", refusal.message));
            }
            (refusal.status, refusal.body().to_string())
        }
    };
    let mut response = plain(status, body);
    limit_headers(response.headers_mut(), &bucket, (limit(state), left), reset, None);
    (status, response)
}

/// Who may come in at all.
fn door(state: &State, headers: &HeaderMap, segments: &[&str]) -> Result<(), Refusal> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !text(header::USER_AGENT).starts_with("DiscordBot (") {
        return Err(Refusal::new(403, 40333, "internal network error")
            .fault()
            .because("no agent `DiscordBot (url, version)`"));
    }
    // A token in the path is enough where one stands there.
    let open = matches!(segments, ["gateway"] | ["interactions" | "webhooks", ..]);
    if open || text(header::AUTHORIZATION) == format!("Bot {}", state.options.token) {
        return Ok(());
    }
    Err(Refusal::new(401, 0, "401: Unauthorized"))
}

/// Requests are counted by route and by its first id; clients see an opaque name of the two.
fn bucket(method: &Method, segments: &[&str]) -> String {
    let is_word = |segment: &&str| segment.chars().all(|c| c.is_ascii_lowercase() || matches!(c, '@' | '-'));
    let mut hasher = std::hash::DefaultHasher::new();
    method.as_str().hash(&mut hasher);
    for (at, segment) in segments.iter().enumerate() {
        // An id, a token or an emoji further behind makes no limit of its own.
        let counted = if at < 2 || is_word(segment) { *segment } else { "*" };
        counted.hash(&mut hasher);
    }
    format!("{:016x}", hasher.finish())
}

fn limit(state: &State) -> u32 {
    state.options.rate.map_or(IDLE_LIMIT, |(limit, _)| limit)
}

/// Counts a request; what is left of its window and until when, or how long it must wait.
fn take(state: &mut State, bucket: &str) -> Result<(u32, Duration), Duration> {
    let Some((limit, window)) = state.options.rate else { return Ok((IDLE_LIMIT - 1, Duration::from_secs(1))) };
    let now = Instant::now();
    let entry = state.buckets.entry(bucket.to_owned()).or_insert((0, now));
    if now.duration_since(entry.1) >= window {
        *entry = (0, now);
    }
    let reset = window.saturating_sub(now.duration_since(entry.1));
    entry.0 = entry.0.saturating_add(1);
    if entry.0 > limit {
        if entry.0 == limit + EARLY_MAX + 1 {
            state.faults.push("a route was asked again and again, though it had said when".to_owned());
        }
        return Err(reset);
    }
    Ok((limit - entry.0, reset))
}

/// The scope stands on refusals only; `global` is `Some` for those.
fn limit_headers(headers: &mut HeaderMap, bucket: &str, of: (u32, u32), reset: Duration, global: Option<bool>) {
    let mut put = |name: &'static str, value: String| {
        let value = HeaderValue::from_str(&value).expect("digits and route names are header text");
        headers.insert(HeaderName::from_static(name), value);
    };
    if let Some(global) = global {
        put("retry-after", reset.as_secs_f64().ceil().to_string());
        put("x-ratelimit-scope", if global { "global" } else { "user" }.to_owned());
        if global {
            put("x-ratelimit-global", "true".to_owned());
            return;
        }
    }
    put("x-ratelimit-bucket", bucket.to_owned());
    put("x-ratelimit-limit", of.0.to_string());
    put("x-ratelimit-remaining", of.1.to_string());
    put("x-ratelimit-reset-after", format!("{:.3}", reset.as_secs_f64()));
    put("x-ratelimit-reset", format!("{:.3}", Duration::from_millis(now_ms()).saturating_add(reset).as_secs_f64()));
}

/// A file of a message: open to who has its signature, and none of the bot's token's business.
fn file(state: &mut State, method: &Method, uri: &Uri, headers: &HeaderMap) -> Response<Body> {
    let ["attachments", channel, id, _] = uri.path().trim_matches('/').split('/').collect::<Vec<_>>()[..] else {
        state.faults.push(format!("{method} {uri}: no such path"));
        return plain(404, r#"{"message": "404: Not Found", "code": 0}"#.to_owned());
    };
    if headers.contains_key(header::AUTHORIZATION) {
        state.faults.push(format!("{method} {}: the token was sent to the file server", uri.path()));
    }
    let (channel, id) = (Snowflake::parse(channel), Snowflake::parse(id));
    let mut messages = state.world.messages.values();
    let found = messages.find_map(|message| {
        let mut files = message.attachments.iter().filter(|_| Some(message.channel) == channel);
        files.find(|file| Some(file.id) == id)
    });
    let signed = |id: Snowflake| uri.query().is_some_and(|query| query.ends_with(&format!("hm={:x}", id.0)));
    match found.filter(|file| signed(file.id)) {
        None => plain(404, "This content is no longer available.".to_owned()),
        Some(file) => {
            let mime = file.mime.as_deref().unwrap_or("application/octet-stream");
            let builder = Response::builder().header(header::CONTENT_TYPE, mime);
            builder.body(Body::from(file.bytes.clone())).expect("a type of a script is header text")
        }
    }
}

fn plain(status: u16, body: String) -> Response<Body> {
    let builder = Response::builder().status(status);
    let builder = if body.is_empty() { builder } else { builder.header(header::CONTENT_TYPE, "application/json") };
    builder.body(Body::from(body)).expect("a status of a script is one")
}

fn cut() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(Cut);
    response
}
