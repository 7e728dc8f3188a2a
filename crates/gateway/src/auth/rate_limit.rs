//! Counts wrong secrets by address, and locks an address out for a while.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::config::RateLimitConfig;

/// Addresses that are remembered. When it is full, the entry that is quiet for longest goes.
const ADDRESSES_MAX: usize = 10_000;

/// What is guessed at. Each is counted on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Scope {
    SharedSecret,
    DeviceToken,
}

/// Failures of the last window, by address and scope.
pub(crate) struct RateLimiter {
    rules: RateLimitConfig,
    entries: Mutex<HashMap<(IpAddr, Scope), Entry>>,
}

struct Entry {
    failures: u32,
    window_start: Instant,
    locked_until: Option<Instant>,
}

impl RateLimiter {
    pub(crate) fn new(rules: RateLimitConfig) -> Self {
        Self { rules, entries: Mutex::default() }
    }

    /// How long the address is still locked out, if it is. Strangers who come through a proxy on this machine share its address, so
    /// what they do neither locks its own programs out nor is forgiven because of them.
    pub(crate) fn locked_for(&self, ip: IpAddr, scope: Scope, near: OnThisMachine) -> Option<Duration> {
        if self.exempts(near) {
            return None;
        }
        let now = Instant::now();
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let until = entries.get(&(customer(ip), scope))?.locked_until?;
        until.checked_duration_since(now).filter(|left| !left.is_zero())
    }

    /// Counts a wrong secret.
    pub(crate) fn failed(&self, ip: IpAddr, scope: Scope, near: OnThisMachine) {
        if self.exempts(near) {
            return;
        }
        let now = Instant::now();
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= ADDRESSES_MAX && !entries.contains_key(&(customer(ip), scope)) {
            forget_one(&mut entries, now, self.window());
        }
        let entry = entries.entry((customer(ip), scope)).or_insert(Entry {
            failures: 0,
            window_start: now,
            locked_until: None,
        });
        if now.duration_since(entry.window_start) > self.window() {
            *entry = Entry { failures: 0, window_start: now, locked_until: None };
        }
        entry.failures += 1;
        if entry.failures >= self.rules.max_attempts {
            entry.locked_until = Some(now + Duration::from_millis(self.rules.lockout_ms));
            entry.failures = 0;
        }
    }

    /// A right secret clears the count.
    pub(crate) fn succeeded(&self, ip: IpAddr, scope: Scope, near: OnThisMachine) {
        if self.exempts(near) {
            return;
        }
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).remove(&(customer(ip), scope));
    }

    fn exempts(&self, near: OnThisMachine) -> bool {
        near == OnThisMachine::Yes && self.rules.exempt_loopback
    }

    fn window(&self) -> Duration {
        Duration::from_millis(self.rules.window_ms)
    }
}

/// Whether a client is certainly a program of this machine, with no proxy between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnThisMachine {
    Yes,
    No,
}

/// What is counted as one: an address, and of IPv6 a whole /64, which is what one customer holds.
pub(crate) fn customer(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
    }
}

fn forget_one(entries: &mut HashMap<(IpAddr, Scope), Entry>, now: Instant, window: Duration) {
    entries.retain(|_, entry| {
        entry.locked_until.is_some_and(|until| until > now) || now.duration_since(entry.window_start) <= window
    });
    if entries.len() >= ADDRESSES_MAX {
        let oldest = entries.iter().min_by_key(|(_, entry)| entry.window_start).map(|(key, _)| *key);
        oldest.and_then(|key| entries.remove(&key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRANGER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 9));

    #[tokio::test(start_paused = true)]
    async fn ten_wrong_secrets_in_a_minute_lock_an_address_out_for_five() {
        let limiter = RateLimiter::new(RateLimitConfig::default());
        for _ in 0..9 {
            limiter.failed(STRANGER, Scope::SharedSecret, OnThisMachine::No);
        }
        assert_eq!(limiter.locked_for(STRANGER, Scope::SharedSecret, OnThisMachine::No), None);
        limiter.failed(STRANGER, Scope::SharedSecret, OnThisMachine::No);
        assert_eq!(limiter.locked_for(STRANGER, Scope::SharedSecret, OnThisMachine::No), Some(Duration::from_mins(5)));
        assert_eq!(limiter.locked_for(STRANGER, Scope::DeviceToken, OnThisMachine::No), None);
        tokio::time::advance(Duration::from_secs(301)).await;
        assert_eq!(limiter.locked_for(STRANGER, Scope::SharedSecret, OnThisMachine::No), None);
    }

    #[tokio::test(start_paused = true)]
    async fn slow_failures_and_this_machine_are_not_locked_out() {
        let limiter = RateLimiter::new(RateLimitConfig::default());
        for _ in 0..30 {
            limiter.failed(STRANGER, Scope::SharedSecret, OnThisMachine::No);
            limiter.failed(IpAddr::from([127, 0, 0, 1]), Scope::SharedSecret, OnThisMachine::Yes);
            tokio::time::advance(Duration::from_secs(10)).await;
        }
        assert_eq!(limiter.locked_for(STRANGER, Scope::SharedSecret, OnThisMachine::No), None);
        assert_eq!(limiter.locked_for(IpAddr::from([127, 0, 0, 1]), Scope::SharedSecret, OnThisMachine::Yes), None);
    }

    #[tokio::test]
    async fn g19_a_stranger_behind_a_proxy_on_this_machine_is_locked_out_alone() {
        let limiter = RateLimiter::new(RateLimitConfig::default());
        let shared = IpAddr::from([127, 0, 0, 1]);
        for _ in 0..10 {
            limiter.failed(shared, Scope::SharedSecret, OnThisMachine::No);
            limiter.succeeded(shared, Scope::SharedSecret, OnThisMachine::Yes);
        }
        assert!(limiter.locked_for(shared, Scope::SharedSecret, OnThisMachine::No).is_some());
        assert_eq!(limiter.locked_for(shared, Scope::SharedSecret, OnThisMachine::Yes), None);
    }

    #[tokio::test]
    async fn the_table_is_bounded() {
        let limiter = RateLimiter::new(RateLimitConfig::default());
        for n in 0..u32::try_from(ADDRESSES_MAX).unwrap() + 50 {
            limiter.failed(IpAddr::from(n.to_be_bytes()), Scope::SharedSecret, OnThisMachine::No);
        }
        assert!(limiter.entries.lock().unwrap().len() <= ADDRESSES_MAX);
    }

    #[tokio::test]
    async fn neighbours_in_one_ipv6_net_share_a_count() {
        let limiter = RateLimiter::new(RateLimitConfig::default());
        for n in 0..10 {
            limiter.failed(IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, n]), Scope::SharedSecret, OnThisMachine::No);
        }
        assert!(
            limiter
                .locked_for(IpAddr::from([0x2001, 0xdb8, 0, 1, 9, 9, 9, 9]), Scope::SharedSecret, OnThisMachine::No)
                .is_some()
        );
    }
}
