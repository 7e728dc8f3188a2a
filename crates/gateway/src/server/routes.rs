//! The paths of the port, and what holds for all of them: headers, body limit, time limit, 404.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::front::Front;
use super::{metrics, probes, webhooks};
use crate::{hooks, openai, tools_invoke, web};

/// Largest body of a request where a route sets no other: pictures in base64 fit.
const BODY_BYTES_MAX: usize = 20 * 1024 * 1024;

/// On every answer.
const HEADERS: &[(&str, &str)] = &[
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("permissions-policy", "camera=(), microphone=(self), geolocation=()"),
];

/// Everything that is served.
pub(crate) fn router(front: Arc<Front>) -> Router {
    Router::new()
        .route("/health", get(probes::live))
        .route("/healthz", get(probes::live))
        .route("/ready", get(probes::ready))
        .route("/readyz", get(probes::ready))
        .route("/startupz", get(probes::startup))
        .route("/metrics", get(metrics::metrics))
        .merge(openai::router())
        .merge(tools_invoke::router())
        .merge(web::router())
        .fallback(not_found)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(front.clone(), hooks::divert))
        .layer(middleware::from_fn_with_state(front.clone(), webhooks::divert))
        .layer(middleware::from_fn(add_headers))
        .with_state(front)
}

async fn not_found() -> Response {
    (StatusCode::NOT_FOUND, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], "Not Found").into_response()
}

async fn add_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        let name = HeaderName::from_static(name);
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
