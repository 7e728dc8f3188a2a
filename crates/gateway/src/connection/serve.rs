//! The life of one socket: a reader that starts requests, a writer that drains the queue, and what ends them.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::http::HeaderMap;
use bytes::{Bytes, BytesMut};
use chela_protocol::limits;
use chela_protocol::{CloseCode, RequestFrame, RpcError};
use futures_util::FutureExt as _;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::Peer;
use super::handshake::{answer_frame, close_for, handshake};
use super::outbound::Outbound;
use super::wire::{self, Message, Outgoing, Reader};
use crate::app::Gateway;
use crate::auth::Remote;
use crate::pressure::LARGE_REQUEST;
use crate::rpc::Call;
use crate::rpc_error;
use crate::server::{Front, PreauthSlot};

/// Requests of one connection that may run at once. The web page asks for about thirty things when it opens.
const REQUESTS_MAX: usize = 128;
/// Calls without the scope that one connection may make. A page with few rights asks for dozens of things it can't have.
const UNAUTHORISED_CALLS_MAX: usize = 100;
/// Earlier answers of one request that may wait; `agent` gives one.
const EARLY_ANSWERS: usize = 4;
/// A client that takes nothing for so long is gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// A socket after the HTTP upgrade.
pub(crate) struct Upgraded<R, W> {
    pub(crate) reader: R,
    pub(crate) writer: W,
    /// What was read beyond the upgrade request.
    pub(crate) early: Bytes,
    pub(crate) arrived: Arrived,
    pub(crate) slot: PreauthSlot,
}

/// Where a socket comes from.
pub(crate) struct Arrived {
    pub(crate) connection_id: String,
    pub(crate) remote: Remote,
    pub(crate) headers: HeaderMap,
}

/// Serves a socket until either side ends it.
pub(crate) async fn serve<R, W>(front: Arc<Front>, upgraded: Upgraded<R, W>)
where
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let Upgraded { reader, writer, early, arrived, slot } = upgraded;
    let outbound = Arc::new(Outbound::default());
    let closed = CancellationToken::new();
    let _ends_with_the_reader = closed.clone().drop_guard();
    let writing = tokio::spawn(write_all(writer, outbound.clone(), closed.clone()));
    let mut reader = Reader::new(reader, &early, limits::PREAUTH_FRAME_MAX);
    drop(early);
    let admitted = Box::pin(handshake(&front, &arrived, &mut reader, &outbound, closed.clone())).await;
    drop(slot);
    drop(arrived);
    if let Some((gateway, peer)) = admitted {
        reader.set_limit(limits::FRAME_MAX);
        gateway.events.join(peer.clone(), outbound.clone());
        if gateway.shutdown.is_cancelled() {
            outbound.close(CloseCode::ServiceRestart, "service restart");
        }
        let connection = Arc::new(Connection { gateway, peer, outbound, running: AtomicUsize::new(0) });
        connection.read(&mut reader).await;
        connection.gateway.events.leave(&connection.peer.connection_id);
        connection.gateway.presence.left(&connection.peer.connection_id);
    }
    let drain = async { while reader.next().await.is_ok() {} };
    // The writer has the close frame to send; the client is given a moment to answer it, so that it reads it.
    let _ = timeout(limits::CLOSE_GRACE, writing).await;
    let _ = timeout(limits::CLOSE_GRACE, drain).await;
}

/// Sends what is queued. Cancels `closed` when nothing more can be sent.
async fn write_all<W: AsyncWrite + Unpin>(mut io: W, outbound: Arc<Outbound>, closed: CancellationToken) {
    let _ends = closed.clone().drop_guard();
    loop {
        let frame = tokio::select! {
            biased;
            frame = outbound.next() => frame,
            () = closed.cancelled() => outbound_rest(&outbound).await,
        };
        let Some(frame) = frame else { break };
        let last = matches!(frame, Outgoing::Close(..));
        let written = timeout(WRITE_TIMEOUT, wire::write(&mut io, frame)).await;
        if last || !matches!(written, Ok(Ok(()))) {
            break;
        }
    }
    let _ = timeout(limits::CLOSE_GRACE, io.shutdown()).await;
}

/// What is still queued when the reader has ended: at most up to its close frame.
async fn outbound_rest(outbound: &Outbound) -> Option<Outgoing> {
    outbound.close(CloseCode::Normal, "");
    outbound.next().await
}

/// A client after its hello.
struct Connection {
    gateway: Arc<Gateway>,
    peer: Arc<Peer>,
    outbound: Arc<Outbound>,
    running: AtomicUsize,
}

