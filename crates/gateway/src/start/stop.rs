//! From a signal to nothing, within the time that whoever sent it gives: intake ends, turns finish or are put down, clients are told,
//! the store is closed (G39).

use std::sync::Arc;
use std::time::Duration;

use chela_protocol::{CloseCode, Shutdown, limits};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Instant;

use crate::app::Gateway;
use crate::events::{Audience, Event};

/// Time between the signal and the end by force where nobody says: Fly's own, which is shorter than Docker's and systemd's.
const KILL_TIMEOUT: Duration = Duration::from_secs(5);
/// What can be set.
const KILL_TIMEOUT_SECONDS: std::ops::RangeInclusive<u64> = 1..=3_600;
/// How much of it is left over for the end of the process itself.
const MARGIN: Duration = Duration::from_millis(500);
/// How long commands in the background may take to clean up once turns are over; what runs then is killed with the process.
const COMMANDS_GRACE: Duration = Duration::from_millis(500);
/// Turns have at least this long, however little time there is.
const DRAIN_MIN: Duration = Duration::from_millis(250);

/// The signals that ask the process to stop.
pub(super) struct Signals {
    /// `None`: they can't be caught. Then the default action ends the process, and the store recovers at the next start.
    caught: Option<(Signal, Signal)>,
}

impl Signals {
    pub(super) fn catch() -> Self {
        let both =
            signal(SignalKind::terminate()).and_then(|terminate| Ok((terminate, signal(SignalKind::interrupt())?)));
        Self { caught: both.ok() }
    }

    /// The name of the next one.
    pub(super) async fn next(&mut self) -> &'static str {
        let Some((terminate, interrupt)) = &mut self.caught else { return std::future::pending().await };
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        }
    }
}

/// Tells clients that the gateway stops. From here on it takes nothing new: whoever hears this can rely on it.
pub(super) fn announce(gateway: &Gateway, reason: &str) {
    gateway.shutdown.cancel();
    let payload = Shutdown { reason: reason.to_owned(), restart_expected_ms: None };
    gateway.events.publish(&Event::new("shutdown", Audience::Everyone, &payload));
}

/// Takes no new work, lets what runs finish or checkpoint, and closes the store: nothing of it is lost.
pub(crate) async fn wind_down(gateway: &Arc<Gateway>) {
    let deadline = Instant::now() + kill_timeout(gateway).saturating_sub(MARGIN);
    let left = |most: Duration| most.min(deadline.saturating_duration_since(Instant::now()));
    gateway.shutdown.cancel();
    let afterwards = COMMANDS_GRACE + limits::CLOSE_GRACE;
    gateway.sessions.drain(left(Duration::MAX).saturating_sub(afterwards).max(DRAIN_MIN)).await;
    // Only now: a turn that ended meanwhile may still be answered.
    gateway.delivery.close();
    let _ = tokio::time::timeout(left(COMMANDS_GRACE), gateway.tools.processes.end_all()).await;
    gateway.events.close_where(CloseCode::ServiceRestart, "service restart", |_| true);
    gateway.tasks.close();
    let _ = tokio::time::timeout(left(limits::CLOSE_GRACE), gateway.tasks.wait()).await;
    if let Err(error) = gateway.store.close().await {
        tracing::error!(target: "shutdown", %error, "the store did not close cleanly");
    }
}

/// What the environment says, else the file.
fn kill_timeout(gateway: &Gateway) -> Duration {
    let configured = gateway.config.load().gateway.limits.kill_timeout_seconds;
    let said = gateway.environment.gateway("KILL_TIMEOUT");
    let seconds = said.and_then(seconds).or(configured);
    if let (Some(text), None) = (said, said.and_then(self::seconds)) {
        tracing::warn!(target: "shutdown", "CHELA_KILL_TIMEOUT is `{text}`; expected seconds, such as 30");
    }
    let bounded = |seconds: u64| seconds.clamp(*KILL_TIMEOUT_SECONDS.start(), *KILL_TIMEOUT_SECONDS.end());
    seconds.map_or(KILL_TIMEOUT, |seconds| Duration::from_secs(bounded(seconds)))
}

/// `30` or `30s`.
fn seconds(text: &str) -> Option<u64> {
    let text = text.trim();
    text.strip_suffix('s').unwrap_or(text).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kill_timeout_is_read_as_platforms_write_it() {
        let rows = [("5", Some(5)), (" 30s ", Some(30)), ("5m", None), ("", None), ("-1", None)];
        for (text, expected) in rows {
            assert_eq!(seconds(text), expected, "{text:?}");
        }
    }
}
