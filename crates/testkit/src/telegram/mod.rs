//! Telegram's Bot API on loopback: people who write, a bot that answers, and everything that goes wrong between them.
//!
//! Strict on purpose: what the real server refuses is refused here in its own words, and what it lets pass although its
//! documentation does not (unknown parameters, unescaped markup) stands in [`FakeTelegram::faults`]. Nothing here reads
//! Markdown: a bot that sends it is told so.

mod edit;
mod html;
mod methods;
mod params;
mod people;
mod reactions;
mod say;
mod send;
mod serve;
mod state;
#[cfg(test)]
mod tests;
mod updates;
mod webhook;
mod wire;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
pub use say::Saying;
use serde_json::Value;
use state::State;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Longest that a test waits for something that does not come.
const PATIENCE: Duration = Duration::from_secs(10);

/// How the server and its bot are made.
#[derive(Debug, Clone)]
pub struct TelegramOptions {
    /// As `@BotFather` gives it: `<bot id>:<secret>`.
    pub token: String,
    pub bot_name: String,
    /// Without `@`.
    pub bot_username: String,
    pub privacy: GroupPrivacy,
    pub pace: Pace,
    /// Where calls to the webhook really go; `None` goes where its address says, which must be on loopback then.
    pub webhook_goes_to: Option<SocketAddr>,
}

/// What a bot that is no administrator hears in groups.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum GroupPrivacy {
    /// Commands, mentions of it and replies to it.
    On,
    #[default]
    Off,
}

/// Whether the server has its own limits of speed, besides those that a test asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Pace {
    #[default]
    Unlimited,
    /// 30 messages a second in all, 20 a minute in a group.
    Limited,
}

/// What happens to a call instead of its usual answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TelegramFailure {
    /// Not carried out; this error.
    Error { code: u16, description: String, retry_after: Option<u32> },
    /// Not carried out; a page of a proxy with this status.
    Page { status: u16 },
    /// Not carried out; the connection closes without an answer.
    CutBefore,
    /// Carried out; the connection closes without an answer.
    CutAfter,
    /// Not carried out and never answered, while the connection stays open.
    HangBefore,
    /// Carried out and never answered, while the connection stays open.
    HangAfter,
}

impl TelegramFailure {
    /// 429, with the time to wait.
    pub fn flood(retry_after: u32) -> Self {
        let description = format!("Too Many Requests: retry after {retry_after}");
        Self::Error { code: 429, description, retry_after: Some(retry_after) }
    }
}

/// A message as people see it now.
#[derive(Debug, Clone)]
pub struct TelegramMessage {
    pub id: i64,
    pub chat: i64,
    /// A person or the bot.
    pub from: i64,
    pub topic: Option<i64>,
    /// The visible text, or the caption of a file.
    pub text: String,
    pub entities: Vec<TelegramEntity>,
    pub media: Option<TelegramMedia>,
    pub reply_to: Option<i64>,
    pub buttons: Vec<Vec<TelegramButton>>,
    pub silent: bool,
    pub link_preview: bool,
    /// How often it was changed.
    pub edits: u32,
    pub sent_at: Instant,
    /// By whom, which.
    pub reactions: BTreeMap<i64, String>,
    /// Unix seconds.
    date: i64,
    markup: Option<Value>,
    /// Fields of the wire that have no field here.
    extra: serde_json::Map<String, Value>,
}

/// Formatting of a part of a text, in UTF-16 units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TelegramEntity {
    /// As the Bot API names it: `bold`, `text_link`.
    pub kind: String,
    pub offset: usize,
    pub length: usize,
    /// A link's address, a code block's language, a mentioned person's id.
    pub detail: Option<String>,
}

/// A file in a message.
#[derive(Debug, Clone, PartialEq)]
pub struct TelegramMedia {
    /// The field of the message: `photo`, `voice`, `document`, `sticker`, `location`…
    pub kind: String,
    pub file_name: Option<String>,
    pub mime: Option<String>,
    /// Empty for what is no file.
    pub bytes: Bytes,
    wire: Value,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TelegramButton {
    pub label: String,
    pub data: String,
}

/// A `sendChatAction`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatAction {
    pub chat: i64,
    pub topic: Option<i64>,
    pub action: String,
    pub at: Instant,
}

/// A call as it came, also one that failed.
#[derive(Debug, Clone)]
pub struct TelegramCall {
    pub method: String,
    pub params: serde_json::Map<String, Value>,
    pub at: Instant,
}

