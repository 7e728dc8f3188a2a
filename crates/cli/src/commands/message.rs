//! `chela message`: words into a chat by hand, and what is done with messages there.

use std::process::ExitCode;

use chela_protocol::methods::message::{MessageActionParams, SendActionResult};
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::Outcome;
use crate::context::Context;
use crate::link::decode;

#[derive(Debug, Args)]
pub(crate) struct MessageArgs {
    #[command(subcommand)]
    command: MessageCommand,
}

#[derive(Debug, Subcommand)]
enum MessageCommand {
    /// Say something in a chat
    Send {
        #[command(flatten)]
        place: Place,
        /// Markdown
        #[arg(long, short)]
        message: String,
        /// The message that it answers
        #[arg(long)]
        reply_to: Option<String>,
        /// Names the message: the same name again sends nothing
        #[arg(long)]
        idempotency_key: Option<String>,
    },
    /// Put a reaction on a message, or take it away
    React {
        #[command(flatten)]
        place: Place,
        #[arg(long)]
        message_id: String,
        #[arg(long, required_unless_present = "remove")]
        emoji: Option<String>,
        #[arg(long)]
        remove: bool,
    },
    /// Give a message of the bot new words
    Edit {
        #[command(flatten)]
        place: Place,
        #[arg(long)]
        message_id: String,
        #[arg(long, short)]
        message: String,
    },
    /// Remove a message of the bot
    Delete {
        #[command(flatten)]
        place: Place,
        #[arg(long)]
        message_id: String,
    },
}

#[derive(Debug, Args)]
struct Place {
    /// The channel, for example telegram
    #[arg(long)]
    channel: String,
    /// The chat, as the channel names it
    #[arg(long, short)]
    target: String,
    /// The account of the channel; the first one if none is named
    #[arg(long)]
    account: Option<String>,
    /// The thread or topic of the chat
    #[arg(long)]
    thread_id: Option<String>,
}

pub(crate) fn run(args: MessageArgs, context: &Context) -> Outcome {
    match args.command {
        MessageCommand::Send { place, message, reply_to, idempotency_key } => {
            let more = json!({ "message": message, "replyTo": reply_to });
            let value = act("send", place, more, idempotency_key, context)?;
            let sent: SendActionResult = decode("message.action", value.clone())?;
            let said = format!("sent to {} on {} as message {}", sent.to, sent.channel, sent.message_id);
            context.done(&value, &said);
        }
        MessageCommand::React { place, message_id, emoji, remove } => {
            let more = json!({ "messageId": message_id, "emoji": emoji, "remove": remove });
            let said = if remove { "the reaction is taken away" } else { "the reaction stands" };
            context.done(&act("react", place, more, None, context)?, said);
        }
        MessageCommand::Edit { place, message_id, message } => {
            let more = json!({ "messageId": message_id, "message": message });
            context.done(&act("edit", place, more, None, context)?, "the message is changed");
        }
        MessageCommand::Delete { place, message_id } => {
            let more = json!({ "messageId": message_id });
            context.done(&act("delete", place, more, None, context)?, "the message is removed");
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn act(
    action: &str,
    place: Place,
    more: Value,
    key: Option<String>,
    context: &Context,
) -> Result<Value, crate::failure::Failure> {
    let mut params = Map::new();
    params.insert("to".to_owned(), place.target.into());
    if let Some(thread) = place.thread_id {
        params.insert("threadId".to_owned(), thread.into());
    }
    if let Value::Object(more) = more {
        params.extend(more);
    }
    context.ask(
        "message.action",
        MessageActionParams {
            channel: place.channel,
            action: action.to_owned(),
            params,
            account_id: place.account,
            idempotency_key: key.unwrap_or_else(|| uuid::Uuid::new_v4().to_string()),
            ..MessageActionParams::default()
        },
    )
}
