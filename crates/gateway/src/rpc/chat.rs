//! `chat.*`: the conversation as chat clients see it.

use chela_agent::{CommandId, InputOrigin, ItemBody, NoteBody, NoteKind, TURN_MAX, TurnInput, parse_thinking};
use chela_llm::Thinking;
use chela_protocol::methods::chat::{
    ChatAbortParams, ChatAbortResult, ChatHistoryParams, ChatHistoryResult, ChatInjectParams, ChatInjectResult,
    ChatMetadataParams, ChatMetadataResult, ChatSendParams, ChatSendResult, ChatSendStatus, CommandsListParams,
};
use chela_protocol::{ItemId, RpcError, RunId, Scope, SessionKey};
use chela_store::{Item, ItemKind, Session};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Access, Call, Method, RpcResult, answer_of, missing_scope};
use crate::attachments;
use crate::commands::{self, Reading, Typed};
use crate::intake::{self, Inbound, SubmitState};
use crate::route::{Target, client_target};
use crate::rpc_error;
use crate::sessions::{AbortTarget, Phase, RowContext, announce_text, messages_of, row_of, session_changed};

/// The channel of every WebSocket client: their idempotency keys share one space.
pub(super) const CHANNEL: &str = "webchat";

/// Messages of a history when the client doesn't say.
const HISTORY_LIMIT: usize = 200;
const HISTORY_LIMIT_MAX: usize = 1_000;

/// Runs of one `inputRunIds`, as in the reference system.
const INPUT_RUNS_MAX: usize = 50;

/// Bytes of a history's messages; the reference system's payload budget.
const HISTORY_BYTES: usize = 6 * 1024 * 1024;

/// Longest idempotency key; it is stored and sent with every event of its run.
const KEY_MAX_BYTES: usize = 256;

/// The methods of this noun.
pub(super) fn methods() -> Vec<Method> {
    vec![
        Method::new("chat.send", Access::Holding(Scope::Write), send),
        Method::new("chat.history", Access::Holding(Scope::Read), history),
        Method::new("chat.startup", Access::Holding(Scope::Read), startup),
        Method::new("chat.abort", Access::Holding(Scope::Write), abort),
        Method::new("chat.inject", Access::Holding(Scope::Admin), inject),
        Method::new("chat.metadata", Access::Holding(Scope::Read), metadata),
        Method::new("commands.list", Access::Holding(Scope::Read), list_commands),
    ]
}

async fn send(call: Call) -> RpcResult {
    let params: ChatSendParams = call.params()?;
    send_message(&call, &params).await
}

/// Sends a message as `chat.send` does, for every method that takes one.
pub(super) async fn send_message(call: &Call, params: &ChatSendParams) -> RpcResult {
    let target = target(call, &params.session_key, params.agent_id.as_deref())?;
    expect_session(call, &target, params.session_id.as_deref()).await?;
    let run = run_id(params.idempotency_key.as_deref())?;
    let mut input = input_of(call, params)?;
    if input.text.trim().is_empty() && input.attachments.is_empty() {
        return Err(RpcError::invalid("message or attachment required"));
    }
    let triggers = call.gateway.config.load().session.reset_triggers.clone();
    let reading = if params.suppress_command_interpretation == Some(true) {
        Reading::Message
    } else {
        let (text, agent) = (input.text.as_str(), &target.agent);
        commands::read(&call.gateway, Typed { text, agent, is_owner: true, triggers: &triggers })
    };
    if let Some(words) = reading.words() {
        words.clone_into(&mut input.text);
    }
    let mut inbound = inbound(target, run, input);
    inbound.mode = params.queue_mode;
    if reading.command() == Some(CommandId::Stop) {
        return answer_of(&aborted(&commands::stop(&call.gateway, &inbound.session).await));
    }
    if let Some(scope) = reading.command().and_then(commands::needed_scope)
        && !call.peer.holds(scope)
    {
        return Err(missing_scope(scope));
    }
    let submitted = commands::submit_reading(&call.gateway, reading, inbound).await?;
    let status = match submitted.state {
        SubmitState::Started => ChatSendStatus::Started,
        SubmitState::InFlight => ChatSendStatus::InFlight,
        SubmitState::Done(_) => ChatSendStatus::Ok,
    };
    answer_of(&ChatSendResult { run_id: submitted.run.to_string(), status })
}

