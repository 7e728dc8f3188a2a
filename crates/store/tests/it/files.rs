//! The files themselves: who may read them, and what stands in them after a close or none.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use chela_store::{Accepted, DATABASE_FILE, OpenOptions, Store, StoreError, WriterMode};

use crate::support::{House, accept, message, open};

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn files_are_for_their_owner_only() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let path = state.join(DATABASE_FILE);
    let store = Store::open(OpenOptions { path: path.clone(), writer: WriterMode::Thread }).unwrap();
    accept(&store, "1").await;

    assert_eq!((mode(&state), mode(&path)), (0o700, 0o600));
    assert_eq!(mode(&state.join("chela.db-wal")), 0o600);
    store.close().await.unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    drop(Store::open(OpenOptions { path: path.clone(), writer: WriterMode::Inline }).unwrap());
    assert_eq!(mode(&path), 0o600);
}

#[tokio::test]
async fn a_closed_store_refuses_and_leaves_one_file_with_everything() {
    for writer in [WriterMode::Thread, WriterMode::Inline] {
        let house = House::new(writer);
        accept(&house.store, "1").await;
        let clone = house.store.clone();

        house.store.close().await.unwrap();

        assert!(matches!(clone.accept(message("2")).await, Err(StoreError::Closed)), "{writer:?}");
        assert!(matches!(clone.open_inbox().await, Err(StoreError::Closed)), "{writer:?}");
        assert!(matches!(clone.close().await, Err(StoreError::Closed)), "{writer:?}");
        let names: Vec<_> = fs::read_dir(house.dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, [DATABASE_FILE], "{writer:?}");
        assert_eq!(open(&house.dir, writer).open_inbox().await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn g07_what_was_answered_is_in_the_files_at_that_moment() {
    let house = House::new(WriterMode::Thread);
    for id in ["1", "2", "3"] {
        accept(&house.store, id).await;
        // What a killed process leaves behind is the files as they are now, with no close and no checkpoint.
        let crash = tempfile::tempdir().unwrap();
        for name in [DATABASE_FILE, "chela.db-wal"] {
            fs::copy(house.dir.path().join(name), crash.path().join(name)).unwrap();
        }
        let found = open(&crash, WriterMode::Inline).accept(message(id)).await.unwrap();
        assert!(matches!(found, Accepted::Duplicate(_)), "{found:?}");
    }
}

#[tokio::test]
async fn a_checkpoint_empties_the_log() {
    let house = House::new(WriterMode::Thread);
    accept(&house.store, "1").await;
    assert!(house.store.stats().await.unwrap().wal_bytes > 0);

    house.store.checkpoint().await.unwrap();

    let stats = house.store.stats().await.unwrap();
    assert_eq!((stats.wal_bytes, stats.inbox_open, stats.sessions), (0, 1, 1));
    assert!(stats.database_bytes > 0);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(DATABASE_FILE);
    fs::write(&path, "not a database, but long enough to look like one".repeat(100)).unwrap();

    let refused = Store::open(OpenOptions { path: path.clone(), writer: WriterMode::Inline }).map(drop).unwrap_err();

    assert!(matches!(refused, StoreError::Open { .. }) && refused.to_string().contains(DATABASE_FILE), "{refused}");
}
