//! `POST /tools/invoke`: one tool call without a model.
//!
//! Tools that run programs, change files or reach other sessions are not offered here, unless `gateway.tools.allow` names them; what
//! `gateway.tools.deny` names never is. The agent's own tool policy holds as well, and a call is weighed like one of a turn in which
//! only the owner spoke: `tools.exec.mode` decides whether a command runs, is asked about or refused.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use chela_agent::{
    ApprovalRequest, Approvals as _, Asking, Clearance, Denial, Gate, SessionStatus, Tool, ToolContext, ToolError,
    ToolOutput, ToolProgress, Trust, Verdict, gate,
};
use chela_protocol::{AgentId, RunId, SessionKey};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::app::Gateway;
use crate::approvals::GatewayApprovals;
use crate::auth::http::authorise;
use crate::config::GatewayToolsConfig;
use crate::once::{Once, OnceKey, Outcome};
use crate::pressure::RETRY_AFTER;
use crate::route::{Target, client_target};
use crate::rpc_error;
use crate::server::{BodyError, Front, Ready, json_object, read_body};
use crate::sessions::{AgentBook, RowContext};

/// Not offered unless allowed. The reference system's list; `process`, which steers what `exec` started; and `write` and `edit`, which
/// its endpoint doesn't have at all: whoever writes files that programs obey runs programs.
const DENIED: &[&str] = &[
    "exec",
    "process",
    "write",
    "edit",
    "spawn",
    "shell",
    "fs_write",
    "fs_delete",
    "fs_move",
    "apply_patch",
    "sessions_spawn",
    "sessions_send",
    "cron",
    "gateway",
    "nodes",
];

/// Largest request.
const BODY_BYTES: usize = 2 * 1024 * 1024;

/// How long a request may take to arrive, and a call to end: as long as an agent's turn by default.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
const CALL_TIMEOUT: Duration = Duration::from_mins(10);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    #[serde(alias = "name")]
    tool: String,
    /// Goes into the arguments where they have none of their own.
    action: Option<String>,
    args: Option<Map<String, Value>>,
    session_key: Option<String>,
    agent_id: Option<String>,
    /// The same call with the same key is made once, and its outcome given to all who ask.
    idempotency_key: Option<String>,
    /// Checks everything and calls nothing.
    #[serde(default)]
    dry_run: bool,
}

/// What a call came to.
type Invoked = Result<Value, Refusal>;

/// The calls that have a key.
pub(crate) type Invocations = Once<Invoked>;

/// Why there is no result.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    status: StatusCode,
    kind: &'static str,
    message: String,
}

/// The routes of this interface.
pub(crate) fn router() -> Router<Arc<Front>> {
    Router::new().route("/tools/invoke", post(invoke))
}

