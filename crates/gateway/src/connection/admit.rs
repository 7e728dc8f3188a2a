//! Whether a client may come in, and as what. Decides in the order of the protocol's failure table; sends nothing itself.

use std::sync::Arc;

use axum::http::HeaderMap;
use chela_protocol::limits;
use chela_protocol::{
    CloseCode, ConnectDevice, ConnectErrorCode, ConnectErrorDetails, ConnectParams, ErrorCode, MIN_PROTOCOL_VERSION,
    NextStep, PROTOCOL_VERSION, RpcError, Scope, negotiate,
};
use serde_json::to_value;
use tokio_util::sync::CancellationToken;

use super::Peer;
use crate::app::Gateway;
use crate::auth::{self, Credential, LimitScope, Presented, Remote};
use crate::config::AuthMode;
use crate::nodes::NodeFacts;
use crate::pairing::{self, Newcomer, Standing};

/// The facts of one connect.
pub(super) struct Arrival<'a> {
    pub(super) gateway: &'a Arc<Gateway>,
    pub(super) connection_id: &'a str,
    pub(super) nonce: &'a str,
    pub(super) remote: Remote,
    pub(super) headers: &'a HeaderMap,
    pub(super) closed: CancellationToken,
}

/// A client that may come in.
pub(super) struct Admission {
    pub(super) peer: Peer,
    /// What let it in, in the protocol's words.
    pub(super) method: &'static str,
    pub(super) device_token: Option<IssuedToken>,
}

/// A device token, shown this once.
pub(crate) struct IssuedToken {
    pub(crate) token: String,
    pub(crate) issued_at_ms: i64,
}

/// A client that may not: what it is answered, and how its socket is closed.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) error: Box<RpcError>,
    pub(crate) close: CloseCode,
    pub(crate) reason: String,
}

impl Refusal {
    pub(crate) fn new(error: RpcError) -> Self {
        Self { reason: error.message.clone(), error: Box::new(error), close: CloseCode::Policy }
    }

    pub(crate) fn with(code: ErrorCode, message: &str, details: &ConnectErrorDetails) -> Self {
        let details = to_value(details).expect("our details serialise");
        Self::new(RpcError::new(code, message).with_details(details))
    }
}

/// How a client proved itself.
struct Proof {
    method: &'static str,
    credential: Credential,
    shown: Shown,
    /// The device token that was shown, to hand it back.
    shown_token: Option<IssuedToken>,
}

/// What a client showed.
enum Shown {
    /// The shared secret, or none is needed.
    Secret,
    /// A device token that is good for these scopes.
    Token(Vec<String>),
    /// A link that an owner made for it.
    Link,
}

pub(super) async fn admit(arrival: Arrival<'_>, params: &ConnectParams) -> Result<Admission, Refusal> {
    let protocol = negotiate(params.min_protocol, params.max_protocol).ok_or_else(|| protocol_mismatch(params))?;
    let role = role(params)?;
    check_origin(&arrival, params)?;
    let device = verified_device(&arrival, params)?;
    let proof = authenticate(&arrival, params, device.as_ref(), role).await?;
    let asked = requested_scopes(params, role);
    let device_id = device.as_ref().map(|(device, _)| device.id.clone());
    let scopes = match &device {
        Some((device, public_key)) => {
            let newcomer = Newcomer { device_id: &device.id, public_key, params, role, asked: &asked };
            let standing = standing(&proof);
            pairing::admit(arrival.gateway, &newcomer, standing, &arrival.remote).await?
        }
        None => pairing::scopes_without_device(arrival.gateway, &asked, &arrival.remote),
    };
    let device_token = match (proof.shown_token, &device_id) {
        (Some(shown), _) => Some(shown),
        (None, Some(id)) => Some(pairing::issue_token(arrival.gateway, id, role, &scopes).await?),
        (None, None) => None,
    };
    let peer = Peer {
        connection_id: arrival.connection_id.to_owned(),
        client_id: params.client.id.clone(),
        client_mode: params.client.mode.clone(),
        protocol,
        role: role.to_owned(),
        scopes,
        caps: params.caps.clone(),
        device: device_id,
        node: (role == "node").then(|| Arc::new(NodeFacts::of(params))),
        remote_ip: arrival.remote.ip,
        credential: proof.credential,
        closed: arrival.closed,
    };
    Ok(Admission { peer, method: proof.method, device_token })
}

