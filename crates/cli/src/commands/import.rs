//! `chela import`: moves the state dir of OpenClaw, Clawdbot or KrabKrab in. Works only while no gateway runs on the state dir here.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::process::ExitCode;

use chela_config::{CONFIG_NAMES, KeyFate};
use chela_gateway::config::{Config, schema};
use chela_import::{FileFate, ImportMode, ImportReport, ImportRequest, Source, find_sources};
use clap::Args;

use super::Outcome;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{BAD, BOLD, DIM, GOOD, now_ms, printable};

/// Rows of each kind that are shown to people; `--json` has them all.
const SHOWN_MAX: usize = 60;

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// The state dir to move in; without it the one that is found
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
}

pub(crate) fn run(args: ImportArgs, context: &Context) -> Outcome {
    let source = match &args.from {
        Some(dir) => Source::at(dir).map_err(Failure::import)?,
        None => found(context)?,
    };
    let mode = if args.dry_run { ImportMode::DryRun } else { ImportMode::Write };
    let report = import(context, source, mode)?;
    if context.output.json {
        context.output.document(&report);
    } else {
        show(&report, context);
    }
    Ok(ExitCode::SUCCESS)
}

/// Says that there is something to move in, where the gateway is about to start with nothing of its own. On a terminal it asks, and does
/// it if that is wanted.
pub(crate) fn offer(context: &Context) -> Result<(), Failure> {
    let places = &context.places;
    let has_data = places.state_dir.join(chela_store::DATABASE_FILE).exists();
    // A configuration under a foreign name is read where it is; what stands beside it is not.
    let has_own = has_data || (places.config_exists && places.config_path.ends_with(CONFIG_NAMES[0]));
    if has_own || places.profile.is_some() || context.output.json {
        return Ok(());
    }
    let mut found = find_sources(&places.state_dir, &places.home).into_iter();
    let Some(source) = found.find(|source| source.has_data() || !places.config_exists) else { return Ok(()) };
    let output = context.output;
    let agents = source.agents.len();
    output.note(format!(
        "{} belongs to OpenClaw, Clawdbot or KrabKrab ({}{} {}).",
        source.dir.display(),
        if source.config.is_some() { "a configuration, " } else { "" },
        agents,
        if agents == 1 { "agent" } else { "agents" },
    ));
    let command = command_for(&source);
    let asks = io::stdin().is_terminal() && io::stderr().is_terminal();
    if !asks {
        output.note(format!(
            "To move it in: stop this gateway, then {command} (--dry-run only shows what would be done)."
        ));
        return Ok(());
    }
    if !crate::keyboard::yes("Move it in now? Nothing there is changed. [y/N]")? {
        output.note(format!("Later: {command}"));
        return Ok(());
    }
    let report = import(context, source, ImportMode::Write)?;
    show(&report, context);
    Ok(())
}

fn found(context: &Context) -> Result<Source, Failure> {
    let places = &context.places;
    let mut found = find_sources(&places.state_dir, &places.home).into_iter();
    let first = found.next().ok_or_else(|| {
        Failure::new("not_found", format!("there is nothing to import below {}", places.home.display()))
            .hint("name the state dir: chela import --from DIR")
    })?;
    for other in found {
        context.output.note(format!("also there, and not touched: {} ({})", other.dir.display(), command_for(&other)));
    }
    Ok(first)
}

fn command_for(source: &Source) -> String {
    format!("chela import --from {}", source.dir.display())
}

fn import(context: &Context, source: Source, mode: ImportMode) -> Result<ImportReport, Failure> {
    let scratch = Scratch::of(mode, context);
    let findings = |loaded: &chela_config::Loaded| Config::read(loaded).1;
    let request = ImportRequest {
        source,
        to: context.places.clone(),
        environment: context.environment.clone(),
        scratch: scratch.0.clone(),
        mode,
        schema: schema(),
        findings: &findings,
        now_ms: now_ms(),
    };
    context.block_on(async { chela_import::import(request).await.map_err(Failure::import) })
}

/// A folder for copies of databases, which goes when this is dropped. It is made when the first copy is.
struct Scratch(PathBuf);

