//! What a command of the binary costs.

use std::process::Stdio;
use std::time::Instant;

use anyhow::{Result, bail};
use chela_testkit::model::FakeModel;

use crate::process::Home;
use crate::report::{Row, Verdict};
use crate::stats::Samples;

const RUNS: usize = 30;

pub(super) async fn measure() -> Result<Vec<Row>> {
    let model = FakeModel::start([]).await;
    let home = Home::new(&model.url(), "")?;
    let (mut time, mut memory) = (Samples::default(), Samples::default());
    for _ in 0..RUNS {
        let mut command = home.command(&["config", "get", "gateway.mode"])?;
        let begun = Instant::now();
        let mut child = command.stdout(Stdio::null()).spawn()?;
        let mut peak = 0.0_f64;
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            peak = peak.max(peak_kb(child.id()).unwrap_or_default());
        };
        if !status.success() {
            bail!("`config get gateway.mode` failed with {status}");
        }
        time.time(begun.elapsed());
        memory.number(peak / 1024.0);
    }
    // The peak is looked at while the process lives; a run that is over too soon is not seen, so no median of it is right.
    let most = memory.quantile(1.0);
    Ok(vec![Row {
        name: "`config get`",
        measured: format!("{:.1} ms p50, {most:.1} MB at most (n={RUNS})", time.median()),
        limit: "≤ 15 ms, ≤ 15 MB",
        reference: "1.08 s, 315 MB",
        verdict: Verdict::at_most((time.median() / 15.0).max(most / 15.0), 1.0),
    }])
}

/// The highest resident size so far, while the process lives.
fn peak_kb(pid: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.split_whitespace().next()?.parse().ok()
}