async fn history(call: Call) -> RpcResult {
    let params: ChatHistoryParams = call.params()?;
    answer_of(&history_of(&call, &params).await?)
}

/// The same as a history, with what a page needs to begin.
async fn startup(call: Call) -> RpcResult {
    let params: ChatHistoryParams = call.params()?;
    let mut result = serde_json::to_value(history_of(&call, &params).await?).unwrap_or_default();
    let book = call.gateway.sessions.agents(&call.gateway);
    result["agentId"] = target(&call, &params.session_key, params.agent_id.as_deref())?.agent.as_str().into();
    result["defaultAgentId"] = book.default_agent().id.as_str().into();
    Ok(result)
}

async fn abort(call: Call) -> RpcResult {
    let params: ChatAbortParams = call.params()?;
    let session = target(&call, &params.session_key, params.agent_id.as_deref())?.session;
    let aborting = match params.run_id {
        Some(run) => {
            let run = RunId::new(run);
            let here = call.gateway.sessions.active(&session).into_iter().any(|active| active.run == run);
            if !here {
                return answer_of(&aborted(&[]));
            }
            AbortTarget::Run(run)
        }
        None => AbortTarget::Session(session),
    };
    answer_of(&aborted(&call.gateway.sessions.abort(&call.gateway, &aborting).await))
}

async fn inject(call: Call) -> RpcResult {
    let params: ChatInjectParams = call.params()?;
    if params.message.trim().is_empty() {
        return Err(RpcError::invalid("invalid chat.inject params: `message` is empty"));
    }
    intake::check_length(&params.message)?;
    let Target { agent, session } = target(&call, &params.session_key, params.agent_id.as_deref())?;
    let gateway = &call.gateway;
    let now_ms = gateway.now_ms();
    let stored = gateway.store.ensure_session(&session, &agent, now_ms).await.map_err(rpc_error::of_store)?;
    let text = match params.label.as_deref().map(str::trim).filter(|label| !label.is_empty()) {
        Some(label) => format!("[{label}]\n\n{}", params.message),
        None => params.message,
    };
    let body = ItemBody::Note(NoteBody { text: text.clone(), kind: NoteKind::Injected });
    let id = ItemId::new(Uuid::now_v7().to_string());
    gateway
        .store
        .append(&stored.id, vec![body.into_item(id.clone(), None, now_ms)])
        .await
        .map_err(rpc_error::of_store)?;
    let run = RunId::new(format!("inject-{id}"));
    announce_text(gateway, &Target { agent, session: session.clone() }, run, text);
    session_changed(gateway, &session, json!({ "reason": "inject" }));
    answer_of(&ChatInjectResult { ok: true, message_id: id.to_string() })
}

async fn metadata(call: Call) -> RpcResult {
    let _: ChatMetadataParams = call.params()?;
    let models = super::models::rows(&call.gateway, None);
    answer_of(&ChatMetadataResult { models, commands: commands::listed() })
}

async fn list_commands(call: Call) -> RpcResult {
    let params: CommandsListParams = call.params()?;
    let mut commands = commands::listed();
    if params.include_args == Some(false) {
        for command in &mut commands {
            command.args.clear();
        }
    }
    Ok(json!({ "commands": commands }))
}

/// The agent and session that a client means.
pub(super) fn target(call: &Call, session: &str, agent: Option<&str>) -> Result<Target, RpcError> {
    let book = call.gateway.sessions.agents(&call.gateway);
    Ok(client_target(&book, Some(session), agent)?)
}

/// The run id that an idempotency key gives; old clients without one get a new run.
pub(super) fn run_id(key: Option<&str>) -> Result<RunId, RpcError> {
    match key.map(str::trim) {
        None | Some("") => Ok(RunId::new(Uuid::new_v4().to_string())),
        Some(key) if key.len() > KEY_MAX_BYTES || key.chars().any(char::is_control) => Err(RpcError::invalid(format!(
            "idempotencyKey has at most {KEY_MAX_BYTES} bytes and no control characters"
        ))),
        Some(key) => Ok(RunId::new(key)),
    }
}

/// A message of this caller on its way in.
pub(super) fn inbound(target: Target, run: RunId, input: TurnInput) -> Inbound {
    Inbound {
        channel: CHANNEL.to_owned(),
        account: "default".to_owned(),
        platform_id: run.to_string(),
        run,
        session: target.session,
        agent: target.agent,
        input,
        mode: None,
        watcher: None,
    }
}

