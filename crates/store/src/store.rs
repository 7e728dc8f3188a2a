//! The handle that everybody shares, and how it is opened and closed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::Connection;

use crate::files::{create_private_dir, create_private_file, dir_of};
use crate::readers::Readers;
use crate::writer::Writer;
use crate::{StoreError, connection, migrations, sql};

/// Name of the database in the state dir.
pub const DATABASE_FILE: &str = "chela.db";

/// Rows that one transaction of a prune removes: some milliseconds of work.
const PRUNE_STEP: usize = 500;

/// How to open the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenOptions {
    pub path: PathBuf,
    pub writer: WriterMode,
}

/// Where commits run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriterMode {
    /// On a thread of their own, grouped: the real thing. Reads run on tokio's blocking threads.
    Thread,
    /// In the caller, one at a time, and without waiting for the disk: for simulations on paused time, where no other thread may
    /// exist, and whose process dies by [`crate::fault::arm_here`] only.
    Inline,
}

/// A handle; clones share one database. When the last one goes, what was handed in is still committed.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    writer: Writer,
    readers: Readers,
    /// Items that were read from transcripts.
    items_read: AtomicU64,
}

impl Store {
    /// Opens (and, where needed, creates or migrates) the database. Takes a snapshot before the first migration.
    pub fn open(options: OpenOptions) -> Result<Self, StoreError> {
        Self::open_with(options, migrations::MIGRATIONS)
    }

    /// [`open`](Self::open) for tests of upgrades, which bring their own list of migrations.
    pub(crate) fn open_with(options: OpenOptions, migrations: &[&str]) -> Result<Self, StoreError> {
        let OpenOptions { path, writer: mode } = options;
        let connection = prepare(&path, migrations).map_err(|error| match error {
            StoreError::Database(message) => StoreError::Open { path: path.clone(), message },
            other => other,
        })?;
        if mode == WriterMode::Inline {
            connection::forgo_syncs(&connection)?;
        }
        let writer = Writer::start(connection, &path, mode)?;
        let readers = Readers::new(path.clone(), mode);
        Ok(Self { inner: Arc::new(Inner { path, writer, readers, items_read: AtomicU64::new(0) }) })
    }

    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Items read from transcripts since the store was opened: what histories cost.
    pub fn items_read(&self) -> u64 {
        self.inner.items_read.load(Ordering::Relaxed)
    }

    pub(crate) fn count_items_read(&self, count: usize) {
        self.inner.items_read.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// Commits what waits, checkpoints the WAL and closes the files. Later calls on clones give [`StoreError::Closed`].
    pub async fn close(&self) -> Result<(), StoreError> {
        self.inner.readers.close().await;
        self.inner.writer.close().await
    }

    /// Checkpoints the WAL; called when the gateway is idle.
    pub async fn checkpoint(&self) -> Result<(), StoreError> {
        self.inner.writer.checkpoint().await
    }

    /// Gives back what the connections keep in memory to be quick. They take it again with use.
    pub async fn shrink(&self) -> Result<(), StoreError> {
        self.inner.readers.forget_idle();
        self.write(|c| Ok(c.execute_batch("PRAGMA shrink_memory")?)).await
    }

    /// Bytes of the file that hold nothing: they are filled before it grows.
    pub async fn reusable_bytes(&self) -> Result<u64, StoreError> {
        self.read(|c| {
            let pages = "SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size";
            sql::only(c, pages, [], |row| row.get(0).map(|sql::Count(bytes)| bytes))
        })
        .await
    }

    /// Runs `work` as one transaction and returns after its commit.
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        self.inner.writer.write(work).await
    }

    /// Runs a delete that takes a time and a number of rows until it finds no more. In steps, so that turns get
    /// between.
    pub(crate) async fn prune(&self, sql: &'static str, before_ms: i64) -> Result<usize, StoreError> {
        let mut removed = 0;
        loop {
            let step = self.write(move |c| sql::execute(c, sql, [before_ms, sql::limit(PRUNE_STEP)])).await?;
            removed += step;
            if step < PRUNE_STEP {
                return Ok(removed);
            }
        }
    }

    /// Runs `work` on one consistent view, which holds every write that has returned. For what costs no more than it returns, and
    /// that is little: turns wait for it.
    pub(crate) async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        self.inner.readers.read(work).await
    }

    /// Runs `work` on such a view too, beside the short reads: for what looks through a whole table or returns much. No turn may
    /// wait for it.
    pub(crate) async fn scan<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        self.inner.readers.scan(work).await
    }
}

/// A write connection to a database that has the newest schema.
fn prepare(path: &Path, migrations: &[&str]) -> Result<Connection, StoreError> {
    let problem = |error: std::io::Error| StoreError::Open { path: path.to_owned(), message: error.to_string() };
    create_private_dir(dir_of(path)).map_err(problem)?;
    // SQLite gives its WAL and shared-memory files the mode of the database.
    create_private_file(path).map_err(problem)?;
    let connection = connection::open_for_writing(path)?;
    migrations::refuse_newer(&connection, path, migrations)?;
    connection::make_durable(&connection)?;
    migrations::migrate(&connection, path, migrations)?;
    Ok(connection)
}
