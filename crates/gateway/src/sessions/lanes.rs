//! Lanes: turns of several sessions that run one after the other, in the order in which they came to wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{Mutex as Turnstile, OwnedMutexGuard};

/// The lanes in which somebody runs or waits.
#[derive(Default)]
pub(super) struct Lanes(Mutex<HashMap<String, Weak<Turnstile<()>>>>);

/// Held as long as a turn runs.
pub(super) struct LanePlace(#[expect(dead_code, reason = "held, not read")] OwnedMutexGuard<()>);

impl Lanes {
    /// Waits until nobody runs in the lane of this name.
    pub(super) async fn take(&self, name: String) -> LanePlace {
        LanePlace(self.lane(name).lock_owned().await)
    }

    fn lane(&self, name: String) -> Arc<Turnstile<()>> {
        let mut lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = lanes.get(&name).and_then(Weak::upgrade) {
            return lane;
        }
        lanes.retain(|_, lane| lane.strong_count() > 0);
        let lane = Arc::new(Turnstile::new(()));
        lanes.insert(name, Arc::downgrade(&lane));
        lane
    }
}
