//! Chores of the house, in Rust so that they run wherever the code builds.
//!
//! `cargo xtask check` is what a change must pass; `cargo xtask test` is what the README names and CI runs.

mod bench;
mod check;
mod codegen;
mod compat;
mod dist;
mod fuzz;
mod layers;
mod order;
mod shell;
mod sim;
mod test;
mod tidy;
mod typescript;
mod ui;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Chores of the house", max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Everything that a change must pass: fmt, clippy, layers, tidy, codegen, deny, tests.
    Check,
    /// Run all tests.
    Test {
        /// Arguments for the test runner, for example a test's name.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        rest: Vec<String>,
    },
    /// Check that crates depend on each other only along the edges of ARCHITECTURE.md.
    Layers,
    /// Check the house rules that no compiler knows.
    Tidy,
    /// Write docs/reference and the page's types from the code.
    Codegen {
        /// Change nothing; fail if a file would change.
        #[arg(long)]
        check: bool,
    },
    /// Measure the release binary beside its limits and write bench/results.md.
    Bench {
        /// Measure only rows whose name holds this text.
        #[arg(long)]
        only: Option<String>,
        /// Measure the binary that is shipped (`cargo xtask dist` first) instead of the release build.
        #[arg(long)]
        shipped: bool,
    },
    /// Run seeds of the gateway's simulation.
    Sim {
        /// How many.
        #[arg(long, default_value_t = 1_000)]
        seeds: u64,
        /// Only this one, with its whole log.
        #[arg(long)]
        seed: Option<u64>,
        /// Begin with this one.
        #[arg(long, default_value_t = 1)]
        from: u64,
        /// Optimise the build: slower to build, quicker to run.
        #[arg(long)]
        release: bool,
    },
    /// Feed the fuzz targets for a time each; what breaks a promise is kept in fuzz/findings.
    Fuzz {
        /// Optimise the build: slower to build, quicker to run.
        #[arg(long)]
        release: bool,
        /// `--seconds <n>`, `--seed <n>` and names of targets; all targets for ten seconds each when nothing is said.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        rest: Vec<String>,
    },
    /// Run stock programs of OpenClaw and Clawdbot against the gateway; tells of each command whether it works.
    Compat {
        /// Only this tier: 1 health, 2 agent, 3 terminal, 4 other commands, 5 the page's chat, 6 its other views.
        #[arg(long, value_name = "TIER")]
        only: Option<u8>,
        /// Where the stock programs are, or are installed; below the target folder otherwise.
        #[arg(long, value_name = "FOLDER")]
        clients: Option<PathBuf>,
        /// Test this binary instead of the debug build.
        #[arg(long, value_name = "FILE")]
        binary: Option<PathBuf>,
        /// `--playwright <folder>` and `--browser <file>`, for the tiers of the page.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        rest: Vec<String>,
    },
    /// Run the page's tests in Chromium, against the debug build.
    UiTest {
        /// The browser; one on the path otherwise.
        #[arg(long, value_name = "FILE")]
        browser: Option<PathBuf>,
        /// Arguments for the test runner, for example a file's name.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        rest: Vec<String>,
    },
    /// Take a picture of each page, into `ui-shots` below the target folder.
    UiShots {
        /// The browser; one on the path otherwise.
        #[arg(long, value_name = "FILE")]
        browser: Option<PathBuf>,
    },
    /// Build the binary that is shipped.
    Dist,
}

fn main() -> ExitCode {
    match run(Arguments::parse().chore) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(chore: Chore) -> Result<()> {
    match chore {
        Chore::Check => check::run(),
        Chore::Test { rest } => test::run(&rest),
        Chore::Layers => layers::run(),
        Chore::Tidy => tidy::run(),
        Chore::Codegen { check } => codegen::run(check),
        Chore::Bench { only, shipped } => bench::run(only.as_deref(), shipped),
        Chore::Sim { seeds, seed, from, release } => {
            let (first, seeds) = seed.map_or((from, seeds), |seed| (seed, 1));
            sim::run(&sim::Asked { seeds, first, release })
        }
        Chore::Fuzz { release, rest } => fuzz::run(release, &rest),
        Chore::Compat { only, clients, binary, rest } => compat::run(compat::Asked { only, clients, binary, rest }),
        Chore::UiTest { browser, rest } => ui::test(&ui::Asked { browser, rest }),
        Chore::UiShots { browser } => ui::shots(&ui::Asked { browser, rest: Vec::new() }),
        Chore::Dist => dist::run(),
    }
}
