//! The binary: reads the command line, runs one command, words its failure, and chooses the exit code.
//!
//! Owns the process: environment, TLS provider, runtime, terminal. Holds no logic that a crate below could hold.

mod args;
mod commands;
mod context;
mod failure;
mod instance;
mod keyboard;
mod link;
mod markdown;
mod output;
mod resident;
mod target;
mod user;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Cli;
use crate::context::Context;
use crate::output::Output;

fn main() -> ExitCode {
    // First of all: what is started as the launcher is a command in the making, and none of the rest is its business.
    chela_tools::sandbox::launch_if_asked();
    close_memory();
    resident::share_heaps();
    let cli = Cli::parse_from(args::without_script(std::env::args_os()));
    let output = Output::of(&cli.global);
    install_tls_provider();
    arm_fault_point();
    let result = Context::new(cli.global, output).and_then(|context| {
        user::settle(&context.environment, &context.places)?;
        commands::run(cli.command, &context)
    });
    match result {
        Ok(code) => code,
        Err(failure) => failure.show(output),
    }
}

/// Closes this process's memory, environment and descriptors to others of the same user, and keeps them out of core dumps.
fn close_memory() {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    // Every kernel knows it; commands are kept away by their sandbox too.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// Ring is the only crypto back end in the binary; every TLS user takes it from here.
fn install_tls_provider() {
    // Fails only when one is installed already, and nothing ran before.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Lets a test kill the process at a named place. Absent from release builds.
#[cfg(debug_assertions)]
fn arm_fault_point() {
    if let Ok(name) = std::env::var("CHELA_FAULT_POINT")
        && !chela_store::fault::arm(&name)
    {
        eprintln!("chela: no such fault point: {name}");
    }
}

#[cfg(not(debug_assertions))]
fn arm_fault_point() {}