async fn invoke(Ready(gateway): Ready, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    if let Err(refusal) = authorise(&gateway, &parts).await {
        return *refusal;
    }
    if let Err(scarce) = gateway.pressure.refuse_heavy() {
        let refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", scarce.to_string());
        return ([(header::RETRY_AFTER, RETRY_AFTER.as_secs())], refusal).into_response();
    }
    let bytes = match read_body(body, BODY_BYTES, BODY_TIMEOUT).await {
        Ok(bytes) => bytes,
        Err(BodyError::Broken) => return Refusal::invalid("the body is broken").into_response(),
        Err(BodyError::TooLarge) => {
            let message = format!("the body is larger than {BODY_BYTES} bytes");
            return Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request", message).into_response();
        }
        Err(BodyError::TimedOut) => {
            return Refusal::new(StatusCode::REQUEST_TIMEOUT, "timeout", "the body did not arrive in time")
                .into_response();
        }
    };
    let invocation: Invocation = match json_object(&bytes) {
        Ok(invocation) => invocation,
        Err(error) => return Refusal::invalid(format!("the body can't be read: {error}")).into_response(),
    };
    match call(&gateway, invocation).await {
        Ok(result) => Json(json!({ "ok": true, "result": result })).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

async fn call(gateway: &Arc<Gateway>, invocation: Invocation) -> Result<Value, Refusal> {
    let book = gateway.sessions.agents(gateway);
    let Target { agent, session } =
        client_target(&book, invocation.session_key.as_deref(), invocation.agent_id.as_deref())
            .map_err(|error| Refusal::invalid(error.to_string()))?;
    let world = book.world(gateway, &agent).await;
    let offered = is_offered(&gateway.config.load().gateway.tools, &invocation.tool);
    let tool = world.tools.get(&invocation.tool).filter(|_| offered).ok_or_else(|| {
        Refusal::new(StatusCode::NOT_FOUND, "not_found", format!("Tool not available: {}", invocation.tool))
    })?;
    if invocation.dry_run {
        return Ok(json!({ "content": [], "details": { "dryRun": true } }));
    }
    let mut args = invocation.args.unwrap_or_default();
    if let Some(action) = invocation.action {
        args.entry("action").or_insert_with(|| action.into());
    }
    let args = Value::Object(args);
    let key = invocation.idempotency_key.as_deref().map(str::trim).filter(|key| !key.is_empty());
    let key = key.map(|key| OnceKey::of(&[key, &invocation.tool, agent.as_str(), session.as_str(), &args.to_string()]));
    let id = Uuid::new_v4().to_string();
    let context = ToolContext {
        status: Arc::new(status(gateway, &book, &agent, &session).await?),
        agent,
        session,
        run: RunId::new(format!("invoke_{id}")),
        call_id: format!("call_{id}"),
        workspace: world.profile.workspace.clone(),
        cancel: CancellationToken::new(),
        progress: ToolProgress::silent(),
        clearance: Clearance::Trusted,
    };
    let making = make(gateway.clone(), tool.clone(), args, context);
    match key {
        None => making.await,
        Some(key) => gateway.invocations.call(gateway, key, making).await.unwrap_or_else(|error| {
            Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", error.to_string()))
        }),
    }
}

/// The call itself, once all is known about it.
async fn make(gateway: Arc<Gateway>, tool: Arc<dyn Tool>, args: Value, mut context: ToolContext) -> Invoked {
    // Stops the tool when nobody waits any more, or too long.
    let _stop = context.cancel.clone().drop_guard();
    context.clearance = clear(&gateway, &*tool, &args, &context).await?;
    let running = run(tool, args, context);
    let late = |_| {
        let message = format!("no result within {} s", CALL_TIMEOUT.as_secs());
        Refusal::new(StatusCode::GATEWAY_TIMEOUT, "timeout", message)
    };
    tokio::time::timeout(CALL_TIMEOUT, running).await.map_err(late)?
}

/// Whether the call may run. Whoever holds the gateway's secret speaks as the owner; the rules that the owner set for commands hold
/// for them too.
async fn clear(
    gateway: &Arc<Gateway>,
    tool: &dyn Tool,
    args: &Value,
    context: &ToolContext,
) -> Result<Clearance, Refusal> {
    let risk = tool.risk(args, &context.workspace);
    let asking = match gate(&Trust::new(), &risk) {
        Gate::Run => return Ok(Clearance::Trusted),
        Gate::OnlyListed => Asking::List,
        Gate::Ask => Asking::ListThenPerson,
        Gate::AlwaysAsk => Asking::Person,
        Gate::Refuse => return Err(Refusal::denied(tool, Denial::SwitchedOff)),
    };
    let request = ApprovalRequest {
        agent: context.agent.clone(),
        session: context.session.clone(),
        run: context.run.clone(),
        call_id: context.call_id.clone(),
        tool: tool.definition().name.clone(),
        risk: risk.risk,
        subject: risk.subject,
        reason: None,
        route: None,
        asking,
    };
    match GatewayApprovals(gateway.clone()).ask(request).await {
        Verdict::Allowed(_) => Ok(Clearance::Approved),
        Verdict::Denied(denial) => Err(Refusal::denied(tool, denial)),
    }
}

/// What the session has used. One that nobody has spoken in yet begins now.
async fn status(
    gateway: &Gateway,
    book: &AgentBook,
    agent: &AgentId,
    session: &SessionKey,
) -> Result<SessionStatus, Refusal> {
    let stored = gateway.store.session(session).await.map_err(|error| {
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", rpc_error::of_store(error).message)
    })?;
    let chosen = stored.as_ref().and_then(|stored| stored.settings.model.as_deref());
    let model = RowContext::of(gateway, book).model(agent, chosen);
    let now_ms = gateway.now_ms();
    let fresh = SessionStatus {
        model: model.reference.to_string(),
        context_window: model.context_window,
        started_at_ms: now_ms,
        now_ms,
        version: gateway.facts.version.to_owned(),
        ..SessionStatus::default()
    };
    Ok(match stored {
        None => fresh,
        Some(stored) => SessionStatus {
            input_tokens: stored.input_tokens,
            output_tokens: stored.output_tokens,
            cache_read_tokens: stored.cache_read_tokens,
            context_tokens: stored.context_tokens,
            items: stored.items.unsigned_abs(),
            started_at_ms: stored.started_at_ms,
            ..fresh
        },
    })
}

/// Runs the call in a task of its own: one that panics is an error, not the end of a connection.
async fn run(tool: Arc<dyn Tool>, args: Value, context: ToolContext) -> Result<Value, Refusal> {
    let calling = tokio::spawn(async move { tool.call(args, context).await });
    match calling.await {
        Ok(Ok(output)) => Ok(result(&output)),
        Ok(Err(ToolError::ToModel(message) | ToolError::FromOutside { text: message, .. })) => {
            Err(Refusal::new(StatusCode::BAD_REQUEST, "tool_error", message))
        }
        Ok(Err(ToolError::Aborted)) => {
            Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "aborted", "the call was stopped"))
        }
        Err(error) => {
            tracing::error!(%error, "a tool panicked");
            Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "tool_error", "the tool failed; see the gateway's log"))
        }
    }
}

