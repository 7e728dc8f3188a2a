//! `chela channels`: accounts on chat platforms, and replies that could not be delivered.

use std::process::ExitCode;
use std::time::Duration;

use chela_protocol::methods::channels::{
    ChannelAccountStatus, ChannelChangedResult, ChannelParams, ChannelProbe, ChannelsStatusParams,
    ChannelsStatusResult, DeadLetterParams, DeadLettersChangedResult, DeadLettersParams, DeadLettersResult,
};
use clap::{Args, Subcommand};
use serde_json::Value;

use super::Outcome;
use crate::context::Context;
use crate::link::decode;
use crate::output::{self, BAD, BOLD, DIM, GOOD, Output, WARN};

/// Longer than the gateway gives a platform to answer.
const PROBE_PATIENCE: Duration = Duration::from_secs(40);

/// As wide as the longest fact that a platform tells.
const LABEL_WIDTH: usize = 24;

/// What the table shows of a reply.
const TEXT_CHARS: usize = 60;

#[derive(Debug, Args)]
pub(crate) struct ChannelsArgs {
    #[command(subcommand)]
    command: Option<ChannelsCommand>,
}

#[derive(Debug, Subcommand)]
enum ChannelsCommand {
    /// List the configured accounts
    List,
    /// Show how each account stands
    Status {
        /// Only this channel, for example telegram
        channel: Option<String>,
        /// Ask the platforms as well: who we are there, and what is missing
        #[arg(long)]
        probe: bool,
    },
    /// Open accounts again that were stopped or failed
    Start {
        channel: String,
        /// Only this account of the channel
        #[arg(long)]
        account: Option<String>,
    },
    /// Close accounts until they are started again, or the gateway is
    Stop {
        channel: String,
        /// Only this account of the channel
        #[arg(long)]
        account: Option<String>,
    },
    /// Replies that could not be delivered
    DeadLetters {
        #[command(subcommand)]
        command: Option<DeadLettersCommand>,
    },
}

