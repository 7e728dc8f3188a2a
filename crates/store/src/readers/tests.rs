//! Long reads beside short ones, and how they end.

use std::sync::mpsc;
use std::time::Duration;

use chela_protocol::{AgentId, SessionKey};
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{READS_MAX, SCAN_TIME_MAX, SCANS_MAX};
use crate::{DATABASE_FILE, OpenOptions, Store, StoreError, WriterMode};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

fn store() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(DATABASE_FILE);
    let store = Store::open(OpenOptions { path, writer: WriterMode::Thread }).unwrap();
    (folder, store)
}

/// A long read that has a place once this returns, and keeps it until it is broken off.
async fn endless(store: &Store) -> JoinHandle<Result<(), StoreError>> {
    let (runs, running) = oneshot::channel();
    let store = store.clone();
    let scan = tokio::spawn(async move { store.scan(move |c| count_for_ever(c, runs)).await });
    running.await.unwrap();
    scan
}

fn count_for_ever(connection: &Connection, runs: oneshot::Sender<()>) -> Result<(), StoreError> {
    let numbers = "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers) SELECT n FROM numbers";
    let mut statement = connection.prepare(numbers)?;
    let mut rows = statement.query([])?;
    rows.next()?;
    runs.send(()).unwrap();
    while rows.next()?.is_some() {}
    Ok(())
}

#[tokio::test(flavor = "current_thread")]
async fn g05_reads_that_take_long_hold_up_no_event_loop() {
    let (_folder, store) = store();
    // More than run at once: some wait for their turn.
    let (releases, reads): (Vec<_>, Vec<_>) = (0..(READS_MAX + SCANS_MAX) * 2)
        .map(|number| {
            let (release, released) = mpsc::channel::<()>();
            let store = store.clone();
            // If it ran here, nobody would be left to release it.
            let long = move |_: &_| Ok(released.recv_timeout(PATIENCE).is_ok());
            let read = async move { if number % 2 == 0 { store.read(long).await } else { store.scan(long).await } };
            (release, tokio::spawn(read))
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

#[tokio::test]
async fn g05_long_reads_leave_the_short_ones_their_places() {
    let (_folder, store) = store();
    let mut scans = Vec::new();
    for _ in 0..SCANS_MAX {
        scans.push(endless(&store).await);
    }
    let one_more = {
        let store = store.clone();
        tokio::spawn(async move { store.search("anything", 1).await })
    };
    let agent = AgentId::new("main");
    let key = SessionKey::main(&agent);
    let made = store.ensure_session(&key, &agent, 1).await.unwrap();
    assert_eq!(store.session(&key).await.unwrap(), Some(made));
    assert!(!one_more.is_finished() && scans.iter().all(|scan| !scan.is_finished()));

    scans.pop().unwrap().abort();
    assert_eq!(one_more.await.unwrap().unwrap(), [], "the place of a scan that nobody waits for is free again");
    store.close().await.unwrap();
    for scan in scans {
        assert!(matches!(scan.await.unwrap(), Err(StoreError::Closed)), "a stop does not wait for it");
    }
}

#[tokio::test(start_paused = true)]
async fn a_scan_that_takes_too_long_says_so_and_frees_its_place() {
    let (_folder, store) = store();
    for _ in 0..SCANS_MAX * 2 {
        let scan = endless(&store).await;
        tokio::time::advance(SCAN_TIME_MAX).await;
        assert!(matches!(scan.await.unwrap(), Err(StoreError::TookTooLong)));
    }
    store.close().await.unwrap();
}
