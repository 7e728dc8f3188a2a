//! Reads the databases of the reference system without leaving a trace on them: for `chela import`.
//!
//! Knows which of its tables hold what is moved (reference §5.2) and nothing about what stands in their rows. Columns come and go
//! between its releases, so a row is given as it is, by the names of its columns; a table that is not there has no rows.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Row, params};
use serde_json::{Map, Value};

use crate::files::{beside, create_private_dir, remove_if_present};
use crate::{StoreError, sql};

/// The tables that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenclawTable {
    /// Of an agent: one row a session key.
    SessionNodes,
    /// Of an agent: one row a conversation.
    SessionWindows,
    /// Of an agent: its credentials.
    AuthProfileStore,
    /// Small documents by `state_key`; credentials that all agents share are one of them.
    ConfigMachineState,
    CronJobs,
    DevicePairingPaired,
    DevicePairingPending,
    ChannelPairingRequests,
    ChannelPairingAllowEntries,
    ExecApprovalsConfig,
    SecretStoreEntries,
}

/// A row by the names of its columns. Bytes are left out.
pub type OpenclawRow = Map<String, Value>;

/// One entry of a transcript, as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub enum OpenclawEvent {
    Text(String),
    /// Compressed with zstd; `bytes` is how long it is when it is not.
    Zstd {
        data: Vec<u8>,
        bytes: u64,
    },
}

/// One of its databases.
#[derive(Debug)]
pub struct OpenclawDatabase {
    connection: Connection,
    copy: Option<PathBuf>,
}

impl OpenclawDatabase {
    /// Opens one for reading. SQLite would make files beside a database whose write-ahead log it has to read, so such a one is
    /// copied to `scratch` first, which must be a folder of the caller's own, and read there.
    pub fn open(path: &Path, scratch: &Path) -> Result<Self, StoreError> {
        let problem = |message: String| StoreError::Open { path: path.to_owned(), message };
        let log = beside(path, "-wal");
        let has_log = fs::metadata(&log).is_ok_and(|found| found.len() > 0);
        let copy =
            if has_log { Some(copied(path, &log, scratch).map_err(|error| problem(error.to_string()))?) } else { None };
        // Nobody else writes it while this program reads it, and nothing is made beside it.
        let address = format!("file:{}?immutable=1", percent_encoded(copy.as_deref().unwrap_or(path)));
        let opened = if let Some(copy) = &copy {
            Connection::open_with_flags(copy, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        } else {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            Connection::open_with_flags(address, flags)
        };
        let connection = opened.map_err(|error| problem(error.to_string()))?;
        // A file that is no database is found out by its first read.
        connection
            .query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))
            .map_err(|error| problem(error.to_string()))?;
        Ok(Self { connection, copy })
    }

    /// The tables that hold something, with how many rows, by name. Those that only serve searches are left out.
    pub fn tables(&self) -> Result<Vec<(String, u64)>, StoreError> {
        let names = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
                     AND name NOT LIKE '%\\_fts%' ESCAPE '\\' ORDER BY name";
        let names: Vec<String> = sql::all(&self.connection, names, [], |row| row.get(0))?;
        let mut counted = Vec::new();
        for name in names {
            let count = format!("SELECT count(*) FROM \"{}\"", name.replace('"', "\"\""));
            // A virtual table of an extension that this program lacks can't be counted; nothing of it is moved.
            if let Ok(sql::Count(rows @ 1..)) = self.connection.query_row(&count, [], |row| row.get(0)) {
                counted.push((name, rows));
            }
        }
        Ok(counted)
    }

    /// Every row of a table, in the order in which they were written.
    pub fn rows(&self, table: OpenclawTable) -> Result<Vec<OpenclawRow>, StoreError> {
        if !self.has(table.name())? {
            return Ok(Vec::new());
        }
        let all = format!("SELECT * FROM {} ORDER BY rowid", table.name());
        sql::all(&self.connection, &all, [], as_map)
    }

    /// Shows every entry of one conversation, in order, with its position, until `visit` has seen enough.
    pub fn events(
        &self,
        session_id: &str,
        mut visit: impl FnMut(i64, OpenclawEvent) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        if !self.has("transcript_events")? {
            return Ok(());
        }
        let of_session = "SELECT * FROM transcript_events WHERE session_id = ?1 ORDER BY seq";
        let mut statement = self.connection.prepare(of_session)?;
        let mut rows = statement.query(params![session_id])?;
        while let Some(row) = rows.next()? {
            visit(row.get("seq")?, event(row)?)?;
        }
        Ok(())
    }

    fn has(&self, table: &str) -> Result<bool, StoreError> {
        let find = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1";
        Ok(sql::first(&self.connection, find, [table], |_| Ok(()))?.is_some())
    }
}

impl Drop for OpenclawDatabase {
    fn drop(&mut self) {
        if let Some(copy) = &self.copy {
            // The folder is the caller's, who removes it whole.
            for path in [copy.clone(), beside(copy, "-wal"), beside(copy, "-shm")] {
                let _ = remove_if_present(&path);
            }
        }
    }
}

impl OpenclawTable {
    /// What it is called there.
    pub fn name(self) -> &'static str {
        match self {
            Self::SessionNodes => "session_nodes",
            Self::SessionWindows => "session_windows",
            Self::AuthProfileStore => "auth_profile_store",
            Self::ConfigMachineState => "config_machine_state",
            Self::CronJobs => "cron_jobs",
            Self::DevicePairingPaired => "device_pairing_paired",
            Self::DevicePairingPending => "device_pairing_pending",
            Self::ChannelPairingRequests => "channel_pairing_requests",
            Self::ChannelPairingAllowEntries => "channel_pairing_allow_entries",
            Self::ExecApprovalsConfig => "exec_approvals_config",
            Self::SecretStoreEntries => "secret_store_entries",
        }
    }
}

