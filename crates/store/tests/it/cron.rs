//! Automations: how a due time is taken, how its run ends, and what is kept.

use chela_protocol::{AgentId, SessionKey};
use chela_store::{
    CRON_JOBS_MAX, CronAdded, CronAfter, CronClaim, CronClaimed, CronFinish, CronRow, CronRunFilter, CronRunRow,
    CronRunStatus, NewOutbound, WriterMode,
};
use serde_json::json;

use crate::support::{House, message};

fn job(id: &str, due_at_ms: Option<i64>) -> CronRow {
    CronRow {
        id: id.into(),
        job: json!({ "name": id }),
        state: json!({}),
        due_at_ms,
        created_at_ms: 1,
        updated_at_ms: 1,
    }
}

fn run(job: &str, name: &str, status: CronRunStatus, ended_at_ms: Option<i64>) -> CronRunRow {
    CronRunRow {
        job_id: job.into(),
        run: name.into(),
        status,
        started_at_ms: 5,
        ended_at_ms,
        record: json!({ "summary": format!("Word of {name}"), "deliveryStatus": "delivered" }),
    }
}

fn claim(due_at_ms: Option<i64>) -> CronClaim {
    CronClaim {
        due_at_ms,
        job: CronRow { state: json!({ "runningAtMs": 100 }), ..job("a", Some(200)) },
        runs: vec![run("a", "run-cron", CronRunStatus::Running, None)],
        turn: Some(message("cron")),
        notice: None,
    }
}

/// A word for a chat of its own.
fn notice(chat: &str) -> NewOutbound {
    NewOutbound {
        channel: "telegram".into(),
        account: "default".into(),
        chat: chat.into(),
        session: SessionKey::main(&AgentId::new("main")),
        body: json!({ "text": "It failed." }),
        created_at_ms: 5,
    }
}

#[tokio::test]
async fn g32_a_due_time_is_taken_once_with_the_message_that_answers_it() {
    let House { store, dir: _dir } = House::new(WriterMode::Thread);
    store.add_cron_job(job("a", Some(100))).await.unwrap();

    let CronClaimed::Begun(row) = store.claim_cron(claim(Some(100))).await.unwrap() else { panic!("not begun") };
    let again = store.claim_cron(claim(Some(100))).await.unwrap();

    assert_eq!((again, store.open_inbox().await.unwrap()), (CronClaimed::Changed, vec![*row]));
    let state = json!({ "runningAtMs": 100 });
    assert_eq!(store.cron_job("a").await.unwrap(), Some(CronRow { state, ..job("a", Some(200)) }));
    assert_eq!(store.open_cron_runs().await.unwrap(), claim(None).runs);
    // Even if the job's time came back, the message is known.
    assert_eq!(store.claim_cron(claim(Some(200))).await.unwrap(), CronClaimed::Noted);
    assert_eq!(store.open_inbox().await.unwrap().len(), 1);
}

#[tokio::test]
async fn g32_what_a_claim_makes_of_its_job_and_tells_a_chat_is_written_with_it_or_not_at_all() {
    let House { store, dir: _dir } = House::new(WriterMode::Thread);
    store.add_cron_job(job("a", Some(100))).await.unwrap();
    let off = CronRow { job: json!({ "enabled": false }), ..job("a", None) };
    let missed = |due| CronClaim {
        job: off.clone(),
        runs: vec![run("a", "missed", CronRunStatus::Missed, Some(5))],
        turn: None,
        notice: Some(notice("ada")),
        ..claim(Some(due))
    };

    assert_eq!(store.claim_cron(missed(99)).await.unwrap(), CronClaimed::Changed);
    assert_eq!(store.cron_job("a").await.unwrap(), Some(job("a", Some(100))));
    assert!(!store.outbox_waits("telegram", "default", "ada").await.unwrap());

    assert_eq!(store.claim_cron(missed(100)).await.unwrap(), CronClaimed::Noted);
    assert_eq!(store.cron_job("a").await.unwrap(), Some(off));
    assert!(store.outbox_waits("telegram", "default", "ada").await.unwrap());
}

#[tokio::test]
async fn due_jobs_come_in_their_order_and_the_next_time_is_known() {
    let House { store, dir: _dir } = House::new(WriterMode::Inline);
    assert_eq!(store.next_cron_due().await.unwrap(), None);
    for row in [job("late", Some(30)), job("never", None), job("first", Some(10)), job("future", Some(99))] {
        assert_eq!(store.add_cron_job(row).await.unwrap(), CronAdded::Added);
    }

    let due = store.due_cron_jobs(30, 10).await.unwrap();

    assert_eq!(due, [job("first", Some(10)), job("late", Some(30))]);
    assert_eq!(store.next_cron_due().await.unwrap(), Some(10));
    assert_eq!(store.add_cron_job(job("late", None)).await.unwrap(), CronAdded::Known);
    assert_eq!(store.cron_job("late").await.unwrap(), Some(job("late", Some(30))));
    assert!(store.change_cron_job(job("first", None)).await.unwrap());
    assert!(!store.change_cron_job(job("unknown", None)).await.unwrap());
    assert!(store.remove_cron_job("late").await.unwrap());
    assert!(!store.remove_cron_job("late").await.unwrap());
    assert_eq!(store.next_cron_due().await.unwrap(), Some(99));
}

