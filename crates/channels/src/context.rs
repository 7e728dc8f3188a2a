//! The whole world of a channel: where it puts what it hears, what it remembers, and when it must stop.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::channel::Pending;
use crate::inbound::{InboundEvent, InboundMessage};
use crate::status::StatusCell;

/// What a worker may touch.
#[derive(Clone)]
pub struct ChannelContext {
    /// The account's name in the configuration; `default` where there is one only.
    pub account: String,
    pub inbox: Arc<dyn Inbox>,
    /// Small durable values of this account: an update offset, a resume session.
    pub state: Arc<dyn ChannelState>,
    /// Where the worker says how it stands; the only source of the account's status.
    pub status: StatusCell,
    /// The commands to register with the platform.
    pub commands: Arc<[NativeCommand]>,
    pub http: Arc<dyn HttpSource>,
    /// Unix milliseconds.
    pub clock: Arc<dyn Fn() -> i64 + Send + Sync>,
    pub patience: Patience,
    /// Fires once; the worker then ends within a second.
    pub shutdown: CancellationToken,
}

/// How long a channel waits for the world. [`Patience::default`] is what runs; tests and simulations are less patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// One call of the platform, files apart.
    pub call: Duration,
    /// What a long poll asks the platform to wait, in whole seconds.
    pub poll: Duration,
    /// An inbound side that has said nothing for this long although it should have is given up and made anew (G11).
    pub silence: Duration,
    /// The pause before the first new try; each further one doubles it.
    pub retry_first: Duration,
    pub retry_max: Duration,
}

/// Pauses between tries that grow, from [`Patience::retry_first`] to [`Patience::retry_max`].
#[derive(Debug)]
pub(crate) struct BackOff {
    next: Duration,
    longest: Duration,
}

/// Makes the shared HTTP client on first use: no redirects, connect timeout, the house's trusted roots.
pub trait HttpSource: Send + Sync {
    /// The error is a sentence for people.
    fn client(&self) -> Result<reqwest::Client, String>;
}

/// Where a channel puts what it hears.
pub trait Inbox: Send + Sync {
    /// Returns when the event is durable, was known before, or is ignored on purpose. Only then may the channel acknowledge it
    /// to the platform. Events of one chat must be given in their order, the next after the last was received.
    fn accept(&self, event: InboundEvent) -> Pending<'_, Result<Receipt, InboxError>>;

    /// What may stand in an argument of a command, for completion; 25 at most, and nothing for somebody who may not use the command.
    /// `asker` says who types it, and where.
    fn choices<'a>(
        &'a self,
        asker: &'a InboundMessage,
        command: &'a str,
        arg: &'a str,
        typed: &'a str,
    ) -> Pending<'a, Vec<String>>;
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receipt {
    /// Durable: it will be answered.
    Accepted,
    /// It came before.
    Duplicate,
    /// Nobody is to answer it: policy, no mention, nothing in it.
    Ignored,
}

/// Why nothing was accepted. The channel must not acknowledge, and gives the event again later.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InboxError {
    #[error("the gateway is stopping")]
    Stopping,
    #[error("too many messages wait in this conversation")]
    Busy,
    #[error("the message could not be stored: {0}")]
    Store(String),
}

/// Small durable values of one account.
pub trait ChannelState: Send + Sync {
    fn get<'a>(&'a self, key: &'a str) -> Pending<'a, Result<Option<Value>, StateError>>;
    /// Returns when the value is on disk.
    fn put<'a>(&'a self, key: &'a str, value: Value) -> Pending<'a, Result<(), StateError>>;
}

/// The store failed; the message is for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("channel state: {0}")]
pub struct StateError(pub String);

/// A command as platforms list it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NativeCommand {
    /// Without the slash.
    pub name: String,
    pub description: String,
    pub args: Vec<NativeArg>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NativeArg {
    pub name: String,
    pub description: String,
    /// The only values, where they are known.
    pub choices: Vec<String>,
    /// Offered while the person types, by [`Inbox::choices`].
    pub completes: bool,
}

/// Why a worker ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ChannelFailure {
    pub kind: FailureKind,
    /// One plain sentence with the next step; no secret in it.
    pub message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The platform refuses the credentials: pointless until the configuration changes.
    Auth,
    /// No credentials are configured: pointless until they are.
    NoToken,
    /// The configuration can't work as it is (an intent that is not allowed, say): pointless until it changes.
    Setup,
    /// Worth another try after a pause.
    Broken,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            call: Duration::from_secs(30),
            poll: Duration::from_secs(30),
            // Longer than a poll and its way, shorter than the 45 s of G11.
            silence: Duration::from_secs(40),
            retry_first: Duration::from_secs(1),
            // G10 wants the inbound side back within a minute.
            retry_max: Duration::from_secs(30),
        }
    }
}

impl BackOff {
    pub(crate) fn new(patience: Patience) -> Self {
        Self { next: patience.retry_first, longest: patience.retry_max }
    }

    pub(crate) fn next_pause(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(self.longest);
        pause
    }
}
