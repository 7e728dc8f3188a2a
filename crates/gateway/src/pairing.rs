//! Devices: who is paired, who waits for a person's yes, and their tokens.
//!
//! The right secret pairs a new device in one step, wherever it comes from (`gateway.pairing.mode: "auto"`); with `approve`, a new
//! device that is not on this machine waits.

use std::sync::Arc;

use chela_protocol::{
    ConnectErrorCode, ConnectErrorDetails, ConnectParams, DeviceId, DevicePairRequested, ErrorCode, PairingReason,
    Scope,
};
use chela_store::{Device, DeviceToken, PairingRequest, StoreError};
use subtle::ConstantTimeEq as _;

use crate::app::Gateway;
use crate::auth::{Remote, secret_digest, tokens};
use crate::config::PairingMode;
use crate::connection::{IssuedToken, Refusal};
use crate::events::{Audience, Event};
use crate::rpc::node_pending;
use crate::rpc_error;

/// A request that nobody answered for so long is dropped; the device asks again when it connects again.
pub(crate) const REQUEST_TTL_MS: i64 = 60 * 60 * 1000;

/// A verified device that connects.
pub(crate) struct Newcomer<'a> {
    pub(crate) device_id: &'a DeviceId,
    pub(crate) public_key: &'a str,
    pub(crate) params: &'a ConnectParams,
    pub(crate) role: &'a str,
    pub(crate) asked: &'a [Scope],
}

/// What the device has shown besides its key.
#[derive(Clone, Copy)]
pub(crate) enum Standing<'a> {
    /// The shared secret, or none is needed.
    KnowsSecret,
    /// A device token with these scopes.
    HoldsToken(&'a [String]),
    /// A link that was made for it by somebody who may pair devices.
    IsInvited,
}

/// The scopes that the device gets, or the refusal that sends it to wait for approval.
pub(crate) async fn admit(
    gateway: &Arc<Gateway>,
    newcomer: &Newcomer<'_>,
    standing: Standing<'_>,
    remote: &Remote,
) -> Result<Vec<Scope>, Refusal> {
    let known = gateway.store.device(newcomer.device_id).await.map_err(store_failed)?;
    let held: Vec<Scope> = match (&standing, &known) {
        (Standing::HoldsToken(scopes), _) => parse(scopes),
        (Standing::KnowsSecret | Standing::IsInvited, Some(device)) => parse(&device.scopes),
        (Standing::KnowsSecret | Standing::IsInvited, None) => Vec::new(),
    };
    let covered = newcomer.asked.iter().all(|asked| held.iter().any(|scope| scope.covers(*asked)));
    let same_role = known.as_ref().is_some_and(|device| device.role == newcomer.role);
    if known.is_some() && same_role && covered {
        seen(gateway, newcomer.device_id).await?;
        return Ok(newcomer.asked.to_vec());
    }
    let approves_itself = gateway.config.load().gateway.pairing.mode == PairingMode::Auto;
    let is_let_in = match standing {
        Standing::IsInvited => true,
        Standing::KnowsSecret => approves_itself || remote.is_direct_loopback() || is_stranded(gateway).await?,
        Standing::HoldsToken(_) => false,
    };
    if is_let_in {
        let via = if matches!(standing, Standing::IsInvited) { "link" } else { "shared-secret" };
        pair(gateway, newcomer, known, &held, via).await?;
        return Ok(newcomer.asked.to_vec());
    }
    let reason = match (&known, same_role) {
        (None, _) => PairingReason::NotPaired,
        (Some(_), false) => PairingReason::RoleUpgrade,
        (Some(_), true) => PairingReason::ScopeUpgrade,
    };
    Err(ask(gateway, newcomer, remote, reason, known.is_some()).await?)
}

/// Scopes of a client that shows the secret but no device. It gets what it asks for, unless devices need approval.
pub(crate) fn scopes_without_device(gateway: &Gateway, asked: &[Scope], remote: &Remote) -> Vec<Scope> {
    let open = gateway.config.load().gateway.pairing.mode == PairingMode::Auto || remote.is_direct_loopback();
    if open { asked.to_vec() } else { Vec::new() }
}

/// Makes a new token for a device and role in the place of the one before.
pub(crate) async fn issue_token(
    gateway: &Gateway,
    device: &DeviceId,
    role: &str,
    scopes: &[Scope],
) -> Result<IssuedToken, Refusal> {
    let (token, issued_at_ms) = (tokens::generate(), gateway.now_ms());
    let stored = DeviceToken {
        device_id: device.clone(),
        role: role.to_owned(),
        scopes: names(scopes),
        hash: secret_digest(&token),
        created_at_ms: issued_at_ms,
    };
    gateway.store.put_device_token(stored).await.map_err(store_failed)?;
    Ok(IssuedToken { token, issued_at_ms })
}

/// The candidate that is this device's token for the role, with what is stored of it.
pub(crate) async fn token_of(
    gateway: &Gateway,
    device: &DeviceId,
    role: &str,
    candidates: &[Option<&str>],
) -> Result<Option<(String, DeviceToken)>, Refusal> {
    if candidates.iter().all(Option::is_none) {
        return Ok(None);
    }
    let stored = gateway.store.device_token(device, role).await.map_err(store_failed)?;
    let Some(stored) = stored else { return Ok(None) };
    let right = |candidate: &&str| bool::from(secret_digest(candidate).ct_eq(&stored.hash));
    let found = candidates.iter().flatten().find(|candidate| right(candidate)).map(|token| (*token).to_owned());
    Ok(found.map(|token| (token, stored)))
}

