//! Who is connected now, as clients show it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chela_protocol::{ClientInfo, PresenceChanged, PresenceEntry, Scope, StateVersion};
use tokio::sync::Notify;

use crate::app::{Facts, now_ms};
use crate::connection::Peer;
use crate::events::{Audience, Event};

/// Clients that are listed. More are connected, but a list that long helps nobody and would be sent to each of them.
const ENTRIES_MAX: usize = 200;
/// Client modes of programs that come and go within a second: they are not announced.
const PASSING_MODES: &[&str] = &["cli", "backend", "probe", "test"];

/// The list behind `system-presence` and the `presence` event.
pub(crate) struct PresenceList {
    state: Mutex<State>,
    pub(crate) changed: Notify,
}

struct State {
    own: PresenceEntry,
    /// By connection.
    clients: BTreeMap<String, PresenceEntry>,
    version: StateVersion,
}

impl PresenceList {
    pub(crate) fn new(facts: &Facts, host: &str) -> Self {
        let own = PresenceEntry {
            host: Some(host.to_owned()),
            version: Some(facts.version.to_owned()),
            platform: Some(std::env::consts::OS.to_owned()),
            mode: Some("gateway".to_owned()),
            reason: Some("self".to_owned()),
            text: Some(format!("Gateway: {host} · app {} · mode gateway · reason self", facts.version)),
            online_since: Some(now_ms()),
            ts: now_ms(),
            ..PresenceEntry::default()
        };
        let state = State { own, clients: BTreeMap::new(), version: StateVersion { presence: 1, health: 1 } };
        Self { state: Mutex::new(state), changed: Notify::new() }
    }

    /// The gateway itself, then its clients.
    pub(crate) fn entries(&self) -> Vec<PresenceEntry> {
        let state = self.lock();
        let own = PresenceEntry { ts: now_ms(), ..state.own.clone() };
        std::iter::once(own).chain(state.clients.values().cloned()).collect()
    }

    pub(crate) fn state_version(&self) -> StateVersion {
        self.lock().version
    }

    /// Counts one more health snapshot.
    pub(crate) fn health_changed(&self) -> StateVersion {
        let mut state = self.lock();
        state.version.health += 1;
        state.version
    }

    pub(crate) fn arrived(&self, peer: &Peer, client: &ClientInfo) {
        let mut state = self.lock();
        if PASSING_MODES.contains(&peer.client_mode.as_str()) || state.clients.len() >= ENTRIES_MAX {
            return;
        }
        state.clients.insert(peer.connection_id.clone(), entry(peer, client));
        state.version.presence += 1;
        drop(state);
        self.changed.notify_one();
    }

    pub(crate) fn left(&self, connection_id: &str) {
        let mut state = self.lock();
        if state.clients.remove(connection_id).is_none() {
            return;
        }
        state.version.presence += 1;
        drop(state);
        self.changed.notify_one();
    }

    /// The list as an event.
    pub(crate) fn event(&self) -> Event {
        let payload = PresenceChanged { presence: self.entries() };
        Event::new("presence", Audience::Holding(Scope::Read), &payload).with_state_version(self.state_version())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn entry(peer: &Peer, client: &ClientInfo) -> PresenceEntry {
    let name = client.display_name.as_deref().unwrap_or(&client.id);
    PresenceEntry {
        host: Some(name.to_owned()),
        client_id: Some(client.id.clone()),
        ip: Some(peer.remote_ip.to_string()),
        version: Some(client.version.clone()),
        platform: Some(client.platform.clone()),
        device_family: client.device_family.clone(),
        mode: Some(client.mode.clone()),
        reason: Some("connect".to_owned()),
        device_id: peer.device.as_ref().map(ToString::to_string),
        roles: Some(vec![peer.role.clone()]),
        scopes: Some(peer.scopes.iter().map(ToString::to_string).collect()),
        instance_id: client.instance_id.clone(),
        text: Some(format!("{name} · {} · mode {}", client.version, client.mode)),
        online_since: Some(now_ms()),
        ts: now_ms(),
    }
}
