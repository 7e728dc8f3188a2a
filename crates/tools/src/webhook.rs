//! One POST to an address that an owner named. What may be reached is judged as for `web_fetch`: the public internet, and what the owner
//! lists. No redirect is followed, the answer is not read, and time is bounded.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use serde_json::Value;
use url::Url;

use crate::web_fetch::address::{JudgingResolver, Names, Reach, check_url};
use crate::web_fetch::client::cause;
use crate::{SsrfPolicy, ToolHost};

/// Time of a whole call: a receiver has a row to write, not a page to make.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Names a posting to whoever knows the header; the same one again is the same posting.
const KEY_HEADER: &str = "idempotency-key";

/// Posts to addresses that an owner named.
pub struct Webhook {
    client: Client,
    reach: Arc<Reach>,
}

/// What is posted.
#[derive(Debug, Clone, Copy)]
pub struct Posting<'a> {
    pub url: &'a str,
    /// Shown to the receiver in `Authorization: Bearer`.
    pub token: Option<&'a str>,
    /// Its name for ever.
    pub key: &'a str,
    pub body: &'a Value,
}

/// Why nobody can say that it arrived.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// Nothing was sent, and nothing will be.
    #[error("{0}")]
    Refused(String),
    #[error("the receiver answered {0}")]
    Rejected(u16),
    /// It may have arrived all the same.
    #[error("no answer came: {0}")]
    Lost(String),
}

impl WebhookError {
    /// Whether the same posting may arrive the next time.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Refused(_) => false,
            Self::Rejected(status) => *status >= 500 || matches!(status, 408 | 425 | 429),
            Self::Lost(_) => true,
        }
    }
}

impl Webhook {
    /// `section` is where the policy stands in the configuration.
    pub fn new(host: &ToolHost, policy: SsrfPolicy, section: &'static str) -> Result<Self, WebhookError> {
        Self::with_names(host, policy, section, Names::System)
    }

    fn with_names(
        host: &ToolHost,
        policy: SsrfPolicy,
        section: &'static str,
        names: Names,
    ) -> Result<Self, WebhookError> {
        let reach = Arc::new(Reach { policy, who: "a webhook", section });
        let client = Client::builder()
            .tls_backend_preconfigured(host.tls.clone())
            .dns_resolver(Arc::new(JudgingResolver { reach: reach.clone(), names }))
            // A proxy would connect where we can't look.
            .no_proxy()
            .redirect(Policy::none())
            .referer(false)
            .timeout(TIMEOUT)
            .pool_max_idle_per_host(0)
            .user_agent(&host.user_agent)
            .build()
            .map_err(|error| WebhookError::Refused(format!("no client can be made: {error}")))?;
        Ok(Self { client, reach })
    }

    /// Whether an address may be named at all; its name is looked up when it is called. The error says why not.
    pub fn check(&self, url: &str) -> Result<Url, WebhookError> {
        let refused = |why: String| WebhookError::Refused(why);
        let url = Url::parse(url).map_err(|error| refused(format!("`{url}` is no URL: {error}")))?;
        check_url(&url, &self.reach).map_err(|why| refused(why.0))?;
        Ok(url)
    }

    /// Sends it once.
    pub async fn post(&self, posting: Posting<'_>) -> Result<(), WebhookError> {
        let url = self.check(posting.url)?;
        let mut request = self.client.post(url).header(KEY_HEADER, posting.key).json(posting.body);
        if let Some(token) = posting.token {
            let bearer = HeaderValue::from_str(&format!("Bearer {token}"));
            let mut bearer = bearer.map_err(|_| WebhookError::Refused("the token can't be sent".to_owned()))?;
            bearer.set_sensitive(true);
            request = request.header(AUTHORIZATION, bearer);
        }
        match request.send().await {
            Ok(response) => taken(response.status()),
            Err(error) => Err(match cause(&error) {
                Ok(refused) => WebhookError::Refused(refused.0),
                Err(said) => WebhookError::Lost(said),
            }),
        }
    }
}

