//! The Bot API over our HTTP client: one call, one typed answer. Source: <https://core.telegram.org/bots/api#making-requests>.
//!
//! The token is a part of every URL, so that no URL ever leaves this file: not in an error, not in a log.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use reqwest::multipart::Form;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::wire::ResponseParameters;
use crate::HttpSource;
use crate::channel::CALL_MAX;

/// The address of Telegram's own servers.
pub(super) const DEFAULT_BASE: &str = "https://api.telegram.org";

/// An answer that is larger is none of the Bot API: a hundred updates with long texts stay far below.
const ANSWER_MAX_BYTES: usize = 16 * 1024 * 1024;

/// Characters of what Telegram says about an error: it is kept with what failed.
const DESCRIPTION_MAX: usize = 500;

/// A pause that Telegram asks for and that is shorter is waited out within a call.
const SHORT_PAUSE: Duration = Duration::from_secs(2);

/// One bot's way to the API. Clones are cheap.
#[derive(Clone)]
pub(super) struct Api {
    base: Arc<str>,
    token: Arc<SecretString>,
    http: Arc<dyn HttpSource>,
    timeout: Duration,
}

/// Why a call gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ApiError {
    /// Telegram says no, in its own words.
    #[error("Telegram answered {code}: {description}")]
    Refused { code: u64, description: String, parameters: ResponseParameters },
    /// The request did not leave.
    #[error("Telegram can't be reached: {0}")]
    Unreachable(String),
    /// The request left; nobody knows whether it was carried out.
    #[error("no answer from Telegram: {0}")]
    Unanswered(String),
    /// The request can't be made at all.
    #[error("{0}")]
    Impossible(String),
}

/// What every method answers.
#[derive(Deserialize)]
struct Answer {
    ok: bool,
    result: Option<Value>,
    description: Option<String>,
    error_code: Option<u64>,
    parameters: Option<ResponseParameters>,
}

impl Api {
    pub(super) fn new(base: &str, token: SecretString, http: Arc<dyn HttpSource>, timeout: Duration) -> Self {
        Self { base: base.trim_end_matches('/').into(), token: Arc::new(token), http, timeout }
    }

    /// Calls a method with JSON parameters. A rate limit shorter than two seconds is waited out once.
    pub(super) async fn call<T: DeserializeOwned>(&self, method: &str, parameters: &Value) -> Result<T, ApiError> {
        let deadline = tokio::time::Instant::now() + self.timeout;
        let first = self.call_within(method, parameters, self.timeout).await;
        let Err(ApiError::Refused { parameters: ResponseParameters { retry_after: Some(seconds), .. }, .. }) = &first
        else {
            return first;
        };
        let pause = Duration::from_secs(u64::from(*seconds));
        if pause >= SHORT_PAUSE {
            return first;
        }
        tokio::time::sleep(pause).await;
        let left = deadline.saturating_duration_since(tokio::time::Instant::now());
        self.call_within(method, parameters, left).await
    }

    /// The same once, with a time limit of its own.
    pub(super) async fn call_within<T: DeserializeOwned>(
        &self,
        method: &str,
        parameters: &Value,
        timeout: Duration,
    ) -> Result<T, ApiError> {
        let request = self.client()?.post(self.url(method)).json(parameters);
        within(timeout, answer(request)).await
    }

    /// Uploads a form: a file and the parameters beside it.
    pub(super) async fn upload<T: DeserializeOwned>(&self, method: &str, form: Form) -> Result<T, ApiError> {
        let request = self.client()?.post(self.url(method)).multipart(form);
        within(CALL_MAX, answer(request)).await
    }

    /// Downloads a file that `getFile` named. `Ok(None)`: it is larger than `max_bytes`.
    pub(super) async fn download(&self, file_path: &str, max_bytes: u64) -> Result<Option<Vec<u8>>, ApiError> {
        let url = format!("{}/file/bot{}/{file_path}", self.base, self.token.expose_secret());
        let request = self.client()?.get(url);
        let whole = async {
            let response = request.send().await.map_err(transport)?;
            if !response.status().is_success() {
                let code = u64::from(response.status().as_u16());
                return Err(refused(code, "the file can't be downloaded".to_owned()));
            }
            collect(response, usize::try_from(max_bytes).unwrap_or(usize::MAX)).await
        };
        within(CALL_MAX, whole).await
    }

    fn client(&self) -> Result<reqwest::Client, ApiError> {
        self.http.client().map_err(ApiError::Impossible)
    }

    fn url(&self, method: &str) -> String {
        format!("{}/bot{}/{method}", self.base, self.token.expose_secret())
    }
}

/// The token stays out.
impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").field("base", &self.base).finish_non_exhaustive()
    }
}

async fn within<T>(timeout: Duration, call: impl Future<Output = Result<T, ApiError>>) -> Result<T, ApiError> {
    tokio::time::timeout(timeout, call)
        .await
        .unwrap_or_else(|_| Err(ApiError::Unanswered(format!("nothing came within {} s", timeout.as_secs()))))
}

async fn answer<T: DeserializeOwned>(request: reqwest::RequestBuilder) -> Result<T, ApiError> {
    let response = request.send().await.map_err(transport)?;
    let status = u64::from(response.status().as_u16());
    let body = collect(response, ANSWER_MAX_BYTES)
        .await?
        .ok_or_else(|| ApiError::Unanswered(format!("the answer has more than {ANSWER_MAX_BYTES} bytes")))?;
    let answer: Answer = serde_json::from_slice(&body).map_err(|_| match status {
        // Not the API but something before it: a proxy's page.
        200..=299 => ApiError::Unanswered("the answer is no answer of the Bot API; check apiBase".to_owned()),
        _ => refused(status, "the answer is no answer of the Bot API".to_owned()),
    })?;
    if !answer.ok {
        return Err(ApiError::Refused {
            code: answer.error_code.unwrap_or(status),
            description: answer.description.map_or_else(|| "without a reason".to_owned(), short),
            parameters: answer.parameters.unwrap_or_default(),
        });
    }
    serde_json::from_value(answer.result.unwrap_or_default())
        // The reader's own words may quote what somebody said.
        .map_err(|error| ApiError::Unanswered(format!("the answer can't be read: {:?}", error.classify())))
}

/// What the server says, as long as it may be kept.
fn short(description: String) -> String {
    match description.char_indices().nth(DESCRIPTION_MAX) {
        Some((end, _)) => format!("{}…", &description[..end]),
        None => description,
    }
}

fn refused(code: u64, description: String) -> ApiError {
    ApiError::Refused { code, description, parameters: ResponseParameters::default() }
}

/// Reads a body up to `max` bytes; `None` if it is longer.
async fn collect(response: reqwest::Response, max: usize) -> Result<Option<Vec<u8>>, ApiError> {
    let mut body = Vec::new();
    let mut stream = response.bytes_stream();
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(transport)?;
        if body.len() + piece.len() > max {
            return Ok(None);
        }
        body.extend_from_slice(&piece);
    }
    Ok(Some(body))
}

fn transport(error: reqwest::Error) -> ApiError {
    let error = error.without_url();
    let words = chain(&error);
    if error.is_builder() {
        ApiError::Impossible(format!("the request can't be made: {words}; check apiBase"))
    } else if error.is_connect() {
        ApiError::Unreachable(words)
    } else {
        ApiError::Unanswered(words)
    }
}

/// The error and its causes, which say what really happened.
fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let more = next.to_string();
        if !words.contains(&more) {
            words = format!("{words}: {more}");
        }
        cause = next.source();
    }
    words
}