/// Copies a database with its log. One that changes meanwhile would be torn.
fn copied(path: &Path, log: &Path, scratch: &Path) -> std::io::Result<PathBuf> {
    create_private_dir(scratch)?;
    let copy = scratch.join(format!("{:016x}.sqlite", hash(path)));
    let before = (stamp(path)?, stamp(log)?);
    fs::copy(path, &copy)?;
    fs::copy(log, beside(&copy, "-wal"))?;
    if before != (stamp(path)?, stamp(log)?) {
        return Err(std::io::Error::other("somebody writes to it; stop the gateway that it belongs to first"));
    }
    Ok(copy)
}

fn stamp(path: &Path) -> std::io::Result<(u64, SystemTime)> {
    let found = fs::metadata(path)?;
    Ok((found.len(), found.modified()?))
}

/// A name for the copy that no other database of the same import gets.
fn hash(path: &Path) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    hasher.finish()
}

/// A path as it stands in an address of SQLite's.
fn percent_encoded(path: &Path) -> String {
    use std::fmt::Write as _;
    use std::os::unix::ffi::OsStrExt as _;
    let mut address = String::new();
    for byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'-' | b'_') {
            address.push(char::from(*byte));
        } else {
            let _ = write!(address, "%{byte:02X}");
        }
    }
    address
}

fn as_map(row: &Row<'_>) -> rusqlite::Result<OpenclawRow> {
    let mut map = Map::new();
    for (index, name) in row.as_ref().column_names().enumerate() {
        let value = match row.get_ref(index)? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => number.into(),
            ValueRef::Real(number) => number.into(),
            ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned().into(),
            ValueRef::Blob(_) => continue,
        };
        map.insert(name.to_owned(), value);
    }
    Ok(map)
}

fn event(row: &Row<'_>) -> rusqlite::Result<OpenclawEvent> {
    // Older databases have no column for compressed ones.
    let data: Option<Vec<u8>> = row.get("event_zstd").or_else(|error| match error {
        rusqlite::Error::InvalidColumnName(_) => Ok(None),
        other => Err(other),
    })?;
    Ok(match data {
        Some(data) => {
            let sql::Count(bytes) = row.get("event_utf8_bytes")?;
            OpenclawEvent::Zstd { data, bytes }
        }
        None => OpenclawEvent::Text(row.get::<_, Option<String>>("event_json")?.unwrap_or_default()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A database that was left as a killed program leaves it: rows in the log, none of them in the file.
    fn left_behind(dir: &Path) -> PathBuf {
        let path = dir.join("open claw?.sqlite");
        let live = Connection::open(dir.join("live.sqlite")).unwrap();
        live.execute_batch(
            "PRAGMA journal_mode = WAL;
             PRAGMA wal_autocheckpoint = 0;
             CREATE TABLE transcript_events (session_id TEXT, seq INTEGER, event_json TEXT);
             CREATE TABLE cron_jobs (job_id TEXT, enabled INTEGER, ratio REAL, note TEXT, picture BLOB);
             INSERT INTO transcript_events VALUES ('s', 1, 'b'), ('s', 0, 'a'), ('other', 0, 'x');
             INSERT INTO cron_jobs VALUES ('j', 1, 0.5, NULL, x'00');",
        )
        .unwrap();
        fs::copy(dir.join("live.sqlite"), &path).unwrap();
        fs::copy(dir.join("live.sqlite-wal"), beside(&path, "-wal")).unwrap();
        path
    }

    fn names(dir: &Path) -> Vec<String> {
        let names = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| name.starts_with("open claw")).collect();
        names.sort();
        names
    }

    #[test]
    fn what_stands_in_the_log_is_read_and_nothing_is_left_beside_it() {
        let (dir, scratch) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = left_behind(dir.path());
        let before = (fs::read(&path).unwrap(), names(dir.path()));
        {
            let database = OpenclawDatabase::open(&path, scratch.path()).unwrap();
            let mut seen = Vec::new();
            database
                .events("s", |seq, event| {
                    seen.push((seq, event));
                    Ok(())
                })
                .unwrap();
            let text = |text: &str| OpenclawEvent::Text(text.to_owned());
            assert_eq!(seen, [(0, text("a")), (1, text("b"))]);
            let job = serde_json::json!({"job_id": "j", "enabled": 1, "ratio": 0.5, "note": null});
            assert_eq!(database.rows(OpenclawTable::CronJobs).unwrap(), [job.as_object().unwrap().clone()]);
            assert_eq!(database.rows(OpenclawTable::SessionNodes).unwrap(), []);
            let tables = [("cron_jobs".to_owned(), 1), ("transcript_events".to_owned(), 3)];
            assert_eq!(database.tables().unwrap(), tables);
        }
        assert_eq!((fs::read(&path).unwrap(), names(dir.path())), before);
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0, "the copy goes with its reader");
    }

    #[test]
    fn a_file_that_is_no_database_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("broken.sqlite");
        fs::write(&path, "no database at all, but long enough to have a header of its own").unwrap();
        let error = OpenclawDatabase::open(&path, dir.path()).unwrap_err();
        assert!(error.to_string().contains("broken.sqlite"), "{error}");
    }
}
