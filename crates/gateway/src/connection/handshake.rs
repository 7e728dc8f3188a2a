//! Challenge, connect, hello: what happens on a socket before it is served.

use std::sync::Arc;

use chela_protocol::limits;
use chela_protocol::{
    AttachmentPolicy, ChallengePayload, CloseCode, ConnectParams, EVENT_NAMES, Features, HelloAuth, HelloOk, HelloTag,
    Implementation, OPENCLAW_RELEASE, Policy, RequestFrame, ResponseFrame, RpcError, Scope, ServerInfo,
    SessionDefaults, SessionKey, Snapshot,
};
use serde_json::Value;
use tokio::io::AsyncRead;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::Peer;
use super::admit::{self, Admission, Arrival, Refusal};
use super::outbound::Outbound;
use super::serve::Arrived;
use super::wire::{Message, Outgoing, ReadError, Reader};
use crate::app::{Gateway, now_ms};
use crate::rpc;
use crate::server::Front;

/// The program's own name.
const IMPLEMENTATION: &str = "chela";

/// What the gateway promises beyond the plain protocol.
const CAPABILITIES: &[&str] = &[
    // `models.list` answers with what is published to clients, without asking a vendor.
    "published-model-catalog",
];

/// Leads a socket to its hello. None when it was refused (and told so) or went away.
pub(super) async fn handshake<R: AsyncRead + Unpin>(
    front: &Front,
    arrived: &Arrived,
    reader: &mut Reader<R>,
    outbound: &Outbound,
    closed: CancellationToken,
) -> Option<(Arc<Gateway>, Arc<Peer>)> {
    let nonce = uuid::Uuid::new_v4().to_string();
    let challenge = ChallengePayload { nonce: nonce.clone(), ts: now_ms(), capabilities: Vec::new() };
    let payload = serde_json::value::to_raw_value(&challenge).expect("our payloads serialise");
    outbound.push_targeted_event("connect.challenge", &payload.into());
    let Ok(request) = timeout(limits::HANDSHAKE_TIMEOUT, first_request(reader, outbound)).await else {
        outbound.close(CloseCode::Policy, "handshake timeout");
        return None;
    };
    let request = request?;
    let answer = connect(front, arrived, &request, &nonce, closed).await;
    match answer {
        Ok((gateway, admission)) => {
            let peer = Arc::new(admission.peer.clone());
            let hello = hello(&gateway, &admission).await;
            let payload = serde_json::to_value(hello).expect("our hello serialises");
            outbound.push(answer_frame(&request.id, Ok(payload)));
            Some((gateway, peer))
        }
        Err(refusal) => {
            tracing::info!(target: "ws", ip = %arrived.remote.ip, reason = %refusal.reason, "refused a connect");
            outbound.push(answer_frame(&request.id, Err(*refusal.error)));
            outbound.close(refusal.close, refusal.reason);
            None
        }
    }
}

/// The first message, when it is a request frame. Everything else ends the socket.
async fn first_request<R: AsyncRead + Unpin>(reader: &mut Reader<R>, outbound: &Outbound) -> Option<RequestFrame> {
    loop {
        match reader.next().await {
            Ok(Message::Text(text)) => {
                let frame = serde_json::from_slice(&text).ok();
                if frame.is_none() {
                    outbound.close(CloseCode::Policy, "invalid request frame");
                }
                return frame;
            }
            Ok(Message::Ping(payload)) => outbound.answer_ping(&payload),
            Ok(Message::Pong) => {}
            Ok(Message::Close(_)) => {
                outbound.close(CloseCode::Normal, "");
                return None;
            }
            Err(error) => {
                close_for(&error, outbound, "preauth payload too large");
                return None;
            }
        }
    }
}

/// Closes a socket whose reading failed.
pub(super) fn close_for(error: &ReadError, outbound: &Outbound, too_big: &str) {
    let reason = if matches!(error, ReadError::TooBig(_)) { too_big.to_owned() } else { error.to_string() };
    outbound.close(error.close_code().unwrap_or(CloseCode::Normal), reason);
}

