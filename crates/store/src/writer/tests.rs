//! Groups of writes: what they share, what they don't, and how they end.

use std::sync::mpsc as blocking;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::*;
use crate::{DATABASE_FILE, OpenOptions, Store};

/// Long enough that a test which waits in vain fails, however slow the machine.
const PATIENCE: Duration = Duration::from_secs(20);

fn house(writer: WriterMode) -> (Store, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(DATABASE_FILE);
    (Store::open(OpenOptions { path, writer }).unwrap(), dir)
}

/// A write that says when it runs and stays there until it is released.
struct Gate {
    running: oneshot::Receiver<()>,
    release: blocking::Sender<()>,
    write: JoinHandle<Result<(), StoreError>>,
}

fn gate(store: &Store) -> Gate {
    let (enter, running) = oneshot::channel();
    let (release, released) = blocking::channel();
    let store = store.clone();
    let write = tokio::spawn(async move {
        store
            .write(move |_| {
                enter.send(()).unwrap();
                released.recv_timeout(PATIENCE).unwrap();
                Ok(())
            })
            .await
    });
    Gate { running, release, write }
}

fn put(store: &Store, key: &str) -> JoinHandle<Result<(), StoreError>> {
    let (store, key) = (store.clone(), key.to_owned());
    tokio::spawn(async move { store.kv_put("test", &key, json!(1)).await })
}

async fn keys(store: &Store) -> Vec<String> {
    store.kv_list("test").await.unwrap().into_iter().map(|(key, _)| key).collect()
}

/// Lets every spawned task run until it waits. Enough on a runtime of one thread: each needs one turn to hand in its
/// write.
async fn settle() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn waiting_writes_share_a_transaction_and_are_answered_after_its_commit() {
    let (store, _dir) = house(WriterMode::Thread);
    let first = gate(&store);
    first.running.await.unwrap();
    let early = put(&store, "early");
    settle().await;
    let last = gate(&store);
    settle().await;
    first.release.send(()).unwrap();

    // The last one of the group runs, so the one before has run; but nothing is committed.
    last.running.await.unwrap();
    settle().await;
    assert!(!early.is_finished() && !first.write.is_finished());
    assert_eq!(keys(&store).await, [""; 0]);

    last.release.send(()).unwrap();
    early.await.unwrap().unwrap();
    assert_eq!(keys(&store).await, ["early"]);
    first.write.await.unwrap().unwrap();
    last.write.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_write_that_fails_or_panics_in_a_group_is_undone_alone() {
    let (store, _dir) = house(WriterMode::Thread);
    let first = gate(&store);
    first.running.await.unwrap();
    let before = put(&store, "before");
    let spawn_failing = |panics: bool| {
        let store = store.clone();
        tokio::spawn(async move {
            store
                .write(move |c| -> Result<(), StoreError> {
                    sql::execute(c, "INSERT INTO kv VALUES ('test', 'undone', '1')", [])?;
                    assert!(!panics, "on purpose");
                    Err(StoreError::NotFound { thing: "test", id: "1".to_owned() })
                })
                .await
        })
    };
    let (failed, panicked) = (spawn_failing(false), spawn_failing(true));
    let after = put(&store, "later");
    settle().await;
    first.release.send(()).unwrap();

    before.await.unwrap().unwrap();
    assert!(matches!(failed.await.unwrap(), Err(StoreError::NotFound { .. })));
    let message = panicked.await.unwrap().unwrap_err().to_string();
    assert!(message.contains("on purpose"), "{message}");
    after.await.unwrap().unwrap();
    assert_eq!(keys(&store).await, ["before", "later"]);
}

#[tokio::test]
async fn a_full_disk_is_told_and_the_store_works_on_when_there_is_room() {
    for mode in [WriterMode::Thread, WriterMode::Inline] {
        let (store, _dir) = house(mode);
        let pages = |pages: i64| {
            let store = store.clone();
            async move { store.write(move |c| Ok(c.pragma_update(None, "max_page_count", pages)?)).await }
        };
        pages(1).await.unwrap();
        let big = "x".repeat(1_000_000);

        let refused = store.kv_put("test", "big", json!(big)).await;

        assert!(matches!(refused, Err(StoreError::DiskFull)), "{mode:?}: {refused:?}");
        assert_eq!(keys(&store).await, [""; 0]);
        pages(1_000_000).await.unwrap();
        store.kv_put("test", "big", json!(big)).await.unwrap();
        assert_eq!(keys(&store).await, ["big"]);
    }
}

#[tokio::test]
async fn a_transaction_that_sqlite_gives_up_fails_for_the_whole_group() {
    let (store, _dir) = house(WriterMode::Thread);
    let first = gate(&store);
    first.running.await.unwrap();
    let before = put(&store, "before");
    settle().await;
    let culprit = {
        let store = store.clone();
        tokio::spawn(async move {
            store
                .write(|c| -> Result<(), StoreError> {
                    // What SQLite does by itself in the worst cases of a full disk.
                    c.execute_batch("ROLLBACK")?;
                    Err(StoreError::DiskFull)
                })
                .await
        })
    };
    settle().await;
    let after = put(&store, "later");
    settle().await;
    first.release.send(()).unwrap();

    for lost in [first.write, before, culprit] {
        assert!(matches!(lost.await.unwrap(), Err(StoreError::DiskFull)));
    }
    after.await.unwrap().unwrap();
    assert_eq!(keys(&store).await, ["later"]);
}

#[tokio::test]
async fn a_write_outlives_its_caller() {
    let (store, _dir) = house(WriterMode::Thread);
    let first = gate(&store);
    first.running.await.unwrap();
    let orphan = put(&store, "orphan");
    settle().await;
    orphan.abort();
    assert!(orphan.await.unwrap_err().is_cancelled());
    first.release.send(()).unwrap();

    store.kv_put("test", "next", json!(1)).await.unwrap();

    assert_eq!(keys(&store).await, ["next", "orphan"]);
}

#[tokio::test]
async fn closing_runs_what_was_handed_in_before() {
    let (store, dir) = house(WriterMode::Thread);
    let first = gate(&store);
    first.running.await.unwrap();
    let before = put(&store, "before");
    settle().await;
    let closing = {
        let store = store.clone();
        tokio::spawn(async move { store.close().await })
    };
    settle().await;
    let late = put(&store, "late");
    settle().await;
    first.release.send(()).unwrap();

    closing.await.unwrap().unwrap();
    before.await.unwrap().unwrap();
    assert!(matches!(late.await.unwrap(), Err(StoreError::Closed)));
    let reopened =
        Store::open(OpenOptions { path: dir.path().join(DATABASE_FILE), writer: WriterMode::Inline }).unwrap();
    assert_eq!(keys(&reopened).await, ["before"]);
}

#[tokio::test]
async fn a_read_sees_every_write_that_has_returned() {
    let (store, _dir) = house(WriterMode::Thread);
    for number in 0..50 {
        store.kv_put("test", "number", json!(number)).await.unwrap();
        let reads = (0..4).map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.kv_get("test", "number").await.unwrap() })
        });
        for read in reads.collect::<Vec<_>>() {
            assert_eq!(read.await.unwrap(), Some(json!(number)));
        }
    }
}