fn standing(proof: &Proof) -> Standing<'_> {
    match &proof.shown {
        Shown::Secret => Standing::KnowsSecret,
        Shown::Token(scopes) => Standing::HoldsToken(scopes),
        Shown::Link => Standing::IsInvited,
    }
}

fn protocol_mismatch(params: &ConnectParams) -> Refusal {
    let mut details = ConnectErrorDetails::new(ConnectErrorCode::ProtocolMismatch);
    details.client_min_protocol = Some(params.min_protocol);
    details.client_max_protocol = Some(params.max_protocol);
    details.expected_protocol = Some(PROTOCOL_VERSION);
    details.minimum_probe_protocol = Some(MIN_PROTOCOL_VERSION);
    let refusal = Refusal::with(ErrorCode::InvalidRequest, "protocol mismatch", &details);
    Refusal { close: CloseCode::ProtocolError, ..refusal }
}

fn role(params: &ConnectParams) -> Result<&str, Refusal> {
    let role = params.role.as_deref().unwrap_or("operator");
    match (role, &params.device) {
        ("operator", _) | ("node", Some(_)) => Ok(role),
        ("node", None) => Err(device_required()),
        _ => Err(Refusal::new(RpcError::invalid("invalid role"))),
    }
}

fn device_required() -> Refusal {
    let details = ConnectErrorDetails::new(ConnectErrorCode::DeviceIdentityRequired);
    Refusal::with(ErrorCode::NotPaired, "device identity required", &details)
}

fn check_origin(arrival: &Arrival<'_>, params: &ConnectParams) -> Result<(), Refusal> {
    let rules = arrival.gateway.auth.origins();
    let checked = rules.check(arrival.headers).and_then(|()| {
        // Without a secret, a page that made its own name point here could do all that the user can.
        let open = arrival.gateway.auth.mode() == AuthMode::None && !rules.host_is_own(arrival.headers);
        if open { Err("host not allowed") } else { Ok(()) }
    });
    checked.map_err(|reason| {
        tracing::warn!(target: "ws", client = %params.client.id, reason, "refused a page's connection");
        let mut details = ConnectErrorDetails::new(ConnectErrorCode::ControlUiOriginNotAllowed);
        details.reason = Some(reason.to_owned());
        let message = "origin not allowed (open the page from the gateway's own address, or add the page's origin to \
                       gateway.controlUi.allowedOrigins)";
        Refusal::with(ErrorCode::InvalidRequest, message, &details)
    })
}

/// The device of the connect with its raw key, when there is one.
fn verified_device<'a>(
    arrival: &Arrival<'_>,
    params: &'a ConnectParams,
) -> Result<Option<(&'a ConnectDevice, String)>, Refusal> {
    let Some(device) = &params.device else {
        return Ok(None);
    };
    match auth::verify(params, device, arrival.nonce, arrival.gateway.now_ms(), &arrival.remote) {
        Ok(public_key) => Ok(Some((device, public_key))),
        Err(fault) => {
            let mut details = ConnectErrorDetails::new(fault.code());
            details.reason = Some(fault.message().replace(' ', "-"));
            Err(Refusal::with(ErrorCode::InvalidRequest, fault.message(), &details))
        }
    }
}

