//! Identifiers that cross crate borders. Each is a newtype, so that a run can't be passed where a session is meant.

use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            pub fn new(id: impl Into<String>) -> Self {
                Self(id.into())
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self(id.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(id: String) -> Self {
                Self(id)
            }
        }
    };
}

id!(
    /// One run of the agent: a turn from its input to its final answer. Chosen by the client (the request's
    /// idempotency key doubles as the run id) or made by the gateway.
    RunId
);
id!(
    /// The conversation behind a session key. A reset gives the key a new one; the old one's items stay.
    SessionId
);
id!(
    /// A configured persona, for example `main`.
    AgentId
);
id!(
    /// One entry of a transcript.
    ItemId
);
id!(
    /// A paired device: lowercase hex SHA-256 of its Ed25519 public key.
    DeviceId
);

impl DeviceId {
    /// The id of the device whose raw public key this is.
    pub fn of_key(key: &[u8]) -> Self {
        let digest = Sha256::digest(key);
        Self(digest.iter().fold(String::with_capacity(64), |mut hex, byte| {
            // Writing to a String can't fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        }))
    }
}
