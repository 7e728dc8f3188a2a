//! Slash commands: what people type instead of a message. No model is called.
//!
//! A command is accepted like a message, so that it happens once and its answer stands in the transcript; but it runs at
//! once, beside whatever turn is going on. Names and help texts are the agent crate's table.

mod allowlist;
mod approve;
mod compact;
mod context;
mod export;
mod help;
mod levels;
mod model;
mod queue;
mod reading;
mod restart;
mod session;
mod settings;
mod skill;
mod status;
mod usage;

use std::sync::Arc;

use chela_agent::{
    Access, Command, CommandId, DeliveryRoute, ItemBody, NoteBody, NoteKind, ParsedCommand, Reply, ReplyButton,
    Speaker, TurnEnd, TurnInput,
};
use chela_llm::{StopReason, Usage};
use chela_protocol::{ItemId, RunId, SessionKey};
use chela_store::{
    Accepted, InboxRow, InboxState, NewInbound, NewOutbound, Session, SessionPatch, StoreError, TurnFinish,
};
use serde_json::{Value, json};

pub(crate) use compact::{Ending as CompactionEnding, compact};
pub(crate) use help::listed;
pub(crate) use levels::checked as checked_level;
pub(crate) use model::resolve as resolve_model;
pub(crate) use reading::{Reading, Typed, needed_scope, read};
pub(crate) use skill::callable as callable_skills;

use crate::app::Gateway;
use crate::intake::{self, Inbound, SubmitError, SubmitState, Submitted};
use crate::rpc_error;
use crate::sessions::{AbortTarget, announce, session_changed};

/// Marks the inbox row of a command in its body.
const MARK: &str = "command";

/// What a command comes to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Answer {
    /// Says everything by itself: transcripts, the page and the command line have nothing else.
    text: String,
    /// For the chat in which the command was typed, where its platform has them.
    buttons: Vec<Vec<ReplyButton>>,
    /// A file of the workspace that goes to the chat with it.
    file: Option<String>,
    afterwards: Afterwards,
}

/// What happens when the answer is durable.
#[derive(Debug, Default, PartialEq, Eq)]
enum Afterwards {
    #[default]
    Nothing,
    Restart,
}

/// A command on its way to its answer.
struct Asked<'a> {
    gateway: &'a Arc<Gateway>,
    row: &'a InboxRow,
    input: &'a TurnInput,
    command: &'static Command,
    /// What stood behind its name, trimmed.
    args: &'a str,
}

