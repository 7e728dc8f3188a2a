//! What the gateway adds to a model's own time, and how many turns it carries.

use std::time::Instant;

use anyhow::Result;
use chela_testkit::model::FakeModel;
use futures_util::future::try_join_all;

use crate::http::Target;
use crate::process::Home;
use crate::report::{Row, Verdict};
use crate::stats::Samples;

const SEQUENTIAL: usize = 300;
const AT_ONCE: usize = 32;
const EACH: usize = 50;

pub(super) async fn measure() -> Result<Vec<Row>> {
    let model = FakeModel::start([]).await;
    let home = Home::new(&model.url(), "")?;
    let gateway = home.start()?;
    let (through, direct) = (Target::gateway(&gateway.url(""))?, Target::model(&model.url())?);

    let prompt = first_prompt(&model, &through).await?;
    model.forget_requests();
    let (mut whole, mut first) = (Samples::default(), Samples::default());
    let (mut direct_whole, mut direct_first) = (Samples::default(), Samples::default());
    for number in 0..SEQUENTIAL {
        let turn = through.turn(&format!("sequential-{}", number % 30)).await?;
        whole.time(turn.whole);
        first.time(turn.first_text);
        let turn = direct.turn("direct").await?;
        direct_whole.time(turn.whole);
        direct_first.time(turn.first_text);
    }
    let own = whole.median() - direct_whole.median();
    let own_first = first.median() - direct_first.median();
    let (rate, direct_rate) = (turns_per_second(&through).await?, turns_per_second(&direct).await?);
    Ok(vec![
        Row {
            name: "own part of a turn",
            measured: format!(
                "{own:.2} ms p50 ({:.2} through, {:.2} direct; p95 {:.2}; n={SEQUENTIAL})",
                whole.median(),
                direct_whole.median(),
                whole.quantile(0.95)
            ),
            limit: "≤ 3 ms",
            reference: "136-166 ms",
            verdict: Verdict::at_most(own, 3.0),
        },
        Row {
            name: "own part of the first token",
            measured: format!(
                "{own_first:.2} ms p50 ({:.2} through, {:.2} direct)",
                first.median(),
                direct_first.median()
            ),
            limit: "≤ 3 ms to the model and back",
            reference: "133 ms",
            verdict: Verdict::at_most(own_first, 3.0),
        },
        Row {
            name: "turns per second, 32 at once",
            measured: format!("{rate:.0} (the model alone: {direct_rate:.0})"),
            limit: "≥ 1,000, or the fake model's own",
            reference: "7.6",
            verdict: Verdict::at_least(rate, 1000.0),
        },
        prompt,
    ])
}

/// What the first "hi" costs, less the two letters.
async fn first_prompt(model: &FakeModel, through: &Target) -> Result<Row> {
    through.turn("first").await?;
    let bytes = model.requests().last().map_or(0, |request| request.text.len());
    Ok(Row {
        name: "first prompt, ours",
        measured: format!("{bytes} bytes, about {:.0} tokens, in one call", bytes as f64 / 3.6),
        limit: "≤ 10 KB, ≤ 3,000 tokens",
        reference: "60,308 bytes, 13,188 tokens",
        verdict: Verdict::at_most(bytes as f64, 10_240.0),
    })
}

async fn turns_per_second(target: &Target) -> Result<f64> {
    let begun = Instant::now();
    try_join_all((0..AT_ONCE).map(|lane| async move {
        for number in 0..EACH {
            target.turn(&format!("lane-{lane}-{}", number / 10)).await?;
        }
        anyhow::Ok(())
    }))
    .await?;
    Ok((AT_ONCE * EACH) as f64 / begun.elapsed().as_secs_f64())
}
