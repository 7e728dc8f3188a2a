//! The wire contract of the control plane: OpenClaw's gateway protocol, versions 3 and 4.
//!
//! Owns frames, methods, events, errors, scopes and the identifiers that cross crate borders. Knows no transport, does no IO.

mod error;
mod frame;
mod ids;
mod scope;
mod session_key;

pub use error::{ErrorCode, RpcError};
pub use frame::{EventFrame, RequestFrame, ResponseFrame, StateVersion};
pub use ids::{AgentId, DeviceId, ItemId, RunId, SessionId};
pub use scope::Scope;
pub use session_key::{MAIN, SESSION_KEY_MAX_BYTES, SessionKey, SessionKeyError};
