//! How accounts stand, in words: for probes, health and metrics.

use std::sync::atomic::Ordering;
use std::time::Duration;

use chela_channels::{ConnectionState, StatusSnapshot};

use super::supervise::Listed;
use super::{Channels, OpenAccount};

/// A connection that was just asked for is not late yet.
const CONNECTING_GRACE: Duration = Duration::from_secs(30);

/// How many accounts stand how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) enabled: u64,
    pub(crate) healthy: u64,
}

impl Channels {
    /// What is not as it should be, one line an account.
    pub(crate) fn degraded(&self, now_ms: i64) -> Vec<String> {
        let line = |listed: &Listed| {
            let account = self.get(&listed.name.channel, &listed.name.account)?;
            let reason = trouble(&account, now_ms)?;
            Some(format!("channels: {}: {reason}", listed.name))
        };
        self.listed().iter().filter(|listed| !listed.is_stopped_by_hand).filter_map(line).collect()
    }

    pub(crate) fn counts(&self, now_ms: i64) -> Counts {
        let all = self.all();
        let healthy = all.iter().filter(|account| account.status.read().is_healthy(now_ms)).count();
        Counts { enabled: all.len() as u64, healthy: healthy as u64 }
    }
}

/// What is wrong with an account; `None` while nothing is.
fn trouble(account: &OpenAccount, now_ms: i64) -> Option<String> {
    let status = account.status.read();
    if status.is_healthy(now_ms) {
        return None;
    }
    let since_ms = now_ms.saturating_sub(account.opened_at_ms.load(Ordering::Relaxed));
    let is_new = since_ms <= i64::try_from(CONNECTING_GRACE.as_millis()).unwrap_or(i64::MAX);
    match status.state {
        ConnectionState::Connecting if status.last_error.is_none() && is_new => None,
        _ => Some(in_words(&status, now_ms)),
    }
}

/// How an account stands, in a few words.
pub(crate) fn in_words(status: &StatusSnapshot, now_ms: i64) -> String {
    let error = status.last_error.as_deref();
    let with_error = |words: &str| error.map_or_else(|| words.to_owned(), |error| format!("{words}: {error}"));
    match status.state {
        ConnectionState::Stopped => "stopped".to_owned(),
        ConnectionState::Connecting => with_error("connecting"),
        ConnectionState::Reconnecting => with_error("reconnecting"),
        ConnectionState::Failed => error.unwrap_or("failed").to_owned(),
        ConnectionState::Connected if status.is_healthy(now_ms) => "connected".to_owned(),
        ConnectionState::Connected => match status.alive_at_ms {
            Some(alive) => format!("no sign of life for {} s", now_ms.saturating_sub(alive) / 1_000),
            None => "no sign of life".to_owned(),
        },
    }
}
