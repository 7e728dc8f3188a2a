//! The gateway's side of a channel, as small as it can be: an inbox that remembers, state in memory, and a supervisor.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chela_channels::render::Rendered;
use chela_channels::{
    Account, CHANNELS, Channel, ChannelContext, ChannelFailure, ChannelState, ConnectionState, FailureKind, HttpSource,
    InboundEvent, InboundMessage, Inbox, InboxError, MessageId, NativeArg, NativeCommand, OutboundPart, PartKey,
    Patience, Pending, Receipt, StateError, StatusCell, StatusSnapshot, prepare,
};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::platform::{Platform, Said, Spot};

/// Longest that a test waits for something that does not come.
const LIMIT: Duration = Duration::from_secs(15);
/// How often is looked at what tells nobody of its changes.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// The supervisor's pause before it opens an account again.
const REOPEN_PAUSE: Duration = Duration::from_millis(20);
/// Quick enough for tests, and in the proportions of what runs: a poll ends before its silence counts.
pub(crate) const IMPATIENT: Patience = Patience {
    call: Duration::from_secs(2),
    poll: Duration::from_secs(1),
    silence: Duration::from_millis(1500),
    retry_first: Duration::from_millis(10),
    retry_max: Duration::from_millis(50),
};

/// A running account of a kind, with everything around it.
pub(crate) struct Running<P> {
    pub(crate) platform: P,
    pub(crate) inbox: Arc<TestInbox>,
    pub(crate) status: StatusCell,
    state: Arc<TestState>,
    token: String,
    channel: Arc<Mutex<Option<Arc<dyn Channel>>>>,
    shutdown: CancellationToken,
    worker: Option<JoinHandle<Result<(), ChannelFailure>>>,
    patience: Patience,
}

/// Remembers what it was given, like a store.
pub(crate) struct TestInbox {
    inner: Mutex<InboxInner>,
    changed: watch::Sender<u64>,
}

#[derive(Default)]
struct InboxInner {
    events: Vec<InboundEvent>,
    known: HashSet<String>,
    /// Names of all events that were given, accepted or not.
    offered: Vec<String>,
    duplicates: usize,
    door: Door,
}

/// How the inbox takes what it is given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Door {
    #[default]
    Open,
    /// Nothing of this chat is answered until the door opens.
    Closed { chat: String },
    /// This chat is told that too much waits, so often.
    Busy { chat: String, times: usize },
}

/// Keeps values in memory, over a worker's end.
#[derive(Default)]
pub(crate) struct TestState(Mutex<HashMap<String, Value>>);

pub(crate) struct TestHttp;

/// What an account is opened with, and what outlives its worker.
#[derive(Default)]
pub(crate) struct Surroundings {
    pub(crate) inbox: Arc<TestInbox>,
    pub(crate) state: Arc<TestState>,
    pub(crate) status: StatusCell,
}

impl<P: Platform> Running<P> {
    /// Opens the account and waits until it is connected.
    pub(crate) async fn connect(platform: P) -> Self {
        Self::connect_with(platform, IMPATIENT).await
    }

    pub(crate) async fn connect_with(platform: P, patience: Patience) -> Self {
        let running = Self::open(platform, patience);
        running.wait_for_status("a connection", |status| status.state == ConnectionState::Connected).await;
        running
    }

    /// Opens the account and waits for nothing.
    pub(crate) fn open(platform: P, patience: Patience) -> Self {
        let (token, Surroundings { inbox, state, status }) = (platform.token(), Surroundings::default());
        let mut running = Self {
            platform,
            inbox,
            status,
            state,
            token,
            channel: Arc::default(),
            shutdown: CancellationToken::new(),
            worker: None,
            patience,
        };
        running.start();
        running
    }

    /// Ends the worker in the middle of whatever it does, as a kill does; state and inbox stay, as on a disk.
    pub(crate) async fn kill(&mut self) {
        let worker = self.worker.take().expect("a worker runs");
        worker.abort();
        let _ = worker.await;
        *lock(&self.channel) = None;
    }

    /// Starts the account again after [`Running::kill`].
    pub(crate) async fn restart(&mut self) {
        self.start();
        self.wait_for_status("a connection", |status| status.state == ConnectionState::Connected).await;
    }

    /// Whether the account keeps something under this name.
    pub(crate) fn remembers(&self, key: &str) -> bool {
        self.state.kept(key).is_some()
    }

    pub(crate) fn shut_down(&self) {
        self.shutdown.cancel();
    }

    /// What the worker ended with.
    pub(crate) async fn end(&mut self) -> Result<(), ChannelFailure> {
        let worker = self.worker.take().expect("a worker runs");
        tokio::time::timeout(LIMIT, worker).await.expect("the worker ends").expect("the worker does not panic")
    }