impl Connection {
    /// Takes messages until the socket ends or is closed from our side.
    async fn read<R: AsyncRead + Unpin>(self: &Arc<Self>, reader: &mut Reader<R>) {
        // What the client had sent when it was last asked for a sign of life; a large message on a slow line is one.
        let mut asked_at = None;
        let mut unauthorised = 0;
        loop {
            let message = tokio::select! {
                message = timeout(limits::PING_INTERVAL, reader.next()) => message,
                () = self.peer.closed.cancelled() => return,
            };
            match message {
                Err(_) if asked_at == Some(reader.received()) => {
                    return self.outbound.close(CloseCode::GoingAway, "no answer to ping");
                }
                Err(_) => {
                    asked_at = Some(reader.received());
                    self.outbound.push(Outgoing::Ping);
                    continue;
                }
                Ok(Ok(Message::Text(text))) => self.receive(&text, &mut unauthorised),
                Ok(Ok(Message::Ping(payload))) => self.outbound.answer_ping(&payload),
                Ok(Ok(Message::Pong)) => {}
                Ok(Ok(Message::Close(_))) => return self.outbound.close(CloseCode::Normal, ""),
                Ok(Err(error)) => return close_for(&error, &self.outbound, "payload too large"),
            }
            asked_at = None;
        }
    }

    /// Starts the request in a message, or refuses it.
    fn receive(self: &Arc<Self>, text: &BytesMut, unauthorised: &mut usize) {
        let request: RequestFrame = match serde_json::from_slice(text) {
            Ok(request) => request,
            Err(error) => return self.refuse_frame(text, &error),
        };
        if self.gateway.shutdown.is_cancelled() {
            return self.answer(&request.id, Err(RpcError::unavailable("gateway stopping")));
        }
        if text.len() > LARGE_REQUEST
            && let Err(scarce) = self.gateway.pressure.refuse_heavy()
        {
            return self.answer(&request.id, Err(rpc_error::of_scarce(scarce)));
        }
        let params = request.params.unwrap_or(Value::Object(serde_json::Map::new()));
        let method = match self.gateway.methods.permit(&request.method, &params, &self.peer) {
            Ok(method) => method,
            Err(error) => {
                *unauthorised += usize::from(error.code == chela_protocol::ErrorCode::Forbidden);
                self.answer(&request.id, Err(error));
                if *unauthorised >= UNAUTHORISED_CALLS_MAX {
                    self.outbound.close(CloseCode::Policy, "repeated unauthorized calls");
                }
                return;
            }
        };
        if self.running.fetch_add(1, Ordering::Relaxed) >= REQUESTS_MAX {
            self.running.fetch_sub(1, Ordering::Relaxed);
            let busy = RpcError::unavailable("The server is busy. Please try again in a moment.");
            return self.answer(&request.id, Err(busy));
        }
        let connection = self.clone();
        self.gateway.tasks.spawn(async move {
            connection.run(method, request.id, params).await;
            connection.running.fetch_sub(1, Ordering::Relaxed);
        });
    }

    /// Runs one method and sends its answers. A panic in it is answered, and hurts nobody else.
    async fn run(&self, method: &'static str, id: String, params: Value) {
        let started = std::time::Instant::now();
        let (early, mut answers) = mpsc::channel(EARLY_ANSWERS);
        let call = Call { gateway: self.gateway.clone(), peer: self.peer.clone(), method, params, early };
        let mut work = std::pin::pin!(AssertUnwindSafe(self.gateway.methods.answer(call)).catch_unwind());
        let answer = loop {
            tokio::select! {
                biased;
                Some(earlier) = answers.recv() => self.answer(&id, Ok(earlier)),
                answer = &mut work => break answer,
            }
        };
        while let Ok(earlier) = answers.try_recv() {
            self.answer(&id, Ok(earlier));
        }
        let answer = answer.unwrap_or_else(|_| {
            tracing::error!(target: "gateway", method, "a method panicked");
            Err(RpcError::unavailable(format!("{method} failed inside the gateway; its log says more")))
        });
        let elapsed_ms = started.elapsed().as_millis();
        let mark = if answer.is_ok() { "✓" } else { "✗" };
        tracing::debug!(target: "ws", "⇄ res {mark} {method} {elapsed_ms}ms conn={} id={id}", self.peer.connection_id);
        self.answer(&id, answer);
    }

    fn answer(&self, id: &str, answer: Result<Value, RpcError>) {
        self.outbound.push(answer_frame(id, answer));
    }

    /// A frame that is no request: answered when it has an id to answer to, else the end.
    fn refuse_frame(&self, text: &[u8], error: &serde_json::Error) {
        #[derive(serde::Deserialize)]
        struct Id {
            id: String,
        }
        match serde_json::from_slice::<Id>(text) {
            Ok(Id { id }) => self.answer(&id, Err(RpcError::invalid(format!("invalid request frame: {error}")))),
            Err(_) => self.outbound.close(CloseCode::Policy, "invalid request frame"),
        }
    }
}
