//! `exec.approval.*`, `approval.*` and `exec.approvals.*`: questions that wait, their decisions, and the list of allowed commands.

use std::time::Duration;

use chela_protocol::methods::approvals::{
    ApprovalDecision, ApprovalHistoryParams, ApprovalHistoryResult, ApprovalIdParams, ApprovalOutcome,
    ApprovalRequestView, ApprovalResolveParams, ApprovalResolveResult, ApprovalResolver, ApprovalStatus, ApprovalView,
    ExecApprovalRequestParams, ExecApprovalsSetParams, ExecGrantRevokeParams, ExecGrantsListResult,
};
use chela_protocol::{RpcError, Scope};
use serde::Deserialize as _;
use serde_json::json;

use super::{Access, Call, Method, RpcResult, answer_of};
use crate::approvals::{
    ApprovalDesk, DecideError, Ending, Question, ReplaceError, grants_shown, is_unreadable, laid_open, list_file,
    replace_list, view_of, wait_of,
};
use crate::rpc_error;

/// Questions of one page of the history.
const HISTORY_DEFAULT: usize = 50;
const HISTORY_LIMIT: usize = 200;
/// Longest id that another program may choose.
const ID_LIMIT: usize = 128;
/// Longest command that another program may ask about, in bytes.
const COMMAND_LIMIT: usize = 64 * 1024;

/// The methods of this noun.
pub(super) fn methods() -> Vec<Method> {
    let approvals = Access::Holding(Scope::Approvals);
    let admin = Access::Holding(Scope::Admin);
    vec![
        Method::new("exec.approval.request", approvals, request),
        Method::new("exec.approval.resolve", approvals, resolve_exec),
        Method::new("exec.approval.list", approvals, list),
        Method::new("exec.approval.get", approvals, get_waiting),
        Method::new("exec.approval.waitDecision", approvals, wait_decision),
        Method::new("exec.approval.grants.list", approvals, list_grants),
        Method::new("exec.approval.grants.revoke", approvals, revoke_grant),
        Method::new("approval.get", approvals, get),
        Method::new("approval.resolve", approvals, resolve),
        Method::new("approval.history", approvals, history),
        Method::new("exec.approvals.get", admin, get_list),
        Method::new("exec.approvals.set", admin, set_list),
    ]
}

/// Another program asks; it gets the decision, or none.
async fn request(call: Call) -> RpcResult {
    let params: ExecApprovalRequestParams = call.params()?;
    let command = params.command.or_else(|| params.command_argv.as_ref().map(|argv| argv.join(" ")));
    let command = command.filter(|command| !command.trim().is_empty() && command.len() <= COMMAND_LIMIT);
    let command = command.ok_or_else(|| RpcError::invalid("command or commandArgv required, of at most 64 KB"))?;
    let command = laid_open(&command);
    if is_unreadable(&command) {
        return Err(RpcError::invalid("the command is too long for a person to read before they allow it"));
    }
    let id = params.id.filter(|id| !id.is_empty());
    if id.as_ref().is_some_and(|id| id.len() > ID_LIMIT || id.contains(char::is_whitespace)) {
        return Err(RpcError::invalid(format!("an id has at most {ID_LIMIT} bytes and no blanks")));
    }
    let gateway = &call.gateway;
    let longest = wait_of(gateway);
    let agent = params.agent_id.map_or_else(|| gateway.default_agent(), Into::into);
    let view = ApprovalRequestView {
        command,
        command_argv: params.command_argv,
        cwd: params.cwd.as_deref().map(laid_open),
        host: params.host,
        agent_id: Some(agent.to_string()),
        resolved_path: params.resolved_path.as_deref().map(laid_open),
        session_key: params.session_key,
        run_id: params.run_id,
        tool_call_id: params.tool_call_id,
        tool_name: None,
        warning_text: params.warning_text.as_deref().map(laid_open),
        risk: Some("exec".to_owned()),
        allowed_decisions: vec![ApprovalDecision::AllowOnce, ApprovalDecision::Deny],
    };
    let wait = params.timeout_ms.map_or(longest, Duration::from_millis).min(longest);
    let question = Question { view, entry: None, agent, wait, id };
    let opened = ApprovalDesk::open(gateway, question).await.map_err(rpc_error::of_store)?;
    let waiting = opened.ok_or_else(|| RpcError::unavailable("too many questions wait, or one of this id does"))?;
    let (id, created_at_ms, expires_at_ms) = (waiting.id.clone(), waiting.created_at_ms, waiting.expires_at_ms);
    if params.two_phase == Some(true) {
        let accepted =
            json!({"status": "accepted", "id": id, "createdAtMs": created_at_ms, "expiresAtMs": expires_at_ms});
        let _ = call.early.send(accepted).await;
    }
    // A program that is gone has nobody to be told.
    let ending = tokio::select! {
        biased;
        () = call.peer.closed.cancelled() => Ending::Withdrawn,
        ending = waiting.ended() => ending,
    };
    answer_of(&ApprovalOutcome { id, decision: decision_of(ending), created_at_ms, expires_at_ms })
}

async fn list(call: Call) -> RpcResult {
    answer_of(&call.gateway.approvals.waiting())
}

async fn get_waiting(call: Call) -> RpcResult {
    let ApprovalIdParams { id } = call.params()?;
    let waiting = call.gateway.approvals.get(&id).ok_or_else(|| unknown(&id))?;
    answer_of(&waiting)
}