    /// The open channel, as soon as there is one.
    pub(crate) fn channel(&self) -> Arc<dyn Channel> {
        lock(&self.channel).clone().expect("the account is open")
    }

    /// The person says something, and it comes in.
    pub(crate) async fn hear(&self, spot: &Spot, said: &Said) -> InboundMessage {
        let id = self.platform.say(spot, said);
        self.heard(spot, &id).await
    }

    /// The message of a chat with this id, as soon as it has come.
    pub(crate) async fn heard(&self, spot: &Spot, id: &MessageId) -> InboundMessage {
        let chat = spot.chat.clone();
        self.inbox
            .wait_for(&format!("message {id:?} of {chat}"), |events| {
                messages(events).into_iter().find(|message| message.message == *id && message.chat == chat)
            })
            .await
    }

    pub(crate) async fn wait_for_status(&self, what: &str, holds: impl Fn(&StatusSnapshot) -> bool) -> StatusSnapshot {
        eventually(what, || Some(self.status.read()).filter(|status| holds(status))).await
    }

    fn start(&mut self) {
        self.shutdown = CancellationToken::new();
        self.status.update(|status| *status = StatusSnapshot::default());
        let (inbox, state) = (Arc::clone(&self.inbox), Arc::clone(&self.state));
        let around = Surroundings { inbox, state, status: self.status.clone() };
        let context = around.context(self.patience, self.shutdown.clone());
        let account = one_account(P::KIND, &self.platform.account());
        let token = SecretString::from(self.token.clone());
        let channel = Arc::clone(&self.channel);
        self.worker = Some(tokio::spawn(supervise(account, token, context, channel)));
    }
}

impl Surroundings {
    pub(crate) fn context(&self, patience: Patience, shutdown: CancellationToken) -> ChannelContext {
        ChannelContext {
            account: "default".to_owned(),
            inbox: Arc::clone(&self.inbox) as Arc<dyn Inbox>,
            state: Arc::clone(&self.state) as Arc<dyn ChannelState>,
            status: self.status.clone(),
            commands: commands().into(),
            http: Arc::new(TestHttp),
            clock: Arc::new(now_ms),
            patience,
            shutdown,
        }
    }
}

impl Default for TestInbox {
    fn default() -> Self {
        Self { inner: Mutex::default(), changed: watch::Sender::new(0) }
    }
}

impl TestState {
    pub(crate) fn kept(&self, key: &str) -> Option<Value> {
        lock(&self.0).get(key).cloned()
    }

    pub(crate) fn keep(&self, key: &str, value: Value) {
        lock(&self.0).insert(key.to_owned(), value);
    }
}

impl<P> Drop for Running<P> {
    fn drop(&mut self) {
        if let Some(worker) = &self.worker {
            worker.abort();
        }
    }
}

impl TestInbox {
    pub(crate) fn set_door(&self, door: Door) {
        self.change(|inner| inner.door = door);
    }

    pub(crate) fn events(&self) -> Vec<InboundEvent> {
        lock(&self.inner).events.clone()
    }

    pub(crate) fn messages(&self) -> Vec<InboundMessage> {
        messages(&self.events())
    }

    pub(crate) fn duplicates(&self) -> usize {
        lock(&self.inner).duplicates
    }

    /// How many events were given, those that were not accepted too.
    pub(crate) fn offers(&self) -> usize {
        lock(&self.inner).offered.len()
    }

    /// Looks after each event until there is something to see.
    pub(crate) async fn wait_for<T>(&self, what: &str, look: impl Fn(&[InboundEvent]) -> Option<T>) -> T {
        let mut changed = self.changed.subscribe();
        let waiting = async {
            loop {
                changed.mark_unchanged();
                if let Some(seen) = look(&self.events()) {
                    return seen;
                }
                changed.changed().await.expect("the sender lives as long as self");
            }
        };
        let seen = tokio::time::timeout(LIMIT, waiting).await;
        seen.unwrap_or_else(|_| panic!("waited in vain for {what}; there is {:#?}", self.events()))
    }

    fn change<T>(&self, change: impl FnOnce(&mut InboxInner) -> T) -> T {
        let changed = change(&mut lock(&self.inner));
        self.changed.send_modify(|count| *count += 1);
        changed
    }
}

impl Inbox for TestInbox {
    fn accept(&self, event: InboundEvent) -> Pending<'_, Result<Receipt, InboxError>> {
        Box::pin(async move {
            let (name, chat) = name(&event);
            self.change(|inner| inner.offered.push(name.clone()));
            let mut changed = self.changed.subscribe();
            loop {
                changed.mark_unchanged();
                let answer = self.change_if_open(&event, &name, &chat);
                match answer {
                    Some(answer) => return answer,
                    None => changed.changed().await.map_err(|_| InboxError::Stopping)?,
                }
            }
        })
    }

    fn choices<'a>(
        &'a self,
        _: &'a InboundMessage,
        _: &'a str,
        _: &'a str,
        typed: &'a str,
    ) -> Pending<'a, Vec<String>> {
        Box::pin(async move { vec![format!("{typed}-one"), format!("{typed}-two")] })
    }
}

