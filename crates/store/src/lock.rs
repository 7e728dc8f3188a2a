//! The single-instance guard: one gateway on a state dir.
//!
//! A kernel lock (`flock`), because only the kernel knows whether its holder still lives: it drops the lock with the
//! process, however that ends. A file with a pid in it can't tell a dead holder from another program that was given the
//! same pid since, which after a restart in a container is the rule (pid 1 again); such a guard refuses to start for
//! ever. What stands in the file is for people to read and decides nothing.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use crate::files::{create_private_dir, open_private_file};

/// Name of the lock file in the state dir.
pub const LOCK_FILE: &str = "chela.lock";

/// Most that is read of a lock file: what we write is far shorter.
const CONTENT_MAX_BYTES: u64 = 4096;

/// How often and at what distance a lock that is held is tried: for a second in all. One that nobody means to keep is gone by
/// then: a command that looks whether a gateway runs holds it for a moment, and so does a child that a killed gateway had
/// just forked, which has all descriptors until it executes its program.
const TRIES: u32 = 40;
const PAUSE: Duration = Duration::from_millis(25);

/// Who holds a state dir, for the message to a second one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceInfo {
    pub pid: u32,
    pub started_at_ms: i64,
    /// Where it listens, once it does.
    pub address: Option<String>,
}

/// Why the state dir could not be locked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LockError {
    #[error("{} runs on {path}; stop it first or choose another state dir", name(holder.as_ref()), path = path.display())]
    Held {
        path: PathBuf,
        /// What the holder wrote about itself; `None` in the moment before it does.
        holder: Option<InstanceInfo>,
    },
    #[error("can't lock {path}: {message}", path = path.display())]
    Io { path: PathBuf, message: String },
}

/// The lock, held until this is dropped or the process ends in whatever way.
///
/// The descriptor is closed on exec, so a child that outlives the gateway doesn't keep the lock. The file itself is
/// never removed: two processes could otherwise hold locks on two files of one name.
#[derive(Debug)]
pub struct InstanceLock {
    file: File,
    state_dir: PathBuf,
    info: InstanceInfo,
}

impl InstanceLock {
    /// Locks a state dir, which is created (for its owner only) where it is missing. Blocks for a second before it gives up.
    pub fn acquire(state_dir: &Path, info: InstanceInfo) -> Result<Self, LockError> {
        let path = state_dir.join(LOCK_FILE);
        let problem = |error: io::Error| LockError::Io { path: path.clone(), message: error.to_string() };
        create_private_dir(state_dir).map_err(problem)?;
        let file = open_private_file(&path).map_err(problem)?;
        match take(&file, pause) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(LockError::Held { holder: read(&file), path });
            }
            Err(error) => return Err(problem(error.into())),
        }
        let mut lock = Self { file, state_dir: state_dir.to_owned(), info };
        lock.describe().map_err(problem)?;
        Ok(lock)
    }

    /// Whether a process holds the lock of a state dir now. Writes nothing; a dir that is not there is free.
    pub fn is_held(state_dir: &Path) -> bool {
        File::open(state_dir.join(LOCK_FILE)).is_ok_and(|file| is_locked(&file))
    }

    /// What the process that holds the lock of a state dir says of itself. `None` when nobody does, and in the moment before
    /// the holder has written it.
    pub fn holder(state_dir: &Path) -> Option<InstanceInfo> {
        let file = File::open(state_dir.join(LOCK_FILE)).ok()?;
        if is_locked(&file) { read(&file) } else { None }
    }

    pub fn state_dir(&self) -> &Path {
        &self.state_dir
    }

    /// Tells later ones where this instance listens.
    pub fn set_address(&mut self, address: &str) -> Result<(), LockError> {
        self.info.address = Some(address.to_owned());
        let path = self.state_dir.join(LOCK_FILE);
        self.describe().map_err(|error| LockError::Io { path, message: error.to_string() })
    }

    fn describe(&mut self) -> io::Result<()> {
        let content = serde_json::to_vec(&self.info)?;
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(&content)
    }
}

/// A shared lock is refused exactly while a holder has its own; ours is gone with the descriptor.
fn is_locked(file: &File) -> bool {
    flock(file, FlockOperation::NonBlockingLockShared).is_err()
}

fn take(file: &File, mut pause: impl FnMut()) -> rustix::io::Result<()> {
    for _ in 1..TRIES {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Err(rustix::io::Errno::WOULDBLOCK) => pause(),
            taken => return taken,
        }
    }
    flock(file, FlockOperation::NonBlockingLockExclusive)
}

#[expect(clippy::disallowed_methods, reason = "nothing else goes on in a process that has no state dir yet")]
fn pause() {
    std::thread::sleep(PAUSE);
}

/// What the holder says of itself, if it has said it.
fn read(mut file: &File) -> Option<InstanceInfo> {
    let mut content = String::new();
    Read::by_ref(&mut file).take(CONTENT_MAX_BYTES).read_to_string(&mut content).ok()?;
    serde_json::from_str(&content).ok()
}

fn name(holder: Option<&InstanceInfo>) -> String {
    match holder {
        Some(InstanceInfo { pid, address: Some(address), .. }) => {
            format!("another instance (pid {pid}, listening on {address})")
        }
        Some(InstanceInfo { pid, address: None, .. }) => format!("another instance (pid {pid})"),
        None => "another instance".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(pid: u32) -> InstanceInfo {
        InstanceInfo { pid, started_at_ms: 5, address: None }
    }

    #[test]
    fn g06_a_second_instance_is_refused_naming_the_holder() {
        let dir = tempfile::tempdir().unwrap();
        let mut first = InstanceLock::acquire(dir.path(), info(41)).unwrap();
        first.set_address("127.0.0.1:18789").unwrap();

        let holder = InstanceLock::holder(dir.path()).unwrap();
        assert_eq!((holder.pid, holder.address.as_deref()), (41, Some("127.0.0.1:18789")));
        let refused = InstanceLock::acquire(dir.path(), info(42)).unwrap_err();
        drop(first);
        assert!(!InstanceLock::is_held(dir.path()) && InstanceLock::holder(dir.path()).is_none());

        assert!(refused.to_string().contains("(pid 41, listening on 127.0.0.1:18789)"), "{refused}");
    }

    #[test]
    fn g06_the_same_pid_starts_again_after_a_death() {
        let dir = tempfile::tempdir().unwrap();
        for _ in 0..100 {
            // Dropping closes the descriptor and nothing else, as the kernel does for a killed process.
            drop(InstanceLock::acquire(dir.path(), info(1)).unwrap());
        }
    }

    #[test]
    fn g06_a_lock_that_is_held_for_a_moment_only_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(LOCK_FILE);
        let passing = open_private_file(&path).unwrap();
        flock(&passing, FlockOperation::NonBlockingLockShared).unwrap();
        let mut passing = Some(passing);
        take(&open_private_file(&path).unwrap(), || drop(passing.take())).unwrap();
    }

    #[test]
    fn g06_the_content_of_the_file_decides_nothing() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(LOCK_FILE), r#"{"pid":1,"startedAtMs":1,"address":null}"#).unwrap();

        let held = InstanceLock::acquire(dir.path(), info(7)).unwrap();

        std::fs::write(dir.path().join(LOCK_FILE), "\0 not json").unwrap();
        let refused = InstanceLock::acquire(dir.path(), info(8)).unwrap_err();
        assert!(matches!(refused, LockError::Held { holder: None, .. }), "{refused:?}");
        drop(held);
    }
}
