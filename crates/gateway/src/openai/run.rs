//! One request's turn: submitted, followed, and stopped when the client that owns it goes away.

use std::sync::Arc;

use axum::http::request::Parts;
use chela_agent::{
    AbortReason, FailureKind, InputOrigin, ToolSet, TurnEnd, TurnEvent, TurnEventKind, TurnInput, unanswered_calls,
};
use chela_llm::{StopReason, ToolUse, Usage};
use chela_protocol::RunId;
use chela_protocol::methods::chat::QueueMode;
use chela_store::{InboxRow, InboxState};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::conversation::Memory;
use super::error::ApiError;
use super::header;
use super::tools::{ClientTools, Demand};
use crate::app::Gateway;
use crate::intake::{Inbound, SubmitState, submit};
use crate::route::Target;
use crate::sessions::AbortTarget;

/// Items from the end of a session among which a call that waits for the client is looked for: more than one answer has calls of the
/// agent's own beside it.
const LAST_ITEMS: usize = 256;

/// Events that may wait for a slow reader of a stream; one that falls further behind is cut off.
const WATCH_QUEUE: usize = 16_384;

const GOES_ON: &str = "The gateway is stopping; the turn goes on by itself after the restart.";

/// A turn that a request waits for.
pub(super) struct Following {
    source: Source,
    text: Text,
    demand: Option<Demand>,
}

/// What the turn has said. Text that was streamed can't be taken back, so what is sent and what counts may differ.
#[derive(Default)]
struct Text {
    /// What counts: the answers of all model calls, without attempts that broke off.
    kept: String,
    /// Where the answer of the present model call begins in `kept`.
    call_from: usize,
    sent: bool,
    /// What is sent next is a new paragraph.
    break_due: bool,
}

enum Source {
    Events(mpsc::Receiver<TurnEvent>, AbortOnDrop),
    /// Another request started it; its end is all that there is to tell.
    Elsewhere(Arc<Gateway>, RunId),
    /// It ended before.
    Recorded(Arc<Gateway>, Box<InboxRow>),
    Over,
}

/// What comes next of a turn.
#[derive(Debug)]
pub(super) enum Piece {
    Text(String),
    End(Answer),
}

/// A whole answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub text: String,
    pub stop: StopReason,
    pub usage: Usage,
    /// What the client is asked to call.
    pub calls: Vec<ToolUse>,
}

/// Stops the run of a client that went away before its end.
struct AbortOnDrop {
    gateway: Arc<Gateway>,
    run: Option<RunId>,
}

/// Hands the input over. With an `Idempotency-Key`, the same request again follows the first one's run.
pub(super) async fn follow(
    gateway: &Arc<Gateway>,
    parts: &Parts,
    target: Target,
    run: RunId,
    mut input: TurnInput,
    tools: ClientTools,
) -> Result<(RunId, Following), ApiError> {
    let told = input.extra_system.take().into_iter().chain(tools.instruction()).collect::<Vec<_>>().join("\n\n");
    input.extra_system = Some(told).filter(|told| !told.is_empty());
    input.client_tools = tools.offered;
    input.model = header(parts, "model").map(str::to_owned);
    input.origin = InputOrigin {
        client_id: Some("http".to_owned()),
        client_mode: Some("backend".to_owned()),
        ..InputOrigin::default()
    };
    let key = parts.headers.get("idempotency-key").and_then(|key| key.to_str().ok()).map(str::trim);
    let platform_id = key.filter(|key| !key.is_empty()).map_or_else(|| run.to_string(), str::to_owned);
    let (watcher, events) = mpsc::channel(WATCH_QUEUE);
    let inbound = Inbound {
        channel: "http".to_owned(),
        account: "default".to_owned(),
        platform_id,
        run,
        session: target.session,
        agent: target.agent,
        input,
        mode: Some(QueueMode::Followup),
        watcher: Some(watcher),
    };
    let submitted = submit(gateway, inbound).await?;
    let run = submitted.run;
    let source = match submitted.state {
        SubmitState::Started => {
            Source::Events(events, AbortOnDrop { gateway: gateway.clone(), run: Some(run.clone()) })
        }
        SubmitState::InFlight => Source::Elsewhere(gateway.clone(), run.clone()),
        SubmitState::Done(row) => Source::Recorded(gateway.clone(), row),
    };
    Ok((run, Following { source, text: Text::default(), demand: tools.demand }))
}

/// What the session that answers knows of what was said before. `own` are the agent's tools: nobody else gives their results.
pub(super) async fn memory_of(gateway: &Gateway, target: &Target, own: &ToolSet) -> Memory {
    let stored = match gateway.store.session(&target.session).await {
        Ok(Some(stored)) if stored.items > 0 => stored,
        _ => return Memory::Fresh,
    };
    let last = gateway.store.items_before(&stored.id, None, LAST_ITEMS).await.unwrap_or_default();
    let mut waiting = unanswered_calls(last.iter());
    waiting.retain(|call| own.get(&call.name).is_none());
    Memory::Remembers { waiting }
}

/// Tokens in the names of Chat Completions.
pub(super) fn chat_usage(usage: &Usage) -> Value {
    let prompt = usage.input + usage.cache_read + usage.cache_write;
    json!({
        "prompt_tokens": prompt,
        "completion_tokens": usage.output,
        "total_tokens": prompt + usage.output,
        "prompt_tokens_details": { "cached_tokens": usage.cache_read },
    })
}

