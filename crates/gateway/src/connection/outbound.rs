//! What waits to be sent to one client: bounded in bytes and frames, and never waited for.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use chela_protocol::limits::OUTBOUND_BYTES_MAX;
use chela_protocol::{CloseCode, EventFrame, StateVersion};
use serde_json::value::RawValue;
use tokio::sync::Notify;

use super::wire::Outgoing;

/// Frames that may wait, whatever their size: each costs memory beside its bytes. A stream of a thousand deltas fits many times.
const FRAMES_MAX: usize = 16_384;

/// The queue of one connection. Pushing never waits: a client that does not read is closed with 1008.
#[derive(Default)]
pub(crate) struct Outbound {
    queue: Mutex<Queue>,
    filled: Notify,
}

#[derive(Default)]
struct Queue {
    frames: VecDeque<Waiting>,
    bytes: usize,
    /// Answer to the newest ping: earlier ones need none any more (RFC 6455 §5.5.3), so a flood of them costs nothing.
    pong: Option<Bytes>,
    /// Number of the last broadcast event.
    seq: u64,
    /// Sent when the frames before it are gone; nothing is taken in any more.
    close: Option<(CloseCode, String)>,
    ended: bool,
}

/// What stands at the head of the queue.
enum Taken {
    Frame(Outgoing),
    Nothing,
    End,
}

enum Waiting {
    Frame(Outgoing),
    /// Put into text when it is sent, so that the payload is shared until then.
    Event {
        name: &'static str,
        payload: Arc<RawValue>,
        seq: Option<u64>,
        state_version: Option<StateVersion>,
    },
}

impl Waiting {
    fn size(&self) -> usize {
        match self {
            Self::Frame(Outgoing::Text(bytes) | Outgoing::Pong(bytes)) => bytes.len(),
            Self::Frame(Outgoing::Ping | Outgoing::Close(..)) => 0,
            Self::Event { payload, .. } => payload.get().len(),
        }
    }

    fn into_outgoing(self) -> Outgoing {
        match self {
            Self::Frame(frame) => frame,
            Self::Event { name, payload, seq, state_version } => {
                let frame = EventFrame { event: name.to_owned(), payload: Some(payload), seq, state_version };
                Outgoing::Text(serde_json::to_vec(&frame).expect("an event frame serialises").into())
            }
        }
    }
}

impl Outbound {
    /// Queues a frame.
    pub(crate) fn push(&self, frame: Outgoing) {
        self.push_with(|_| Waiting::Frame(frame));
    }

    /// Queues a broadcast event under the connection's next number.
    pub(crate) fn push_event(&self, name: &'static str, payload: &Arc<RawValue>, state_version: Option<StateVersion>) {
        self.push_with(|queue| {
            queue.seq += 1;
            Waiting::Event { name, payload: payload.clone(), seq: Some(queue.seq), state_version }
        });
    }

    /// Queues an event meant for this connection alone: it has no number.
    pub(crate) fn push_targeted_event(&self, name: &'static str, payload: &Arc<RawValue>) {
        self.push_with(|_| Waiting::Event { name, payload: payload.clone(), seq: None, state_version: None });
    }

    /// Answers a ping, before whatever else waits.
    pub(crate) fn answer_ping(&self, payload: &[u8]) {
        let mut queue = self.lock();
        if queue.close.is_none() {
            // A copy, so that it does not hold the buffer that it came in.
            queue.pong = Some(Bytes::copy_from_slice(payload));
        }
        drop(queue);
        self.filled.notify_one();
    }

    /// Closes after what waits already. The first reason stands.
    pub(crate) fn close(&self, code: CloseCode, reason: impl Into<String>) {
        let mut queue = self.lock();
        queue.close.get_or_insert_with(|| (code, reason.into()));
        drop(queue);
        self.filled.notify_one();
    }

    /// The next frame to send; a close frame is the last. None when all is said.
    pub(crate) async fn next(&self) -> Option<Outgoing> {
        loop {
            let filled = self.filled.notified();
            match self.take() {
                Taken::Frame(frame) => return Some(frame),
                Taken::End => return None,
                Taken::Nothing => filled.await,
            }
        }
    }

