//! How soon the gateway listens and is ready.

use anyhow::Result;
use chela_testkit::model::FakeModel;

use crate::process::Home;
use crate::report::{Row, Verdict};
use crate::stats::Samples;

const STARTS: usize = 20;

pub(super) async fn measure() -> Result<Vec<Row>> {
    let model = FakeModel::start([]).await;
    let home = Home::new(&model.url(), "")?;
    let (mut listening, mut ready) = (Samples::default(), Samples::default());
    home.start()?.kill()?;
    for _ in 0..STARTS {
        let gateway = home.start()?;
        listening.time(gateway.to_listening);
        ready.time(gateway.to_ready);
        gateway.kill()?;
    }
    Ok(vec![
        Row {
            name: "start to listening, warm",
            measured: format!(
                "{:.1} ms p50, {:.1} ms p95 (n={})",
                listening.median(),
                listening.quantile(0.95),
                listening.len()
            ),
            limit: "≤ 5 ms",
            reference: "4.3 s",
            verdict: Verdict::at_most(listening.median(), 5.0),
        },
        Row {
            name: "start to ready",
            measured: format!("{:.1} ms p50 (n={})", ready.median(), ready.len()),
            limit: "≤ 100 ms",
            reference: "5.06 s",
            verdict: Verdict::at_most(ready.median(), 100.0),
        },
    ])
}
