//! Calls of Discord's REST API over the house's one HTTP client: addresses, authorisation, rate limits, what became of a call.
//!
//! Retries nothing but a rate limit that is over at once. Knows no messages and no channels.
//! See <https://docs.discord.com/developers/topics/rate-limits>.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, USER_AGENT};
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::Instant;
use url::Url;

use crate::context::{HttpSource, Patience};

/// Where Discord serves its API.
const BASE: &str = "https://discord.com/api/v10";

/// Discord asks for an address and a version; a wrong form is refused at its door.
const AGENT: &str = concat!("DiscordBot (https://chela.invalid, ", env!("CARGO_PKG_VERSION"), ")");

/// Discord answers within a second; two tries of this length and two waits stay below the 30 s of a channel's call.
const CALL_TIMEOUT: Duration = Duration::from_secs(12);

/// A file of 10 MB over a slow line; not tried twice.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(28);

/// A rate limit up to this is waited out here; a longer one is told to the caller.
const WAIT_MAX: Duration = Duration::from_secs(2);

/// Longest pause that is believed: with more, an account would be silent for as long as a broken server likes.
const PAUSE_MAX: Duration = Duration::from_hours(1);

/// Where Discord says no time.
const WAIT_DEFAULT: Duration = Duration::from_secs(1);

/// An answer of the API is a few KB; a list of a hundred messages with embeds may have a megabyte.
const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Characters of what Discord says about an error: it is kept with what failed.
const WORDS_MAX: usize = 500;

/// Limits that are remembered: one for each chat that was written to within the last seconds.
const GATES_MAX: usize = 1000;

/// The API with one bot's token.
pub(super) struct Rest {
    base: Url,
    token: SecretString,
    http: Arc<dyn HttpSource>,
    patience: Patience,
    gates: Mutex<HashMap<String, Instant>>,
}

/// One call. `path` holds the segments after the version; they are encoded here.
pub(super) struct Call<'c> {
    pub(super) method: Method,
    pub(super) path: &'c [&'c str],
    pub(super) query: &'c [(&'c str, &'c str)],
    pub(super) body: Body,
}

#[derive(Clone)]
pub(super) enum Body {
    None,
    Json(Value),
    /// A message with one file.
    File {
        payload: Value,
        name: String,
        mime: String,
        /// Read while it is sent, so that it never lies in memory as a whole.
        path: PathBuf,
    },
}

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Failure {
    /// Discord said no. `code` is its own number, 0 where it gave none.
    Refused {
        status: u16,
        code: u64,
        words: String,
    },
    Unauthorized,
    RateLimited {
        after: Duration,
    },
    /// It surely did not arrive.
    NotSent(String),
    /// It may have been carried out.
    Unknown(String),
    /// It was carried out, and what came back is not what Discord documents. Asking again brings the same.
    Unreadable(String),
}

/// How Discord words an error.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ErrorBody {
    code: u64,
    message: String,
    errors: Option<Value>,
    retry_after: Option<f64>,
    global: bool,
}

impl<'c> Call<'c> {
    pub(super) fn new(method: Method, path: &'c [&'c str]) -> Self {
        Self { method, path, query: &[], body: Body::None }
    }

    pub(super) fn get(path: &'c [&'c str]) -> Self {
        Self::new(Method::GET, path)
    }

    pub(super) fn query(self, query: &'c [(&'c str, &'c str)]) -> Self {
        Self { query, ..self }
    }

    pub(super) fn json(self, body: Value) -> Self {
        Self { body: Body::Json(body), ..self }
    }

    pub(super) fn body(self, body: Body) -> Self {
        Self { body, ..self }
    }

    /// Calls that share this share a limit: the method and the channel or webhook.
    fn gate(&self) -> String {
        format!("{} {}", self.method, self.path[..self.path.len().min(3)].join("/"))
    }
}

