//! `chela skills`: what the assistant can read when it needs it, and where that comes from.

mod install;
mod local;
mod show;

use std::path::PathBuf;
use std::process::ExitCode;

use chela_protocol::methods::skills::{
    SkillNamedParams, SkillRow, SkillsScanResult, SkillsSearchParams, SkillsSearchResult, SkillsStatusParams,
    SkillsStatusResult,
};
use clap::{Args, Subcommand};

use super::Outcome;
use crate::context::Context;
use crate::failure::Failure;
use crate::link::decode;

#[derive(Debug, Args)]
pub(crate) struct SkillsArgs {
    #[command(subcommand)]
    command: SkillsCommand,
}

#[derive(Debug, Subcommand)]
enum SkillsCommand {
    /// List skills and whether they can be used
    List {
        /// The agent whose skills are meant
        #[arg(long)]
        agent: Option<String>,
        /// Only skills that can be used now
        #[arg(long)]
        eligible: bool,
    },
    /// Show one skill and what it needs
    Info { name: String },
    /// Say which skills can't be used and why; fails if one is flagged or was changed
    Check {
        /// The agent whose skills are meant
        #[arg(long)]
        agent: Option<String>,
    },
    /// Search the registry
    Search {
        #[arg(required = true)]
        words: Vec<String>,
    },
    /// Install a skill: a name in the registry, a folder, an archive, or the https address of one
    Install(InstallArgs),
    /// Bring installed skills to the registry's newest version
    Update(UpdateArgs),
    /// Take an installed skill away
    #[command(visible_alias = "uninstall")]
    Remove { name: String },
    /// Look through a skill for what could do harm: a folder, an archive, or a skill that is there
    Scan { what: String },
    /// Use a skill of your own although it is flagged, as long as its files stay what they are
    Accept {
        name: String,
        /// The hash that `scan` shows
        #[arg(long)]
        hash: String,
    },
}

/// What is to be installed, and what was agreed to.
#[derive(Debug, Args)]
struct InstallArgs {
    /// A name in the registry, a folder, a zip or tar archive, or the https address of one
    what: String,
    /// The registry's version instead of the newest
    #[arg(long)]
    version: Option<String>,
    /// The skill's name here; that of its SKILL.md unless given. For folders and archives
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    consent: ConsentArgs,
}

#[derive(Debug, Args)]
struct UpdateArgs {
    /// One installed skill
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    name: Option<String>,
    /// Every skill that came from the registry
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    consent: ConsentArgs,
}

#[derive(Debug, Args)]
struct ConsentArgs {
    /// Install exactly these files, and no others
    #[arg(long, value_name = "sha256:HEX")]
    hash: Option<String>,
    /// Install what is shown without asking for its hash first
    #[arg(long)]
    yes: bool,
    /// Install although the scan blocks it; needs --hash. An update also replaces files that were changed here
    #[arg(long)]
    force: bool,
    /// Only show what would be done
    #[arg(long)]
    dry_run: bool,
}

pub(crate) fn run(args: SkillsArgs, context: &Context) -> Outcome {
    match args.command {
        SkillsCommand::List { agent, eligible } => list(agent, eligible, context),
        SkillsCommand::Info { name } => info(&name, context),
        SkillsCommand::Check { agent } => check(agent, context),
        SkillsCommand::Search { words } => search(&words, context),
        SkillsCommand::Install(args) => install::install(args, context),
        SkillsCommand::Update(args) => install::update(args, context),
        SkillsCommand::Remove { name } => remove(name, context),
        SkillsCommand::Scan { what } => scan(what, context),
        SkillsCommand::Accept { name, hash } => accept(name, hash, context),
    }
}

fn status(agent_id: Option<String>, context: &Context) -> Result<(serde_json::Value, SkillsStatusResult), Failure> {
    let value = context.ask("skills.status", SkillsStatusParams { agent_id, session_key: None })?;
    let result = decode("skills.status", value.clone())?;
    Ok((value, result))
}

fn list(agent: Option<String>, eligible: bool, context: &Context) -> Outcome {
    let (value, result) = status(agent, context)?;
    if context.output.json {
        context.output.document(&value);
    } else {
        show::list(result.skills.iter().filter(|skill| skill.eligible || !eligible), context);
    }
    Ok(ExitCode::SUCCESS)
}

fn info(name: &str, context: &Context) -> Outcome {
    let (_, result) = status(None, context)?;
    let found = result.skills.iter().find(|skill| skill.name == name || skill.skill_key == name);
    let skill = found.ok_or_else(|| unknown(name))?;
    if context.output.json {
        context.output.document(skill);
    } else {
        show::info(skill, context);
    }
    Ok(ExitCode::SUCCESS)
}

/// Missing programs are a matter of taste; files that are not what they should be are a failure.
fn check(agent: Option<String>, context: &Context) -> Outcome {
    let (_, result) = status(agent, context)?;
    let unusable: Vec<&SkillRow> = result.skills.iter().filter(|skill| !skill.eligible).collect();
    let is_bad = unusable.iter().any(|skill| skill.integrity.problem.is_some());
    if context.output.json {
        context.output.document(&unusable);
    } else {
        show::check(&result.skills, &unusable, context);
    }
    Ok(if is_bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn search(words: &[String], context: &Context) -> Outcome {
    let value = context.ask("skills.search", SkillsSearchParams { query: Some(words.join(" ")), limit: None })?;
    if context.output.json {
        context.output.document(&value);
        return Ok(ExitCode::SUCCESS);
    }
    let result: SkillsSearchResult = decode("skills.search", value)?;
    let rows = result
        .results
        .into_iter()
        .map(|row| vec![row.slug, row.version.unwrap_or_default(), row.summary.unwrap_or_default()]);
    context.output.table(&["skill", "version", "description"], rows);
    Ok(ExitCode::SUCCESS)
}

fn remove(name: String, context: &Context) -> Outcome {
    let said = format!("{name} is removed");
    let params = SkillNamedParams { skill_key: name, ..SkillNamedParams::default() };
    context.done(&context.ask("skills.remove", params)?, &said);
    Ok(ExitCode::SUCCESS)
}

fn accept(name: String, hash: String, context: &Context) -> Outcome {
    let said = format!("{name} is used as long as its files are {hash}");
    let params = SkillNamedParams { skill_key: name, hash: Some(hash), ..SkillNamedParams::default() };
    context.done(&context.ask("skills.accept", params)?, &said);
    Ok(ExitCode::SUCCESS)
}

/// Fails where something critical is found, so that scripts can ask.
fn scan(what: String, context: &Context) -> Outcome {
    let path = PathBuf::from(&what);
    let result = if path.exists() {
        local::scan(&path)?
    } else {
        let params = SkillNamedParams { skill_key: what, ..SkillNamedParams::default() };
        decode::<SkillsScanResult>("skills.scan", context.ask("skills.scan", params)?)?
    };
    let is_bad = result.findings.iter().any(|finding| finding.severity == "critical");
    if context.output.json {
        context.output.document(&result);
    } else {
        show::findings(&result.findings, context);
        context.output.line(format!("{}  {}", result.skill_key, result.hash));
    }
    Ok(if is_bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn unknown(name: &str) -> Failure {
    Failure::new("not_found", format!("no skill is called {name}")).hint("chela skills list")
}
