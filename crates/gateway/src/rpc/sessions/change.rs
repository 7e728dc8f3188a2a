//! What is done to sessions: made, changed, emptied, removed, stopped.

use chela_agent::{CommandId, parse_queue_mode, parse_thinking};
use chela_protocol::methods::chat::{ChatAttachment, ChatSendParams};
use chela_protocol::methods::sessions::{
    SessionsDeleteParams, SessionsDeleteResult, SessionsPatchParams, SessionsPatchResult, SessionsResetParams,
    SessionsResetResult,
};
use chela_protocol::{AgentId, RpcError, Scope, SessionKey};
use chela_store::{Session, SessionPatch, SessionQueue};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{store_path, stored};
use crate::commands;
use crate::route::Target;
use crate::rpc::chat::{send_message, target, unknown_thinking};
use crate::rpc::{Call, RpcResult, answer_of, missing_scope};
use crate::rpc_error;
use crate::sessions::{AbortTarget, RowContext, session_changed, session_entry};

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

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AbortParams {
    key: Option<String>,
    run_id: Option<String>,
    agent_id: Option<String>,
}

/// Write is enough for harmless fields; anything else needs admin.
pub(super) fn patch_scope(params: &Value) -> Scope {
    let harmless = |fields: &Map<String, Value>| {
        fields.keys().all(|field| PATCH_WITH_WRITE.contains(&field.as_str()) || field.starts_with("expected"))
    };
    if params.as_object().is_some_and(harmless) { Scope::SessionsWrite } else { Scope::Admin }
}

pub(super) fn delete_scope(params: &Value) -> Scope {
    if params.get("archivedOnly") == Some(&Value::Bool(true)) { Scope::SessionsWrite } else { Scope::Admin }
}

/// Makes a session, or finds the one that stands behind the key, and sends its first message. A message that can't be sent
/// leaves the session as it is and is reported beside it.
pub(super) async fn create(call: Call) -> RpcResult {
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

pub(super) async fn patch(call: Call) -> RpcResult {
    let params: SessionsPatchParams = call.params()?;
    let Target { agent, session } = target(&call, &params.key, params.agent_id.as_deref())?;
    let patch = SessionPatch {
        label: params.label,
        model: checked_model(&call, &agent, params.model)?,
        thinking_level: checked_thinking(params.thinking_level)?,
        verbose_level: checked("verboseLevel", CommandId::Verbose, params.verbose_level)?,
        reasoning_level: checked("reasoningLevel", CommandId::Reasoning, params.reasoning_level)?,
        response_usage: checked("responseUsage", CommandId::Usage, params.response_usage)?,
        send_policy: checked("sendPolicy", CommandId::Send, params.send_policy)?,
        group_activation: checked("groupActivation", CommandId::Activation, params.group_activation)?,
        queue: queue(&call, &session, params.queue_mode).await?,
        expiry: None,
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

pub(super) async fn reset(call: Call) -> RpcResult {
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

pub(super) async fn delete(call: Call) -> RpcResult {
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

pub(super) async fn abort(call: Call) -> RpcResult {
    let params: AbortParams = call.params()?;
    let aborting = match (params.run_id, params.key) {
        (Some(run), _) => AbortTarget::Run(run.into()),
        (None, Some(key)) => AbortTarget::Session(target(&call, &key, params.agent_id.as_deref())?.session),
        (None, None) => return Err(RpcError::invalid("invalid sessions.abort params: key or runId is needed")),
    };
    let hit = call.gateway.sessions.abort(&call.gateway, &aborting).await;
    Ok(json!({ "ok": true, "aborted": !hit.is_empty(), "runIds": hit }))
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
    let names = [("label", &patch.label), ("category", &patch.category)];
    for (name, value) in names {
        let value = value.iter().flatten().next().map_or("", String::as_str);
        if value.len() > NAME_MAX_BYTES || value.chars().any(char::is_control) {
            let message = format!("`{name}` has at most {NAME_MAX_BYTES} bytes and no control characters");
            return Err(RpcError::invalid(message));
        }
    }
    Ok(())
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
        Some(Some(level)) if parse_thinking(&level).is_none() => Err(unknown_thinking(&level)),
        level => Ok(level),
    }
}

/// A value that a command sets as well, as the store keeps it.
#[expect(clippy::option_option, reason = "absent, null and a value mean three things")]
fn checked(field: &str, command: CommandId, value: Option<Option<String>>) -> Result<Option<Option<String>>, RpcError> {
    let Some(Some(word)) = value else { return Ok(value) };
    let kept = commands::checked_level(command, &word);
    let kept = kept.ok_or_else(|| RpcError::invalid(format!("invalid {field} `{word}`")))?;
    Ok(Some(Some(kept.to_owned())))
}

/// Another queue mode; the session's other choices about its queue stay, and go with the mode.
#[expect(clippy::option_option, reason = "absent, null and a value mean three things")]
async fn queue(
    call: &Call,
    session: &SessionKey,
    mode: Option<Option<String>>,
) -> Result<Option<SessionQueue>, RpcError> {
    match mode {
        None => Ok(None),
        Some(None) => Ok(Some(SessionQueue::default())),
        Some(Some(mode)) if parse_queue_mode(&mode).is_none() => {
            Err(RpcError::invalid(format!("invalid queueMode `{mode}`; one of steer, followup, collect, interrupt")))
        }
        Some(Some(mode)) => {
            let queue = stored(call, session).await?.map(|stored| stored.settings.queue).unwrap_or_default();
            Ok(Some(SessionQueue { mode: Some(mode), ..queue }))
        }
    }
}
