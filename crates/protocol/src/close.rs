//! WebSocket close codes as the gateway and its clients use them.

/// Why a socket is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum CloseCode {
    Normal = 1000,
    GoingAway = 1001,
    /// Broken framing, or no common protocol version.
    ProtocolError = 1002,
    /// A binary message: everything here is text.
    Unsupported = 1003,
    InvalidUtf8 = 1007,
    /// Refused: authentication, policy, a client that is too slow.
    Policy = 1008,
    TooBig = 1009,
    /// `service restart`; also for a plain stop.
    ServiceRestart = 1012,
    /// `gateway starting`.
    TryAgainLater = 1013,
    /// The client heard no tick for two intervals.
    TickTimeout = 4000,
    /// The secret that let the client in is no longer valid.
    AuthChanged = 4001,
}

impl CloseCode {
    pub fn as_u16(self) -> u16 {
        self as u16
    }
}
