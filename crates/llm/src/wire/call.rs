//! One HTTP call to a model: send the body, check the status, feed the events to the wire, watch the clock.
//!
//! Makes one attempt. Retrying and choosing another model is `failover`'s.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use serde_json::Value;
use tokio::time::timeout;

use super::endpoint::Endpoint;
use super::error::{self, Failure};
use crate::EventStream;
use crate::produce::{Emitter, produce};
use crate::sse::{Event, Reader};
use crate::types::{Completion, LlmError, LlmErrorKind, StreamEvent};

/// From sending to the headers, and from there to the first output, unless the provider's `timeoutSeconds` says otherwise.
/// Long prompts take minutes to read.
pub(crate) const FIRST_BYTE: Duration = Duration::from_mins(2);
/// Between two pieces of an answer. Vendors send pings or thinking more often than that.
pub(crate) const IDLE: Duration = Duration::from_secs(90);
/// After the answer is complete, the body's end frees the connection for the next call; it is in the same packet or late.
const DRAIN: Duration = Duration::from_millis(20);
/// Enough for any error text; the rest of a large error page tells nothing.
const MAX_ERROR_BYTES: usize = 64 * 1024;
/// Bytes of one answer on the wire: every token comes wrapped in a hundred bytes or two.
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// Text, thoughts and arguments of one answer: far above what any model writes. Clients get the whole text in one event.
const MAX_SAID_BYTES: usize = 2 * 1024 * 1024;

/// What a wire wants sent.
pub(crate) struct Call {
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) model: String,
    pub(crate) url: String,
    pub(crate) headers: &'static [(&'static str, &'static str)],
    pub(crate) body: Value,
}

/// A wire's half of reading: events of one answer in, the answer out.
pub(crate) trait Assemble: Send + 'static {
    /// Takes one event and appends what it tells the reader.
    fn accept(&mut self, event: &Event, out: &mut Vec<StreamEvent>) -> Result<Progress, LlmErrorKind>;

    /// The whole answer; an error when the stream ended before the vendor said that the answer is complete.
    fn finish(self) -> Result<Completion, LlmErrorKind>;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    More,
    /// Nothing more can follow.
    Complete,
}

/// Starts the call. Nothing is sent before the stream is polled.
pub(crate) fn start<A: Assemble>(call: Call, assembler: A) -> EventStream {
    produce(move |emitter| async move {
        let mut after_output = false;
        let outcome = exchange(&call, assembler, &emitter, &mut after_output).await;
        outcome.map_err(|failure| LlmError {
            provider: call.endpoint.provider.clone(),
            model: call.model.clone(),
            kind: failure.kind.map_message(|message| call.endpoint.without_key(&message)),
            status: failure.status,
            after_output,
        })
    })
}

async fn exchange<A: Assemble>(
    call: &Call,
    mut assembler: A,
    emitter: &Emitter,
    after_output: &mut bool,
) -> Result<(), Failure> {
    let mut response = open(call).await?;
    let (provider, model) = (call.endpoint.provider.clone(), call.model.clone());
    emitter.emit(StreamEvent::Started { provider, model }).await;

    let (mut reader, mut events, mut out) = (Reader::default(), Vec::new(), Vec::new());
    let (mut received, mut said) = (0, 0);
    'answer: loop {
        let limit = if *after_output { call.endpoint.idle } else { call.endpoint.first_byte };
        let Some(chunk) = next_chunk(&mut response, limit).await? else { break };
        received += chunk.len();
        if received > MAX_ANSWER_BYTES {
            return Err(error::protocol(format!("the answer is larger than {MAX_ANSWER_BYTES} bytes")).into());
        }
        reader.push(&chunk, &mut events).map_err(|error| error::protocol(error.to_string()))?;
        for event in events.drain(..) {
            let progress = assembler.accept(&event, &mut out);
            for event in out.drain(..) {
                *after_output = true;
                said += bytes_said(&event);
                if said > MAX_SAID_BYTES {
                    return Err(error::protocol(format!("the answer is longer than {MAX_SAID_BYTES} bytes")).into());
                }
                emitter.emit(event).await;
            }
            if progress? == Progress::Complete {
                drain(&mut response).await;
                break 'answer;
            }
        }
    }
    emitter.emit(StreamEvent::Done(assembler.finish()?)).await;
    Ok(())
}

fn bytes_said(event: &StreamEvent) -> usize {
    match event {
        StreamEvent::TextDelta(text) | StreamEvent::ThinkingDelta(text) => text.len(),
        StreamEvent::ToolUseStart { id, name } => id.len() + name.len(),
        StreamEvent::ToolUseDelta { partial_json, .. } => partial_json.len(),
        StreamEvent::Started { .. } | StreamEvent::Restart | StreamEvent::Done(_) => 0,
    }
}

/// Sends the request and waits for a good status.
async fn open(call: &Call) -> Result<reqwest::Response, Failure> {
    let headers = call.endpoint.call_headers(call.headers)?;
    let client = call.endpoint.http.get().map_err(|error| LlmErrorKind::Network { message: error.to_string() })?;
    let sending = client.post(&call.url).headers(headers).json(&call.body).send();
    let limit = call.endpoint.first_byte;
    let response = timeout(limit, sending)
        .await
        .map_err(|_| LlmErrorKind::Timeout(limit))?
        .map_err(|error| error::network(&error))?;
    if !response.status().is_success() {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        return Err(error::of_response(status, &headers, &read_beginning(response).await));
    }
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.starts_with("application/json") {
        return Err(error::of_unstreamed(&read_beginning(response).await).into());
    }
    Ok(response)
}

/// What came of a body is used even when the rest does not come.
async fn read_beginning(mut response: reqwest::Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = next_chunk(&mut response, IDLE).await {
        let room = MAX_ERROR_BYTES - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if body.len() == MAX_ERROR_BYTES {
            break;
        }
    }
    body
}

async fn next_chunk(response: &mut reqwest::Response, limit: Duration) -> Result<Option<bytes::Bytes>, LlmErrorKind> {
    match timeout(limit, response.chunk()).await {
        Ok(chunk) => chunk.map_err(|error| error::network(&error)),
        Err(_) => Err(LlmErrorKind::Timeout(limit)),
    }
}

async fn drain(response: &mut reqwest::Response) {
    let _ = timeout(DRAIN, async { while let Ok(Some(_)) = response.chunk().await {} }).await;
}

#[cfg(test)]
#[path = "call_tests.rs"]
mod tests;