async fn connect(
    front: &Front,
    arrived: &Arrived,
    request: &RequestFrame,
    nonce: &str,
    closed: CancellationToken,
) -> Result<(Arc<Gateway>, Admission), Refusal> {
    if request.method != "connect" {
        return Err(Refusal::new(RpcError::invalid("invalid handshake: first request must be connect")));
    }
    let params = request.params.clone().unwrap_or(Value::Object(serde_json::Map::new()));
    let params: ConnectParams = serde_json::from_value(params)
        .map_err(|error| Refusal::new(RpcError::invalid(format!("invalid connect params: {error}"))))?;
    if params.client.id.trim().is_empty() || params.client.mode.trim().is_empty() {
        let message = "invalid connect params: at /client: id and mode must not be empty";
        return Err(Refusal::new(RpcError::invalid(message)));
    }
    let gateway = front.gateway().ok_or_else(admit::starting)?;
    let arrival = Arrival {
        gateway,
        connection_id: &arrived.connection_id,
        nonce,
        remote: arrived.remote,
        headers: &arrived.headers,
        closed,
    };
    let admission = timeout(admit::ADMISSION_TIMEOUT, admit::admit(arrival, &params)).await;
    let busy = || Refusal::new(RpcError::unavailable("The server is busy. Please try again in a moment."));
    let admission = admission.map_err(|_| busy())??;
    gateway.presence.arrived(&admission.peer, &params.client);
    Ok((gateway.clone(), admission))
}

async fn hello(gateway: &Arc<Gateway>, admission: &Admission) -> HelloOk {
    let peer = &admission.peer;
    let is_admin = peer.holds(Scope::Admin);
    let shown = |path: &std::path::Path| is_admin.then(|| path.display().to_string());
    let health = rpc::health_snapshot(gateway, rpc::Viewer::of(peer)).await;
    let (token, issued_at_ms) = match &admission.device_token {
        Some(issued) => (Some(issued.token.clone()), Some(issued.issued_at_ms)),
        None => (None, None),
    };
    HelloOk {
        tag: HelloTag::HelloOk,
        protocol: peer.protocol,
        server: ServerInfo {
            version: OPENCLAW_RELEASE.to_owned(),
            implementation: Some(Implementation {
                name: IMPLEMENTATION.to_owned(),
                version: gateway.facts.version.to_owned(),
            }),
            conn_id: peer.connection_id.clone(),
            boot_id: Some(gateway.facts.boot_id.clone()),
        },
        features: Features {
            methods: gateway.methods.names().map(str::to_owned).collect(),
            events: EVENT_NAMES.iter().copied().map(str::to_owned).collect(),
            capabilities: CAPABILITIES.iter().copied().map(str::to_owned).collect(),
        },
        snapshot: Snapshot {
            presence: gateway.presence.entries(),
            health: serde_json::to_value(health).expect("our health serialises"),
            state_version: gateway.presence.state_version(),
            uptime_ms: gateway.uptime_ms(),
            config_path: shown(&gateway.facts.config_path),
            state_dir: shown(&gateway.facts.state_dir),
            session_defaults: Some(session_defaults(gateway)),
            auth_mode: Some(rpc::auth_mode_name(gateway.auth.mode()).to_owned()),
        },
        auth: HelloAuth {
            method: Some(admission.method.to_owned()),
            role: peer.role.clone(),
            scopes: peer.scopes.iter().map(ToString::to_string).collect(),
            device_token: token,
            issued_at_ms,
        },
        policy: policy(),
    }
}

fn session_defaults(gateway: &Gateway) -> SessionDefaults {
    let agent = gateway.default_agent();
    SessionDefaults {
        main_session_key: SessionKey::main(&agent).to_string(),
        default_agent_id: agent.to_string(),
        model_configured: gateway.models.load().is_configured(),
        main_key: chela_protocol::MAIN.to_owned(),
        scope: "per-sender".to_owned(),
    }
}

fn policy() -> Policy {
    Policy {
        max_payload: limits::FRAME_MAX as u64,
        max_buffered_bytes: limits::OUTBOUND_BYTES_MAX as u64,
        tick_interval_ms: u64::try_from(limits::TICK_INTERVAL.as_millis()).unwrap_or(u64::MAX),
        attachments: Some(AttachmentPolicy {
            max_bytes: limits::ATTACHMENT_BYTES_MAX,
            max_image_bytes: limits::IMAGE_BYTES_MAX,
        }),
    }
}

/// One answer as a frame.
pub(super) fn answer_frame(id: &str, answer: Result<Value, RpcError>) -> Outgoing {
    let frame = match answer {
        Ok(payload) => ResponseFrame { id: id.to_owned(), ok: true, payload: Some(payload), error: None },
        Err(error) => ResponseFrame { id: id.to_owned(), ok: false, payload: None, error: Some(error) },
    };
    Outgoing::Text(serde_json::to_vec(&frame).expect("an answer serialises").into())
}
