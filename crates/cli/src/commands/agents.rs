//! `chela agents`: the assistants of this gateway, and the files that tell each what to do.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::{fs, io};

use chela_protocol::methods::agents::{
    AgentCreateParams, AgentCreateResult, AgentDeleteParams, AgentDeleteResult, AgentFileParams, AgentFileResult,
    AgentFileSetParams, AgentFilesParams, AgentFilesResult, AgentRow, AgentUpdateParams, AgentsListResult,
};
use clap::{Args, Subcommand};
use serde_json::json;

use super::Outcome;
use crate::context::Context;
use crate::failure::Failure;
use crate::link::decode;
use crate::output;

/// Longest file that is read to be stored; the gateway takes no longer one.
const FILE_MAX: u64 = 2 * 1024 * 1024;

#[derive(Debug, Args)]
pub(crate) struct AgentsArgs {
    #[command(subcommand)]
    command: AgentsCommand,
}

#[derive(Debug, Subcommand)]
enum AgentsCommand {
    /// List the agents
    List,
    /// Make an agent; its id is made of the name
    Add {
        name: String,
        /// Its folder; one of its own in the state dir unless given
        #[arg(long)]
        workspace: Option<String>,
        /// Its model, as vendor/model
        #[arg(long)]
        model: Option<String>,
        #[arg(long)]
        emoji: Option<String>,
    },
    /// Change an agent; what is not named stays
    Set {
        agent: String,
        #[arg(long)]
        name: Option<String>,
        #[arg(long)]
        workspace: Option<String>,
        /// Its model, as vendor/model; an empty one means that of all agents
        #[arg(long)]
        model: Option<String>,
        #[arg(long)]
        emoji: Option<String>,
    },
    /// Remove an agent with its bindings; its folder goes to the state dir's trash
    #[command(visible_alias = "remove")]
    Delete {
        agent: String,
        /// Leave its folder where it is
        #[arg(long)]
        keep_files: bool,
    },
    /// The files that tell an agent what to do
    Files(FilesArgs),
}

#[derive(Debug, Args)]
struct FilesArgs {
    #[command(subcommand)]
    command: FilesCommand,
}

#[derive(Debug, Subcommand)]
enum FilesCommand {
    /// List an agent's files
    List { agent: String },
    /// Print one, for example AGENTS.md
    Get { agent: String, name: String },
    /// Replace one by a file's text; - reads it from stdin
    Set {
        agent: String,
        name: String,
        file: PathBuf,
        /// Refuse when the file there is another one by now; `files list --json` shows the hash
        #[arg(long)]
        expected_hash: Option<String>,
    },
}

pub(crate) fn run(args: AgentsArgs, context: &Context) -> Outcome {
    match args.command {
        AgentsCommand::List => list(context),
        AgentsCommand::Add { name, workspace, model, emoji } => {
            add(AgentCreateParams { name, workspace, model, emoji, avatar: None }, context)
        }
        AgentsCommand::Set { agent, name, workspace, model, emoji } => {
            let model = model.map(|model| Some(model).filter(|model| !model.trim().is_empty()));
            set(AgentUpdateParams { agent_id: agent, name, workspace, model, emoji, avatar: None }, context)
        }
        AgentsCommand::Delete { agent, keep_files } => delete(agent, keep_files, context),
        AgentsCommand::Files(args) => match args.command {
            FilesCommand::List { agent } => list_files(agent, context),
            FilesCommand::Get { agent, name } => get_file(agent, name, context),
            FilesCommand::Set { agent, name, file, expected_hash } => {
                let text = read(&file)?;
                let params = AgentFileSetParams { agent_id: agent, name, content: text, expected_hash };
                let said = format!("{} of {} is stored", params.name, params.agent_id);
                context.done(&context.ask("agents.files.set", params)?, &said);
                Ok(ExitCode::SUCCESS)
            }
        },
    }
}

