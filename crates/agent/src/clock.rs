//! Time for the agent. Nothing else in this crate asks for it, so that a simulation replays.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// Where the time comes from. Clones of a manual clock share one time.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    #[default]
    System,
    /// Stands still until somebody moves it.
    Manual(Arc<AtomicI64>),
    /// Goes with the timers, which a simulation pauses and moves: they stood at `start` when it was `start_ms`.
    Timers { start: Instant, start_ms: i64 },
}

impl Clock {
    /// A clock that stands at `start_ms`.
    pub fn manual(start_ms: i64) -> Self {
        Self::Manual(Arc::new(AtomicI64::new(start_ms)))
    }

    /// A clock that shows `start_ms` now and goes with the timers from here on.
    pub fn of_timers(start_ms: i64) -> Self {
        Self::Timers { start: Instant::now(), start_ms }
    }

    /// Unix time in milliseconds.
    pub fn now_ms(&self) -> i64 {
        match self {
            Self::System => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX)),
            Self::Manual(time) => time.load(Ordering::SeqCst),
            Self::Timers { start, start_ms } => {
                start_ms.saturating_add(i64::try_from(start.elapsed().as_millis()).unwrap_or(i64::MAX))
            }
        }
    }

    /// Moves a manual clock; the others can't be moved.
    pub fn advance_ms(&self, by_ms: i64) {
        if let Self::Manual(time) = self {
            time.fetch_add(by_ms, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manual_time_stands_still_and_is_shared() {
        let clock = Clock::manual(5);
        clock.clone().advance_ms(10);
        assert_eq!(clock.now_ms(), 15);
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_of_timers_moves_with_them() {
        let clock = Clock::of_timers(1_000);
        tokio::time::sleep(std::time::Duration::from_secs(3)).await;
        assert_eq!(clock.now_ms(), 4_000);
    }
}
