//! Opens SQLite connections with the settings that the guarantees rest on. Knows no table.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::StoreError;

/// How long a connection waits for another process (a command of `chela state`, a backup tool) to let go of the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a checkpoint may hold up the writer for readers that still use the WAL. It is tried again when idle.
const CHECKPOINT_PATIENCE: Duration = Duration::from_millis(100);

/// Page cache of each connection. Small: the kernel's cache holds the same pages for all of them.
const CACHE_KIB: i64 = 512;

/// Pages in the WAL at which SQLite copies them into the database: 4 MB, which keeps a start after a crash near 1 ms.
const AUTOCHECKPOINT_PAGES: i64 = 1000;

/// Statements kept prepared: a little more than there are in this crate.
const STATEMENTS_MAX: usize = 96;

/// Opens the file for writing. Reads its header only, and writes nothing to it yet.
pub(crate) fn open_for_writing(path: &Path) -> Result<Connection, StoreError> {
    open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
}

/// Opens the file for reading; it and its WAL exist.
pub(crate) fn open_for_reading(path: &Path) -> Result<Connection, StoreError> {
    open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

/// Turns on the write-ahead log with a sync at each commit: what was answered is on disk.
pub(crate) fn make_durable(connection: &Connection) -> Result<(), StoreError> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "wal_autocheckpoint", AUTOCHECKPOINT_PAGES)?;
    Ok(())
}

/// Leaves the disk alone: for a simulation, whose process never dies.
pub(crate) fn forgo_syncs(connection: &Connection) -> Result<(), StoreError> {
    Ok(connection.pragma_update(None, "synchronous", "OFF")?)
}

/// Copies the WAL into the database and empties it, unless a reader still needs it.
pub(crate) fn checkpoint(connection: &Connection) -> Result<(), StoreError> {
    connection.busy_timeout(CHECKPOINT_PATIENCE)?;
    let done = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(done?)
}

/// Closes a connection whose work is done.
pub(crate) fn close(connection: Connection) -> Result<(), StoreError> {
    connection.flush_prepared_statement_cache();
    connection.close().map_err(|(_, error)| error.into())
}

fn open(path: &Path, mode: OpenFlags) -> Result<Connection, StoreError> {
    // Each connection is used by one thread at a time, so SQLite's own mutexes are of no use.
    let flags = mode | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)
        .map_err(|error| StoreError::Open { path: path.to_owned(), message: error.to_string() })?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    Ok(connection)
}
