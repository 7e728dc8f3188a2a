//! Fan-out of events to connected clients: one bounded queue per client, and a slow client is dropped, never the gateway.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use chela_protocol::{CloseCode, DeviceId, Scope, SessionKey, StateVersion};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::connection::{Outbound, Peer};

/// An event on its way to every client that may and wants to see it. Serialised once, shared by all.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) name: &'static str,
    pub(crate) payload: Arc<RawValue>,
    pub(crate) audience: Audience,
    /// For `presence` and `health`.
    pub(crate) state_version: Option<StateVersion>,
}

/// Who gets an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Audience {
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
    pub(crate) fn new(name: &'static str, audience: Audience, payload: &impl Serialize) -> Self {
        let payload = serde_json::value::to_raw_value(payload).expect("our payloads serialise");
        Self { name, payload: payload.into(), audience, state_version: None }
    }

    #[must_use]
    pub(crate) fn with_state_version(mut self, version: StateVersion) -> Self {
        self.state_version = Some(version);
        self
    }
}

/// Every connected client's queue, and what each watches.
#[derive(Default)]
pub(crate) struct Events {
    clients: RwLock<HashMap<String, Client>>,
}

struct Client {
    peer: Arc<Peer>,
    outbound: Arc<Outbound>,
    watches_session_list: bool,
    watched_sessions: HashSet<SessionKey>,
}

/// Sessions that one connection may watch at once; more is a client that never unsubscribes.
const WATCHED_SESSIONS_MAX: usize = 256;

impl Client {
    fn wants(&self, audience: &Audience) -> bool {
        match audience {
            Audience::Everyone => true,
            Audience::Holding(scope) => self.peer.holds(*scope),
            Audience::Capable(cap) => self.peer.holds(Scope::Read) && self.peer.has_cap(cap),
            Audience::SessionListWatchers => self.watches_session_list && self.peer.holds(Scope::SessionsRead),
            Audience::SessionWatchers(session) => {
                self.watched_sessions.contains(session) && self.peer.holds(Scope::SessionsRead)
            }
        }
    }
}

impl Events {
    /// Queues the event for every client of its audience. Never waits.
    pub(crate) fn publish(&self, event: &Event) {
        for client in self.read().values().filter(|client| client.wants(&event.audience)) {
            client.outbound.push_event(event.name, &event.payload, event.state_version);
        }
    }

    /// From now on the connection gets events for [`Audience::SessionListWatchers`].
    pub(crate) fn watch_session_list(&self, connection_id: &str) {
        self.change(connection_id, |client| client.watches_session_list = true);
    }

    pub(crate) fn unwatch_session_list(&self, connection_id: &str) {
        self.change(connection_id, |client| client.watches_session_list = false);
    }

    /// From now on the connection gets events for [`Audience::SessionWatchers`] of this session.
    /// Beyond [`WATCHED_SESSIONS_MAX`] sessions, nothing is added.
    pub(crate) fn watch_session(&self, connection_id: &str, session: &SessionKey) {
        self.change(connection_id, |client| {
            if client.watched_sessions.len() < WATCHED_SESSIONS_MAX {
                client.watched_sessions.insert(session.clone());
            }
        });
    }

    pub(crate) fn unwatch_session(&self, connection_id: &str, session: &SessionKey) {
        self.change(connection_id, |client| {
            client.watched_sessions.remove(session);
        });
    }

    /// Whether anybody gets events for [`Audience::SessionWatchers`] of this session.
    pub(crate) fn is_session_watched(&self, session: &SessionKey) -> bool {
        self.read().values().any(|client| client.watched_sessions.contains(session))
    }

    /// Whether anybody gets events for [`Audience::SessionListWatchers`].
    pub(crate) fn is_session_list_watched(&self) -> bool {
        self.read().values().any(|client| client.watches_session_list)
    }

    /// Whether a client is connected that may decide on approvals.
    pub(crate) fn has_approver(&self) -> bool {
        self.read().values().any(|client| client.peer.holds(Scope::Approvals))
    }

    /// How many clients are connected.
    pub(crate) fn connected(&self) -> usize {
        self.read().len()
    }

    /// Whether a client of this device is connected.
    pub(crate) fn has_device(&self, device: &DeviceId) -> bool {
        self.read().values().any(|client| client.peer.device.as_ref() == Some(device))
    }

    /// The connected client of this device with the role `node`; the newest, where an old connection is not closed yet.
    pub(crate) fn node(&self, device: &DeviceId) -> Option<Arc<Peer>> {
        let clients = self.read();
        let of_device = clients.values().filter(|client| client.peer.device.as_ref() == Some(device));
        let nodes = of_device.filter_map(|client| Some((client.peer.node.as_ref()?.connected_at_ms, &client.peer)));
        nodes.max_by_key(|(since, _)| *since).map(|(_, peer)| peer.clone())
    }

    /// Queues an event for one connection. `false` when it is gone.
    ///
    /// # Panics
    /// Never: payloads are our own types, whose serialisation can't fail.
    pub(crate) fn send_to(&self, connection_id: &str, name: &'static str, payload: &impl Serialize) -> bool {
        let payload = serde_json::value::to_raw_value(payload).expect("our payloads serialise").into();
        let clients = self.read();
        let client = clients.get(connection_id);
        client.inspect(|client| client.outbound.push_targeted_event(name, &payload)).is_some()
    }

    pub(crate) fn join(&self, peer: Arc<Peer>, outbound: Arc<Outbound>) {
        let client = Client { peer, outbound, watches_session_list: false, watched_sessions: HashSet::new() };
        self.write().insert(client.peer.connection_id.clone(), client);
    }

    pub(crate) fn leave(&self, connection_id: &str) {
        self.write().remove(connection_id);
    }

    /// Closes every client for which `goes` holds, after what waits for it already.
    pub(crate) fn close_where(&self, code: CloseCode, reason: &str, goes: impl Fn(&Peer) -> bool) {
        for client in self.read().values().filter(|client| goes(&client.peer)) {
            client.outbound.close(code, reason);
        }
    }

    fn change(&self, connection_id: &str, change: impl FnOnce(&mut Client)) {
        if let Some(client) = self.write().get_mut(connection_id) {
            change(client);
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<String, Client>> {
        self.clients.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<String, Client>> {
        self.clients.write().unwrap_or_else(PoisonError::into_inner)
    }
}