/// What is known of whoever calls.
pub(super) fn origin(call: &Call) -> InputOrigin {
    InputOrigin {
        client_id: Some(call.peer.client_id.clone()),
        client_mode: Some(call.peer.client_mode.clone()),
        ..InputOrigin::default()
    }
}

/// A thinking level in a client's words.
pub(super) fn thinking_of(level: Option<&str>) -> Result<Option<Thinking>, RpcError> {
    match level.map(str::trim).filter(|level| !level.is_empty()) {
        Some(level) => parse_thinking(level).map(Some).ok_or_else(|| unknown_thinking(level)),
        None => Ok(None),
    }
}

/// A turn's limit in milliseconds, where a client's 0 is as long as a turn can be.
pub(super) fn turn_limit(asked_ms: u64) -> u64 {
    let longest = u64::try_from(TURN_MAX.as_millis()).unwrap_or(u64::MAX);
    if asked_ms == 0 { longest } else { asked_ms.min(longest) }
}

fn input_of(call: &Call, params: &ChatSendParams) -> Result<TurnInput, RpcError> {
    Ok(TurnInput {
        attachments: attachments::read(&params.attachments)?,
        thinking: thinking_of(params.thinking.as_deref())?,
        timeout_ms: params.timeout_ms.map(turn_limit),
        origin: origin(call),
        ..TurnInput::text(params.message.clone())
    })
}

pub(super) fn unknown_thinking(level: &str) -> RpcError {
    RpcError::invalid(format!(
        "unknown thinking level `{level}`; one of off, minimal, low, medium, high, xhigh, adaptive, max"
    ))
}

/// Refuses when the client's picture of the session is older than a reset.
async fn expect_session(call: &Call, target: &Target, expected: Option<&str>) -> Result<(), RpcError> {
    let Some(expected) = expected else { return Ok(()) };
    match call.gateway.store.session(&target.session).await.map_err(rpc_error::of_store)? {
        Some(stored) if stored.id.as_str() != expected => Err(RpcError::invalid(format!(
            "the session `{}` has a new conversation by now; load its history again",
            target.session
        ))),
        _ => Ok(()),
    }
}

async fn history_of(call: &Call, params: &ChatHistoryParams) -> Result<ChatHistoryResult, RpcError> {
    let gateway = &call.gateway;
    let session = target(call, &params.session_key, params.agent_id.as_deref())?.session;
    let limit = params.limit.unwrap_or(HISTORY_LIMIT).clamp(1, HISTORY_LIMIT_MAX);
    let book = gateway.sessions.agents(gateway);
    let context = RowContext::of(gateway, &book);
    let model = context.model(&session.agent(), None);
    let defaults = json!({
        "modelProvider": model.reference.provider,
        "model": model.reference.model,
        "contextTokens": model.context_window,
    });
    drop(context);
    let Some(stored) = gateway.store.session(&session).await.map_err(rpc_error::of_store)? else {
        return Ok(ChatHistoryResult {
            session_key: session.to_string(),
            session_id: None,
            messages: Vec::new(),
            has_more: false,
            total_messages: 0,
            delta_cursor: None,
            thinking_level: None,
            pending_inputs: Some(pending(call, &session)),
            defaults: Some(defaults),
            session_info: None,
        });
    };
    let page = page_of(call, &stored, params, limit).await?;
    let (mut messages, cut) = fitting(&page.items, params);
    let first = page.items.first().map_or(i64::MAX, |item| item.seq);
    let mut inputs = inputs_before(call, &stored, &params.input_run_ids, first).await?;
    inputs.append(&mut messages);
    let messages = inputs;
    let info = row_of(&stored, &RowContext::of(gateway, &book));
    Ok(ChatHistoryResult {
        session_key: session.to_string(),
        session_id: Some(stored.id.to_string()),
        messages,
        has_more: page.has_more || cut,
        total_messages: u64::try_from(stored.items).unwrap_or_default(),
        delta_cursor: Some(stored.items.to_string()),
        thinking_level: stored.settings.thinking_level.clone(),
        pending_inputs: Some(pending(call, &session)),
        defaults: Some(defaults),
        session_info: serde_json::to_value(info).ok(),
    })
}

/// The part of a conversation that a client asked for.
struct Page {
    items: Vec<Item>,
    /// There is more in the direction in which the client reads.
    has_more: bool,
}

