//! `cargo xtask test`: every test of the workspace, with nextest where it is installed and plain cargo elsewhere, and the page's own.

use anyhow::Result;

use crate::{shell, ui};

pub(crate) fn run(rest: &[String]) -> Result<()> {
    // A test that is asked for by name is one of the workspace.
    if rest.is_empty() {
        ui::check()?;
    }
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    let runner: &[&str] = if shell::has_subcommand("nextest") {
        &["nextest", "run", "--workspace", "--locked"]
    } else {
        eprintln!(
            "cargo-nextest is not installed; using `cargo test`, which is slower (`cargo install cargo-nextest`)"
        );
        &["test", "--workspace", "--locked"]
    };
    shell::run(&mut shell::cargo(&[runner, &rest].concat()))
}
