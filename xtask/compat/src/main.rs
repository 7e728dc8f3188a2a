//! Runs the stock programs of OpenClaw and Clawdbot against our gateway, and says of each thing that they do whether it worked.
//! Run by `cargo xtask compat`.
//!
//! The programs are fetched from the registry by pinned versions and run as they are; nothing of them stands in this
//! repository. Models and channels are testkit's fakes, so that nothing else leaves this machine.

mod clients;
mod commands;
mod house;
mod pages;
mod report;
mod terminal;

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;

use crate::clients::{CLAWDBOT, CURRENT, Clients, JANUARY};
use crate::house::House;
use crate::report::Report;

#[derive(Parser)]
struct Arguments {
    /// The binary to test.
    #[arg(long)]
    binary: PathBuf,
    /// Where the stock programs are installed, or are to be.
    #[arg(long, value_name = "FOLDER")]
    clients: PathBuf,
    /// Only this tier: 1 health, 2 agent, 3 terminal, 4 other commands, 5 the page's chat, 6 its other views.
    #[arg(long, value_name = "TIER")]
    only: Option<u8>,
    /// The package playwright-core, for the tiers of the page.
    #[arg(long, value_name = "FOLDER")]
    playwright: Option<PathBuf>,
    /// The browser for the tiers of the page.
    #[arg(long, value_name = "FILE", default_value = "/usr/bin/chromium")]
    browser: PathBuf,
    /// Puts a picture of each view of the page here.
    #[arg(long, value_name = "FOLDER")]
    shots: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let clients = Clients::in_folder(&arguments.clients)?;
    let wanted = |tier: u8| arguments.only.is_none_or(|only| only == tier);
    let mut report = Report::default();
    for client in [&CURRENT, &JANUARY, &CLAWDBOT] {
        if !(1..=4).any(wanted) {
            break;
        }
        let Some(program) = report.or_missing(client.title(), clients.program(client).await) else { continue };
        // Each client meets a gateway that has seen nobody.
        let house = House::start(&arguments.binary).await?;
        commands::run(&program, &house, &wanted, &mut report).await?;
        if wanted(3) {
            terminal::run(&program, &house, &mut report).await?;
        }
        report.faults(client.title(), &house.faults());
    }
    if wanted(5) || wanted(6) {
        let playwright = arguments.playwright.as_deref();
        let shots = arguments.shots.as_deref();
        match pages::Browser::find(playwright, &arguments.clients, &arguments.browser, shots) {
            Ok(browser) => {
                if let Some(program) = report.or_missing(CURRENT.title(), clients.program(&CURRENT).await) {
                    let house = House::start(&arguments.binary).await?;
                    pages::run(&browser, &program, &house, &wanted, &mut report).await?;
                }
            }
            Err(error) => Report::skipped("Control UI", &format!("{error:#}")),
        }
    }
    report.end()
}
