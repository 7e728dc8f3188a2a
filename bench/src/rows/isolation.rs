//! Probes of a gateway that is busy: turns run, and several clients look through everything that was ever said.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use chela_agent::{ItemBody, NoteBody, NoteKind};
use chela_client::{Client, ClientOptions};
use chela_protocol::{AgentId, SessionKey};
use chela_store::{DATABASE_FILE, OpenOptions, Store, WriterMode};
use chela_testkit::model::{FakeModel, Part, Reply, Step};
use serde_json::json;

use crate::http::Target;
use crate::process::{Home, Running, TOKEN};
use crate::report::{Row, Verdict};
use crate::stats::Samples;

const TURNS: usize = 8;
/// More than the gateway has places for, so that there is always one waiting.
const SEARCHERS: usize = 4;
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

    let load = Arc::new(Load::default());
    let mut lanes = Vec::new();
    for lane in 0..TURNS {
        let (through, load) = (Target::gateway(&gateway.url(""))?, Arc::clone(&load));
        lanes.push(tokio::spawn(async move { load.take_turns(&through, lane).await }));
    }
    for _ in 0..SEARCHERS {
        let (options, load) = (ClientOptions::new(gateway.websocket(), Some(TOKEN.into())), Arc::clone(&load));
        lanes.push(tokio::spawn(async move { load.search(options).await }));
    }
    let busy = probe(&gateway).await?;
    load.is_over.store(true, Ordering::Relaxed);
    for lane in lanes {
        lane.await??;
    }
    let (turns, searches) = (load.turns.load(Ordering::Relaxed), load.searches.load(Ordering::Relaxed));
    ensure!(turns >= TURNS && searches > 0, "{turns} turns and {searches} searches are no load");
    Ok(vec![Row {
        name: "`/healthz` beside 8 turns and searches over 200 MB",
        measured: format!(
            "{:.1} ms p50, {:.1} ms p99 (idle {:.1} and {:.1}; n={}, {turns} turns and {searches} searches meanwhile)",
            busy.median(),
            busy.quantile(0.99),
            quiet.median(),
            quiet.quantile(0.99),
            busy.len()
        ),
        limit: "≤ 20 ms p99",
        reference: "",
        verdict: Verdict::at_most(busy.quantile(0.99), 20.0),
    }])
}

/// What goes on beside the probes.
#[derive(Default)]
struct Load {
    is_over: AtomicBool,
    turns: AtomicUsize,
    searches: AtomicUsize,
}

impl Load {
    async fn take_turns(&self, through: &Target, lane: usize) -> Result<()> {
        while !self.is_over.load(Ordering::Relaxed) {
            through.turn(&format!("busy-{lane}")).await?;
            self.turns.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    async fn search(&self, options: ClientOptions) -> Result<()> {
        let (client, _events) = Client::connect(options).await?;
        while !self.is_over.load(Ordering::Relaxed) {
            client.call("sessions.search", json!({ "query": "said", "limit": 200 })).await?;
            self.searches.fetch_add(1, Ordering::Relaxed);
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
