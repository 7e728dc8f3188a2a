//! `cargo xtask bench`: builds what is measured and runs the harness in `bench/`. It fails nothing.

use anyhow::Result;

use crate::shell;

pub(crate) fn run(only: Option<&str>) -> Result<()> {
    shell::run(&mut shell::cargo(&[
        "build",
        "--release",
        "--locked",
        "--package",
        "chela-cli",
        "--package",
        "chela-bench",
    ]))?;
    let mut harness = shell::cargo(&["run", "--release", "--quiet", "--locked", "--package", "chela-bench", "--"]);
    if let Some(only) = only {
        harness.args(["--only", only]);
    }
    shell::run(&mut harness)
}