#[derive(Debug, Subcommand)]
enum DeadLettersCommand {
    /// List them, newest first
    List {
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Try to deliver one again, or all
    Retry {
        #[command(flatten)]
        which: Which,
    },
    /// Give one up for good, or all
    Discard {
        #[command(flatten)]
        which: Which,
    },
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// Its number in the list
    id: Option<i64>,
    /// All of them
    #[arg(long)]
    all: bool,
}

pub(crate) fn run(args: ChannelsArgs, context: &Context) -> Outcome {
    match args.command.unwrap_or(ChannelsCommand::List) {
        ChannelsCommand::List => list(context),
        ChannelsCommand::Status { channel, probe } => status(channel, probe, context),
        ChannelsCommand::Start { channel, account } => switch("channels.start", "started", channel, account, context),
        ChannelsCommand::Stop { channel, account } => switch("channels.stop", "stopped", channel, account, context),
        ChannelsCommand::DeadLetters { command } => match command.unwrap_or(DeadLettersCommand::List { limit: 100 }) {
            DeadLettersCommand::List { limit } => dead_letters(limit, context),
            DeadLettersCommand::Retry { which } => {
                change_letters("channels.deadLetters.retry", "tried again", &which, context)
            }
            DeadLettersCommand::Discard { which } => {
                change_letters("channels.deadLetters.discard", "discarded", &which, context)
            }
        },
    }
}

fn list(context: &Context) -> Outcome {
    let output = context.output;
    let value = context.ask("channels.status", ChannelsStatusParams::default())?;
    if output.json {
        output.document(&value);
        return Ok(ExitCode::SUCCESS);
    }
    let result: ChannelsStatusResult = decode("channels.status", value)?;
    if nothing_is_configured(&result, output) {
        return Ok(ExitCode::SUCCESS);
    }
    let row = |channel: &str, account: &ChannelAccountStatus| {
        let name = account.name.clone().unwrap_or_default();
        let token = account.token_source.clone().unwrap_or_default();
        vec![channel.to_owned(), account.account_id.clone(), state_of(account).to_owned(), name, token]
    };
    output.table(
        &["channel", "account", "state", "known as", "token from"],
        accounts(&result).map(|(channel, account)| row(channel, account)),
    );
    Ok(ExitCode::SUCCESS)
}

fn status(channel: Option<String>, probe: bool, context: &Context) -> Outcome {
    let output = context.output;
    let params = ChannelsStatusParams { probe, timeout_ms: None, channel };
    let value: Value = context.block_on(async {
        let link = context.connect().await?;
        link.call_within(PROBE_PATIENCE, "channels.status", params).await
    })?;
    let result: ChannelsStatusResult = decode("channels.status", value.clone())?;
    let is_well = accounts(&result).all(|(_, account)| !account.enabled || is_well(account));
    let code = if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    if output.json {
        output.document(&value);
        return Ok(code);
    }
    if nothing_is_configured(&result, output) {
        return Ok(code);
    }
    for (channel, account) in accounts(&result) {
        show(channel, account, output);
    }
    for issue in result.status_issues.iter().filter(|issue| issue.kind == "permissions") {
        let line = format!("{}/{}: {}", issue.channel, issue.account_id, issue.message);
        output.line(format!("{}  {}", output.style(WARN, "missing"), output::printable(&line)));
    }
    Ok(code)
}

fn show(channel: &str, account: &ChannelAccountStatus, output: Output) {
    let style = match state_of(account) {
        "connected" => GOOD,
        "disabled" | "stopped" => DIM,
        "connecting" | "reconnecting" => WARN,
        _ => BAD,
    };
    let name = output.style(BOLD, &output::printable(&format!("{channel}/{}", account.account_id)));
    let known = account.name.as_ref().map(|name| format!(" as {}", output::printable(name))).unwrap_or_default();
    // Before it was opened nobody knows how it will hear.
    let mode = if account.running { format!(" ({})", account.mode) } else { String::new() };
    output.line(format!("{name}  {}{known}{mode}", output.style(style, state_of(account))));
    let now = output::now_ms();
    let detail = |what: &str, text: &str| output.line(format!("    {what:LABEL_WIDTH$} {}", output::printable(text)));
    if let Some(error) = &account.last_error {
        detail("last error", error);
    }
    let times = [
        ("last heard", account.last_inbound_at),
        ("last said", account.last_outbound_at),
        ("sign of life", account.last_transport_activity_at),
    ];
    for (what, at) in times {
        if let Some(at) = at {
            detail(what, &output::ago(at, now));
        }
    }
    if account.reconnect_attempts > 0 {
        detail("opened again", &format!("{} times", account.reconnect_attempts));
    }
    if let Some(probe) = &account.probe {
        show_probe(probe, output);
    }
}

fn show_probe(probe: &ChannelProbe, output: Output) {
    let detail = |what: &str, text: &str| output.line(format!("    {what:LABEL_WIDTH$} {}", output::printable(text)));
    if let Some(error) = &probe.error {
        detail("probe", &format!("failed: {error}"));
    } else {
        let identity = probe.identity.as_deref().unwrap_or("the platform");
        detail("probe", &format!("{identity} answered within {} ms", probe.elapsed_ms));
    }
    for (what, text) in &probe.facts {
        detail(what, text);
    }
    for warning in &probe.warnings {
        // Padded before it is coloured, since colours have no width.
        let label = output.style(WARN, &format!("{:LABEL_WIDTH$}", "missing"));
        output.line(format!("    {label} {}", output::printable(warning)));
    }
}

fn switch(method: &'static str, said: &str, channel: String, account: Option<String>, context: &Context) -> Outcome {
    let value = context.ask(method, ChannelParams { channel, account_id: account })?;
    let changed: ChannelChangedResult = decode(method, value.clone())?;
    let names: Vec<String> = changed.account_ids.iter().map(|id| format!("{}/{id}", changed.channel)).collect();
    context.done(&value, &format!("{said}: {}", names.join(", ")));
    Ok(ExitCode::SUCCESS)
}

fn dead_letters(limit: usize, context: &Context) -> Outcome {
    let output = context.output;
    let value = context.ask("channels.deadLetters.list", DeadLettersParams { limit: Some(limit) })?;
    if output.json {
        output.document(&value);
        return Ok(ExitCode::SUCCESS);
    }
    let result: DeadLettersResult = decode("channels.deadLetters.list", value)?;
    if result.letters.is_empty() {
        output.note("every reply was delivered, or still waits for delivery");
        return Ok(ExitCode::SUCCESS);
    }
    let now = output::now_ms();
    output.table(
        &["number", "to", "made", "tries", "text", "error"],
        result.letters.iter().map(|letter| {
            let text: String = letter.text.chars().map(|letter| if letter == '\n' { ' ' } else { letter }).collect();
            vec![
                letter.id.to_string(),
                format!("{}/{} {}", letter.channel, letter.account_id, letter.chat),
                output::ago(letter.created_at_ms, now),
                letter.attempts.to_string(),
                text.chars().take(TEXT_CHARS).collect(),
                letter.error.clone().unwrap_or_default(),
            ]
        }),
    );
    output.note("`chela channels dead-letters retry <number>` sends one again, `discard <number>` gives it up");
    Ok(ExitCode::SUCCESS)
}

fn change_letters(method: &'static str, said: &str, which: &Which, context: &Context) -> Outcome {
    let value = context.ask(method, DeadLetterParams { id: which.id.filter(|_| !which.all) })?;
    let changed: DeadLettersChangedResult = decode(method, value.clone())?;
    let sentence = match changed.ids.as_slice() {
        [] => "there are no dead letters".to_owned(),
        [id] => format!("{said}: {id}"),
        ids => format!("{said}: {} replies", ids.len()),
    };
    context.done(&value, &sentence);
    Ok(ExitCode::SUCCESS)
}

fn nothing_is_configured(result: &ChannelsStatusResult, output: Output) -> bool {
    let none = result.channel_order.is_empty();
    if none {
        output.note("no channel is configured; see docs/channels.md for Telegram and Discord in five minutes");
    }
    none
}

/// Every account, in the gateway's order.
fn accounts(result: &ChannelsStatusResult) -> impl Iterator<Item = (&str, &ChannelAccountStatus)> {
    let of = |channel: &'_ String| {
        let accounts = result.channel_accounts.get(channel).map(Vec::as_slice).unwrap_or_default();
        let channel = result.channel_order.iter().find(|known| *known == channel).map_or("", String::as_str);
        accounts.iter().map(move |account| (channel, account)).collect::<Vec<_>>()
    };
    result.channel_order.iter().flat_map(of)
}

fn state_of(account: &ChannelAccountStatus) -> &str {
    if account.enabled { &account.health_state } else { "disabled" }
}

fn is_well(account: &ChannelAccountStatus) -> bool {
    let probed = account.probe.as_ref().is_none_or(|probe| probe.ok);
    probed && (account.connected || matches!(account.health_state.as_str(), "stopped" | "connecting"))
}
