//! `kill -9` in mid-turn with a second message queued: how soon both are answered after the restart.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use chela_client::{Client, ClientOptions};
use chela_testkit::model::{FakeModel, Step};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::process::{Home, Running, TOKEN};
use crate::report::{Row, Verdict};
use crate::stats::Samples;

const KILLS: usize = 10;
const PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(2);

pub(super) async fn measure() -> Result<Vec<Row>> {
    let mut back = Samples::default();
    for _ in 0..KILLS {
        back.time(kill_once().await?);
    }
    Ok(vec![Row {
        name: "back after `kill -9` in mid-turn",
        measured: format!("{:.0} ms p50 until both messages are answered (n={KILLS})", back.median()),
        limit: "≤ 1 s, both answered",
        reference: "8-20 s, the queued one lost or left",
        verdict: Verdict::at_most(back.median(), 1000.0),
    }])
}

async fn kill_once() -> Result<Duration> {
    // The first request never ends by itself; whatever comes after the restart is echoed.
    let never = Arc::new(Notify::new());
    let model = FakeModel::start([Step::gated(&never, Step::text("never"))]).await;
    let home = Home::new(&model.url(), "")?;
    let gateway = home.start()?;
    let client = connect(&gateway).await?;
    for name in ["first", "second"] {
        let params = json!({ "sessionKey": "main", "message": name, "idempotencyKey": format!("run-{name}") });
        client.call("chat.send", params).await?;
    }
    model.wait_for_requests(1).await;
    gateway.kill()?;
    let killed = Instant::now();
    let gateway = home.start()?;
    let client = connect(&gateway).await?;
    while killed.elapsed() < PATIENCE {
        let history = client.call("chat.history", json!({ "sessionKey": "main" })).await?;
        if answers(&history)? == 2 {
            return Ok(killed.elapsed());
        }
        tokio::time::sleep(POLL).await;
    }
    bail!("both messages were not answered within {} s", PATIENCE.as_secs())
}

async fn connect(gateway: &Running) -> Result<Client> {
    let (client, _events) = Client::connect(ClientOptions::new(gateway.websocket(), Some(TOKEN.into()))).await?;
    Ok(client)
}

fn answers(history: &Value) -> Result<usize> {
    let messages = history["messages"].as_array().context("a history has messages")?;
    Ok(messages.iter().filter(|message| message["role"] == "assistant").count())
}