/// Puts a device that waited among the paired ones. Its next connect succeeds. `None` when it no longer waits for this.
pub(crate) async fn approve(gateway: &Gateway, request: PairingRequest) -> Result<Option<Device>, StoreError> {
    let now_ms = gateway.now_ms();
    let known = gateway.store.device(&request.device_id).await?;
    let asked = request.clone();
    let device = Device {
        id: request.device_id,
        public_key: request.public_key,
        display_name: request.display_name,
        platform: request.platform,
        device_family: request.device_family,
        client_id: request.client_id,
        client_mode: request.client_mode,
        role: request.role,
        scopes: request.scopes,
        approved_via: "operator".to_owned(),
        created_at_ms: known.map_or(now_ms, |device| device.created_at_ms),
        approved_at_ms: now_ms,
        last_seen_at_ms: now_ms,
    };
    let approved = gateway.store.approve_device(asked, device.clone()).await?;
    Ok(approved.then_some(device))
}

/// A request as clients see it.
pub(crate) fn shown(request: PairingRequest) -> DevicePairRequested {
    DevicePairRequested {
        request_id: request.request_id,
        device_id: request.device_id,
        public_key: request.public_key,
        display_name: request.display_name,
        platform: request.platform,
        device_family: request.device_family,
        client_id: request.client_id,
        client_mode: request.client_mode,
        roles: vec![request.role.clone()],
        role: Some(request.role),
        scopes: request.scopes,
        remote_ip: request.remote_ip,
        is_repair: request.is_repair,
        ts: request.ts,
    }
}

async fn pair(
    gateway: &Gateway,
    newcomer: &Newcomer<'_>,
    known: Option<Device>,
    held: &[Scope],
    via: &str,
) -> Result<(), Refusal> {
    let now_ms = gateway.now_ms();
    let mut scopes = held.to_vec();
    scopes.extend(newcomer.asked.iter().filter(|asked| !held.contains(asked)));
    let client = &newcomer.params.client;
    let device = Device {
        id: newcomer.device_id.clone(),
        public_key: newcomer.public_key.to_owned(),
        display_name: client.display_name.clone(),
        platform: Some(client.platform.clone()),
        device_family: client.device_family.clone(),
        client_id: Some(client.id.clone()),
        client_mode: Some(client.mode.clone()),
        role: newcomer.role.to_owned(),
        scopes: names(&scopes),
        approved_via: via.to_owned(),
        created_at_ms: known.map_or(now_ms, |device| device.created_at_ms),
        approved_at_ms: now_ms,
        last_seen_at_ms: now_ms,
    };
    tracing::info!(target: "gateway", device = %device.id, client = %client.id, "paired a device");
    gateway.store.put_device(device).await.map_err(store_failed)
}

async fn ask(
    gateway: &Gateway,
    newcomer: &Newcomer<'_>,
    remote: &Remote,
    reason: PairingReason,
    is_repair: bool,
) -> Result<Refusal, Refusal> {
    let client = &newcomer.params.client;
    let request = PairingRequest {
        request_id: uuid::Uuid::new_v4().to_string(),
        device_id: newcomer.device_id.clone(),
        public_key: newcomer.public_key.to_owned(),
        display_name: client.display_name.clone(),
        platform: Some(client.platform.clone()),
        device_family: client.device_family.clone(),
        client_id: Some(client.id.clone()),
        client_mode: Some(client.mode.clone()),
        role: newcomer.role.to_owned(),
        scopes: names(newcomer.asked),
        remote_ip: Some(remote.ip.to_string()),
        is_repair,
        ts: gateway.now_ms(),
    };
    let request = gateway.store.put_pairing_request(request).await.map_err(store_failed)?;
    let mut details = ConnectErrorDetails::new(ConnectErrorCode::PairingRequired);
    details.request_id = Some(request.request_id.clone());
    details.reason = Some(reason.as_str().to_owned());
    let audience = Audience::Holding(Scope::Pairing);
    if request.role == "node" {
        let payload = node_pending(request.clone());
        gateway.events.publish(&Event::new("node.pair.requested", audience.clone(), &payload));
    }
    gateway.events.publish(&Event::new("device.pair.requested", audience, &shown(request)));
    Ok(Refusal::with(ErrorCode::NotPaired, reason.message(), &details))
}

/// Whether nobody could say yes: the configuration can't be read, so that a new device has to wait, and there is no device yet that
/// could let it in. Whoever shows the secret then is the owner who comes to mend it.
async fn is_stranded(gateway: &Gateway) -> Result<bool, Refusal> {
    let is_safe_mode = gateway.loaded.load().safe_mode;
    Ok(is_safe_mode && gateway.store.devices().await.map_err(store_failed)?.is_empty())
}

async fn seen(gateway: &Gateway, device: &DeviceId) -> Result<(), Refusal> {
    gateway.store.device_seen(device, gateway.now_ms()).await.map_err(store_failed)
}

fn store_failed(error: StoreError) -> Refusal {
    Refusal::new(rpc_error::of_store(error))
}

fn parse(names: &[String]) -> Vec<Scope> {
    names.iter().filter_map(|name| name.parse().ok()).collect()
}

fn names(scopes: &[Scope]) -> Vec<String> {
    scopes.iter().map(ToString::to_string).collect()
}
