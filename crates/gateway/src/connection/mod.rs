//! WebSocket clients: framing, handshake, and the loop that serves one connection.

mod admit;
mod handshake;
mod outbound;
mod serve;
mod wire;

use std::net::IpAddr;

use chela_protocol::{DeviceId, Scope};
use tokio_util::sync::CancellationToken;

pub(crate) use admit::{IssuedToken, Refusal};
pub use outbound::Outbound;
pub(crate) use serve::{Arrived, Upgraded, serve};

use crate::auth::Credential;

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
    /// What let the client in.
    pub credential: Credential,
    /// Cancelled when the connection is gone, for work that nobody else waits for.
    pub closed: CancellationToken,
}

impl Peer {
    pub fn holds(&self, needed: Scope) -> bool {
        self.scopes.iter().any(|scope| scope.covers(needed))
    }

    /// Whether the client said that it understands this extension, for example `tool-events`.
    pub fn has_cap(&self, cap: &str) -> bool {
        self.caps.iter().any(|held| held == cap)
    }
}
