//! Sessions: created once, patched, reset, listed and deleted.

use chela_protocol::SessionKey;
use chela_store::{
    DayUsage, NewInbound, NewUsage, Session, SessionFilter, SessionPatch, Spent, StoreError, UsageQuery, UsageSums,
    WriterMode,
};

use crate::support::{House, agent, item, main_key, message};

#[tokio::test]
async fn a_key_has_one_session() {
    let house = House::new(WriterMode::Thread);
    let first = house.store.ensure_session(&main_key(), &agent(), 5).await.unwrap();
    let second = house.store.ensure_session(&main_key(), &agent(), 9).await.unwrap();

    assert_eq!(first, second);
    assert_eq!((first.created_at_ms, first.items, first.last_state), (5, 0, None));
}

#[tokio::test]
async fn a_patch_sets_clears_and_leaves() {
    let house = House::new(WriterMode::Inline);
    house.main_session().await;
    let patch = SessionPatch {
        label: Some(Some("Travel".into())),
        model: Some(Some("anthropic/opus".into())),
        pinned: Some(true),
        ..SessionPatch::default()
    };
    house.store.patch_session(&main_key(), patch, 7).await.unwrap();
    let patch = SessionPatch { model: Some(None), archived: Some(true), ..SessionPatch::default() };
    let patched = house.store.patch_session(&main_key(), patch, 8).await.unwrap();

    assert_eq!(house.store.session(&main_key()).await.unwrap().as_ref(), Some(&patched));
    assert_eq!(patched.updated_at_ms, 8);
    let settings = patched.settings;
    assert_eq!((settings.label.as_deref(), settings.model), (Some("Travel"), None));
    assert_eq!((settings.pinned, settings.archived, settings.unread), (true, true, false));
    let missing = SessionKey::scoped(&agent(), "missing");
    let refused = house.store.patch_session(&missing, SessionPatch::default(), 8).await;
    assert!(matches!(refused, Err(StoreError::NotFound { thing: "session", .. })), "{refused:?}");
}

#[tokio::test]
async fn a_reset_keeps_settings_and_old_items() {
    let house = House::new(WriterMode::Inline);
    let old = house.main_session().await;
    house.store.append(&old.id, vec![item("a", "remember the heron")]).await.unwrap();
    let patch = SessionPatch { label: Some(Some("L".into())), ..SessionPatch::default() };
    house.store.patch_session(&main_key(), patch, 2).await.unwrap();

    let new = house.store.reset_session(&main_key(), 50).await.unwrap();

    assert_ne!(new.id, old.id);
    assert_eq!((new.items, new.started_at_ms, new.created_at_ms), (0, 50, old.created_at_ms));
    assert_eq!(new.settings.label.as_deref(), Some("L"));
    let hit = house.store.search("heron", 5).await.unwrap().remove(0);
    assert_eq!((hit.session, hit.session_id), (main_key(), old.id.clone()));
    assert_eq!(house.store.session_by_id(&old.id).await.unwrap(), Some(new));
}

#[tokio::test]
async fn deleting_forgets_the_key_and_on_request_the_items_of_all_its_conversations() {
    let house = House::new(WriterMode::Inline);
    let old = house.main_session().await;
    house.store.append(&old.id, vec![item("a", "remember the heron")]).await.unwrap();
    house.store.reset_session(&main_key(), 50).await.unwrap();

    assert!(house.store.delete_session(&main_key(), false).await.unwrap());
    assert!(!house.store.delete_session(&main_key(), false).await.unwrap());
    assert_eq!(house.store.search("heron", 5).await.unwrap().len(), 1);
    assert_eq!(house.store.session_by_id(&old.id).await.unwrap(), None);

    house.main_session().await;
    assert!(house.store.delete_session(&main_key(), true).await.unwrap());
    assert_eq!(house.store.search("heron", 5).await.unwrap(), []);
    let stats = house.store.stats().await.unwrap();
    assert_eq!((stats.sessions, stats.conversations, stats.items), (0, 0, 0));
}

