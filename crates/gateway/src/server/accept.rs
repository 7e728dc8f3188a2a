//! The accept loop: one task per connection, bounded in number and in time.
//!
//! When every place is taken, newcomers get a short visit without an upgrade, so that probes are still answered while somebody
//! holds thousands of sockets open.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tower_service::Service as _;

use super::front::Front;
use super::upgrade;
use super::waiting::{Visitor, WaitingRoom};
use crate::auth::http::PeerAddress;

/// Connections that may be open at once: 10,000 clients and some air. Each costs a few KB and one descriptor.
const CONNECTIONS_MAX: usize = 16_384;
/// Connections beyond those, for one quick request each.
const VISITS_MAX: usize = 64;
/// How long such a visit may take, whatever it does.
const VISIT: Duration = Duration::from_secs(5);
/// Descriptors that connections leave to the database, the logs, tools and requests to models.
const DESCRIPTORS_KEPT: usize = 256;
/// A client that has not sent its request's head by then is dropped.
const HEADER_TIMEOUT: Duration = Duration::from_secs(15);
/// Largest head of a request: cookies and tokens fit many times.
const HEADER_BYTES_MAX: usize = 32 * 1024;
/// Pause after an accept that failed for want of descriptors: trying again at once would only burn time.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Time between two lines about the same trouble: whoever floods the port must not flood the log.
const COMPLAINT_PAUSE: Duration = Duration::from_secs(30);

/// How long a request may go on once turns are over, so that each client hears how its turn ended.
const STOP_GRACE: Duration = Duration::from_millis(500);

/// What all listeners share.
#[derive(Clone)]
struct House {
    front: Arc<Front>,
    router: Router,
    slots: Slots,
    waiting: Arc<WaitingRoom>,
    connections: TaskTracker,
}

/// Accepts until the gateway stops, and ends when the last request is answered.
pub(crate) async fn accept_all(front: Arc<Front>, router: Router, listeners: Vec<TcpListener>) {
    let waiting = Arc::new(WaitingRoom::new());
    let house = House { front, router, slots: Slots::new(connections_max()), waiting, connections: TaskTracker::new() };
    let loops = listeners.into_iter().map(|listener| accept(house.clone(), listener));
    futures_util::future::join_all(loops).await;
    house.connections.close();
    house.connections.wait().await;
}

/// Room for connections.
#[derive(Clone)]
struct Slots {
    lasting: Arc<Semaphore>,
    visits: Arc<Semaphore>,
}

/// Held by a connection, and by the WebSocket that comes out of it.
#[derive(Clone)]
enum Slot {
    Lasting(Arc<OwnedSemaphorePermit>),
    Visit { _permit: Arc<OwnedSemaphorePermit> },
}

impl Slots {
    fn new(lasting: usize) -> Self {
        Self { lasting: Arc::new(Semaphore::new(lasting)), visits: Arc::new(Semaphore::new(VISITS_MAX)) }
    }

    fn take(&self) -> Option<Slot> {
        if let Ok(permit) = self.lasting.clone().try_acquire_owned() {
            return Some(Slot::Lasting(Arc::new(permit)));
        }
        let permit = self.visits.clone().try_acquire_owned().ok()?;
        Some(Slot::Visit { _permit: Arc::new(permit) })
    }
}

/// As many connections as the process may have descriptors for, without those that other work needs.
fn connections_max() -> usize {
    let limit = getrlimit(Resource::Nofile);
    // What the administrator allows is asked for; where that fails, the limit stays as it is.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    let descriptors = getrlimit(Resource::Nofile).current.and_then(|limit| usize::try_from(limit).ok());
    let descriptors = descriptors.unwrap_or(usize::MAX);
    descriptors.saturating_sub(DESCRIPTORS_KEPT).max(descriptors / 2).min(CONNECTIONS_MAX)
}

async fn accept(house: House, listener: TcpListener) {
    let House { front, router, slots, waiting, connections } = house;
    let mut complaint = Complaint::default();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = front.shutdown.cancelled() => return,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                complaint.say(|| tracing::warn!(target: "gateway", %error, "can't accept connections"));
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Some(slot) = slots.take() else {
            complaint.say(|| tracing::warn!(target: "gateway", "too many connections; newcomers are dropped"));
            continue;
        };
        if matches!(slot, Slot::Visit { .. }) {
            complaint
                .say(|| tracing::warn!(target: "gateway", "too many connections; newcomers get one quick request"));
        }
        // A lost option costs latency only.
        let _ = stream.set_nodelay(true);
        let caller = Caller { peer: PeerAddress(address.ip().to_canonical()), slot, visitor: waiting.enter() };
        connections.spawn(serve(front.clone(), router.clone(), stream, caller));
    }
}

/// When trouble was last told of.
#[derive(Default)]
struct Complaint {
    said: Option<Instant>,
}

impl Complaint {
    fn say(&mut self, complain: impl FnOnce()) {
        let now = Instant::now();
        if self.said.is_none_or(|said| now.duration_since(said) >= COMPLAINT_PAUSE) {
            self.said = Some(now);
            complain();
        }
    }
}

/// Who is at the other end of a connection, and what it holds.
struct Caller {
    peer: PeerAddress,
    slot: Slot,
    visitor: Arc<Visitor>,
}

