//! Slash commands: what people type instead of a message. No model is called.
//!
//! A command is accepted like a message, so that it happens once and its answer stands in the transcript; but it runs at
//! once, beside whatever turn is going on. Names and help texts are the agent crate's table.

mod approve;
mod compact;
mod context;
mod model;
mod status;

use std::sync::Arc;

use chela_agent::{
    Access, COMMANDS, CommandId, DeliveryRoute, ItemBody, NoteBody, NoteKind, ParsedCommand, Reply, ReplyButton,
    Speaker, TurnEnd, TurnInput, parse_command,
};
use chela_llm::{StopReason, Usage};
use chela_protocol::methods::chat::ChatCommand;
use chela_protocol::{ItemId, RunId, SessionKey};
use chela_store::{Accepted, InboxRow, InboxState, NewInbound, NewOutbound, StoreError, TurnFinish};
use serde_json::{Value, json};

pub(crate) use compact::{Ending as CompactionEnding, compact};
pub(crate) use model::resolve as resolve_model;

use crate::app::Gateway;
use crate::intake::{self, Inbound, SubmitError, SubmitState, Submitted};
use crate::rpc_error;
use crate::sessions::{AbortTarget, announce, session_changed};

/// Marks the inbox row of a command in its body.
const MARK: &str = "command";

/// What a message turns out to be.
pub(crate) enum Reading {
    /// Goes to the model as it is.
    Message,
    /// Runs now.
    Command(ParsedCommand),
    /// Empties the conversation; what follows is its first message.
    Afresh(String),
}

/// Reads a message. `triggers` are the configured words that begin a new conversation.
pub(crate) fn read(text: &str, triggers: &[String]) -> Reading {
    if triggers.iter().any(|trigger| trigger.trim().eq_ignore_ascii_case(text.trim()) && !trigger.trim().is_empty()) {
        return parse_command("/new").map_or(Reading::Message, Reading::Command);
    }
    match parse_command(text) {
        None => Reading::Message,
        Some(parsed) => match parsed.command.id {
            CommandId::New | CommandId::Reset if !parsed.args.is_empty() => Reading::Afresh(parsed.args),
            _ => Reading::Command(parsed),
        },
    }
}

/// What a command comes to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Answer {
    /// Says everything by itself: transcripts, the page and the command line have nothing else.
    text: String,
    /// For the chat in which the command was typed, where its platform has them.
    buttons: Vec<Vec<ReplyButton>>,
}

/// The commands as `chat.metadata` and `commands.list` show them.
pub(crate) fn listed() -> Vec<ChatCommand> {
    let row = |command: &chela_agent::Command| ChatCommand {
        name: command.name.to_owned(),
        text_aliases: std::iter::once(&command.name).chain(command.aliases).map(|name| format!("/{name}")).collect(),
        description: command.description.to_owned(),
        category: command.category.as_str().to_owned(),
        source: "native".to_owned(),
        scope: "both".to_owned(),
        accepts_args: !command.args.is_empty(),
    };
    COMMANDS.iter().map(row).collect()
}

/// Hands a message over as what it was read as.
pub(crate) async fn submit_reading(
    gateway: &Arc<Gateway>,
    reading: Reading,
    mut inbound: Inbound,
) -> Result<Submitted, SubmitError> {
    Ok(match reading {
        Reading::Message => intake::submit(gateway, inbound).await?,
        Reading::Command(_) => submit(gateway, inbound).await?,
        Reading::Afresh(message) => {
            // A repeated request must not empty the conversation that its first one began.
            if gateway.store.inbox_by_run(&inbound.run).await?.is_none() {
                begin_anew(gateway, &inbound.session).await?;
            }
            inbound.input.text = message;
            intake::submit(gateway, inbound).await?
        }
    })
}

/// Accepts a command and runs it in the background; its answer comes as the run's final event.
async fn submit(gateway: &Arc<Gateway>, inbound: Inbound) -> Result<Submitted, SubmitError> {
    intake::check_length(&inbound.input.text)?;
    let mut body = inbound.input.to_body();
    body[MARK] = true.into();
    let message = NewInbound {
        channel: inbound.channel,
        account: inbound.account,
        platform_id: inbound.platform_id,
        session: inbound.session,
        agent: inbound.agent,
        run: inbound.run,
        body,
        received_at_ms: gateway.now_ms(),
    };
    Ok(match gateway.store.accept(message).await? {
        Accepted::New(row) => {
            let run = row.run.clone();
            gateway.tasks.spawn(execute(gateway.clone(), row));
            Submitted { run, state: SubmitState::Started }
        }
        Accepted::Duplicate(row) if row.state.is_open() => Submitted { run: row.run, state: SubmitState::InFlight },
        Accepted::Duplicate(row) => Submitted { run: row.run.clone(), state: SubmitState::Done(Box::new(row)) },
    })
}

/// Whether an open row is a command: a start runs it again instead of asking a model.
pub(crate) fn is_command(body: &Value) -> bool {
    body.get(MARK).and_then(Value::as_bool).unwrap_or(false)
}

