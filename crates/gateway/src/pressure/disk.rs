//! How much of the disk the state dir takes, and how much is left. Measures and decides; removes nothing.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chela_store::DATABASE_FILE;

const MB: u64 = 1024 * 1024;

/// Share of its volume, in percent, that the state dir may take where the configuration says no other.
const QUOTA_PERCENT: u64 = 70;
/// Share of the quota, in percent, from which only what is needed is written, and below which all is again.
const NEAR_PERCENT: u64 = 90;
const CALM_PERCENT: u64 = 85;
/// Share of the quota, in percent, below which messages are taken again after it was reached.
const ROOM_PERCENT: u64 = 97;
/// What a volume keeps free for what is under way: turns write what they have done. Less on a very small one.
const RESERVE: u64 = 8 * MB;
const RESERVE_SHARE: u64 = 32;
/// A volume with less than this many reserves left is nearly full.
const NEAR_RESERVES: u64 = 4;

/// Files and folders that one look counts: a workspace may hold more, and its size is then a lower bound.
const ENTRIES_MAX: usize = 200_000;

/// How much room is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum DiskLevel {
    #[default]
    Calm,
    /// Only what is needed is written.
    Near,
    /// Nothing new is accepted.
    Full,
}

/// The state dir and its volume at one moment, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Disk {
    pub(crate) used: u64,
    pub(crate) quota: u64,
    /// What is left on the volume for this user.
    pub(crate) free: u64,
    pub(crate) level: DiskLevel,
}

/// A volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Volume {
    pub total: u64,
    pub free: u64,
}

impl Volume {
    pub(super) fn of(dir: &Path) -> io::Result<Self> {
        let found = rustix::fs::statvfs(dir)?;
        Ok(Self { total: found.f_blocks * found.f_frsize, free: found.f_bavail * found.f_frsize })
    }

    fn reserve(&self) -> u64 {
        RESERVE.min(self.total / RESERVE_SHARE)
    }
}

/// What `used` bytes of this volume mean, coming from level `was`.
pub(super) fn judge(volume: Volume, used: u64, quota_mb: Option<u64>, was: DiskLevel) -> Disk {
    let quota = quota_mb.map_or(volume.total / 100 * QUOTA_PERCENT, |mb| mb.saturating_mul(MB)).max(1);
    let percent = u128::from(used) * 100 / u128::from(quota);
    // Half as much again must be free before a level is left, so that it is not entered at once anew.
    let has_less = |bytes: u64, level: DiskLevel| volume.free < if was >= level { bytes / 2 * 3 } else { bytes };
    let above = |enter: u64, leave: u64, level| percent >= u128::from(if was >= level { leave } else { enter });
    let level = if above(100, ROOM_PERCENT, DiskLevel::Full) || has_less(volume.reserve(), DiskLevel::Full) {
        DiskLevel::Full
    } else if above(NEAR_PERCENT, CALM_PERCENT, DiskLevel::Near)
        || has_less(volume.reserve() * NEAR_RESERVES, DiskLevel::Near)
    {
        DiskLevel::Near
    } else {
        DiskLevel::Calm
    };
    Disk { used, quota, free: volume.free, level }
}

/// Bytes of the database and its log: looked at often, since that is what grows.
pub(super) fn database_bytes(state_dir: &Path) -> u64 {
    let path = state_dir.join(DATABASE_FILE);
    let of = |suffix: &str| {
        let mut name = path.clone().into_os_string();
        name.push(suffix);
        fs::metadata(PathBuf::from(name)).map_or(0, |found| found.len())
    };
    of("") + of("-wal") + of("-shm")
}

/// Bytes of everything else below the state dir, as far as it can be read. Links are not followed. May take a second: not for the
/// event loop.
pub(super) fn other_bytes(state_dir: &Path) -> u64 {
    let mut folders = vec![state_dir.to_owned()];
    let (mut bytes, mut entries) = (0, 0);
    let is_database = |name: &OsStr| {
        let rest = name.to_str().and_then(|name| name.strip_prefix(DATABASE_FILE));
        matches!(rest, Some("" | "-wal" | "-shm"))
    };
    while let Some(folder) = folders.pop() {
        let Ok(found) = fs::read_dir(&folder) else { continue };
        for entry in found.flatten() {
            entries += 1;
            if entries > ENTRIES_MAX {
                return bytes;
            }
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => folders.push(entry.path()),
                Ok(_) if folder == state_dir && is_database(&entry.file_name()) => {}
                Ok(metadata) if metadata.is_file() => bytes += metadata.len(),
                Ok(_) | Err(_) => {}
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const BIG: Volume = Volume { total: 1000 * MB, free: 500 * MB };

    #[test]
    fn g34_the_quota_is_a_share_of_the_volume_unless_it_is_set() {
        assert_eq!(judge(BIG, 0, None, DiskLevel::Calm).quota, BIG.total / 100 * 70);
        assert_eq!(judge(BIG, 0, Some(3), DiskLevel::Calm).quota, 3 * MB);
    }

    #[test]
    fn g34_levels_are_left_later_than_they_are_entered() {
        use DiskLevel::{Calm, Full, Near};
        let rows = [
            (89, Calm, Calm),
            (90, Calm, Near),
            (86, Near, Near),
            (84, Near, Calm),
            (99, Near, Near),
            (100, Near, Full),
            (98, Full, Full),
            (96, Full, Near),
            (84, Full, Calm),
            (250, Calm, Full),
        ];
        for (used, was, expected) in rows {
            assert_eq!(judge(BIG, used * MB, Some(100), was).level, expected, "{used} MB of 100, from {was:?}");
        }
    }

    #[test]
    fn g34_a_volume_that_others_fill_is_full_whatever_the_quota() {
        use DiskLevel::{Calm, Full, Near};
        let rows = [
            (40, Calm, Calm),
            (31, Calm, Near),
            (47, Near, Near),
            (49, Near, Calm),
            (7, Near, Full),
            (11, Full, Full),
            (13, Full, Near),
        ];
        for (free, was, expected) in rows {
            let volume = Volume { total: 1000 * MB, free: free * MB };
            assert_eq!(judge(volume, MB, None, was).level, expected, "{free} MB free, from {was:?}");
        }
        let tiny = Volume { total: 16 * MB, free: MB };
        assert_eq!(judge(tiny, MB, None, Calm).level, Near, "a small volume keeps less free");
    }

    #[test]
    fn everything_below_the_state_dir_counts_but_what_links_lead_to() {
        let house = tempfile::tempdir().unwrap();
        let state = house.path().join("state");
        fs::create_dir_all(state.join("workspace/deep")).unwrap();
        fs::write(house.path().join("elsewhere"), vec![0; 5_000]).unwrap();
        std::os::unix::fs::symlink(house.path(), state.join("out")).unwrap();
        std::os::unix::fs::symlink(house.path().join("elsewhere"), state.join("link")).unwrap();
        for (path, bytes) in [("chela.db", 100), ("chela.db-wal", 20), ("chela.db.v1.bak", 7), ("workspace/deep/x", 3)]
        {
            fs::write(state.join(path), vec![0; bytes]).unwrap();
        }
        assert_eq!(other_bytes(&state), 10);
        assert_eq!(database_bytes(&state), 120);
    }
}
