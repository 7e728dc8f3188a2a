//! Which addresses the gateway listens on, and how it gets them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

use super::owner::PortOwner;
use crate::config::BindMode;

/// Connections that the kernel holds for us while we are busy.
const BACKLOG: i32 = 1024;
/// A predecessor that is stopping gives the port up within this many tries.
const BIND_TRIES: u32 = 20;
const BIND_PAUSE: Duration = Duration::from_millis(500);

/// Sockets that listen, and how people are told.
pub(crate) struct Bound {
    pub(crate) listeners: Vec<TcpListener>,
    pub(crate) port: u16,
    /// Host for the log line, for example `0.0.0.0`; IPv6 in brackets.
    pub(crate) shown_host: String,
}

impl Bound {
    /// A host under which this machine reaches the gateway.
    pub(crate) fn reachable_host(&self) -> &str {
        match self.shown_host.as_str() {
            "0.0.0.0" => "127.0.0.1",
            "[::]" => "[::1]",
            host => host,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum BindError {
    #[error(
        "another gateway instance is already listening on ws://{address} | listen EADDRINUSE\nPort {port} is already in use{}.\n\
         Stop it, choose another port with --port, or let --force stop it.",
        .owner.as_ref().map(|owner| format!(" by {owner}")).unwrap_or_default(),
        port = address.port()
    )]
    InUse { address: SocketAddr, owner: Option<PortOwner> },
    #[error("gateway.customBindHost is `{0}`, which is no IP address")]
    BadHost(String),
    #[error("no Tailscale address (100.64.0.0/10) on this machine; start Tailscale, or choose another --bind")]
    NoTailnet,
    #[error("can't listen on {address}: {error}")]
    Failed { address: SocketAddr, error: io::Error },
}

/// Whether clients on other machines can reach what `mode` binds.
pub(crate) fn reaches_others(mode: BindMode, custom_host: Option<&str>) -> bool {
    match mode {
        BindMode::Loopback | BindMode::Auto => false,
        BindMode::Lan | BindMode::Tailnet => true,
        BindMode::Custom => custom_host.is_none_or(|host| !host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())),
    }
}

/// Listens. `Auto` must have been decided before: here it means this machine only.
pub(crate) async fn bind(mode: BindMode, custom_host: Option<&str>, port: u16) -> Result<Bound, BindError> {
    let (first, others, shown_host) = match mode {
        BindMode::Lan => (IpAddr::V6(Ipv6Addr::UNSPECIFIED), vec![], "0.0.0.0".to_owned()),
        BindMode::Loopback | BindMode::Auto => {
            (IpAddr::V4(Ipv4Addr::LOCALHOST), vec![IpAddr::V6(Ipv6Addr::LOCALHOST)], "127.0.0.1".to_owned())
        }
        BindMode::Tailnet => {
            let ip = tailnet_address().ok_or(BindError::NoTailnet)?;
            (IpAddr::V4(ip), vec![IpAddr::V4(Ipv4Addr::LOCALHOST)], ip.to_string())
        }
        BindMode::Custom => {
            let host = custom_host.unwrap_or_default();
            let ip: IpAddr = host.parse().map_err(|_| BindError::BadHost(host.to_owned()))?;
            let alias =
                if ip.is_loopback() || ip.is_unspecified() { vec![] } else { vec![IpAddr::V4(Ipv4Addr::LOCALHOST)] };
            let shown = if ip.is_ipv6() { format!("[{ip}]") } else { ip.to_string() };
            (ip, alias, shown)
        }
    };
    let listener = listen_patiently(first, port).await?;
    let port = listener.local_addr().map_or(port, |address| address.port());
    let mut listeners = vec![listener];
    for ip in others {
        // The second address is a convenience: a machine without IPv6 is served on the first.
        match listen(SocketAddr::new(ip, port)) {
            Ok(listener) => listeners.push(listener),
            Err(error) => tracing::debug!(target: "gateway", %ip, %error, "not listening on this address as well"),
        }
    }
    Ok(Bound { listeners, port, shown_host })
}

async fn listen_patiently(ip: IpAddr, port: u16) -> Result<TcpListener, BindError> {
    let mut address = SocketAddr::new(ip, port);
    for attempt in 1.. {
        let error = match listen(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => error,
        };
        match error.kind() {
            io::ErrorKind::AddrInUse if attempt < BIND_TRIES => tokio::time::sleep(BIND_PAUSE).await,
            io::ErrorKind::AddrInUse => {
                let owner = PortOwner::find(port);
                let address = if ip.is_unspecified() { SocketAddr::from(([127, 0, 0, 1], port)) } else { address };
                return Err(BindError::InUse { address, owner });
            }
            // A kernel without IPv6.
            _ if address.is_ipv6() && ip.is_unspecified() => {
                address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
            }
            _ => return Err(BindError::Failed { address, error }),
        }
    }
    unreachable!("the loop ends at its last try")
}

/// One listening socket. An unspecified IPv6 address takes IPv4 clients too.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    socket.set_reuse_address(true)?;
    socket.set_tcp_nodelay(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// The first local address of Tailscale's block, from the kernel's own table.
fn tailnet_address() -> Option<Ipv4Addr> {
    local_addresses(&std::fs::read_to_string("/proc/net/fib_trie").ok()?).into_iter().find(|ip| {
        let [a, b, ..] = ip.octets();
        a == 100 && (64..128).contains(&b)
    })
}

/// The addresses marked `/32 host LOCAL`: each stands on the line before its mark.
fn local_addresses(fib_trie: &str) -> Vec<Ipv4Addr> {
    let lines: Vec<&str> = fib_trie.lines().map(str::trim).collect();
    let marked = lines.windows(2).filter(|pair| pair[1] == "/32 host LOCAL");
    marked.filter_map(|pair| pair[0].strip_prefix("|-- ")?.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_addresses_are_read_from_the_kernels_table() {
        let table = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n     \
                     |-- 100.101.102.103\n        /32 host LOCAL\n     |-- 127.0.0.1\n        /32 host LOCAL\n";
        assert_eq!(local_addresses(table), [Ipv4Addr::new(100, 101, 102, 103), Ipv4Addr::LOCALHOST]);
    }

    #[tokio::test]
    async fn a_taken_port_names_its_owner() {
        let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        tokio::time::pause();
        let error = bind(BindMode::Loopback, None, port).await.err().unwrap();
        let text = error.to_string();
        assert!(text.contains(&format!("Port {port} is already in use by pid {}", std::process::id())), "{text}");
    }

    #[tokio::test]
    async fn what_listens_everywhere_is_opened_on_this_machine() {
        for (mode, host, reached) in [
            (BindMode::Lan, None, "127.0.0.1"),
            (BindMode::Loopback, None, "127.0.0.1"),
            (BindMode::Custom, Some("0.0.0.0"), "127.0.0.1"),
            (BindMode::Custom, Some("127.0.0.2"), "127.0.0.2"),
        ] {
            let bound = bind(mode, host, 0).await.unwrap();
            assert_eq!(bound.reachable_host(), reached, "{mode:?} {host:?}");
        }
        let on = |host: &str| Bound { listeners: Vec::new(), port: 1, shown_host: host.to_owned() };
        assert_eq!((on("[::]").reachable_host(), on("[fd00::1]").reachable_host()), ("[::1]", "[fd00::1]"));
    }

    #[tokio::test]
    async fn a_custom_host_must_be_an_address() {
        let error = bind(BindMode::Custom, Some("my-host"), 0).await.err().unwrap();
        assert_eq!(error.to_string(), "gateway.customBindHost is `my-host`, which is no IP address");
    }
}