impl TestInbox {
    fn change_if_open(&self, event: &InboundEvent, name: &str, chat: &str) -> Option<Result<Receipt, InboxError>> {
        if matches!(&lock(&self.inner).door, Door::Closed { chat: closed } if closed == chat) {
            return None;
        }
        Some(self.change(|inner| inner.take(event, name, chat)))
    }
}

impl InboxInner {
    fn take(&mut self, event: &InboundEvent, name: &str, chat: &str) -> Result<Receipt, InboxError> {
        if let Door::Busy { chat: busy, times } = &mut self.door
            && busy == chat
            && *times > 0
        {
            *times -= 1;
            return Err(InboxError::Busy);
        }
        if !self.known.insert(name.to_owned()) {
            self.duplicates += 1;
            return Ok(Receipt::Duplicate);
        }
        self.events.push(event.clone());
        Ok(Receipt::Accepted)
    }
}

impl ChannelState for TestState {
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

impl HttpSource for TestHttp {
    fn client(&self) -> Result<reqwest::Client, String> {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| {
            let _ = rustls::crypto::ring::default_provider().install_default();
        });
        let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
        builder.build().map_err(|error| error.to_string())
    }
}

/// Looks again and again until there is something to see.
pub(crate) async fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
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

/// The messages among events, in their order.
pub(crate) fn messages(events: &[InboundEvent]) -> Vec<InboundMessage> {
    let message = |event: &InboundEvent| match event {
        InboundEvent::Message(message) => Some((**message).clone()),
        InboundEvent::Edited(_) | InboundEvent::Deleted { .. } | InboundEvent::Reaction(_) => None,
    };
    events.iter().filter_map(message).collect()
}

/// A part with this text as markup and as plain text. A run speaks in one chat: the same name in another is another run.
pub(crate) fn part(spot: &Spot, run: &str, text: &str) -> OutboundPart {
    OutboundPart {
        key: PartKey { run: format!("{run} in {}", spot.chat), part: 0 },
        chat: spot.chat.clone(),
        content: Rendered { markup: text.to_owned(), plain: text.to_owned() },
        media: None,
        reply_to: None,
        via: None,
        buttons: Vec::new(),
        silent: false,
        link_preview: true,
    }
}

pub(crate) fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

/// Opens the account until it ends for good.
async fn supervise(
    account: Box<dyn Account>,
    token: SecretString,
    context: ChannelContext,
    channel: Arc<Mutex<Option<Arc<dyn Channel>>>>,
) -> Result<(), ChannelFailure> {
    let no_secret = |_: &chela_config::Secret| Err("the test has no secrets".to_owned());
    loop {
        let open = account.open(Some(token.clone()), &no_secret, context.clone()).expect("the account opens");
        *lock(&channel) = Some(open.channel);
        match open.worker.await {
            Err(failure) if failure.kind == FailureKind::Broken => tokio::time::sleep(REOPEN_PAUSE).await,
            end => return end,
        }
    }
}

fn one_account(kind: &str, keys: &Value) -> Box<dyn Account> {
    assert!(CHANNELS.iter().any(|row| row.id == kind), "the table has no {kind}");
    let mut problems = Vec::new();
    let mut prepared = prepare(&json!({ kind: keys }), &|_| false, &mut problems);
    assert!(problems.is_empty(), "the test's configuration is wrong: {problems:?}");
    prepared.pop().and_then(|prepared| prepared.account).expect("the section has one account that can run")
}

fn commands() -> Vec<NativeCommand> {
    let model = NativeArg {
        name: "name".to_owned(),
        description: "The model".to_owned(),
        completes: true,
        choices: Vec::new(),
    };
    let command = |name: &str, args: Vec<NativeArg>| NativeCommand {
        name: name.to_owned(),
        description: format!("Shows what {name} shows."),
        args,
    };
    vec![command("status", Vec::new()), command("model", vec![model])]
}

/// What makes an event one and the same, and its chat.
fn name(event: &InboundEvent) -> (String, String) {
    match event {
        InboundEvent::Message(message) | InboundEvent::Edited(message) => (message.event.clone(), message.chat.clone()),
        InboundEvent::Deleted { chat, message } => (format!("deleted {chat} {}", message.0), chat.clone()),
        InboundEvent::Reaction(reaction) => (reaction.event.clone(), reaction.place.chat.clone()),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
