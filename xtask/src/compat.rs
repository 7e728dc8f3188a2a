//! `cargo xtask compat`: builds the gateway and runs stock programs against it. Needs npm, and the network the first time.

use std::path::PathBuf;

use anyhow::Result;

use crate::shell;

/// Stock programs are kept below the target folder, so that they are fetched once.
const CLIENTS: &str = "compat";

/// What is asked on the command line.
pub(crate) struct Asked {
    pub(crate) only: Option<u8>,
    pub(crate) clients: Option<PathBuf>,
    pub(crate) binary: Option<PathBuf>,
    pub(crate) rest: Vec<String>,
}

pub(crate) fn run(asked: Asked) -> Result<()> {
    let binary = if let Some(binary) = asked.binary {
        binary
    } else {
        shell::run(&mut shell::cargo(&["build", "--locked", "--package", "chela-cli"]))?;
        shell::target_dir().join("debug").join("chela")
    };
    let clients = asked.clients.unwrap_or_else(|| shell::target_dir().join(CLIENTS));
    let mut harness = shell::cargo(&["run", "--quiet", "--locked", "--package", "chela-compat", "--"]);
    harness.arg("--binary").arg(binary).arg("--clients").arg(clients);
    if let Some(tier) = asked.only {
        harness.args(["--only", &tier.to_string()]);
    }
    shell::run(harness.args(asked.rest))
}