async fn authenticate(
    arrival: &Arrival<'_>,
    params: &ConnectParams,
    device: Option<&(&ConnectDevice, String)>,
    role: &str,
) -> Result<Proof, Refusal> {
    let secrets = arrival.gateway.auth.secrets();
    match secrets.mode() {
        AuthMode::None => return Ok(proof("none", Credential::None)),
        AuthMode::TrustedProxy => return by_proxy(arrival),
        AuthMode::Token | AuthMode::Password => {}
    }
    let credentials = params.auth.clone().unwrap_or_default();
    let limiter = &arrival.gateway.auth.limiter;
    let locked = limiter.locked_for(arrival.remote.ip, LimitScope::SharedSecret, arrival.remote.on_this_machine());
    let presented = secrets.check(&[credentials.token.as_deref(), credentials.password.as_deref()]);
    if locked.is_none() && matches!(presented, Presented::Token | Presented::Password) {
        limiter.succeeded(arrival.remote.ip, LimitScope::SharedSecret, arrival.remote.on_this_machine());
        let method = if presented == Presented::Token { "token" } else { "password" };
        return Ok(proof(method, Credential::Shared { generation: secrets.generation() }));
    }
    if let Some((device, _)) = device {
        let candidates = [credentials.device_token.as_deref(), credentials.token.as_deref()];
        if let Some(proof) = by_device_token(arrival, device, role, candidates).await? {
            return Ok(proof);
        }
    }
    if let Some(left) = locked {
        return Err(rate_limited(left));
    }
    // A link is used up by a device, which is then known by its key: for a client without one it would be good for one connection.
    if let (Some(link), true) = (credentials.bootstrap_token.as_deref(), device.is_some())
        && arrival.gateway.auth.links.redeem(link, arrival.gateway.now_ms())
    {
        return Ok(Proof { shown: Shown::Link, ..proof("bootstrap-token", Credential::Device) });
    }
    Err(not_authenticated(arrival, &credentials, presented, device.is_some()))
}

fn proof(method: &'static str, credential: Credential) -> Proof {
    Proof { method, credential, shown: Shown::Secret, shown_token: None }
}

fn by_proxy(arrival: &Arrival<'_>) -> Result<Proof, Refusal> {
    let config = arrival.gateway.config.load();
    let rules = config.gateway.auth.trusted_proxy.clone().unwrap_or_default();
    if auth::http::proxy_user(&rules, &arrival.remote, arrival.headers).is_some() {
        return Ok(proof("trusted-proxy", Credential::Proxy));
    }
    let mut details = ConnectErrorDetails::new(ConnectErrorCode::AuthIdentityHeaderRequired);
    details.auth_reason = Some("identity_header_required".to_owned());
    details.recommended_next_step = Some(NextStep::ReviewAuthConfiguration);
    let message = "unauthorized: the request did not come through a proxy of gateway.trustedProxies with a user";
    Err(Refusal::with(ErrorCode::InvalidRequest, message, &details))
}

async fn by_device_token(
    arrival: &Arrival<'_>,
    device: &ConnectDevice,
    role: &str,
    candidates: [Option<&str>; 2],
) -> Result<Option<Proof>, Refusal> {
    let limiter = &arrival.gateway.auth.limiter;
    if limiter.locked_for(arrival.remote.ip, LimitScope::DeviceToken, arrival.remote.on_this_machine()).is_some() {
        return Ok(None);
    }
    let found = pairing::token_of(arrival.gateway, &device.id, role, &candidates).await?;
    let Some((token, stored)) = found else {
        return Ok(None);
    };
    limiter.succeeded(arrival.remote.ip, LimitScope::DeviceToken, arrival.remote.on_this_machine());
    let shown = IssuedToken { token, issued_at_ms: stored.created_at_ms };
    Ok(Some(Proof {
        method: "device-token",
        credential: Credential::Device,
        shown: Shown::Token(stored.scopes),
        shown_token: Some(shown),
    }))
}

fn rate_limited(left: std::time::Duration) -> Refusal {
    let mut details = ConnectErrorDetails::new(ConnectErrorCode::AuthRateLimited);
    details.auth_reason = Some("rate_limited".to_owned());
    details.recommended_next_step = Some(NextStep::WaitThenRetry);
    let message = "unauthorized: too many failed authentication attempts (retry later)";
    let mut refusal = Refusal::with(ErrorCode::InvalidRequest, message, &details);
    refusal.error.retryable = Some(true);
    refusal.error.retry_after_ms = u64::try_from(left.as_millis()).ok();
    refusal
}