/// Runs a durable command to its durable answer.
pub(crate) async fn execute(gateway: Arc<Gateway>, row: InboxRow) {
    let input = TurnInput::from_body(&row.body);
    let answered = match parse_command(&input.text) {
        Some(parsed) if parsed.command.access == Access::Owner && !input.sender_is_owner => {
            Ok(owners_only(&parsed).into())
        }
        Some(parsed) => answer(&gateway, &row, &parsed).await,
        // A configured trigger: the same as `/new`.
        None => begin_anew(&gateway, &row.session).await.map(Answer::from),
    };
    let answered = match answered {
        Ok(answer) => finish(&gateway, &row, &input, answer).await,
        Err(error) => Err(error),
    };
    if let Err(error) = answered {
        tracing::error!(%error, run = %row.run, session = %row.session, "a command failed; it is tried again at the next start");
        let why = rpc_error::of_store(error).message;
        let message =
            format!("The command could not be carried out: {why}. The gateway tries it again when it starts again.");
        announce(&gateway, &row, &TurnEnd::Failed { message, kind: chela_agent::FailureKind::Unknown });
    }
}

/// Stops every turn of a session and gives its key an empty conversation.
pub(crate) async fn begin_anew(gateway: &Arc<Gateway>, session: &SessionKey) -> Result<String, StoreError> {
    gateway.sessions.abort(gateway, &AbortTarget::Session(session.clone())).await;
    let stored = gateway.store.ensure_session(session, &session.agent(), gateway.now_ms()).await?;
    if stored.items > 0 {
        gateway.store.reset_session(session, gateway.now_ms()).await?;
    }
    session_changed(gateway, session, json!({ "reason": "reset" }));
    Ok("A new conversation begins. What was said before can still be searched.".to_owned())
}

/// Stops every turn of a session. Returns the runs it hit.
pub(crate) async fn stop(gateway: &Arc<Gateway>, session: &SessionKey) -> Vec<RunId> {
    gateway.sessions.abort(gateway, &AbortTarget::Session(session.clone())).await
}

async fn answer(gateway: &Arc<Gateway>, row: &InboxRow, parsed: &ParsedCommand) -> Result<Answer, StoreError> {
    let text = match parsed.command.id {
        CommandId::New | CommandId::Reset => begin_anew(gateway, &row.session).await?,
        CommandId::Stop => match stop(gateway, &row.session).await.len() {
            0 => "Nothing is running.".to_owned(),
            1 => "Stopped.".to_owned(),
            runs => format!("Stopped {runs} turns."),
        },
        CommandId::Status => status::reply(gateway, &row.session).await?,
        CommandId::Context => context::reply(gateway, &row.session).await?,
        CommandId::Compact => compact::reply(gateway, row, speaker_of(row), &parsed.args).await?,
        CommandId::Model => return model::reply(gateway, &row.session, &parsed.args).await,
        CommandId::Approve => approve::reply(gateway, row, &parsed.args).await?,
        CommandId::Help => help(),
    };
    Ok(text.into())
}

fn speaker_of(row: &InboxRow) -> Speaker {
    if TurnInput::from_body(&row.body).sender_is_owner { Speaker::Owner } else { Speaker::Other }
}

fn owners_only(parsed: &ParsedCommand) -> String {
    format!("Only the assistant's owner may use /{}.", parsed.command.name)
}

fn help() -> String {
    let lines = COMMANDS.iter().map(|command| {
        let mut call = command.name.to_owned();
        for arg in command.args {
            call.extend([" [", arg.name, "]"]);
        }
        format!("- `/{call}`: {}", command.description)
    });
    std::iter::once("Commands:".to_owned()).chain(lines).collect::<Vec<_>>().join("\n")
}

/// Writes the command and its answer into the transcript, closes the row, and tells clients and the chat.
async fn finish(gateway: &Arc<Gateway>, row: &InboxRow, input: &TurnInput, answer: Answer) -> Result<(), StoreError> {
    let now_ms = gateway.now_ms();
    let session = gateway.store.ensure_session(&row.session, &row.agent, now_ms).await?;
    let note = |suffix: &str, kind: NoteKind, text: &str| {
        let body = ItemBody::Note(NoteBody { text: text.to_owned(), kind });
        body.into_item(ItemId::new(format!("{}:{suffix}", row.run)), Some(&row.run), now_ms)
    };
    let finish = TurnFinish {
        inbox: row.id,
        also: Vec::new(),
        session_id: session.id,
        items: vec![note("command", NoteKind::Command, &input.text), note("reply", NoteKind::Reply, &answer.text)],
        usage: None,
        outbox: input.deliver.iter().map(|route| answer_to(route, row, &answer, now_ms)).collect(),
        state: InboxState::Done,
        result: Some(answer.text.clone()),
        now_ms,
    };
    gateway.store.finish_turn(finish).await?;
    gateway.delivery.wake();
    let end = TurnEnd::Final { text: answer.text, stop: StopReason::EndTurn, usage: Usage::default() };
    announce(gateway, row, &end);
    session_changed(gateway, &row.session, json!({ "reason": "send", "runId": row.run }));
    Ok(())
}

/// The answer on its way to the chat in which the command was typed.
fn answer_to(route: &DeliveryRoute, row: &InboxRow, answer: &Answer, now_ms: i64) -> NewOutbound {
    let reply = Reply { buttons: answer.buttons.clone(), ..Reply::to(route, row.run.as_str(), &answer.text) };
    NewOutbound {
        channel: route.channel.clone(),
        account: route.account.clone(),
        chat: route.chat.clone(),
        session: row.session.clone(),
        body: reply.to_body(),
        created_at_ms: now_ms,
    }
}

impl From<String> for Answer {
    fn from(text: String) -> Self {
        Self { text, buttons: Vec::new() }
    }
}
