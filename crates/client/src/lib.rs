//! The WebSocket client of the control plane, for the command line, the bench and tests.
//!
//! Owns the handshake, matching answers to requests, and the device's signature. Decides no policy: which gateway, which
//! credential and what to do after an error are the caller's.

mod error;
mod handshake;
mod identity;
mod socket;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chela_protocol::{ClientInfo, ConnectAuth, HelloOk, RpcError, Scope, limits};
use rustls::RootCertStore;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

pub use error::ClientError;
pub use identity::Identity;
pub use socket::{Event, Events};

/// Requests that may wait for the socket; more callers wait.
const COMMAND_QUEUE: usize = 64;

/// How to reach a gateway, and as whom.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// `ws://host:port/` or `wss://…`.
    pub url: String,
    pub auth: ConnectAuth,
    pub client: ClientInfo,
    pub role: String,
    pub scopes: Vec<Scope>,
    /// Extensions that the caller understands, for example `tool-events`.
    pub caps: Vec<String>,
    /// Signs the connect; without one the client is nobody's device.
    pub identity: Option<Arc<Identity>>,
    /// Whose certificates a `wss` gateway may show; those that browsers trust when `None`.
    pub roots: Option<Arc<RootCertStore>>,
    /// For the connect as a whole.
    pub connect_timeout: Duration,
    /// For the first answer to a request.
    pub request_timeout: Duration,
}

impl ClientOptions {
    /// A command-line client with a token: read and write, no device.
    pub fn new(url: impl Into<String>, token: Option<String>) -> Self {
        Self {
            url: url.into(),
            auth: ConnectAuth { token, ..ConnectAuth::default() },
            client: ClientInfo {
                id: "cli".into(),
                display_name: None,
                version: env!("CARGO_PKG_VERSION").into(),
                build_id: None,
                platform: std::env::consts::OS.into(),
                device_family: None,
                model_identifier: None,
                time_zone: None,
                mode: "cli".into(),
                instance_id: None,
            },
            role: "operator".into(),
            scopes: vec![Scope::Read, Scope::Write],
            caps: Vec::new(),
            identity: None,
            roots: None,
            connect_timeout: limits::HANDSHAKE_TIMEOUT,
            request_timeout: limits::REQUEST_TIMEOUT,
        }
    }
}

/// A connected client. Cheap to clone; the socket closes when the last clone is dropped.
#[derive(Clone)]
pub struct Client {
    commands: mpsc::Sender<socket::Command>,
    hello: Arc<HelloOk>,
    next_id: Arc<AtomicU64>,
    request_timeout: Duration,
}

impl Client {
    /// Connects and authenticates. The events start right after the hello.
    pub async fn connect(options: ClientOptions) -> Result<(Self, Events), ClientError> {
        let timeout = options.connect_timeout;
        let opening = handshake::open(&options);
        let (socket, hello) = tokio::time::timeout(timeout, opening).await.map_err(|_| ClientError::Timeout {
            what: format!("the connection to {}", options.url),
            after: timeout,
        })??;
        let (commands, mailbox) = mpsc::channel(COMMAND_QUEUE);
        let events = socket::run(socket, mailbox);
        let client = Self {
            commands,
            hello: Arc::new(hello),
            next_id: Arc::default(),
            request_timeout: options.request_timeout,
        };
        Ok((client, events))
    }

    /// What the gateway said of itself, and what it granted.
    pub fn hello(&self) -> &HelloOk {
        &self.hello
    }

    /// Calls a method that answers once.
    pub async fn call(&self, method: &str, params: Value) -> Result<Value, ClientError> {
        let mut answers = self.send(method, params).await?;
        self.first(method, &mut answers).await
    }

    /// Calls `agent`, which answers twice: `accepted` gets the first answer at once, the last is returned. The last may take
    /// as long as the run does, so the caller sets the limit.
    pub async fn call_twice(
        &self,
        method: &str,
        params: Value,
        accepted: oneshot::Sender<Value>,
        limit: Duration,
    ) -> Result<Value, ClientError> {
        let mut answers = self.send(method, params).await?;
        let first = self.first(method, &mut answers).await?;
        if first["status"] != "accepted" {
            return Ok(first);
        }
        let _ = accepted.send(first);
        let last = tokio::time::timeout(limit, answers.recv()).await;
        let last = last.map_err(|_| ClientError::Timeout { what: format!("the end of `{method}`"), after: limit })?;
        answer(method, last)
    }

    /// Says goodbye and waits until the socket is closed, for at most the close grace.
    pub async fn close(self) {
        let (done, closed) = oneshot::channel();
        if self.commands.send(socket::Command::Close(done)).await.is_ok() {
            let _ = tokio::time::timeout(limits::CLOSE_GRACE, closed).await;
        }
    }

    async fn send(&self, method: &str, params: Value) -> Result<Answers, ClientError> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed).to_string();
        let (answers, receive) = mpsc::channel(2);
        let command = socket::Command::Request { id, method: method.to_owned(), params, answers };
        self.commands.send(command).await.map_err(|_| ClientError::closed(None))?;
        Ok(receive)
    }

    async fn first(&self, method: &str, answers: &mut Answers) -> Result<Value, ClientError> {
        let after = self.request_timeout;
        let first = tokio::time::timeout(after, answers.recv()).await;
        answer(method, first.map_err(|_| ClientError::Timeout { what: format!("an answer to `{method}`"), after })?)
    }
}

type Answers = mpsc::Receiver<Result<Value, RpcError>>;

fn answer(method: &str, received: Option<Result<Value, RpcError>>) -> Result<Value, ClientError> {
    match received {
        Some(Ok(value)) => Ok(value),
        Some(Err(error)) => Err(ClientError::Refused { method: method.to_owned(), error }),
        None => Err(ClientError::closed(None)),
    }
}
