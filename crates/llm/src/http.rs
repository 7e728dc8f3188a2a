//! The HTTP client of the wires: rustls on ring, roots from the binary plus the administrator's file, built on first use.
//!
//! Speaks to model APIs only, so it follows no redirect: a key must never travel to a host that nobody configured.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

/// A host that does not accept within this time is down for a chat.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Idle connections outlive the pause between two messages of a conversation, and spare a TLS handshake.
const POOL_IDLE: Duration = Duration::from_secs(90);
/// Finds dead peers while a model thinks without sending a byte.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// A shared, lazy client. Clones share connections. Nothing is built before the first call.
#[derive(Clone, Default)]
pub struct HttpClient {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    extra_roots: Option<PathBuf>,
    client: OnceLock<Result<reqwest::Client, HttpClientError>>,
}

/// Why no client could be built. The same answer is given until the configuration is rebuilt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpClientError {
    #[error("can't read the certificates in {path}: {reason}; check SSL_CERT_FILE")]
    Roots { path: String, reason: String },
    #[error("can't set up TLS: {0}")]
    Tls(String),
}

/// The client for model calls. `extra_roots` is a PEM file (the environment's `SSL_CERT_FILE`) whose certificates are
/// trusted besides the built-in ones.
pub fn http_client(extra_roots: Option<PathBuf>) -> HttpClient {
    HttpClient { inner: Arc::new(Inner { extra_roots, client: OnceLock::new() }) }
}

/// Whose certificates are trusted: those that browsers trust, and those of a PEM file (the environment's `SSL_CERT_FILE`).
pub fn trusted_roots(extra: Option<&Path>) -> Result<RootCertStore, HttpClientError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = extra {
        let unreadable = |reason: String| HttpClientError::Roots { path: path.display().to_string(), reason };
        for certificate in CertificateDer::pem_file_iter(path).map_err(|error| unreadable(error.to_string()))? {
            let certificate = certificate.map_err(|error| unreadable(error.to_string()))?;
            // A bundle of an old system may hold roots that rustls can't use; the others still count.
            if let Err(error) = roots.add(certificate) {
                tracing::debug!(%error, "a certificate of SSL_CERT_FILE is not usable as a root");
            }
        }
    }
    Ok(roots)
}

impl HttpClient {
    /// The client itself, for calls that are none of a model: what it follows, trusts and waits for is the same.
    pub fn client(&self) -> Result<reqwest::Client, HttpClientError> {
        self.get().cloned()
    }

    pub(crate) fn get(&self) -> Result<&reqwest::Client, HttpClientError> {
        self.inner.client.get_or_init(|| build(self.inner.extra_roots.as_deref())).as_ref().map_err(Clone::clone)
    }
}

fn build(extra_roots: Option<&Path>) -> Result<reqwest::Client, HttpClientError> {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls(extra_roots)?)
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(POOL_IDLE)
        .tcp_nodelay(true)
        .tcp_keepalive(KEEP_ALIVE)
        .redirect(reqwest::redirect::Policy::none())
        // A compressor between the model and us holds events back until its window fills.
        .no_gzip()
        .user_agent(concat!("chela/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| HttpClientError::Tls(error.to_string()))
}

fn tls(extra_roots: Option<&Path>) -> Result<ClientConfig, HttpClientError> {
    let roots = trusted_roots(extra_roots)?;
    let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| HttpClientError::Tls(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    // A few streams at a time gain nothing by sharing a connection, and lose together when it stalls.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds_without_a_process_wide_tls_provider() {
        assert!(http_client(None).get().is_ok());
    }

    #[test]
    fn the_administrators_roots_join_the_built_in_ones() {
        let file = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/root.pem"));
        let built_in = trusted_roots(None).expect("no file is read").len();
        assert_eq!(trusted_roots(Some(file)).expect("it holds one certificate").len(), built_in + 1);
    }

    #[test]
    fn names_the_file_of_roots_that_it_cannot_read() {
        let error = http_client(Some(PathBuf::from("/nonexistent/roots.pem"))).get().expect_err("no such file");
        assert!(error.to_string().contains("/nonexistent/roots.pem"), "{error}");
    }
}