fn result(output: &ToolOutput) -> Value {
    let text = json!({ "type": "text", "text": output.text });
    let media = output.media.iter().map(|media| json!({ "type": "image", "mimeType": media.mime, "data": media.data }));
    let content: Vec<Value> = std::iter::once(text).chain(media).collect();
    let mut result = json!({ "content": content });
    if let Some(details) = &output.details {
        result["details"] = details.clone();
    }
    result
}

fn is_offered(config: &GatewayToolsConfig, tool: &str) -> bool {
    let names = |list: &[String]| list.iter().any(|name| name.trim().eq_ignore_ascii_case(tool));
    !names(&config.deny) && (names(&config.allow) || !DENIED.contains(&tool))
}

impl Outcome for Invoked {
    fn bytes(&self) -> usize {
        match self {
            Ok(result) => result.to_string().len(),
            Err(refusal) => refusal.message.len(),
        }
    }

    /// Also where the tool failed, or somebody said no.
    fn is_done(&self) -> bool {
        true
    }
}

impl Refusal {
    fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, message: message.into() }
    }

    fn denied(tool: &dyn Tool, denial: Denial) -> Self {
        let message = format!("`{}` was not run: {denial}.", tool.definition().name);
        Self::new(StatusCode::FORBIDDEN, "forbidden", message)
    }

    fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", message)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self { status, kind, message } = self;
        (status, Json(json!({ "ok": false, "error": { "type": kind, "message": message } }))).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deny_wins_over_allow_and_allow_over_the_default() {
        let config = |allow: &[&str], deny: &[&str]| GatewayToolsConfig {
            allow: allow.iter().map(|name| (*name).to_owned()).collect(),
            deny: deny.iter().map(|name| (*name).to_owned()).collect(),
        };
        let rows = [
            (config(&[], &[]), "read", true),
            (config(&[], &[]), "exec", false),
            (config(&[], &[]), "write", false),
            (config(&["exec"], &[]), "exec", true),
            (config(&["exec"], &["Exec"]), "exec", false),
            (config(&[], &["read"]), "read", false),
        ];
        for (config, tool, offered) in rows {
            assert_eq!(is_offered(&config, tool), offered, "{tool} with {config:?}");
        }
    }
}
