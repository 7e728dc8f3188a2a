//! Hooks: other programs wake an agent or give it work by a request (`POST /hooks/wake`, `/hooks/agent`, `/hooks/<name>`). Paths,
//! shapes and codes are those of OpenClaw 2026.9.
//!
//! ```text
//! request ──token──▶ action (wake | agent | mapping) ──rules──▶ inbox row ──▶ session task ──▶ outbox ──▶ chat
//! ```
//!
//! A 200 means that the row is durable. Off unless `hooks.enabled` is set, the section is sound, and its token is one that is not the
//! gateway's own.

mod action;
mod answer;
mod dispatch;
mod keys;
mod rules;
mod template;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chela_config::{Environment, SecretResolver};
use secrecy::ExposeSecret as _;
use subtle::ConstantTimeEq as _;

pub(crate) use self::keys::lane_of;
use self::rules::HookRules;
pub(crate) use self::rules::problems;
use crate::app::Gateway;
use crate::auth::http::{PeerAddress, bearer};
use crate::auth::{LimitScope, Presented, RateLimiter, secret_digest};
use crate::config::{HooksConfig, RateLimitConfig};
use crate::server::{Front, starting};

/// Headers that may hold the token besides `Authorization`.
const TOKEN_HEADERS: [&str; 2] = ["x-chela-token", "x-openclaw-token"];

/// Wrong tokens of one address within a minute before it is turned away for a minute; the reference system's limit.
const LIMIT: RateLimitConfig =
    RateLimitConfig { max_attempts: 20, window_ms: 60_000, lockout_ms: 60_000, exempt_loopback: false };

/// Whether requests are let in, and by which rules.
pub(crate) struct Hooks {
    door: ArcSwap<Door>,
    limiter: RateLimiter,
}

enum Door {
    /// Nobody asked for hooks.
    Off,
    /// They are asked for, and can't be had for this reason.
    Barred(String),
    Open(Box<OpenDoor>),
}

struct OpenDoor {
    token: [u8; 32],
    rules: HookRules,
}

impl Default for Hooks {
    fn default() -> Self {
        Self { door: ArcSwap::from_pointee(Door::Off), limiter: RateLimiter::new(LIMIT) }
    }
}

impl Hooks {
    /// Takes up the configuration in force and the token that it names.
    pub(crate) async fn renew(&self, gateway: &Gateway, environment: &Environment) {
        let config = gateway.config.load().hooks.clone();
        let door = if config.enabled {
            opened(gateway, &config, environment).await.map_or_else(Door::Barred, |open| Door::Open(Box::new(open)))
        } else {
            Door::Off
        };
        match &door {
            Door::Off => {}
            Door::Barred(why) => tracing::error!(target: "hooks", "hooks are off: {why}"),
            Door::Open(open) => tracing::info!(target: "hooks", "hooks are served at {}", open.rules.base()),
        }
        self.door.store(Arc::new(door));
    }

    /// Why hooks that are asked for are off.
    pub(crate) fn degraded(&self) -> Option<String> {
        match &**self.door.load() {
            Door::Barred(why) => Some(format!("hooks: off, {why}")),
            Door::Off | Door::Open(_) => None,
        }
    }
}

/// Takes out the requests that are for hooks.
pub(crate) async fn divert(State(front): State<Arc<Front>>, request: Request, next: Next) -> Response {
    let Some(gateway) = front.gateway() else {
        // Their path is not known yet, and a sender that hears `404` doesn't come again.
        return if request.method() == Method::POST { starting() } else { next.run(request).await };
    };
    let door = gateway.hooks.door.load_full();
    let Door::Open(open) = &*door else { return next.run(request).await };
    let Some(rest) = open.rules.rest_of(request.uri().path()).map(str::to_owned) else {
        return next.run(request).await;
    };
    let (parts, body) = request.into_parts();
    if let Err(refusal) = admit(gateway, open, &parts) {
        return refusal.into_response();
    }
    answer::answer(gateway, &open.rules, &rest, parts, body).await
}

/// The door as the configuration wants it, or why it stays shut.
async fn opened(gateway: &Gateway, config: &HooksConfig, environment: &Environment) -> Result<OpenDoor, String> {
    let rules = HookRules::of(config)?;
    let written = config.token.clone().ok_or("hooks.token: there is none")?;
    // What is wrong in `secrets` was told when the whole configuration was read.
    let resolver = SecretResolver::new(&gateway.loaded.load(), environment, &gateway.places, &mut Vec::new());
    // A secret may come from a program, which takes its time.
    let fetched = tokio::task::spawn_blocking(move || resolver.resolve(&written)).await;
    let fetched = fetched.map_err(|error| format!("hooks.token: {error}"))?;
    let token = fetched.map_err(|error| format!("hooks.token: {error}"))?;
    let token = token.expose_secret().trim();
    if token.is_empty() {
        return Err("hooks.token: it is empty".to_owned());
    }
    gateway.logs.hide(token);
    match gateway.auth.secrets().check(&[Some(token)]) {
        Presented::Token | Presented::Password => {
            Err("hooks.token: it is the gateway's own secret, which opens everything; choose another one for hooks"
                .to_owned())
        }
        Presented::Wrong | Presented::Nothing => Ok(OpenDoor { token: secret_digest(token), rules }),
    }
}

fn admit(gateway: &Gateway, open: &OpenDoor, parts: &Parts) -> Result<(), answer::Refusal> {
    let query = parts.uri.query().unwrap_or_default();
    if url::form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "token") {
        return Err(answer::Refusal::TokenInQuery);
    }
    if parts.method != Method::POST {
        return Err(answer::Refusal::Method);
    }
    let peer = parts.extensions.get::<PeerAddress>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.0);
    let remote = gateway.auth.proxies().locate(peer, &parts.headers);
    let limiter = &gateway.hooks.limiter;
    let near = remote.on_this_machine();
    let presented = secret_digest(presented(&parts.headers).unwrap_or_default());
    if bool::from(presented.ct_eq(&open.token)) {
        limiter.succeeded(remote.ip, LimitScope::SharedSecret, near);
        return Ok(());
    }
    if let Some(left) = limiter.locked_for(remote.ip, LimitScope::SharedSecret, near) {
        return Err(answer::Refusal::TooMany(left));
    }
    limiter.failed(remote.ip, LimitScope::SharedSecret, near);
    Err(answer::Refusal::Token)
}

/// A token in `Authorization` counts before one in a header of its own.
fn presented(headers: &HeaderMap) -> Option<&str> {
    let own = || TOKEN_HEADERS.iter().find_map(|name| headers.get(*name)?.to_str().ok());
    bearer(headers).filter(|token| !token.is_empty()).or_else(own).map(str::trim)
}
