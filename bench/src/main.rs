//! Measures the gateway as its users run it, beside the limits it was designed for. Run by `cargo xtask bench`.
//!
//! Every row starts the binary with a state dir of its own and talks to it over loopback; the model is testkit's
//! fake with no delay, and is measured directly in the same run. Nothing fails here: numbers are for people.

mod http;
mod process;
mod report;
mod rows;
mod stats;
mod tap;

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;

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
        report::write(&root.join("results.md"), &measured, &machine())?;
    }
    Ok(())
}

/// The machine in a few words: cores, memory, kernel.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory = memory.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).unwrap_or_default() / 1_048_576;
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{cores} cores, {memory} GB, Linux {}", kernel.trim())
}
