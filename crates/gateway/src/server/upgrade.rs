//! From an HTTP request to a WebSocket: the opening handshake of RFC 6455. Any path will do.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::front::{Front, PreauthSlot};
use crate::connection::{Arrived, Upgraded, serve};

/// Whether the request asks for a WebSocket.
pub(super) fn is_wanted<B>(request: &Request<B>) -> bool {
    has_token(request.headers(), header::UPGRADE, "websocket")
        && has_token(request.headers(), header::CONNECTION, "upgrade")
}

/// Switches protocols, or says why not. Never fails: the answer is the response.
pub(super) fn answer(
    front: &Arc<Front>,
    mut request: Request<Incoming>,
    peer: IpAddr,
    connection: Arc<OwnedSemaphorePermit>,
) -> Response<Body> {
    let headers = request.headers();
    let version = headers.get(header::SEC_WEBSOCKET_VERSION);
    let key = headers.get(header::SEC_WEBSOCKET_KEY).filter(|key| is_key(key.as_bytes()));
    let (&Method::GET, Some(key), Some(b"13")) = (request.method(), key, version.map(HeaderValue::as_bytes)) else {
        return refuse(StatusCode::BAD_REQUEST, "a WebSocket needs GET, a key of 16 bytes and version 13");
    };
    let accept = derive_accept_key(key.as_bytes());
    let remote = front.auth.proxies().locate(peer, headers);
    let Some(slot) = front.preauth_slot(remote.ip) else {
        return refuse(StatusCode::TOO_MANY_REQUESTS, "too many unauthenticated connections from this address");
    };
    let arrived = Arrived { connection_id: uuid::Uuid::new_v4().to_string(), remote, headers: kept_headers(headers) };
    let upgrade = hyper::upgrade::on(&mut request);
    front.sockets.spawn(run(front.clone(), upgrade, arrived, slot, connection));
    Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::CONNECTION, "upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_ACCEPT, accept)
        .body(Body::empty())
        .expect("the parts of this response are valid")
}

async fn run(
    front: Arc<Front>,
    upgrade: OnUpgrade,
    arrived: Arrived,
    slot: PreauthSlot,
    connection: Arc<OwnedSemaphorePermit>,
) {
    let Ok(upgraded) = upgrade.await else { return };
    // The listener makes no other kind.
    let Ok(parts) = upgraded.downcast::<TokioIo<TcpStream>>() else { return };
    let (reader, writer) = parts.io.into_inner().into_split();
    serve(front, Upgraded { reader, writer, early: parts.read_buf, arrived, slot }).await;
    drop(connection);
}

fn is_key(key: &[u8]) -> bool {
    STANDARD.decode(key.trim_ascii()).is_ok_and(|bytes| bytes.len() == 16)
}

/// What admission looks at: everything but what could be large.
fn kept_headers(headers: &HeaderMap) -> HeaderMap {
    let mut kept = headers.clone();
    kept.remove(header::COOKIE);
    kept
}

fn has_token(headers: &HeaderMap, name: header::HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|part| part.trim().eq_ignore_ascii_case(token))
}

/// An answer of one line, and the last one of its connection.
pub(super) fn refuse(status: StatusCode, message: &'static str) -> Response<Body> {
    // What follows a request that was refused is not to be trusted.
    let builder = Response::builder().status(status).header(header::CONNECTION, "close");
    builder.body(Body::from(message)).expect("the parts of this response are valid")
}
