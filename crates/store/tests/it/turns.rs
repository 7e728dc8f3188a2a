//! The first and last write of a turn.

use chela_protocol::SessionId;
use chela_store::{
    InboxId, InboxRow, InboxState, NewInbound, NewOutbound, NewUsage, SentPart, StoreError, TurnFinish, TurnStart,
    WriterMode,
};
use serde_json::json;

use crate::support::{House, accept, item, main_key, message, open};

fn reply(text: &str) -> NewOutbound {
    NewOutbound {
        channel: "telegram".into(),
        account: "default".into(),
        chat: "42".into(),
        session: main_key(),
        body: json!(text),
        created_at_ms: 50,
    }
}

fn sent(message: &str, part: u32) -> SentPart {
    SentPart {
        channel: "telegram".into(),
        account: "default".into(),
        chat: "42".into(),
        message: message.into(),
        run: "run-1".into(),
        part,
        sent_at_ms: 60 + i64::from(part),
    }
}

#[tokio::test]
async fn g30_a_turn_begun_again_after_a_crash_finds_its_items_and_adds_none() {
    let house = House::new(WriterMode::Thread);
    let row = accept(&house.store, "1").await;
    let session = house.main_session().await;
    let start = |id: &str| TurnStart {
        inbox: row.id,
        session_id: session.id.clone(),
        items: vec![item(id, "hello")],
        now_ms: 20,
    };
    let begun = house.store.begin_turn(start("first")).await.unwrap();
    let mut answer = item("answer", "hi");
    answer.run = Some(row.run.clone());
    house.store.append(&session.id, vec![answer]).await.unwrap();

    let resumed = house.store.begin_turn(start("second")).await.unwrap();

    assert_eq!(begun.iter().map(|item| item.id.as_str()).collect::<Vec<_>>(), ["first"]);
    assert_eq!(
        resumed.iter().map(|item| (item.id.as_str(), item.seq)).collect::<Vec<_>>(),
        [("first", 1), ("answer", 2)]
    );
    assert_eq!(house.store.items_of_run(&session.id, &row.run).await.unwrap(), resumed);
    let row = house.store.inbox_by_run(&row.run).await.unwrap().unwrap();
    assert_eq!((row.state, row.attempts), (InboxState::Running, 2));
}

#[tokio::test]
async fn g30_a_run_that_began_before_a_reset_goes_on_in_its_own_conversation() {
    let house = House::new(WriterMode::Inline);
    let row = accept(&house.store, "1").await;
    let old = house.main_session().await;
    let start = |session_id, id| TurnStart { inbox: row.id, session_id, items: vec![item(id, "hello")], now_ms: 20 };
    let begun = house.store.begin_turn(start(old.id, "first")).await.unwrap();
    let new = house.store.reset_session(&main_key(), 30).await.unwrap();

    let resumed = house.store.begin_turn(start(new.id, "second")).await.unwrap();

    assert_eq!(resumed, begun);
    assert_eq!(house.main_session().await.items, 0);
}

fn usage(row: &InboxRow, session_id: &SessionId) -> NewUsage {
    NewUsage {
        session_id: session_id.clone(),
        agent: row.agent.clone(),
        run: row.run.clone(),
        provider: "acme".into(),
        model: "m".into(),
        input: 7,
        output: 3,
        cache_read: 0,
        cache_write: 0,
        cost_micros: None,
        tools: Vec::new(),
        at_ms: 60,
    }
}

