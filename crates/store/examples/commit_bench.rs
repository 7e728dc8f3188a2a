//! Measures what the store promises: accepts a second and their delay for 1 to 128 producers, and the time to open a
//! database of 220 MB.
//!
//! `cargo run --release -p chela-store --example commit_bench`; writes to the folder given, else to the temporary one.

#![expect(clippy::unwrap_used, reason = "a measurement that can't go on is void")]
#![expect(clippy::print_stdout, reason = "the figures are the output")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chela_protocol::{AgentId, SessionId, SessionKey};
use chela_store::{DATABASE_FILE, ItemKind, NewInbound, NewItem, OpenOptions, Store, WriterMode};
use serde_json::json;

/// How long each number of producers is measured.
const ROUND: Duration = Duration::from_millis(2500);

const LARGE_BYTES: u64 = 220_000_000;

/// Words of an item of the large database: about one page of text.
const WORDS: usize = 220;

#[tokio::main]
async fn main() {
    let parent = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let dir = tempfile::tempdir_in(parent).unwrap();
    println!("producers     rows/s   p50 ms   p99 ms   max ms");
    for producers in [1, 8, 32, 128] {
        measure_accepts(&dir.path().join(format!("{producers}")), producers).await;
    }
    measure_open(&dir.path().join("large")).await;
}

fn open(dir: &Path) -> Store {
    Store::open(OpenOptions { path: dir.join(DATABASE_FILE), writer: WriterMode::Thread }).unwrap()
}

async fn measure_accepts(dir: &Path, producers: usize) {
    let store = open(dir);
    let begin = Instant::now();
    let tasks = (0..producers).map(|producer| tokio::spawn(produce(store.clone(), producer, begin + ROUND)));
    let mut delays = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        delays.extend(task.await.unwrap());
    }
    let elapsed = begin.elapsed();
    store.close().await.unwrap();

    delays.sort_unstable();
    let at = |per_mille: usize| delays[(delays.len() - 1) * per_mille / 1000].as_secs_f64() * 1000.0;
    let rate = f64::from(u32::try_from(delays.len()).unwrap()) / elapsed.as_secs_f64();
    println!("{producers:9} {rate:10.0} {:8.2} {:8.2} {:8.2}", at(500), at(990), at(1000));
}

/// Accepts one message after the other until `end`; returns how long each took.
async fn produce(store: Store, producer: usize, end: Instant) -> Vec<Duration> {
    let agent = AgentId::new("main");
    let mut delays = Vec::new();
    while Instant::now() < end {
        let message = NewInbound {
            channel: "bench".into(),
            account: "default".into(),
            platform_id: format!("{producer}-{}", delays.len()),
            session: SessionKey::scoped(&agent, &format!("bench:{producer}")),
            agent: agent.clone(),
            run: format!("run-{producer}-{}", delays.len()).into(),
            body: json!({ "text": "x".repeat(300) }),
            received_at_ms: 1,
        };
        let begin = Instant::now();
        store.accept(message).await.unwrap();
        delays.push(begin.elapsed());
    }
    delays
}

async fn measure_open(dir: &Path) {
    let store = open(dir);
    let agent = AgentId::new("main");
    let key = SessionKey::main(&agent);
    let session = store.ensure_session(&key, &agent, 1).await.unwrap();
    let (mut number, mut text_bytes) = (0_u64, 0);
    let begin = Instant::now();
    while store.stats().await.unwrap().database_bytes < LARGE_BYTES {
        for _ in 0..20 {
            text_bytes += append(&store, &session.id, &mut number).await;
        }
    }
    let filled = begin.elapsed();
    let begin = Instant::now();
    let hits = store.search("word17 word4711", 10).await.unwrap().len();
    let searched = begin.elapsed();
    store.close().await.unwrap();
    drop(store);

    println!("\n{number} items, {} MB of text, {LARGE_BYTES} bytes, filled in {filled:.1?}", text_bytes / 1_000_000);
    println!("search for two words: {hits} hits in {searched:.1?}");
    for _ in 0..5 {
        let begin = Instant::now();
        let store = open(dir);
        let opened = begin.elapsed();
        store.open_inbox().await.unwrap();
        let read = begin.elapsed();
        store.close().await.unwrap();
        println!("open {opened:.2?}, with the open inbox read {read:.2?}");
    }
}

/// Appends fifty pages of text and returns their bytes.
async fn append(store: &Store, session: &SessionId, number: &mut u64) -> usize {
    let items: Vec<_> = (0..50)
        .map(|_| {
            *number += 1;
            let text = page(*number);
            NewItem {
                id: format!("item-{number}").into(),
                run: None,
                kind: ItemKind::User,
                tokens: 10,
                body: json!({ "text": text }),
                text,
                created_at_ms: 1,
            }
        })
        .collect();
    let bytes = items.iter().map(|item| item.text.len()).sum();
    store.append(session, items).await.unwrap();
    bytes
}

/// Words out of twenty thousand, with few that are frequent, as in a language.
fn page(seed: u64) -> String {
    let mut state = seed;
    let mut words = Vec::with_capacity(WORDS);
    for _ in 0..WORDS {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let high = (state >> 40) % 20_000;
        words.push(format!("word{}", high * high / 20_000));
    }
    words.join(" ")
}
