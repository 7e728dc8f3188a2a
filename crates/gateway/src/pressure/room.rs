//! Keeps the state dir below its quota: looks, and removes what can be missed, the least missed first.
//!
//! Never touches a workspace, an open message, a reply that waits, or the conversation that a session is in.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use chela_store::StoreError;
use tokio::time::{Instant, sleep};

use super::disk::{self, Disk, DiskLevel, Volume};
use super::{megabytes, tell};
use crate::app::Gateway;

/// Time between two looks at the volume and the database: a message is small against what is kept free.
const LOOK: Duration = Duration::from_secs(5);
/// Time between two counts of everything else, and while room is scarce.
const COUNT: Duration = Duration::from_mins(5);
const COUNT_SCARCE: Duration = Duration::from_secs(30);
/// Time between two attempts to make room.
const MAKE_ROOM: Duration = Duration::from_mins(1);

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// While room is scarce, answered messages are remembered as long as platforms give one again.
const INBOX_KEEP_MS: i64 = 2 * DAY_MS;
/// And delivered or given-up replies for a day.
const OUTBOX_KEEP_MS: i64 = DAY_MS;
/// Conversations that were put away at least so long ago may go, the oldest first.
const CONVERSATION_KEEP_MS: i64 = 7 * DAY_MS;
/// Conversations that one step removes, and steps of one attempt: some seconds of the writer's time, in small parts.
const CONVERSATIONS_STEP: usize = 8;
const STEPS_MAX: usize = 64;
/// Files on their way out are sent within a day or not at all.
const OUTBOUND_KEEP: Duration = Duration::from_hours(24);

/// The task's own memory.
pub(super) struct Keeper {
    gateway: Arc<Gateway>,
    /// Bytes beside the database, and when they were counted.
    other: u64,
    counted: Option<Instant>,
    /// What was configured when the disk was judged last: another quota is worth a new count.
    quota_mb: Option<u64>,
    made_room: Option<Instant>,
}

impl Keeper {
    pub(super) fn new(gateway: Arc<Gateway>) -> Self {
        Self { gateway, other: 0, counted: None, quota_mb: None, made_room: None }
    }

    pub(super) async fn run(mut self) {
        loop {
            if let Some(disk) = self.look().await {
                if let Some(was) = self.gateway.pressure.looked(disk) {
                    self.changed(was, disk).await;
                }
                let is_due = self.made_room.is_none_or(|at| at.elapsed() >= MAKE_ROOM);
                if disk.level > DiskLevel::Calm && is_due {
                    self.made_room = Some(Instant::now());
                    self.make_room().await;
                }
            }
            sleep(LOOK).await;
        }
    }

    /// `None` when the volume does not tell.
    async fn look(&mut self) -> Option<Disk> {
        let was = self.gateway.pressure.disk().level;
        let pause = if was == DiskLevel::Calm { COUNT } else { COUNT_SCARCE };
        let quota = self.gateway.config.load().gateway.limits.disk_quota_mb;
        let is_due = self.counted.is_none_or(|at| at.elapsed() >= pause) || quota != self.quota_mb;
        let state_dir = self.gateway.facts.state_dir.clone();
        let looking = self.gateway.outside.off_thread(move || {
            let other = is_due.then(|| disk::other_bytes(&state_dir));
            (Volume::of(&state_dir), disk::database_bytes(&state_dir), other)
        });
        let (volume, database, other) = looking.await.ok()?;
        if let Some(other) = other {
            self.other = other;
            self.counted = Some(Instant::now());
            self.quota_mb = quota;
        }
        let volume = volume.inspect_err(|error| tracing::debug!(%error, "the volume does not tell its size")).ok()?;
        let disk = disk::judge(volume, database + self.other, quota, was);
        if disk.level == DiskLevel::Calm {
            return Some(disk);
        }
        // Rows that are gone leave pages behind which are filled again before the file grows.
        let reusable = self.gateway.store.reusable_bytes().await.unwrap_or(0);
        Some(disk::judge(volume, disk.used.saturating_sub(reusable), quota, was))
    }

