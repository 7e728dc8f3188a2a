//! `chela state`: the state dir as a whole. Works only while no gateway runs on it.

use std::process::ExitCode;

use chela_store::{InstanceInfo, InstanceLock, rollback};
use clap::{Args, Subcommand};
use serde_json::json;

use super::Outcome;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::now_ms;

#[derive(Debug, Args)]
pub(crate) struct StateArgs {
    #[command(subcommand)]
    command: StateCommand,
}

#[derive(Debug, Subcommand)]
enum StateCommand {
    /// Print the path of the state dir
    Dir,
    /// Go back to the database from before the last upgrade of its format; the present one is set aside
    Rollback,
}

pub(crate) fn run(args: StateArgs, context: &Context) -> Outcome {
    match args.command {
        StateCommand::Dir => {
            let dir = context.places.state_dir.display().to_string();
            context.done(&json!({"stateDir": dir}), &dir);
        }
        StateCommand::Rollback => roll_back(context)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn roll_back(context: &Context) -> Result<(), Failure> {
    let dir = &context.places.state_dir;
    if !dir.is_dir() {
        return Err(Failure::new("not_found", format!("there is no state dir {}", dir.display())));
    }
    let info = InstanceInfo { pid: std::process::id(), started_at_ms: now_ms(), address: None };
    let lock = InstanceLock::acquire(dir, info).map_err(Failure::lock)?;
    let done = rollback(&lock).map_err(Failure::rollback)?;
    let said = format!(
        "the database has format {} again; what stood there is in {}",
        done.to_version,
        done.set_aside.display()
    );
    context.done(&json!({"ok": true, "toVersion": done.to_version, "setAside": done.set_aside}), &said);
    Ok(())
}
