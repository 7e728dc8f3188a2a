//! Limits and rhythms of a connection. Source: OpenClaw 2026.9 server constants, unless a line says that it is ours.

use std::time::Duration;

/// Largest frame before a client has authenticated, in bytes. Beyond: close 1009.
pub const PREAUTH_FRAME_MAX: usize = 65_536;
/// Largest message of an authenticated client, in bytes. Beyond: close 1009. Announced as `policy.maxPayload`.
pub const FRAME_MAX: usize = 26_214_400;
/// Bytes that may wait for a slow client. Beyond: close 1008. Announced as `policy.maxBufferedBytes`.
pub const OUTBOUND_BYTES_MAX: usize = 52_428_800;
/// Time between two `tick` events.
pub const TICK_INTERVAL: Duration = Duration::from_secs(30);
/// A client that has not authenticated by then is closed.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(15);
/// Sockets of one address that may be unauthenticated at once.
pub const PREAUTH_SOCKETS_PER_IP: usize = 32;
/// Time between two WebSocket pings; a client that has sent nothing between two is gone.
pub const PING_INTERVAL: Duration = Duration::from_secs(25);
/// How far a device's clock may be off.
pub const DEVICE_CLOCK_SKEW: Duration = Duration::from_mins(2);
/// How long an outcome is remembered under its idempotency key.
pub const IDEMPOTENCY_TTL: Duration = Duration::from_mins(5);
/// How many outcomes are remembered.
pub const IDEMPOTENCY_ENTRIES: usize = 1000;
/// Budget of a `chat.history` answer, in bytes.
pub const CHAT_HISTORY_BYTES_MAX: usize = 6_291_456;
/// Largest attachment of `chat.send`, in bytes. Announced as `policy.attachments.maxBytes`.
pub const ATTACHMENT_BYTES_MAX: u64 = 19_464_192;
/// Largest picture of `chat.send`, in bytes.
pub const IMAGE_BYTES_MAX: u64 = 6_291_456;
/// A client waits this long for an answer by default.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a socket is given to close politely.
pub const CLOSE_GRACE: Duration = Duration::from_secs(1);
