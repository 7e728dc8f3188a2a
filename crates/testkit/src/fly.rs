//! Fly's proxy in front of a machine: it ends TLS with a certificate of its own making, names the client in headers of its own, and
//! passes the rest on from an address of the platform. It speaks HTTP/1.1 only, and one request by connection.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// Longest head of a request; Fly's own limit is larger, and no test comes near it.
const HEAD_MAX: usize = 32 * 1024;

/// Time for a handshake, and for a head to arrive.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the machine is told.
#[derive(Debug, Clone)]
pub struct Behind {
    /// The app's name: the certificate is for `<app>.fly.dev`.
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
    trust: ClientConfig,
    server: JoinHandle<()>,
}

impl FlyProxy {
    /// Listens on loopback, with a certificate that nobody has seen before.
    pub async fn start(behind: Behind) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (certificate, acceptor) = identity(&behind.app);
        let trust = trust_in(certificate);
        let server = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (acceptor, behind) = (acceptor.clone(), behind.clone());
                // A connection that breaks is the test's to notice.
                tokio::spawn(async move { pass(client, &acceptor, &behind).await.ok() });
            }
        });
        Ok(Self { address, trust, server })
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The TLS of a client that trusts this proxy's certificate and no other.
    pub fn trust(&self) -> ClientConfig {
        self.trust.clone()
    }
}

impl Drop for FlyProxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A certificate for the app's address, and what accepts connections with it.
fn identity(app: &str) -> (CertificateDer<'static>, TlsAcceptor) {
    let made = rcgen::generate_simple_self_signed([format!("{app}.fly.dev")]).expect("an app's name is a host's name");
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.expect("ring speaks the default versions").with_no_client_auth();
    let config = config.with_single_cert(vec![certificate.clone()], key).expect("the key is the certificate's");
    (certificate, TlsAcceptor::from(Arc::new(config)))
}

fn trust_in(certificate: CertificateDer<'static>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(certificate).expect("the certificate is well formed");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    config.expect("ring speaks the default versions").with_root_certificates(roots).with_no_client_auth()
}

async fn pass(client: TcpStream, acceptor: &TlsAcceptor, behind: &Behind) -> io::Result<()> {
    let mut client = tokio::time::timeout(PATIENCE, acceptor.accept(client)).await??;
    let (head, rest) = tokio::time::timeout(PATIENCE, read_head(&mut client)).await??;
    let socket = if behind.from.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.bind(SocketAddr::new(behind.from, 0))?;
    let mut machine = socket.connect(behind.machine).await?;
    machine.write_all(rewritten(&head, behind).as_bytes()).await?;
    machine.write_all(&rest).await?;
    copy_bidirectional(&mut client, &mut machine).await.map(drop)
}

/// The head of the first request, and what came with it of its body.
async fn read_head(client: &mut (impl AsyncRead + Unpin)) -> io::Result<(String, Vec<u8>)> {
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
        name.starts_with("fly-") || name.starts_with("x-forwarded-") || (name == "connection" && !is_upgrade)
    };
    out.extend(lines.filter(|line| !replaced(line)).map(str::to_owned));
    let client = behind.client;
    out.extend([
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
    use rustls::pki_types::ServerName;
    use tokio_rustls::TlsConnector;
    use tokio_rustls::client::TlsStream;

    use super::*;

    fn in_front_of(machine: SocketAddr) -> Behind {
        let (client, from) = ("203.0.113.7".parse().unwrap(), "127.0.0.1".parse().unwrap());
        Behind { app: "my-chela".into(), client, from, machine }
    }

    async fn connect(proxy: &FlyProxy, trust: ClientConfig) -> io::Result<TlsStream<TcpStream>> {
        let socket = TcpStream::connect(proxy.address()).await?;
        TlsConnector::from(Arc::new(trust)).connect(ServerName::try_from("my-chela.fly.dev").unwrap(), socket).await
    }

    #[test]
    fn a_client_cannot_speak_for_the_proxy() {
        let head = "GET / HTTP/1.1\r\nHost: my-chela.fly.dev\r\nfly-client-ip: 127.0.0.1\r\nx-forwarded-proto: http\r\n\
                    Connection: keep-alive\r\nAccept: */*\r\n\r\n";
        let passed = rewritten(head, &in_front_of(([127, 0, 0, 1], 1).into()));
        assert!(passed.starts_with("GET / HTTP/1.1\r\nHost: my-chela.fly.dev\r\nAccept: */*\r\n"), "{passed}");
        assert!(passed.contains("Fly-Client-IP: 203.0.113.7\r\n") && !passed.contains("127.0.0.1"), "{passed}");
        assert!(passed.contains("X-Forwarded-Proto: https\r\n") && !passed.contains("proto: http\r"), "{passed}");
        assert!(passed.ends_with("Connection: close\r\n\r\n"), "{passed}");
    }

    #[tokio::test]
    async fn it_ends_tls_for_those_who_trust_its_own_certificate() {
        let machine = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let behind = in_front_of(machine.local_addr().unwrap());
        let proxy = FlyProxy::start(behind.clone()).await.unwrap();
        let namesake = FlyProxy::start(behind).await.unwrap();
        let refused = connect(&proxy, namesake.trust()).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidData, "{refused}");

        let mut client = connect(&proxy, proxy.trust()).await.unwrap();
        client.write_all(b"GET / HTTP/1.1\r\nHost: my-chela.fly.dev\r\n\r\n").await.unwrap();
        let (mut inside, _) = machine.accept().await.unwrap();
        let (head, _) = read_head(&mut inside).await.unwrap();
        assert!(head.contains("X-Forwarded-Proto: https\r\n"), "{head}");
        inside.write_all(b"in plain text").await.unwrap();
        drop(inside);
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "in plain text");
    }
}