#[tokio::test]
async fn lists_are_filtered_and_paged_newest_first() {
    let house = House::new(WriterMode::Inline);
    for (place, at) in [("main", 10), ("discord:channel:1", 30), ("discord:channel:2", 20)] {
        house.store.ensure_session(&SessionKey::scoped(&agent(), place), &agent(), at).await.unwrap();
    }
    house.store.ensure_session(&SessionKey::main(&"ops".into()), &"ops".into(), 40).await.unwrap();
    let patch =
        SessionPatch { label: Some(Some("Überblick".into())), archived: Some(true), ..SessionPatch::default() };
    house.store.patch_session(&main_key(), patch, 15).await.unwrap();
    let list = async |filter: SessionFilter| {
        let (sessions, total) = house.store.sessions(filter).await.unwrap();
        (sessions.into_iter().map(|session| session.updated_at_ms).collect::<Vec<_>>(), total)
    };
    let all = SessionFilter::default();

    assert_eq!(list(all.clone()).await, (vec![40, 30, 20, 15], 4));
    assert_eq!(list(SessionFilter { limit: 2, offset: 1, ..all.clone() }).await, (vec![30, 20], 4));
    assert_eq!(list(SessionFilter { offset: 9, ..all.clone() }).await, (vec![], 4));
    assert_eq!(list(SessionFilter { agent: Some("ops".into()), ..all.clone() }).await, (vec![40], 1));
    assert_eq!(list(SessionFilter { search: Some("DISCORD".into()), ..all.clone() }).await, (vec![30, 20], 2));
    assert_eq!(list(SessionFilter { search: Some("überb".into()), ..all.clone() }).await, (vec![15], 1));
    assert_eq!(list(SessionFilter { archived: Some(false), ..all.clone() }).await, (vec![40, 30, 20], 3));
    assert_eq!(list(SessionFilter { updated_since_ms: Some(20), ..all }).await, (vec![40, 30, 20], 3));
}

#[tokio::test]
async fn usage_adds_up_in_the_session_and_by_day() {
    let house = House::new(WriterMode::Thread);
    let session = house.main_session().await;
    let day = 86_400_000;
    let call = |at_ms: i64, cost_micros: Option<u64>| NewUsage {
        session_id: session.id.clone(),
        agent: agent(),
        run: "run".into(),
        provider: "anthropic".into(),
        model: "opus".into(),
        input: 10,
        output: 5,
        cache_read: 100,
        cache_write: 7,
        cost_micros,
        tools: if at_ms == 0 { vec!["exec".into(), "read".into(), "exec".into()] } else { Vec::new() },
        at_ms,
    };
    for (at_ms, cost) in [(0, Some(3)), (day - 1, None), (day, Some(4)), (2 * day + 1, Some(5))] {
        house.store.record_usage(call(at_ms, cost)).await.unwrap();
    }

    let query = UsageQuery { days: vec![(0, day), (day, 2 * day)], ..UsageQuery::default() };
    let days = house.store.usage_by_day(query.clone()).await.unwrap();

    let first =
        UsageSums { calls: 2, input: 20, output: 10, cache_read: 200, cache_write: 14, cost_micros: 3, unpriced: 1 };
    let (provider, model) = ("anthropic".to_owned(), "opus".to_owned());
    assert_eq!(days[0], DayUsage { day: 0, agent: agent(), provider, model, sums: first });
    assert_eq!((days.len(), days[1].day, days[1].sums.calls, days[1].sums.unpriced), (2, 1, 1, 0));
    let session = house.main_session().await;
    assert_eq!((session.input_tokens, session.output_tokens, session.cache_read_tokens), (40, 20, 400));
    assert_eq!((session.cache_write_tokens, session.context_tokens), (28, 117));
    assert_eq!(house.store.prune_usage(day).await.unwrap(), 2);
    let left = UsageQuery { days: vec![(0, 9 * day)], ..UsageQuery::default() };
    assert_eq!(house.store.usage_by_day(left).await.unwrap()[0].sums.calls, 2);
    assert_eq!(house.store.first_usage_at().await.unwrap(), Some(day));
    let spent = Spent { tokens: 244, cost_micros: 9, unpriced: 0 };
    assert_eq!(house.store.spent_since(day).await.unwrap(), [(agent(), spent)]);
    assert_eq!(house.store.spent_in(&session.id).await.unwrap(), spent);
    assert_eq!(house.store.spent_since(3 * day).await.unwrap(), []);
    assert_eq!(house.store.spent_in(&"gone".into()).await.unwrap(), Spent::default());
    let mut twice = call(0, None).spent();
    twice.add(call(0, Some(3)).spent());
    assert_eq!(twice, Spent { tokens: 244, cost_micros: 3, unpriced: 1 });
    let elsewhere = NewUsage { session_id: "gone".into(), ..call(0, None) };
    house.store.record_usage(elsewhere).await.unwrap();
}

