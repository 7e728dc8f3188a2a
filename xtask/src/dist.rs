//! `cargo xtask dist`: the binary that is shipped, static and small.

use anyhow::{Context, Result, bail};

use crate::shell;

/// Preferred first: musl needs nothing of the host. A static glibc build is the fallback where that target isn't installed.
const TARGETS: &[(&str, &str)] =
    &[("x86_64-unknown-linux-musl", ""), ("x86_64-unknown-linux-gnu", "-C target-feature=+crt-static")];

pub(crate) fn run() -> Result<()> {
    let sysroot = shell::output(std::process::Command::new("rustc").args(["--print", "sysroot"]))?;
    let libraries = std::path::Path::new(sysroot.trim()).join("lib/rustlib");
    let Some((target, flags)) = TARGETS.iter().find(|(target, _)| libraries.join(target).join("lib").exists()) else {
        bail!("no static target is installed; run `rustup target add {}`", TARGETS[0].0);
    };
    let mut build =
        shell::cargo(&["build", "--profile", "dist", "--locked", "--package", "chela-cli", "--target", target]);
    if !flags.is_empty() {
        build.env("RUSTFLAGS", flags);
    }
    shell::run(&mut build)?;
    let binary = shell::root().join("target").join(target).join("dist/chela");
    let size = std::fs::metadata(&binary).with_context(|| format!("{} was not built", binary.display()))?.len();
    println!("target/{target}/dist/chela: {:.1} MB", size as f64 / 1e6);
    Ok(())
}
