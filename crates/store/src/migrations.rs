//! Brings the database to this program's schema, and back to the snapshot before it.
//!
//! Forward only, all pending steps in one transaction: it either ends at the newest version or leaves the file as it
//! was. A database that holds data is copied before the first step, so that the version before can be started again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension};

use crate::files::{beside, create_private_file, dir_of, remove_if_present, replace_durably, sync_dir_of};
use crate::lock::InstanceLock;
use crate::{DATABASE_FILE, StoreError, connection, sql};

/// The schema's history; a file's place (from 1) is the version it leads to. Files are only ever added.
pub(crate) const MIGRATIONS: &[&str] = &[
    include_str!("schema/0001_first.sql"),
    include_str!("schema/0002_channels.sql"),
    include_str!("schema/0003_approvals.sql"),
    include_str!("schema/0004_budgets.sql"),
    include_str!("schema/0005_summaries.sql"),
    include_str!("schema/0006_cron.sql"),
    include_str!("schema/0007_session_choices.sql"),
    include_str!("schema/0008_usage_tools.sql"),
];

/// Snapshots that are kept: one for each of the last upgrades that a person may want to undo.
const SNAPSHOTS_KEPT: usize = 3;

/// What a rollback did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollback {
    /// Schema version of the database that stood there; `None` when it could not be read.
    pub from_version: Option<i64>,
    /// Schema version that stands there now.
    pub to_version: i64,
    /// Where the database from before the rollback went.
    pub set_aside: PathBuf,
}

/// Puts the newest snapshot from before the current schema version in the place of the database. The replaced database
/// is set aside, not deleted, and the snapshot stays. What was written since the upgrade is in the one set aside only.
///
/// The lock shows that no gateway runs on this state dir.
pub fn rollback(lock: &InstanceLock) -> Result<Rollback, StoreError> {
    let path = lock.state_dir().join(DATABASE_FILE);
    let from_version = settle(&path);
    let snapshot = snapshots(&path)
        .map_err(|error| failed(&path, "list the snapshots", &error))?
        .into_iter()
        .rfind(|snapshot| from_version.is_none_or(|current| snapshot.version < current))
        .ok_or_else(|| StoreError::NotFound { thing: "snapshot of", id: path.display().to_string() })?;
    let suffix = from_version.map_or_else(|| ".broken".to_owned(), |version| format!(".v{version}.replaced"));
    let set_aside = beside(&path, &suffix);
    swap_in(&snapshot.path, &path, &set_aside).map_err(|error| failed(&path, "restore the snapshot", &error))?;
    tracing::warn!(from_version, to_version = snapshot.version, "the database was rolled back");
    Ok(Rollback { from_version, to_version: snapshot.version, set_aside })
}

/// Refuses the database of a newer program before anything touches it.
pub(crate) fn refuse_newer(connection: &Connection, path: &Path, migrations: &[&str]) -> Result<(), StoreError> {
    let (found, known) = (version(connection)?, sql::limit(migrations.len()));
    if found > known {
        return Err(StoreError::TooNew { path: path.to_owned(), found, known });
    }
    Ok(())
}

/// Runs the steps of `migrations` that the database has not seen.
pub(crate) fn migrate(connection: &Connection, path: &Path, migrations: &[&str]) -> Result<(), StoreError> {
    let (found, known) = (version(connection)?, sql::limit(migrations.len()));
    let done = usize::try_from(found).unwrap_or(0);
    let Some(pending) = migrations.get(done..).filter(|pending| !pending.is_empty()) else { return Ok(()) };
    if found > 0 {
        take_snapshot(connection, path, found)?;
    }
    // Off meanwhile: a step may have to build a table anew that others refer to. The references are checked at the end.
    connection.pragma_update(None, "foreign_keys", false)?;
    connection.execute_batch("BEGIN IMMEDIATE")?;
    if let Err(error) = apply(connection, pending, known) {
        if !connection.is_autocommit() {
            connection.execute_batch("ROLLBACK")?;
        }
        let message = format!("migration from version {found} to {known} failed, the data is unchanged: {error}");
        return Err(StoreError::Open { path: path.to_owned(), message });
    }
    connection.pragma_update(None, "foreign_keys", true)?;
    tracing::info!(from = found, to = known, "the database has a new schema");
    Ok(())
}