fn not_authenticated(
    arrival: &Arrival<'_>,
    credentials: &chela_protocol::ConnectAuth,
    presented: Presented,
    has_device: bool,
) -> Refusal {
    let limiter = &arrival.gateway.auth.limiter;
    let remote = arrival.remote;
    if presented == Presented::Wrong {
        limiter.failed(remote.ip, LimitScope::SharedSecret, remote.on_this_machine());
        return wrong_secret(arrival.gateway.auth.mode(), has_device);
    }
    if credentials.device_token.is_some() {
        limiter.failed(remote.ip, LimitScope::DeviceToken, remote.on_this_machine());
        return unauthorized(
            ConnectErrorCode::AuthDeviceTokenMismatch,
            "device_token_mismatch",
            "unauthorized: device token mismatch (rotate or pair the device again)",
            NextStep::UpdateAuthCredentials,
        );
    }
    if credentials.bootstrap_token.is_some() {
        limiter.failed(remote.ip, LimitScope::SharedSecret, remote.on_this_machine());
        return unauthorized(
            ConnectErrorCode::AuthBootstrapTokenInvalid,
            "bootstrap_token_invalid",
            "unauthorized: bootstrap token invalid or expired",
            NextStep::UpdateAuthCredentials,
        );
    }
    if !has_device {
        return device_required();
    }
    let (code, reason, message) = match arrival.gateway.auth.mode() {
        AuthMode::Password => (
            ConnectErrorCode::AuthPasswordMissing,
            "password_missing",
            "unauthorized: gateway password missing (enter the gateway's password)",
        ),
        AuthMode::None | AuthMode::Token | AuthMode::TrustedProxy => (
            ConnectErrorCode::AuthTokenMissing,
            "token_missing",
            "unauthorized: gateway token missing (enter the gateway's token)",
        ),
    };
    unauthorized(code, reason, message, NextStep::UpdateAuthConfiguration)
}

fn wrong_secret(mode: AuthMode, has_device: bool) -> Refusal {
    let (code, reason, message) = match mode {
        AuthMode::Password => (
            ConnectErrorCode::AuthPasswordMismatch,
            "password_mismatch",
            "unauthorized: gateway password mismatch (enter the password of gateway.auth.password)",
        ),
        AuthMode::None | AuthMode::Token | AuthMode::TrustedProxy => (
            ConnectErrorCode::AuthTokenMismatch,
            "token_mismatch",
            "unauthorized: gateway token mismatch (enter the token that the gateway was started with)",
        ),
    };
    let mut refusal = unauthorized(code, reason, message, NextStep::UpdateAuthCredentials);
    if let Some(details) = &mut refusal.error.details {
        details["canRetryWithDeviceToken"] = has_device.into();
    }
    refusal
}

fn unauthorized(code: ConnectErrorCode, reason: &str, message: &str, next: NextStep) -> Refusal {
    let mut details = ConnectErrorDetails::new(code);
    details.auth_reason = Some(reason.to_owned());
    details.can_retry_with_device_token = Some(false);
    details.recommended_next_step = Some(next);
    Refusal::with(ErrorCode::InvalidRequest, message, &details)
}

/// Names that are no scope of ours are never granted. A client that names none at all (older ones) gets what its holder could ask
/// for; an explicit empty list is none.
fn requested_scopes(params: &ConnectParams, role: &str) -> Vec<Scope> {
    match (&params.scopes, role) {
        (Some(names), "operator") => names.iter().filter_map(|name| name.parse().ok()).collect(),
        (None, "operator") => vec![Scope::Admin],
        _ => Vec::new(),
    }
}

/// Refused because the gateway is not built yet.
pub(super) fn starting() -> Refusal {
    let mut error = RpcError::unavailable("gateway starting; retry shortly")
        .with_details(serde_json::json!({"reason": "startup-sidecars"}));
    error.retry_after_ms = Some(500);
    Refusal { error: Box::new(error), close: CloseCode::TryAgainLater, reason: "gateway starting".to_owned() }
}

/// Longest that admission may take: the store answers in milliseconds, so this is a fault.
pub(super) const ADMISSION_TIMEOUT: std::time::Duration = limits::HANDSHAKE_TIMEOUT;