fn taken(status: StatusCode) -> Result<(), WebhookError> {
    if status.is_success() { Ok(()) } else { Err(WebhookError::Rejected(status.as_u16())) }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::Mutex;

    use axum::Router;
    use axum::http::header::LOCATION;
    use axum::http::{HeaderMap, StatusCode};
    use axum::routing::post;
    use serde_json::json;

    use super::*;
    use crate::tests::host;

    type Seen = Arc<Mutex<Vec<(HeaderMap, String)>>>;

    /// A receiver that keeps what it is sent, and answers with this.
    async fn receiver(status: StatusCode) -> (u16, Seen) {
        let seen = Seen::default();
        let kept = seen.clone();
        let answer = move |headers: HeaderMap, body: String| {
            kept.lock().unwrap().push((headers, body));
            std::future::ready((status, [(LOCATION, "http://127.0.0.1/")]))
        };
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let router = Router::new().route("/in", post(answer));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (port, seen)
    }

    fn webhook(allowed: &[&str]) -> Webhook {
        let folder = tempfile::tempdir().unwrap();
        let policy = serde_json::from_value(json!({ "allowedHostnames": allowed })).unwrap();
        let local: IpAddr = Ipv4Addr::LOCALHOST.into();
        let names = ["good.test", "rebound.test"].map(|name| (name.to_owned(), vec![local]));
        Webhook::with_names(&host(folder.path()), policy, "cron.webhookSsrfPolicy", Names::Fixed(names.into())).unwrap()
    }

    async fn posted(webhook: &Webhook, url: &str) -> Result<(), WebhookError> {
        let body = json!({ "action": "finished" });
        webhook.post(Posting { url, token: Some("a-token"), key: "run-7", body: &body }).await
    }

    #[tokio::test]
    async fn it_arrives_with_its_name_and_its_token() {
        let (port, seen) = receiver(StatusCode::NO_CONTENT).await;
        posted(&webhook(&["good.test"]), &format!("http://good.test:{port}/in")).await.unwrap();
        let seen = seen.lock().unwrap();
        let [(headers, body)] = &seen[..] else { panic!("{seen:?}") };
        assert_eq!(
            (&headers[KEY_HEADER], &headers["authorization"]),
            (&"run-7".parse().unwrap(), &"Bearer a-token".parse().unwrap())
        );
        assert_eq!(
            (headers["content-type"].as_bytes(), body.as_str()),
            (&b"application/json"[..], r#"{"action":"finished"}"#)
        );
    }

    #[tokio::test]
    async fn what_is_private_is_never_called() {
        let (port, seen) = receiver(StatusCode::OK).await;
        let webhook = webhook(&["good.test"]);
        for host in ["127.0.0.1", "localhost", "rebound.test", "[::1]"] {
            let refused = posted(&webhook, &format!("http://{host}:{port}/in")).await.unwrap_err();
            let WebhookError::Refused(why) = &refused else { panic!("{host}: {refused:?}") };
            assert!(why.ends_with("cron.webhookSsrfPolicy.allowedHostnames.") && !refused.may_pass(), "{why}");
        }
        for url in ["ftp://good.test/", "http://me:pass@good.test/in", "good.test"] {
            assert!(matches!(webhook.check(url), Err(WebhookError::Refused(_))), "{url}");
        }
        assert!(seen.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn an_answer_says_whether_it_is_worth_another_try() {
        let cases = [
            (StatusCode::NOT_FOUND, false),
            (StatusCode::FOUND, false),
            (StatusCode::TOO_MANY_REQUESTS, true),
            (StatusCode::BAD_GATEWAY, true),
        ];
        for (status, may_pass) in cases {
            let (port, seen) = receiver(status).await;
            let error = posted(&webhook(&["good.test"]), &format!("http://good.test:{port}/in")).await.unwrap_err();
            assert_eq!((&error, error.may_pass()), (&WebhookError::Rejected(status.as_u16()), may_pass));
            assert_eq!(seen.lock().unwrap().len(), 1, "{status} is followed nowhere");
        }
        let closed =
            tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap().port();
        let lost = posted(&webhook(&["good.test"]), &format!("http://good.test:{closed}/in")).await.unwrap_err();
        assert!(matches!(lost, WebhookError::Lost(_)) && lost.may_pass(), "{lost:?}");
    }
}
