//! What becomes scarce: memory and disk. Two tasks look; everybody else asks what they found.
//!
//! ```text
//! memory, once a second ──▶ Pressure ──▶ no new turn, no large request, no endpoint (503) while it is high
//! disk, every few seconds ─▶         ──▶ near: only what is needed is written, and room is made; full: nothing is accepted
//! ```
//!
//! What was accepted is never dropped for want of either: it waits in the inbox. Channels stay connected all the while.

mod disk;
mod memory;
mod room;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

pub(crate) use self::disk::{Disk, DiskLevel};
use self::memory::{Gauge, Reading, Sources};
use crate::app::Gateway;
use crate::rpc;

/// Time between two looks at the memory: what grows faster is stopped by its own bounds.
const MEMORY_LOOK: Duration = Duration::from_secs(1);

/// Share of what may be used, in percent, above which nothing new is begun, where the configuration says no other.
const HIGH_WATER_PERCENT: u64 = 80;
/// Work begins again below this share of the mark, in percent.
const LOW_WATER_PERCENT: u64 = 90;

/// How long a turn waits for memory before it is tried all the same, alone: what holds the memory then is not the other turns, and an
/// assistant that never answers helps nobody.
const PATIENCE: Duration = Duration::from_secs(30);

/// A turn that found the disk full waits at least this long.
const ROOM_PAUSE: Duration = Duration::from_secs(2);

/// When whoever was refused may ask again.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(5);

/// A request of a client that is larger is not worked on while memory is short: uploads, not words.
pub(crate) const LARGE_REQUEST: usize = 256 * 1024;

/// How scarce things are. Built calm; the tasks of [`watch_memory`] and [`watch_disk`] keep it true.
pub(crate) struct Pressure {
    memory: watch::Sender<Memory>,
    disk: watch::Sender<Disk>,
    /// The one turn that may run when memory stays short.
    alone: Arc<Semaphore>,
}

/// Memory at one moment, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Memory {
    pub(crate) used: u64,
    pub(crate) limit: u64,
    /// Above it, nothing new is begun.
    pub(crate) high_water: u64,
    pub(crate) is_high: bool,
}

/// Why something is not done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Scarce {
    #[error("the gateway is short of memory; try again in a moment")]
    Memory,
    #[error("the disk of the gateway is full, so nothing can be kept; try again when there is room")]
    Disk,
}

/// Bytes that this process may use, by its control group or its machine; `None` where the kernel does not tell.
pub(crate) fn memory_limit() -> Option<u64> {
    Gauge::find(&Sources::default()).ok().map(|gauge| gauge.limit())
}

impl Default for Pressure {
    fn default() -> Self {
        let (memory, disk) = (watch::Sender::new(Memory::default()), watch::Sender::new(Disk::default()));
        Self { memory, disk, alone: Arc::new(Semaphore::new(1)) }
    }
}

impl Pressure {
    /// What is in use; all zero before the first look, and where the kernel does not tell.
    pub(crate) fn memory(&self) -> Memory {
        *self.memory.borrow()
    }

    pub(crate) fn disk(&self) -> Disk {
        *self.disk.borrow()
    }

    /// Refuses work that can be asked for again.
    pub(crate) fn refuse_heavy(&self) -> Result<(), Scarce> {
        if self.memory.borrow().is_high { Err(Scarce::Memory) } else { Ok(()) }
    }

    /// Refuses what would have to be kept.
    pub(crate) fn refuse_new(&self) -> Result<(), Scarce> {
        if self.disk().level == DiskLevel::Full { Err(Scarce::Disk) } else { Ok(()) }
    }

    /// Whether what nobody needs may be written.
    pub(crate) fn has_room_for_extras(&self) -> bool {
        self.disk().level == DiskLevel::Calm
    }

    /// Waits until a turn may begin: at once, or when memory is there again, or alone after some patience. What it returns is held as
    /// long as the turn runs.
    pub(crate) async fn admit_turn(&self) -> Option<OwnedSemaphorePermit> {
        let mut memory = self.memory.subscribe();
        let alone = async {
            let Ok(permit) = self.alone.clone().acquire_owned().await else { return std::future::pending().await };
            tokio::time::sleep(PATIENCE).await;
            permit
        };
        tokio::select! {
            biased;
            // The sender is ours, so it does not close.
            _ = memory.wait_for(|memory| !memory.is_high) => None,
            permit = alone => Some(permit),
        }
    }

