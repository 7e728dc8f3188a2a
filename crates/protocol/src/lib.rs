//! The wire contract of the control plane: OpenClaw's gateway protocol, versions 3 and 4.
//!
//! Owns frames, methods, events, errors, scopes and the identifiers that cross crate borders. Knows no transport, does no IO.

mod ids;
mod session_key;

pub use ids::{AgentId, DeviceId, ItemId, RunId, SessionId};
pub use session_key::{MAIN, SESSION_KEY_MAX_BYTES, SessionKey, SessionKeyError};
