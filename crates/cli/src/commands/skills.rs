//! `chela skills`: what the assistant can read when it needs it.

use std::process::ExitCode;

use chela_protocol::methods::skills::{SkillNeeds, SkillRow, SkillsStatusParams, SkillsStatusResult};
use clap::{Args, Subcommand};

use super::Outcome;
use crate::context::Context;
use crate::failure::Failure;
use crate::link::decode;
use crate::output::BOLD;

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
}

pub(crate) fn run(args: SkillsArgs, context: &Context) -> Outcome {
    let agent_id = match &args.command {
        SkillsCommand::List { agent, .. } => agent.clone(),
        SkillsCommand::Info { .. } => None,
    };
    let value = context.ask("skills.status", SkillsStatusParams { agent_id, session_key: None })?;
    let result: SkillsStatusResult = decode("skills.status", value.clone())?;
    match args.command {
        SkillsCommand::List { .. } if context.output.json => context.output.document(&value),
        SkillsCommand::List { eligible, .. } => list(&result.skills, eligible, context),
        SkillsCommand::Info { name } => return info(&name, &result.skills, context),
    }
    Ok(ExitCode::SUCCESS)
}

fn list(skills: &[SkillRow], eligible: bool, context: &Context) {
    let shown = skills.iter().filter(|skill| skill.eligible || !eligible);
    context.output.table(
        &["skill", "ready", "from", "description"],
        shown.map(|skill| {
            vec![skill.name.clone(), state(skill).to_owned(), skill.source.clone(), skill.description.clone()]
        }),
    );
}

fn info(name: &str, skills: &[SkillRow], context: &Context) -> Outcome {
    let output = context.output;
    let Some(skill) = skills.iter().find(|skill| skill.name == name || skill.skill_key == name) else {
        return Err(Failure::new("not_found", format!("no skill is called {name}")).hint("chela skills list"));
    };
    if output.json {
        output.document(skill);
        return Ok(ExitCode::SUCCESS);
    }
    output.line(format!("{}  ready: {}", output.style(BOLD, &skill.name), state(skill)));
    output.line(&skill.description);
    output.line(format!("from {}: {}", skill.source, skill.file_path));
    let missing = needs(&skill.missing);
    if !missing.is_empty() {
        output.line(format!("missing: {}", missing.join(", ")));
    }
    Ok(ExitCode::SUCCESS)
}

fn state(skill: &SkillRow) -> &'static str {
    match (skill.disabled, skill.eligible) {
        (true, _) => "off",
        (false, true) => "yes",
        (false, false) => "no",
    }
}

fn needs(needs: &SkillNeeds) -> Vec<String> {
    let any = (!needs.any_bins.is_empty()).then(|| format!("one of the programs {}", needs.any_bins.join(" or ")));
    let programs = needs.bins.iter().map(|name| format!("program {name}"));
    let variables = needs.env.iter().map(|name| format!("variable {name}"));
    let keys = needs.config.iter().map(|name| format!("configuration {name}"));
    let systems = needs.os.iter().map(|name| format!("system {name}"));
    programs.chain(any).chain(variables).chain(keys).chain(systems).collect()
}
