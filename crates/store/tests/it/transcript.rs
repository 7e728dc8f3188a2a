//! Items: their order, their pages, and how they are found.

use chela_protocol::SessionId;
use chela_store::{
    ContextStart, InboxState, Item, ItemKind, NewItem, NewSummary, StoreError, TurnFinish, TurnStart, WriterMode,
};
use proptest::prelude::*;
use serde_json::Value;

use crate::support::{House, accept, item, main_key};

#[tokio::test]
async fn an_item_is_written_once_and_never_changed() {
    let house = House::new(WriterMode::Inline);
    let session = house.main_session().await;
    let seqs = house.store.append(&session.id, vec![item("a", "one"), item("b", "two")]).await.unwrap();
    let again = house.store.append(&session.id, vec![item("b", "changed"), item("c", "three")]).await.unwrap();

    assert_eq!((seqs, again), (vec![1, 2], vec![2, 3]));
    let items = house.store.items_after(&session.id, 1, 10).await.unwrap();
    let text = |item: &Item| serde_json::from_str::<Value>(&item.body).unwrap()["text"].as_str().unwrap().to_owned();
    assert_eq!(items.iter().map(text).collect::<Vec<_>>(), ["two", "three"]);
}

#[tokio::test]
async fn pages_go_forward_and_backward() {
    let house = House::new(WriterMode::Inline);
    let session = house.main_session().await;
    let items = (1..=9).map(|number| item(&number.to_string(), "x")).collect();
    house.store.append(&session.id, items).await.unwrap();
    let seqs = |items: Vec<Item>| items.into_iter().map(|item| item.seq).collect::<Vec<_>>();

    assert_eq!(seqs(house.store.items_after(&session.id, 4, 2).await.unwrap()), [5, 6]);
    assert_eq!(seqs(house.store.items_before(&session.id, None, 2).await.unwrap()), [8, 9]);
    assert_eq!(seqs(house.store.items_before(&session.id, Some(3), 5).await.unwrap()), [1, 2]);
    assert_eq!(seqs(house.store.items_after(&session.id, 9, 5).await.unwrap()), [0; 0]);
}

fn summary(session: &SessionId, id: &str, was: i64, from: i64) -> NewSummary {
    let item = NewItem { kind: ItemKind::Compaction, ..item(id, "summary") };
    NewSummary { session_id: session.clone(), item, context_was_from: was, context_from: from }
}

#[tokio::test]
async fn g31_a_summary_and_the_context_it_leaves_are_one_write() {
    let house = House::new(WriterMode::Inline);
    let session = house.main_session().await;
    let items = (1..=5).map(|number| item(&number.to_string(), "words")).collect();
    assert_eq!(house.store.items_in_context(&session.id).await.unwrap(), []);
    house.store.append(&session.id, items).await.unwrap();

    assert_eq!(house.store.summarise(summary(&session.id, "a", 1, 4)).await.unwrap(), Some(6));
    let late = house.store.summarise(summary(&session.id, "b", 1, 5)).await.unwrap();
    assert_eq!(late, None, "somebody else was faster");
    assert_eq!(house.store.summarise(summary(&session.id, "a", 4, 5)).await.unwrap(), Some(6), "written once");
    for (was, from) in [(4, 4), (4, 3), (4, 7)] {
        assert_eq!(house.store.summarise(summary(&session.id, "c", was, from)).await.unwrap(), None, "{was} to {from}");
    }

    let start = house.store.context_start(&session.id).await.unwrap();
    assert_eq!(start, ContextStart { from: 4, summary: Some(6), summaries: 1 });
    let context = house.store.items_in_context(&session.id).await.unwrap();
    let context: Vec<_> = context.iter().map(|item| (item.seq, item.kind)).collect();
    assert_eq!(context, [(4, ItemKind::User), (5, ItemKind::User), (6, ItemKind::Compaction)]);
    let all = house.store.items_after(&session.id, 0, 10).await.unwrap();
    assert_eq!(all.len(), 6, "nothing is lost");
    assert_eq!(house.store.search("words", 10).await.unwrap().len(), 5);
    assert_eq!(house.store.tokens_between(&session.id, 2, 4).await.unwrap(), 20);
    let tail = house.store.tail_in_context(&session.id, 0, i64::MAX).await.unwrap();
    assert_eq!((tail.items.len(), tail.summary.map(|item| item.seq)), (1, Some(6)));
}

#[tokio::test]
async fn the_tail_goes_back_as_far_as_it_is_asked_to() {
    let house = House::new(WriterMode::Inline);
    let session = house.main_session().await;
    let items = (1..=9).map(|number| item(&number.to_string(), "x")).collect();
    house.store.append(&session.id, items).await.unwrap();
    let tail = async |tokens, from| {
        let tail = house.store.tail_in_context(&session.id, tokens, from).await.unwrap();
        let seqs: Vec<_> = tail.items.iter().map(|item| item.seq).collect();
        (seqs, tail.tokens_before, tail.complete)
    };

    assert_eq!(tail(0, i64::MAX).await, (vec![9], 80, false), "one more than fits");
    assert_eq!(tail(25, i64::MAX).await, (vec![7, 8, 9], 60, false));
    assert_eq!(tail(0, 6).await, (vec![6, 7, 8, 9], 50, false));
    assert_eq!(tail(90, 0).await, ((1..=9).collect(), 0, true));
    house.store.summarise(summary(&session.id, "10", 1, 8)).await.unwrap();
    assert_eq!(tail(1000, 0).await, (vec![8, 9, 10], 70, true), "what a summary stands for is not seen");
}

