//! Upgrades with invented steps after the real ones: those that succeed, those that fail, and the way back.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::{InstanceInfo, OpenOptions, Store, WriterMode};

const ADD_TABLE: &str = "CREATE TABLE extra (word TEXT NOT NULL) STRICT; INSERT INTO extra VALUES ('new');";

/// Does much before it fails, so that there is something to undo.
const FAILING: &str =
    "CREATE TABLE half (x); UPDATE kv SET value = '\"lost\"'; DROP TABLE usage; SELECT no_such_thing();";

/// The schema's first version: what these tests upgrade from, however many real steps there are.
const FIRST: &[&str] = &[MIGRATIONS[0]];

fn open(dir: &TempDir, migrations: &[&str]) -> Result<Store, StoreError> {
    let options = OpenOptions { path: dir.path().join(DATABASE_FILE), writer: WriterMode::Inline };
    Store::open_with(options, migrations)
}

/// A state dir whose database is of version 1, closed, with one entry in it.
async fn first_version() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir, FIRST).unwrap();
    store.kv_put("house", "word", json!("kept")).await.unwrap();
    store.close().await.unwrap();
    dir
}

async fn word(store: &Store) -> serde_json::Value {
    store.kv_get("house", "word").await.unwrap().unwrap()
}

/// The first version, then `more`.
fn then<'a>(more: &[&'a str]) -> Vec<&'a str> {
    FIRST.iter().copied().chain(more.iter().copied()).collect()
}

fn lock(dir: &TempDir) -> InstanceLock {
    InstanceLock::acquire(dir.path(), InstanceInfo { pid: 1, started_at_ms: 0, address: None }).unwrap()
}

fn names(dir: &TempDir) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn g16_a_failed_migration_leaves_the_data_byte_identical() {
    let dir = first_version().await;
    let before = fs::read(dir.path().join(DATABASE_FILE)).unwrap();

    let failed = open(&dir, &then(&[ADD_TABLE, FAILING])).map(drop).unwrap_err();

    assert!(failed.to_string().contains("from version 1 to 3 failed, the data is unchanged"), "{failed}");
    assert!(before == fs::read(dir.path().join(DATABASE_FILE)).unwrap(), "the file has changed");
    assert_eq!(names(&dir), [DATABASE_FILE, "chela.db.v1.bak"]);
    assert_eq!(word(&open(&dir, FIRST).unwrap()).await, json!("kept"));
}

#[tokio::test]
async fn g16_a_migration_that_breaks_a_reference_is_undone() {
    let dir = first_version().await;
    let breaking = "INSERT INTO sessions (key, agent, conversation, created_at_ms, updated_at_ms, search_text)
                    VALUES ('agent:main:main', 'main', 77, 0, 0, '');";

    let failed = open(&dir, &then(&[breaking])).map(drop).unwrap_err();

    assert!(failed.to_string().contains("rows of `sessions` refer to rows that don't exist"), "{failed}");
}

#[tokio::test]
async fn g16_the_version_before_starts_again_after_a_rollback() {
    let dir = first_version().await;
    let store = open(&dir, &then(&[ADD_TABLE])).unwrap();
    store.kv_put("house", "word", json!("since the upgrade")).await.unwrap();
    drop(store);
    let refused = open(&dir, FIRST).map(drop).unwrap_err();
    assert!(matches!(refused, StoreError::TooNew { found: 2, known: 1, .. }), "{refused}");

    let done = rollback(&lock(&dir)).unwrap();

    assert_eq!((done.from_version, done.to_version), (Some(2), 1));
    assert_eq!(word(&open(&dir, FIRST).unwrap()).await, json!("kept"));
    let aside = Connection::open(&done.set_aside).unwrap();
    let value: String = aside.query_row("SELECT value FROM kv", [], |row| row.get(0)).unwrap();
    assert_eq!(value, "\"since the upgrade\"");
    assert!(matches!(rollback(&lock(&dir)), Err(StoreError::NotFound { .. })));
}

#[tokio::test]
async fn g16_a_database_that_cannot_be_read_is_rolled_back_too() {
    let dir = first_version().await;
    let (database, log) = (dir.path().join(DATABASE_FILE), dir.path().join("chela.db-wal"));
    let store = open(&dir, &then(&[ADD_TABLE])).unwrap();
    store.checkpoint().await.unwrap();
    // A valid log that holds no header of the database, so that it could be replayed into any.
    store.kv_put("house", "word", json!("from the log")).await.unwrap();
    let valid = fs::read(&log).unwrap();
    drop(store);
    fs::write(&database, "garbage ".repeat(1000)).unwrap();
    fs::write(&log, valid).unwrap();

    let done = rollback(&lock(&dir)).unwrap();

    assert_eq!((done.from_version, done.to_version), (None, 1));
    assert_eq!(word(&open(&dir, FIRST).unwrap()).await, json!("kept"));
    assert!(names(&dir).contains(&"chela.db.broken".to_owned()));
}

#[tokio::test]
async fn g16_the_snapshot_is_taken_with_what_the_log_holds_and_is_private() {
    let dir = first_version().await;
    let store = open(&dir, FIRST).unwrap();
    store.kv_put("house", "word", json!("in the log only")).await.unwrap();

    drop(open(&dir, &then(&[ADD_TABLE])).unwrap());

    let path = dir.path().join("chela.db.v1.bak");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let snapshot = Connection::open(&path).unwrap();
    assert_eq!(version(&snapshot).unwrap(), 1);
    let value: String = snapshot.query_row("SELECT value FROM kv", [], |row| row.get(0)).unwrap();
    assert_eq!(value, "\"in the log only\"");
}

#[tokio::test]
async fn g16_the_last_three_snapshots_are_kept() {
    let dir = first_version().await;
    let steps: Vec<String> = (0..12).map(|number| format!("CREATE TABLE extra_{number} (x);")).collect();
    let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
    for count in 1..=steps.len() {
        drop(open(&dir, &then(&steps[..count])).unwrap());
    }

    let kept = names(&dir);

    assert_eq!(kept, [DATABASE_FILE, "chela.db.v10.bak", "chela.db.v11.bak", "chela.db.v12.bak"]);
}

#[test]
fn a_new_database_has_the_newest_version_and_no_snapshot() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(&dir, &then(&[ADD_TABLE])).unwrap());

    assert_eq!(names(&dir), [DATABASE_FILE]);
    let connection = Connection::open(dir.path().join(DATABASE_FILE)).unwrap();
    assert_eq!(version(&connection).unwrap(), 2);
}

#[tokio::test]
async fn the_real_steps_keep_what_the_first_version_held() {
    let dir = first_version().await;
    let store = open(&dir, MIGRATIONS).unwrap();
    assert_eq!(word(&store).await, json!("kept"));
    assert_eq!(store.paired_senders().await.unwrap(), []);
    assert_eq!(store.due_outbox(0, 1).await.unwrap(), []);
}
