//! `node.*`: the devices that run commands. A node is a paired device with the role `node`, so letting one in is letting the device in.

use chela_protocol::methods::devices::PairRequestParams;
use chela_protocol::methods::nodes::{
    NodeEventParams, NodeInvokeOutcome, NodeInvokeParams, NodeListResult, NodePairListResult, NodeParams, NodePending,
    NodeRenameParams, NodeRow, NodeVerifyParams,
};
use chela_protocol::{DeviceId, ErrorCode, PairDecision, RpcError, Scope};
use chela_store::{Device, PairingRequest, StoreError};
use serde_json::{Value, json};

use super::{Access, Call, Method, RpcResult, answer_of, devices};
use crate::app::Gateway;
use crate::nodes::InvokeError;
use crate::{pairing, rpc_error};

/// The role of a node.
const ROLE: &str = "node";

/// Characters of a node's name, as many as a list can show.
const NAME_CHARS: usize = 80;

/// Commands of these families do anything that the node's user can, so they need the owner's scope.
const POWERFUL: [&str; 2] = ["system.", "browser."];

/// What may be run without asking on a node is decided at the node.
const PRIVATE: &str = "system.execApprovals.";

/// The methods of this noun.
pub(super) fn methods() -> Vec<Method> {
    let (read, pairing) = (Access::Holding(Scope::Read), Access::Holding(Scope::Pairing));
    vec![
        Method::new("node.list", read, list),
        Method::new("node.describe", read, describe),
        Method::new("node.rename", pairing, rename),
        Method::new("node.pair.list", pairing, pair_list),
        Method::new("node.pair.approve", pairing, |call| decide(call, PairDecision::Approved)),
        Method::new("node.pair.reject", pairing, |call| decide(call, PairDecision::Rejected)),
        Method::new("node.pair.verify", pairing, verify),
        Method::new("node.pair.remove", pairing, remove),
        Method::new("node.invoke", Access::Decided(invoke_scope), invoke),
        Method::new("node.invoke.result", Access::Node, invoke_result),
        Method::new("node.event", Access::Node, event),
    ]
}

/// Every paired node, those that are connected first.
pub(super) async fn rows(gateway: &Gateway) -> Result<Vec<NodeRow>, StoreError> {
    let devices = gateway.store.devices().await?.into_iter().filter(|device| device.role == ROLE);
    let mut rows: Vec<NodeRow> = devices.map(|device| row(gateway, device)).collect();
    rows.sort_by_key(|row| !row.connected);
    Ok(rows)
}

fn row(gateway: &Gateway, device: Device) -> NodeRow {
    let peer = gateway.events.node(&device.id);
    let facts = peer.as_ref().and_then(|peer| peer.node.clone());
    let config = gateway.config.load();
    NodeRow {
        display_name: device.display_name.or_else(|| facts.as_ref()?.display_name.clone()),
        platform: device.platform.or_else(|| Some(facts.as_ref()?.platform.clone())),
        device_family: device.device_family.or_else(|| facts.as_ref()?.device_family.clone()),
        version: facts.as_ref().map(|facts| facts.version.clone()),
        remote_ip: peer.as_ref().map(|peer| peer.remote_ip.to_string()),
        caps: facts.as_ref().map(|facts| facts.caps.clone()).unwrap_or_default(),
        commands: facts.as_ref().map(|facts| facts.allowed(&config.gateway.nodes)).unwrap_or_default(),
        paired: true,
        connected: peer.is_some(),
        connected_at_ms: facts.as_ref().map(|facts| facts.connected_at_ms),
        approved_at_ms: Some(device.approved_at_ms),
        last_seen_at_ms: Some(device.last_seen_at_ms),
        node_id: device.id,
    }
}

async fn list(call: Call) -> RpcResult {
    let nodes = rows(&call.gateway).await.map_err(rpc_error::of_store)?;
    answer_of(&NodeListResult { ts: call.gateway.now_ms(), nodes })
}

async fn describe(call: Call) -> RpcResult {
    let NodeParams { node_id } = call.params()?;
    let device = node(&call.gateway, &node_id).await?;
    let mut shown = serde_json::to_value(row(&call.gateway, device)).unwrap_or_default();
    shown["ts"] = call.gateway.now_ms().into();
    Ok(shown)
}

async fn rename(call: Call) -> RpcResult {
    let NodeRenameParams { node_id, display_name } = call.params()?;
    let name = display_name.trim();
    if name.is_empty() || name.chars().count() > NAME_CHARS || name.chars().any(char::is_control) {
        return Err(RpcError::invalid(format!("displayName required: at most {NAME_CHARS} characters, on one line")));
    }
    let device = Device { display_name: Some(name.to_owned()), ..node(&call.gateway, &node_id).await? };
    call.gateway.store.put_device(device).await.map_err(rpc_error::of_store)?;
    Ok(json!({ "nodeId": node_id, "displayName": name }))
}

async fn pair_list(call: Call) -> RpcResult {
    let gateway = &call.gateway;
    let pending = waiting(gateway).await?.into_iter().map(pending).collect();
    let paired = rows(gateway).await.map_err(rpc_error::of_store)?;
    answer_of(&NodePairListResult { pending, paired })
}

/// The event `node.pair.requested` and the rows of `node.pair.list` are the same.
pub(crate) fn pending(request: PairingRequest) -> NodePending {
    NodePending {
        request_id: request.request_id,
        node_id: request.device_id,
        display_name: request.display_name,
        platform: request.platform,
        device_family: request.device_family,
        remote_ip: request.remote_ip,
        is_repair: request.is_repair,
        ts: request.ts,
    }
}

