//! Bearer authentication of plain HTTP requests.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chela_protocol::{PROTOCOL_VERSION, Scope};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{Credential, LimitScope, Presented, Remote, remote::Nearness};
use crate::app::Gateway;
use crate::config::{AuthMode, TrustedProxyConfig};
use crate::connection::Peer;

/// The socket's other end, put into each request's extensions by the listener.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PeerAddress(pub IpAddr);

/// Checks the `Authorization: Bearer` header of a request against the gateway's secret. Whoever shows it is the operator.
/// The error is the response to send: 401, 403 or 429 in OpenAI's error shape.
pub(crate) async fn authorise(gateway: &Gateway, parts: &Parts) -> Result<Peer, Box<Response>> {
    let peer = parts.extensions.get::<PeerAddress>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.0);
    let remote = gateway.auth.proxies().locate(peer, &parts.headers);
    if gateway.auth.origins().check(&parts.headers).is_err() {
        return Err(Box::new(refusal(StatusCode::FORBIDDEN, "origin not allowed", "forbidden")));
    }
    let secrets = gateway.auth.secrets();
    let credential = match secrets.mode() {
        AuthMode::None if gateway.auth.origins().host_is_own(&parts.headers) => Credential::None,
        AuthMode::None => return Err(Box::new(refusal(StatusCode::FORBIDDEN, "host not allowed", "forbidden"))),
        AuthMode::TrustedProxy => {
            let config = gateway.config.load();
            let rules = config.gateway.auth.trusted_proxy.clone().unwrap_or_default();
            proxy_user(&rules, &remote, &parts.headers).map(|_| Credential::Proxy).ok_or_else(unauthorised)?
        }
        AuthMode::Token | AuthMode::Password => {
            by_secret(gateway, &remote, bearer(&parts.headers))?;
            Credential::Shared { generation: secrets.generation() }
        }
    };
    Ok(operator(&remote, credential))
}

/// The user that a trusted proxy names, if everything that the rules ask for is there.
pub(crate) fn proxy_user(rules: &TrustedProxyConfig, remote: &Remote, headers: &HeaderMap) -> Option<String> {
    if remote.nearness != Nearness::TrustedProxy || rules.user_header.is_empty() {
        return None;
    }
    if rules.required_headers.iter().any(|name| !headers.contains_key(name.as_str())) {
        return None;
    }
    let user = headers.get(rules.user_header.as_str())?.to_str().ok()?.trim().to_owned();
    let allowed = rules.allow_users.is_empty() || rules.allow_users.contains(&user);
    (!user.is_empty() && allowed).then_some(user)
}

/// The token of `Authorization: Bearer`.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn by_secret(gateway: &Gateway, remote: &Remote, token: Option<&str>) -> Result<(), Box<Response>> {
    let limiter = &gateway.auth.limiter;
    if let Some(left) = limiter.locked_for(remote.ip, LimitScope::SharedSecret, remote.on_this_machine()) {
        return Err(Box::new(locked_out(left)));
    }
    match gateway.auth.secrets().check(&[token]) {
        Presented::Token | Presented::Password => {
            limiter.succeeded(remote.ip, LimitScope::SharedSecret, remote.on_this_machine());
            Ok(())
        }
        Presented::Nothing => Err(unauthorised()),
        Presented::Wrong => {
            limiter.failed(remote.ip, LimitScope::SharedSecret, remote.on_this_machine());
            Err(unauthorised())
        }
    }
}

fn operator(remote: &Remote, credential: Credential) -> Peer {
    Peer {
        connection_id: uuid::Uuid::new_v4().to_string(),
        client_id: "http".to_owned(),
        client_mode: "backend".to_owned(),
        protocol: PROTOCOL_VERSION,
        role: "operator".to_owned(),
        scopes: vec![Scope::Admin],
        caps: Vec::new(),
        device: None,
        node: None,
        remote_ip: remote.ip,
        credential,
        closed: CancellationToken::new(),
    }
}

#[expect(clippy::unnecessary_box_returns, reason = "it is an error, and those are kept small")]
fn unauthorised() -> Box<Response> {
    let mut response = refusal(StatusCode::UNAUTHORIZED, "Unauthorized", "unauthorized");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    Box::new(response)
}

fn locked_out(left: Duration) -> Response {
    let mut response =
        refusal(StatusCode::TOO_MANY_REQUESTS, "Too many failed authentication attempts", "rate_limited");
    response.headers_mut().insert(header::RETRY_AFTER, left.as_secs().max(1).into());
    response
}

fn refusal(status: StatusCode, message: &str, kind: &str) -> Response {
    (status, axum::Json(json!({"error": {"message": message, "type": kind}}))).into_response()
}
