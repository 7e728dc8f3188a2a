//! Measures the gateway as its users run it, beside the limits it was designed for. Run by `cargo xtask bench`.
//!
//! Every row starts the binary with a state dir of its own and talks to it over loopback; the model is testkit's
//! fake with no delay, and is measured directly in the same run. Nothing fails here: numbers are for people.

mod http;
mod platforms;
mod process;
mod report;
mod rows;
mod stats;
mod tap;

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use clap::Parser;

use crate::stats::Samples;

/// Writes that tell how fast the disk is.
const SYNCED_WRITES: usize = 50;

#[derive(Parser)]
struct Arguments {
    /// Measure only groups whose name holds this text.
    #[arg(long)]
    only: Option<String>,
    /// Measure this binary instead of the release build.
    #[arg(long)]
    binary: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if let Some(binary) = arguments.binary {
        process::choose_binary(binary);
    }
    // The clients of this harness need a crypto provider although they only speak plain HTTP.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut measured = Vec::new();
    for (name, group) in rows::GROUPS {
        if arguments.only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
            continue;
        }
        eprintln!("measuring {name} …");
        match group().await {
            Ok(rows) => measured.extend(rows),
            Err(error) => eprintln!("{name} could not be measured: {error:#}"),
        }
    }
    println!("{}", report::table(&measured));
    if arguments.only.is_none() {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        report::write(&root.join("results.md"), &measured, &machine()?)?;
    }
    Ok(())
}

/// The machine in a few words: cores, memory, kernel, and how long its disk takes for what every commit waits for.
fn machine() -> Result<String> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory = memory.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).unwrap_or_default() / 1_048_576;
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let sync_ms = synced_write_ms()?;
    Ok(format!("{cores} cores, {memory} GB, Linux {}, {sync_ms:.2} ms for a synced write of 4 KB", kernel.trim()))
}

/// The median of writes where the measured state dirs stand.
fn synced_write_ms() -> Result<f64> {
    let mut file = tempfile::tempfile()?;
    let mut times = Samples::default();
    for _ in 0..SYNCED_WRITES {
        let begun = Instant::now();
        file.write_all(&[0; 4096])?;
        file.sync_data()?;
        times.time(begun.elapsed());
    }
    Ok(times.median())
}
