//! `cargo xtask sim`: many seeds of the gateway's simulation, on every core. A seed that fails is named, with all that happened.

use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::shell;

/// The test that runs seeds; it reads which ones from the environment.
const TEST: &str = "simulation::tests::seeds_that_are_asked_for";

/// Seeds that one process runs: little enough to show progress.
const RANGE: u64 = 250;

/// Which seeds, and how the code is built.
pub(crate) struct Asked {
    pub(crate) seeds: u64,
    /// The first one. A single seed prints its log whether it fails or not.
    pub(crate) first: u64,
    pub(crate) release: bool,
}

pub(crate) fn run(asked: &Asked) -> Result<()> {
    let binary = build(asked.release)?;
    let begun = Instant::now();
    let at_once = std::thread::available_parallelism().map_or(1, usize::from);
    let end = asked.first + asked.seeds;
    let mut next = asked.first;
    let mut running: Vec<(u64, Child)> = Vec::new();
    let mut done = 0;
    while next < end || !running.is_empty() {
        while next < end && running.len() < at_once {
            let count = RANGE.min(end - next);
            running.push((count, start(&binary, next, count)?));
            next += count;
        }
        let (count, child) = running.remove(0);
        let output = child.wait_with_output()?;
        if !output.status.success() {
            for (_, mut other) in running {
                let _ = other.kill();
                let _ = other.wait();
            }
            let told = [output.stdout, output.stderr].concat();
            bail!("a promise is broken:\n{}", String::from_utf8_lossy(&told));
        }
        if asked.seeds == 1 {
            print!("{}", String::from_utf8_lossy(&output.stdout));
        }
        done += count;
        eprintln!("{done} of {} seeds hold ({:.1} s)", asked.seeds, begun.elapsed().as_secs_f64());
    }
    Ok(())
}

fn start(binary: &str, first: u64, count: u64) -> Result<Child> {
    let mut command = Command::new(binary);
    command.args([TEST, "--exact", "--ignored", "--nocapture"]);
    command.env("CHELA_SIM_SEED", first.to_string()).env("CHELA_SIM_SEEDS", count.to_string());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().with_context(|| format!("can't start `{binary}`"))
}

/// Builds the gateway's tests and returns their program. The optimised build keeps debug assertions: fault points are of them.
fn build(release: bool) -> Result<String> {
    let mut command =
        shell::cargo(&["test", "--package", "chela-gateway", "--lib", "--no-run", "--message-format=json"]);
    if release {
        command.arg("--release").env("CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS", "true");
    }
    let told = shell::output(&mut command)?;
    let programs = told.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let program = programs.filter_map(|line| line["executable"].as_str().map(str::to_owned)).next_back();
    program.context("cargo built no test program")
}
