//! `agent` and `agent.wait`: one turn, answered twice.

use std::sync::Arc;
use std::time::Duration;

use chela_agent::{AbortReason, CommandId, TurnEnd, TurnInput, parse_command};
use chela_protocol::methods::agent::{
    AgentAccepted, AgentFinal, AgentMeta, AgentParams, AgentPayload, AgentRunMeta, AgentRunResult, AgentWaitParams,
    AgentWaitResult,
};
use chela_protocol::{RpcError, RunId, Scope, SessionId};
use chela_store::{InboxRow, InboxState};
use serde_json::Value;

use super::chat::{inbound, origin, run_id, thinking_of, turn_limit};
use super::{Access, Call, Method, RpcResult, answer_of};
use crate::attachments;
use crate::commands::{self, Typed};
use crate::intake::SubmitState;
use crate::route::client_target;
use crate::rpc_error;
use crate::sessions::Outcome;
use crate::turn_events::{abort_word, stop_word, usage_value};

/// How long `agent.wait` waits when the caller doesn't say, and at most: nobody waits longer on one request.
const WAIT: Duration = Duration::from_secs(30);
const WAIT_MAX: Duration = Duration::from_hours(24);

/// Before the id by which a caller named a conversation that is new.
const EXPLICIT: &str = "explicit:";

/// The methods of this noun.
pub(super) fn methods() -> Vec<Method> {
    vec![
        Method::new("agent", Access::Decided(scope_of), run),
        Method::new("agent.wait", Access::Holding(Scope::Write), wait),
    ]
}

/// `/new` and `/reset` throw a conversation away; some commands ask for more by themselves.
fn scope_of(params: &Value) -> Scope {
    let text = params.get("message").and_then(Value::as_str).unwrap_or_default();
    match parse_command(text).map(|parsed| parsed.command.id) {
        Some(CommandId::New | CommandId::Reset) => Scope::Admin,
        Some(command) => commands::needed_scope(command).unwrap_or(Scope::Write),
        None => Scope::Write,
    }
}

async fn run(call: Call) -> RpcResult {
    let params: AgentParams = call.params()?;
    let gateway = call.gateway.clone();
    let book = gateway.sessions.agents(&gateway);
    let named = session_named(&call, &params).await?;
    let target = client_target(&book, named.as_deref(), params.agent_id.as_deref())?;
    let run = run_id(params.idempotency_key.as_deref())?;
    let mut input = input_of(&call, &params)?;
    if input.text.trim().is_empty() && input.attachments.is_empty() {
        return Err(RpcError::invalid("invalid agent params: `message` is empty"));
    }
    let accepted_at = gateway.now_ms();
    let typed = Typed { text: &input.text, agent: &target.agent, is_owner: true, triggers: &[] };
    let reading = commands::read(&gateway, typed);
    if let Some(words) = reading.words() {
        words.clone_into(&mut input.text);
    }
    let submitted = commands::submit_reading(&call.gateway, reading, inbound(target.clone(), run, input)).await?;
    let accepted = AgentAccepted {
        run_id: submitted.run.to_string(),
        session_key: target.session.to_string(),
        agent_id: target.agent.to_string(),
        status: "accepted".to_owned(),
        accepted_at,
    };
    // A caller that is gone doesn't stop the turn: it is durable.
    let _ = call.early.send(answer_of(&accepted)?).await;
    if let SubmitState::Done(row) = submitted.state {
        return answer_of(&recorded(&row));
    }
    let settled = settled(&call, &submitted.run, None).await?;
    let stored = gateway.store.session(&target.session).await.map_err(rpc_error::of_store)?;
    let session_id = stored.map(|stored| stored.id.to_string()).unwrap_or_default();
    answer_of(&match settled {
        Settled::Ended(outcome) => finished(&submitted.run, &outcome, session_id),
        Settled::Recorded(row) => recorded(&row),
        Settled::Open => interrupted(&submitted.run),
    })
}

