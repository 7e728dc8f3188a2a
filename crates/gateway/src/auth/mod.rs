//! Who may connect: shared secrets, devices, rate limit, Origin and Host.

mod device;
pub(crate) mod http;
mod links;
mod origin;
mod rate_limit;
pub(crate) mod remote;
mod secrets;
pub(crate) mod tokens;

pub(crate) use device::verify;
pub(crate) use links::LoginLinks;
pub(crate) use origin::{OriginRules, host_name};
pub(crate) use rate_limit::{RateLimiter, Scope as LimitScope, customer};
pub(crate) use remote::{ProxyRules, Remote, is_neighbour};
pub(crate) use secrets::{Presented, Secrets, digest as secret_digest};

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::config::AuthMode;

/// What let a client in. Decides what happens to its connection when secrets change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Credential {
    /// Mode `none`.
    None,
    /// The shared secret, as it stood in this generation.
    Shared {
        generation: u64,
    },
    Device,
    /// A trusted proxy named the user.
    Proxy,
}

/// The secrets in force, the counters of failures, and the rules for addresses.
pub(crate) struct Auth {
    secrets: ArcSwap<Secrets>,
    origins: ArcSwap<OriginRules>,
    proxies: ArcSwap<ProxyRules>,
    pub(crate) limiter: RateLimiter,
    pub(crate) links: LoginLinks,
}

impl Auth {
    pub(crate) fn new(secrets: Secrets, origins: OriginRules, proxies: ProxyRules, limiter: RateLimiter) -> Self {
        Self {
            secrets: ArcSwap::from_pointee(secrets),
            origins: ArcSwap::from_pointee(origins),
            proxies: ArcSwap::from_pointee(proxies),
            limiter,
            links: LoginLinks::default(),
        }
    }

    pub(crate) fn mode(&self) -> AuthMode {
        self.secrets.load().mode()
    }

    pub(crate) fn secrets(&self) -> Arc<Secrets> {
        self.secrets.load_full()
    }

    pub(crate) fn origins(&self) -> Arc<OriginRules> {
        self.origins.load_full()
    }

    pub(crate) fn proxies(&self) -> Arc<ProxyRules> {
        self.proxies.load_full()
    }

    pub(crate) fn replace_origins(&self, origins: OriginRules) {
        self.origins.store(Arc::new(origins));
    }

    pub(crate) fn replace_proxies(&self, proxies: ProxyRules) {
        self.proxies.store(Arc::new(proxies));
    }

    /// Puts new secrets in force. Returns the generation whose clients must go, or none when nothing changed.
    pub(crate) fn rotate(&self, token: Option<&str>, password: Option<&str>) -> Option<u64> {
        let current = self.secrets.load_full();
        let next = current.rotated(token, password)?;
        self.secrets.store(Arc::new(next));
        Some(current.generation())
    }
}
