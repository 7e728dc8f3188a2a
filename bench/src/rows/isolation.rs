//! Probes of a gateway that is busy: turns run, and several clients look through everything that was ever said, or count what
//! everything has cost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Result, ensure};
use chela_agent::{ItemBody, NoteBody, NoteKind};
use chela_client::{Client, ClientOptions};
use chela_protocol::{AgentId, SessionKey};
use chela_store::{DATABASE_FILE, NewUsage, OpenOptions, Store, WriterMode};
use chela_testkit::model::{FakeModel, Part, Reply, Step};
use futures_util::future::try_join_all;
use serde_json::{Value, json};

use crate::http::Target;
use crate::process::{Home, Running, TOKEN};
use crate::report::{Row, Verdict};
use crate::stats::Samples;

const TURNS: usize = 8;
/// More than the gateway has places for, so that there is always one waiting.
const LOOKERS: usize = 4;
/// Calls of models, over a year: what a busy house makes in it.
const CALLS: i64 = 100_000;
/// Calls that are booked together.
const CALLS_BATCH: i64 = 1_000;
const YEAR_MS: i64 = 365 * 86_400_000;
/// Texts of ten kilobytes, kept once as they are and once for the search: 200 MB.
const TEXTS: usize = 10_000;
const TEXT_WORDS: usize = 1_500;
/// Texts that are written in one commit.
const BATCH: usize = 100;
const PROBES: usize = 2_000;
/// Between two probes: many times as often as any supervisor asks.
const PAUSE: Duration = Duration::from_millis(5);
/// A model's answer comes in so many pieces, as fast as vendors send them.
const PIECES: usize = 50;
const PIECE_PAUSE: Duration = Duration::from_millis(10);
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) async fn measure() -> Result<Vec<Row>> {
    let model = FakeModel::start([]).await;
    model.respond_with(|_| Step::Reply(slow_answer()));
    let home = Home::new(&model.url(), "")?;
    write_history(&home).await?;
    let gateway = home.start()?;
    let quiet = probe(&gateway).await?;

    let searches = Look { method: "sessions.search", params: json!({ "query": "said", "limit": 200 }) };
    let reports = Look { method: "sessions.usage", params: json!({ "agentScope": "all", "range": "1y" }) };
    Ok(vec![
        beside(&gateway, &searches, "`/healthz` beside 8 turns and searches over 200 MB", &quiet).await?,
        beside(&gateway, &reports, "`/healthz` beside 8 turns and reports over 100 000 calls of a year", &quiet)
            .await?,
    ])
}

/// What a client asks for again and again.
#[derive(Clone)]
struct Look {
    method: &'static str,
    params: Value,
}

async fn beside(gateway: &Running, look: &Look, name: &'static str, quiet: &Samples) -> Result<Row> {
    let load = Arc::new(Load::default());
    let mut lanes = Vec::new();
    for lane in 0..TURNS {
        let (through, load) = (Target::gateway(&gateway.url(""))?, Arc::clone(&load));
        lanes.push(tokio::spawn(async move { load.take_turns(&through, lane).await }));
    }
    for _ in 0..LOOKERS {
        let (options, load) = (ClientOptions::new(gateway.websocket(), Some(TOKEN.into())), Arc::clone(&load));
        let look = look.clone();
        lanes.push(tokio::spawn(async move { load.look(options, look).await }));
    }
    let busy = probe(gateway).await?;
    load.is_over.store(true, Ordering::Relaxed);
    for lane in lanes {
        lane.await??;
    }
    let (turns, looks) = (load.turns.load(Ordering::Relaxed), load.looks.load(Ordering::Relaxed));
    ensure!(turns >= TURNS && looks > 0, "{turns} turns and {looks} answers of {} are no load", look.method);
    Ok(Row {
        name,
        measured: format!(
            "{:.1} ms p50, {:.1} ms p99 (idle {:.1} and {:.1}; n={}, {turns} turns and {looks} looks meanwhile)",
            busy.median(),
            busy.quantile(0.99),
            quiet.median(),
            quiet.quantile(0.99),
            busy.len()
        ),
        limit: "≤ 20 ms p99",
        reference: "",
        verdict: Verdict::at_most(busy.quantile(0.99), 20.0),
    })
}

/// What goes on beside the probes.
#[derive(Default)]
struct Load {
    is_over: AtomicBool,
    turns: AtomicUsize,
    looks: AtomicUsize,
}

impl Load {
    async fn take_turns(&self, through: &Target, lane: usize) -> Result<()> {
        while !self.is_over.load(Ordering::Relaxed) {
            through.turn(&format!("busy-{lane}")).await?;
            self.turns.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    async fn look(&self, options: ClientOptions, look: Look) -> Result<()> {
        let (client, _events) = Client::connect(options).await?;
        while !self.is_over.load(Ordering::Relaxed) {
            client.call(look.method, look.params.clone()).await?;
            self.looks.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// Asks as a supervisor does, on a new connection each time.
async fn probe(gateway: &Running) -> Result<Samples> {
    let client = reqwest::Client::builder().timeout(PROBE_TIMEOUT).pool_max_idle_per_host(0).no_proxy().build()?;
    let mut samples = Samples::default();
    for _ in 0..PROBES {
        let asked = Instant::now();
        let answer = client.get(gateway.url("/healthz")).send().await?;
        samples.time(asked.elapsed());
        ensure!(answer.status().is_success(), "/healthz says {}", answer.status());
        tokio::time::sleep(PAUSE).await;
    }
    Ok(samples)
}

fn slow_answer() -> Reply {
    let piece = |_| [Part::Text("each piece. ".to_owned()), Part::Pause(PIECE_PAUSE)];
    Reply::new((0..PIECES).flat_map(piece))
}

async fn write_history(home: &Home) -> Result<()> {
    let store = Store::open(OpenOptions { path: home.path().join(DATABASE_FILE), writer: WriterMode::Thread })?;
    let agent = AgentId::new("main");
    let session = store.ensure_session(&SessionKey::scoped(&agent, "old"), &agent, 0).await?;
    for first in (0..TEXTS).step_by(BATCH) {
        let item = |number: usize| {
            let body = ItemBody::Note(NoteBody { text: text(number), kind: NoteKind::Injected });
            body.into_item(format!("old-{number}").into(), None, 0)
        };
        store.append(&session.id, (first..first + BATCH).map(item).collect()).await?;
    }
    let now_ms = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    let call = |number: i64| NewUsage {
        session_id: session.id.clone(),
        agent: agent.clone(),
        run: format!("old-{number}").into(),
        provider: "fake".into(),
        model: format!("model-{}", number % 5),
        input: 2_000,
        output: 200,
        cache_read: 10_000,
        cache_write: 0,
        cost_micros: Some(9_000),
        tools: if number % 2 == 0 { vec!["exec".into()] } else { Vec::new() },
        at_ms: now_ms - YEAR_MS + number * (YEAR_MS / CALLS),
    };
    for first in (0..CALLS).step_by(usize::try_from(CALLS_BATCH)?) {
        try_join_all((first..first + CALLS_BATCH).map(|number| store.record_usage(call(number)))).await?;
    }
    store.close().await?;
    Ok(())
}

/// Ten kilobytes in which few words stand more than once, and one stands in every text.
fn text(number: usize) -> String {
    let word = |place: usize| {
        if place.is_multiple_of(100) { "said".to_owned() } else { format!("w{}", number * 31 + place * 7) }
    };
    (0..TEXT_WORDS).map(word).collect::<Vec<_>>().join(" ")
}
