//! Why a connection or a call failed, in variants that a caller can decide on.

use std::time::Duration;

use chela_protocol::{ConnectErrorCode, ConnectErrorDetails, RpcError};

#[derive(Debug, Clone, thiserror::Error)]
pub enum ClientError {
    #[error("`{url}` is no gateway address; it looks like ws://127.0.0.1:18789 or wss://my-gateway.fly.dev")]
    BadUrl { url: String },
    #[error("can't reach {url}: {reason}")]
    Unreachable { url: String, reason: String },
    #[error("TLS with {url} failed: {reason}")]
    Tls { url: String, reason: String },
    /// Something answers there that is no gateway.
    #[error("{url} answers, but not as a gateway: {reason}")]
    NotAGateway { url: String, reason: String },
    #[error("{url} did not answer within {} s", .after.as_secs())]
    ConnectTimeout { url: String, after: Duration },
    /// The gateway does not let us in. `details` says why in words for programs.
    #[error("{}", .error.message)]
    Unauthorized { error: RpcError, details: Box<ConnectErrorDetails> },
    /// Somebody has to approve this device first.
    #[error("{}", .error.message)]
    PairingRequired { error: RpcError, request_id: Option<String> },
    #[error("the gateway speaks no protocol version that this program knows")]
    ProtocolMismatch { details: Box<ConnectErrorDetails> },
    /// A connect or a call was refused, or it failed.
    #[error("{}", .0.message)]
    Refused(RpcError),
    #[error("the connection is closed{}", close_words(*code, reason))]
    Closed { code: Option<u16>, reason: String },
    #[error("{method} was not answered within {} s", .after.as_secs())]
    CallTimeout { method: String, after: Duration },
    /// More calls wait than the client keeps.
    #[error("too many calls wait for an answer")]
    Busy,
}

fn close_words(code: Option<u16>, reason: &str) -> String {
    match (code, reason) {
        (Some(code), "") => format!(" (code {code})"),
        (Some(code), reason) => format!(" (code {code}: {reason})"),
        (None, "") => String::new(),
        (None, reason) => format!(" ({reason})"),
    }
}

impl ClientError {
    /// What a refused `connect` means.
    pub(crate) fn of_connect(error: RpcError) -> Self {
        let details = error.details.clone().and_then(|details| serde_json::from_value(details).ok());
        let Some(details): Option<ConnectErrorDetails> = details else {
            return Self::Refused(error);
        };
        match details.code {
            ConnectErrorCode::PairingRequired => Self::PairingRequired { error, request_id: details.request_id },
            ConnectErrorCode::ProtocolMismatch => Self::ProtocolMismatch { details: Box::new(details) },
            ConnectErrorCode::Unknown => Self::Refused(error),
            _ => Self::Unauthorized { error, details: Box::new(details) },
        }
    }

    /// The next step, where there is one.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::BadUrl { .. } | Self::Busy | Self::CallTimeout { .. } | Self::Refused(_) => None,
            Self::Unreachable { .. } => Some(
                "is the gateway running? `chela gateway` starts one, `chela doctor` looks for the reason".to_owned(),
            ),
            Self::Tls { .. } => {
                Some("check the address and the certificate; plain connections begin with ws://".to_owned())
            }
            Self::NotAGateway { .. } => Some("check the port: another program listens there".to_owned()),
            Self::ConnectTimeout { .. } => Some("check the address, and that no firewall is in between".to_owned()),
            Self::Unauthorized { details, .. } => Some(unauthorized_hint(details.code).to_owned()),
            Self::PairingRequired { request_id, .. } => Some(match request_id {
                Some(id) => format!("approve this device on the gateway: chela devices approve {id}"),
                None => "approve this device on the gateway: chela devices list".to_owned(),
            }),
            Self::ProtocolMismatch { .. } => Some("update the older of the two".to_owned()),
            Self::Closed { .. } => Some("the gateway may be restarting; try again in a moment".to_owned()),
        }
    }

    /// Whether the same attempt may succeed later.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::ConnectTimeout { .. } | Self::Closed { .. } | Self::Busy => true,
            Self::Refused(error) => error.retryable == Some(true),
            Self::BadUrl { .. }
            | Self::Tls { .. }
            | Self::NotAGateway { .. }
            | Self::Unauthorized { .. }
            | Self::PairingRequired { .. }
            | Self::ProtocolMismatch { .. }
            | Self::CallTimeout { .. } => false,
        }
    }
}

fn unauthorized_hint(code: ConnectErrorCode) -> &'static str {
    match code {
        ConnectErrorCode::AuthRateLimited => "too many wrong tokens came from this address; wait a few minutes",
        ConnectErrorCode::DeviceAuthSignatureExpired => "set this machine's clock",
        ConnectErrorCode::DeviceIdentityRequired
        | ConnectErrorCode::AuthTokenMissing
        | ConnectErrorCode::AuthPasswordMissing
        | ConnectErrorCode::AuthRequired => {
            "pass the gateway's token: --token-file, CHELA_GATEWAY_TOKEN or gateway.remote.token"
        }
        _ => {
            "check the token: CHELA_GATEWAY_TOKEN, gateway.auth.token, or the file gateway-token in the state directory"
        }
    }
}