impl Rest {
    /// `base` may lack the path and the version. The error is a sentence for people.
    pub(super) fn new(
        base: Option<&str>,
        token: SecretString,
        http: Arc<dyn HttpSource>,
        patience: Patience,
    ) -> Result<Self, String> {
        let written = base.unwrap_or(BASE);
        let wrong = || format!("`apiBase` is no address of a server: {written:?}; an example is {BASE:?}");
        let mut base = Url::parse(written).map_err(|_| wrong())?;
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return Err(wrong());
        }
        if base.path() == "/" {
            base.set_path("/api/v10");
        }
        Ok(Self { base, token, http, patience, gates: Mutex::default() })
    }

    pub(super) fn base(&self) -> &Url {
        &self.base
    }

    pub(super) fn client(&self) -> Result<reqwest::Client, String> {
        self.http.client()
    }

    /// Makes the call and reads its answer.
    pub(super) async fn ask<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, Failure> {
        let body = self.run(call).await?;
        serde_json::from_slice(&body)
            // The reader's own words may quote what somebody said.
            .map_err(|error| Failure::Unreadable(format!("Discord's answer can't be read: {:?}", error.classify())))
    }

    /// Makes the call.
    pub(super) async fn tell(&self, call: Call<'_>) -> Result<(), Failure> {
        self.run(call).await.map(drop)
    }

    async fn run(&self, call: Call<'_>) -> Result<Vec<u8>, Failure> {
        let gate = call.gate();
        if let Some(wait) = self.wait_of(&gate) {
            if wait > WAIT_MAX {
                return Err(Failure::RateLimited { after: wait });
            }
            tokio::time::sleep(wait).await;
        }
        match self.once(&call, &gate).await {
            Err(Failure::RateLimited { after }) if after <= WAIT_MAX && !matches!(call.body, Body::File { .. }) => {
                tokio::time::sleep(after).await;
                self.once(&call, &gate).await
            }
            outcome => outcome,
        }
    }

    async fn once(&self, call: &Call<'_>, gate: &str) -> Result<Vec<u8>, Failure> {
        let response = self.request(call).await?.send().await.map_err(|error| transport(&error.without_url()))?;
        self.remember_limit(gate, response.headers());
        let status = response.status();
        let asked = asked_pause(response.headers());
        let body = read(response).await?;
        if status.is_success() {
            return Ok(body);
        }
        let error: ErrorBody = serde_json::from_slice(&body).unwrap_or_default();
        match status {
            // A token in the path that is over has a code of its own, and says nothing about the bot's.
            StatusCode::UNAUTHORIZED if error.code == 0 => Err(Failure::Unauthorized),
            StatusCode::TOO_MANY_REQUESTS => {
                let told = error.retry_after.and_then(|after| Duration::try_from_secs_f64(after).ok());
                let after = told.unwrap_or(asked).min(PAUSE_MAX);
                self.close_gate(if error.global { GLOBAL } else { gate }, after);
                Err(Failure::RateLimited { after })
            }
            status if status.is_server_error() => Err(Failure::Unknown(format!("Discord answered {status}"))),
            status => {
                let detail = error.errors.map(|errors| format!(" {errors}")).unwrap_or_default();
                let words = format!("{}{detail}", error.message).chars().take(WORDS_MAX).collect();
                Err(Failure::Refused { status: status.as_u16(), code: error.code, words })
            }
        }
    }

    async fn request(&self, call: &Call<'_>) -> Result<RequestBuilder, Failure> {
        let mut url = self.base.clone();
        url.path_segments_mut().expect("an http address has a path").pop_if_empty().extend(call.path);
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(call.query);
        }
        let mut authorization =
            HeaderValue::from_str(&format!("Bot {}", self.token.expose_secret())).map_err(|_| Failure::Unauthorized)?;
        authorization.set_sensitive(true);
        let client = self.http.client().map_err(Failure::NotSent)?;
        let request = client
            .request(call.method.clone(), url)
            .header(AUTHORIZATION, authorization)
            .header(USER_AGENT, AGENT)
            .timeout(CALL_TIMEOUT.min(self.patience.call));
        Ok(match &call.body {
            // Without a length, some servers refuse a call that could have a body.
            Body::None if call.method == Method::GET => request,
            Body::None => request.header(reqwest::header::CONTENT_LENGTH, 0),
            Body::Json(json) => request.json(json),
            Body::File { payload, name, mime, path } => {
                let file = match open(path, name).await?.mime_str(mime) {
                    Ok(file) => file,
                    // What is no type is left to Discord, which looks at the name.
                    Err(_) => open(path, name).await?,
                };
                let payload = Part::text(payload.to_string()).mime_str("application/json").expect("a known type");
                request
                    .timeout(UPLOAD_TIMEOUT)
                    .multipart(Form::new().part("payload_json", payload).part("files[0]", file))
            }
        })
    }

    /// How long this gate, or that of all calls, is closed yet.
    fn wait_of(&self, gate: &str) -> Option<Duration> {
        let gates = self.gates();
        let until = gates.get(gate).max(gates.get(GLOBAL))?;
        Some(until.saturating_duration_since(Instant::now())).filter(|wait| !wait.is_zero())
    }

    /// Discord says how many calls are left; after the last one nothing is asked until it counts anew.
    fn remember_limit(&self, gate: &str, headers: &HeaderMap) {
        let left = headers.get("x-ratelimit-remaining").and_then(|left| left.to_str().ok());
        if left == Some("0")
            && let Some(after) = seconds(headers, "x-ratelimit-reset-after")
        {
            self.close_gate(gate, after);
        }
    }

    fn close_gate(&self, gate: &str, after: Duration) {
        let now = Instant::now();
        let mut gates = self.gates();
        if gates.len() >= GATES_MAX {
            gates.retain(|_, until| *until > now);
        }
        if gates.len() < GATES_MAX {
            gates.insert(gate.to_owned(), now + after.min(PAUSE_MAX));
        }
    }

    fn gates(&self) -> MutexGuard<'_, HashMap<String, Instant>> {
        self.gates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The gate of all calls.
