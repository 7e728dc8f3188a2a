//! Durable accepts: what an acknowledged message costs.

use std::time::{Duration, Instant};

use anyhow::Result;
use chela_protocol::{AgentId, RunId, SessionKey};
use chela_store::{NewInbound, OpenOptions, Store, WriterMode};
use futures_util::future::try_join_all;
use serde_json::json;

use crate::report::{Row, Verdict};
use crate::stats::Samples;

const PRODUCERS: usize = 32;
const FOR: Duration = Duration::from_secs(2);

pub(super) async fn measure() -> Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    let options = OpenOptions { path: folder.path().join("chela.db"), writer: WriterMode::Thread };
    let store = Store::open(options)?;
    let begun = Instant::now();
    let lanes = try_join_all((0..PRODUCERS).map(|lane| produce(store.clone(), lane, begun))).await?;
    let elapsed = begun.elapsed();
    let mut time = Samples::default();
    lanes.into_iter().flatten().for_each(|each| time.time(each));
    let rate = time.len() as f64 / elapsed.as_secs_f64();
    store.close().await?;
    Ok(vec![Row {
        name: "durable accept, 32 producers",
        measured: format!("{:.2} ms p50, {:.2} ms p99, {rate:.0} rows/s", time.median(), time.quantile(0.99)),
        limit: "p50 ≤ 1 ms, p99 ≤ 5 ms, ≥ 30,000 rows/s",
        reference: "",
        verdict: Verdict::at_most(
            (time.median() / 1.0).max(time.quantile(0.99) / 5.0).max(30_000.0 / rate.max(1.0)),
            1.0,
        ),
    }])
}

async fn produce(store: Store, lane: usize, begun: Instant) -> Result<Vec<Duration>> {
    let agent = AgentId::new("main");
    let session = SessionKey::scoped(&agent, &format!("lane-{lane}"));
    let mut times = Vec::new();
    while begun.elapsed() < FOR {
        let number = times.len();
        let message = NewInbound {
            channel: "webchat".into(),
            account: "default".into(),
            platform_id: format!("{lane}-{number}"),
            session: session.clone(),
            agent: agent.clone(),
            run: RunId::new(format!("{lane}-{number}")),
            body: json!({ "text": "x".repeat(300) }),
            received_at_ms: 0,
        };
        let asked = Instant::now();
        store.accept(message).await?;
        times.push(asked.elapsed());
    }
    Ok(times)
}