/// Hands a message over as what it was read as.
pub(crate) async fn submit_reading(
    gateway: &Arc<Gateway>,
    reading: Reading,
    mut inbound: Inbound,
) -> Result<Submitted, SubmitError> {
    Ok(match reading {
        Reading::Message => intake::submit(gateway, inbound).await?,
        Reading::Directed(directives) => {
            directives.apply(&mut inbound.input);
            inbound.mode = directives.queue.or(inbound.mode);
            intake::submit(gateway, inbound).await?
        }
        Reading::Command(parsed) => match skill::message(gateway, &inbound, &parsed).await {
            Some(message) => {
                inbound.input.text = message;
                intake::submit(gateway, inbound).await?
            }
            None => submit(gateway, inbound).await?,
        },
        Reading::Afresh { message, model } => {
            // A repeated request must not empty the conversation that its first one began.
            if gateway.store.inbox_by_run(&inbound.run).await?.is_none() {
                begin_anew(gateway, &inbound.session).await?;
                if let Some(model) = model {
                    model::choose(gateway, &inbound.session, Some(model)).await?;
                }
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
    let answered = match reading::commands_of(&input.text)[..] {
        // A configured trigger: the same as `/new`.
        [] => begin_anew(&gateway, &row.session).await.map(Answer::from),
        ref parsed => answer_all(&gateway, &row, &input, parsed).await,
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

/// The answers to what was typed in one message, one after the other.
async fn answer_all(
    gateway: &Arc<Gateway>,
    row: &InboxRow,
    input: &TurnInput,
    parsed: &[ParsedCommand],
) -> Result<Answer, StoreError> {
    let mut all = Answer::default();
    for ParsedCommand { command, args } in parsed {
        let one = if command.access == Access::Owner && !input.sender_is_owner {
            format!("Only the assistant's owner may use /{}.", command.name).into()
        } else {
            answer(&Asked { gateway, row, input, command, args }).await?
        };
        let text = [all.text, one.text].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n");
        all = Answer { text, ..one };
    }
    Ok(all)
}

async fn answer(asked: &Asked<'_>) -> Result<Answer, StoreError> {
    let Asked { gateway, row, args, .. } = *asked;
    let text = match asked.command.id {
        CommandId::New | CommandId::Reset => return anew(asked).await,
        CommandId::Stop => match stop(gateway, &row.session).await.len() {
            0 => "Nothing is running.".to_owned(),
            1 => "Stopped.".to_owned(),
            runs => format!("Stopped {runs} turns."),
        },
        CommandId::Compact => compact::reply(gateway, row, speaker_of(asked.input), args).await?,
        CommandId::Session => session::reply(asked).await?,
        CommandId::ExportSession => return export::reply(asked).await,
        CommandId::Model => return model::reply(gateway, &row.session, args).await,
        CommandId::Models => return Ok(model::list(gateway, args)),
        CommandId::Usage if args.eq_ignore_ascii_case("cost") => usage::costs(asked).await?,
        CommandId::Think
        | CommandId::Reasoning
        | CommandId::Verbose
        | CommandId::Usage
        | CommandId::Activation
        | CommandId::Send => return levels::reply(asked).await,
        CommandId::Queue => return queue::reply(asked).await,
        CommandId::Status => status::reply(gateway, &row.session).await?,
        CommandId::Whoami => help::whoami(asked),
        CommandId::Context => context::reply(asked).await?,
        CommandId::Help => help::short(),
        CommandId::Commands => return Ok(help::all(args)),
        CommandId::Skill => skill::reply(asked).await,
        CommandId::Approve => approve::reply(gateway, row, args).await?,
        CommandId::Allowlist => allowlist::reply(asked).await?,
        CommandId::Config => settings::config(asked).await,
        CommandId::Debug => settings::debug(asked).await,
        CommandId::Restart => return Ok(restart::reply(gateway)),
    };
    Ok(text.into())
}

/// `/new` and `/reset` without a message; with a model, that answers from now on.
async fn anew(asked: &Asked<'_>) -> Result<Answer, StoreError> {
    let begun = begin_anew(asked.gateway, &asked.row.session).await?;
    if asked.args.is_empty() {
        return Ok(begun.into());
    }
    let chosen = model::reply(asked.gateway, &asked.row.session, asked.args).await?;
    Ok(Answer { text: format!("{begun} {}", chosen.text), ..chosen })
}

fn speaker_of(input: &TurnInput) -> Speaker {
    if input.sender_is_owner { Speaker::Owner } else { Speaker::Other }
}

impl Asked<'_> {
    /// The session in which it was typed.
    async fn session(&self) -> Result<Session, StoreError> {
        self.gateway.store.ensure_session(&self.row.session, &self.row.agent, self.gateway.now_ms()).await
    }

    /// Puts a choice into that session and tells clients.
    async fn choose(&self, patch: SessionPatch) -> Result<Session, StoreError> {
        self.session().await?;
        let stored = self.gateway.store.patch_session(&self.row.session, patch, self.gateway.now_ms()).await?;
        session_changed(self.gateway, &self.row.session, json!({ "reason": "patch" }));
        Ok(stored)
    }
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
    let afterwards = answer.afterwards;
    let end =
        TurnEnd::Final { text: answer.text, stop: StopReason::EndTurn, usage: Usage::default(), calls: Vec::new() };
    announce(gateway, row, &end);
    session_changed(gateway, &row.session, json!({ "reason": "send", "runId": row.run }));
    match afterwards {
        Afterwards::Nothing => {}
        Afterwards::Restart => gateway.restart.cancel(),
    }
    Ok(())
}

/// The answer on its way to the chat in which the command was typed.
fn answer_to(route: &DeliveryRoute, row: &InboxRow, answer: &Answer, now_ms: i64) -> NewOutbound {
    let text = match &answer.file {
        Some(path) => format!("{}\n\nMEDIA: {path}", answer.text),
        None => answer.text.clone(),
    };
    let reply = Reply { buttons: answer.buttons.clone(), ..Reply::to(route, row.run.as_str(), text) };
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
        Self { text, ..Self::default() }
    }
}
