//! The same platform message is accepted once, for as long as its row is kept.

use chela_store::{Accepted, InboxState, NewInbound, StoreError, WriterMode};
use serde_json::json;

use crate::support::{House, accept, main_key, message};

#[tokio::test]
async fn g09_one_triple_is_accepted_once_however_often_it_comes() {
    let house = House::new(WriterMode::Thread);
    let tries = (0..10).map(|_| {
        let store = house.store.clone();
        tokio::spawn(async move { store.accept(message("7")).await.unwrap() })
    });

    let mut new = 0;
    for accepted in tries.collect::<Vec<_>>() {
        new += usize::from(matches!(accepted.await.unwrap(), Accepted::New(_)));
    }

    assert_eq!(new, 1);
    assert_eq!(house.store.open_inbox().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_duplicate_says_how_far_the_first_came() {
    let house = House::new(WriterMode::Inline);
    let first = accept(&house.store, "7").await;
    house.store.close_inbox(first.id, InboxState::Done, Some("hello".into()), 30).await.unwrap();

    let Accepted::Duplicate(row) = house.store.accept(message("7")).await.unwrap() else { panic!("accepted twice") };

    assert_eq!((row.state, row.result.as_deref(), row.closed_at_ms), (InboxState::Done, Some("hello"), Some(30)));
    assert_eq!(row.run, first.run);
}

#[tokio::test]
async fn another_account_or_channel_is_another_message() {
    let house = House::new(WriterMode::Inline);
    accept(&house.store, "7").await;
    for other in [
        NewInbound { account: "second".into(), ..message("7") },
        NewInbound { channel: "discord".into(), ..message("7") },
    ] {
        assert!(matches!(house.store.accept(other).await.unwrap(), Accepted::New(_)));
    }
}

#[tokio::test]
async fn accept_creates_the_session_and_keeps_the_order() {
    let house = House::new(WriterMode::Thread);
    for id in ["a", "b", "c"] {
        accept(&house.store, id).await;
    }

    let open = house.store.open_inbox_of(&main_key()).await.unwrap();

    assert_eq!(open.iter().map(|row| row.platform_id.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert!(house.store.session(&main_key()).await.unwrap().is_some());
    let by_run = house.store.inbox_by_run(&"run-b".into()).await.unwrap();
    assert_eq!(by_run.as_ref(), Some(&open[1]));
}

#[tokio::test]
async fn closing_is_final_and_needs_a_closed_state() {
    let house = House::new(WriterMode::Inline);
    let row = accept(&house.store, "7").await;
    let close = |state, at| house.store.close_inbox(row.id, state, None, at);

    assert!(matches!(close(InboxState::Queued, 1).await, Err(StoreError::Database(_))));
    close(InboxState::Aborted, 30).await.unwrap();
    close(InboxState::Done, 40).await.unwrap();

    let row = house.store.inbox_by_run(&row.run).await.unwrap().unwrap();
    assert_eq!((row.state, row.closed_at_ms), (InboxState::Aborted, Some(30)));
}

#[tokio::test]
async fn pruning_removes_old_closed_rows_only_and_numbers_never_come_back() {
    let house = House::new(WriterMode::Inline);
    let (old, young) = (accept(&house.store, "old").await, accept(&house.store, "young").await);
    accept(&house.store, "open").await;
    house.store.close_inbox(old.id, InboxState::Done, None, 100).await.unwrap();
    house.store.close_inbox(young.id, InboxState::Done, None, 200).await.unwrap();

    assert_eq!(house.store.prune_closed_inbox(200).await.unwrap(), 1);

    assert!(matches!(house.store.accept(message("young")).await.unwrap(), Accepted::Duplicate(_)));
    assert!(matches!(house.store.accept(message("open")).await.unwrap(), Accepted::Duplicate(_)));
    assert!(accept(&house.store, "old").await.id > young.id);
}

#[tokio::test]
async fn g34_a_closed_row_keeps_its_name_and_not_what_was_said() {
    let house = House::new(WriterMode::Thread);
    let body = json!({ "text": "see", "attachments": [{ "data": "x".repeat(1_000_000) }] });
    let Accepted::New(row) = house.store.accept(NewInbound { body, ..message("1") }).await.unwrap() else { panic!() };
    house.store.close_inbox(row.id, InboxState::Done, None, 30).await.unwrap();
    let closed = house.store.inbox_by_run(&row.run).await.unwrap().unwrap();
    assert_eq!((closed.body, closed.platform_id), (json!(null), row.platform_id));
}