#[tokio::test]
async fn there_is_an_end_to_jobs() {
    let House { store, dir: _dir } = House::new(WriterMode::Inline);
    for number in 0..CRON_JOBS_MAX {
        store.add_cron_job(job(&number.to_string(), None)).await.unwrap();
    }
    assert_eq!(store.add_cron_job(job("more", None)).await.unwrap(), CronAdded::Full);
    assert_eq!(store.cron_jobs().await.unwrap().len(), CRON_JOBS_MAX);
}

#[tokio::test]
async fn a_run_ends_once_and_never_brings_a_job_back() {
    let House { store, dir: _dir } = House::new(WriterMode::Inline);
    store.add_cron_job(job("a", Some(100))).await.unwrap();
    store.claim_cron(claim(Some(100))).await.unwrap();
    let ended = |name: &str, after| CronFinish {
        run: run("a", name, CronRunStatus::Ok, Some(300)),
        job: CronAfter::Keep(CronRow { state: json!({ "after": after }), ..job("a", Some(400)) }),
        notice: Some(notice(name)),
    };

    store.finish_cron_run(ended("run-cron", 1)).await.unwrap();
    store.finish_cron_run(ended("run-cron", 2)).await.unwrap();

    assert_eq!(store.cron_job("a").await.unwrap().unwrap().state, json!({ "after": 1 }));
    assert_eq!(store.due_outbox(5, 9).await.unwrap().len(), 1, "told once");
    assert!(store.outbox_waits("telegram", "default", "run-cron").await.unwrap());
    assert_eq!(store.open_cron_runs().await.unwrap(), []);
    store.note_cron_runs(vec![run("a", "second", CronRunStatus::Running, None)]).await.unwrap();
    store.remove_cron_job("a").await.unwrap();
    store.finish_cron_run(ended("second", 3)).await.unwrap();
    assert_eq!(store.cron_job("a").await.unwrap(), None);
    store.add_cron_job(job("a", None)).await.unwrap();
    store.note_cron_runs(vec![run("a", "third", CronRunStatus::Running, None)]).await.unwrap();
    let last = CronFinish { job: CronAfter::Remove, ..ended("third", 4) };
    store.finish_cron_run(last).await.unwrap();
    assert_eq!(store.cron_job("a").await.unwrap(), None);
}

#[tokio::test]
async fn runs_are_found_by_what_is_asked_of_them() {
    let House { store, dir: _dir } = House::new(WriterMode::Inline);
    let runs = vec![
        run("a", "one", CronRunStatus::Ok, Some(10)),
        run("b", "two", CronRunStatus::Error, Some(20)),
        CronRunRow { record: json!({}), ..run("a", "three", CronRunStatus::Missed, Some(30)) },
    ];
    store.note_cron_runs(runs.clone()).await.unwrap();
    store.note_cron_runs(runs.clone()).await.unwrap();
    let found = async |filter: CronRunFilter| {
        let filter = CronRunFilter { limit: 10, ..filter };
        let (found, total) = store.cron_runs(filter).await.unwrap();
        assert_eq!(found.len(), total);
        found.into_iter().map(|run| run.run).collect::<Vec<_>>()
    };

    assert_eq!(found(CronRunFilter::default()).await, ["three", "two", "one"]);
    let of_a = CronRunFilter { job_id: Some("a".into()), oldest_first: true, ..CronRunFilter::default() };
    assert_eq!(found(of_a).await, ["one", "three"]);
    let statuses = vec![CronRunStatus::Error, CronRunStatus::Missed];
    assert_eq!(found(CronRunFilter { statuses, ..CronRunFilter::default() }).await, ["three", "two"]);
    let delivery = vec!["delivered".to_owned()];
    assert_eq!(found(CronRunFilter { delivery, ..CronRunFilter::default() }).await, ["two", "one"]);
    assert_eq!(found(CronRunFilter { text: Some("OF TWO".into()), ..CronRunFilter::default() }).await, ["two"]);
    let page = CronRunFilter { limit: 1, offset: 1, ..CronRunFilter::default() };
    assert_eq!(store.cron_runs(page).await.unwrap(), (vec![runs[1].clone()], 3));
    assert_eq!(store.prune_cron_runs(25).await.unwrap(), 2);
    assert_eq!(found(CronRunFilter::default()).await, ["three"]);
}

#[tokio::test]
async fn the_oldest_runs_of_a_job_make_room() {
    let House { store, dir: _dir } = House::new(WriterMode::Inline);
    let old = |number: usize| run("a", &format!("old{number}"), CronRunStatus::Ok, Some(10));
    store.note_cron_runs((0..600).map(old).collect()).await.unwrap();
    store.add_cron_job(job("a", Some(100))).await.unwrap();

    store.claim_cron(claim(Some(100))).await.unwrap();

    let (_, total) = store.cron_runs(CronRunFilter { limit: 1, ..CronRunFilter::default() }).await.unwrap();
    assert_eq!(total, 500);
}
