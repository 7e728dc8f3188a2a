//! Which hosts and addresses may be reached (SSRF). Pure, but for the resolver at the end.
//!
//! Everything that is not plainly the public internet is refused. The resolver gives the client only addresses that were
//! judged, and the client connects to exactly those: a name can't change between the check and the connection.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use crate::SsrfPolicy;

/// Longest URL that is fetched.
const URL_LIMIT: usize = 8192;

/// Why a URL or an address is refused; worded for the model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Refused(pub(crate) String);

/// Who reaches out, and how far it may.
pub(crate) struct Reach {
    pub(crate) policy: SsrfPolicy,
    /// What it is called, as in `web_fetch`.
    pub(crate) who: &'static str,
    /// Where the policy stands in the configuration.
    pub(crate) section: &'static str,
}

/// Judges a URL before anything is sent, each redirect again.
pub(crate) fn check_url(url: &Url, reach: &Reach) -> Result<(), Refused> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Refused(format!("Only http and https URLs can be reached, not {}:.", url.scheme())));
    }
    if url.as_str().len() > URL_LIMIT {
        return Err(Refused(format!("The URL is longer than {URL_LIMIT} bytes.")));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Refused("The URL holds a user name or password; leave it out.".to_owned()));
    }
    match url.host() {
        None => Err(Refused("The URL has no host.".to_owned())),
        Some(Host::Domain(name)) => check_name(name, reach),
        Some(Host::Ipv4(address)) => check_address(&address.to_string(), address.into(), reach),
        Some(Host::Ipv6(address)) => check_address(&address.to_string(), address.into(), reach),
    }
}

/// Judges a name alone; its addresses are judged by the resolver.
fn check_name(name: &str, reach: &Reach) -> Result<(), Refused> {
    let name = plain(name);
    if is_listed(&name, &reach.policy.blocked_hostnames) {
        return Err(blocked(&name, reach));
    }
    let is_local = ["localhost", "local", "internal", "localdomain", "home.arpa"]
        .iter()
        .any(|suffix| name.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')));
    if is_local && !is_exempt(&name, &reach.policy) {
        return Err(private(&name, reach));
    }
    Ok(())
}

fn check_address(host: &str, address: IpAddr, reach: &Reach) -> Result<(), Refused> {
    if is_listed(host, &reach.policy.blocked_hostnames) {
        return Err(blocked(host, reach));
    }
    if is_public(address) || is_exempt(host, &reach.policy) { Ok(()) } else { Err(private(host, reach)) }
}

fn blocked(host: &str, Reach { section, .. }: &Reach) -> Refused {
    Refused(format!("`{host}` is blocked by {section}.blockedHostnames."))
}

fn private(host: &str, Reach { who, section, .. }: &Reach) -> Refused {
    Refused(format!(
        "`{host}` is an address of this machine or a private network, which {who} doesn't reach. The owner can allow it in \
         {section}.allowedHostnames."
    ))
}

fn is_exempt(host: &str, policy: &SsrfPolicy) -> bool {
    policy.dangerously_allow_private_network || is_listed(host, &policy.allowed_hostnames)
}

/// Whether a list names the host, or has `*.` and a name above it.
fn is_listed(host: &str, list: &[String]) -> bool {
    list.iter().map(|entry| plain(entry)).any(|entry| match entry.strip_prefix("*.") {
        Some(above) => host.strip_suffix(above).is_some_and(|rest| rest.ends_with('.')),
        None => host == entry.trim_matches(['[', ']']),
    })
}

fn plain(name: &str) -> String {
    name.trim().trim_end_matches('.').to_ascii_lowercase()
}

/// Whether an address is one of the public internet.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// The special-purpose blocks of RFC 6890 and its successors, and the metadata service of Azure.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = match a {
        0 | 10 | 127 => true,
        100 => (64..128).contains(&b),
        169 => b == 254,
        172 => (16..32).contains(&b),
        192 => b == 168 || (b == 0 && (c == 0 || c == 2)) || (b == 88 && c == 99),
        198 => b == 18 || b == 19 || (b == 51 && c == 100),
        203 => b == 0 && c == 113,
        other => other >= 224,
    };
    !is_special && address != Ipv4Addr::new(168, 63, 129, 16)
}

/// Global unicast alone, without its special blocks; an address that carries an IPv4 one is judged by that.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let carried = |at: usize| {
        let [[first, second], [third, fourth]] = [segments[at].to_be_bytes(), segments[at + 1].to_be_bytes()];
        is_public_v4(Ipv4Addr::new(first, second, third, fourth))
    };
    match segments {
        // Mapped, and NAT64.
        [0, 0, 0, 0, 0, 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => carried(6),
        // 6to4.
        [0x2002, ..] => carried(1),
        // Teredo, benchmarking, ORCHID and other protocol assignments; documentation.
        [0x2001, second, ..] => second >= 0x200 && second != 0xdb8,
        [0x3fff, second, ..] => second >= 0x1000,
        [first, ..] => (0x2000..0x4000).contains(&first),
    }
}

