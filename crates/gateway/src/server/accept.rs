//! The accept loop: one task per connection, bounded in number and in time.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use tower_service::Service as _;

use super::front::Front;
use super::upgrade;
use crate::auth::http::PeerAddress;

/// Connections that may be open at once: 10,000 clients and some air. Each costs a few KB and one descriptor.
const CONNECTIONS_MAX: usize = 16_384;
/// A client that has not sent its request's head by then is dropped.
const HEADER_TIMEOUT: Duration = Duration::from_secs(15);
/// Largest head of a request: cookies and tokens fit many times.
const HEADER_BYTES_MAX: usize = 32 * 1024;
/// Pause after an accept that failed for want of descriptors: trying again at once would only burn time.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long a request may go on once the gateway stops: longer than turns may, so that each client hears how its turn ended.
const STOP_GRACE: Duration = Duration::from_secs(6);

/// What all listeners share.
#[derive(Clone)]
struct House {
    front: Arc<Front>,
    router: Router,
    slots: Arc<Semaphore>,
    connections: TaskTracker,
}

/// Accepts until the gateway stops, and ends when the last request is answered.
pub(crate) async fn accept_all(front: Arc<Front>, router: Router, listeners: Vec<TcpListener>) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let house = House { front, router, slots, connections: TaskTracker::new() };
    let loops = listeners.into_iter().map(|listener| accept(house.clone(), listener));
    futures_util::future::join_all(loops).await;
    house.connections.close();
    house.connections.wait().await;
}

async fn accept(house: House, listener: TcpListener) {
    let House { front, router, slots, connections } = house;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = front.shutdown.cancelled() => return,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(target: "gateway", %error, "can't accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Ok(slot) = slots.clone().try_acquire_owned() else {
            tracing::warn!(target: "gateway", limit = CONNECTIONS_MAX, "too many connections; dropped one");
            continue;
        };
        // A lost option costs latency only.
        let _ = stream.set_nodelay(true);
        let (front, router) = (front.clone(), router.clone());
        connections.spawn(async move {
            serve(front, router, stream, PeerAddress(address.ip().to_canonical()), slot).await;
        });
    }
}

/// Serves one connection's requests. A WebSocket upgrade goes on in a task of its own, which keeps the slot.
async fn serve(
    front: Arc<Front>,
    router: Router,
    stream: TcpStream,
    peer: PeerAddress,
    slot: tokio::sync::OwnedSemaphorePermit,
) {
    let slot = Arc::new(slot);
    let shutdown = front.shutdown.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        let (front, mut router, slot) = (front.clone(), router.clone(), slot.clone());
        async move {
            if upgrade::is_wanted(&request) {
                return Ok::<Response<Body>, std::convert::Infallible>(upgrade::answer(&front, request, peer.0, slot));
            }
            router.call(request).await
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(HEADER_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        // What goes wrong here is the client's: a broken request, or a connection that ended.
        _ = connection.as_mut() => {}
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let _ = tokio::time::timeout(STOP_GRACE, connection).await;
        }
    }
}
