//! The page in `ui/`: its types are checked and the tests of its logic run, where npm is installed.

use std::process::{Command, Stdio};

use anyhow::Result;

use crate::shell;

/// Checks types and runs the unit tests of the page; says so where it can't.
pub(crate) fn check() -> Result<()> {
    if !has_npm() {
        eprintln!("npm is not installed; the page's own tests are left out");
        return Ok(());
    }
    install()?;
    npm(&["test"])
}

/// What the lock file asks for, unless that is what is there.
fn install() -> Result<()> {
    let written =
        |file: &str| std::fs::metadata(shell::root().join("ui").join(file)).and_then(|facts| facts.modified());
    let is_there = match (written("node_modules/.package-lock.json"), written("package-lock.json")) {
        (Ok(installed), Ok(asked)) => installed >= asked,
        _ => false,
    };
    if is_there { Ok(()) } else { npm(&["ci", "--no-audit", "--no-fund"]) }
}

fn npm(arguments: &[&str]) -> Result<()> {
    shell::run(Command::new("npm").args(arguments).current_dir(shell::root().join("ui")))
}

fn has_npm() -> bool {
    let asked = Command::new("npm").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    asked.is_ok_and(|status| status.success())
}