/// Where names get their addresses.
#[derive(Debug, Clone)]
pub(crate) enum Names {
    /// As the machine does.
    System,
    /// A fixed answer for each name.
    #[cfg_attr(not(test), expect(dead_code, reason = "tests answer for the network"))]
    Fixed(BTreeMap<String, Vec<IpAddr>>),
}

/// Resolves names for the client, and gives out judged addresses only.
pub(crate) struct JudgingResolver {
    pub(crate) reach: Arc<Reach>,
    pub(crate) names: Names,
}

impl Resolve for JudgingResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (reach, names) = (self.reach.clone(), self.names.clone());
        Box::pin(async move {
            let name = plain(name.as_str());
            let addresses = look_up(&name, &names).await?;
            if let Some(bad) =
                addresses.iter().find(|address| !is_public(address.ip()) && !is_exempt(&name, &reach.policy))
            {
                return Err(private(&format!("{name} ({})", bad.ip()), &reach).into());
            }
            Ok::<Addrs, _>(Box::new(addresses.into_iter()))
        })
    }
}

async fn look_up(name: &str, names: &Names) -> io::Result<Vec<SocketAddr>> {
    match names {
        // The client puts the URL's port in the place of 0.
        Names::System => Ok(tokio::net::lookup_host((name, 0)).await?.collect()),
        Names::Fixed(answers) => {
            let addresses = answers.get(name).ok_or(io::ErrorKind::NotFound)?;
            Ok(addresses.iter().map(|address| SocketAddr::new(*address, 0)).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, policy: &str, allowed: bool) {
        let reach = Reach { policy: serde_json::from_str(policy).unwrap(), who: "it", section: "here" };
        let result = check_url(&Url::parse(url).unwrap(), &reach);
        assert_eq!(result.is_ok(), allowed, "{url}: {result:?}");
    }

    #[test]
    fn private_addresses_are_refused_in_every_spelling() {
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "0x7f.1",
            "0.0.0.0",
            "0",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "[::]",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:a00:1]",
            "[::127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[64:ff9b::a9fe:a9fe]",
            "[64:ff9b:1::1]",
            "[2002:7f00:1::]",
            "[2002:c0a8:101::1]",
            "[2001::1]",
            "[2001:db8::1]",
            "[fe80::1]",
            "[fc00::1]",
            "[fdaa::3]",
            "[fd00:ec2::254]",
            "[fec0::1]",
            "[ff02::1]",
            "[3fff::1]",
            "[5f00::1]",
            "[100::1]",
            "localhost",
            "LOCALHOST.",
            "a.localhost",
            "printer.local",
            "metadata.google.internal",
            "localhost.localdomain",
            "１２７.0.0.1",
            "127。0。0。1",
        ] {
            check(&format!("http://{host}/"), "{}", false);
            check(&format!("https://{host}:8443/x"), "{}", false);
        }
    }

    #[test]
    fn public_addresses_and_names_pass() {
        for host in [
            "1.1.1.1",
            "8.8.8.8",
            "172.15.0.1",
            "172.32.0.1",
            "100.63.0.1",
            "100.128.0.1",
            "192.0.1.1",
            "198.20.0.1",
            "[2606:4700::1111]",
            "[2001:4860:4860::8888]",
            "[::ffff:8.8.8.8]",
            "[64:ff9b::808:808]",
            "[2002:808:808::1]",
            "example.com",
            "notlocalhost.com",
            "mylocal",
        ] {
            check(&format!("http://{host}/"), "{}", true);
        }
    }

    #[test]
    fn schemes_credentials_and_lists_are_kept() {
        for url in [
            "ftp://example.com/",
            "file:///etc/passwd",
            "gopher://1.1.1.1/",
            "data:text/plain,x",
            "http://user@example.com/",
            "http://u:p@example.com/",
        ] {
            check(url, "{}", false);
        }
        check("http://wiki.lan/", r#"{"blockedHostnames": ["*.lan"]}"#, false);
        check("http://lan/", r#"{"blockedHostnames": ["*.lan"]}"#, true);
        check(
            "http://evil.example./",
            r#"{"blockedHostnames": ["Evil.example"], "dangerouslyAllowPrivateNetwork": true}"#,
            false,
        );
        check("http://127.0.0.1/", r#"{"allowedHostnames": ["127.0.0.1"]}"#, true);
        check("http://127.0.0.2/", r#"{"allowedHostnames": ["127.0.0.1"]}"#, false);
        check("http://[::1]/", r#"{"allowedHostnames": ["[::1]"]}"#, true);
        check("http://localhost/", r#"{"dangerouslyAllowPrivateNetwork": true}"#, true);
    }
}
