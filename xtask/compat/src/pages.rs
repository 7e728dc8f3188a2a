//! The stock Control UI in a browser, driven by `pages.mjs`: which views of it show errors.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::timeout;

use crate::clients::Program;
use crate::house::{ECHO, House, TOKEN};
use crate::report::Report;

/// A view takes some seconds.
const WALK_TIMEOUT: Duration = Duration::from_mins(10);

const SAYS: &str = "hello-from-the-page";

/// Views of tier 6, by their addresses.
const VIEWS: &[&str] = &[
    "/sessions",
    "/agents",
    "/channels",
    "/automations",
    "/skills",
    "/plugins",
    "/systems",
    "/devices",
    "/nodes",
    "/usage",
    "/logs",
    "/debug",
    "/config",
    "/settings/general",
    "/settings/about",
    "/settings/ai-agents",
    "/settings/automation",
    "/settings/channels",
    "/settings/communications",
    "/settings/infrastructure",
    "/settings/security",
];

/// Calls for what we don't have; the page gets on without them (facts from a gateway that refused them, §8).
const TOLERATED: &[&str] =
    &["progressCard.get", "sessions.companion.state", "sessions.observer.visibility", "talk.catalog"];

/// What is needed to show a page.
pub(crate) struct Browser {
    playwright: PathBuf,
    program: PathBuf,
    /// Where a picture of each view goes.
    shots: Option<PathBuf>,
}

impl Browser {
    /// Fails with what is missing. Without a folder, the package is looked for among the clients.
    pub(crate) fn find(
        playwright: Option<&Path>,
        clients: &Path,
        browser: &Path,
        shots: Option<&Path>,
    ) -> Result<Self> {
        let playwright = playwright.map_or_else(|| clients.join("node_modules/playwright-core"), Path::to_owned);
        if !playwright.join("index.mjs").exists() {
            bail!("playwright-core is not in {}; name its folder with --playwright", playwright.display());
        }
        if !browser.exists() {
            bail!("there is no browser at {}; name one with --browser", browser.display());
        }
        if let Some(folder) = shots {
            std::fs::create_dir_all(folder)?;
        }
        Ok(Self { playwright, program: browser.to_owned(), shots: shots.map(Path::to_owned) })
    }
}

/// Walks the views of the wanted tiers.
pub(crate) async fn run(
    browser: &Browser,
    program: &Program,
    house: &House,
    wanted: &impl Fn(u8) -> bool,
    report: &mut Report,
) -> Result<()> {
    let asked = json!({
        "playwright": browser.playwright, "browser": browser.program, "assets": program.control_ui(),
        "url": house.origin(), "token": TOKEN, "message": SAYS, "answer": format!("{ECHO}{SAYS}"),
        "pages": if wanted(6) { VIEWS } else { &[] }, "shots": browser.shots,
    });
    let driver = Path::new(env!("CARGO_MANIFEST_DIR")).join("pages.mjs");
    let mut command = Command::new(&program.node);
    command.arg(driver).arg(asked.to_string()).stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(WALK_TIMEOUT, command.output()).await.context("the walk of the page does not end")??;
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let view: Value = serde_json::from_str(line).context("the driver prints JSON")?;
        let page = view["page"].as_str().unwrap_or_default();
        let tier = if page.ends_with("/chat") { 5 } else { 6 };
        if wanted(tier) {
            let fault = fault(&view);
            report.add("Control UI", page, (!fault.is_empty()).then_some(&fault));
        }
    }
    if !output.status.success() {
        report.add("Control UI", "the walk", Some(&String::from_utf8_lossy(&output.stderr)));
    }
    report.faults("Control UI", &house.faults());
    Ok(())
}

fn fault(view: &Value) -> String {
    let list = |name: &str| view[name].as_array().cloned().unwrap_or_default();
    let mut faults: Vec<String> = list("refused")
        .iter()
        .filter(|refused| !TOLERATED.iter().any(|method| refused["method"] == *method))
        .map(|refused| {
            format!("{}: {}", refused["method"].as_str().unwrap_or("?"), refused["message"].as_str().unwrap_or("?"))
        })
        .collect();
    faults.extend(list("thrown").iter().filter_map(Value::as_str).map(|error| format!("the page throws: {error}")));
    if view["page"] == "/chat" && view["answered"] == 0 {
        faults.push("the gateway answered nothing: the page does not get in".to_owned());
    }
    faults.dedup();
    faults.join("\n")
}