/// How polling went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PollCounts {
    pub started: usize,
    pub answered: usize,
    /// Ended because another one came.
    pub conflicts: usize,
    /// Wait for updates at this moment.
    pub open: usize,
}

/// The fake server. Stops when dropped.
pub struct FakeTelegram {
    shared: Arc<Shared>,
    address: SocketAddr,
    tasks: Vec<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    /// Counts changes, for those who wait for one.
    changed: watch::Sender<u64>,
    /// Counts how often all connections were cut.
    cuts: watch::Sender<u64>,
}

impl Default for TelegramOptions {
    fn default() -> Self {
        Self {
            token: "4839574:FAKE-token_of-a-bot-that-is-none".to_owned(),
            bot_name: "Chela".to_owned(),
            bot_username: "chela_bot".to_owned(),
            privacy: GroupPrivacy::default(),
            pace: Pace::default(),
            webhook_goes_to: None,
        }
    }
}

impl FakeTelegram {
    /// # Panics
    /// When loopback can't be bound.
    pub async fn start(options: TelegramOptions) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("loopback can be bound");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            state: Mutex::new(State::new(options)),
            changed: watch::Sender::new(0),
            cuts: watch::Sender::new(0),
        });
        let tasks = vec![
            tokio::spawn(serve::serve(listener, Arc::clone(&shared))),
            tokio::spawn(webhook::call(Arc::clone(&shared))),
        ];
        Self { shared, address, tasks }
    }

    /// What `apiBase` is to be: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn token(&self) -> String {
        self.shared.lock().options.token.clone()
    }

    /// The token is another one from now on, as after `/revoke`.
    pub fn revoke_token(&self) {
        self.change(|state| state.options.token.push_str("-revoked"));
    }

    pub fn bot_id(&self) -> i64 {
        self.shared.lock().bot
    }

    /// All calls of a method, oldest first.
    pub fn calls(&self, method: &str) -> Vec<TelegramCall> {
        self.shared.lock().calls.iter().filter(|call| call.method == method).cloned().collect()
    }

    pub fn polls(&self) -> PollCounts {
        self.shared.lock().polls
    }

    /// What the documentation forbids although the server lets it pass, and what nobody but a broken client sends.
    pub fn faults(&self) -> Vec<String> {
        self.shared.lock().faults.clone()
    }

    /// # Panics
    /// When there are faults.
    pub fn assert_clean(&self) {
        let faults = self.faults();
        assert!(faults.is_empty(), "the documentation forbids: {faults:#?}");
    }

    /// The next call of the method fails so.
    pub fn fail_next(&self, method: &str, failure: TelegramFailure) {
        self.change(|state| state.failures.push_back((method.to_owned(), failure)));
    }

    /// Every call of the method fails so, an open `getUpdates` too, until [`FakeTelegram::heal`].
    pub fn fail_always(&self, method: &str, failure: TelegramFailure) {
        self.change(|state| {
            state.standing.insert(method.to_owned(), failure);
        });
    }

    /// Connections stay open and nothing is answered any more, until [`FakeTelegram::heal`]; what hangs then hangs for ever.
    pub fn black_hole(&self) {
        self.change(|state| state.black_hole = true);
    }

    /// Closes all connections and takes no new ones, until [`FakeTelegram::heal`].
    pub fn go_down(&self) {
        self.change(|state| state.down = true);
        self.cut_connections();
    }

    /// Closes all connections without an answer.
    pub fn cut_connections(&self) {
        self.shared.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Ends all failures that were to come.
    pub fn heal(&self) {
        self.change(|state| {
            state.failures.clear();
            state.standing.clear();
            state.black_hole = false;
            state.down = false;
        });
    }

    /// Looks after each change until there is something to see.
    ///
    /// # Panics
    /// When there is nothing after ten seconds.
    pub async fn wait_for<T>(&self, what: &str, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        let mut changed = self.shared.changed.subscribe();
        let waiting = async {
            loop {
                changed.mark_unchanged();
                if let Some(seen) = look(self) {
                    return seen;
                }
                changed.changed().await.expect("the sender lives as long as self");
            }
        };
        tokio::time::timeout(PATIENCE, waiting)
            .await
            .unwrap_or_else(|_| panic!("waited in vain for {what}; the calls were: {:?}", self.call_names()))
    }

    fn call_names(&self) -> Vec<String> {
        self.shared.lock().calls.iter().map(|call| call.method.clone()).collect()
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        self.shared.change(change)
    }
}

impl Drop for FakeTelegram {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A test that panicked while holding the lock has failed already.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.lock());
        self.changed.send_modify(|count| *count += 1);
        changed
    }
}
