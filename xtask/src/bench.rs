//! `cargo xtask bench`: builds what is measured and runs the harness in `bench/`. It fails nothing.

use anyhow::Result;

use crate::{dist, shell};

pub(crate) fn run(only: Option<&str>, shipped: bool) -> Result<()> {
    let mut build = shell::cargo(&["build", "--release", "--locked", "--package", "chela-bench"]);
    if !shipped {
        build.args(["--package", "chela-cli"]);
    }
    shell::run(&mut build)?;
    let mut harness = shell::cargo(&["run", "--release", "--quiet", "--locked", "--package", "chela-bench", "--"]);
    if shipped {
        harness.arg("--binary").arg(dist::binary()?);
    }
    if let Some(only) = only {
        harness.args(["--only", only]);
    }
    shell::run(&mut harness)
}
