//! The open channels: every configured account, opened, supervised and reopened, each alone.
//!
//! ```text
//! configuration ──prepare──▶ supervisor (one task an account) ──open──▶ worker ──events──▶ inbound ──▶ intake
//!                                   │                              channel ◀── delivery
//!                                   └── status, read by probes, lists and the command line
//! ```

mod albums;
mod calling;
mod check;
mod context;
mod heard;
mod inbound;
mod input;
mod pairing;
mod people;
mod report;
mod supervise;
mod tame;
mod wanted;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use arc_swap::ArcSwap;
use chela_channels::access::LoopGuard;
use chela_channels::{AccountPolicy, Channel, StatusCell, Webhook};
use subtle::ConstantTimeEq as _;

pub use check::{ChannelCheck, CheckWeight, check_channels};
pub(crate) use inbound::AccountInbox;
pub(crate) use pairing::{Notice, approve as approve_pairing, names_owners, read_code};
pub(crate) use people::People;
pub(crate) use report::in_words;
pub(crate) use supervise::{ByHand, Listed};

use albums::Albums;
use calling::Callings;
use heard::Heard;
use supervise::Supervisor;

/// Closed places of an account that the log names; who sets an account up needs a few.
const REFUSED_MAX: usize = 100;

/// The accounts that are configured and enabled. The gateway builds it empty.
#[derive(Default)]
pub(crate) struct Channels {
    accounts: RwLock<BTreeMap<AccountName, Arc<OpenAccount>>>,
    /// Whom pairing let in.
    pub(crate) people: People,
    callings: Callings,
    supervisor: Supervisor,
}

/// Names an account: `discord`, `default`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct AccountName {
    pub(crate) channel: String,
    pub(crate) account: String,
}

/// One account that somebody supervises.
pub(crate) struct OpenAccount {
    pub(crate) name: AccountName,
    /// The newest policy; replaced by a reload without a new connection.
    pub(crate) policy: ArcSwap<AccountPolicy>,
    pub(crate) status: StatusCell,
    /// How to speak; `None` while it is not open (starting, failed, between two tries).
    pub(crate) channel: ArcSwap<Option<Arc<dyn Channel>>>,
    /// Where the platform calls in, while it is open.
    webhook: ArcSwap<Option<Arc<dyn Webhook>>>,
    /// When it was last opened; Unix milliseconds.
    opened_at_ms: AtomicI64,
    /// What was said in its chats without being answered.
    heard: Mutex<Heard>,
    loops: Mutex<LoopGuard>,
    albums: Mutex<Albums>,
    /// When the log was last told that too many strangers ask; Unix milliseconds, 0 for never.
    crowd_told_at_ms: AtomicI64,
    /// Closed places where somebody mentioned the bot.
    refused: Mutex<BTreeSet<String>>,
}

impl Channels {
    /// The account, open or not; `None` when none of this name is configured and enabled.
    pub(crate) fn get(&self, channel: &str, account: &str) -> Option<Arc<OpenAccount>> {
        let name = AccountName { channel: channel.to_owned(), account: account.to_owned() };
        self.accounts.read().unwrap_or_else(PoisonError::into_inner).get(&name).cloned()
    }

    /// Every account, in the order of their names.
    pub(crate) fn all(&self) -> Vec<Arc<OpenAccount>> {
        self.accounts.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Makes an account known; its supervisor opens it.
    pub(crate) fn insert(&self, account: Arc<OpenAccount>) {
        self.accounts.write().unwrap_or_else(PoisonError::into_inner).insert(account.name.clone(), account);
    }

    fn remove(&self, name: &AccountName) {
        self.accounts.write().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    /// The door that a platform calls at this path. It takes the same time whichever account it is, since paths hold secrets.
    pub(crate) fn webhook(&self, path: &str) -> Option<Arc<dyn Webhook>> {
        let mut found = None;
        for account in self.all() {
            if let Some(webhook) = account.webhook.load().as_ref()
                && bool::from(webhook.path().as_bytes().ct_eq(path.as_bytes()))
            {
                found = Some(webhook.clone());
            }
        }
        found
    }
}

impl OpenAccount {
    /// An account that is not open yet.
    pub(crate) fn new(name: AccountName, policy: AccountPolicy) -> Arc<Self> {
        Arc::new(Self {
            name,
            policy: ArcSwap::from_pointee(policy),
            status: StatusCell::default(),
            channel: ArcSwap::default(),
            webhook: ArcSwap::default(),
            opened_at_ms: AtomicI64::new(0),
            heard: Mutex::default(),
            loops: Mutex::default(),
            albums: Mutex::default(),
            crowd_told_at_ms: AtomicI64::new(0),
            refused: Mutex::default(),
        })
    }

    /// How to speak, while it is open.
    pub(crate) fn speaker(&self) -> Option<Arc<dyn Channel>> {
        (**self.channel.load()).clone()
    }

    /// When it was last opened; `None` when it never was.
    pub(crate) fn opened_at_ms(&self) -> Option<i64> {
        Some(self.opened_at_ms.load(Ordering::Relaxed)).filter(|at| *at > 0)
    }

    /// From now on it can speak, and be called.
    pub(crate) fn open(&self, channel: Arc<dyn Channel>, webhook: Option<Arc<dyn Webhook>>, now_ms: i64) {
        self.opened_at_ms.store(now_ms, Ordering::Relaxed);
        self.channel.store(Arc::new(Some(channel)));
        self.webhook.store(Arc::new(webhook));
    }

    /// From now on it can do neither.
    pub(crate) fn close(&self) {
        self.channel.store(Arc::new(None));
        self.webhook.store(Arc::new(None));
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nobody was refused in this chat before. Strangers can't fill the memory: beyond a number, none is the first.
    fn is_first_refusal(&self, chat: &str) -> bool {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.len() < REFUSED_MAX && refused.insert(chat.to_owned())
    }

    fn albums(&self) -> MutexGuard<'_, Albums> {
        self.albums.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn loops(&self) -> MutexGuard<'_, LoopGuard> {
        self.loops.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Display for AccountName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.channel, self.account)
    }
}
