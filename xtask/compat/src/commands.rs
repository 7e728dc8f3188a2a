//! What the stock command lines do, a row each, and what has to be in their answer.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Result;
use tokio::process::Command;
use tokio::time::timeout;

use crate::clients::{Generation, Program};
use crate::house::{ADA, House, TOKEN};
use crate::report::Report;

/// The stock programs take seconds to start on a busy machine, and wait ten for a gateway.
const COMMAND_TIMEOUT: Duration = Duration::from_mins(2);

/// What of a failed command's words is shown.
const SHOWN_LINES: usize = 8;

/// Who knows a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    Everywhere,
    Since(Generation),
}

/// A command and what its output has to hold, line by line. `{url}`, `{token}` and `{ada}` are filled in.
struct Row {
    tier: u8,
    known: Known,
    words: &'static str,
    shows: &'static str,
}

const fn row(tier: u8, words: &'static str, shows: &'static str) -> Row {
    Row { tier, known: Known::Everywhere, words, shows }
}

const fn new(tier: u8, words: &'static str, shows: &'static str) -> Row {
    Row { tier, known: Known::Since(Generation::September), words, shows }
}

/// In this order: later rows look at what earlier ones made.
const ROWS: &[Row] = &[
    row(1, "gateway call health --url {url} --token {token}", "\"ok\": true"),
    row(1, "gateway call status", "\"heartbeat\""),
    row(1, "gateway call system-presence", "\"mode\": \"gateway\""),
    row(1, "gateway call config.get", "\"hash\""),
    row(1, "health", "Agents: main (default)"),
    row(1, "gateway probe", "Connect: ok"),
    row(1, "status", "reachable"),
    row(1, "gateway status --url {url} --token {token}", "probe: ok"),
    row(2, "agent --agent main --message hello-to-main", "You said: hello-to-main"),
    row(2, "agent --agent main --message again --json", "\"status\": \"ok\""),
    row(2, "agent --session-id 1234 --message hello-by-id", "You said: hello-by-id"),
    row(2, "agent --session-id 1234 --message again-by-id", "You said: again-by-id"),
    row(4, "channels status", "Gateway reachable"),
    row(4, "logs --limit 5", "gateway"),
    row(4, "devices list", "evice"),
    row(4, "approvals get --gateway", "Allowlist"),
    row(4, "system presence", "\"mode\": \"gateway\""),
    row(4, "nodes status", "Known: 0 · Paired: 0 · Connected: 0"),
    row(4, "nodes list", "Pending: 0 · Paired: 0"),
    row(4, "cron status", "\"enabled\": true"),
    row(
        4,
        "cron add --name morning --cron 0_7_*_*_* --session isolated --message good-morning",
        "\"name\": \"morning\"",
    ),
    row(4, "cron list", "morning"),
    // January's programs know channels and targets by their own configuration only.
    new(4, "channels status", "elegram"),
    new(4, "message send --channel telegram --target {ada} --message hello-ada", "elegram"),
    new(4, "message send --channel telegram --target {ada} --message hello-ada --json", "\"ok\": true"),
    new(4, "models list", "fake/m1\n200k"),
    new(
        4,
        "models list --json",
        "\"count\": 1\n\"key\": \"fake/m1\"\n\"name\": \"M One\"\n\"contextWindow\": 200000\n\"available\": true",
    ),
    new(4, "gateway usage-cost", "Usage cost (30 days)\nTotal: $"),
    new(4, "gateway stability", "Gateway Stability\nEvents: \nMemory: rss="),
    new(4, "hooks list", "No hooks found."),
    new(4, "hooks list --json", "\"hooks\": []\n\"workspaceDir\""),
];

/// Runs every row of the wanted tiers.
pub(crate) async fn run(
    program: &Program,
    house: &House,
    wanted: &impl Fn(u8) -> bool,
    report: &mut Report,
) -> Result<()> {
    let home = house.home();
    program.settle(&home, &house.websocket(), TOKEN)?;
    let generation = program.client.generation;
    for row in ROWS {
        if !wanted(row.tier) || matches!(row.known, Known::Since(since) if since != generation) {
            continue;
        }
        let words = words_of(row, house);
        let fault = fault(program, &home, &words, row.shows).await;
        report.add(program.client.title(), &words.join(" "), fault.as_deref());
    }
    Ok(())
}

/// An underscore stands for a space within a word.
fn words_of(row: &Row, house: &House) -> Vec<String> {
    let filled = |word: &str| {
        let word = word.replace("{url}", &house.websocket()).replace("{token}", TOKEN);
        word.replace("{ada}", &ADA.to_string()).replace('_', " ")
    };
    row.words.split(' ').map(filled).collect()
}

/// What is wrong with a command's end or output; nothing when it worked.
async fn fault(program: &Program, home: &Path, words: &[String], shows: &str) -> Option<String> {
    let mut command = Command::new(&program.node);
    command.arg(&program.entry).args(words).env_clear().envs(Program::environment(home)).env("NO_COLOR", "1");
    command.current_dir(home).stdin(Stdio::null()).kill_on_drop(true);
    let output = match timeout(COMMAND_TIMEOUT, command.output()).await {
        Err(_) => return Some("it does not end".to_owned()),
        Ok(Err(error)) => return Some(format!("it does not start: {error}")),
        Ok(Ok(output)) => output,
    };
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if !output.status.success() {
        return Some(format!("{}\n{}", output.status, end_of(&said)));
    }
    let missing = shows.lines().find(|line| !said.contains(line))?;
    Some(format!("its output holds no `{missing}`\n{}", end_of(&said)))
}

fn end_of(said: &str) -> String {
    let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n")
}
