//! What is asked of sessions: lists, one of them, its words.

use chela_protocol::methods::sessions::{
    SessionBranch, SessionBranchesParams, SessionBranchesResult, SessionDescribeResult, SessionKeyParams,
    SessionListDefaults, SessionRow, SessionsListParams, SessionsListResult,
};
use chela_protocol::{AgentId, RpcError};
use chela_store::{Session, SessionFilter};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{store_path, stored};
use crate::rpc::chat::target;
use crate::rpc::{Call, RpcResult, answer_of};
use crate::rpc_error;
use crate::sessions::{RowContext, messages_of, row_of, spoken};

/// Rows of a list when the client doesn't say, and at most.
const LIST_LIMIT: usize = 100;
const LIST_LIMIT_MAX: usize = 1_000;

/// Characters of a title or preview made from a message.
const PREVIEW_CHARS: usize = 120;

/// Keys of one `sessions.preview`.
const PREVIEW_KEYS: usize = 100;

/// Items that are looked at for a session's first or last words: the newest may be tool results.
const WORDS_WITHIN: usize = 20;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PreviewParams {
    keys: Vec<String>,
    limit: Option<usize>,
    max_chars: Option<usize>,
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

pub(super) async fn list(call: Call) -> RpcResult {
    let params: SessionsListParams = call.params()?;
    answer_of(&list_of(&call, &params).await?)
}

pub(super) async fn get(call: Call) -> RpcResult {
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

pub(super) async fn describe(call: Call) -> RpcResult {
    let params: SessionKeyParams = call.params()?;
    let session = target(&call, &params.key, params.agent_id.as_deref())?.session;
    let session = match stored(&call, &session).await? {
        Some(stored) => Some(titled(&call, &stored).await?),
        None => None,
    };
    answer_of(&SessionDescribeResult { session })
}

pub(super) async fn preview(call: Call) -> RpcResult {
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

/// A conversation has one branch, the one that goes on.
pub(super) async fn branches(call: Call) -> RpcResult {
    let params: SessionBranchesParams = call.params()?;
    let session = target(&call, &params.session_key, params.agent_id.as_deref())?.session;
    let Some(stored) = stored(&call, &session).await? else { return Ok(json!({ "branches": [] })) };
    let items = call.gateway.store.items_before(&stored.id, None, WORDS_WITHIN).await.map_err(rpc_error::of_store)?;
    let Some(leaf) = items.last() else { return Ok(json!({ "branches": [] })) };
    let said = items.iter().rev().find_map(spoken).map(|(_, text)| shortened(&text, PREVIEW_CHARS));
    let branch = SessionBranch {
        leaf_entry_id: leaf.id.clone(),
        headline: said.unwrap_or_default(),
        message_count: stored.items,
        updated_at: jiff::Timestamp::from_millisecond(leaf.created_at_ms).ok().map(|time| time.to_string()),
        active: true,
    };
    answer_of(&SessionBranchesResult { branches: vec![branch] })
}

pub(super) async fn resolve(call: Call) -> RpcResult {
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

pub(super) async fn list_of(call: &Call, params: &SessionsListParams) -> Result<SessionsListResult, RpcError> {
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

fn row(call: &Call, stored: &Session) -> SessionRow {
    let book = call.gateway.sessions.agents(&call.gateway);
    row_of(stored, &RowContext::of(&call.gateway, &book))
}

fn shortened(text: &str, most: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
