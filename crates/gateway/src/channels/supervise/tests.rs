//! The supervisor with accounts that do what a script says.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};

use chela_channels::{
    AccountConfig, AccountPolicy, Capabilities, Channel, ChannelContext, FetchedMedia, Kind, MediaRef, MessageId,
    OutboundPart, Probe, SecretLookup, SendError, SendErrorKind, SentMessage,
};
use serde_json::json;

use super::*;
use crate::start::{Options, Running, start};

/// Longer than an inbound side may prove nothing.
const SILENCE_MS: i64 = 91_000;

/// What an opened account does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Play {
    /// Is connected until it is asked to end.
    Serve,
    Panic,
    Refused,
    /// Is connected, and the last sign of life is older than it may be.
    BlackHoled,
    /// Hears nothing, not even that it is to end.
    Deaf,
}

struct Scripted {
    script: Mutex<VecDeque<Play>>,
    opened: AtomicU32,
    fingerprint: u64,
    policy: AccountPolicy,
}

/// The account that plays it.
struct Player(Arc<Scripted>);

/// A channel that can say nothing.
struct Mute(Capabilities);

static KIND: Kind =
    Kind { id: "scripted", label: "Scripted", token_variables: &[], schema: || json!({}), read: |_, _, _| None };

impl Account for Player {
    fn policy(&self) -> &AccountPolicy {
        &self.0.policy
    }

    fn fingerprint(&self) -> u64 {
        self.0.fingerprint
    }

    fn open(
        &self,
        _: Option<SecretString>,
        _: SecretLookup<'_>,
        context: ChannelContext,
    ) -> Result<OpenChannel, OpenError> {
        self.0.opened.fetch_add(1, Ordering::SeqCst);
        let play = self.0.script.lock().unwrap().pop_front().unwrap_or(Play::Serve);
        let worker = async move {
            match play {
                Play::Panic => panic!("the script says so"),
                Play::Refused => {
                    return Err(ChannelFailure { kind: FailureKind::Auth, message: "the token is refused".into() });
                }
                Play::Deaf => std::future::pending().await,
                Play::Serve | Play::BlackHoled => {}
            }
            let silence_ms = if play == Play::BlackHoled { SILENCE_MS } else { 0 };
            context.status.update(|status| {
                status.state = ConnectionState::Connected;
                status.alive_at_ms = Some((context.clock)() - silence_ms);
                status.last_error = None;
            });
            context.shutdown.cancelled().await;
            Ok(())
        };
        Ok(OpenChannel { worker: Box::pin(worker), channel: Arc::new(mute()), webhook: None })
    }
}

fn mute() -> Mute {
    Mute(Capabilities {
        dialect: chela_channels::render::Dialect::Plain,
        limits: chela_channels::render::Limits::default(),
        edit: false,
        react: false,
        buttons: false,
        upload_max_bytes: 0,
        typing_lasts: Duration::from_secs(5),
        edit_pause: Duration::from_secs(1),
    })
}

fn refused<'a, T: Send + 'a>() -> Pending<'a, Result<T, SendError>> {
    Box::pin(async { Err(SendError::new(SendErrorKind::Refused, "it is mute")) })
}

impl Channel for Mute {
    fn capabilities(&self) -> &Capabilities {
        &self.0
    }
    fn send<'a>(&'a self, _: &'a OutboundPart) -> Pending<'a, Result<SentMessage, SendError>> {
        refused()
    }
    fn find<'a>(
        &'a self,
        _: &'a OutboundPart,
        _: Option<&'a MessageId>,
        _: &'a [MessageId],
    ) -> Pending<'a, Result<Option<SentMessage>, SendError>> {
        refused()
    }
    fn edit<'a>(&'a self, _: &'a MessageId, _: &'a OutboundPart) -> Pending<'a, Result<(), SendError>> {
        refused()
    }
    fn delete<'a>(&'a self, _: &'a str, _: &'a MessageId) -> Pending<'a, Result<(), SendError>> {
        refused()
    }
    fn react<'a>(&'a self, _: &'a str, _: &'a MessageId, _: Option<&'a str>) -> Pending<'a, Result<(), SendError>> {
        refused()
    }
    fn typing<'a>(&'a self, _: &'a str) -> Pending<'a, Result<(), SendError>> {
        refused()
    }
    fn fetch<'a>(&'a self, _: &'a MediaRef, _: u64) -> Pending<'a, Result<FetchedMedia, SendError>> {
        refused()
    }
    fn probe(&self) -> Pending<'_, Result<Probe, SendError>> {
        refused()
    }
}

fn scripted(fingerprint: u64, script: &[Play]) -> Arc<Scripted> {
    Arc::new(Scripted {
        script: Mutex::new(script.iter().copied().collect()),
        opened: AtomicU32::new(0),
        fingerprint,
        policy: AccountPolicy::default(),
    })
}

