//! Discord on loopback: REST and gateway, both of version 10, on one port.
//!
//! Strict on purpose: it refuses what the real servers refuse, in their words, and hides what they hide. What a careful
//! client never does (unknown fields, a body that breaks a limit, a word too early) is remembered as a fault, so that a test
//! that never looks still fails on [`FakeDiscord::assert_clean`].
//!
//! The script side speaks as people do ([`FakeDiscord::say`], [`FakeDiscord::press`]), breaks things
//! ([`FakeDiscord::fail_next`], [`FakeDiscord::black_hole_gateway`]) and looks at what is there now
//! ([`FakeDiscord::messages`]).

mod check;
mod check_commands;
mod failure;
mod faults;
mod gateway;
mod payload;
mod rest;
mod script;
mod serve;
#[cfg(test)]
mod tests;
mod wire;
mod world;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub use failure::{ConnectionPlan, DiscordFailure};
pub use faults::GatewayStats;
pub use script::Saying;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
pub use world::{BotAccess, DiscordFile, DiscordInteraction, DiscordMessage, DiscordTyping, DiscordUser, Snowflake};

/// Longest that a test waits for something that does not come.
const PATIENCE: Duration = Duration::from_secs(20);
/// The intent that shows what people write where the bot is not named.
pub(crate) const MESSAGE_CONTENT: u64 = 1 << 15;
/// The intents of members, of presences and of content: they must be switched on in the developer portal.
const PRIVILEGED: u64 = 1 << 1 | 1 << 8 | MESSAGE_CONTENT;

/// How the fake starts.
#[derive(Debug, Clone)]
pub struct DiscordOptions {
    /// What the bot must show.
    pub token: String,
    pub bot_name: String,
    /// Interval that the gateway asks of clients. The real one says 41.25 s.
    pub heartbeat: Duration,
    /// The privileged intents that the portal allows, as bits.
    pub allowed_intents: u64,
    /// Largest file that it takes.
    pub upload_max_bytes: usize,
    /// Requests that one route takes in a time; `None` never refuses by itself.
    pub rate: Option<(u32, Duration)>,
    /// Longest that an interaction may wait for its first answer.
    pub interaction_patience: Duration,
}

impl Default for DiscordOptions {
    fn default() -> Self {
        Self {
            token: "MTE4.fake-discord.token-of-the-bot".to_owned(),
            bot_name: "chela".to_owned(),
            heartbeat: Duration::from_millis(41_250),
            allowed_intents: PRIVILEGED,
            upload_max_bytes: 10 * 1024 * 1024,
            rate: None,
            interaction_patience: Duration::from_secs(3),
        }
    }
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct DiscordRequest {
    pub method: String,
    /// Behind `/api/v10`.
    pub path: String,
    pub query: Vec<(String, String)>,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    /// `null` when there is none; of a form its `payload_json`.
    pub body: Value,
    pub status: Option<u16>,
    pub at: Instant,
}

/// The fake platform. Stops when dropped.
pub struct FakeDiscord {
    shared: Arc<Shared>,
    address: SocketAddr,
}

struct Shared {
    state: Mutex<State>,
    /// Counts changes, for those who wait for one.
    changed: watch::Sender<u64>,
    stop: CancellationToken,
}

struct State {
    options: DiscordOptions,
    world: world::World,
    hub: gateway::Hub,
    /// Where files are: `http://127.0.0.1:PORT`.
    base: String,
    requests: Vec<DiscordRequest>,
    /// Told of each message of the bot.
    listeners: Vec<mpsc::UnboundedSender<DiscordMessage>>,
    faults: Vec<String>,
    traps: Vec<failure::Trap>,
    plans: VecDeque<ConnectionPlan>,
    /// Requests of each route in its current window.
    buckets: HashMap<String, (u32, Instant)>,
    latency: Duration,
    is_offline: bool,
    /// Requests are taken and never answered.
    is_silent: bool,
    /// Ends every connection of HTTP; a new one each time.
    connections: CancellationToken,
    /// A server that runs for hours must not keep what it was sent.
    forgets: bool,
    sent: usize,
}

impl FakeDiscord {
    /// # Panics
    /// When loopback can't be bound.
    pub async fn start(options: DiscordOptions) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("loopback can be bound");
        let address = listener.local_addr().expect("a bound socket has an address");
        let mut world = world::World::default();
        // Older bots have an application with an id of its own; who mixes the two up is found out.
        world.application = world.next_id();
        world.bot = world.add_user(&options.bot_name, true);
        let state = State {
            world,
            hub: gateway::Hub::default(),
            base: format!("http://{address}"),
            requests: Vec::new(),
            listeners: Vec::new(),
            faults: Vec::new(),
            traps: Vec::new(),
            plans: VecDeque::new(),
            buckets: HashMap::new(),
            latency: Duration::ZERO,
            is_offline: false,
            is_silent: false,
            connections: CancellationToken::new(),
            forgets: false,
            sent: 0,
            options,
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            changed: watch::Sender::new(0),
            stop: CancellationToken::new(),
        });
        tokio::spawn(serve::accept(listener, Arc::clone(&shared)));
        Self { shared, address }
    }

    /// Of the REST side, without a path: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Host and port alone, for clients that put the rest around it.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Of the gateway: `ws://127.0.0.1:PORT`.
    pub fn gateway_url(&self) -> String {
        format!("ws://{}", self.address)
    }

    pub fn token(&self) -> String {
        self.lock().options.token.clone()
    }

    /// The bot's id as a user.
    pub fn bot(&self) -> Snowflake {
        self.lock().world.bot
    }

    /// The id of its application, which is another one.
    pub fn application(&self) -> Snowflake {
        self.lock().world.application
    }

    /// Waits until the look finds something, and returns it. Looks after each change; there is nothing to time.
    ///
    /// # Panics
    /// When it finds nothing within twenty seconds; then it says what there was.
    pub async fn wait_for<T>(&self, what: &str, look: impl Fn(&Self) -> Option<T>) -> T {
        let mut changed = self.shared.changed.subscribe();
        let waiting = async {
            loop {
                changed.borrow_and_update();
                if let Some(found) = look(self) {
                    return found;
                }
                changed.changed().await.expect("the sender lives as long as self");
            }
        };
        let found = tokio::time::timeout(PATIENCE, waiting).await;
        found.unwrap_or_else(|_elapsed| panic!("{what} did not come; {}", self.summary()))
    }

    /// As [`FakeDiscord::wait_for`], for a plain condition.
    ///
    /// # Panics
    /// When it does not hold within twenty seconds.
    pub async fn wait_until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        self.wait_for(what, |discord| holds(discord).then_some(())).await;
    }

    fn summary(&self) -> String {
        let state = self.lock();
        let list = |request: &DiscordRequest| format!("{} {} {:?}", request.method, request.path, request.status);
        let requests: Vec<String> = state.requests.iter().rev().take(12).rev().map(list).collect();
        format!("faults {:#?}, gateway {:#?}, last requests {requests:#?}", state.faults, state.hub.stats)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.lock()
    }

    /// Changes the state and wakes those who wait.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        self.shared.change(change)
    }
}

impl Drop for FakeDiscord {
    fn drop(&mut self) {
        self.shared.stop.cancel();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A test that panicked while holding the lock has failed already.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.lock());
        self.changed.send_modify(|count| *count += 1);
        result
    }
}
