//! The page in `ui/`: the tests of its logic, the tests in a real browser against the real gateway, and pictures of its pages.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::shell;

/// Names of Chromium, as systems have them on the path.
const BROWSERS: &[&str] = &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// What `ui-test` and `ui-shots` may be told.
pub(crate) struct Asked {
    /// This browser instead of one on the path.
    pub(crate) browser: Option<PathBuf>,
    /// For the test runner, for example a file's name.
    pub(crate) rest: Vec<String>,
}

/// The tests of its logic, which need no browser; `cargo xtask ui-test` runs those that do.
pub(crate) fn check() -> Result<()> {
    if !has_npm() {
        eprintln!("npm is not installed; the page's own tests are left out");
        return Ok(());
    }
    install()?;
    npm(&mut Command::new("npm"), &["test"])
}

/// `cargo xtask ui-test`.
pub(crate) fn test(asked: &Asked) -> Result<()> {
    install()?;
    in_browser(&browser(asked)?, &asked.rest, None)
}

/// `cargo xtask ui-shots`: a picture of each page, light and dark, small and large.
pub(crate) fn shots(asked: &Asked) -> Result<()> {
    install()?;
    let folder = shell::target_dir().join("ui-shots");
    in_browser(&browser(asked)?, &asked.rest, Some(&folder))?;
    println!("{}", folder.display());
    Ok(())
}

fn in_browser(browser: &Path, rest: &[String], shots: Option<&Path>) -> Result<()> {
    shell::run(shell::cargo(&["build", "--locked", "--package", "chela-cli"]).env("CHELA_NEED_UI", "1"))?;
    let binary = shell::target_dir().join("debug").join("chela");
    let mut command = Command::new("npm");
    command.env("CHELA_BINARY", std::path::absolute(binary)?).env("CHELA_BROWSER", browser);
    if let Some(folder) = shots {
        command.env("CHELA_SHOTS", std::path::absolute(folder)?);
    }
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    npm(&mut command, &[&["run", "e2e", "--"], rest.as_slice()].concat())
}

fn browser(asked: &Asked) -> Result<PathBuf> {
    asked.browser.clone().or_else(on_path).context("no Chromium is on the path; name one with --browser <file>")
}

fn on_path() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    BROWSERS.iter().find_map(|name| folders.iter().map(|folder| folder.join(name)).find(|file| file.is_file()))
}

/// What the lock file asks for, unless that is what is there.
fn install() -> Result<()> {
    if !has_npm() {
        bail!("npm is not installed; the page is built and tested with it");
    }
    let written =
        |file: &str| std::fs::metadata(shell::root().join("ui").join(file)).and_then(|facts| facts.modified());
    let is_there = match (written("node_modules/.package-lock.json"), written("package-lock.json")) {
        (Ok(installed), Ok(asked)) => installed >= asked,
        _ => false,
    };
    if is_there { Ok(()) } else { npm(&mut Command::new("npm"), &["ci", "--no-audit", "--no-fund"]) }
}

fn npm(command: &mut Command, arguments: &[&str]) -> Result<()> {
    shell::run(command.args(arguments).current_dir(shell::root().join("ui")))
}

fn has_npm() -> bool {
    let asked = Command::new("npm").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    asked.is_ok_and(|status| status.success())
}
