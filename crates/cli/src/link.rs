//! A connection to the gateway: who this command line is, and the way its errors become failures.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chela_client::{Client, ClientError, ClientOptions, Event, Events, Identity};
use chela_config::Places;
use chela_llm::trusted_roots;
use chela_protocol::{ConnectAuth, ErrorCode, Scope, limits};
use rustls::RootCertStore;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};

use crate::failure::Failure;
use crate::target::Target;

/// The file in the state dir with this machine's device key, for its owner only.
pub(crate) const IDENTITY_FILE: &str = "device-key";

/// Longest limit that a command may ask for; each call has its own below it.
const LONGEST_WAIT: Duration = Duration::from_hours(24 * 8);

/// A gateway listens before it is ready. How long a command waits for it, and how often it asks.
const START_PATIENCE: Duration = Duration::from_secs(5);
const START_PAUSE: Duration = Duration::from_millis(20);

/// Extensions of the protocol that the terminal shows.
const CAPS: &[&str] = &["tool-events"];

/// One authenticated connection.
pub(crate) struct Link {
    target: Target,
    client: Client,
    events: Events,
}

impl Link {
    pub(crate) async fn open(target: Target, places: &Places) -> Result<Self, Failure> {
        let options = ClientOptions {
            auth: ConnectAuth {
                token: target.token.clone(),
                password: target.password.clone(),
                ..ConnectAuth::default()
            },
            scopes: vec![Scope::Admin],
            caps: CAPS.iter().map(ToString::to_string).collect(),
            identity: identity(&target, places).map(Arc::new),
            roots: roots(&target)?,
            request_timeout: LONGEST_WAIT,
            ..ClientOptions::new(&target.url, None)
        };
        let deadline = Instant::now() + START_PATIENCE;
        loop {
            match Client::connect(options.clone()).await {
                Ok((client, events)) => return Ok(Self { target, client, events }),
                Err(ClientError::Rejected { error, .. })
                    if error.code == ErrorCode::Unavailable && Instant::now() < deadline =>
                {
                    sleep(START_PAUSE).await;
                }
                Err(error) => return Err(Failure::connect(error, &target)),
            }
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.target.url
    }

    pub(crate) async fn call(&self, method: &str, params: impl Serialize) -> Result<Value, Failure> {
        self.call_within(limits::REQUEST_TIMEOUT, method, params).await
    }

    /// Calls a method and waits for its last answer.
    pub(crate) async fn call_within(
        &self,
        within: Duration,
        method: &str,
        params: impl Serialize,
    ) -> Result<Value, Failure> {
        let params = serde_json::to_value(params)
            .map_err(|error| Failure::usage(format!("the parameters of {method} can't be written: {error}")))?;
        let work = async {
            if method == "agent" {
                // That the work was accepted is of no interest here.
                let (accepted, _) = oneshot::channel();
                self.client.call_twice(method, params, accepted, LONGEST_WAIT).await
            } else {
                self.client.call(method, params).await
            }
        };
        let late = || ClientError::Timeout { what: format!("an answer to `{method}`"), after: within };
        let answer = timeout(within, work).await.unwrap_or_else(|_elapsed| Err(late()));
        answer.map_err(|error| Failure::connect(error, &self.target))
    }

    /// The next event; `None` once the connection is gone.
    pub(crate) async fn next_event(&mut self) -> Option<Event> {
        self.events.next().await
    }
}

/// What a gateway behind TLS may show: the same certificates count as for the models.
fn roots(target: &Target) -> Result<Option<Arc<RootCertStore>>, Failure> {
    if !target.url.starts_with("wss") {
        return Ok(None);
    }
    let roots = trusted_roots(target.extra_roots.as_deref()).map_err(|error| Failure::config(error.to_string()))?;
    Ok(Some(Arc::new(roots)))
}

/// The key of this machine. Without a place to keep it the command line is nobody's device, which is enough on this machine.
fn identity(target: &Target, places: &Places) -> Option<Identity> {
    let dir = &places.state_dir;
    if target.source.is_local() && !dir.is_dir() {
        return None;
    }
    let path = dir.join(IDENTITY_FILE);
    match fs::read(&path) {
        Ok(seed) => seed.try_into().ok().map(Identity::from_seed),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let identity = Identity::generate().ok()?;
            keep(&path, dir, &identity).ok().map(|()| identity)
        }
        Err(_) => None,
    }
}

fn keep(path: &Path, dir: &Path, identity: &Identity) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(&identity.seed())
}

/// Reads an answer as the method's own type.
pub(crate) fn decode<T: DeserializeOwned>(method: &str, answer: Value) -> Result<T, Failure> {
    serde_json::from_value(answer).map_err(|error| {
        Failure::new("protocol", format!("the gateway's answer to {method} can't be read: {error}"))
            .hint("are this command and the gateway of the same version?")
    })
}

/// The text of a transcript message, or of a tool's result: a string, or the text blocks of a list.
pub(crate) fn message_text(message: &Value) -> String {
    match &message["content"] {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => {
            let texts =
                blocks.iter().filter(|block| block["type"] == "text").filter_map(|block| block["text"].as_str());
            texts.collect::<Vec<_>>().join("\n")
        }
        _ => message["text"].as_str().unwrap_or_default().to_owned(),
    }
}
