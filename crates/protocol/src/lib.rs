//! The wire contract of the control plane: OpenClaw's gateway protocol, versions 3 and 4.
//!
//! Owns frames, methods, events, errors, scopes and the identifiers that cross crate borders. Knows no transport, does no IO.
//! Input is read tolerantly (unknown fields are accepted); output is written exactly.

mod close;
mod connect;
mod connect_error;
mod device_signature;
mod error;
mod events;
mod frame;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod hello;
mod ids;
pub mod limits;
pub mod methods;
mod names;
mod scope;
mod session_key;

pub use close::CloseCode;
pub use connect::{ClientInfo, ConnectAuth, ConnectDevice, ConnectParams};
pub use connect_error::{ConnectErrorCode, ConnectErrorDetails, NextStep, PairingReason};
pub use device_signature::{DeviceClaim, SignatureVersion};
pub use error::{ErrorCode, RpcError};
pub use events::{
    AgentEvent, BudgetReachedEvent, ChallengePayload, ChatErrorKind, ChatEvent, ChatState, ConfigChanged,
    DevicePairRequested, DevicePairResolved, NodePairResolved, PairDecision, PresenceChanged, PresenceEntry,
    SessionMessageEvent, SessionsChanged, Shutdown, Tick,
};
pub use frame::{EventFrame, RequestFrame, ResponseFrame, StateVersion};
pub use hello::{
    AttachmentPolicy, Features, HelloAuth, HelloOk, HelloTag, Implementation, Policy, ServerInfo, SessionDefaults,
    Snapshot,
};
pub use ids::{AgentId, DeviceId, ItemId, RunId, SessionId};
pub use names::{EVENT_NAMES, METHOD_NAMES};
pub use scope::Scope;
pub use session_key::{MAIN, SESSION_KEY_MAX_BYTES, SessionKey, SessionKeyError};

/// The release of OpenClaw whose protocol this is, as its clients compare it with their own.
pub const OPENCLAW_RELEASE: &str = "2026.9.6";

/// Newest protocol version that the gateway speaks.
pub const PROTOCOL_VERSION: u32 = 4;
/// Oldest protocol version that the gateway speaks.
pub const MIN_PROTOCOL_VERSION: u32 = 3;

/// The version that both sides speak, best first; none when the ranges do not meet.
pub fn negotiate(client_min: u32, client_max: u32) -> Option<u32> {
    let best = client_max.min(PROTOCOL_VERSION);
    (best >= client_min.max(MIN_PROTOCOL_VERSION)).then_some(best)
}