impl Following {
    /// The next text, or the end. After the end there is nothing: an error. Where a call is insisted on, nothing is said before it is
    /// known to be made.
    pub(super) async fn next(&mut self) -> Result<Piece, ApiError> {
        loop {
            match (self.step().await?, &self.demand) {
                (Piece::Text(_), Some(_)) => {}
                (Piece::End(answer), Some(demand)) => {
                    demand.check(&answer.calls)?;
                    return Ok(Piece::End(answer));
                }
                (piece, None) => return Ok(piece),
            }
        }
    }

    async fn step(&mut self) -> Result<Piece, ApiError> {
        match std::mem::replace(&mut self.source, Source::Over) {
            Source::Events(mut events, mut guard) => loop {
                let Some(event) = events.recv().await else { return Err(lost(&guard.gateway)) };
                match event.kind {
                    TurnEventKind::TextDelta { text, replace } => {
                        if replace {
                            self.text.void();
                        }
                        if !text.is_empty() {
                            self.source = Source::Events(events, guard);
                            return Ok(Piece::Text(self.text.grow(&text)));
                        }
                    }
                    TurnEventKind::ToolStart { .. } => self.text.end_call(),
                    TurnEventKind::Ended(end) => {
                        guard.run = None;
                        return self.ended(end).map(Piece::End);
                    }
                    _ => {}
                }
            },
            Source::Elsewhere(gateway, run) => self.elsewhere(&gateway, &run).await.map(Piece::End),
            Source::Recorded(gateway, row) => recorded(&gateway, *row).await.map(Piece::End),
            Source::Over => Err(ApiError::stopped("The turn is over.")),
        }
    }

    /// Waits for the whole answer.
    pub(super) async fn answer(mut self) -> Result<Answer, ApiError> {
        loop {
            if let Piece::End(answer) = self.next().await? {
                return Ok(answer);
            }
        }
    }

    fn ended(&mut self, end: TurnEnd) -> Result<Answer, ApiError> {
        let kept = std::mem::take(&mut self.text).kept;
        match end {
            TurnEnd::Final { text, stop, usage, calls } => {
                Ok(Answer { text: if kept.is_empty() { text } else { kept }, stop, usage, calls })
            }
            TurnEnd::Failed { message, kind } => Err(ApiError::turn(kind, message)),
            TurnEnd::Aborted { reason: AbortReason::User, .. } => Err(ApiError::stopped("The turn was stopped.")),
            TurnEnd::Aborted { reason: AbortReason::Timeout, .. } => {
                Err(ApiError::turn(FailureKind::Timeout, "The turn took too long.".to_owned()))
            }
            TurnEnd::Aborted { reason: AbortReason::Shutdown, .. } => Err(ApiError::stopped(GOES_ON)),
        }
    }

    async fn elsewhere(&mut self, gateway: &Gateway, run: &RunId) -> Result<Answer, ApiError> {
        if let Some(mut outcome) = gateway.sessions.outcome(run) {
            let ended = outcome.wait_for(Option::is_some).await.ok().and_then(|ended| ended.clone());
            if let Some(ended) = ended {
                return self.ended(ended.end.clone());
            }
        }
        match gateway.store.inbox_by_run(run).await {
            Ok(Some(row)) if !row.state.is_open() => recorded(gateway, row).await,
            _ => Err(ApiError::stopped("The turn goes on without this request.")),
        }
    }
}

impl Text {
    /// Takes more text in and returns what to send.
    fn grow(&mut self, text: &str) -> String {
        if self.call_from > 0 && self.kept.len() == self.call_from {
            self.kept.push_str("\n\n");
        }
        self.kept.push_str(text);
        self.sent = true;
        if std::mem::take(&mut self.break_due) { format!("\n\n{text}") } else { text.to_owned() }
    }

    /// The model call ran to its end; another one follows.
    fn end_call(&mut self) {
        self.call_from = self.kept.len();
        self.break_due = self.sent;
    }

    /// The model call broke off; what it said does not count.
    fn void(&mut self) {
        self.kept.truncate(self.call_from);
        self.break_due = self.sent;
    }
}

/// Why there are no more events of a turn that has not ended.
fn lost(gateway: &Gateway) -> ApiError {
    if gateway.shutdown.is_cancelled() {
        return ApiError::stopped(GOES_ON);
    }
    ApiError::stopped("The answer came faster than it was read; it stands in the session.")
}

async fn recorded(gateway: &Gateway, row: InboxRow) -> Result<Answer, ApiError> {
    let calls = calls_of(gateway, &row).await;
    let text = row.result.unwrap_or_default();
    match row.state {
        InboxState::Done => {
            let stop = if calls.is_empty() { StopReason::EndTurn } else { StopReason::ToolUse };
            Ok(Answer { text, stop, usage: Usage::default(), calls })
        }
        InboxState::Failed => Err(ApiError::turn(FailureKind::Unknown, text)),
        InboxState::Aborted | InboxState::Queued | InboxState::Running => {
            Err(ApiError::stopped("The turn was stopped."))
        }
    }
}

/// The calls with which a run ended.
async fn calls_of(gateway: &Gateway, row: &InboxRow) -> Vec<ToolUse> {
    let Ok(Some(stored)) = gateway.store.session(&row.session).await else { return Vec::new() };
    let items = gateway.store.items_of_run(&stored.id, &row.run).await.unwrap_or_default();
    unanswered_calls(items.iter())
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        let Some(run) = self.run.take() else { return };
        // Then it is the gateway that goes away, and the turn goes on at the next start.
        if self.gateway.shutdown.is_cancelled() {
            return;
        }
        let gateway = self.gateway.clone();
        self.gateway.tasks.spawn(async move {
            gateway.sessions.abort(&gateway, &AbortTarget::Run(run)).await;
        });
    }
}
