//! Probes for supervisors and load balancers. No authentication, no secrets, no waiting.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::front::Front;

/// The process answers.
pub(super) async fn live() -> Json<serde_json::Value> {
    Json(json!({"ok": true, "status": "live"}))
}

/// The gateway does its work; `failing` names what does not, `degraded` what is limited.
pub(super) async fn ready(State(front): State<Arc<Front>>) -> Response {
    let mut failing = Vec::new();
    let mut degraded = Vec::new();
    match front.gateway() {
        None => failing.push("startup".to_owned()),
        Some(gateway) => degraded = gateway.degraded(),
    }
    if front.shutdown.is_cancelled() {
        failing.push("shutdown".to_owned());
    }
    let ready = failing.is_empty();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let uptime_ms = u64::try_from(front.started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let body = json!({"ready": ready, "failing": failing, "degraded": degraded, "uptimeMs": uptime_ms});
    (status, Json(body)).into_response()
}

/// Start-up is over.
pub(super) async fn startup(State(front): State<Arc<Front>>) -> Response {
    let started = front.gateway().is_some();
    let status = if started { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({"started": started}))).into_response()
}