    async fn changed(&self, was: DiskLevel, disk: Disk) {
        let (used, quota, free) = (megabytes(disk.used), megabytes(disk.quota), megabytes(disk.free));
        let found = format!("the state dir takes {used} MB of {quota} MB, the volume has {free} MB left");
        match disk.level {
            DiskLevel::Calm => tracing::info!(target: "gateway", "disk: {found}; everything is written again"),
            DiskLevel::Near => tracing::warn!(target: "gateway", "disk: {found}; only what is needed is written"),
            DiskLevel::Full => tracing::error!(
                target: "gateway",
                "disk: {found}; no message is accepted until there is room. Make the volume larger, remove files, or raise \
                 gateway.limits.diskQuotaMb"
            ),
        }
        self.gateway.logs.write_only_warnings(disk.level > DiskLevel::Calm);
        tell(&self.gateway).await;
        if was == DiskLevel::Full {
            self.gateway.sessions.take_up_forgotten(&self.gateway).await;
            self.gateway.delivery.wake();
        }
    }

    async fn make_room(&self) {
        let (state_dir, logs) = (self.gateway.facts.state_dir.clone(), self.gateway.logs.clone());
        let files = self.gateway.outside.off_thread(move || {
            logs.remove_former();
            remove_old_files(&state_dir.join("media/outbound"), OUTBOUND_KEEP)
        });
        let files = files.await.unwrap_or(0);
        match self.remove_rows().await {
            Ok(rows) => tracing::info!(target: "gateway", files, rows, "disk: removed what can be missed"),
            Err(StoreError::Closed) => {}
            Err(error) => tracing::warn!(target: "gateway", %error, "disk: no room could be made in the database"),
        }
    }

    /// Old rows, and then old conversations for as long as there is not enough room.
    async fn remove_rows(&self) -> Result<usize, StoreError> {
        let (store, now_ms) = (&self.gateway.store, self.gateway.now_ms());
        let mut removed = store.prune_closed_inbox(now_ms - INBOX_KEEP_MS).await?;
        removed += store.prune_outbox(now_ms - OUTBOX_KEEP_MS).await?;
        for _ in 0..STEPS_MAX {
            if !self.is_scarce().await? {
                break;
            }
            let step = store.forget_past_conversations(now_ms - CONVERSATION_KEEP_MS, CONVERSATIONS_STEP).await?;
            removed += step;
            if step == 0 {
                break;
            }
        }
        // What is in the log twice takes room twice.
        store.checkpoint().await?;
        Ok(removed)
    }

    async fn is_scarce(&self) -> Result<bool, StoreError> {
        let disk = self.gateway.pressure.disk();
        let database = disk::database_bytes(&self.gateway.facts.state_dir);
        let used = (database + self.other).saturating_sub(self.gateway.store.reusable_bytes().await?);
        let volume = Volume { total: u64::MAX, free: u64::MAX };
        let quota_mb = disk.quota / (1024 * 1024);
        Ok(disk::judge(volume, used, Some(quota_mb.max(1)), DiskLevel::Near).level > DiskLevel::Calm)
    }
}

/// Removes the files of a folder that are older, and returns how many.
fn remove_old_files(folder: &Path, keep: Duration) -> usize {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let Some(oldest) = SystemTime::now().checked_sub(keep) else { return 0 };
    let is_old = |entry: &fs::DirEntry| {
        let found = entry.metadata();
        found.is_ok_and(|found| found.is_file() && found.modified().is_ok_and(|modified| modified < oldest))
    };
    entries.flatten().filter(is_old).filter(|entry| fs::remove_file(entry.path()).is_ok()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_old_files_go() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["old", "young"] {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        let old = fs::File::options().write(true).open(folder.path().join("old")).unwrap();
        old.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(remove_old_files(folder.path(), OUTBOUND_KEEP), 1);
        assert!(folder.path().join("young").exists());
        assert_eq!(remove_old_files(&folder.path().join("none"), OUTBOUND_KEEP), 0);
    }
}
