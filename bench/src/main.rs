//! Measures the gateway as its users run it, beside the limits it was designed for. Run by `cargo xtask bench`.
//!
//! Every row starts the binary with a state dir of its own and talks to it over loopback; the model is testkit's
//! fake with no delay, and is measured directly in the same run. Nothing fails here: numbers are for people.

mod http;
mod machine;
mod platforms;
mod process;
mod report;
mod resident;
mod rows;
mod stats;
mod tap;
mod trace;

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;

use crate::report::Measured;

#[derive(Parser)]
struct Arguments {
    /// Measure only groups whose name holds this text.
    #[arg(long)]
    only: Option<String>,
    /// Measure this binary instead of the release build.
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Measure nothing, but leave in this folder which functions of the binary run when, for `cargo xtask dist`.
    #[arg(long, value_name = "FOLDER")]
    trace: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if let Some(binary) = arguments.binary {
        process::choose_binary(binary);
    }
    // The clients of this harness need a crypto provider although they only speak plain HTTP.
    let _ = rustls::crypto::ring::default_provider().install_default();
    if let Some(folder) = arguments.trace {
        return trace::run(&folder).await;
    }
    let mut measured = Measured::default();
    for (name, group) in rows::GROUPS {
        if arguments.only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
            continue;
        }
        eprintln!("measuring {name} …");
        match group().await {
            Ok(more) => measured.add(more),
            Err(error) => eprintln!("{name} could not be measured: {error:#}"),
        }
    }
    println!("{}", report::text(&measured));
    if arguments.only.is_none() {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        report::write(&root.join("results.md"), &measured, &machine::describe()?)?;
    }
    Ok(())
}