impl Scratch {
    /// On the disk that the data goes to, which has room for it; a dry run leaves that one alone.
    fn of(mode: ImportMode, context: &Context) -> Self {
        Self(match mode {
            ImportMode::Write => context.places.state_dir.join("import-unfinished"),
            ImportMode::DryRun => std::env::temp_dir().join(format!("chela-import-{}", uuid::Uuid::new_v4())),
        })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // It may not be there, and nothing else can be done.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn show(report: &ImportReport, context: &Context) {
    let output = context.output;
    let head = if report.dry_run { "would move" } else { "moved" };
    output.line(format!("{}  {}", output.style(BOLD, "from"), report.from.display()));
    output.line(format!("{}    {}", output.style(BOLD, "to"), report.to.display()));
    let counts = report.counts;
    let told = [
        (counts.conversations, "conversations"),
        (counts.items, "entries of them"),
        (counts.credentials, "credentials"),
        (counts.automations, "automations"),
        (counts.devices, "devices"),
        (counts.people, "people"),
        (counts.files, "files"),
    ];
    let told: Vec<String> =
        told.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    let told = if told.is_empty() { "nothing that is new here".to_owned() } else { told.join(", ") };
    output.line(format!("{}  {told}", output.style(BOLD, head)));
    show_keys(report, context);
    show_files(report, context);
    show_conversations(report, context);
    show_faults(report, context);
    if report.dry_run {
        output.note("Nothing was written. Without --dry-run it is done.");
    } else if report.changed {
        output.note("Start the gateway: chela gateway. The dir that it came from is as it was.");
    }
}

fn show_keys(report: &ImportReport, context: &Context) {
    let output = context.output;
    let applied = report.keys.iter().filter(|key| key.fate == KeyFate::Applied).count();
    let mut rows = Vec::new();
    for key in &report.keys {
        match &key.fate {
            KeyFate::Applied => {
                if let Some(remark) = &key.remark {
                    rows.push(vec![key.path.clone(), "applied".to_owned(), remark.clone()]);
                }
            }
            KeyFate::Mapped { to } => rows.push(vec![key.path.clone(), "mapped".to_owned(), to.clone()]),
            KeyFate::Ignored { why } => rows.push(vec![key.path.clone(), "ignored".to_owned(), why.clone()]),
        }
    }
    if report.keys.is_empty() {
        return;
    }
    output.line("");
    output.line(format!("{} keys of the configuration, {applied} applied as they stand", report.keys.len()));
    table(rows, &["key", "fate", "what"], context);
}

/// One row for each file or folder; tables of a database that were left for the same reason are one row.
fn show_files(report: &ImportReport, context: &Context) {
    let mut rows = BTreeMap::<(FileFate, &str, &str), (Vec<&str>, usize, usize)>::new();
    for file in &report.files {
        let (place, table) = file.path.split_once('#').unwrap_or((&file.path, ""));
        let (tables, count, new) = rows.entry((file.fate, place, &file.detail)).or_default();
        tables.push(table);
        *count += file.count;
        *new += file.new;
    }
    let rows = rows.into_iter().map(|((fate, place, detail), (tables, count, new))| {
        let fate = match fate {
            FileFate::Applied => "applied",
            FileFate::Mapped => "mapped",
            FileFate::Ignored => "ignored",
        };
        let name = match tables.as_slice() {
            [""] => place.to_owned(),
            [table] => format!("{place}#{table}"),
            tables => format!("{place}, {} tables", tables.len()),
        };
        vec![name, fate.to_owned(), count.to_string(), new.to_string(), detail.to_owned()]
    });
    let rows = rows.collect();
    context.output.line("");
    table(rows, &["file", "fate", "holds", "new", "what"], context);
}

fn show_conversations(report: &ImportReport, context: &Context) {
    let mut by_outcome = BTreeMap::<&str, usize>::new();
    for conversation in &report.conversations {
        *by_outcome.entry(conversation.outcome).or_default() += 1;
    }
    if by_outcome.is_empty() {
        return;
    }
    let output = context.output;
    output.line("");
    output.line(format!("{} conversations", report.conversations.len()));
    for (outcome, count) in by_outcome {
        output.line(format!("  {count:>5}  {}", output.style(GOOD, outcome)));
    }
}

fn show_faults(report: &ImportReport, context: &Context) {
    if report.faults_total == 0 {
        return;
    }
    let output = context.output;
    output.line("");
    output.line(output.style(BAD, &format!("{} things can't be read, and were left out", report.faults_total)));
    for fault in report.faults.iter().take(SHOWN_MAX) {
        let line = fault.line.map(|line| format!(":{line}")).unwrap_or_default();
        output.line(format!("  {}", printable(&format!("{}{line}  {}", fault.path, fault.message))));
    }
    more(report.faults_total, context);
}

fn table(mut rows: Vec<Vec<String>>, heading: &[&str], context: &Context) {
    let all = rows.len();
    rows.truncate(SHOWN_MAX);
    if all > 0 {
        context.output.table(heading, rows);
    }
    more(all, context);
}

fn more(all: usize, context: &Context) {
    if all > SHOWN_MAX {
        let output = context.output;
        output.line(output.style(DIM, &format!("  and {} more: --json names them all", all - SHOWN_MAX)));
    }
}