async fn waiting(gateway: &Gateway) -> Result<Vec<PairingRequest>, RpcError> {
    let since = gateway.now_ms() - pairing::REQUEST_TTL_MS;
    let mut requests = gateway.store.pairing_requests(since).await.map_err(rpc_error::of_store)?;
    requests.retain(|request| request.role == ROLE);
    Ok(requests)
}

/// As for any device.
async fn decide(call: Call, decision: PairDecision) -> RpcResult {
    let PairRequestParams { request_id } = call.params()?;
    let gateway = call.gateway.clone();
    let request = waiting(&gateway).await?.into_iter().find(|request| request.request_id == request_id);
    let node_id = request.ok_or_else(|| RpcError::invalid("unknown requestId"))?.device_id;
    Ok(match decision {
        PairDecision::Approved => {
            devices::approve(call).await?;
            json!({ "requestId": request_id, "node": row(&gateway, node(&gateway, &node_id).await?) })
        }
        PairDecision::Rejected => {
            devices::reject(call).await?;
            json!({ "requestId": request_id, "nodeId": node_id })
        }
    })
}

async fn verify(call: Call) -> RpcResult {
    let NodeVerifyParams { node_id, token } = call.params()?;
    let found = pairing::token_of(&call.gateway, &node_id, ROLE, &[Some(&token)]).await;
    match found.map_err(|refusal| *refusal.error)? {
        Some(_) => Ok(json!({ "ok": true, "node": row(&call.gateway, node(&call.gateway, &node_id).await?) })),
        None => Ok(json!({ "ok": false })),
    }
}

async fn remove(call: Call) -> RpcResult {
    let NodeParams { node_id } = call.params()?;
    node(&call.gateway, &node_id).await?;
    devices::remove_device(&call.gateway, &node_id).await?;
    Ok(json!({ "nodeId": node_id }))
}

async fn node(gateway: &Gateway, id: &DeviceId) -> Result<Device, RpcError> {
    let device = gateway.store.device(id).await.map_err(rpc_error::of_store)?;
    device.filter(|device| device.role == ROLE).ok_or_else(|| RpcError::invalid("unknown nodeId"))
}

fn invoke_scope(params: &Value) -> Scope {
    let command = params["command"].as_str().unwrap_or_default().trim_start();
    if POWERFUL.iter().any(|family| command.starts_with(family)) { Scope::Admin } else { Scope::Write }
}

async fn invoke(call: Call) -> RpcResult {
    let params: NodeInvokeParams = call.params()?;
    if params.command.starts_with(PRIVATE) {
        let message = "node.invoke does not allow system.execApprovals.*; what a node runs unasked is set at the node";
        return Err(RpcError::invalid(message).with_details(json!({ "command": params.command })));
    }
    let (node_id, command) = (params.node_id.clone(), params.command.clone());
    let gateway = &call.gateway;
    let outcome = gateway.nodes.invoke(gateway, params).await.map_err(|error| failed(&error))?;
    if !outcome.ok {
        let error = outcome.error.unwrap_or_default();
        let message = error.message.clone().unwrap_or_else(|| "node invoke failed".to_owned());
        return Err(RpcError::unavailable(message).with_details(json!({ "nodeError": error })));
    }
    let payload_json = outcome.payload_json;
    let payload = outcome.payload.or_else(|| serde_json::from_str(payload_json.as_deref()?).ok());
    Ok(json!({ "ok": true, "nodeId": node_id, "command": command, "payload": payload, "payloadJSON": payload_json }))
}

/// The codes that OpenClaw's clients know.
fn failed(error: &InvokeError) -> RpcError {
    let code = match error {
        InvokeError::NotConnected => "NOT_CONNECTED",
        InvokeError::Gone => "NODE_DISCONNECTED",
        InvokeError::TimedOut => "TIMEOUT",
        InvokeError::Busy => "BUSY",
        InvokeError::Lost => "UNKNOWN",
        InvokeError::NotAllowed { command, .. } => {
            let details = json!({ "reason": "command not allowlisted", "command": command });
            return RpcError::invalid(error.to_string()).with_details(details);
        }
        InvokeError::NotOffered(command) => {
            let details = json!({ "reason": "command not declared by node", "command": command });
            return RpcError::invalid(error.to_string()).with_details(details);
        }
    };
    let message = error.to_string();
    let was_sent = matches!(error, InvokeError::Gone | InvokeError::TimedOut | InvokeError::Lost);
    let node_error = json!({ "code": code, "message": message });
    RpcError::new(ErrorCode::Unavailable, message)
        .with_details(json!({ "code": code, "nodeError": node_error, "nodeCommandDispatched": was_sent }))
}

async fn invoke_result(call: Call) -> RpcResult {
    let outcome: NodeInvokeOutcome = call.params()?;
    if call.peer.device.as_ref() != Some(&outcome.node_id) {
        return Err(RpcError::invalid("nodeId mismatch"));
    }
    let was_awaited = call.gateway.nodes.answered(&call.peer.connection_id, outcome);
    Ok(if was_awaited { json!({ "ok": true }) } else { json!({ "ok": true, "ignored": true }) })
}

/// Nothing here follows what nodes tell by themselves, and a node is told so.
async fn event(call: Call) -> RpcResult {
    let NodeEventParams { event } = call.params()?;
    tracing::debug!(target: "gateway", event = %event.chars().take(NAME_CHARS).collect::<String>(), "an event of a node");
    Ok(json!({ "ok": true, "event": event, "handled": false, "reason": "unsupported_event" }))
}
