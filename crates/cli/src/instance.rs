//! Where the gateway of a state dir listens, by what it says about itself in its lock file.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use chela_store::InstanceLock;

/// A gateway writes its address a few milliseconds after it took the lock. How long that is waited for, and how often the file is read.
const START_PATIENCE: Duration = Duration::from_secs(2);
const START_PAUSE: Duration = Duration::from_millis(5);

/// Where the gateway of a state dir listens. Waits for one that is just starting.
#[expect(clippy::disallowed_methods, reason = "runs before there is anything else that this thread could do")]
pub(crate) fn address(state_dir: &Path) -> Option<String> {
    let deadline = Instant::now() + START_PATIENCE;
    while InstanceLock::is_held(state_dir) {
        let address = InstanceLock::holder(state_dir).and_then(|info| info.address);
        if address.is_some() || Instant::now() > deadline {
            return address;
        }
        sleep(START_PAUSE);
    }
    None
}
