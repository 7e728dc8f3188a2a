//! Platforms that call in: a POST to the secret path of an open account goes to its channel. All other requests pass by.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::CONNECTION;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chela_channels::{WebhookAnswer, WebhookRequest};

use super::front::Front;

/// Largest call of a platform: an event with a few hundred lines of text is a few kilobytes.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// Platforms give up and call again after a minute at the latest.
const CALL_MAX: Duration = Duration::from_secs(30);

/// Takes out the calls that are for a channel.
pub(super) async fn divert(State(front): State<Arc<Front>>, request: Request, next: Next) -> Response {
    let gateway = front.gateway().filter(|_| request.method() == Method::POST);
    let Some(webhook) = gateway.and_then(|gateway| gateway.channels.webhook(request.uri().path())) else {
        return next.run(request).await;
    };
    let (parts, body) = request.into_parts();
    let headers = headers(&parts.headers);
    if !webhook.admits(&headers) {
        // The body is still on its way, and nobody is going to read it.
        return (StatusCode::UNAUTHORIZED, [(CONNECTION, "close")]).into_response();
    }
    let answering = async {
        let Ok(body) = axum::body::to_bytes(body, BODY_BYTES_MAX).await else {
            return WebhookAnswer::status(StatusCode::PAYLOAD_TOO_LARGE.as_u16());
        };
        webhook.call(WebhookRequest { headers, body: body.to_vec() }).await
    };
    let answer = tokio::time::timeout(CALL_MAX, answering).await;
    // Not `200`: the platform calls again.
    let answer = answer.unwrap_or_else(|_| WebhookAnswer::status(StatusCode::SERVICE_UNAVAILABLE.as_u16()));
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, answer.body).into_response()
}

/// By lowercase name; of several with one name the first, and none that is no text.
fn headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    let text =
        |name: &axum::http::HeaderName| Some((name.as_str().to_owned(), headers.get(name)?.to_str().ok()?.to_owned()));
    headers.keys().filter_map(text).collect()
}