#[tokio::test]
async fn g08_finishing_closes_the_rows_and_queues_the_reply_once() {
    let house = House::new(WriterMode::Thread);
    let (row, steered) = (accept(&house.store, "1").await, accept(&house.store, "2").await);
    let session = house.main_session().await;
    let finish = TurnFinish {
        inbox: row.id,
        also: vec![steered.id],
        session_id: session.id.clone(),
        items: vec![item("answer", "done")],
        usage: Some(usage(&row, &session.id)),
        outbox: vec![reply("done")],
        state: InboxState::Done,
        result: Some("done".into()),
        now_ms: 60,
    };

    house.store.finish_turn(finish.clone()).await.unwrap();
    let again = TurnFinish { items: vec![item("other", "no")], state: InboxState::Failed, now_ms: 90, ..finish };
    house.store.finish_turn(again).await.unwrap();

    assert_eq!(house.store.open_inbox().await.unwrap(), []);
    let closed = house.store.inbox_by_run(&steered.run).await.unwrap().unwrap();
    assert_eq!((closed.state, closed.result.as_deref()), (InboxState::Done, Some("done")));
    assert_eq!(house.store.due_outbox(60, 10).await.unwrap().len(), 1);
    let session = house.main_session().await;
    assert_eq!((session.items, session.updated_at_ms, session.last_state), (1, 60, Some(InboxState::Done)));
    assert_eq!((session.input_tokens, session.output_tokens, session.context_tokens), (7, 3, 7));
}

#[tokio::test]
async fn a_finish_that_fails_leaves_nothing_behind() {
    let house = House::new(WriterMode::Thread);
    let row = accept(&house.store, "1").await;
    let finish = TurnFinish {
        inbox: row.id,
        also: vec![InboxId(999)],
        session_id: house.main_session().await.id,
        items: vec![item("answer", "done")],
        usage: None,
        outbox: vec![reply("done")],
        state: InboxState::Done,
        result: None,
        now_ms: 60,
    };

    let refused = house.store.finish_turn(finish).await;

    assert!(matches!(refused, Err(StoreError::NotFound { thing: "inbox row", .. })), "{refused:?}");
    assert_eq!(house.store.open_inbox().await.unwrap(), [row]);
    assert_eq!(house.main_session().await.items, 0);
    assert_eq!(house.store.due_outbox(60, 10).await.unwrap(), []);
}

#[tokio::test]
async fn open_rows_are_found_by_what_their_body_says() {
    let house = House::new(WriterMode::Inline);
    let to = |platform_id: &str, chat: &str| NewInbound {
        body: json!({ "deliver": { "chat": chat } }),
        ..message(platform_id)
    };
    let elsewhere = NewInbound { account: "work".into(), ..to("4", "a") };
    for message in [to("1", "a"), to("2", "b"), to("3", "a"), elsewhere, message("5"), to("6", "a")] {
        house.store.accept(message).await.unwrap();
    }
    let found = house.store.open_inbox_where("telegram", "default", "$.deliver.chat", "a").await.unwrap();
    house.store.close_inbox(found[1].id, InboxState::Done, None, 20).await.unwrap();

    let found = house.store.open_inbox_where("telegram", "default", "$.deliver.chat", "a").await.unwrap();

    assert_eq!(found.iter().map(|row| row.platform_id.as_str()).collect::<Vec<_>>(), ["1", "6"]);
}

#[tokio::test]
async fn a_closed_row_or_a_deleted_session_begins_no_turn() {
    let house = House::new(WriterMode::Inline);
    let row = accept(&house.store, "1").await;
    let session_id = house.main_session().await.id;
    let start = TurnStart { inbox: row.id, session_id, items: vec![item("a", "b")], now_ms: 20 };

    house.store.delete_session(&main_key(), true).await.unwrap();

    let refused = house.store.begin_turn(start).await;
    assert!(matches!(refused, Err(StoreError::NotFound { .. })), "{refused:?}");
    assert_eq!(house.store.open_inbox().await.unwrap(), []);
}

