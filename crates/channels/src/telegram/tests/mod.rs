//! What Telegram alone can do, against its fake: transports, offsets, groups that move, menus, tokens. What every channel does stands in
//! the conformance suite.

mod account;
mod polling;
mod sending;
mod webhook;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chela_testkit::telegram::{FakeTelegram, TelegramOptions};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    Channel, ChannelContext, ChannelState, ConnectionState, HttpSource, InboundEvent, InboundMessage, Inbox,
    InboxError, NativeCommand, OpenChannel, OutboundPart, PartKey, Patience, Pending, Receipt, StateError, StatusCell,
    Webhook,
};

const ADA: i64 = 1001;

/// Longest that a test waits for something that does not come.
const LIMIT: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(5);

const IMPATIENT: Patience = Patience {
    call: Duration::from_secs(2),
    poll: Duration::from_secs(1),
    silence: Duration::from_millis(1500),
    retry_first: Duration::from_millis(10),
    retry_max: Duration::from_millis(50),
};

/// The gateway's side: what outlives a worker.
#[derive(Default)]
struct Gateway {
    inbox: Arc<Ears>,
    state: Arc<Shelf>,
    status: StatusCell,
}

/// A worker that runs, and what it opened.
struct Running {
    channel: Arc<dyn Channel>,
    webhook: Option<Arc<dyn Webhook>>,
    worker: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct Ears(Mutex<Heard>);

#[derive(Default)]
struct Heard {
    events: Vec<InboundEvent>,
    known: HashSet<String>,
    is_busy: bool,
    refused: usize,
}

#[derive(Default)]
struct Shelf(Mutex<HashMap<String, Value>>);

struct PlainHttp;

impl Gateway {
    /// Opens an account with these keys at the fake, and lets its worker run.
    fn open(&self, fake: &FakeTelegram, keys: Value) -> Running {
        self.open_with(fake, keys, IMPATIENT)
    }

    fn open_with(&self, fake: &FakeTelegram, mut keys: Value, patience: Patience) -> Running {
        keys["apiBase"] = json!(fake.url());
        let context = self.context(patience);
        let OpenChannel { worker, channel, webhook } =
            open_account(&keys, Some(fake.token().into()), context).unwrap_or_else(|error| panic!("{error}"));
        let worker = tokio::spawn(async move {
            let _ = worker.await;
        });
        Running { channel, webhook, worker }
    }

    fn context(&self, patience: Patience) -> ChannelContext {
        let command = |name: &str| NativeCommand {
            name: name.to_owned(),
            description: format!("What {name} does"),
            args: Vec::new(),
        };
        ChannelContext {
            account: "default".to_owned(),
            inbox: Arc::clone(&self.inbox) as Arc<dyn Inbox>,
            state: Arc::clone(&self.state) as Arc<dyn ChannelState>,
            status: self.status.clone(),
            commands: vec![command("status"), command("model")].into(),
            http: Arc::new(PlainHttp),
            clock: Arc::new(now_ms),
            patience,
            shutdown: CancellationToken::new(),
        }
    }

    async fn connected(&self) {
        until("a connection", || (self.status.read().state == ConnectionState::Connected).then_some(())).await;
    }

    /// The message with this text, once it has come.
    async fn heard(&self, text: &str) -> InboundMessage {
        until(text, || self.inbox.messages().into_iter().find(|message| message.text == text)).await
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.worker.abort();
    }
}

impl Ears {
    fn messages(&self) -> Vec<InboundMessage> {
        let message = |event: &InboundEvent| match event {
            InboundEvent::Message(message) => Some((**message).clone()),
            InboundEvent::Edited(_) | InboundEvent::Deleted { .. } | InboundEvent::Reaction(_) => None,
        };
        lock(&self.0).events.iter().filter_map(message).collect()
    }

    fn set_busy(&self, is_busy: bool) {
        lock(&self.0).is_busy = is_busy;
    }

    fn refused(&self) -> usize {
        lock(&self.0).refused
    }
}

impl Inbox for Ears {
    fn accept(&self, event: InboundEvent) -> Pending<'_, Result<Receipt, InboxError>> {
        Box::pin(async move {
            let mut heard = lock(&self.0);
            if heard.is_busy {
                heard.refused += 1;
                return Err(InboxError::Busy);
            }
            let name = match &event {
                InboundEvent::Message(message) | InboundEvent::Edited(message) => message.event.clone(),
                InboundEvent::Deleted { chat, message } => format!("{chat} {}", message.0),
                InboundEvent::Reaction(reaction) => reaction.event.clone(),
            };
            if !heard.known.insert(name) {
                return Ok(Receipt::Duplicate);
            }
            heard.events.push(event);
            Ok(Receipt::Accepted)
        })
    }

    fn choices<'a>(&'a self, _: &'a InboundMessage, _: &'a str, _: &'a str, _: &'a str) -> Pending<'a, Vec<String>> {
        Box::pin(async { Vec::new() })
    }
}

impl Shelf {
    fn kept(&self, key: &str) -> Option<Value> {
        lock(&self.0).get(key).cloned()
    }

    fn keep(&self, key: &str, value: Value) {
        lock(&self.0).insert(key.to_owned(), value);
    }
}

impl ChannelState for Shelf {
    fn get<'a>(&'a self, key: &'a str) -> Pending<'a, Result<Option<Value>, StateError>> {
        Box::pin(async move { Ok(self.kept(key)) })
    }

    fn put<'a>(&'a self, key: &'a str, value: Value) -> Pending<'a, Result<(), StateError>> {
        Box::pin(async move {
            self.keep(key, value);
            Ok(())
        })
    }
}

impl HttpSource for PlainHttp {
    fn client(&self) -> Result<reqwest::Client, String> {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| {
            let _ = rustls::crypto::ring::default_provider().install_default();
        });
        reqwest::Client::builder().no_proxy().build().map_err(|error| error.to_string())
    }
}

/// Reads the keys of one account, which have to be right, and opens it.
fn open_account(
    keys: &Value,
    token: Option<SecretString>,
    context: ChannelContext,
) -> Result<OpenChannel, crate::OpenError> {
    let mut problems = Vec::new();
    let account = super::read("channels.telegram", keys, &mut problems).expect("the keys are an object");
    assert!(problems.is_empty(), "{problems:?}");
    let written = |secret: &chela_config::Secret| match secret {
        chela_config::Secret::Text(text) => Ok(text.clone()),
        chela_config::Secret::Reference(_) => Err("the test has no other secrets".to_owned()),
    };
    account.open(token, &written, context)
}

async fn fake() -> FakeTelegram {
    fake_with(TelegramOptions::default()).await
}

async fn fake_with(options: TelegramOptions) -> FakeTelegram {
    let fake = FakeTelegram::start(options).await;
    fake.user(ADA, "Ada Lovelace");
    fake.private_chat(ADA);
    fake
}

fn part(chat: i64, text: &str) -> OutboundPart {
    OutboundPart {
        key: PartKey { run: "run".to_owned(), part: 0 },
        chat: chat.to_string(),
        content: crate::render::Rendered { markup: text.to_owned(), plain: text.to_owned() },
        media: None,
        reply_to: None,
        via: None,
        buttons: Vec::new(),
        silent: false,
        link_preview: true,
    }
}

/// Looks again and again until there is something to see.
async fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let looking = async {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        loop {
            ticks.tick().await;
            if let Some(seen) = look() {
                return seen;
            }
        }
    };
    tokio::time::timeout(LIMIT, looking).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
