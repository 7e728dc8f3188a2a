//! How to connect, and as whom.

use std::time::Duration;

use chela_protocol::limits;

use crate::DeviceIdentity;

/// How long the TCP connection and the handshake may take together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// Everything that a connect says. `Debug` leaves the credentials out.
#[derive(Clone)]
pub struct ClientOptions {
    pub token: Option<String>,
    pub password: Option<String>,
    /// A token that this device was given before.
    pub device_token: Option<String>,
    /// Signs the connect. A gateway on the same machine needs none.
    pub identity: Option<DeviceIdentity>,
    pub client_id: String,
    pub client_mode: String,
    pub display_name: Option<String>,
    pub version: String,
    pub role: String,
    pub scopes: Vec<String>,
    pub caps: Vec<String>,
    pub connect_timeout: Duration,
    /// For calls that name no other.
    pub request_timeout: Duration,
}

impl Default for ClientOptions {
    /// The command line as operator with every right.
    fn default() -> Self {
        Self {
            token: None,
            password: None,
            device_token: None,
            identity: None,
            client_id: "cli".to_owned(),
            client_mode: "cli".to_owned(),
            display_name: None,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            role: "operator".to_owned(),
            scopes: vec!["operator.admin".to_owned()],
            caps: Vec::new(),
            connect_timeout: CONNECT_TIMEOUT,
            request_timeout: limits::REQUEST_TIMEOUT,
        }
    }
}

impl std::fmt::Debug for ClientOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientOptions")
            .field("client_id", &self.client_id)
            .field("client_mode", &self.client_mode)
            .field("role", &self.role)
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}