#[tokio::test]
async fn a_reply_is_tried_continued_given_up_and_taken_up_again() {
    let house = House::new(WriterMode::Inline);
    let row = accept(&house.store, "1").await;
    let finish = TurnFinish {
        inbox: row.id,
        also: vec![],
        session_id: house.main_session().await.id,
        items: vec![],
        usage: None,
        outbox: vec![reply("one"), NewOutbound { chat: "43".into(), ..reply("two") }],
        state: InboxState::Done,
        result: None,
        now_ms: 50,
    };
    house.store.finish_turn(finish).await.unwrap();
    let store = open(&house.dir, WriterMode::Inline);
    let due = store.due_outbox(50, 10).await.unwrap();
    let [one, two] = due.as_slice() else { panic!("{due:?}") };

    store.record_sent(sent("10", 1), Some(one.id)).await.unwrap();
    store.record_sent(sent("9", 0), Some(one.id)).await.unwrap();
    store.outbox_retry(one.id, "429", 500).await.unwrap();
    store.outbox_dead(two.id, "chat is gone", 60).await.unwrap();

    assert_eq!(store.due_outbox(499, 10).await.unwrap(), []);
    let late = store.due_outbox(500, 10).await.unwrap();
    assert_eq!(late.len(), 1);
    assert_eq!((late[0].parts_sent, late[0].attempts, late[0].last_error.as_deref()), (2, 1, Some("429")));
    assert_eq!(store.dead_letters(10).await.unwrap()[0].body, json!("two"));

    store.outbox_retry(two.id, "by hand", 0).await.unwrap();
    store.outbox_delivered(one.id, 600).await.unwrap();
    store.outbox_retry(one.id, "too late", 0).await.unwrap();
    assert_eq!(store.due_outbox(600, 10).await.unwrap().iter().map(|row| row.id).collect::<Vec<_>>(), [two.id]);
    assert_eq!(store.dead_letters(10).await.unwrap(), []);
    assert_eq!(store.prune_outbox(601).await.unwrap(), 1);
    assert!(matches!(store.outbox_delivered(one.id, 700).await, Err(StoreError::NotFound { .. })));
}

#[tokio::test]
async fn replies_of_one_chat_wait_for_each_other_and_chats_do_not() {
    let house = House::new(WriterMode::Inline);
    let store = &house.store;
    for (chat, text) in [("42", "first"), ("42", "second"), ("43", "other")] {
        store.enqueue(NewOutbound { chat: chat.into(), ..reply(text) }).await.unwrap();
    }
    let texts = async |now_ms| {
        let due = store.due_outbox(now_ms, 10).await.unwrap();
        due.into_iter().map(|row| row.body.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(texts(50).await, ["first", "other"]);
    let first = store.due_outbox(50, 1).await.unwrap().remove(0);
    store.outbox_retry(first.id, "429", 900).await.unwrap();
    assert_eq!(texts(899).await, ["other"], "the second waits behind the first");
    assert_eq!(store.next_outbox_due().await.unwrap(), Some(50));
    store.outbox_dead(first.id, "gone", 950).await.unwrap();
    assert_eq!(texts(950).await, ["second", "other"]);
    assert!(store.dead_letter(first.id).await.unwrap().is_some());
    assert!(store.discard_dead(first.id).await.unwrap());
    assert!(!store.discard_dead(first.id).await.unwrap());
}

#[tokio::test]
async fn what_waits_for_one_account_is_asked_for_by_its_name() {
    let house = House::new(WriterMode::Inline);
    let store = &house.store;
    assert_eq!(store.last_outbox_id().await.unwrap(), None);
    for (account, chat, created_at_ms) in [("work", "42", 70), ("default", "42", 50), ("default", "42", 60)] {
        let reply = NewOutbound { account: account.into(), chat: chat.into(), created_at_ms, ..reply("x") };
        store.enqueue(reply).await.unwrap();
    }
    let due = store.due_outbox_of("telegram", "default", 60, 10).await.unwrap();
    assert_eq!(due.iter().map(|row| (row.account.as_str(), row.created_at_ms)).collect::<Vec<_>>(), [("default", 50)]);
    let waiting = store.outbox_accounts().await.unwrap();
    let expected = [("telegram", "default", 50), ("telegram", "work", 70)];
    assert_eq!(waiting, expected.map(|(channel, account, at)| (channel.to_owned(), account.to_owned(), at)));
    assert_eq!(store.next_outbox_due_after(50).await.unwrap(), Some(60));
    assert_eq!(store.next_outbox_due_after(70).await.unwrap(), None);
    assert!(store.last_outbox_id().await.unwrap() > Some(due[0].id));
}
