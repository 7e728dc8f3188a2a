//! The HTTP side: a call in, its failure or its method, the answer out.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{Method as HttpMethod, Request, Response, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::methods::Method;
use super::params::Params;
use super::state::{Answer, ApiError, State};
use super::{Shared, TelegramCall, TelegramFailure, updates};

/// Largest body that is read at all.
const BODY_MAX: usize = 64 * 1024 * 1024;

/// Serves as long as it is polled. Connections end with it.
pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => {
                let Ok((socket, _)) = accepted else { continue };
                let _ = socket.set_nodelay(true);
                if !shared.lock().down {
                    connections.spawn(connection(socket, Arc::clone(&shared)));
                }
            }
        }
    }
}

async fn connection(socket: TcpStream, shared: Arc<Shared>) {
    let mut cuts = shared.cuts.subscribe();
    let service = service_fn(move |request| answer(Arc::clone(&shared), request));
    let serving = http1::Builder::new().serve_connection(TokioIo::new(socket), service);
    tokio::select! {
        // An error is a cut that the script wanted, or a client that went away.
        _ = serving => {}
        _ = cuts.changed() => {}
    }
}

/// The error cuts the connection.
async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> io::Result<Response<Body>> {
    let (head, body) = request.into_parts();
    let body = to_bytes(Body::new(body), BODY_MAX).await.map_err(io::Error::other)?;
    let path = head.uri.path().to_owned();
    let token = shared.lock().options.token.clone();
    if let Some(rest) = path.strip_prefix("/file/bot") {
        if shared.lock().black_hole {
            std::future::pending::<Infallible>().await;
        }
        return Ok(file(&shared.lock(), rest, &token));
    }
    let Some((given, method)) = path.strip_prefix("/bot").and_then(|rest| rest.split_once('/')) else {
        shared.change(|state| state.fault("a call", format_args!("no such path: {}", path.len())));
        return Ok(refusal(&ApiError::new(404, "Not Found")));
    };
    let content_type = head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let params = Params::read(head.uri.query(), content_type, &body);
    let fits = matches!(head.method, HttpMethod::GET | HttpMethod::POST);
    shared.change(|state| state.record(method, params.as_ref(), fits));
    if shared.lock().black_hole {
        std::future::pending::<Infallible>().await;
    }
    if let Some(error) = token_error(given, &token) {
        return Ok(refusal(&error));
    }
    let params = match params {
        Ok(params) => params,
        Err(words) => return Ok(refusal(&ApiError::bad(format!("Bad Request: {words}")))),
    };
    perform(&shared, method, &params).await
}

async fn perform(shared: &Shared, method: &str, params: &Params) -> io::Result<Response<Body>> {
    let failure = shared.change(|state| state.take_failure(method));
    match &failure {
        Some(TelegramFailure::Error { code, description, retry_after }) => {
            let parameters = retry_after.map(|seconds| json!({ "retry_after": seconds }));
            return Ok(refusal(&ApiError { code: *code, description: description.clone(), parameters }));
        }
        Some(TelegramFailure::Page { status }) => {
            let page = "<html><head><title>Bad Gateway</title></head></html>";
            return Ok(plain(*status, "text/html", page.to_owned().into_bytes()));
        }
        Some(TelegramFailure::CutBefore) => return Err(io::Error::other("cut by the script")),
        Some(TelegramFailure::HangBefore) => std::future::pending::<()>().await,
        Some(TelegramFailure::CutAfter | TelegramFailure::HangAfter) | None => {}
    }
    let answer = if method.eq_ignore_ascii_case("getUpdates") {
        updates::get(shared, params).await
    } else {
        shared.change(|state| run(state, method, params))
    };
    match failure {
        Some(TelegramFailure::CutAfter) => Err(io::Error::other("cut by the script")),
        Some(TelegramFailure::HangAfter) => {
            std::future::pending::<()>().await;
            Err(io::Error::other("hung by the script"))
        }
        _ => Ok(match answer {
            Ok(result) => {
                plain(200, "application/json", json!({ "ok": true, "result": result }).to_string().into_bytes())
            }
            Err(error) => refusal(&error),
        }),
    }
}

fn run(state: &mut State, method: &str, params: &Params) -> Answer {
    let Some(found) = Method::find(method) else {
        state.fault(method, "no such method here");
        return Err(ApiError::new(404, "Not Found"));
    };
    // A file that a parameter points to by `attach://` has a name of its own.
    let attached = |name: &str| params.uploads.contains_key(name) && params.points_to(name);
    for name in params.values.keys().chain(params.uploads.keys()) {
        if !found.knows(name) && !attached(name) {
            state.fault(method, format_args!("unknown parameter {name}"));
        }
    }
    (found.run)(state, params)
}

/// A token that can be none is a wrong path; one that could be is refused.
fn token_error(given: &str, token: &str) -> Option<ApiError> {
    if given == token {
        return None;
    }
    let looks_right = given.split_once(':').is_some_and(|(id, _)| id.parse::<i64>().is_ok());
    Some(if looks_right { ApiError::new(401, "Unauthorized") } else { ApiError::new(404, "Not Found") })
}

fn file(state: &State, path: &str, token: &str) -> Response<Body> {
    let found = path.strip_prefix(token).and_then(|rest| rest.strip_prefix('/'));
    let found = found.and_then(|path| state.files.values().find(|file| file.path == path));
    match found {
        Some(file) => plain(200, "application/octet-stream", file.bytes.to_vec()),
        None => refusal(&ApiError::new(404, "Not Found")),
    }
}

fn refusal(error: &ApiError) -> Response<Body> {
    let mut body = json!({ "ok": false, "error_code": error.code, "description": error.description });
    if let Some(parameters) = &error.parameters {
        body["parameters"] = parameters.clone();
    }
    plain(error.code, "application/json", body.to_string().into_bytes())
}

fn plain(status: u16, content_type: &str, body: Vec<u8>) -> Response<Body> {
    let builder = Response::builder().status(status).header(header::CONTENT_TYPE, content_type);
    builder.body(Body::from(body)).expect("a status of a script is one")
}

impl State {
    fn record(&mut self, method: &str, params: Result<&Params, &String>, fits: bool) {
        if !fits {
            self.fault(method, "neither GET nor POST");
        }
        let values = match params {
            Ok(params) => {
                let mut values = params.values.clone();
                for (name, upload) in &params.uploads {
                    values.insert(name.clone(), Value::String(upload.name.clone()));
                }
                values
            }
            Err(words) => {
                self.fault(method, words);
                serde_json::Map::new()
            }
        };
        let at = tokio::time::Instant::now();
        self.calls.push(TelegramCall { method: method.to_owned(), params: values, at });
    }

    fn take_failure(&mut self, method: &str) -> Option<TelegramFailure> {
        let named = |name: &str| name.eq_ignore_ascii_case(method);
        if let Some(position) = self.failures.iter().position(|(name, _)| named(name)) {
            return self.failures.remove(position).map(|(_, failure)| failure);
        }
        self.standing.iter().find(|(name, _)| named(name)).map(|(_, failure)| failure.clone())
    }
}
