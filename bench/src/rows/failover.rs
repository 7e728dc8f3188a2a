//! How long a rate-limited primary holds up an answer that a fallback could give.

use std::time::Duration;

use anyhow::Result;
use chela_testkit::model::{FakeModel, Step};

use crate::http::Target;
use crate::process::Home;
use crate::report::{Row, Verdict};
use crate::stats::Samples;

const TURNS: usize = 20;

pub(super) async fn measure() -> Result<Vec<Row>> {
    let model = FakeModel::start([]).await;
    model.respond_with(|request| match request.model.as_str() {
        "limited" => Step::rate_limited(Duration::from_secs(30)),
        _ => Step::text("echo"),
    });
    let home = Home::new(&model.url(), r#"$include: "./failover.json5""#)?;
    std::fs::write(
        home.path().join("failover.json5"),
        r#"{ agents: { defaults: { model: { primary: "fake/limited", fallbacks: ["fake/fast"] } } } }"#,
    )?;
    // Siblings win over an included file, so the primary is taken out of the configuration itself.
    let path = home.path().join("chela.json");
    let text = std::fs::read_to_string(&path)?.replace(r#"model: { primary: "fake/fast" }, "#, "");
    std::fs::write(&path, text)?;
    let gateway = home.start()?;
    let through = Target::gateway(&gateway.url(""))?;
    let mut time = Samples::default();
    for number in 0..TURNS {
        time.time(through.turn(&format!("user-{number}")).await?.whole);
    }
    Ok(vec![Row {
        name: "429 with a fallback",
        measured: format!("{:.1} ms p50 (Retry-After 30 s; n={TURNS})", time.median()),
        limit: "≤ 1 s",
        reference: "> 119 s",
        verdict: Verdict::at_most(time.median(), 1000.0),
    }])
}