#[tokio::test]
async fn an_unknown_session_or_a_foreign_item_is_refused() {
    let house = House::new(WriterMode::Inline);
    let session = house.main_session().await;
    let unknown = house.store.append(&"nowhere".into(), vec![item("a", "b")]).await;
    assert!(matches!(unknown, Err(StoreError::NotFound { thing: "session", .. })), "{unknown:?}");

    house.store.append(&session.id, vec![item("a", "b")]).await.unwrap();
    let next = house.store.reset_session(&main_key(), 9).await.unwrap();
    assert!(matches!(house.store.append(&next.id, vec![item("a", "b")]).await, Err(StoreError::Database(_))));
}

async fn snippets(house: &House, query: &str) -> Vec<String> {
    house.store.search(query, 10).await.unwrap().into_iter().map(|hit| hit.snippet).collect()
}

#[tokio::test]
async fn search_finds_words_in_any_script_and_marks_them() {
    let house = House::new(WriterMode::Inline);
    let session = house.main_session().await;
    let texts = [
        "The café in Zürich closes at five",
        "我们明天在上海见面，好吗？",
        "v2版本 released",
        "東京タワーに行きます",
        "회의는 내일입니다",
        "แมวนอนบนเก้าอี้",
    ];
    let items = texts.iter().enumerate().map(|(number, text)| item(&number.to_string(), text)).collect();
    house.store.append(&session.id, items).await.unwrap();

    for (query, expected) in [
        ("cafe ZURICH", "The «café» in «Zürich» closes at five"),
        ("上海", "我们明天在«上海»见面，好吗？"),
        ("见", "我们明天在上海«见»面，好吗？"),
        ("版本", "v2«版本» released"),
        ("v2", "«v2»版本 released"),
        ("タワー", "東京«タワー»に行きます"),
        ("회의", "«회의»는 내일입니다"),
        ("นอน", "แมว«นอน»บนเก้าอี้"),
        ("closes nothing", "The café in Zürich «closes» at five"),
    ] {
        assert_eq!(snippets(&house, query).await, [expected], "query {query:?}");
    }
    assert_eq!(snippets(&house, "海上").await, [""; 0]);
}

#[tokio::test]
async fn any_text_is_a_valid_query() {
    let house = House::new(WriterMode::Inline);
    let session = house.main_session().await;
    house.store.append(&session.id, vec![item("a", "near a \"quoted\" word\0and AND more")]).await.unwrap();

    for query in
        ["", " ", "\"", "*", "NEAR(", "a OR", "-", "^a", "text:near", "\0", "{a b}: c", "😀", "(", "\u{1f}", "''"]
    {
        house.store.search(query, 10).await.unwrap_or_else(|error| panic!("{query:?}: {error}"));
    }
    let marked = ["«near» a \"quoted\" word and AND more"];
    for query in ["near", "\"near\"", "NEAR(", "near* 😀", "near\0"] {
        assert_eq!(snippets(&house, query).await, marked, "query {query:?}");
    }
    assert_eq!(snippets(&house, "😀").await, [""; 0]);
    let long = "near ".repeat(10_000);
    assert_eq!(snippets(&house, &long).await, marked);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_query_is_an_error(query in any::<String>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let house = House::new(WriterMode::Inline);
        runtime.block_on(house.store.search(&query, 10)).unwrap();
    }

    #[test]
    fn g30_positions_have_no_gaps_whatever_happens_in_between(steps in proptest::collection::vec(0..6u8, 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(interleave(&steps));
    }
}

/// Does as `steps` say, with every write that can fail among them, and checks the positions after each.
async fn interleave(steps: &[u8]) {
    let house = House::new(WriterMode::Inline);
    let session = house.main_session().await;
    let mut rows = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        let fresh = |name: &str| item(&format!("{name}-{number}"), "text");
        let row = rows.last().copied();
        match (step, row) {
            (0, _) => rows.push(accept(&house.store, &number.to_string()).await.id),
            (1, Some(inbox)) => {
                let items = vec![fresh("begin")];
                let start = TurnStart { inbox, session_id: session.id.clone(), items, now_ms: 1 };
                let _ = house.store.begin_turn(start).await;
            }
            (2, Some(inbox)) => {
                let finish = TurnFinish {
                    inbox,
                    also: rows.clone(),
                    session_id: session.id.clone(),
                    items: vec![fresh("end"), item("repeated", "text")],
                    usage: None,
                    outbox: vec![],
                    state: InboxState::Done,
                    result: None,
                    now_ms: 2,
                };
                house.store.finish_turn(finish).await.unwrap();
            }
            (3, _) => {
                // Fails at its second item, which belongs to another session: the first must not keep its position.
                let other = chela_protocol::SessionKey::scoped(&"main".into(), "other");
                let other = house.store.ensure_session(&other, &"main".into(), 1).await.unwrap();
                house.store.append(&other.id, vec![item("foreign", "text")]).await.unwrap();
                house.store.append(&session.id, vec![fresh("undone"), item("foreign", "text")]).await.unwrap_err();
            }
            _ => drop(house.store.append(&session.id, vec![fresh("more"), fresh("again")]).await.unwrap()),
        }
        let seqs = house.store.items_after(&session.id, 0, 1000).await.unwrap();
        let seqs: Vec<i64> = seqs.into_iter().map(|item| item.seq).collect();
        let count = i64::try_from(seqs.len()).unwrap();
        assert_eq!(seqs, (1..=count).collect::<Vec<_>>());
        assert_eq!(house.main_session().await.items, count);
    }
}
