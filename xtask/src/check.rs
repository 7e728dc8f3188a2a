//! `cargo xtask check`: what a change must pass, cheapest first. Goes on after a failure and reports them all.

use anyhow::{Result, bail};

use crate::{codegen, layers, shell, test, tidy};

pub(crate) fn run() -> Result<()> {
    type Step = (&'static str, fn() -> Result<()>);
    let steps: [Step; 7] = [
        ("fmt", || shell::run(&mut shell::cargo(&["fmt", "--all", "--check"]))),
        ("layers", layers::run),
        ("tidy", tidy::run),
        ("clippy", || {
            shell::run(&mut shell::cargo(&[
                "clippy",
                "--workspace",
                "--all-targets",
                "--locked",
                "--",
                "-D",
                "warnings",
            ]))
        }),
        ("codegen", || codegen::run(true)),
        ("deny", deny),
        ("test", || test::run(&[])),
    ];
    let mut failed = Vec::new();
    for (name, step) in steps {
        if let Err(error) = step() {
            eprintln!("error: {name}: {error:#}");
            failed.push(name);
        }
    }
    if !failed.is_empty() {
        bail!("these checks failed: {}", failed.join(", "));
    }
    eprintln!("all checks passed");
    Ok(())
}

/// Licences, bans and sources; advisories need a fetched database and are left to where there is one.
fn deny() -> Result<()> {
    if !shell::has_subcommand("deny") {
        bail!("cargo-deny is not installed; run `cargo install cargo-deny --locked`");
    }
    shell::run(&mut shell::cargo(&["deny", "--offline", "check", "bans", "licenses", "sources"]))
}
