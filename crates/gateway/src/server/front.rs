//! What the HTTP side knows from the first millisecond, before the gateway behind it is built.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chela_protocol::limits::PREAUTH_SOCKETS_PER_IP;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::Gateway;
use crate::auth::{Auth, customer};

/// Unauthenticated sockets of all addresses at once: each may hold a frame of 64 KB, and a small machine has room for so many.
const PREAUTH_SOCKETS_MAX: usize = 1_024;

/// State of the router. Listening starts before the store is open; until then [`Ready`] refuses.
pub(crate) struct Front {
    pub(crate) auth: Arc<Auth>,
    pub(crate) started: Instant,
    /// Cancelled when the gateway stops.
    pub(crate) shutdown: CancellationToken,
    /// Cancelled when turns are over: requests that are still open end.
    over: CancellationToken,
    /// WebSockets that are open: each has its last words to send.
    pub(super) sockets: TaskTracker,
    gateway: OnceLock<Arc<Gateway>>,
    /// Unauthenticated sockets by customer.
    preauth: Mutex<HashMap<IpAddr, usize>>,
}

impl Front {
    pub(crate) fn new(auth: Arc<Auth>, shutdown: CancellationToken) -> Self {
        Self {
            auth,
            started: Instant::now(),
            shutdown,
            over: CancellationToken::new(),
            sockets: TaskTracker::new(),
            gateway: OnceLock::new(),
            preauth: Mutex::default(),
        }
    }

    /// The gateway, once it is built.
    pub(crate) fn gateway(&self) -> Option<&Arc<Gateway>> {
        self.gateway.get()
    }

    /// Opens the house. Later calls change nothing.
    pub(crate) fn open(&self, gateway: Arc<Gateway>) {
        let _ = self.gateway.set(gateway);
    }

    /// Every turn has ended or was put down, so whatever a request still waits for does not come.
    pub(crate) fn end_requests(&self) {
        self.over.cancel();
    }

    /// Waits until every WebSocket was told all that it is to be told, and closed.
    pub(crate) async fn sockets_closed(&self) {
        self.sockets.close();
        self.sockets.wait().await;
    }

    /// Returns after [`Front::end_requests`].
    pub(super) async fn requests_end(&self) {
        self.over.cancelled().await;
    }

    /// A place for one more unauthenticated socket of this address, if it has one left.
    pub(crate) fn preauth_slot(self: &Arc<Self>, ip: IpAddr) -> Option<PreauthSlot> {
        let ip = customer(ip);
        let mut open = self.preauth.lock().unwrap_or_else(PoisonError::into_inner);
        if open.values().sum::<usize>() >= PREAUTH_SOCKETS_MAX {
            return None;
        }
        let count = open.entry(ip).or_default();
        if *count >= PREAUTH_SOCKETS_PER_IP {
            return None;
        }
        *count += 1;
        Some(PreauthSlot { front: self.clone(), ip })
    }
}

/// Held by a socket until it has authenticated.
pub(crate) struct PreauthSlot {
    front: Arc<Front>,
    ip: IpAddr,
}

impl Drop for PreauthSlot {
    fn drop(&mut self) {
        let mut open = self.front.preauth.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.ip) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.ip);
            }
        }
    }
}

/// Extractor for handlers that need the gateway: 503 while it starts.
pub(crate) struct Ready(pub Arc<Gateway>);

impl FromRequestParts<Arc<Front>> for Ready {
    type Rejection = Response;

    async fn from_request_parts(_: &mut Parts, front: &Arc<Front>) -> Result<Self, Response> {
        front.gateway().cloned().map(Self).ok_or_else(starting)
    }
}

/// The answer while the gateway is built.
pub(crate) fn starting() -> Response {
    let body = r#"{"error":{"message":"gateway starting; retry shortly","type":"unavailable"}}"#;
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::RETRY_AFTER, "1")];
    (StatusCode::SERVICE_UNAVAILABLE, headers, body).into_response()
}
