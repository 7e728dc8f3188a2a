//! Generated files: docs/reference is written by the binary itself, from its tables and doc comments; the types of the page
//! in `ui/` are written from the source of the protocol.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::{shell, typescript};

const REFERENCE: &str = "docs/reference";
const TYPES: &str = "ui/src/protocol";

pub(crate) fn run(check: bool) -> Result<()> {
    types(check)?;
    let reference = shell::root().join(REFERENCE);
    let fresh = shell::root().join("target").join("codegen");
    if fresh.exists() {
        fs::remove_dir_all(&fresh)?;
    }
    fs::create_dir_all(&fresh)?;
    let out = fresh.display().to_string();
    shell::run(&mut shell::cargo(&[
        "run",
        "--quiet",
        "--locked",
        "--package",
        "chela-cli",
        "--",
        "__reference",
        "--out",
        &out,
    ]))?;
    let drift = drift(&fresh, &reference)?;
    if check && !drift.is_empty() {
        bail!("{REFERENCE} is out of date; run `cargo xtask codegen`:\n  {}", drift.join("\n  "));
    }
    if !check {
        fs::create_dir_all(&reference)?;
        for file in files(&fresh)? {
            let name = file.file_name().context("a generated file has a name")?;
            fs::copy(&file, reference.join(name))?;
        }
    }
    Ok(())
}

fn types(check: bool) -> Result<()> {
    let folder = shell::root().join(TYPES);
    fs::create_dir_all(&folder)?;
    for file in typescript::generate(&shell::root())? {
        let path = folder.join(file.name);
        if fs::read_to_string(&path).unwrap_or_default() == file.text {
            continue;
        }
        if check {
            bail!("{TYPES}/{} is out of date; run `cargo xtask codegen`", file.name);
        }
        fs::write(&path, file.text)?;
    }
    Ok(())
}

/// Names of files that differ, are missing, or are not generated any more.
fn drift(fresh: &Path, reference: &Path) -> Result<Vec<String>> {
    let mut drift = Vec::new();
    for file in files(fresh)? {
        let name = file.file_name().context("a generated file has a name")?;
        if fs::read(&file)? != fs::read(reference.join(name)).unwrap_or_default() {
            drift.push(name.to_string_lossy().into_owned());
        }
    }
    for file in files(reference)? {
        let name = file.file_name().context("a reference file has a name")?;
        if !fresh.join(name).exists() {
            drift.push(format!("{} (nothing generates it)", name.to_string_lossy()));
        }
    }
    Ok(drift)
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut files: Vec<PathBuf> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.sort();
    Ok(files)
}