#[tokio::test]
async fn a_report_tells_conversations_agents_days_and_tools_apart() {
    let house = House::new(WriterMode::Thread);
    let main = house.main_session().await;
    let other = SessionKey::scoped(&"ops".into(), "telegram:direct:7");
    let other = house.store.ensure_session(&other, &"ops".into(), 1).await.unwrap();
    let call = |session: &Session, run: &str, at_ms: i64, tools: &[&str]| NewUsage {
        session_id: session.id.clone(),
        agent: session.agent.clone(),
        run: run.into(),
        provider: "acme".into(),
        model: "m".into(),
        input: 1,
        output: 2,
        cache_read: 0,
        cache_write: 0,
        cost_micros: Some(5),
        tools: tools.iter().map(ToString::to_string).collect(),
        at_ms,
    };
    let calls = [
        call(&main, "a", 10, &["exec", "read", "exec"]),
        call(&main, "a", 20, &[]),
        call(&main, "b", 110, &["exec"]),
        call(&other, "c", 120, &["say \"hi\""]),
        call(&other, "d", 500, &[]),
    ];
    for call in calls {
        house.store.record_usage(call).await.unwrap();
    }
    let days = UsageQuery { days: vec![(0, 100), (100, 200)], ..UsageQuery::default() };

    let report = house.store.usage_report(days.clone(), 1).await.unwrap();

    let of_day: Vec<_> = report.by_day.iter().map(|one| (one.day, one.agent.as_str(), one.sums.calls)).collect();
    assert_eq!(of_day, [(0, "main", 2), (1, "main", 1), (1, "ops", 1)]);
    let sessions: Vec<_> =
        report.sessions.iter().map(|one| (&one.id, &one.key, one.first_at_ms, one.last_at_ms)).collect();
    assert_eq!(sessions, [(&other.id, &other.key, 120, 120), (&main.id, &main.key, 10, 110)]);
    assert_eq!(report.parts.iter().map(|one| (&one.id, one.day)).collect::<Vec<_>>(), [(&other.id, 1)]);
    let activity: Vec<_> = report.activity.iter().map(|one| (one.id.as_ref(), one.day, one.turns)).collect();
    assert_eq!(activity, [(None, 0, 1), (None, 1, 2), (Some(&other.id), 1, 1)]);
    assert_eq!(report.activity[0].tools, [("exec".to_owned(), 2), ("read".to_owned(), 1)].into());
    assert_eq!(report.activity[2].tools, [("say \"hi\"".to_owned(), 1)].into());

    let of_agent = UsageQuery { agent: Some("ops".into()), ..days.clone() };
    assert_eq!(house.store.usage_by_day(of_agent).await.unwrap().len(), 1);
    let of_session = UsageQuery { session: Some(main.key.clone()), ..days };
    assert_eq!(house.store.usage_report(of_session, 9).await.unwrap().sessions.len(), 1);
    let points = house.store.usage_points(&main.id, 2).await.unwrap();
    assert_eq!(points.iter().map(|one| (one.at_ms, one.sums.calls)).collect::<Vec<_>>(), [(20, 2), (110, 1)]);
}

