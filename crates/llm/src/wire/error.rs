//! What vendors mean by their errors: statuses, types, codes and, where nothing else tells, wordings.

use std::time::Duration;

use chela_config::secret_forms;
use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::types::LlmErrorKind;

/// A longer message is cut: it goes to people and into logs.
const MAX_MESSAGE_CHARS: usize = 600;
/// No vendor's key is this short.
const MIN_SECRET_BYTES: usize = 8;
/// A vendor that asks for more is out for this session; the number itself would only overflow sums.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(24);

/// A failed attempt, before it is known to whom it belongs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Failure {
    pub(crate) kind: LlmErrorKind,
    pub(crate) status: Option<u16>,
}

impl From<LlmErrorKind> for Failure {
    fn from(kind: LlmErrorKind) -> Self {
        Self { kind, status: None }
    }
}

pub(crate) fn protocol(message: impl Into<String>) -> LlmErrorKind {
    LlmErrorKind::Protocol { message: message.into() }
}

/// The stream ended although the vendor had not said that the answer is complete.
pub(crate) fn cut_short() -> LlmErrorKind {
    LlmErrorKind::Network { message: "the connection closed in the middle of the answer".into() }
}

/// A transport error in words, with its causes and without the URL (a query may hold a key).
pub(crate) fn network(error: &reqwest::Error) -> LlmErrorKind {
    let mut message = String::new();
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(error) = cause {
        if !message.is_empty() {
            message.push_str(": ");
        }
        message.push_str(&error.to_string());
        cause = error.source();
    }
    if message.is_empty() {
        message.push_str("the request failed");
    }
    LlmErrorKind::Network { message }
}

/// Replaces a key in a text, encoded or not. A short one is the placeholder of a server that wants none (`x`, `ollama`) and stands in
/// ordinary words.
pub(crate) fn redact(text: &str, key: &str) -> String {
    if key.len() < MIN_SECRET_BYTES {
        return text.to_owned();
    }
    secret_forms(key).iter().fold(text.to_owned(), |text, form| text.replace(form, "***"))
}

/// An answer with a status that is not 2xx.
pub(crate) fn of_response(status: u16, headers: &HeaderMap, body: &[u8]) -> Failure {
    let json: Option<Value> = serde_json::from_slice(body).ok().or_else(|| first_event(body));
    let mut report = json.as_ref().map(Report::of).unwrap_or_default();
    if report.message.is_empty() {
        let text = String::from_utf8_lossy(body);
        report.message = match text.trim() {
            "" => format!("HTTP {status}"),
            // A proxy's page says less than its status, and is nothing to show to a person.
            page if page.starts_with('<') => "a web page came instead of an answer; check `baseUrl`".to_owned(),
            text => shorten(text),
        };
    }
    report.retry_after = retry_after(headers).or(report.retry_after);
    Failure { kind: report.classify(Some(status)), status: Some(status) }
}

/// Proxies that meant to stream may frame an error as an event, whatever its status.
fn first_event(body: &[u8]) -> Option<Value> {
    let line = body.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"data:"))?;
    serde_json::from_slice(line).ok()
}

/// An error object inside a stream that had begun well.
pub(crate) fn in_stream(error: &Value) -> LlmErrorKind {
    let report = Report::of(error);
    let status = report.code.parse().ok();
    report.classify(status)
}

/// A whole JSON body under a good status: some servers put errors there, others don't know how to stream.
pub(crate) fn of_unstreamed(body: &[u8]) -> LlmErrorKind {
    match serde_json::from_slice::<Value>(body) {
        Ok(json) if json.get("error").is_some_and(|error| !error.is_null()) => in_stream(&json),
        _ => protocol("it came whole instead of as a stream of events; check `baseUrl` and `api`"),
    }
}

/// What vendors say, under one set of names.
#[derive(Debug, Default)]
struct Report {
    /// `type` or Google's `status`.
    class: String,
    code: String,
    message: String,
    retry_after: Option<Duration>,
}

impl Report {
    fn of(body: &Value) -> Self {
        // Google's streams wrap the object in an array; some servers put a bare string under `error`.
        let body = body.as_array().and_then(|items| items.first()).unwrap_or(body);
        let error = body.get("error").filter(|error| !error.is_null()).unwrap_or(body);
        let text = |names: &[&str]| {
            names.iter().find_map(|name| match error.get(name) {
                Some(Value::String(text)) => Some(text.clone()),
                Some(Value::Number(number)) => Some(number.to_string()),
                _ => None,
            })
        };
        let message = error.as_str().map(str::to_owned).or_else(|| text(&["message", "detail", "error"]));
        // Validators of some servers answer with a list of findings.
        let message = message.or_else(|| error.get("detail").map(Value::to_string)).unwrap_or_default();
        Self {
            class: text(&["status", "type"]).unwrap_or_default(),
            code: text(&["code"]).unwrap_or_default(),
            message: shorten(&message),
            retry_after: google_retry_delay(error),
        }
    }