const GLOBAL: &str = "";

/// The pause that the head of an answer asks for.
pub(super) fn asked_pause(headers: &HeaderMap) -> Duration {
    seconds(headers, "retry-after").unwrap_or(WAIT_DEFAULT).min(PAUSE_MAX)
}

fn seconds(headers: &HeaderMap, name: &str) -> Option<Duration> {
    let seconds: f64 = headers.get(name)?.to_str().ok()?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

async fn open(path: &Path, name: &str) -> Result<Part, Failure> {
    let file = Part::file(path).await;
    let file = file.map_err(|error| Failure::NotSent(format!("the file {name:?} can't be read: {error}")))?;
    Ok(file.file_name(name.to_owned()))
}

async fn read(mut response: Response) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|error| transport(&error.without_url()))? {
        if body.len() + piece.len() > ANSWER_BYTES_MAX {
            return Err(Failure::Unknown("Discord's answer is too long".to_owned()));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

fn transport(error: &reqwest::Error) -> Failure {
    if error.is_connect() || error.is_builder() {
        Failure::NotSent(format!("Discord can't be reached: {}", root_cause(error)))
    } else if error.is_timeout() {
        Failure::Unknown("Discord did not answer in time".to_owned())
    } else {
        Failure::Unknown(format!("the connection to Discord broke: {}", root_cause(error)))
    }
}

/// The innermost cause says what happened; those around it say that something did.
pub(super) fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct NoHttp;

    impl HttpSource for NoHttp {
        fn client(&self) -> Result<reqwest::Client, String> {
            Err("none".to_owned())
        }
    }

    #[test]
    fn no_server_silences_an_account_for_long() {
        let rest = Rest::new(None, SecretString::from("x".to_owned()), Arc::new(NoHttp), Patience::default());
        let rest = rest.expect("Discord's own address");
        for after in [Duration::from_secs(u64::MAX), Duration::MAX] {
            rest.close_gate(GLOBAL, after);
            assert!(rest.wait_of("POST channels/1/messages").is_some_and(|wait| wait <= PAUSE_MAX), "{after:?}");
        }
    }
}
