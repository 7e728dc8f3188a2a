//! What can go wrong between a client and its gateway, as cases that a caller can decide on.

use std::time::Duration;

use chela_protocol::{ConnectErrorDetails, RpcError};

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("`{url}` is no gateway address: {message}")]
    Address { url: String, message: String },
    /// Nobody listens there, or the name is unknown.
    #[error("can't reach {url}: {message}")]
    Unreachable { url: String, message: String },
    /// Somebody listens there, but not a gateway.
    #[error("{url} doesn't speak the gateway protocol: {message}")]
    NotAGateway { url: String, message: String },
    /// The gateway refused the connect.
    #[error("the gateway refused the connection: {}", error.message)]
    Rejected { error: RpcError, details: Option<Box<ConnectErrorDetails>> },
    /// The gateway refused a request.
    #[error("`{method}` failed: {}", error.message)]
    Refused { method: String, error: RpcError },
    #[error("{what} didn't come within {} s", after.as_secs_f32())]
    Timeout { what: String, after: Duration },
    #[error("the gateway closed the connection{}", reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default())]
    Closed { code: Option<u16>, reason: Option<String> },
}

impl ClientError {
    pub(crate) fn closed(frame: Option<(u16, String)>) -> Self {
        let (code, reason) = frame.map_or((None, None), |(code, reason)| (Some(code), Some(reason)));
        Self::Closed { code, reason: reason.filter(|reason| !reason.is_empty()) }
    }
}
