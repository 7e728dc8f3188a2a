//! Chat channels: one folder per platform, one contract for all, one visible table.
//!
//! Owns everything that is specific to a platform: its wire, its limits, its words. Never sees the store, an agent or a
//! model: what a channel hears goes through its [`Inbox`], what it says comes as [`OutboundPart`]s. Who may speak
//! ([`access`]) and how an answer looks ([`render`]) are pure functions here, called by the gateway.

pub mod access;
mod channel;
mod context;
mod digest;
mod discord;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod inbound;
mod keys;
mod kind;
mod outbound;
mod policy;
pub mod render;
mod section;
mod status;
mod table;
mod telegram;

pub use channel::{
    Capabilities, Channel, FetchedMedia, OpenChannel, Pending, Probe, Webhook, WebhookAnswer, WebhookRequest,
};
pub use context::{
    ChannelContext, ChannelFailure, ChannelState, FailureKind, HttpSource, Inbox, InboxError, NativeArg, NativeCommand,
    Patience, Receipt, StateError,
};
pub use inbound::{
    ChatKind, EventId, Heard, InboundEvent, InboundMessage, MediaKind, MediaRef, Mention, MessageId, PlaceName, Quoted,
    Reaction, Sender,
};
pub use kind::{Account, Kind, OpenError, ReadAccount, SecretLookup};
pub use outbound::{Button, OutboundMedia, OutboundPart, PartKey, RetryClass, SendError, SendErrorKind, SentMessage};
pub use policy::{AccountPolicy, AckScope, DeliveryPolicy, PreviewMode, ReactionNotice, ReplyToMode};
pub use section::{AccountConfig, DEFAULT_ACCOUNT, Prepared, channels_schema, prepare, prepare_of};
pub use status::{ConnectionState, INBOUND_SILENCE_MAX, StatusCell, StatusSnapshot, Transport};
pub use table::CHANNELS;
