//! Time for the agent. Nothing else in this crate asks for it, so that a simulation replays.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Where the time comes from. Clones of a manual clock share one time.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    #[default]
    System,
    /// Stands still until somebody moves it.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at `start_ms`.
    pub fn manual(start_ms: i64) -> Self {
        Self::Manual(Arc::new(AtomicI64::new(start_ms)))
    }

    /// Unix time in milliseconds.
    pub fn now_ms(&self) -> i64 {
        match self {
            Self::System => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX)),
            Self::Manual(time) => time.load(Ordering::SeqCst),
        }
    }

    /// Moves a manual clock; the system's clock can't be moved.
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
}