    fn take(&self) -> Taken {
        let mut queue = self.lock();
        if let Some(payload) = queue.pong.take() {
            return Taken::Frame(Outgoing::Pong(payload));
        }
        if let Some(waiting) = queue.frames.pop_front() {
            queue.bytes -= waiting.size();
            if queue.frames.is_empty() {
                queue.frames = VecDeque::new();
            }
            return Taken::Frame(waiting.into_outgoing());
        }
        if queue.ended {
            return Taken::End;
        }
        let Some((code, reason)) = queue.close.clone() else { return Taken::Nothing };
        queue.ended = true;
        Taken::Frame(Outgoing::Close(code, reason))
    }

    /// The frame is made under the lock, so that numbers stand in the queue in their order.
    fn push_with(&self, make: impl FnOnce(&mut Queue) -> Waiting) {
        let mut queue = self.lock();
        if queue.close.is_some() {
            return;
        }
        let waiting = make(&mut queue);
        queue.bytes += waiting.size();
        queue.frames.push_back(waiting);
        if queue.bytes > OUTBOUND_BYTES_MAX || queue.frames.len() > FRAMES_MAX {
            queue.frames = VecDeque::new();
            queue.bytes = 0;
            queue.close = Some((CloseCode::Policy, "slow consumer".to_owned()));
        }
        drop(queue);
        self.filled.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing panics while it is held, so a poisoned queue is still whole.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An answer's text as a frame.
impl From<String> for Outgoing {
    fn from(text: String) -> Self {
        Self::Text(Bytes::from(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(outgoing: Option<Outgoing>) -> String {
        match outgoing {
            Some(Outgoing::Text(bytes)) => String::from_utf8(bytes.to_vec()).unwrap(),
            other => format!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn events_are_numbered_and_the_close_comes_last() {
        let outbound = Outbound::default();
        let payload: Arc<RawValue> = RawValue::from_string("{}".into()).unwrap().into();
        outbound.push_event("tick", &payload, None);
        outbound.push(Outgoing::from("answer".to_owned()));
        outbound.push_targeted_event("tick", &payload);
        outbound.push_event("tick", &payload, None);
        outbound.close(CloseCode::ServiceRestart, "service restart");
        outbound.push(Outgoing::from("too late".to_owned()));
        assert_eq!(text(outbound.next().await), r#"{"type":"event","event":"tick","payload":{},"seq":1}"#);
        assert_eq!(text(outbound.next().await), "answer");
        assert_eq!(text(outbound.next().await), r#"{"type":"event","event":"tick","payload":{}}"#);
        assert_eq!(text(outbound.next().await), r#"{"type":"event","event":"tick","payload":{},"seq":2}"#);
        assert_eq!(text(outbound.next().await), r#"Some(Close(ServiceRestart, "service restart"))"#);
        assert!(outbound.next().await.is_none());
    }

    #[tokio::test]
    async fn of_many_pings_the_newest_is_answered() {
        let outbound = Outbound::default();
        for n in 0..100_000_u32 {
            outbound.answer_ping(&n.to_be_bytes());
        }
        outbound.close(CloseCode::Normal, "");
        assert_eq!(
            text(outbound.next().await),
            format!("{:?}", Some(Outgoing::Pong(Bytes::copy_from_slice(&99_999_u32.to_be_bytes()))))
        );
        assert_eq!(text(outbound.next().await), r#"Some(Close(Normal, ""))"#);
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_is_closed_and_its_queue_freed() {
        for (frame, count) in [("x".repeat(1 << 20), 51), ("x".to_owned(), FRAMES_MAX + 1)] {
            let outbound = Outbound::default();
            let frame = Bytes::from(frame);
            for _ in 0..count {
                outbound.push(Outgoing::Text(frame.clone()));
            }
            assert_eq!(text(outbound.next().await), r#"Some(Close(Policy, "slow consumer"))"#);
        }
    }
}