fn list(context: &Context) -> Outcome {
    let output = context.output;
    let value = context.ask("agents.list", json!({}))?;
    if output.json {
        output.document(&value);
        return Ok(ExitCode::SUCCESS);
    }
    let result: AgentsListResult = decode("agents.list", value)?;
    let row = |agent: &AgentRow| {
        let is_default = if agent.id == result.default_id { "yes" } else { "" };
        let model = agent.model.as_ref().and_then(|model| model.primary.clone()).unwrap_or_default();
        let name = agent.name.clone().unwrap_or_default();
        vec![agent.id.clone(), name, is_default.to_owned(), model, agent.workspace.clone().unwrap_or_default()]
    };
    output.table(&["id", "name", "default", "model", "folder"], result.agents.iter().map(row));
    Ok(ExitCode::SUCCESS)
}

fn add(params: AgentCreateParams, context: &Context) -> Outcome {
    let value = context.ask("agents.create", params)?;
    let result: AgentCreateResult = decode("agents.create", value.clone())?;
    context.done(&value, &format!("agent {} works in {}", result.agent_id, result.workspace));
    Ok(ExitCode::SUCCESS)
}

fn set(params: AgentUpdateParams, context: &Context) -> Outcome {
    let unchanged = AgentUpdateParams { agent_id: params.agent_id.clone(), ..AgentUpdateParams::default() };
    if params == unchanged {
        return Err(Failure::usage("nothing to change was named"));
    }
    let said = format!("agent {} is changed", params.agent_id);
    context.done(&context.ask("agents.update", params)?, &said);
    Ok(ExitCode::SUCCESS)
}

fn delete(agent: String, keep_files: bool, context: &Context) -> Outcome {
    let said = format!("agent {agent} is removed");
    let value = context.ask("agents.delete", AgentDeleteParams { agent_id: agent, delete_files: Some(!keep_files) })?;
    let result: AgentDeleteResult = decode("agents.delete", value.clone())?;
    context.done(&value, &said);
    for kept in &result.failed {
        context.output.note(format!("its folder {} stays: {}", kept.path, kept.reason));
    }
    Ok(ExitCode::SUCCESS)
}

fn list_files(agent: String, context: &Context) -> Outcome {
    let output = context.output;
    let value = context.ask("agents.files.list", AgentFilesParams { agent_id: agent })?;
    if output.json {
        output.document(&value);
        return Ok(ExitCode::SUCCESS);
    }
    let result: AgentFilesResult = decode("agents.files.list", value)?;
    let now_ms = output::now_ms();
    output.table(
        &["file", "size", "changed"],
        result.files.iter().map(|file| {
            let size = file.size.map_or_else(|| "-".to_owned(), output::bytes);
            let changed = file.updated_at_ms.map_or_else(|| "-".to_owned(), |at| output::ago(at, now_ms));
            vec![file.name.clone(), size, changed]
        }),
    );
    Ok(ExitCode::SUCCESS)
}

fn get_file(agent: String, name: String, context: &Context) -> Outcome {
    let output = context.output;
    let value = context.ask("agents.files.get", AgentFileParams { agent_id: agent, name })?;
    if output.json {
        output.document(&value);
        return Ok(ExitCode::SUCCESS);
    }
    let result: AgentFileResult = decode("agents.files.get", value)?;
    match result.file.content {
        Some(text) => output.write(&text),
        None => output.note(format!("{} has no {}", result.agent_id, result.file.name)),
    }
    Ok(ExitCode::SUCCESS)
}

fn read(file: &PathBuf) -> Result<String, Failure> {
    let mut text = String::new();
    let failed = |error: io::Error| Failure::usage(format!("cannot read {}: {error}", file.display()));
    if file.as_os_str() == "-" {
        io::stdin().take(FILE_MAX + 1).read_to_string(&mut text).map_err(failed)?;
    } else {
        fs::File::open(file).map_err(failed)?.take(FILE_MAX + 1).read_to_string(&mut text).map_err(failed)?;
    }
    Ok(text)
}
