//! `device.*`: paired devices and their tokens.

use chela_protocol::methods::devices::{
    DeviceLinkResult, DevicePairListResult, DeviceParams, DeviceTokenParams, DeviceTokenRotateResult,
    DeviceTokenSummary, PairRequestParams, PairedDevice,
};
use chela_protocol::{CloseCode, DeviceId, DevicePairResolved, NodePairResolved, PairDecision, RpcError, Scope};
use chela_store::{Device, PairingRequest};
use serde_json::json;

use super::{Access, Call, Method, RpcResult, answer_of};
use crate::app::Gateway;
use crate::auth::Credential;
use crate::events::{Audience, Event};
use crate::pairing;
use crate::rpc_error;

const NODE: &str = "node";

/// Roles that a device can have a token for.
const ROLES: &[&str] = &["operator", NODE];

/// The methods of this noun.
pub(super) fn methods() -> Vec<Method> {
    let pairing = Access::Holding(Scope::Pairing);
    vec![
        Method::new("device.pair.list", pairing, list),
        Method::new("device.pair.approve", pairing, approve),
        Method::new("device.pair.reject", pairing, reject),
        Method::new("device.pair.remove", pairing, remove),
        Method::new("device.token.rotate", pairing, rotate),
        Method::new("device.token.revoke", pairing, revoke),
        Method::new("device.link.create", Access::Holding(Scope::Admin), link),
    ]
}

async fn list(call: Call) -> RpcResult {
    let gateway = &call.gateway;
    let since = gateway.now_ms() - pairing::REQUEST_TTL_MS;
    let pending = gateway.store.pairing_requests(since).await.map_err(rpc_error::of_store)?;
    let devices = gateway.store.devices().await.map_err(rpc_error::of_store)?;
    let mut paired = Vec::with_capacity(devices.len());
    for device in devices {
        paired.push(shown(gateway, device).await?);
    }
    answer_of(&DevicePairListResult { pending: pending.into_iter().map(pairing::shown).collect(), paired })
}

pub(super) async fn approve(call: Call) -> RpcResult {
    let gateway = &call.gateway;
    let PairRequestParams { request_id } = call.params()?;
    let since = gateway.now_ms() - pairing::REQUEST_TTL_MS;
    let pending = gateway.store.pairing_requests(since).await.map_err(rpc_error::of_store)?;
    let request = pending.into_iter().find(|request| request.request_id == request_id);
    let request = request.ok_or_else(|| unknown_request(&request_id))?;
    may_grant(&call, &request.scopes)?;
    let decided = request.clone();
    let approved = pairing::approve(gateway, request).await.map_err(rpc_error::of_store)?;
    let device = approved.ok_or_else(|| unknown_request(&request_id))?;
    resolved(gateway, &decided, PairDecision::Approved);
    let device = shown(gateway, device).await?;
    Ok(json!({"requestId": request_id, "device": device}))
}

pub(super) async fn reject(call: Call) -> RpcResult {
    let request = take(&call).await?;
    resolved(&call.gateway, &request, PairDecision::Rejected);
    Ok(json!({"requestId": request.request_id, "deviceId": request.device_id}))
}

async fn remove(call: Call) -> RpcResult {
    let DeviceParams { device_id } = call.params()?;
    remove_device(&call.gateway, &device_id).await?;
    Ok(json!({"deviceId": device_id}))
}

/// Forgets a device with its tokens and closes what it has open.
pub(super) async fn remove_device(gateway: &Gateway, id: &DeviceId) -> Result<(), RpcError> {
    let existed = gateway.store.remove_device(id).await.map_err(rpc_error::of_store)?;
    if !existed {
        return Err(unknown_device(id));
    }
    close_device(gateway, id, Opened::ByAnything);
    Ok(())
}

async fn rotate(call: Call) -> RpcResult {
    let params: DeviceTokenParams = call.params()?;
    let gateway = &call.gateway;
    let device = device(gateway, &params.device_id).await?;
    if device.role != params.role || !ROLES.contains(&params.role.as_str()) {
        return Err(RpcError::invalid(format!("device {} has no role `{}`", params.device_id, params.role)));
    }
    let asked = params.scopes.unwrap_or_else(|| device.scopes.clone());
    if let Some(scope) = asked.iter().find(|scope| !covers(&device.scopes, scope)) {
        return Err(RpcError::invalid(format!("device {} does not hold {scope}", params.device_id)));
    }
    may_grant(&call, &asked)?;
    let scopes: Vec<Scope> = asked.iter().filter_map(|name| name.parse().ok()).collect();
    let issued =
        pairing::issue_token(gateway, &device.id, &params.role, &scopes).await.map_err(|refusal| *refusal.error)?;
    close_device(gateway, &device.id, Opened::ByItsToken);
    answer_of(&DeviceTokenRotateResult {
        device_id: device.id,
        role: params.role,
        token: issued.token,
        scopes: asked,
        rotated_at_ms: issued.issued_at_ms,
    })
}