fn wanted(account: &str, scripted: &Arc<Scripted>) -> Wanted {
    let config = AccountConfig {
        channel: KIND.id,
        account: account.into(),
        enabled: true,
        path: format!("channels.scripted.accounts.{account}"),
        value: json!({}),
    };
    Wanted { kind: &KIND, config, token: None, state: WantedState::Open(Arc::new(Player(scripted.clone()))) }
}

async fn house() -> (tempfile::TempDir, Running) {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().to_str().unwrap().to_owned();
    let environment = Environment::from_pairs([("CHELA_STATE_DIR", home.clone()), ("HOME", home)]);
    let places = chela_config::Places::locate(&environment, &chela_config::PlaceOverrides::default()).unwrap();
    let options = Options {
        environment,
        places: Some(places),
        port: Some(0),
        token: Some("a-token-for-tests".into()),
        allow_unconfigured: true,
        ..Options::default()
    };
    (dir, Box::pin(start(options)).await.unwrap())
}

fn put(gateway: &Arc<Gateway>, wanted: Wanted) {
    let channels = &gateway.channels;
    let mut state = channels.supervisor.state();
    if !state.order.contains(&wanted.name()) {
        state.order.push(wanted.name());
    }
    channels.put_in_force(gateway, &mut state, wanted);
}

fn state_of(gateway: &Gateway, account: &str) -> ConnectionState {
    gateway.channels.get(KIND.id, account).unwrap().status.read().state
}

/// Waits until an account stands like this; a test that waits in vain fails by its own time limit.
async fn until(gateway: &Gateway, account: &str, state: ConnectionState) {
    let reached = async {
        while state_of(gateway, account) != state {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(10), reached).await.unwrap_or_else(|_| panic!("{account} never was {state:?}"));
}

#[tokio::test]
async fn g14_a_panic_of_one_account_touches_no_other_and_it_comes_back() {
    let (_dir, running) = house().await;
    let gateway = running.gateway();
    let (broken, well) = (scripted(1, &[Play::Panic]), scripted(1, &[]));
    put(gateway, wanted("broken", &broken));
    put(gateway, wanted("well", &well));
    until(gateway, "well", ConnectionState::Connected).await;
    until(gateway, "broken", ConnectionState::Reconnecting).await;
    assert!(gateway.channels.degraded(gateway.now_ms())[0].starts_with("channels: scripted/broken: reconnecting"));
    until(gateway, "broken", ConnectionState::Connected).await;
    let opened = [&broken, &well].map(|account| account.opened.load(Ordering::SeqCst));
    assert_eq!(opened, [2, 1]);
    assert_eq!(gateway.channels.degraded(gateway.now_ms()), Vec::<String>::new());
    running.stop("over").await;
}

#[tokio::test]
async fn a_refused_token_waits_for_a_change_of_the_configuration() {
    let (_dir, running) = house().await;
    let gateway = running.gateway();
    let refused = scripted(1, &[Play::Refused]);
    put(gateway, wanted("one", &refused));
    until(gateway, "one", ConnectionState::Failed).await;
    put(gateway, wanted("one", &scripted(1, &[])));
    assert_eq!(state_of(gateway, "one"), ConnectionState::Failed, "nothing that connects has changed");
    put(gateway, wanted("one", &scripted(2, &[])));
    until(gateway, "one", ConnectionState::Connected).await;
    assert_eq!(refused.opened.load(Ordering::SeqCst), 1, "it was not asked twice");
    running.stop("over").await;
}

#[tokio::test]
async fn a_worker_that_does_not_listen_is_dropped_within_a_second() {
    let (_dir, running) = house().await;
    let gateway = running.gateway();
    let deaf = scripted(1, &[Play::Deaf]);
    put(gateway, wanted("one", &deaf));
    until(gateway, "one", ConnectionState::Connecting).await;
    while gateway.channels.get(KIND.id, "one").unwrap().speaker().is_none() {
        tokio::task::yield_now().await;
    }
    let began = Instant::now();
    put(gateway, wanted("one", &scripted(2, &[])));
    until(gateway, "one", ConnectionState::Connected).await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    running.stop("over").await;
}

#[tokio::test]
async fn g13_a_socket_that_stands_and_brings_nothing_is_not_called_healthy() {
    let (_dir, running) = house().await;
    let gateway = running.gateway();
    put(gateway, wanted("silent", &scripted(1, &[Play::BlackHoled])));
    until(gateway, "silent", ConnectionState::Connected).await;
    let status = crate::rpc::channels::snapshot(gateway, None);
    let account = &status.channels[KIND.id];
    assert_eq!((account.running, account.connected), (true, false), "{account:?}");
    let expected = "channels: scripted/silent: no sign of life for 9";
    assert!(matches!(&status.warnings[..], [line] if line.starts_with(expected)), "{:?}", status.warnings);
    assert_eq!(gateway.channels.counts(gateway.now_ms()).healthy, 0);

    let front = get(running.port, "/readyz").await;
    assert!(
        front.starts_with("HTTP/1.1 200") && front.contains(expected),
        "ready, and it says what is limited: {front}"
    );
    running.stop("over").await;
}

async fn get(port: u16, path: &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}
