//! The HTTP side: a request in, its check, its step, the answer out.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State as Shares;
use axum::http::{HeaderMap, Method, Response, Uri, header};
use futures_util::stream;
use serde_json::{Value, json};

use super::script::{Reply, Step};
use super::wire::{FakeWire, Frame, Verdict};
use super::{Recorded, Shared, State, anthropic, embed, gemini, openai_chat, openai_responses, speech};

pub(super) fn router(shared: Arc<Shared>) -> Router {
    // Prompts with images are larger than axum's usual two megabytes.
    Router::new().fallback(answer).layer(axum::extract::DefaultBodyLimit::max(64 * 1024 * 1024)).with_state(shared)
}

async fn answer(
    Shares(shared): Shares<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response<Body>, Infallible> {
    if method == Method::POST && speech::is_path(uri.path()) {
        return Ok(hear(&shared, &headers, &body));
    }
    if method == Method::POST && embed::is_path(uri.path()) {
        return Ok(embedded(&shared, &headers, &body));
    }
    let Some(wire) = FakeWire::of_path(uri.path()).filter(|_| method == Method::POST) else {
        return Ok(plain(404, format!("no such path: {method} {uri}")));
    };
    let request = record(wire, &uri, &headers, &body);
    let step = {
        let mut state = shared.lock();
        if !state.forgets {
            state.requests.push(request.clone());
        }
        let verdict = check(&request, &uri, &state);
        match verdict {
            Ok(()) => Ok(state.steps.pop_front().ok_or_else(|| Arc::clone(&state.responder))),
            Err(violation) => {
                state.violations.push(format!("{wire:?}: {violation}"));
                Err(violation)
            }
        }
    };
    shared.arrived.send_modify(|arrived| *arrived += 1);
    Ok(match step {
        Err(violation) => failure(wire, 400, None, &violation),
        // The responder runs outside the lock: it may look at the fake model itself.
        Ok(step) => perform(&shared, &request, step.unwrap_or_else(|responder| responder(&request))).await,
    })
}

fn hear(shared: &Shared, headers: &HeaderMap, body: &Bytes) -> Response<Body> {
    match speech::read(headers, body) {
        Ok(recording) => {
            let words = speech::answer(&recording);
            shared.lock().recordings.push(recording);
            plain(200, words.to_string())
        }
        Err(violation) => {
            shared.lock().violations.push(format!("transcription: {violation}"));
            plain(400, json!({ "error": { "message": violation, "type": "invalid_request_error" } }).to_string())
        }
    }
}

fn embedded(shared: &Shared, headers: &HeaderMap, body: &Bytes) -> Response<Body> {
    match embed::read(headers, body) {
        Ok(asked) => {
            let vectors = embed::answer(&asked);
            shared.lock().embeddings.push(asked);
            plain(200, vectors.to_string())
        }
        Err(violation) => {
            shared.lock().violations.push(format!("embeddings: {violation}"));
            plain(400, json!({ "error": { "message": violation, "type": "invalid_request_error" } }).to_string())
        }
    }
}

fn record(wire: FakeWire, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Recorded {
    let parsed: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    let named = match wire {
        FakeWire::Gemini => uri.path().trim_start_matches("/v1beta/models/").split(':').next(),
        FakeWire::Anthropic | FakeWire::OpenAiChat | FakeWire::OpenAiResponses => parsed["model"].as_str(),
    };
    Recorded {
        wire,
        path: uri.path().to_owned(),
        headers: headers
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect(),
        model: named.unwrap_or_default().to_owned(),
        text: String::from_utf8_lossy(body).into_owned(),
        body: parsed,
    }
}

fn check(request: &Recorded, uri: &Uri, state: &State) -> Verdict {
    match request.wire {
        FakeWire::Anthropic => anthropic::check(request, state),
        FakeWire::OpenAiChat => openai_chat::check(request),
        FakeWire::OpenAiResponses => openai_responses::check(request, state),
        FakeWire::Gemini => gemini::check(request, uri, state),
    }
}

async fn perform(shared: &Shared, request: &Recorded, step: Step) -> Response<Body> {
    let mut step = step;
    loop {
        match step {
            Step::Gate(gate, then) => {
                gate.notified().await;
                step = *then;
            }
            Step::Hang => std::future::pending().await,
            Step::Reply(reply) => return events(frames(shared, request, &reply), None),
            Step::Cut { after_bytes, reply } => return events(frames(shared, request, &reply), Some(after_bytes)),
            Step::Break { reply, class, message } => {
                let mut frames = frames(shared, request, &reply);
                let end = frames.len() - closing_frames(request.wire, &reply).min(frames.len());
                frames.truncate(end);
                frames.push_back(error_frame(request.wire, &class, &message));
                return events(frames, None);
            }
            Step::Raw(text) => return events(VecDeque::from([Frame::Send(text)]), None),
            Step::Fail { status, body, retry_after } => {
                let mut response = match body {
                    Some(body) => plain(status, body),
                    None => failure(request.wire, status, None, "made to fail"),
                };
                if let Some(wish) = retry_after {
                    let headers = response.headers_mut();
                    // Whole seconds as all vendors say them; less as OpenAI does.
                    if wish.subsec_millis() == 0 {
                        headers.insert(header::RETRY_AFTER, wish.as_secs().into());
                    } else {
                        let millis = u64::try_from(wish.as_millis()).unwrap_or(u64::MAX);
                        headers.insert("retry-after-ms", millis.into());
                    }
                }
                return response;
            }
        }
    }
}

fn frames(shared: &Shared, request: &Recorded, reply: &Reply) -> VecDeque<Frame> {
    let mut state = shared.lock();
    let frames = match request.wire {
        FakeWire::Anthropic => anthropic::frames(request, reply, &mut state),
        FakeWire::OpenAiChat => openai_chat::frames(request, reply, &mut state),
        FakeWire::OpenAiResponses => openai_responses::frames(request, reply, &mut state),
        FakeWire::Gemini => gemini::frames(request, reply, &mut state),
    };
    frames.into()
}

/// How many frames at the end tell that all went well.
fn closing_frames(wire: FakeWire, reply: &Reply) -> usize {
    match wire {
        FakeWire::Anthropic => 2,
        FakeWire::OpenAiChat => 3,
        FakeWire::OpenAiResponses | FakeWire::Gemini => {
            let _ = reply;
            1
        }
    }
}

fn error_frame(wire: FakeWire, class: &str, message: &str) -> Frame {
    match wire {
        FakeWire::Anthropic => Frame::named(&json!({"type": "error", "error": {"type": class, "message": message}})),
        FakeWire::OpenAiChat => Frame::data(&json!({"error": {"type": class, "code": class, "message": message}})),
        FakeWire::OpenAiResponses => {
            Frame::named(&json!({"type": "error", "code": class, "message": message, "param": null}))
        }
        FakeWire::Gemini => Frame::data(&json!({"error": {"code": 503, "status": class, "message": message}})),
    }
}

/// An error in the vendor's own form.
fn failure(wire: FakeWire, status: u16, class: Option<&str>, message: &str) -> Response<Body> {
    let (anthropic, openai, google) = match status {
        401 => ("authentication_error", "invalid_api_key", "UNAUTHENTICATED"),
        402 => ("billing_error", "insufficient_quota", "FAILED_PRECONDITION"),
        404 => ("not_found_error", "model_not_found", "NOT_FOUND"),
        429 => ("rate_limit_error", "rate_limit_exceeded", "RESOURCE_EXHAUSTED"),
        529 | 503 => ("overloaded_error", "server_is_overloaded", "UNAVAILABLE"),
        500.. => ("api_error", "server_error", "INTERNAL"),
        _ => ("invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT"),
    };
    let body = match wire {
        FakeWire::Anthropic => {
            json!({"type": "error", "error": {"type": class.unwrap_or(anthropic), "message": message}})
        }
        FakeWire::OpenAiChat | FakeWire::OpenAiResponses => {
            let class = class.unwrap_or(openai);
            json!({"error": {"message": message, "type": class, "param": null, "code": class}})
        }
        FakeWire::Gemini => json!({"error": {"code": status, "message": message, "status": class.unwrap_or(google)}}),
    };
    plain(status, body.to_string())
}

fn plain(status: u16, body: String) -> Response<Body> {
    let builder = Response::builder().status(status).header(header::CONTENT_TYPE, "application/json");
    builder.body(Body::from(body)).expect("a status of a script is one")
}

/// The event stream; with a limit it breaks off there as a dying server does.
fn events(frames: VecDeque<Frame>, limit: Option<usize>) -> Response<Body> {
    let stream = stream::unfold((frames, limit), |(mut frames, mut limit)| async move {
        loop {
            match frames.pop_front()? {
                Frame::Wait(gate) => gate.notified().await,
                Frame::Pause(pause) => tokio::time::sleep(pause).await,
                Frame::Send(mut text) => {
                    if let Some(left) = &mut limit {
                        if *left == 0 {
                            // A server only writes what it holds once its source pauses; an error right away would throw it out.
                            tokio::task::yield_now().await;
                            return Some((Err(io::Error::other("cut by the script")), (VecDeque::new(), limit)));
                        }
                        let kept = text.floor_char_boundary((*left).min(text.len()));
                        // Always some progress, so that a cut inside a character still ends.
                        *left = if kept == text.len() { *left - kept } else { 0 };
                        text.truncate(kept);
                        if *left == 0 {
                            // The error must come as an item of its own, behind what was sent.
                            frames = VecDeque::from([Frame::Send(" ".into())]);
                        }
                    }
                    return Some((Ok(Bytes::from(text)), (frames, limit)));
                }
            }
        }
    });
    let builder = Response::builder().header(header::CONTENT_TYPE, "text/event-stream");
    builder.body(Body::from_stream(stream)).expect("constant headers")
}
