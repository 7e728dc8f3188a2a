//! Where a request really comes from. Nothing that came through a proxy counts as local.

use std::net::{IpAddr, Ipv4Addr};

use axum::http::HeaderMap;

use super::host_name;
use super::rate_limit::OnThisMachine;

/// Headers that a proxy adds. Any of them means that the peer is not the client.
const FORWARDED: &[&str] = &[
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
    "via",
    "fly-client-ip",
    "cf-connecting-ip",
    "tailscale-user-login",
];

/// The address of a request's client, and how near it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Remote {
    pub(crate) ip: IpAddr,
    pub(crate) nearness: Nearness,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nearness {
    /// A program on this machine, with no proxy between.
    DirectLoopback,
    /// Through a proxy whose headers are believed.
    TrustedProxy,
    Elsewhere,
}

impl Remote {
    pub(crate) fn is_direct_loopback(&self) -> bool {
        self.nearness == Nearness::DirectLoopback
    }

    pub(crate) fn on_this_machine(&self) -> OnThisMachine {
        if self.is_direct_loopback() { OnThisMachine::Yes } else { OnThisMachine::No }
    }
}

/// Whose forwarded headers are believed.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProxyRules {
    trusted: Vec<Block>,
    on_fly: bool,
}

/// A CIDR block.
#[derive(Debug, Clone, Copy)]
struct Block {
    base: IpAddr,
    bits: u32,
}

impl ProxyRules {
    /// Entries that are no address or block come back as the second value.
    /// On Fly, requests reach a machine from the platform's proxy in 172.16.0.0/12, and it always sets `Fly-Client-IP`.
    pub(crate) fn new(entries: &[String], on_fly: bool) -> (Self, Vec<String>) {
        let (mut trusted, mut wrong) = (Vec::new(), Vec::new());
        for entry in entries {
            match Block::parse(entry) {
                Some(block) => trusted.push(block),
                None => wrong.push(entry.clone()),
            }
        }
        (Self { trusted, on_fly }, wrong)
    }

    /// Who sent the request that came over a socket from `peer`.
    pub(crate) fn locate(&self, peer: IpAddr, headers: &HeaderMap) -> Remote {
        let peer = peer.to_canonical();
        if self.on_fly && Block::FLY_PROXY.holds(peer) {
            let client = header_ip(headers, "fly-client-ip").unwrap_or(peer);
            return Remote { ip: client, nearness: Nearness::Elsewhere };
        }
        if self.is_trusted(peer) {
            let ip = self.forwarded_for(headers).unwrap_or(peer);
            return Remote { ip, nearness: Nearness::TrustedProxy };
        }
        let nearness = if peer.is_loopback() && !is_proxied(headers) && host_is_local(headers) {
            Nearness::DirectLoopback
        } else {
            Nearness::Elsewhere
        };
        Remote { ip: peer, nearness }
    }

    fn is_trusted(&self, ip: IpAddr) -> bool {
        self.trusted.iter().any(|block| block.holds(ip))
    }

    /// The last address of `X-Forwarded-For` that is not a trusted proxy: what stands before it could be made up.
    fn forwarded_for(&self, headers: &HeaderMap) -> Option<IpAddr> {
        let hops = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
        let hops: Vec<IpAddr> = hops
            .flat_map(|value| value.split(','))
            .filter_map(|hop| hop.trim().parse().ok())
            .map(|ip: IpAddr| ip.to_canonical())
            .collect();
        hops.into_iter().rev().find(|ip| !self.is_trusted(*ip))
    }
}

impl Block {
    const FLY_PROXY: Self = Self { base: IpAddr::V4(Ipv4Addr::new(172, 16, 0, 0)), bits: 12 };

    fn parse(text: &str) -> Option<Self> {
        let (base, bits) = match text.trim().split_once('/') {
            Some((base, bits)) => (base.parse::<IpAddr>().ok()?, Some(bits.parse::<u32>().ok()?)),
            None => (text.trim().parse::<IpAddr>().ok()?, None),
        };
        let widest = if base.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(widest);
        (bits <= widest).then_some(Self { base, bits })
    }