/// Serves one connection's requests. A WebSocket upgrade goes on in a task of its own, which keeps the slot.
async fn serve(front: Arc<Front>, router: Router, stream: TcpStream, caller: Caller) {
    let Caller { peer, slot, visitor } = caller;
    let asking = visitor.clone();
    let lasts = matches!(slot, Slot::Lasting(_));
    let (shutdown, ending) = (front.shutdown.clone(), front.clone());
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        let (front, mut router, slot) = (front.clone(), router.clone(), slot.clone());
        let busy = asking.asked();
        async move {
            let response = if let Some(refusal) = refuse_ambiguous(&request) {
                refusal
            } else if upgrade::is_wanted(&request) {
                match slot {
                    Slot::Lasting(permit) => upgrade::answer(&front, request, peer.0, permit),
                    Slot::Visit { .. } => upgrade::refuse(StatusCode::SERVICE_UNAVAILABLE, "too many connections"),
                }
            } else {
                router.call(request).await?
            };
            Ok::<Response<Body>, Infallible>(busy.until_sent(response))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(lasts)
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(HEADER_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        // What goes wrong here is the client's: a broken request, or a connection that ended.
        _ = connection.as_mut() => {}
        () = visitor.shown_out() => {}
        () = tokio::time::sleep(VISIT), if !lasts => {}
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let over = async {
                ending.requests_end().await;
                tokio::time::sleep(STOP_GRACE).await;
            };
            tokio::select! {
                _ = connection => {}
                () = over => {}
            }
        }
    }
}

/// A request with two hosts could mean one to a proxy and the other to us (RFC 9112 §3.2), and so could one whose end is told in two
/// ways (§6.1).
fn refuse_ambiguous<B>(request: &Request<B>) -> Option<Response<Body>> {
    let headers = request.headers();
    if headers.get_all(header::HOST).iter().count() > 1 {
        return Some(upgrade::refuse(StatusCode::BAD_REQUEST, "a request names one host"));
    }
    let has_two_ends = headers.contains_key(header::TRANSFER_ENCODING) && headers.contains_key(header::CONTENT_LENGTH);
    has_two_ends.then(|| upgrade::refuse(StatusCode::BAD_REQUEST, "a request tells its length in one way"))
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::auth::{Auth, OriginRules, ProxyRules, RateLimiter, Secrets};
    use crate::config::AuthMode;

    async fn house(lasting: usize) -> std::net::SocketAddr {
        house_with(lasting, 64).await
    }

    async fn house_with(lasting: usize, seats: usize) -> std::net::SocketAddr {
        let secrets = Secrets::new(AuthMode::Token, Some("t"), None);
        let limiter = RateLimiter::new(crate::config::RateLimitConfig::default());
        let auth = Auth::new(secrets, OriginRules::default(), ProxyRules::default(), limiter);
        let front = Arc::new(Front::new(Arc::new(auth), CancellationToken::new()));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/healthz", get(|| async { "live" }));
        let waiting = Arc::new(WaitingRoom::with_seats(seats));
        let house = House { front, router, slots: Slots::new(lasting), waiting, connections: TaskTracker::new() };
        tokio::spawn(accept(house, listener));
        address
    }

    /// The whole answer, up to the end of the connection.
    async fn ask(address: std::net::SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn a_full_house_still_answers_probes_and_takes_nobody_in() {
        let address = house(1).await;
        let mut resident = TcpStream::connect(address).await.unwrap();
        resident.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        assert!(resident.read(&mut [0; 512]).await.unwrap() > 0);
        for _ in 0..=VISITS_MAX {
            let probe = ask(address, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
            assert!(probe.starts_with("HTTP/1.1 200") && probe.ends_with("live"), "{probe}");
        }
        let upgrade = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
        let refused = ask(address, upgrade).await;
        assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
    }

    #[tokio::test]
    async fn two_hosts_in_one_request_are_refused() {
        let answer =
            ask(house(9).await, "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    }

    #[tokio::test]
    async fn a_request_with_two_ends_is_refused() {
        for order in
            ["Content-Length: 5\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 5"]
        {
            let request = format!(
                "GET /healthz HTTP/1.1\r\nHost: a\r\n{order}\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
            );
            let answer = ask(house(9).await, &request).await;
            assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
        }
    }

    /// Strangers who open connections and never end their requests push out each other, and nobody who asks.
    #[tokio::test]
    async fn g02_heads_that_never_end_make_room_for_those_that_do() {
        let address = house_with(1_000, 4).await;
        let mut slow = Vec::new();
        for _ in 0..12 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"GET /healthz HTTP/1.1\r\nX: y").await.unwrap();
            slow.push(stream);
        }
        let probe = ask(address, "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
        assert!(probe.ends_with("live"), "{probe}");
        for stream in &mut slow[..8] {
            // The end, or a reset if what it sent was never read.
            assert_eq!(stream.read(&mut [0; 64]).await.unwrap_or(0), 0);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_same_trouble_is_told_once_in_a_while() {
        let (mut complaint, mut lines) = (Complaint::default(), 0);
        for _ in 0..1_200 {
            complaint.say(|| lines += 1);
            tokio::time::advance(ACCEPT_PAUSE).await;
        }
        assert_eq!(lines, 2);
    }
}
