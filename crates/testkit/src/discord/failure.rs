//! How the script makes single requests and connections go wrong.

use std::time::Duration;

use serde_json::Value;

/// What becomes of a request that the script picked out.
#[derive(Debug, Clone)]
pub enum DiscordFailure {
    /// Not applied; answered with this status and body.
    Status(u16, Value),
    /// Not applied; 429 with this wish.
    RateLimited { after: Duration, global: bool },
    /// Not applied; the connection ends without an answer.
    CutBefore,
    /// Applied; the connection ends without an answer.
    CutAfter,
    /// Not applied, and never answered.
    Hang,
    /// Applied, and never answered.
    HangAfter,
}

impl DiscordFailure {
    /// An error in the platform's own form.
    pub fn error(status: u16, code: u64, message: &str) -> Self {
        Self::Status(status, serde_json::json!({"message": message, "code": code}))
    }

    /// What a broken server behind the edge says: no JSON of the platform.
    pub fn unavailable() -> Self {
        Self::Status(503, Value::String("upstream connect error".to_owned()))
    }

    pub(super) fn is_applied(&self) -> bool {
        matches!(self, Self::CutAfter | Self::HangAfter)
    }
}

/// What becomes of a connection to the gateway.
#[derive(Debug, Clone)]
pub enum ConnectionPlan {
    /// The upgrade is refused with this status.
    Refuse(u16),
    /// The connection stands, and nothing ever comes.
    Silent,
    /// Greets, then closes with this code on the first word of the client.
    Close(u16),
    /// Greets, then answers the first word of the client with an invalid session.
    Invalid { resumable: bool },
    /// Greets, and drops the connection on the first word of the client.
    Drop,
    /// As always.
    Normal,
}

/// A request to be picked out.
#[derive(Debug, Clone)]
pub(super) struct Trap {
    pub(super) method: String,
    /// Segments behind `/api/v10`; `*` is any one.
    pub(super) route: String,
    pub(super) failure: DiscordFailure,
}

impl Trap {
    pub(super) fn catches(&self, method: &str, path: &str) -> bool {
        let wanted = self.route.trim_matches('/').split('/');
        let found = path.trim_matches('/').split('/');
        self.method == method
            && wanted.clone().count() == found.clone().count()
            && wanted.zip(found).all(|(wanted, found)| wanted == "*" || wanted == found)
    }
}
