//! `chela chat`: a conversation in the terminal, or one message through a pipe.

mod prompt;
mod turn;
mod view;

use std::io::{self, IsTerminal, Read};
use std::process::ExitCode;
use std::time::Duration;

use chela_protocol::methods::chat::{ChatHistoryParams, ChatHistoryResult};
use clap::Args;

use self::prompt::{Entry, Prompt};
use self::turn::{Chat, TurnEnd};
use super::Outcome;
use crate::context::Context;
use crate::failure::Failure;
use crate::link::{Link, decode, message_text};
use crate::output::{BOLD, DIM};

/// Messages of the session that are shown when it goes on.
const SHOWN_HISTORY: usize = 4;

/// Most that is read from a pipe: about what one message of the protocol can carry.
const PIPED_MAX_BYTES: u64 = 4 * 1024 * 1024;

/// How long a lost connection is tried again: a restart of the gateway takes less than a second.
pub(super) const RECONNECT_FOR: Duration = Duration::from_secs(30);

const HELP: &str = "\
/help           this list; the gateway's own commands work too:
/new, /reset    begin a new conversation
/stop           stop what is running
/status         model, context and tokens of this session
/context        what fills the model's context
/compact        summarise the older part of the conversation
/model <name>   choose the model of this session
/quit           leave (Ctrl-D does the same)
Ctrl-C          stop the answer; a second one leaves";

#[derive(Debug, Args)]
pub(crate) struct ChatArgs {
    /// The session to go on with
    #[arg(short, long, alias = "session-key", default_value = "main")]
    session: String,
    /// The agent to talk to
    #[arg(long)]
    agent: Option<String>,
    /// Send this first
    #[arg(short, long)]
    message: Option<String>,
    /// How hard the model thinks: off, minimal, low, medium, high
    #[arg(long, value_name = "LEVEL")]
    thinking: Option<String>,
    /// Show what tools were given, and the tokens of each turn
    #[arg(short, long)]
    verbose: bool,
    /// OpenClaw: deliver replies to the session's channel.
    #[arg(long, hide = true)]
    deliver: bool,
    /// Earlier messages to show
    #[arg(long, value_name = "COUNT", default_value_t = SHOWN_HISTORY)]
    history_limit: usize,
}

pub(crate) fn run(args: ChatArgs, context: &Context) -> Outcome {
    let interactive = io::stdin().is_terminal();
    context.block_on(async {
        let link = context.connect().await?;
        let key = session_key(&args);
        if interactive { converse(link, key, &args, context).await } else { once(link, key, &args, context).await }
    })
}

/// A pipe is one message: all of it.
async fn once(link: Link, key: String, args: &ChatArgs, context: &Context) -> Outcome {
    let mut text = String::new();
    io::stdin()
        .take(PIPED_MAX_BYTES)
        .read_to_string(&mut text)
        .map_err(|error| Failure::file("read standard input", &error))?;
    let piped = text.trim();
    let message = match &args.message {
        Some(message) if piped.is_empty() => message.clone(),
        Some(message) => format!("{message}\n\n{piped}"),
        None => piped.to_owned(),
    };
    if message.is_empty() {
        return Err(Failure::usage("standard input is empty").hint("echo hi | chela chat"));
    }
    let mut chat = Chat::new(link, key, args, context);
    match chat.turn(&message).await? {
        TurnEnd::Answered => Ok(ExitCode::SUCCESS),
        TurnEnd::Aborted | TurnEnd::Failed | TurnEnd::Leave => Ok(ExitCode::FAILURE),
    }
}

async fn converse(link: Link, key: String, args: &ChatArgs, context: &Context) -> Outcome {
    greet(&link, &key, args, context).await?;
    let mut prompt = Prompt::open(&context.places.state_dir);
    let mut chat = Chat::new(link, key, args, context);
    let mut first = args.message.clone();
    loop {
        let entry = match first.take() {
            Some(message) => Entry::Message(message),
            None => chat.while_idle(prompt.read()).await?,
        };
        match entry {
            Entry::Leave => break,
            Entry::Help => context.output.note(HELP),
            Entry::Nothing => {}
            Entry::Message(message) => {
                if chat.turn(&message).await? == TurnEnd::Leave {
                    break;
                }
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Says where the conversation stands.
async fn greet(link: &Link, key: &str, args: &ChatArgs, context: &Context) -> Result<(), Failure> {
    let output = context.output;
    let params = ChatHistoryParams {
        session_key: key.to_owned(),
        limit: Some(args.history_limit.max(1)),
        ..ChatHistoryParams::default()
    };
    let history: ChatHistoryResult = decode("chat.history", link.call("chat.history", params).await?)?;
    let words = match history.total_messages {
        0 => "a new conversation".to_owned(),
        count => format!("{count} messages so far"),
    };
    output.note(format!(
        "{} session {}, {words}. /help for help, Ctrl-D to leave.",
        output.style_err(BOLD, "chela"),
        crate::output::printable(&history.session_key),
    ));
    if args.history_limit > 0 {
        for message in &history.messages {
            let text = message_text(message);
            let mark = if message["role"] == "user" { "›" } else { " " };
            for line in text.lines().take(3).filter(|_| !text.is_empty()) {
                output.note(output.style_err(DIM, &format!("{mark} {}", crate::output::printable(line))));
            }
        }
    }
    Ok(())
}

/// The key that the gateway is asked for: an agent's own when one is named.
fn session_key(args: &ChatArgs) -> String {
    match &args.agent {
        Some(agent) if !args.session.starts_with("agent:") => format!("agent:{agent}:{}", args.session),
        _ => args.session.clone(),
    }
}
