//! `chela man`: the manual page, for `man -l -`.

use std::process::ExitCode;

use clap::{Args, CommandFactory};

use super::Outcome;
use crate::args::Cli;
use crate::context::Context;
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct ManArgs {}

pub(crate) fn run(_args: ManArgs, context: &Context) -> Outcome {
    let mut text = Vec::new();
    clap_mangen::Man::new(Cli::command())
        .render(&mut text)
        .map_err(|error| Failure::file("write the manual page", &error))?;
    context.output.write(&String::from_utf8_lossy(&text));
    Ok(ExitCode::SUCCESS)
}
