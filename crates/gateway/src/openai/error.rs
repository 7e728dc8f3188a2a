//! Errors in OpenAI's shape: `{"error": {message, type, param, code}}`.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chela_agent::FailureKind;
use serde_json::{Value, json};

use crate::intake::SubmitError;
use crate::pressure::{RETRY_AFTER, Scarce};
use crate::rpc_error;
use crate::sessions::Refused;

/// Official clients repeat requests that failed on the server's side unless this says otherwise; a turn that failed has
/// tried again by itself.
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// A queue that is full has room again in a moment.
const SOON: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    kind: &'static str,
    code: Option<&'static str>,
    param: Option<&'static str>,
    message: String,
    retry: Option<bool>,
    /// What `Retry-After` says, where it makes sense.
    wait: Duration,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, code: None, param: None, message: message.into(), retry: None, wait: SOON }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "invalid_request_error", message)
    }

    pub(super) fn too_large(most: usize) -> Self {
        let message = format!("The body is larger than {most} bytes.");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request_error", message)
    }

    /// A turn that failed. Its message was worded for people by the agent crate.
    pub(super) fn turn(kind: FailureKind, message: String) -> Self {
        let (status, name, code) = match kind {
            FailureKind::Refusal => (StatusCode::BAD_REQUEST, "invalid_request_error", Some("content_filter")),
            FailureKind::ContextLength => {
                (StatusCode::BAD_REQUEST, "invalid_request_error", Some("context_length_exceeded"))
            }
            FailureKind::RateLimit => (StatusCode::TOO_MANY_REQUESTS, "rate_limit_error", Some("rate_limit_exceeded")),
            FailureKind::Timeout => (StatusCode::GATEWAY_TIMEOUT, "timeout_error", None),
            FailureKind::Lasting | FailureKind::Unknown => (StatusCode::BAD_GATEWAY, "api_error", None),
        };
        Self { code, retry: Some(false), ..Self::new(status, name, message) }
    }

    /// A turn without the call that the request insisted on.
    pub(super) fn unmet(choice: &str) -> Self {
        let message = format!("tool_choice={choice} was not satisfied by the agent response");
        Self { retry: Some(false), ..Self::new(StatusCode::BAD_GATEWAY, "api_error", message) }
    }

    /// The turn was stopped, or the gateway is.
    pub(super) fn stopped(message: &str) -> Self {
        Self { retry: Some(false), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "api_error", message) }
    }

    /// There is no memory or no disk for it now.
    pub(super) fn scarce(scarce: Scarce) -> Self {
        let overloaded = Self::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded_error", scarce.to_string());
        Self { code: Some("overloaded"), retry: Some(true), wait: RETRY_AFTER, ..overloaded }
    }

    pub(super) fn with_param(mut self, param: &'static str) -> Self {
        self.param = Some(param);
        self
    }

    pub(super) fn message(&self) -> &str {
        &self.message
    }

    pub(super) fn code(&self) -> &'static str {
        self.code.unwrap_or(self.kind)
    }

    pub(super) fn body(&self) -> Value {
        json!({
            "error": { "message": self.message, "type": self.kind, "param": self.param, "code": self.code },
        })
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body())).into_response();
        let headers = response.headers_mut();
        if let Some(retry) = self.retry {
            headers.insert(SHOULD_RETRY, HeaderValue::from_static(if retry { "true" } else { "false" }));
        }
        if self.retry == Some(true) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(self.wait.as_secs()));
        }
        response
    }
}

impl From<ApiError> for Response {
    fn from(error: ApiError) -> Self {
        error.into_response()
    }
}

impl From<SubmitError> for ApiError {
    fn from(error: SubmitError) -> Self {
        let message = match error {
            SubmitError::TooLong { .. } => {
                return Self { code: Some("context_length_exceeded"), ..Self::invalid(error.to_string()) };
            }
            SubmitError::Refused(Refused::Scarce(scarce)) => return Self::scarce(scarce),
            SubmitError::Refused(refused @ (Refused::Stopping | Refused::Busy)) => refused.to_string(),
            SubmitError::Store(error) => rpc_error::of_store(error).message,
        };
        Self { retry: Some(true), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "api_error", message) }
    }
}