async fn revoke(call: Call) -> RpcResult {
    let params: DeviceTokenParams = call.params()?;
    let store = &call.gateway.store;
    let existed = store.revoke_device_token(&params.device_id, &params.role).await.map_err(rpc_error::of_store)?;
    if !existed {
        return Err(unknown_device(&params.device_id));
    }
    close_device(&call.gateway, &params.device_id, Opened::ByItsToken);
    Ok(json!({"deviceId": params.device_id, "role": params.role, "revokedAtMs": call.gateway.now_ms()}))
}

/// A link that logs one device in, once. Whoever opens it may do what it asks for, so making one takes every right.
async fn link(call: Call) -> RpcResult {
    let gateway = &call.gateway;
    let (token, expires_at_ms) = gateway.auth.links.make(gateway.now_ms());
    answer_of(&DeviceLinkResult { token, expires_at_ms })
}

async fn take(call: &Call) -> Result<PairingRequest, RpcError> {
    let PairRequestParams { request_id } = call.params()?;
    let taken = call.gateway.store.take_pairing_request(&request_id).await.map_err(rpc_error::of_store)?;
    taken.ok_or_else(|| unknown_request(&request_id))
}

/// Nobody hands on more than they hold.
fn may_grant(call: &Call, scopes: &[String]) -> Result<(), RpcError> {
    let scopes = scopes.iter().filter_map(|name| name.parse::<Scope>().ok());
    scopes.into_iter().find(|scope| !call.peer.holds(*scope)).map_or(Ok(()), |scope| Err(super::missing_scope(scope)))
}

fn covers(held: &[String], asked: &str) -> bool {
    let Ok(asked) = asked.parse::<Scope>() else { return false };
    held.iter().filter_map(|name| name.parse::<Scope>().ok()).any(|scope| scope.covers(asked))
}

async fn device(gateway: &Gateway, id: &DeviceId) -> Result<Device, RpcError> {
    let device = gateway.store.device(id).await.map_err(rpc_error::of_store)?;
    device.ok_or_else(|| unknown_device(id))
}

fn unknown_request(id: &str) -> RpcError {
    RpcError::invalid(format!("unknown requestId: {id}"))
}

fn unknown_device(id: &DeviceId) -> RpcError {
    RpcError::invalid(format!("unknown deviceId: {id}"))
}

/// Which connections of a device are meant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Opened {
    /// What it opened with the shared secret stays when only its token goes.
    ByItsToken,
    ByAnything,
}

/// Ends connections of a device.
fn close_device(gateway: &Gateway, id: &DeviceId, opened: Opened) {
    gateway.events.close_where(CloseCode::AuthChanged, "gateway auth changed", |peer| {
        let meant = opened == Opened::ByAnything || peer.credential == Credential::Device;
        meant && peer.device.as_ref() == Some(id)
    });
}

/// Tells those who watch devices, and of a node those who watch nodes too.
fn resolved(gateway: &Gateway, request: &PairingRequest, decision: PairDecision) {
    let (request_id, ts, audience) = (request.request_id.clone(), gateway.now_ms(), Audience::Holding(Scope::Pairing));
    let device_id = request.device_id.clone();
    if request.role == NODE {
        let payload = NodePairResolved { request_id: request_id.clone(), node_id: device_id.clone(), decision, ts };
        gateway.events.publish(&Event::new("node.pair.resolved", audience.clone(), &payload));
    }
    let payload = DevicePairResolved { request_id, device_id, decision, ts };
    gateway.events.publish(&Event::new("device.pair.resolved", audience, &payload));
}

async fn shown(gateway: &Gateway, device: Device) -> Result<PairedDevice, RpcError> {
    let mut tokens = Vec::new();
    for role in ROLES {
        let token = gateway.store.device_token(&device.id, role).await.map_err(rpc_error::of_store)?;
        tokens.extend(token.map(|token| DeviceTokenSummary {
            role: token.role,
            scopes: token.scopes,
            created_at_ms: token.created_at_ms,
        }));
    }
    Ok(PairedDevice {
        connected: gateway.events.has_device(&device.id),
        device_id: device.id,
        public_key: device.public_key,
        display_name: device.display_name,
        platform: device.platform,
        device_family: device.device_family,
        client_id: device.client_id,
        client_mode: device.client_mode,
        roles: vec![device.role.clone()],
        role: device.role,
        scopes: device.scopes,
        approved_via: device.approved_via,
        created_at_ms: device.created_at_ms,
        approved_at_ms: device.approved_at_ms,
        last_seen_at_ms: device.last_seen_at_ms,
        tokens,
    })
}
