//! `chela completions`: for the shell that is named.

use std::process::ExitCode;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Outcome;
use crate::args::Cli;
use crate::context::Context;

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// For example: chela completions bash > ~/.local/share/bash-completion/completions/chela
    shell: Shell,
}

pub(crate) fn run(args: CompletionsArgs, context: &Context) -> Outcome {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "chela", &mut text);
    context.output.write(&String::from_utf8_lossy(&text));
    Ok(ExitCode::SUCCESS)
}
