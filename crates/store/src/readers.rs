//! A few read-only connections. Owns how many reads run at once; refuses to write.
//!
//! In WAL mode a read sees the last commit before it began and never waits for the writer, so a read that starts after
//! a write has returned sees it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::{StoreError, WriterMode, connection, fault};

/// Reads at once. More would not be faster on a small machine, and each connection holds half a megabyte of cache.
const READERS: u32 = 3;

pub(crate) struct Readers {
    shared: Arc<Shared>,
    mode: WriterMode,
}

struct Shared {
    path: PathBuf,
    /// Connections that nobody uses now; the rest is with reads, or not opened yet.
    idle: Mutex<Vec<Connection>>,
    turns: Arc<Semaphore>,
}

impl Readers {
    /// Opens nothing yet.
    pub(crate) fn new(path: PathBuf, mode: WriterMode) -> Self {
        let turns = Arc::new(Semaphore::new(READERS as usize));
        Self { shared: Arc::new(Shared { path, idle: Mutex::default(), turns }), mode }
    }

    /// Runs `work` on one consistent view of the database.
    pub(crate) async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let turn = Arc::clone(&self.shared.turns).acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let shared = Arc::clone(&self.shared);
        let read = move || {
            let outcome = shared.run(work);
            drop(turn);
            outcome
        };
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

    /// Waits for the reads that run, then closes every connection. Later reads are refused.
    pub(crate) async fn close(&self) {
        if let Ok(all) = self.shared.turns.acquire_many(READERS).await {
            self.shared.turns.close();
            drop(all);
        }
        self.shared.idle().clear();
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
        self.idle().push(connection);
        Ok(value)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use crate::{DATABASE_FILE, OpenOptions, Store, WriterMode};

    #[tokio::test(flavor = "current_thread")]
    async fn g05_reads_that_take_long_hold_up_no_event_loop() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(DATABASE_FILE);
        let store = Store::open(OpenOptions { path, writer: WriterMode::Thread }).unwrap();
        // More than run at once: some wait for their turn.
        let (releases, reads): (Vec<_>, Vec<_>) = (0..super::READERS * 2)
            .map(|_| {
                let (release, released) = mpsc::channel::<()>();
                let store = store.clone();
                // If it ran here, nobody would be left to release it.
                let scan = move |_: &_| Ok(released.recv_timeout(Duration::from_secs(20)).is_ok());
                (release, tokio::spawn(async move { store.read(scan).await }))
            })
            .unzip();
        tokio::task::yield_now().await;
        for release in releases {
            release.send(()).unwrap();
        }
        for read in reads {
            assert!(read.await.unwrap().unwrap(), "the event loop went on while it ran");
        }
    }
}
