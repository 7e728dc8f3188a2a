//! A few read-only connections. Owns how many reads run at once, and that long ones never keep short ones waiting; refuses to write.
//!
//! In WAL mode a read sees the last commit before it began and never waits for the writer, so a read that starts after
//! a write has returned sees it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, InterruptHandle};
use tokio::sync::{Semaphore, watch};

use crate::{StoreError, WriterMode, connection, fault};

/// Short reads at once. More would not be faster on a small machine, and each connection holds half a megabyte of cache.
const READS_MAX: u32 = 3;

/// Long reads at once, beside the short ones. Each may keep a core busy, so that more would only slow the turns down.
const SCANS_MAX: u32 = 2;

/// Nobody waits longer than this for a list, and whoever asks for too much must not keep the others from theirs.
const SCAN_TIME_MAX: Duration = Duration::from_secs(30);

pub(crate) struct Readers {
    shared: Arc<Shared>,
    mode: WriterMode,
    reads: Arc<Semaphore>,
    scans: Arc<Semaphore>,
    closing: watch::Sender<bool>,
}

struct Shared {
    path: PathBuf,
    /// Connections that nobody uses now; the rest is with reads, or not opened yet.
    idle: Mutex<Vec<Connection>>,
}

/// How far a long read is. It ends when nobody waits for it any more.
enum Scan {
    Waiting,
    Running(InterruptHandle),
    Done,
    Abandoned,
}

/// Abandons a long read when dropped.
struct Interest(Arc<Mutex<Scan>>);

impl Readers {
    /// Opens nothing yet.
    pub(crate) fn new(path: PathBuf, mode: WriterMode) -> Self {
        let lane = |places: u32| Arc::new(Semaphore::new(places as usize));
        let shared = Arc::new(Shared { path, idle: Mutex::default() });
        Self { shared, mode, reads: lane(READS_MAX), scans: lane(SCANS_MAX), closing: watch::Sender::new(false) }
    }

    /// Runs `work`, which is short, on one consistent view of the database.
    pub(crate) async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let place = Arc::clone(&self.reads).acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let shared = Arc::clone(&self.shared);
        let read = move || {
            let outcome = shared.run(work);
            drop(place);
            outcome
        };
        self.run(read).await
    }

    /// Runs `work`, which may take long, on one consistent view of the database. It breaks off after [`SCAN_TIME_MAX`], when the
    /// caller goes away, and when the store closes.
    pub(crate) async fn scan<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let place = Arc::clone(&self.scans).acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let scan = Arc::new(Mutex::new(Scan::Waiting));
        let _interest = Interest(Arc::clone(&scan));
        let shared = Arc::clone(&self.shared);
        let read = move || {
            let outcome = shared.run(|view| run_scan(&scan, view, work));
            drop(place);
            outcome
        };
        if self.mode == WriterMode::Inline {
            return self.run(read).await;
        }
        let mut closing = self.closing.subscribe();
        tokio::select! {
            biased;
            outcome = tokio::time::timeout(SCAN_TIME_MAX, self.run(read)) => outcome.unwrap_or(Err(StoreError::TookTooLong)),
            _ = closing.wait_for(|closing| *closing) => Err(StoreError::Closed),
        }
    }

    async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        match self.mode {
            WriterMode::Inline => {
                fault::alive_here().await;
                read()
            }
            WriterMode::Thread => match tokio::task::spawn_blocking(read).await {
                Ok(outcome) => outcome,
                Err(error) => Err(StoreError::Database(format!("a read failed: {error}"))),
            },
        }
    }

    /// Closes the connections that nobody uses now. The next reads open new ones.
    pub(crate) fn forget_idle(&self) {
        let idle = std::mem::take(&mut *self.shared.idle());
        drop(idle);
    }

    /// Waits for the short reads that run, breaks the long ones off, then closes every connection. Later reads are refused.
    pub(crate) async fn close(&self) {
        self.closing.send_replace(true);
        for (lane, places) in [(&self.reads, READS_MAX), (&self.scans, SCANS_MAX)] {
            if let Ok(all) = lane.acquire_many(places).await {
                lane.close();
                drop(all);
            }
        }
        self.shared.idle().clear();
    }
}

/// Runs `work` so that whoever waits for it can break it off. What comes before its first statement is lost, and then it ends by
/// itself.
fn run_scan<T>(
    scan: &Mutex<Scan>,
    view: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    {
        let mut state = lock(scan);
        if matches!(*state, Scan::Abandoned) {
            return Err(StoreError::Closed);
        }
        *state = Scan::Running(view.get_interrupt_handle());
    }
    let outcome = work(view);
    // From here on the connection may do other work, which is not to be broken off.
    *lock(scan) = Scan::Done;
    outcome
}

impl Drop for Interest {
    fn drop(&mut self) {
        let mut state = lock(&self.0);
        match &*state {
            Scan::Waiting => *state = Scan::Abandoned,
            Scan::Running(handle) => handle.interrupt(),
            Scan::Done | Scan::Abandoned => {}
        }
    }
}

impl Shared {
    fn run<T>(&self, work: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let idle = self.idle().pop();
        let connection = idle.map_or_else(|| connection::open_for_reading(&self.path), Ok)?;
        // A connection that failed or whose read panicked is not used again.
        let view = connection.unchecked_transaction()?;
        let value = work(&view)?;
        view.finish()?;
        let mut idle = self.idle();
        // Caches of long reads are not worth keeping.
        if idle.len() < READS_MAX as usize {
            idle.push(connection);
        }
        Ok(value)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        lock(&self.idle)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
