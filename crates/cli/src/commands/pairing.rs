//! `chela pairing`: strangers who wrote to the assistant, and those whom somebody let in.

use std::process::ExitCode;

use chela_protocol::methods::channels::{
    PairedPerson, PairedSenderParams, PairingCodeParams, PairingListParams, PairingListResult, PendingSender,
};
use clap::{Args, Subcommand};
use serde_json::Value;

use super::Outcome;
use crate::context::Context;
use crate::link::decode;
use crate::output::{self, BOLD};

#[derive(Debug, Args)]
pub(crate) struct PairingArgs {
    #[command(subcommand)]
    command: PairingCommand,
}

#[derive(Debug, Subcommand)]
enum PairingCommand {
    /// List who waits with a code, and who was let in
    List {
        /// Only this channel, for example telegram
        channel: Option<String>,
    },
    /// Let the person with this code in; the first one becomes an owner
    Approve { channel: String, code: String },
    /// Turn the person with this code away
    Reject { channel: String, code: String },
    /// Shut a person out again
    #[command(visible_alias = "revoke")]
    Remove {
        channel: String,
        /// The platform's id of the person, as `list` shows it
        sender: String,
        /// Only on this account of the channel
        #[arg(long)]
        account: Option<String>,
    },
}

pub(crate) fn run(args: PairingArgs, context: &Context) -> Outcome {
    match args.command {
        PairingCommand::List { channel } => list(channel, context),
        PairingCommand::Approve { channel, code } => approve(channel, code, context),
        PairingCommand::Reject { channel, code } => {
            let value = context.ask("channels.pairing.reject", code_of(channel, code))?;
            let said = said_of(&value, "is turned away");
            context.done(&value, &said);
            Ok(ExitCode::SUCCESS)
        }
        PairingCommand::Remove { channel, sender, account } => {
            let said = format!("{sender} is shut out of {channel}");
            let params = PairedSenderParams { channel, account_id: account, sender };
            context.done(&context.ask("channels.pairing.remove", params)?, &said);
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn list(channel: Option<String>, context: &Context) -> Outcome {
    let output = context.output;
    let value = context.ask("channels.pairing.list", PairingListParams { channel, account_id: None })?;
    if output.json {
        output.document(&value);
        return Ok(ExitCode::SUCCESS);
    }
    let result: PairingListResult = decode("channels.pairing.list", value)?;
    if result.pending.is_empty() && result.paired.is_empty() {
        output.line("nobody waits, and nobody was let in by a code; who writes to the bot gets one");
        return Ok(ExitCode::SUCCESS);
    }
    let now = output::now_ms();
    if !result.pending.is_empty() {
        output.line(output.style(BOLD, "waiting"));
        let row = |one: &PendingSender| {
            let place = format!("{}/{}", one.channel, one.account_id);
            vec![one.code.clone(), place, one.name.clone(), one.sender.clone(), output::ago(one.requested_at_ms, now)]
        };
        output.table(&["code", "channel", "name", "id", "asked"], result.pending.iter().map(row));
        output.line("");
    }
    output.line(output.style(BOLD, "let in"));
    let row = |one: &PairedPerson| {
        let place = format!("{}/{}", one.channel, one.account_id);
        let role = if one.owner { "owner" } else { "" };
        vec![place, one.name.clone(), one.sender.clone(), role.to_owned(), output::ago(one.approved_at_ms, now)]
    };
    output.table(&["channel", "name", "id", "role", "since"], result.paired.iter().map(row));
    Ok(ExitCode::SUCCESS)
}

fn approve(channel: String, code: String, context: &Context) -> Outcome {
    let value = context.ask("channels.pairing.approve", code_of(channel, code))?;
    let paired: PairedPerson = decode("channels.pairing.approve", value.clone())?;
    let role = if paired.owner { " and is an owner" } else { "" };
    context.done(
        &value,
        &format!("{} ({}) may write on {}{role}", output::printable(&paired.name), paired.sender, paired.channel),
    );
    Ok(ExitCode::SUCCESS)
}

fn code_of(channel: String, code: String) -> PairingCodeParams {
    PairingCodeParams { channel, code, ..PairingCodeParams::default() }
}

fn said_of(value: &Value, what: &str) -> String {
    let name = value.get("name").and_then(Value::as_str).unwrap_or("the person");
    format!("{} {what}", output::printable(name))
}
