//! What the gateway of a state dir says about itself in its lock file. Reads only; the lock itself is the store's.

use std::fs::{self, File};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use chela_store::{InstanceInfo, LOCK_FILE};
use rustix::fs::{FlockOperation, flock};

/// A gateway writes its address a few milliseconds after it took the lock. How long that is waited for, and how often the file is read.
const START_PATIENCE: Duration = Duration::from_secs(2);
const START_PAUSE: Duration = Duration::from_millis(5);

/// The gateway that runs on a state dir, if one does.
pub(crate) fn holder(state_dir: &Path) -> Option<InstanceInfo> {
    if is_held(state_dir) { read(state_dir) } else { None }
}

/// Where the gateway of a state dir listens. Waits for one that is just starting.
#[expect(clippy::disallowed_methods, reason = "runs before there is anything else that this thread could do")]
pub(crate) fn address(state_dir: &Path) -> Option<String> {
    let deadline = Instant::now() + START_PATIENCE;
    while is_held(state_dir) {
        let address = read(state_dir).and_then(|info| info.address);
        if address.is_some() || Instant::now() > deadline {
            return address;
        }
        sleep(START_PAUSE);
    }
    None
}

/// A shared lock is refused exactly while a gateway holds its own; ours is gone with the descriptor.
fn is_held(state_dir: &Path) -> bool {
    File::open(state_dir.join(LOCK_FILE)).is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockShared).is_err())
}

/// `None` in the moment before it is written.
fn read(state_dir: &Path) -> Option<InstanceInfo> {
    serde_json::from_slice(&fs::read(state_dir.join(LOCK_FILE)).ok()?).ok()
}
