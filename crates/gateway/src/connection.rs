//! One WebSocket client after its handshake.

use std::net::IpAddr;

use chela_protocol::{DeviceId, Scope};

/// What the gateway knows of a connected client.
#[derive(Debug, Clone)]
pub struct Peer {
    pub connection_id: String,
    pub client_id: String,
    pub client_mode: String,
    pub display_name: Option<String>,
    /// Negotiated protocol: 3 or 4.
    pub protocol: u32,
    pub role: String,
    pub scopes: Vec<Scope>,
    pub caps: Vec<String>,
    pub device: Option<DeviceId>,
    pub remote_ip: IpAddr,
}

impl Peer {
    pub fn holds(&self, needed: Scope) -> bool {
        self.scopes.iter().any(|scope| scope.covers(needed))
    }
}
