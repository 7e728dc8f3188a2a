//! Fly's proxy in front of a machine: it ends TLS (which is left out here), names the client in headers of its own, and passes the
//! rest on from an address of the platform.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;

/// Longest head of a request; Fly's own limit is larger, and no test comes near it.
const HEAD_MAX: usize = 32 * 1024;

/// Time for a head to arrive.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the machine is told.
#[derive(Debug, Clone)]
pub struct Behind {
    /// The app's name: requests reach the machine with `Host: <app>.fly.dev`, whatever address the test has connected to.
    pub app: String,
    /// Whom the proxy says the client is.
    pub client: IpAddr,
    /// From which address of the platform it connects.
    pub from: IpAddr,
    /// The machine's port.
    pub machine: SocketAddr,
}

/// The proxy. Stops when dropped.
pub struct FlyProxy {
    address: SocketAddr,
    server: JoinHandle<()>,
}

impl FlyProxy {
    /// Listens on loopback.
    pub async fn start(behind: Behind) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let server = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let behind = behind.clone();
                // A connection that breaks is the test's to notice.
                tokio::spawn(async move { pass(client, &behind).await.ok() });
            }
        });
        Ok(Self { address, server })
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for FlyProxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn pass(mut client: TcpStream, behind: &Behind) -> io::Result<()> {
    let (head, rest) = tokio::time::timeout(PATIENCE, read_head(&mut client)).await??;
    let socket = if behind.from.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.bind(SocketAddr::new(behind.from, 0))?;
    let mut machine = socket.connect(behind.machine).await?;
    machine.write_all(rewritten(&head, behind).as_bytes()).await?;
    machine.write_all(&rest).await?;
    copy_bidirectional(&mut client, &mut machine).await.map(drop)
}

/// The head of the first request, and what came with it of its body.
async fn read_head(client: &mut TcpStream) -> io::Result<(String, Vec<u8>)> {
    let mut read = Vec::new();
    loop {
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = read.split_off(end + 4);
            let head = String::from_utf8(read).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            return Ok((head, rest));
        }
        if read.len() > HEAD_MAX || client.read_buf(&mut read).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// What the client says of itself in Fly's headers is replaced; each connection carries one request.
fn rewritten(head: &str, behind: &Behind) -> String {
    let mut lines = head.trim_end().split("\r\n");
    let mut out = vec![lines.next().unwrap_or_default().to_owned()];
    let is_upgrade = head.to_ascii_lowercase().contains("\r\nupgrade:");
    let replaced = |line: &&str| {
        let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
        name.starts_with("fly-") || name == "host" || (name == "connection" && !is_upgrade)
    };
    out.extend(lines.filter(|line| !replaced(line)).map(str::to_owned));
    let client = behind.client;
    out.extend([
        format!("Host: {}.fly.dev", behind.app),
        format!("Fly-Client-IP: {client}"),
        format!("X-Forwarded-For: {client}, 66.241.124.1"),
        "X-Forwarded-Proto: https".to_owned(),
        "X-Forwarded-Port: 443".to_owned(),
        "X-Forwarded-SSL: on".to_owned(),
        "Fly-Forwarded-Port: 443".to_owned(),
        "Fly-Region: fra".to_owned(),
        "Via: 2 fly.io".to_owned(),
    ]);
    if !is_upgrade {
        out.push("Connection: close".to_owned());
    }
    out.join("\r\n") + "\r\n\r\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_cannot_speak_for_the_proxy() {
        let behind = Behind {
            app: "my-chela".into(),
            client: "203.0.113.7".parse().unwrap(),
            from: "127.0.0.1".parse().unwrap(),
            machine: "127.0.0.1:1".parse().unwrap(),
        };
        let head =
            "GET / HTTP/1.1\r\nHost: x\r\nfly-client-ip: 127.0.0.1\r\nConnection: keep-alive\r\nAccept: */*\r\n\r\n";
        let passed = rewritten(head, &behind);
        assert!(passed.starts_with("GET / HTTP/1.1\r\nAccept: */*\r\nHost: my-chela.fly.dev\r\n"), "{passed}");
        assert!(passed.contains("Fly-Client-IP: 203.0.113.7\r\n") && !passed.contains("127.0.0.1"), "{passed}");
        assert!(passed.ends_with("Connection: close\r\n\r\n"), "{passed}");
    }
}
