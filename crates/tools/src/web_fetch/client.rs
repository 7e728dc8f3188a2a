//! One GET with its redirects: each hop judged, bytes and time bounded.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, ACCEPT_LANGUAGE, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use url::Url;

use super::address::{JudgingResolver, Names, Reach, Refused, check_url};
use crate::{FetchConfig, ToolHost};

/// Bytes of an answer, after decompression.
const BYTES_LIMIT: usize = 2_000_000;
/// Most bytes that the configuration can ask for: a page is held in memory several times over.
const BYTES_LIMIT_MOST: usize = 20_000_000;
/// Time of the whole call.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);
/// Time to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Redirects that are followed.
const REDIRECTS_DEFAULT: usize = 5;
/// Most redirects that the configuration can ask for.
const REDIRECTS_MOST: usize = 20;

/// What came back.
pub(crate) struct Fetched {
    /// Where the last redirect led.
    pub(crate) url: Url,
    pub(crate) status: StatusCode,
    pub(crate) content_type: String,
    pub(crate) body: Vec<u8>,
    /// The answer goes on behind `body`.
    pub(crate) is_cut: bool,
}

/// Why nothing came back; worded for the model.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error("`{0}` redirects more than {1} times.")]
    Redirects(Url, usize),
    #[error("`{0}` redirects to `{1}`, which is no URL.")]
    Location(Url, String),
    #[error("`{0}` did not answer completely within {1:?}.")]
    TimedOut(Url, Duration),
    #[error("`{0}` could not be fetched: {1}.")]
    Failed(Url, String),
}

/// The client and its limits.
pub(crate) struct Fetcher {
    client: Client,
    reach: Arc<Reach>,
    bytes: usize,
    timeout: Duration,
    redirects: usize,
}

impl Fetcher {
    pub(crate) fn new(config: &FetchConfig, host: &ToolHost, names: Names) -> Result<Self, reqwest::Error> {
        let policy = config.ssrf_policy.clone();
        let reach = Arc::new(Reach { policy, who: "web_fetch", section: "tools.web.fetch.ssrfPolicy" });
        let resolver = JudgingResolver { reach: reach.clone(), names };
        let client = Client::builder()
            .tls_backend_preconfigured(host.tls.clone())
            .dns_resolver(Arc::new(resolver))
            // A proxy would connect where we can't look.
            .no_proxy()
            .redirect(Policy::none())
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_max_idle_per_host(0)
            .user_agent(config.user_agent.as_deref().unwrap_or(&host.user_agent))
            .default_headers(headers(config))
            .build()?;
        Ok(Self {
            client,
            reach,
            bytes: config.max_response_bytes.unwrap_or(BYTES_LIMIT).min(BYTES_LIMIT_MOST),
            timeout: config.timeout_seconds.map_or(TIMEOUT_DEFAULT, Duration::from_secs),
            redirects: config.max_redirects.unwrap_or(REDIRECTS_DEFAULT).min(REDIRECTS_MOST),
        })
    }

    pub(crate) async fn fetch(&self, url: &Url) -> Result<Fetched, FetchError> {
        let timed_out = |_| FetchError::TimedOut(url.clone(), self.timeout);
        tokio::time::timeout(self.timeout, self.follow(url.clone())).await.map_err(timed_out)?
    }

    async fn follow(&self, first: Url) -> Result<Fetched, FetchError> {
        let mut url = first.clone();
        for _ in 0..=self.redirects {
            check_url(&url, &self.reach)?;
            let response = self.client.get(url.clone()).send().await.map_err(|error| failed(&url, &error))?;
            match redirect(&url, &response)? {
                Some(next) => url = next,
                None => return self.read(url, response).await,
            }
        }
        Err(FetchError::Redirects(first, self.redirects))
    }

    async fn read(&self, url: Url, mut response: Response) -> Result<Fetched, FetchError> {
        let content_type =
            response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let status = response.status();
        let mut body = Vec::new();
        let mut is_cut = false;
        while let Some(piece) = response.chunk().await.map_err(|error| failed(&url, &error))? {
            let room = self.bytes - body.len();
            body.extend_from_slice(&piece[..piece.len().min(room)]);
            if piece.len() > room {
                is_cut = true;
                break;
            }
        }
        Ok(Fetched { url, status, content_type, body, is_cut })
    }
}

/// What a page in any language is asked for with; the configuration's headers win, but for those that choose the host.
fn headers(config: &FetchConfig) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers
        .insert(ACCEPT, HeaderValue::from_static("text/markdown, text/html;q=0.9, application/json;q=0.8, */*;q=0.5"));
    headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static("en, *;q=0.5"));
    for (name, value) in &config.headers {
        match (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
            (Ok(name), Ok(_)) if name == reqwest::header::HOST => {}
            (Ok(name), Ok(value)) => drop(headers.insert(name, value)),
            _ => tracing::warn!(header = %name, "tools.web.fetch.headers holds a header that can't be sent"),
        }
    }
    headers
}

fn redirect(url: &Url, response: &Response) -> Result<Option<Url>, FetchError> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = response.headers().get(LOCATION) else { return Ok(None) };
    let location = String::from_utf8_lossy(location.as_bytes()).into_owned();
    url.join(&location).map(Some).map_err(|_| FetchError::Location(url.clone(), location))
}

fn failed(url: &Url, error: &reqwest::Error) -> FetchError {
    match cause(error) {
        Ok(refused) => FetchError::Refused(refused),
        Err(said) => FetchError::Failed(url.clone(), said),
    }
}

/// The innermost cause says what happened; a refusal of the resolver comes through as one.
pub(crate) fn cause(error: &reqwest::Error) -> Result<Refused, String> {
    let mut cause = error.source();
    let mut said = error.to_string();
    while let Some(inner) = cause {
        if let Some(refused) = inner.downcast_ref::<Refused>() {
            return Ok(refused.clone());
        }
        said = inner.to_string();
        cause = inner.source();
    }
    Err(said)
}
