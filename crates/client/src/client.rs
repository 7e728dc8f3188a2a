//! The handle that callers hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chela_protocol::{EventFrame, HelloOk, RequestFrame};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use crate::connection::{self, Outbound};
use crate::{ClientError, ClientOptions};

/// Events that wait for a caller that is busy: some seconds of a fast stream.
const EVENTS_MAX: usize = 4096;
/// Calls that wait for the socket.
const CALLS_MAX: usize = 64;
/// Answers of one call that wait for its caller; no method gives more than two.
const ANSWERS_MAX: usize = 4;
/// First and longest pause between two attempts to connect, as stock clients make them.
const BACKOFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// One authenticated connection. Clones share it; it ends with the last of them.
#[derive(Clone, Debug)]
pub struct Client {
    calls: mpsc::Sender<Outbound>,
    hello: Arc<HelloOk>,
    next_id: Arc<AtomicU64>,
    request_timeout: Duration,
}

/// What happens on the gateway, in order. Ends with the connection.
#[derive(Debug)]
pub struct Events(mpsc::Receiver<EventFrame>);

impl Events {
    /// The next event; none when the connection has ended.
    pub async fn next(&mut self) -> Option<EventFrame> {
        self.0.recv().await
    }
}

/// The answers to one call.
#[derive(Debug)]
pub struct Answers(mpsc::Receiver<Result<Value, ClientError>>);

impl Answers {
    /// The next answer; none after the last.
    pub async fn next(&mut self) -> Option<Result<Value, ClientError>> {
        self.0.recv().await
    }
}

impl Client {
    /// Connects once.
    pub async fn connect(url: &str, options: &ClientOptions) -> Result<(Self, Events), ClientError> {
        let (socket, hello) = Box::pin(connection::open(url, options)).await?;
        let (calls, calls_rx) = mpsc::channel(CALLS_MAX);
        let (events_tx, events) = mpsc::channel(EVENTS_MAX);
        let silence = Duration::from_millis(hello.policy.tick_interval_ms.max(1000)) * 2;
        tokio::spawn(connection::drive(socket, calls_rx, events_tx, silence));
        let client = Self {
            calls,
            hello: Arc::new(hello),
            next_id: Arc::new(AtomicU64::new(1)),
            request_timeout: options.request_timeout,
        };
        Ok((client, Events(events)))
    }

    /// Connects, and tries again with growing pauses while the reason may pass and `patience` lasts.
    pub async fn connect_patiently(
        url: &str,
        options: &ClientOptions,
        patience: Duration,
    ) -> Result<(Self, Events), ClientError> {
        let give_up = tokio::time::Instant::now() + patience;
        let mut pause = BACKOFF.0;
        loop {
            let error = match Self::connect(url, options).await {
                Ok(connected) => return Ok(connected),
                Err(error) => error,
            };
            if !error.is_passing() || tokio::time::Instant::now() + pause > give_up {
                return Err(error);
            }
            sleep(pause).await;
            pause = (pause * 2).min(BACKOFF.1);
        }
    }

    /// What the gateway said when it let us in.
    pub fn hello(&self) -> &HelloOk {
        &self.hello
    }

    /// Calls a method and waits for its last answer.
    pub async fn call(&self, method: &str, params: impl Serialize) -> Result<Value, ClientError> {
        self.call_within(self.request_timeout, method, params).await
    }

    /// Like [`Client::call`] with a time limit of its own.
    pub async fn call_within(
        &self,
        limit: Duration,
        method: &str,
        params: impl Serialize,
    ) -> Result<Value, ClientError> {
        let last = async {
            let mut answers = self.call_streaming(method, params).await?;
            let mut last = Err(ClientError::Closed { code: None, reason: String::new() });
            while let Some(answer) = answers.next().await {
                last = answer;
            }
            last
        };
        let late = || ClientError::CallTimeout { method: method.to_owned(), after: limit };
        timeout(limit, last).await.unwrap_or_else(|_| Err(late()))
    }

    /// Calls a method whose answers come one after another (`agent`: accepted, then final).
    pub async fn call_streaming(&self, method: &str, params: impl Serialize) -> Result<Answers, ClientError> {
        let params = serde_json::to_value(params)
            .map_err(|error| ClientError::Refused(chela_protocol::RpcError::invalid(error.to_string())))?;
        let id = self.next_id.fetch_add(1, Ordering::Relaxed).to_string();
        let (answers, receiver) = mpsc::channel(ANSWERS_MAX);
        let request = RequestFrame { id, method: method.to_owned(), params: Some(params) };
        let ended = || ClientError::Closed { code: None, reason: String::new() };
        self.calls.send(Outbound { request, answers }).await.map_err(|_| ended())?;
        Ok(Answers(receiver))
    }
}