async fn wait(call: Call) -> RpcResult {
    let params: AgentWaitParams = call.params()?;
    let run = RunId::new(params.run_id);
    let limit = params.timeout_ms.map_or(WAIT, Duration::from_millis).min(WAIT_MAX);
    let timeout = AgentWaitResult {
        run_id: run.to_string(),
        status: "timeout".to_owned(),
        started_at: None,
        ended_at: None,
        error: None,
        stop_reason: None,
    };
    answer_of(&match settled(&call, &run, Some(limit)).await? {
        Settled::Open => timeout,
        Settled::Ended(outcome) => AgentWaitResult {
            status: status_of(&outcome.end).to_owned(),
            started_at: Some(outcome.started_at_ms),
            ended_at: Some(outcome.ended_at_ms),
            error: error_of(&outcome.end),
            stop_reason: Some(stop_of(&outcome.end).to_owned()),
            ..timeout
        },
        Settled::Recorded(row) => AgentWaitResult {
            status: if row.state == InboxState::Done { "ok" } else { "error" }.to_owned(),
            started_at: Some(row.received_at_ms),
            ended_at: row.closed_at_ms,
            error: row.result.filter(|_| row.state == InboxState::Failed),
            stop_reason: (row.state == InboxState::Aborted).then(|| "aborted".to_owned()),
            ..timeout
        },
    })
}

/// What is known of a run's end.
enum Settled {
    Ended(Arc<Outcome>),
    /// It ended before anybody asked; the store remembers the words.
    Recorded(Box<InboxRow>),
    /// It goes on, or nobody knows it.
    Open,
}

/// Waits for a run's end, for `limit` at most.
async fn settled(call: &Call, run: &RunId, limit: Option<Duration>) -> Result<Settled, RpcError> {
    let gateway = &call.gateway;
    if let Some(mut outcome) = gateway.sessions.outcome(run) {
        let ended = async { outcome.wait_for(Option::is_some).await.ok().and_then(|ended| ended.clone()) };
        let ended = match limit {
            None => ended.await,
            Some(limit) => match tokio::time::timeout(limit, ended).await {
                Ok(ended) => ended,
                Err(_) => return Ok(Settled::Open),
            },
        };
        if let Some(ended) = ended {
            return Ok(Settled::Ended(ended));
        }
    }
    let row = gateway.store.inbox_by_run(run).await.map_err(rpc_error::of_store)?;
    Ok(match row {
        Some(row) if !row.state.is_open() => Settled::Recorded(Box::new(row)),
        _ => Settled::Open,
    })
}

/// The session that the caller means, by its key or by its conversation's id. A conversation that a reset has ended can't be
/// gone on with, and a message for it must not land in the one that came after. An id that nobody has heard of names a session
/// of its own, as `openclaw agent --session-id` expects.
async fn session_named(call: &Call, params: &AgentParams) -> Result<Option<String>, RpcError> {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
    if let Some(key) = given(&params.session_key) {
        return Ok(Some(key));
    }
    let Some(id) = given(&params.session_id) else { return Ok(None) };
    let id = SessionId::new(id.trim());
    match call.gateway.store.session_by_id(&id).await.map_err(rpc_error::of_store)? {
        Some(session) if session.id == id => Ok(Some(session.key.to_string())),
        Some(session) => Err(RpcError::invalid(format!(
            "the conversation `{id}` ended when `{}` was reset; name the session by its key to go on there",
            session.key
        ))),
        None => Ok(Some(format!("{EXPLICIT}{id}"))),
    }
}

