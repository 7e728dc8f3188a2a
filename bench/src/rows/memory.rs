//! Resident memory: idle, what a connected client adds, and whether ten thousand turns leave something behind.

use std::time::Duration;

use anyhow::Result;
use chela_client::{Client, ClientOptions};
use chela_testkit::model::FakeModel;
use serde_json::json;

use crate::http::Target;
use crate::process::{Home, Running, TOKEN, binary, drop_page_cache};
use crate::report::{Detail, Measured, Row, Verdict};

const CLIENTS: usize = 500;
/// A long message in a chat, as it is sent. The schema that comes back is larger.
const LARGE_BYTES: usize = 20 * 1024;
const SOAK: usize = 10_000;
/// Memory is looked at, at rest, after so many turns each.
const STEP: usize = 1_000;
const SOAK_AT_ONCE: usize = 16;
/// All sessions of the soak are in use after its first tenth, so that what grows then grows with turns and not with sessions.
const SESSIONS_OF_A_LANE: usize = 30;
/// The most that memory may have grown by after the first tenth.
const FLAT: f64 = 1.1;
/// Until the kernel's counters and the gateway's own housekeeping, which looks each second, have settled.
const SETTLE: Duration = Duration::from_secs(5);

pub(super) async fn measure() -> Result<Measured> {
    let model = FakeModel::start([]).await;
    model.forget_requests();
    let home = Home::new(&model.url(), "")?;
    drop_page_cache(&binary()?)?;
    let gateway = home.start()?;
    tokio::time::sleep(SETTLE).await;
    let mut moments = vec![("at rest".to_owned(), gateway.resident()?)];
    reqwest::get(gateway.url("/healthz")).await?;
    tokio::time::sleep(SETTLE).await;
    moments.push(("after a request".to_owned(), gateway.resident()?));
    let (idle, own) = (gateway.memory_kb("Pss")? / 1024.0, gateway.memory_kb("Anonymous")? / 1024.0);
    let (client_kb, after_large_kb) = each_client(&gateway).await?;
    let through = Target::gateway(&gateway.url(""))?;
    let (mut warm, mut soaked) = (None, 0.0);
    for turns in (STEP..=SOAK).step_by(STEP) {
        soak(&through, STEP).await?;
        tokio::time::sleep(SETTLE).await;
        let resident = gateway.resident()?;
        soaked = resident.total();
        warm.get_or_insert(soaked);
        moments.push((format!("after {turns} turns"), resident));
    }
    let warm = warm.unwrap_or_default();
    let details =
        vec![Detail { name: "Resident memory of a gateway without channels, in MB by what it holds", moments }];
    let rows = vec![
        Row {
            name: "idle memory (PSS)",
            measured: format!("{idle:.1} MB, of which {own:.1} MB its own data"),
            limit: "≤ 8 MB",
            reference: "857 MB",
            verdict: Verdict::at_most(idle, 8.0),
        },
        Row {
            name: "each of 500 idle WebSocket clients",
            measured: format!("{client_kb:.1} KB; {after_large_kb:.1} KB after a large frame each way"),
            limit: "≤ 8 KB",
            reference: "9.4 KB",
            verdict: Verdict::at_most(client_kb.max(after_large_kb), 8.0),
        },
        Row {
            name: "memory after 10,000 turns (PSS)",
            measured: format!("{soaked:.1} MB ({warm:.1} MB after the first 1,000)"),
            limit: "≤ 32 MB, flat",
            reference: "1,710 MB",
            verdict: Verdict::at_most((soaked / 32.0).max(soaked / warm / FLAT), 1.0),
        },
    ];
    Ok(Measured { rows, details })
}

/// Memory of each client: after its hello, and after it has sent one large frame and got one.
async fn each_client(gateway: &Running) -> Result<(f64, f64)> {
    let before = gateway.memory_kb("Anonymous")?;
    let mut clients = Vec::with_capacity(CLIENTS);
    for _ in 0..CLIENTS {
        clients.push(Client::connect(ClientOptions::new(gateway.websocket(), Some(TOKEN.into()))).await?);
    }
    tokio::time::sleep(SETTLE).await;
    let idle = gateway.memory_kb("Anonymous")?;
    for (client, _events) in &clients {
        // Whether the parameter is understood is no matter: it was received.
        let _ = client.call("health", json!({ "filler": "x".repeat(LARGE_BYTES) })).await;
        client.call("config.schema", json!({})).await?;
    }
    tokio::time::sleep(SETTLE).await;
    let after_large = gateway.memory_kb("Anonymous")?;
    let each = |kb: f64| (kb - before) / CLIENTS as f64;
    Ok((each(idle), each(after_large)))
}

async fn soak(through: &Target, turns: usize) -> Result<()> {
    let lanes = (0..SOAK_AT_ONCE).map(|lane| async move {
        for number in 0..turns / SOAK_AT_ONCE {
            through.turn(&format!("soak-{lane}-{}", number % SESSIONS_OF_A_LANE)).await?;
        }
        anyhow::Ok(())
    });
    futures_util::future::try_join_all(lanes).await?;
    Ok(())
}