    fn holds(self, ip: IpAddr) -> bool {
        match (self.base, ip) {
            (IpAddr::V4(base), IpAddr::V4(ip)) => {
                let mask = u32::MAX.checked_shl(32 - self.bits).unwrap_or(0);
                base.to_bits() & mask == ip.to_bits() & mask
            }
            (IpAddr::V6(base), IpAddr::V6(ip)) => {
                let mask = u128::MAX.checked_shl(128 - self.bits).unwrap_or(0);
                base.to_bits() & mask == ip.to_bits() & mask
            }
            _ => false,
        }
    }
}

/// Whether a request comes straight from this machine or its private network. Good for counts, not for rights.
pub(crate) fn is_neighbour(peer: IpAddr, headers: &HeaderMap) -> bool {
    let private = match peer.to_canonical() {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    };
    private && !is_proxied(headers)
}

fn is_proxied(headers: &HeaderMap) -> bool {
    FORWARDED.iter().any(|name| headers.contains_key(*name))
}

fn header_ip(headers: &HeaderMap, name: &str) -> Option<IpAddr> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// A page of a foreign site that resolves its own name to 127.0.0.1 sends that name as Host.
fn host_is_local(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get("host").and_then(|host| host.to_str().ok()) else {
        return true;
    };
    let name = host_name(host);
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locate(rules: &ProxyRules, peer: &str, headers: &[(&'static str, &str)]) -> (String, Nearness) {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        let remote = rules.locate(peer.parse().unwrap(), &headers);
        (remote.ip.to_string(), remote.nearness)
    }

    #[test]
    fn g19_forged_forwarded_headers_are_ignored_and_never_make_a_client_local() {
        let rules = ProxyRules::default();
        let local = ("127.0.0.1".to_owned(), Nearness::DirectLoopback);
        assert_eq!(locate(&rules, "127.0.0.1", &[("host", "localhost:18789")]), local);
        assert_eq!(locate(&rules, "::ffff:127.0.0.1", &[]), local);
        for forged in FORWARDED {
            let (ip, nearness) = locate(&rules, "127.0.0.1", &[(forged, "127.0.0.1")]);
            assert_eq!((ip.as_str(), nearness), ("127.0.0.1", Nearness::Elsewhere), "{forged}");
            let (ip, nearness) = locate(&rules, "203.0.113.9", &[(forged, "127.0.0.1")]);
            assert_eq!((ip.as_str(), nearness), ("203.0.113.9", Nearness::Elsewhere), "{forged}");
        }
        assert_eq!(locate(&rules, "127.0.0.1", &[("host", "evil.example")]).1, Nearness::Elsewhere);
    }

    #[test]
    fn only_who_comes_straight_from_a_private_network_is_a_neighbour() {
        let near = |peer: &str, headers: &[(&'static str, &str)]| {
            let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
            is_neighbour(peer.parse().unwrap(), &headers)
        };
        for peer in ["127.0.0.1", "::1", "10.1.2.3", "172.16.0.9", "::ffff:192.168.1.1", "fdaa::3"] {
            assert!(near(peer, &[("host", "chela:3000")]), "{peer}");
            assert!(!near(peer, &[("fly-client-ip", "203.0.113.9")]), "{peer}");
        }
        assert!(!near("203.0.113.9", &[]));
        assert!(!near("2001:db8::1", &[]));
    }

    #[test]
    fn a_trusted_proxy_names_the_client_but_not_a_local_one() {
        let (rules, wrong) = ProxyRules::new(&["10.0.0.0/8".into(), "fd00::/8".into(), "proxy".into()], false);
        assert_eq!(wrong, ["proxy"]);
        let forged_chain = [("x-forwarded-for", "127.0.0.1, 198.51.100.7, 10.1.1.1")];
        assert_eq!(locate(&rules, "10.2.2.2", &forged_chain), ("198.51.100.7".into(), Nearness::TrustedProxy));
        assert_eq!(locate(&rules, "fd00::1", &[]), ("fd00::1".into(), Nearness::TrustedProxy));
    }

    #[test]
    fn g19_on_fly_only_the_platforms_proxy_is_believed() {
        let (rules, _) = ProxyRules::new(&[], true);
        let header = [("fly-client-ip", "198.51.100.7")];
        assert_eq!(locate(&rules, "172.16.5.4", &header), ("198.51.100.7".into(), Nearness::Elsewhere));
        assert_eq!(locate(&rules, "fdaa::3", &header), ("fdaa::3".into(), Nearness::Elsewhere));
    }
}