#[tokio::test]
async fn g34_only_conversations_that_no_session_is_in_are_forgotten_the_oldest_first() {
    let house = House::new(WriterMode::Inline);
    let store = &house.store;
    let first = house.main_session().await.id;
    store.append(&first, vec![item("1", "plums")]).await.unwrap();
    for at in [10, 20, 30] {
        let session = store.reset_session(&main_key(), at).await.unwrap();
        store.append(&session.id, vec![item(&at.to_string(), "plums")]).await.unwrap();
    }
    let found = || async { store.search("plums", 10).await.unwrap().len() };
    assert_eq!(found().await, 4);
    assert_eq!(store.forget_past_conversations(15, 1).await.unwrap(), 1, "the first");
    assert_eq!(store.forget_past_conversations(15, 9).await.unwrap(), 1, "what began before the time");
    assert_eq!(store.forget_past_conversations(99, 9).await.unwrap(), 1, "never the one that the session is in");
    assert_eq!((store.forget_past_conversations(99, 9).await.unwrap(), found().await), (0, 1));
}

#[tokio::test]
async fn g34_sessions_of_a_kind_go_after_their_time_with_all_that_they_hold() {
    let house = House::new(WriterMode::Inline);
    let store = &house.store;
    let key = |place: &str| SessionKey::scoped(&agent(), place);
    let told = async |place: &str, at_ms| {
        let session = store.reset_session(&key(place), at_ms).await.unwrap();
        store.append(&session.id, vec![item(&format!("{place} {at_ms}"), "plums")]).await.unwrap();
    };
    for at_ms in [10, 20, 30] {
        told("cron:often", at_ms).await;
    }
    for place in ["cron:old", "cron:named", "hook:old", "telegram:group:cron:7", "cron"] {
        told(place, 10).await;
    }
    let label = SessionPatch { label: Some(Some("Keep".into())), ..SessionPatch::default() };
    store.patch_session(&key("cron:named"), label, 10).await.unwrap();
    told("cron:asked", 10).await;
    let asked = NewInbound { session: key("cron:asked"), ..message("asked") };
    store.accept(asked).await.unwrap();

    let forgotten = store.forget_sessions_of("cron", 25, 1).await.unwrap();
    assert_eq!(forgotten, 2, "one past conversation and one session");
    assert_eq!(store.forget_sessions_of("cron", 25, 9).await.unwrap(), 1);
    assert_eq!(store.forget_sessions_of("cron", 25, 9).await.unwrap(), 0);

    let (left, _) = store.sessions(SessionFilter::default()).await.unwrap();
    let mut left: Vec<String> = left.iter().map(|session| session.key.to_string()).collect();
    left.sort();
    let kept = ["cron", "cron:asked", "cron:named", "cron:often", "hook:old", "telegram:group:cron:7"];
    assert_eq!(left, kept.map(|place| key(place).to_string()));
    assert_eq!(store.search("plums", 99).await.unwrap().len(), kept.len());
}

#[tokio::test]
async fn g34_what_was_removed_leaves_room_that_is_known() {
    let house = House::new(WriterMode::Thread);
    let store = &house.store;
    let first = house.main_session().await.id;
    let text = "plums ".repeat(20_000);
    store.append(&first, vec![item("1", &text)]).await.unwrap();
    store.reset_session(&main_key(), 10).await.unwrap();
    let before = store.reusable_bytes().await.unwrap();
    store.forget_past_conversations(99, 9).await.unwrap();
    store.shrink().await.unwrap();
    let after = store.reusable_bytes().await.unwrap();
    assert!(after - before > text.len() as u64 / 2, "{before} {after}");
}
