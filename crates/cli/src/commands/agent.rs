//! `chela agent`: one turn for scripts. The answer is on standard output, and the exit code says whether it is one.

use std::process::ExitCode;
use std::time::Duration;

use chela_agent::TURN_MAX;
use chela_protocol::methods::agent::{AgentFinal, AgentParams};
use clap::Args;

use super::Outcome;
use crate::context::Context;
use crate::failure::Failure;
use crate::link::decode;
use crate::markdown::MarkdownStream;

/// Seconds that a turn may take when nothing else is said, as in OpenClaw.
const TIMEOUT_SECONDS: u64 = 600;

/// How much longer than the turn this side waits, so that the gateway's own word on a timeout arrives.
const GRACE: Duration = Duration::from_secs(10);

#[derive(Debug, Args)]
pub(crate) struct AgentArgs {
    /// What to say
    #[arg(short, long)]
    message: String,
    /// The session to say it in, for example main
    #[arg(long)]
    session_key: Option<String>,
    /// The conversation to go on with, by its id
    #[arg(long, conflicts_with = "session_key")]
    session_id: Option<String>,
    /// The agent to talk to
    #[arg(long)]
    agent: Option<String>,
    /// How hard the model thinks: off, minimal, low, medium, high
    #[arg(long, value_name = "LEVEL")]
    thinking: Option<String>,
    /// Seconds that the turn may take; 0 is as long as a turn can be, a day
    #[arg(long, default_value_t = TIMEOUT_SECONDS, value_name = "SECONDS")]
    timeout: u64,
    #[command(flatten)]
    foreign: ForeignArgs,
}

/// Flags of OpenClaw for channels, which this version doesn't have.
#[derive(Debug, Args)]
struct ForeignArgs {
    #[arg(long, hide = true)]
    to: Option<String>,
    #[arg(long, hide = true)]
    channel: Option<String>,
    #[arg(long, hide = true)]
    deliver: bool,
    #[arg(long, hide = true)]
    local: bool,
    #[arg(long, hide = true, value_name = "LEVEL")]
    verbose: Option<String>,
}

pub(crate) fn run(args: AgentArgs, context: &Context) -> Outcome {
    for flag in args.foreign.given() {
        context.output.note(format!("--{flag} has no effect in this version"));
    }
    let limit = if args.timeout == 0 { TURN_MAX } else { Duration::from_secs(args.timeout).min(TURN_MAX) };
    let params = AgentParams {
        message: args.message,
        agent_id: args.agent,
        session_key: args.session_key,
        session_id: args.session_id,
        thinking: args.thinking,
        timeout: Some(args.timeout),
        idempotency_key: Some(uuid::Uuid::new_v4().to_string()),
        ..AgentParams::default()
    };
    let answer =
        context.block_on(async { context.connect().await?.call_within(limit + GRACE, "agent", params).await })?;
    if context.output.json {
        let ok = answer["status"] == "ok";
        context.output.document(&answer);
        return Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    show(decode("agent", answer)?, context)
}

fn show(answer: AgentFinal, context: &Context) -> Outcome {
    if answer.status != "ok" {
        return Err(Failure::new("turn", answer.summary));
    }
    for payload in answer.result.into_iter().flat_map(|result| result.payloads) {
        let text = payload.text.unwrap_or_default();
        let mut markdown = MarkdownStream::new(context.output.colour);
        let shown = markdown.push(&text) + &markdown.finish();
        context.output.line(shown.trim_end_matches('\n'));
    }
    Ok(ExitCode::SUCCESS)
}

impl ForeignArgs {
    fn given(&self) -> Vec<&'static str> {
        let flags = [
            ("to", self.to.is_some()),
            ("channel", self.channel.is_some()),
            ("deliver", self.deliver),
            ("local", self.local),
            ("verbose", self.verbose.is_some()),
        ];
        flags.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect()
    }
}
