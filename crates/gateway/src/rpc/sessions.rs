//! `sessions.*`: the list of sessions and one session's settings.

use chela_agent::parse_thinking;
use chela_protocol::methods::chat::{ChatAttachment, ChatSendParams};
use chela_protocol::methods::sessions::{
    SessionDescribeResult, SessionKeyParams, SessionListDefaults, SessionRow, SessionsDeleteParams,
    SessionsDeleteResult, SessionsListParams, SessionsListResult, SessionsPatchParams, SessionsPatchResult,
    SessionsResetParams, SessionsResetResult, SubscribeResult,
};
use chela_protocol::{AgentId, RpcError, Scope, SessionKey};
use chela_store::{Session, SessionFilter, SessionPatch};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::chat::{send_message, target};
use super::{Access, Call, Method, RpcResult, answer_of, missing_scope};
use crate::commands;
use crate::route::Target;
use crate::rpc_error;
use crate::sessions::{AbortTarget, RowContext, messages_of, row_of, session_changed, session_entry, spoken};

/// Rows of a list when the client doesn't say, and at most.
const LIST_LIMIT: usize = 100;
const LIST_LIMIT_MAX: usize = 1_000;

/// Characters of a title or preview made from a message.
const PREVIEW_CHARS: usize = 120;

/// Keys of one `sessions.preview`.
const PREVIEW_KEYS: usize = 100;

/// Items that are looked at for a session's first or last words: the newest may be tool results.
const WORDS_WITHIN: usize = 20;

/// Fields of `sessions.patch` for which write access is enough.
const PATCH_WITH_WRITE: &[&str] = &[
    "key",
    "agentId",
    "label",
    "autoLabel",
    "icon",
    "color",
    "category",
    "boardFace",
    "boardPresentation",
    "pinned",
    "archived",
    "unread",
    "model",
    "agentRuntime",
    "thinkingLevel",
    "fastMode",
];

/// Longest label or category of a session; the reference system's limit.
const NAME_MAX_BYTES: usize = 512;

/// The methods of this noun.
pub(super) fn methods() -> Vec<Method> {
    let (read, write) = (Access::Holding(Scope::SessionsRead), Access::Holding(Scope::SessionsWrite));
    vec![
        Method::new("sessions.list", read, list),
        Method::new("sessions.get", read, get),
        Method::new("sessions.describe", read, describe),
        Method::new("sessions.preview", read, preview),
        Method::new("sessions.resolve", read, resolve),
        Method::new("sessions.create", write, create),
        Method::new("sessions.patch", Access::Decided(patch_scope), patch),
        Method::new("sessions.reset", Access::Holding(Scope::Admin), reset),
        Method::new("sessions.delete", Access::Decided(delete_scope), delete),
        Method::new("sessions.abort", write, abort),
        Method::new("sessions.subscribe", read, subscribe),
        Method::new("sessions.unsubscribe", read, unsubscribe),
        Method::new("sessions.messages.subscribe", read, watch_messages),
        Method::new("sessions.messages.unsubscribe", read, unwatch_messages),
    ]
}

async fn list(call: Call) -> RpcResult {
    let params: SessionsListParams = call.params()?;
    answer_of(&list_of(&call, &params).await?)
}

async fn get(call: Call) -> RpcResult {
    let params: SessionKeyParams = call.params()?;
    let session = target(&call, &params.key, params.agent_id.as_deref())?.session;
    let Some(stored) = stored(&call, &session).await? else {
        return Ok(json!({ "session": null, "messages": [] }));
    };
    let limit = params.limit.unwrap_or(LIST_LIMIT).clamp(1, LIST_LIMIT_MAX);
    let items = call.gateway.store.items_before(&stored.id, None, limit).await.map_err(rpc_error::of_store)?;
    let messages: Vec<Value> = items.iter().flat_map(messages_of).collect();
    Ok(json!({ "session": row(&call, &stored), "messages": messages }))
}