fn apply(connection: &Connection, steps: &[&str], version: i64) -> Result<(), StoreError> {
    for step in steps {
        connection.execute_batch(step)?;
    }
    let dangling = connection.query_row("PRAGMA foreign_key_check", [], |row| row.get::<_, String>(0)).optional()?;
    if let Some(table) = dangling {
        return Err(StoreError::Database(format!("rows of `{table}` refer to rows that don't exist")));
    }
    connection.pragma_update(None, "user_version", version)?;
    connection.execute_batch("COMMIT")?;
    Ok(())
}

fn version(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}

/// Copies the database, with what its WAL holds, to `<name>.v<version>.bak`.
fn take_snapshot(connection: &Connection, path: &Path, version: i64) -> Result<(), StoreError> {
    let target = beside(path, &format!(".v{version}.bak"));
    let unfinished = beside(&target, ".tmp");
    let write = || -> Result<(), StoreError> {
        let problem = |error: io::Error| failed(path, "take a snapshot before the migration", &error);
        // An empty file is what VACUUM INTO accepts besides none, and it keeps the mode that it has.
        remove_if_present(&unfinished).and_then(|()| create_private_file(&unfinished)).map_err(problem)?;
        let name = unfinished.to_str().ok_or_else(|| StoreError::Open {
            path: path.to_owned(),
            message: "the path is not UTF-8, so no snapshot can be taken; move the state dir".to_owned(),
        })?;
        connection.execute("VACUUM INTO ?1", [name])?;
        replace_durably(&unfinished, &target).map_err(problem)
    };
    if let Err(error) = write() {
        // Best effort: the cause is what matters, and the next try removes the leftover first.
        let _ = remove_if_present(&unfinished);
        return Err(error);
    }
    forget_old_snapshots(path).map_err(|error| failed(path, "remove an old snapshot", &error))
}

fn forget_old_snapshots(path: &Path) -> io::Result<()> {
    let snapshots = snapshots(path)?;
    let surplus = snapshots.len().saturating_sub(SNAPSHOTS_KEPT);
    snapshots[..surplus].iter().try_for_each(|snapshot| remove_if_present(&snapshot.path))
}

struct Snapshot {
    version: i64,
    path: PathBuf,
}

/// The snapshots of a database, oldest version first.
fn snapshots(path: &Path) -> io::Result<Vec<Snapshot>> {
    let prefix = format!("{}.v", path.file_name().unwrap_or_default().to_string_lossy());
    let mut found = Vec::new();
    for entry in fs::read_dir(dir_of(path))? {
        let entry = entry?;
        let name = entry.file_name();
        let version = name.to_str().and_then(|name| name.strip_prefix(&prefix)?.strip_suffix(".bak")?.parse().ok());
        found.extend(version.map(|version| Snapshot { version, path: entry.path() }));
    }
    found.sort_by_key(|snapshot| snapshot.version);
    Ok(found)
}

/// Brings the WAL into the database, so that the one file is all of it. Returns its version if it can be read.
fn settle(path: &Path) -> Option<i64> {
    let connection = connection::open_for_writing(path).ok()?;
    let version = version(&connection).ok()?;
    connection::checkpoint(&connection).ok()?;
    connection::close(connection).ok()?;
    Some(version)
}

fn swap_in(snapshot: &Path, path: &Path, set_aside: &Path) -> io::Result<()> {
    let copy = beside(path, ".restoring");
    remove_if_present(&copy)?;
    create_private_file(&copy)?;
    fs::copy(snapshot, &copy)?;
    // A second name rather than a rename: at no moment is there no database, which a start would take for a new house.
    remove_if_present(set_aside)?;
    if path.exists() {
        fs::hard_link(path, set_aside).or_else(|_| fs::copy(path, set_aside).map(drop))?;
    }
    // What could not be brought into the database goes along with it: it must not be replayed into the snapshot.
    rename_if_present(&beside(path, "-wal"), &beside(set_aside, "-wal"))?;
    remove_if_present(&beside(path, "-shm"))?;
    sync_dir_of(path)?;
    replace_durably(&copy, path)
}

fn rename_if_present(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn failed(path: &Path, step: &str, error: &io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::StorageFull => StoreError::DiskFull,
        _ => StoreError::Open { path: path.to_owned(), message: format!("can't {step}: {error}") },
    }
}

#[cfg(test)]
mod tests;
