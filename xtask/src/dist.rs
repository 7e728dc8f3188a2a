//! `cargo xtask dist`: the binary that is shipped, static and small.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::shell;

/// Preferred first: musl needs nothing of the host. A static glibc build is the fallback where that target isn't installed.
#[cfg(not(target_arch = "aarch64"))]
const TARGETS: &[(&str, &str)] =
    &[("x86_64-unknown-linux-musl", ""), ("x86_64-unknown-linux-gnu", "-C target-feature=+crt-static")];
#[cfg(target_arch = "aarch64")]
const TARGETS: &[(&str, &str)] =
    &[("aarch64-unknown-linux-musl", ""), ("aarch64-unknown-linux-gnu", "-C target-feature=+crt-static")];

/// Relocations as bit sets: half a megabyte less to map and to read at each start.
const PACKED: &str = "-C link-arg=-Wl,-z,pack-relative-relocs";

pub(crate) fn run() -> Result<()> {
    let (target, flags) = target()?;
    let mut build =
        shell::cargo(&["build", "--profile", "dist", "--locked", "--package", "chela-cli", "--target", target]);
    build.env("RUSTFLAGS", format!("{flags} {PACKED}").trim());
    shell::run(&mut build)?;
    let binary = binary()?;
    let size = std::fs::metadata(&binary).with_context(|| format!("{} was not built", binary.display()))?.len();
    println!("{}: {:.1} MB", binary.display(), size as f64 / 1e6);
    Ok(())
}

/// Where the shipped binary stands once it is built.
pub(crate) fn binary() -> Result<PathBuf> {
    Ok(shell::target_dir().join(target()?.0).join("dist/chela"))
}

fn target() -> Result<&'static (&'static str, &'static str)> {
    let sysroot = shell::output(std::process::Command::new("rustc").args(["--print", "sysroot"]))?;
    let libraries = std::path::Path::new(sysroot.trim()).join("lib/rustlib");
    let Some(installed) = TARGETS.iter().find(|(target, _)| libraries.join(target).join("lib").exists()) else {
        bail!("no static target is installed; run `rustup target add {}`", TARGETS[0].0);
    };
    Ok(installed)
}