async fn describe(call: Call) -> RpcResult {
    let params: SessionKeyParams = call.params()?;
    let session = target(&call, &params.key, params.agent_id.as_deref())?.session;
    let session = match stored(&call, &session).await? {
        Some(stored) => Some(titled(&call, &stored).await?),
        None => None,
    };
    answer_of(&SessionDescribeResult { session })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PreviewParams {
    keys: Vec<String>,
    limit: Option<usize>,
    max_chars: Option<usize>,
}

async fn preview(call: Call) -> RpcResult {
    let params: PreviewParams = call.params()?;
    if params.keys.len() > PREVIEW_KEYS {
        return Err(RpcError::invalid(format!("sessions.preview takes at most {PREVIEW_KEYS} keys")));
    }
    let limit = params.limit.unwrap_or(12).clamp(1, 50);
    let chars = params.max_chars.unwrap_or(240).clamp(20, 2_000);
    let mut previews = Vec::with_capacity(params.keys.len());
    for key in &params.keys {
        let session = target(&call, key, None)?.session;
        let Some(stored) = stored(&call, &session).await? else {
            previews.push(json!({ "key": key, "status": "missing", "items": [] }));
            continue;
        };
        let items = call.gateway.store.items_before(&stored.id, None, limit).await.map_err(rpc_error::of_store)?;
        let said = |(role, text): (&str, String)| json!({ "role": role, "text": shortened(&text, chars) });
        let items: Vec<Value> = items.iter().filter_map(spoken).map(said).collect();
        let status = if items.is_empty() { "empty" } else { "ok" };
        previews.push(json!({ "key": key, "status": status, "items": items }));
    }
    Ok(json!({ "ts": call.gateway.now_ms(), "previews": previews }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResolveParams {
    key: Option<String>,
    session_id: Option<String>,
    label: Option<String>,
    agent_id: Option<String>,
    #[serde(default)]
    allow_missing: bool,
}

async fn resolve(call: Call) -> RpcResult {
    let params: ResolveParams = call.params()?;
    let found = match &params {
        ResolveParams { key: Some(key), .. } => {
            let session = target(&call, key, params.agent_id.as_deref())?.session;
            stored(&call, &session).await?
        }
        ResolveParams { session_id: Some(id), .. } => search(&call, None, |session| session.id.as_str() == id).await?,
        ResolveParams { label: Some(label), .. } => {
            search(&call, Some(label), |session| session.settings.label.as_ref() == Some(label)).await?
        }
        _ => {
            return Err(RpcError::invalid("invalid sessions.resolve params: one of key, sessionId or label is needed"));
        }
    };
    match found {
        Some(session) => Ok(json!({ "ok": true, "key": session.key, "agentId": session.agent })),
        None if params.allow_missing => Ok(json!({ "ok": false })),
        None => Err(RpcError::invalid("no such session; sessions.list shows those there are")),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateParams {
    key: Option<String>,
    agent_id: Option<String>,
    label: Option<String>,
    category: Option<String>,
    model: Option<String>,
    thinking_level: Option<String>,
    /// The first message.
    #[serde(alias = "task")]
    message: Option<String>,
    #[serde(default)]
    attachments: Vec<ChatAttachment>,
    idempotency_key: Option<String>,
}

/// Makes a session, or finds the one that stands behind the key, and sends its first message. A message that can't be sent
/// leaves the session as it is and is reported beside it.
async fn create(call: Call) -> RpcResult {
    let params: CreateParams = call.params()?;
    let first = first_message(&params);
    if first.is_some() && !call.peer.holds(Scope::Write) {
        return Err(missing_scope(Scope::Write));
    }
    let made = format!("dashboard:{}", Uuid::new_v4());
    let Target { agent, session } = target(&call, params.key.as_deref().unwrap_or(&made), params.agent_id.as_deref())?;
    let patch = SessionPatch {
        label: params.label.map(Some),
        category: params.category.map(Some),
        model: checked_model(&call, &agent, params.model.map(Some))?,
        thinking_level: checked_thinking(params.thinking_level.map(Some))?,
        ..SessionPatch::default()
    };
    let stored = changed(&call, &agent, &session, patch, "create").await?;
    let entry = session_entry(&stored);
    let mut created =
        json!({ "ok": true, "key": session, "sessionId": stored.id, "entry": entry, "runStarted": false });
    let Some(first) = first else { return Ok(created) };
    let first = ChatSendParams { session_key: session.to_string(), agent_id: Some(agent.to_string()), ..first };
    match send_message(&call, &first).await {
        Ok(sent) => {
            created["runStarted"] = true.into();
            created["runId"] = sent["runId"].clone();
        }
        Err(error) => created["runError"] = answer_of(&error)?,
    }
    Ok(created)
}

fn first_message(params: &CreateParams) -> Option<ChatSendParams> {
    let message = params.message.clone().unwrap_or_default();
    let said = !message.trim().is_empty() || !params.attachments.is_empty();
    said.then(|| ChatSendParams {
        message,
        attachments: params.attachments.clone(),
        idempotency_key: params.idempotency_key.clone(),
        ..ChatSendParams::default()
    })
}

async fn patch(call: Call) -> RpcResult {
    let params: SessionsPatchParams = call.params()?;
    let Target { agent, session } = target(&call, &params.key, params.agent_id.as_deref())?;
    let patch = SessionPatch {
        label: params.label,
        model: checked_model(&call, &agent, params.model)?,
        thinking_level: checked_thinking(params.thinking_level)?,
        verbose_level: params.verbose_level,
        reasoning_level: params.reasoning_level,
        category: call.params.get("category").map(|category| category.as_str().map(str::to_owned)),
        archived: params.archived,
        pinned: params.pinned,
        unread: params.unread,
    };
    let stored = changed(&call, &agent, &session, patch, "patch").await?;
    let book = call.gateway.sessions.agents(&call.gateway);
    let model = RowContext::of(&call.gateway, &book).model(&agent, stored.settings.model.as_deref()).reference;
    answer_of(&SessionsPatchResult {
        ok: true,
        path: store_path(&call),
        key: session.to_string(),
        entry: session_entry(&stored),
        resolved: Some(json!({ "modelProvider": model.provider, "model": model.model })),
    })
}

async fn reset(call: Call) -> RpcResult {
    let params: SessionsResetParams = call.params()?;
    let session = target(&call, &params.key, params.agent_id.as_deref())?.session;
    if let (Some(expected), Some(now)) = (&params.expected_session_id, stored(&call, &session).await?)
        && now.id.as_str() != expected
    {
        return Err(RpcError::invalid(format!("the session `{session}` was reset by somebody else already")));
    }
    commands::begin_anew(&call.gateway, &session).await.map_err(rpc_error::of_store)?;
    let entry = stored(&call, &session).await?.as_ref().map(session_entry).unwrap_or_default();
    answer_of(&SessionsResetResult { ok: true, key: session.to_string(), entry })
}

async fn delete(call: Call) -> RpcResult {
    let params: SessionsDeleteParams = call.params()?;
    let session = target(&call, &params.key, params.agent_id.as_deref())?.session;
    if session.is_main() {
        return Err(RpcError::invalid(format!(
            "the main session `{session}` can't be deleted; sessions.reset empties it"
        )));
    }
    let archived = stored(&call, &session).await?.is_some_and(|stored| stored.settings.archived);
    if params.archived_only == Some(true) && !archived {
        return Err(RpcError::invalid(format!("the session `{session}` is not archived")));
    }
    call.gateway.sessions.abort(&call.gateway, &AbortTarget::Session(session.clone())).await;
    let transcript = params.delete_transcript.unwrap_or(true);
    let deleted = call.gateway.store.delete_session(&session, transcript).await.map_err(rpc_error::of_store)?;
    session_changed(&call.gateway, &session, json!({ "reason": "delete" }));
    answer_of(&SessionsDeleteResult { ok: true, key: session.to_string(), deleted, archived: Vec::new() })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AbortParams {
    key: Option<String>,
    run_id: Option<String>,
    agent_id: Option<String>,
}

async fn abort(call: Call) -> RpcResult {
    let params: AbortParams = call.params()?;
    let aborting = match (params.run_id, params.key) {
        (Some(run), _) => AbortTarget::Run(run.into()),
        (None, Some(key)) => AbortTarget::Session(target(&call, &key, params.agent_id.as_deref())?.session),
        (None, None) => return Err(RpcError::invalid("invalid sessions.abort params: key or runId is needed")),
    };
    let hit = call.gateway.sessions.abort(&call.gateway, &aborting).await;
    Ok(json!({ "ok": true, "aborted": !hit.is_empty(), "runIds": hit }))
}

async fn subscribe(call: Call) -> RpcResult {
    let wants_list = call.params.as_object().is_some_and(|fields| !fields.is_empty());
    call.gateway.events.watch_session_list(&call.peer.connection_id);
    let list = if wants_list { Some(list_of(&call, &call.params()?).await?) } else { None };
    answer_of(&SubscribeResult { subscribed: true, key: None, list })
}

async fn unsubscribe(call: Call) -> RpcResult {
    call.gateway.events.unwatch_session_list(&call.peer.connection_id);
    answer_of(&SubscribeResult { subscribed: false, key: None, list: None })
}

async fn watch_messages(call: Call) -> RpcResult {
    let params: SessionKeyParams = call.params()?;
    let session = target(&call, &params.key, params.agent_id.as_deref())?.session;
    call.gateway.events.watch_session(&call.peer.connection_id, &session);
    let mut answer = json!({ "subscribed": true, "key": session });
    if params.include_approvals == Some(true) {
        let now = call.gateway.now_ms();
        answer["approvalReplay"] =
            json!({ "sessionKey": session, "updatedAtMs": now, "approvals": [], "truncated": false });
    }
    Ok(answer)
}

async fn unwatch_messages(call: Call) -> RpcResult {
    let params: SessionKeyParams = call.params()?;
    let session = target(&call, &params.key, params.agent_id.as_deref())?.session;
    call.gateway.events.unwatch_session(&call.peer.connection_id, &session);
    Ok(json!({ "subscribed": false, "key": session }))
}

/// Write is enough for harmless fields; anything else needs admin.
fn patch_scope(params: &Value) -> Scope {
    let harmless = |fields: &serde_json::Map<String, Value>| {
        fields.keys().all(|field| PATCH_WITH_WRITE.contains(&field.as_str()) || field.starts_with("expected"))
    };
    if params.as_object().is_some_and(harmless) { Scope::SessionsWrite } else { Scope::Admin }
}

fn delete_scope(params: &Value) -> Scope {
    if params.get("archivedOnly") == Some(&Value::Bool(true)) { Scope::SessionsWrite } else { Scope::Admin }
}

async fn list_of(call: &Call, params: &SessionsListParams) -> Result<SessionsListResult, RpcError> {
    let gateway = &call.gateway;
    let filter = filter_of(params, gateway.now_ms());
    let (limit, offset) = (filter.limit, filter.offset);
    let (found, total) = gateway.store.sessions(filter).await.map_err(rpc_error::of_store)?;
    let wants_words = params.include_derived_titles == Some(true) || params.include_last_message == Some(true);
    let mut rows = Vec::with_capacity(found.len());
    for stored in &found {
        rows.push(if wants_words { titled(call, stored).await? } else { row(call, stored) });
    }
    let end = offset + rows.len();
    let book = gateway.sessions.agents(gateway);
    let model = RowContext::of(gateway, &book).model(&book.default_agent().id, None);
    Ok(SessionsListResult {
        ts: gateway.now_ms(),
        path: store_path(call),
        count: rows.len() as u64,
        total_count: total as u64,
        limit_applied: limit as u64,
        next_offset: (end < total).then_some(end as u64),
        has_more: end < total,
        defaults: SessionListDefaults {
            model_provider: Some(model.reference.provider),
            model: Some(model.reference.model),
            context_tokens: Some(model.context_window),
        },
        sessions: rows,
    })
}

fn filter_of(params: &SessionsListParams, now_ms: i64) -> SessionFilter {
    let since = |minutes: u64| now_ms - i64::try_from(minutes.saturating_mul(60_000)).unwrap_or(i64::MAX).min(now_ms);
    SessionFilter {
        agent: params.agent_id.as_deref().map(AgentId::new),
        search: params.search.clone().or_else(|| params.label.clone()).filter(|text| !text.is_empty()),
        archived: match &params.archived {
            Some(Value::Bool(archived)) => Some(*archived),
            Some(Value::String(all)) if all == "all" => None,
            _ => Some(false),
        },
        updated_since_ms: params.active_minutes.map(since),
        limit: params.limit.unwrap_or(LIST_LIMIT).clamp(1, LIST_LIMIT_MAX),
        offset: params.offset.unwrap_or(0),
    }
}

/// The row with a title from the first words and a preview of the last.
async fn titled(call: &Call, stored: &Session) -> Result<SessionRow, RpcError> {
    let mut row = row(call, stored);
    let store = &call.gateway.store;
    let first = store.items_after(&stored.id, 0, WORDS_WITHIN).await.map_err(rpc_error::of_store)?;
    let last = store.items_before(&stored.id, None, WORDS_WITHIN).await.map_err(rpc_error::of_store)?;
    let title = first.iter().filter_map(spoken).find(|(role, _)| *role == "user");
    row.derived_title = title.map(|(_, text)| shortened(&text, PREVIEW_CHARS)).or_else(|| row.display_name.clone());
    row.last_message_preview = last.iter().rev().find_map(spoken).map(|(_, text)| shortened(&text, PREVIEW_CHARS));
    Ok(row)
}

/// Looks through every session, page by page.
async fn search(
    call: &Call,
    words: Option<&String>,
    wanted: impl Fn(&Session) -> bool,
) -> Result<Option<Session>, RpcError> {
    let mut filter = SessionFilter { search: words.cloned(), limit: LIST_LIMIT_MAX, ..SessionFilter::default() };
    loop {
        let (found, total) = call.gateway.store.sessions(filter.clone()).await.map_err(rpc_error::of_store)?;
        filter.offset += found.len();
        let last = found.is_empty() || filter.offset >= total;
        if let Some(session) = found.into_iter().find(&wanted) {
            return Ok(Some(session));
        }
        if last {
            return Ok(None);
        }
    }
}

/// Applies a patch to a session, which is made if the key is new, and tells watchers why.
async fn changed(
    call: &Call,
    agent: &AgentId,
    session: &SessionKey,
    patch: SessionPatch,
    reason: &str,
) -> Result<Session, RpcError> {
    check_names(&patch)?;
    let (store, now) = (&call.gateway.store, call.gateway.now_ms());
    store.ensure_session(session, agent, now).await.map_err(rpc_error::of_store)?;
    let stored = store.patch_session(session, patch, now).await.map_err(rpc_error::of_store)?;
    session_changed(&call.gateway, session, json!({ "reason": reason }));
    Ok(stored)
}

/// Names stand in lists, on one line.
fn check_names(patch: &SessionPatch) -> Result<(), RpcError> {
    let names = [
        ("label", &patch.label),
        ("category", &patch.category),
        ("verboseLevel", &patch.verbose_level),
        ("reasoningLevel", &patch.reasoning_level),
    ];
    for (name, value) in names {
        let value = value.iter().flatten().next().map_or("", String::as_str);
        if value.len() > NAME_MAX_BYTES || value.chars().any(char::is_control) {
            let message = format!("`{name}` has at most {NAME_MAX_BYTES} bytes and no control characters");
            return Err(RpcError::invalid(message));
        }
    }
    Ok(())
}

fn row(call: &Call, stored: &Session) -> SessionRow {
    let book = call.gateway.sessions.agents(&call.gateway);
    row_of(stored, &RowContext::of(&call.gateway, &book))
}

async fn stored(call: &Call, session: &SessionKey) -> Result<Option<Session>, RpcError> {
    call.gateway.store.session(session).await.map_err(rpc_error::of_store)
}

#[expect(clippy::option_option, reason = "absent, null and a value mean three things")]
fn checked_model(
    call: &Call,
    agent: &AgentId,
    model: Option<Option<String>>,
) -> Result<Option<Option<String>>, RpcError> {
    let Some(Some(text)) = model else { return Ok(model) };
    let book = call.gateway.sessions.agents(&call.gateway);
    let text = book.profile_or_default(agent).model_text(&text).to_owned();
    let model = commands::resolve_model(&call.gateway, &text).map_err(RpcError::invalid)?;
    Ok(Some(Some(model.to_string())))
}

#[expect(clippy::option_option, reason = "absent, null and a value mean three things")]
fn checked_thinking(level: Option<Option<String>>) -> Result<Option<Option<String>>, RpcError> {
    match level {
        Some(Some(level)) if parse_thinking(&level).is_none() => Err(super::chat::unknown_thinking(&level)),
        level => Ok(level),
    }
}

fn store_path(call: &Call) -> String {
    call.gateway.store.path().display().to_string()
}

fn shortened(text: &str, most: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