async fn wait_decision(call: Call) -> RpcResult {
    let ApprovalIdParams { id } = call.params()?;
    let desk = &call.gateway.approvals;
    if let (Some(waiting), Some(mut ended)) = (desk.get(&id), desk.watch(&id)) {
        let ending = tokio::select! {
            biased;
            () = call.peer.closed.cancelled() => None,
            ending = ended.wait_for(Option::is_some) => ending.ok().and_then(|ending| *ending),
        };
        let decision = ending.and_then(decision_of);
        let (created_at_ms, expires_at_ms) = (waiting.created_at_ms, waiting.expires_at_ms);
        return answer_of(&ApprovalOutcome { id, decision, created_at_ms, expires_at_ms });
    }
    let view = recorded(&call, &id).await?;
    let ApprovalView { decision, created_at_ms, expires_at_ms, .. } = view;
    answer_of(&ApprovalOutcome { id, decision, created_at_ms, expires_at_ms })
}

async fn resolve_exec(call: Call) -> RpcResult {
    let params: ApprovalResolveParams = call.params()?;
    decide(&call, &params).await.map_err(refused)?;
    Ok(json!({"ok": true}))
}

/// As `exec.approval.resolve`, but to say the same twice is no error.
async fn resolve(call: Call) -> RpcResult {
    let params: ApprovalResolveParams = call.params()?;
    match decide(&call, &params).await {
        Ok(approval) => answer_of(&ApprovalResolveResult { applied: true, approval }),
        Err(DecideError::Unknown(id)) => {
            answer_of(&ApprovalResolveResult { applied: false, approval: recorded(&call, &id).await? })
        }
        Err(error) => Err(refused(error)),
    }
}

async fn get(call: Call) -> RpcResult {
    let ApprovalIdParams { id } = call.params()?;
    let approval = match call.gateway.approvals.get(&id) {
        Some(waiting) => view_of(&waiting),
        None => recorded(&call, &id).await?,
    };
    Ok(json!({"approval": approval}))
}

async fn history(call: Call) -> RpcResult {
    let ApprovalHistoryParams { cursor, limit } = call.params()?;
    let before = cursor.map(|cursor| cursor.parse().map_err(|_| RpcError::invalid("unknown cursor"))).transpose()?;
    let limit = limit.unwrap_or(HISTORY_DEFAULT).clamp(1, HISTORY_LIMIT);
    let page = call.gateway.store.approvals(before, limit).await.map_err(rpc_error::of_store)?;
    let next_cursor = page.last().filter(|_| page.len() == limit).map(|(number, _)| number.to_string());
    let read = |record| ApprovalView::deserialize(record).ok().map(|view| settled(&call, view));
    let items = page.into_iter().filter_map(|(_, record)| read(record)).collect();
    answer_of(&ApprovalHistoryResult { items, next_cursor })
}

async fn list_grants(call: Call) -> RpcResult {
    let grants = grants_shown(&call.gateway).await.map_err(rpc_error::of_store)?;
    answer_of(&ExecGrantsListResult { grants })
}

async fn revoke_grant(call: Call) -> RpcResult {
    let ExecGrantRevokeParams { grant_id } = call.params()?;
    let existed = call.gateway.store.remove_exec_grant(&grant_id).await.map_err(rpc_error::of_store)?;
    if !existed {
        return Err(RpcError::invalid(format!("no allowed command has the id {grant_id}")));
    }
    Ok(json!({"ok": true, "grantId": grant_id}))
}

async fn get_list(call: Call) -> RpcResult {
    answer_of(&list_file(&call.gateway).await.map_err(rpc_error::of_store)?)
}

async fn set_list(call: Call) -> RpcResult {
    let ExecApprovalsSetParams { file, base_hash } = call.params()?;
    replace_list(&call.gateway, file, base_hash.as_deref()).await.map_err(|error| match error {
        ReplaceError::Store(error) => rpc_error::of_store(error),
        error => RpcError::invalid(error.to_string()),
    })?;
    get_list(call).await
}

async fn decide(call: &Call, params: &ApprovalResolveParams) -> Result<ApprovalView, DecideError> {
    let peer = &call.peer;
    let id = peer.device.as_ref().map_or_else(|| peer.client_id.clone(), ToString::to_string);
    let by = ApprovalResolver { kind: "device".to_owned(), id: Some(id) };
    ApprovalDesk::decide(&call.gateway, &params.id, params.decision, by, params.grant_expires_in_days).await
}

/// A question of the past.
async fn recorded(call: &Call, id: &str) -> Result<ApprovalView, RpcError> {
    let record = call.gateway.store.approval(id).await.map_err(rpc_error::of_store)?;
    let view = record.and_then(|record| ApprovalView::deserialize(record).ok()).ok_or_else(|| unknown(id))?;
    Ok(settled(call, view))
}

/// A question that was still open when the process ended was never decided.
fn settled(call: &Call, view: ApprovalView) -> ApprovalView {
    let is_lost = view.status == ApprovalStatus::Pending && call.gateway.approvals.get(&view.id).is_none();
    if is_lost {
        ApprovalView { status: ApprovalStatus::Expired, reason: Some("restart".to_owned()), ..view }
    } else {
        view
    }
}

fn decision_of(ending: Ending) -> Option<ApprovalDecision> {
    match ending {
        Ending::Decided(decision) => Some(decision),
        Ending::Expired | Ending::Withdrawn | Ending::Stopping => None,
    }
}

fn refused(error: DecideError) -> RpcError {
    match error {
        DecideError::Store(error) => rpc_error::of_store(error),
        error => RpcError::invalid(error.to_string()),
    }
}

fn unknown(id: &str) -> RpcError {
    RpcError::invalid(format!("unknown approval id {id}"))
}
