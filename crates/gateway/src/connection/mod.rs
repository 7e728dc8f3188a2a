//! WebSocket clients: framing, handshake, and the loop that serves one connection.

mod admit;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod handshake;
mod outbound;
mod serve;
mod wire;

use std::net::IpAddr;
use std::sync::Arc;

use chela_protocol::{DeviceId, Scope};
use tokio_util::sync::CancellationToken;

pub(crate) use admit::{IssuedToken, Refusal};
pub(crate) use outbound::Outbound;
pub(crate) use serve::{Arrived, Upgraded, serve};

use crate::auth::Credential;
use crate::nodes::NodeFacts;

/// What the gateway knows of a connected client.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) connection_id: String,
    pub(crate) client_id: String,
    pub(crate) client_mode: String,
    /// Negotiated protocol: 3 or 4.
    pub(crate) protocol: u32,
    pub(crate) role: String,
    pub(crate) scopes: Vec<Scope>,
    pub(crate) caps: Vec<String>,
    pub(crate) device: Option<DeviceId>,
    /// Of a client with the role `node`.
    pub(crate) node: Option<Arc<NodeFacts>>,
    pub(crate) remote_ip: IpAddr,
    /// What let the client in.
    pub(crate) credential: Credential,
    /// Cancelled when the connection is gone, for work that nobody else waits for.
    pub(crate) closed: CancellationToken,
}

impl Peer {
    pub(crate) fn holds(&self, needed: Scope) -> bool {
        self.scopes.iter().any(|scope| scope.covers(needed))
    }

    /// Whether the client said that it understands this extension, for example `tool-events`.
    pub(crate) fn has_cap(&self, cap: &str) -> bool {
        self.caps.iter().any(|held| held == cap)
    }
}
