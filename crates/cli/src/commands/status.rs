//! `chela status`: what the gateway is doing, for people.

use std::process::ExitCode;

use chela_protocol::methods::health::RecentSession;
use chela_protocol::methods::status::{StatusLimits, StatusMachine, StatusResult};
use clap::Args;
use serde_json::json;

use super::Outcome;
use super::models::cooldown;
use crate::context::Context;
use crate::link::decode;
use crate::output::{self, BOLD, WARN};

/// Sessions that the overview names.
const RECENT: usize = 5;

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {}

pub(crate) fn run(_args: StatusArgs, context: &Context) -> Outcome {
    let output = context.output;
    let (url, value) = context.block_on(async {
        let link = context.connect().await?;
        Ok((link.url().to_owned(), link.call("status", json!({})).await?))
    })?;
    if output.json {
        output.document(&value);
        return Ok(ExitCode::SUCCESS);
    }
    let status: StatusResult = decode("status", value)?;
    let row = |name: &str, text: &str| output.line(format!("{}  {text}", output.style(BOLD, &format!("{name:8}"))));
    row("gateway", &format!("{url}, version {}", status.runtime_version));
    row("running", &format!("for {}, process {}", output::duration(status.uptime_ms), status.pid));
    row("model", status.sessions.defaults.model.as_deref().unwrap_or("none"));
    if let Some(machine) = &status.machine {
        row("machine", &on(machine));
    }
    row("config", &status.config_path);
    row("state", &status.state_dir);
    for (name, text) in limits(&status.limits) {
        row(name, &text);
    }
    row("sandbox", &output::printable(&status.sandbox));
    row("sessions", &status.sessions.count.to_string());
    for session in status.sessions.recent.iter().take(RECENT) {
        row("", &recent(session));
    }
    for line in &status.channel_summary {
        row("channel", &output::printable(line));
    }
    for budget in &status.budgets {
        row("budget", &output::printable(&budget.to_string()));
    }
    for resting in &status.cooldowns {
        row("cooldown", &cooldown(resting));
    }
    for problem in &status.problems {
        output.line(format!("{}   {}", output.style(WARN, "problem"), output::printable(problem)));
    }
    Ok(ExitCode::SUCCESS)
}

/// What is in use of what may be, as far as it is known.
fn limits(limits: &StatusLimits) -> Vec<(&'static str, String)> {
    let StatusLimits { memory, disk } = limits;
    let megabytes = |bytes: u64| bytes.div_ceil(1024 * 1024);
    let mut rows = Vec::new();
    if memory.high_water > 0 {
        let state = if memory.high { "; nothing new is begun" } else { "" };
        let (used, mark) = (megabytes(memory.used), megabytes(memory.high_water));
        rows.push(("memory", format!("{used} MB in use, mark {mark} MB{state}")));
    }
    if disk.quota > 0 {
        let state = match disk.level.as_str() {
            "near" => "; nearly full: only what is needed is written",
            "full" => "; full: no message is accepted",
            _ => "",
        };
        let (used, quota, free) = (megabytes(disk.used), megabytes(disk.quota), megabytes(disk.free));
        rows.push(("disk", format!("{used} MB of {quota} MB, {free} MB free on the volume{state}")));
    }
    rows
}

/// `my-chela on fly, machine e82 in iad`.
fn on(machine: &StatusMachine) -> String {
    let id = machine.id.as_ref().map(|id| format!(", machine {id}")).unwrap_or_default();
    let region = machine.region.as_ref().map(|region| format!(" in {region}")).unwrap_or_default();
    output::printable(&format!("{} on {}{id}{region}", machine.app, machine.platform))
}

fn recent(session: &RecentSession) -> String {
    format!("{}  {}", output::printable(&session.key), output::ago(session.updated_at, output::now_ms()))
}
