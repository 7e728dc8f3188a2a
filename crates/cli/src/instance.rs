//! What the gateway of a state dir says about itself in its lock file. Reads only; the lock itself is the store's.

use std::fs::{self, File};
use std::path::Path;

use chela_store::{InstanceInfo, LOCK_FILE};
use rustix::fs::{FlockOperation, flock};

/// The gateway that runs on a state dir, if one does.
pub(crate) fn holder(state_dir: &Path) -> Option<InstanceInfo> {
    let path = state_dir.join(LOCK_FILE);
    let file = File::open(&path).ok()?;
    // A shared lock is refused exactly while a gateway holds its own; ours is gone with the descriptor.
    if flock(&file, FlockOperation::NonBlockingLockShared).is_ok() {
        return None;
    }
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// Where the gateway of a state dir listens.
pub(crate) fn address(state_dir: &Path) -> Option<String> {
    holder(state_dir)?.address
}