async fn page_of(call: &Call, stored: &Session, params: &ChatHistoryParams, limit: usize) -> Result<Page, RpcError> {
    let store = &call.gateway.store;
    let since = params.cursor.as_deref().and_then(|cursor| cursor.parse::<i64>().ok());
    // A cursor of another conversation is worth nothing: the client gets the newest page.
    if let Some(since) = since.filter(|since| (0..=stored.items).contains(since)) {
        let items = store.items_after(&stored.id, since, limit).await.map_err(rpc_error::of_store)?;
        let has_more = items.last().is_some_and(|item| item.seq < stored.items);
        return Ok(Page { items, has_more });
    }
    let seqs = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let before = match &params.message_id {
        Some(id) => {
            let found = store.item(&stored.id, &ItemId::new(id.as_str())).await.map_err(rpc_error::of_store)?;
            let found = found.ok_or_else(|| RpcError::invalid(format!("no message `{id}` in this conversation")))?;
            found.seq.saturating_add(seqs(limit / 2)).min(stored.items) + 1
        }
        None => stored.items + 1 - seqs(params.offset.unwrap_or(0)).min(stored.items),
    };
    let items = store.items_before(&stored.id, Some(before), limit).await.map_err(rpc_error::of_store)?;
    let has_more = items.first().is_some_and(|item| item.seq > 1);
    Ok(Page { items, has_more })
}

/// What began these runs, as far as it stands before position `first`.
async fn inputs_before(call: &Call, stored: &Session, runs: &[String], first: i64) -> Result<Vec<Value>, RpcError> {
    if runs.len() > INPUT_RUNS_MAX {
        return Err(RpcError::invalid(format!("inputRunIds takes at most {INPUT_RUNS_MAX} runs")));
    }
    let mut inputs = Vec::new();
    for run in runs {
        let items = call.gateway.store.items_of_run(&stored.id, &RunId::new(run.as_str())).await;
        let items = items.map_err(rpc_error::of_store)?;
        inputs.extend(items.into_iter().filter(|item| item.kind == ItemKind::User && item.seq < first));
    }
    inputs.sort_unstable_by_key(|item| item.seq);
    Ok(inputs.iter().flat_map(messages_of).collect())
}

/// The newest messages that fit into the bytes that were asked for, oldest first, and whether some did not.
fn fitting(items: &[Item], params: &ChatHistoryParams) -> (Vec<Value>, bool) {
    let budget = params.max_bytes.unwrap_or(HISTORY_BYTES).min(HISTORY_BYTES);
    let mut used = 0;
    let mut kept = Vec::new();
    for mut message in items.iter().flat_map(messages_of).collect::<Vec<_>>().into_iter().rev() {
        if let Some(most) = params.max_chars {
            cut_texts(&mut message, most);
        }
        used += message.to_string().len();
        if used > budget && !kept.is_empty() {
            kept.reverse();
            return (kept, true);
        }
        kept.push(message);
    }
    kept.reverse();
    (kept, false)
}

/// Shortens the texts of a message, for clients that show previews.
fn cut_texts(message: &mut Value, most: usize) {
    let cut = |text: &mut Value| {
        if let Some(whole) = text.as_str()
            && let Some((end, _)) = whole.char_indices().nth(most)
        {
            *text = format!("{}…", &whole[..end]).into();
        }
    };
    match message.get_mut("content") {
        Some(Value::Array(parts)) => parts.iter_mut().filter_map(|part| part.get_mut("text")).for_each(cut),
        Some(text) => cut(text),
        None => {}
    }
}

/// Messages that wait for their turn, in OpenClaw's `pendingInputs`.
fn pending(call: &Call, session: &SessionKey) -> Value {
    let active = call.gateway.sessions.active(session);
    let items: Vec<Value> = active
        .iter()
        .filter(|run| run.phase == Phase::Queued)
        .map(|run| json!({ "runId": run.run, "state": "queued" }))
        .collect();
    json!({ "total": items.len(), "items": items })
}

fn aborted(runs: &[RunId]) -> ChatAbortResult {
    ChatAbortResult { ok: true, aborted: !runs.is_empty(), run_ids: runs.iter().map(RunId::to_string).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_zero_is_the_longest_there_is() {
        const DAY: u64 = 24 * 60 * 60 * 1_000;
        assert_eq!([turn_limit(0), turn_limit(1), turn_limit(u64::MAX)], [DAY, 1, DAY]);
    }
}
