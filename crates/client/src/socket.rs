//! The task that owns the socket: it sends requests, hands answers to their callers, and passes events on.

use std::collections::HashMap;
use std::time::Duration;

use chela_protocol::{RequestFrame, ResponseFrame, RpcError, limits};
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::Message;

use crate::handshake::Socket;

/// Events that may wait for their reader. Nothing that must survive travels as an event: more are dropped, and the gap shows
/// in `seq`.
const EVENT_QUEUE: usize = 4096;
/// Requests that wait for answers; one more is refused.
const PENDING_MAX: usize = 1024;
/// A gateway that says nothing for as long as two ticks is gone.
const SILENCE: Duration = limits::TICK_INTERVAL.saturating_mul(2);
/// A gateway that doesn't take a frame within this is gone, too: the largest frame needs less on a line of 1 Mbit/s.
const SEND_PATIENCE: Duration = Duration::from_mins(5);

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
        // Counted from the last word that was heard: requests of our own prove nothing.
        let mut silent_at = Instant::now() + SILENCE;
        loop {
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(Command::Request { id, method, params, answers }) => {
                        let began = Instant::now();
                        if !self.request(id, method, params, answers).await {
                            return;
                        }
                        // Nothing is heard while a frame is sent.
                        silent_at += began.elapsed();
                    }
                    Some(Command::Close(done)) => {
                        self.close().await;
                        let _ = done.send(());
                        return;
                    }
                    None => return self.close().await,
                },
                received = timeout_at(silent_at, self.socket.next()) => {
                    match received {
                        Ok(Some(Ok(Message::Text(text)))) => self.take(&text),
                        Ok(Some(Ok(Message::Close(_)) | Err(_)) | None) | Err(_) => return,
                        // The library answers pings when it is polled.
                        Ok(Some(Ok(_))) => {}
                    }
                    silent_at = Instant::now() + SILENCE;
                }
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
        matches!(timeout(SEND_PATIENCE, self.socket.send(Message::text(frame))).await, Ok(Ok(())))
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
        let _ = timeout(limits::CLOSE_GRACE, self.socket.close(None)).await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::interval;
    use tokio_tungstenite::tungstenite::protocol::Role;
    use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

    use super::*;

    const LONG: Duration = Duration::from_hours(1);

    /// A socket whose other end is kept by the caller and never read.
    async fn deaf() -> (Socket, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (ours, theirs) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
        let ours = MaybeTlsStream::Plain(ours.unwrap());
        (WebSocketStream::from_raw_socket(ours, Role::Client, None).await, theirs.unwrap().0)
    }

    fn request(id: usize, params: Value) -> (Command, mpsc::Receiver<Result<Value, RpcError>>) {
        let (answers, receive) = mpsc::channel(2);
        (Command::Request { id: id.to_string(), method: "m".into(), params, answers }, receive)
    }

    #[tokio::test]
    async fn a_gateway_that_takes_no_bytes_is_given_up() {
        let (socket, _theirs) = deaf().await;
        let (commands, mailbox) = mpsc::channel(1);
        // More than the buffers between the two ends hold.
        let (large, mut answers) = request(1, Value::String("x".repeat(limits::FRAME_MAX)));
        commands.try_send(large).ok().unwrap();
        tokio::time::pause();
        let mut events = run(socket, mailbox);
        assert_eq!(timeout(LONG, events.next()).await.unwrap(), None);
        assert!(answers.recv().await.is_none());
    }

    #[tokio::test]
    async fn a_gateway_that_says_nothing_is_given_up_however_much_it_is_asked() {
        let (socket, _theirs) = deaf().await;
        let (commands, mailbox) = mpsc::channel(1);
        tokio::time::pause();
        let mut events = run(socket, mailbox);
        let mut often = interval(limits::TICK_INTERVAL / 3);
        let asked = async {
            for id in 0.. {
                often.tick().await;
                if commands.send(request(id, Value::Null).0).await.is_err() {
                    return id;
                }
            }
            0
        };
        let (asked, ended) = tokio::join!(timeout(LONG, asked), timeout(LONG, events.next()));
        assert_eq!(ended.unwrap(), None);
        assert!(asked.unwrap() < 10);
    }
}
