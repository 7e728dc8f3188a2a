//! The binary itself.

use std::process::Command;

use anyhow::{Result, bail};

use crate::process::binary;
use crate::report::{Row, Verdict};

#[expect(clippy::unused_async, reason = "every group has this shape")]
pub(super) async fn measure() -> Result<Vec<Row>> {
    let bytes = std::fs::metadata(binary()?)?.len() as f64 / 1e6;
    let packages = packages()?;
    Ok(vec![
        Row {
            name: "size of this binary",
            measured: format!("{bytes:.1} MB"),
            limit: "≤ 19 MB as shipped (`cargo xtask dist`)",
            reference: "647 MB and Node",
            verdict: Verdict::at_most(bytes, 19.0),
        },
        Row {
            name: "packages in the gateway's graph",
            measured: packages.to_string(),
            limit: "≤ 350",
            reference: "331",
            verdict: Verdict::at_most(packages as f64, 350.0),
        },
    ])
}

fn packages() -> Result<usize> {
    let arguments =
        ["tree", "--locked", "-e", "normal,build", "-p", "chela-cli", "--prefix", "none", "--format", "{p}"];
    let output = Command::new("cargo").args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output()?;
    if !output.status.success() {
        bail!("cargo tree failed with {}", output.status);
    }
    let text = String::from_utf8(output.stdout)?;
    let names: std::collections::BTreeSet<String> =
        text.lines().map(|line| line.split_whitespace().take(2).collect::<Vec<_>>().join(" ")).collect();
    Ok(names.len())
}
