//! How an account stands, told by its worker and read by everybody. It says connected only while the inbound side proves it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;

use crate::context::FailureKind;

/// An inbound side that has proved nothing for this long is not healthy, whatever the socket says (G13).
pub const INBOUND_SILENCE_MAX: Duration = Duration::from_secs(90);

/// Shared by the worker (which writes) and everybody else (who reads). Times are Unix milliseconds.
#[derive(Debug, Clone, Default)]
pub struct StatusCell(Arc<Mutex<StatusSnapshot>>);

/// How an account stood at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusSnapshot {
    pub state: ConnectionState,
    pub transport: Transport,
    /// Who we are there, once known.
    pub identity: Option<String>,
    pub connected_at_ms: Option<i64>,
    /// Last proof that the inbound side lives: a heartbeat answered, a poll returned, a webhook checked. Sending proves nothing.
    pub alive_at_ms: Option<i64>,
    /// Last event of a person.
    pub last_inbound_at_ms: Option<i64>,
    pub last_outbound_at_ms: Option<i64>,
    /// What went wrong last, in plain words; `None` while all is well.
    pub last_error: Option<String>,
    /// What kind of trouble ended the last try to open the account.
    pub failure: Option<FailureKind>,
    /// How often the connection was made again since the start.
    pub reconnects: u32,
    /// What is missing, one plain sentence each.
    pub warnings: Vec<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConnectionState {
    /// Not opened: disabled, or not yet.
    #[default]
    Stopped,
    Connecting,
    Connected,
    /// Was connected and is trying again.
    Reconnecting,
    /// Waits for a person: wrong credentials, wrong set-up.
    Failed,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    #[default]
    Socket,
    Polling,
    Webhook,
}

impl StatusCell {
    pub fn read(&self) -> StatusSnapshot {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes the status; `change` must be quick and must not read another cell.
    pub fn update(&self, change: impl FnOnce(&mut StatusSnapshot)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl StatusSnapshot {
    /// Connected, and the inbound side has proved itself within [`INBOUND_SILENCE_MAX`].
    pub fn is_healthy(&self, now_ms: i64) -> bool {
        let silence = i64::try_from(INBOUND_SILENCE_MAX.as_millis()).unwrap_or(i64::MAX);
        self.state == ConnectionState::Connected
            && self.alive_at_ms.is_some_and(|alive| now_ms.saturating_sub(alive) <= silence)
    }
}