    /// Waits a little, and then until the disk is not full.
    pub(crate) async fn until_room(&self) {
        tokio::time::sleep(ROOM_PAUSE).await;
        let _ = self.disk.subscribe().wait_for(|disk| disk.level != DiskLevel::Full).await;
    }

    /// What is not as it should be, one line each.
    pub(crate) fn degraded(&self) -> Vec<String> {
        let (memory, disk) = (self.memory(), self.disk());
        let mut lines = Vec::new();
        if memory.is_high {
            let (used, mark) = (megabytes(memory.used), megabytes(memory.high_water));
            lines.push(format!("memory: {used} MB in use, mark {mark} MB; nothing new is begun"));
        }
        let (used, quota, free) = (megabytes(disk.used), megabytes(disk.quota), megabytes(disk.free));
        let found = format!("{used} MB of {quota} MB in use, {free} MB free on the volume");
        match disk.level {
            DiskLevel::Calm => {}
            DiskLevel::Near => lines.push(format!("disk: {found}; only what is needed is written")),
            DiskLevel::Full => lines.push(format!("disk: {found}; no message is accepted")),
        }
        lines
    }

    /// Takes up a reading. Returns whether the level changed.
    fn took(&self, reading: Reading, mark_mb: Option<u64>) -> bool {
        let was_high = self.memory().is_high;
        let mark = mark_mb.map_or(reading.limit / 100 * HIGH_WATER_PERCENT, |mb| mb.saturating_mul(1024 * 1024)).max(1);
        let above = if was_high { mark / 100 * LOW_WATER_PERCENT } else { mark };
        let is_high = reading.used >= above || reading.is_starved(was_high);
        let memory = Memory { used: reading.used, limit: reading.limit, high_water: mark, is_high };
        // Nobody waits for a number, only for a level.
        self.memory.send_if_modified(|known| {
            *known = memory;
            was_high != is_high
        });
        was_high != is_high
    }

    /// Takes up how the disk is. Returns the level before, if it changed.
    fn looked(&self, disk: Disk) -> Option<DiskLevel> {
        let was = self.disk().level;
        self.disk.send_if_modified(|known| {
            *known = disk;
            was != disk.level
        });
        (was != disk.level).then_some(was)
    }
}

/// Looks at the memory for as long as the gateway runs.
pub(crate) async fn watch_memory(gateway: Arc<Gateway>) {
    let gauge = match Gauge::find(&Sources::default()) {
        Ok(gauge) => gauge,
        Err(error) => {
            tracing::warn!(target: "gateway", %error, "the kernel does not tell how much memory is in use, so there is no mark");
            return;
        }
    };
    loop {
        match gauge.read() {
            Ok(reading) => {
                let mark = gateway.config.load().gateway.limits.memory_high_water_mb;
                if gateway.pressure.took(reading, mark) {
                    memory_changed(&gateway).await;
                }
            }
            Err(error) => tracing::debug!(target: "gateway", %error, "the memory could not be read"),
        }
        tokio::time::sleep(MEMORY_LOOK).await;
    }
}

async fn memory_changed(gateway: &Arc<Gateway>) {
    let Memory { used, high_water, is_high, .. } = gateway.pressure.memory();
    let (used, mark) = (megabytes(used), megabytes(high_water));
    if is_high {
        tracing::warn!(target: "gateway", "memory: {used} MB in use, mark {mark} MB; nothing new is begun until it falls");
        // The allocator gives back what is freed by itself, after each time with work.
        if let Err(error) = gateway.store.shrink().await {
            tracing::debug!(target: "gateway", %error, "the store keeps its caches");
        }
    } else {
        tracing::info!(target: "gateway", "memory: {used} MB in use; work goes on");
    }
    tell(gateway).await;
}

/// Looks at the disk for as long as the gateway runs, and makes room when it is scarce.
pub(crate) async fn watch_disk(gateway: Arc<Gateway>) {
    room::Keeper::new(gateway).run().await;
}

/// Clients learn of a change of level at once.
async fn tell(gateway: &Arc<Gateway>) {
    if gateway.events.connected() > 0 {
        let event = rpc::health_event(gateway).await;
        gateway.events.publish(&event);
    }
}

fn megabytes(bytes: u64) -> u64 {
    bytes.div_ceil(1024 * 1024)
}
