//! `chela approvals`: calls that wait for a person, and the commands that run without one.

use std::process::ExitCode;

use chela_protocol::methods::approvals::{
    AllowlistEntry, ApprovalDecision, ApprovalHistoryParams, ApprovalHistoryResult, ApprovalResolveParams,
    ApprovalView, ExecApprovalsGetResult, ExecApprovalsSetParams, ExecGrantRevokeParams, ExecGrantView,
    ExecGrantsListResult, PendingApproval,
};
use clap::{Args, Subcommand};
use serde_json::json;

use super::Outcome;
use crate::context::Context;
use crate::link::decode;
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct ApprovalsArgs {
    #[command(subcommand)]
    command: ApprovalsCommand,
}

#[derive(Debug, Subcommand)]
enum ApprovalsCommand {
    /// List the calls that wait for a decision
    List,
    /// Let a call run
    #[command(visible_alias = "allow")]
    Approve {
        /// The id, as `list` shows it
        id: String,
        /// Now and whenever exactly this command is asked for again
        #[arg(long)]
        always: bool,
        /// With --always: forget it after this many days
        #[arg(long, requires = "always")]
        days: Option<u32>,
    },
    /// Don't let a call run
    #[command(visible_alias = "reject")]
    Deny { id: String },
    /// List what was decided before
    History {
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
    /// The commands that run without a question
    Allowlist {
        #[command(subcommand)]
        command: AllowlistCommand,
    },
}

#[derive(Debug, Subcommand)]
enum AllowlistCommand {
    /// List them
    List,
    /// Add a program
    Add {
        /// Its real path, with * for a part of a name; or the name under which it is found
        program: String,
        /// A regular expression for all of its arguments, joined by blanks; without it, any arguments are allowed
        #[arg(long)]
        arguments: Option<String>,
        /// Only for this agent
        #[arg(long, default_value = "*")]
        agent: String,
    },
    /// Take one off
    #[command(visible_alias = "revoke")]
    Remove {
        /// The id, as `list` shows it
        id: String,
    },
}

pub(crate) fn run(args: ApprovalsArgs, context: &Context) -> Outcome {
    match args.command {
        ApprovalsCommand::List => list(context),
        ApprovalsCommand::Approve { id, always, days } => {
            let decision = if always { ApprovalDecision::AllowAlways } else { ApprovalDecision::AllowOnce };
            decide(id, decision, days, context)
        }
        ApprovalsCommand::Deny { id } => decide(id, ApprovalDecision::Deny, None, context),
        ApprovalsCommand::History { limit } => history(limit, context),
        ApprovalsCommand::Allowlist { command } => match command {
            AllowlistCommand::List => list_allowed(context),
            AllowlistCommand::Add { program, arguments, agent } => add(program, arguments, agent, context),
            AllowlistCommand::Remove { id } => {
                let said = format!("{id} is off the list");
                let params = ExecGrantRevokeParams { grant_id: id };
                context.done(&context.ask("exec.approval.grants.revoke", params)?, &said);
                Ok(ExitCode::SUCCESS)
            }
        },
    }
}

fn list(context: &Context) -> Outcome {
    let output = context.output;
    let value = context.ask("exec.approval.list", json!({}))?;
    if output.json {
        output.document(&value);
        return Ok(ExitCode::SUCCESS);
    }
    let waiting: Vec<PendingApproval> = decode("exec.approval.list", value)?;
    if waiting.is_empty() {
        output.line("nothing waits for a decision");
    }
    for one in waiting {
        let request = &one.request;
        let left = u64::try_from(one.expires_at_ms - output::now_ms()).unwrap_or(0);
        output.line(format!("{}  {}", one.id, output::printable(&request.command)));
        let cwd = request.cwd.as_deref().map_or_else(String::new, |cwd| format!("in {}; ", output::printable(cwd)));
        let session = request.session_key.as_deref().unwrap_or("-");
        output.line(format!("    {cwd}{session}; expires in {}", output::duration(left)));
        output.line(format!("    {}", output::printable(request.warning_text.as_deref().unwrap_or_default())));
    }
    Ok(ExitCode::SUCCESS)
}

fn decide(id: String, decision: ApprovalDecision, grant_expires_in_days: Option<u32>, context: &Context) -> Outcome {
    let said = match decision {
        ApprovalDecision::AllowOnce => format!("{id} is allowed once"),
        ApprovalDecision::AllowAlways => format!("{id} is allowed, now and whenever it is asked for again"),
        ApprovalDecision::Deny => format!("{id} is denied"),
    };
    let params = ApprovalResolveParams { id, decision, grant_expires_in_days };
    context.done(&context.ask("exec.approval.resolve", params)?, &said);
    Ok(ExitCode::SUCCESS)
}

fn history(limit: usize, context: &Context) -> Outcome {
    let output = context.output;
    let value = context.ask("approval.history", ApprovalHistoryParams { cursor: None, limit: Some(limit) })?;
    if output.json {
        output.document(&value);
        return Ok(ExitCode::SUCCESS);
    }
    let result: ApprovalHistoryResult = decode("approval.history", value)?;
    let now = output::now_ms();
    let row = |one: &ApprovalView| {
        let status = format!("{:?}", one.status).to_ascii_lowercase();
        let by = one.resolver.as_ref().and_then(|by| by.id.clone()).unwrap_or_default();
        let command: String = one.presentation.command_text.chars().take(80).collect();
        vec![one.id.clone(), status, output::ago(one.created_at_ms, now), by, output::printable(&command)]
    };
    output.table(&["id", "status", "asked", "by", "call"], result.items.iter().map(row));
    Ok(ExitCode::SUCCESS)
}

fn list_allowed(context: &Context) -> Outcome {
    let output = context.output;
    let value = context.ask("exec.approval.grants.list", json!({}))?;
    if output.json {
        output.document(&value);
        return Ok(ExitCode::SUCCESS);
    }
    let result: ExecGrantsListResult = decode("exec.approval.grants.list", value)?;
    if result.grants.is_empty() {
        output.line("no command is on the list");
        return Ok(ExitCode::SUCCESS);
    }
    let now = output::now_ms();
    let row = |one: &ExecGrantView| {
        let ends = one.expires_at_ms.map_or_else(
            || "never".to_owned(),
            |at| format!("in {}", output::duration(u64::try_from(at - now).unwrap_or(0))),
        );
        let args = one.arg_pattern.as_deref().unwrap_or("any");
        let shown = one.command_text.clone().unwrap_or_else(|| format!("{} {args}", one.pattern));
        vec![one.id.clone(), one.agent_id.clone(), ends, output::printable(&shown)]
    };
    output.table(&["id", "agent", "ends", "command"], result.grants.iter().map(row));
    Ok(ExitCode::SUCCESS)
}

fn add(program: String, arguments: Option<String>, agent: String, context: &Context) -> Outcome {
    let standing = context.ask("exec.approvals.get", json!({}))?;
    let mut standing: ExecApprovalsGetResult = decode("exec.approvals.get", standing)?;
    let said = format!("{program} is on the list of {}", if agent == "*" { "every agent" } else { &agent });
    let entry = AllowlistEntry { pattern: program, arg_pattern: arguments, ..AllowlistEntry::default() };
    standing.file.agents.entry(agent).or_default().allowlist.push(entry);
    let params = ExecApprovalsSetParams { file: standing.file, base_hash: Some(standing.hash) };
    context.done(&context.ask("exec.approvals.set", params)?, &said);
    Ok(ExitCode::SUCCESS)
}