fn input_of(call: &Call, params: &AgentParams) -> Result<TurnInput, RpcError> {
    let model = match (&params.provider, &params.model) {
        (Some(provider), Some(model)) => Some(format!("{provider}/{model}")),
        (_, model) => model.clone(),
    };
    Ok(TurnInput {
        attachments: attachments::read(&params.attachments)?,
        model: model.filter(|model| !model.is_empty()),
        thinking: thinking_of(params.thinking.as_deref())?,
        timeout_ms: params.timeout.map(|seconds| turn_limit(seconds.saturating_mul(1_000))),
        extra_system: params.extra_system_prompt.clone().filter(|text| !text.trim().is_empty()),
        origin: origin(call),
        ..TurnInput::text(params.message.clone())
    })
}

fn finished(run: &RunId, outcome: &Outcome, session_id: String) -> AgentFinal {
    let (provider, model) = outcome.model.clone().unwrap_or_default();
    let usage = match &outcome.end {
        TurnEnd::Final { usage, .. } => Some(usage_value(usage)),
        TurnEnd::Aborted { .. } | TurnEnd::Failed { .. } => None,
    };
    let duration_ms = u64::try_from(outcome.ended_at_ms - outcome.started_at_ms).unwrap_or_default();
    let meta = AgentRunMeta { duration_ms, agent_meta: AgentMeta { session_id, provider, model, usage } };
    let (text, summary) = match &outcome.end {
        TurnEnd::Final { text, .. } => (text.clone(), "completed".to_owned()),
        TurnEnd::Aborted { text, .. } => (text.clone(), "aborted".to_owned()),
        TurnEnd::Failed { message, .. } => (message.clone(), message.clone()),
    };
    let result = Some(AgentRunResult { payloads: payloads(text), meta });
    AgentFinal { run_id: run.to_string(), status: status_of(&outcome.end).to_owned(), summary, result }
}

/// The answer to a request whose run ended before: what the store remembers.
fn recorded(row: &InboxRow) -> AgentFinal {
    let duration_ms = row.closed_at_ms.map_or(0, |closed| u64::try_from(closed - row.received_at_ms).unwrap_or(0));
    let agent_meta =
        AgentMeta { session_id: String::new(), provider: String::new(), model: String::new(), usage: None };
    let text = row.result.clone().unwrap_or_default();
    let (status, summary) = match row.state {
        InboxState::Done => ("ok", "completed".to_owned()),
        InboxState::Failed => ("error", text.clone()),
        InboxState::Aborted | InboxState::Queued | InboxState::Running => ("error", "aborted".to_owned()),
    };
    AgentFinal {
        run_id: row.run.to_string(),
        status: status.to_owned(),
        summary,
        result: Some(AgentRunResult { payloads: payloads(text), meta: AgentRunMeta { duration_ms, agent_meta } }),
    }
}

fn interrupted(run: &RunId) -> AgentFinal {
    AgentFinal {
        run_id: run.to_string(),
        status: "error".to_owned(),
        summary: "the gateway is stopping; the turn goes on by itself after the restart".to_owned(),
        result: None,
    }
}

fn payloads(text: String) -> Vec<AgentPayload> {
    if text.is_empty() { Vec::new() } else { vec![AgentPayload { text: Some(text), media_url: None }] }
}

fn status_of(end: &TurnEnd) -> &'static str {
    match end {
        TurnEnd::Final { .. } => "ok",
        TurnEnd::Aborted { reason: AbortReason::Timeout, .. } => "timeout",
        TurnEnd::Aborted { .. } | TurnEnd::Failed { .. } => "error",
    }
}

fn stop_of(end: &TurnEnd) -> &'static str {
    match end {
        TurnEnd::Final { stop, .. } => stop_word(*stop),
        TurnEnd::Aborted { reason, .. } => abort_word(*reason),
        TurnEnd::Failed { .. } => "error",
    }
}

fn error_of(end: &TurnEnd) -> Option<String> {
    match end {
        TurnEnd::Failed { message, .. } => Some(message.clone()),
        TurnEnd::Aborted { .. } => Some("the turn was aborted".to_owned()),
        TurnEnd::Final { .. } => None,
    }
}