    fn classify(self, status: Option<u16>) -> LlmErrorKind {
        let Self { message, retry_after, .. } = &self;
        let (message, retry_after) = (message.clone(), *retry_after);
        let said = format!("{} {} {}", self.class, self.code, self.message).to_ascii_lowercase();
        let says = |wordings: &[&str]| wordings.iter().any(|wording| said.contains(wording));
        let client_error = matches!(status, None | Some(400..500));
        if client_error && (says(TOO_LONG) || status == Some(413)) {
            return LlmErrorKind::ContextLength { message };
        }
        if status == Some(402) || says(NO_CREDIT) {
            return LlmErrorKind::Billing { message };
        }
        if matches!(status, Some(401 | 403)) || says(BAD_KEY) {
            return LlmErrorKind::Unauthorized { message };
        }
        if matches!(status, Some(503 | 529)) || says(OVERLOADED) {
            return LlmErrorKind::Overloaded { message, retry_after };
        }
        if status == Some(429) || says(RATE_LIMITED) {
            return LlmErrorKind::RateLimited { message, retry_after };
        }
        if status == Some(404) || (client_error && says(NO_MODEL)) {
            return LlmErrorKind::UnknownModel { message };
        }
        let server = matches!(status, Some(408 | 409 | 425 | 500..)) || says(SERVER);
        if server || (status.is_none() && !says(&["invalid_request", "invalid_prompt"])) {
            return LlmErrorKind::Server { message };
        }
        LlmErrorKind::InvalidRequest { message }
    }
}

/// Codes and wordings of a prompt that does not fit: Anthropic, OpenAI, Google, Mistral, xAI, Together, Groq, Cerebras,
/// Moonshot, `MiniMax`, Z.AI, llama.cpp, LM Studio.
const TOO_LONG: &[&str] = &[
    "context_length_exceeded",
    "exceed_context_size",
    "prompt is too long",
    "exceed context limit",
    "maximum context length",
    "context window exceeds",
    "exceeds the context window",
    "exceeds the maximum number of tokens",
    "maximum prompt length",
    "inputs tokens + max_new_tokens",
    "reduce the length of the messages",
    "exceeds the available context size",
    "greater than the context length",
    "exceeded model token limit",
    "prompt exceeds max length",
    "too large for model with",
    "please reduce the length of the input",
    "request_too_large",
];
const NO_CREDIT: &[&str] = &[
    "insufficient_quota",
    "billing_error",
    "billing_hard_limit",
    "credit balance is too low",
    "insufficient balance",
    "insufficient credits",
];
const BAD_KEY: &[&str] = &[
    "authentication_error",
    "permission_error",
    "invalid_api_key",
    "api_key_invalid",
    "api key not valid",
    "unauthenticated",
];
const OVERLOADED: &[&str] = &["overloaded", "server_is_overloaded", "unavailable", "slow_down", "engine_overloaded"];
const RATE_LIMITED: &[&str] = &["rate_limit", "resource_exhausted", "too_many_requests", "too many requests"];
const NO_MODEL: &[&str] = &[
    "model_not_found",
    "not_found_error",
    "is not a valid model",
    "invalid model name",
    "invalid_model",
    "model not exist",
    "does not exist",
];
const SERVER: &[&str] =
    &["api_error", "server_error", "internal_server_error", "internal error", "\"internal\"", "timeout"];

fn shorten(text: &str) -> String {
    match text.char_indices().nth(MAX_MESSAGE_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// `retry-after-ms`, or `Retry-After` in seconds or as a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let seconds = text("retry-after-ms")
        .and_then(|millis| millis.parse::<f64>().ok())
        .map(|millis| millis / 1000.0)
        .or_else(|| text("retry-after").and_then(|value| value.parse().ok().or_else(|| seconds_until(value))))?;
    bounded(seconds)
}

fn seconds_until(date: &str) -> Option<f64> {
    let then = jiff::fmt::rfc2822::parse(date).ok()?.timestamp();
    Some((then.duration_since(jiff::Timestamp::now())).as_secs_f64().max(0.0))
}

/// Google says it in the error's details: `{"@type": "…RetryInfo", "retryDelay": "34s"}`.
fn google_retry_delay(error: &Value) -> Option<Duration> {
    let details = error.get("details")?.as_array()?;
    let delay = details.iter().find_map(|detail| detail.get("retryDelay")?.as_str())?;
    bounded(delay.strip_suffix('s')?.parse().ok()?)
}

fn bounded(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok().map(|duration| duration.min(MAX_RETRY_AFTER))
}

impl LlmErrorKind {
    /// The same error with another wording.
    pub(crate) fn map_message(self, change: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::Unauthorized { message } => Self::Unauthorized { message: change(message) },
            Self::RateLimited { message, retry_after } => Self::RateLimited { message: change(message), retry_after },
            Self::Overloaded { message, retry_after } => Self::Overloaded { message: change(message), retry_after },
            Self::Billing { message } => Self::Billing { message: change(message) },
            Self::ContextLength { message } => Self::ContextLength { message: change(message) },
            Self::UnknownModel { message } => Self::UnknownModel { message: change(message) },
            Self::InvalidRequest { message } => Self::InvalidRequest { message: change(message) },
            Self::Server { message } => Self::Server { message: change(message) },
            Self::Network { message } => Self::Network { message: change(message) },
            Self::Protocol { message } => Self::Protocol { message: change(message) },
            other @ (Self::NoKey { .. } | Self::Timeout(_)) => other,
        }
    }
}

#[cfg(test)]
#[path = "error_tests.rs"]
mod tests;
