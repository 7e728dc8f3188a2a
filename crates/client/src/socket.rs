//! The task that owns the socket: it sends requests, hands answers to their callers, and passes events on.

use std::collections::HashMap;

use chela_protocol::{RequestFrame, ResponseFrame, RpcError, limits};
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::tungstenite::Message;

use crate::handshake::Socket;

/// Events that may wait for their reader. Nothing that must survive travels as an event: more are dropped, and the gap shows
/// in `seq`.
const EVENT_QUEUE: usize = 4096;
/// Requests that wait for answers; the oldest is given up beyond.
const PENDING_MAX: usize = 1024;
/// A gateway that says nothing for two ticks and a bit is gone.
const SILENCE: std::time::Duration = limits::TICK_INTERVAL.saturating_mul(2);

/// Something that happened at the gateway.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Event {
    #[serde(rename = "event")]
    pub name: String,
    #[serde(default)]
    pub payload: Value,
    #[serde(default)]
    pub seq: Option<u64>,
}

/// Events in the order in which they came; ends when the socket closes.
pub struct Events(mpsc::Receiver<Event>);

impl Events {
    /// The next event; `None` once the connection is over.
    pub async fn next(&mut self) -> Option<Event> {
        self.0.recv().await
    }
}

pub(crate) enum Command {
    Request { id: String, method: String, params: Value, answers: Answers },
    Close(oneshot::Sender<()>),
}

type Answers = mpsc::Sender<Result<Value, RpcError>>;

/// Any frame that a gateway sends.
#[derive(Deserialize)]
#[serde(untagged)]
enum Frame {
    Response(ResponseFrame),
    Event(Event),
}

/// Starts the task. It ends with the socket, or when every client handle is gone.
pub(crate) fn run(socket: Socket, commands: mpsc::Receiver<Command>) -> Events {
    let (events, receive) = mpsc::channel(EVENT_QUEUE);
    tokio::spawn(Task { socket, commands, events, pending: HashMap::new() }.run());
    Events(receive)
}

struct Task {
    socket: Socket,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<Event>,
    pending: HashMap<String, Answers>,
}

impl Task {
    async fn run(mut self) {
        loop {
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(Command::Request { id, method, params, answers }) => {
                        if !self.request(id, method, params, answers).await {
                            return;
                        }
                    }
                    Some(Command::Close(done)) => {
                        self.close().await;
                        let _ = done.send(());
                        return;
                    }
                    None => return self.close().await,
                },
                received = tokio::time::timeout(SILENCE, self.socket.next()) => match received {
                    Ok(Some(Ok(Message::Text(text)))) => self.take(&text),
                    Ok(Some(Ok(Message::Close(_)) | Err(_)) | None) | Err(_) => return,
                    // The library answers pings when it is polled.
                    Ok(Some(Ok(_))) => {}
                },
            }
        }
    }

    /// Returns whether the socket still works.
    async fn request(&mut self, id: String, method: String, params: Value, answers: Answers) -> bool {
        let params = (!params.is_null()).then_some(params);
        let Ok(frame) = serde_json::to_string(&RequestFrame { id: id.clone(), method, params }) else { return true };
        self.pending.retain(|_, answers| !answers.is_closed());
        if self.pending.len() >= PENDING_MAX {
            let _ = answers.try_send(Err(RpcError::unavailable("too many requests wait for an answer")));
            return true;
        }
        self.pending.insert(id, answers);
        self.socket.send(Message::text(frame)).await.is_ok()
    }

    fn take(&mut self, text: &str) {
        match serde_json::from_str(text) {
            Ok(Frame::Response(response)) => {
                let Some(answers) = self.pending.get(&response.id) else { return };
                let answer = match response.error {
                    Some(error) if !response.ok => Err(error),
                    _ => Ok(response.payload.unwrap_or(Value::Null)),
                };
                let last = !matches!(&answer, Ok(value) if value["status"] == "accepted");
                let _ = answers.try_send(answer);
                if last {
                    self.pending.remove(&response.id);
                }
            }
            Ok(Frame::Event(event)) => {
                if self.events.try_send(event).is_err() {
                    tracing::debug!("an event was dropped: nobody reads them fast enough");
                }
            }
            Err(error) => tracing::debug!(%error, "the gateway sent a frame that can't be read"),
        }
    }

    async fn close(&mut self) {
        let _ = tokio::time::timeout(limits::CLOSE_GRACE, self.socket.close(None)).await;
    }
}
