//! The contract of an open channel: what the gateway can do with one login on a chat platform.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::inbound::{MediaRef, MessageId};
use crate::outbound::{OutboundPart, SendError, SendErrorKind, SentMessage};
use crate::render::Dialect;
use crate::{ChannelFailure, Patience, render};

/// What a method of [`Channel`] returns. Dropping it cancels the call; whether the platform still carries it out is unknown then.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// An opened account: its worker, which hears, and its channel, which speaks.
pub struct OpenChannel {
    /// Hears until the context's shutdown fires (then it returns `Ok` within a second) or something breaks for good. The
    /// supervisor opens the account again after a pause, unless the failure says that this is pointless.
    pub worker: Pending<'static, Result<(), ChannelFailure>>,
    pub channel: Arc<dyn Channel>,
    /// Where the platform calls in, for channels that are called; `None` for those that connect by themselves.
    pub webhook: Option<Arc<dyn Webhook>>,
}

/// One login on a platform. Every call has its own timeout inside, 30 s at most, and answers with a typed error; none
/// retries by itself, except that a rate limit shorter than two seconds may be waited out.
pub trait Channel: Send + Sync {
    fn capabilities(&self) -> &Capabilities;

    /// Sends one message. The part's key names it for ever: where the platform takes an idempotency key, sending the same
    /// key twice makes one message.
    fn send<'a>(&'a self, part: &'a OutboundPart) -> Pending<'a, Result<SentMessage, SendError>>;

    /// Looks for a part that may have been sent before an interruption. `Ok(None)`: it is not there, as far as the platform
    /// tells, and may be sent. `since` is the last message of the chat that is known to be older; `known` are messages of
    /// ours in this chat that are other parts.
    fn find<'a>(
        &'a self,
        part: &'a OutboundPart,
        since: Option<&'a MessageId>,
        known: &'a [MessageId],
    ) -> Pending<'a, Result<Option<SentMessage>, SendError>>;

    /// Gives a message of ours new content. Content that it has already is no error.
    fn edit<'a>(&'a self, message: &'a MessageId, part: &'a OutboundPart) -> Pending<'a, Result<(), SendError>>;

    /// Removes a message of ours. One that is gone already is no error.
    fn delete<'a>(&'a self, chat: &'a str, message: &'a MessageId) -> Pending<'a, Result<(), SendError>>;

    /// Puts the reaction on a message, replacing ours of before; `None` takes ours away.
    fn react<'a>(
        &'a self,
        chat: &'a str,
        message: &'a MessageId,
        emoji: Option<&'a str>,
    ) -> Pending<'a, Result<(), SendError>>;

    /// Shows that an answer is being written; it fades after [`Capabilities::typing_lasts`].
    fn typing<'a>(&'a self, chat: &'a str) -> Pending<'a, Result<(), SendError>>;

    /// Fetches a file of an inbound message, never more than `max_bytes`.
    fn fetch<'a>(&'a self, media: &'a MediaRef, max_bytes: u64) -> Pending<'a, Result<FetchedMedia, SendError>>;

    /// Asks the platform who we are and what is missing. For `status --probe`.
    fn probe(&self) -> Pending<'_, Result<Probe, SendError>>;
}

/// How much a call does, which decides how long it may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    /// A request or two.
    Quick,
    /// Carries a file, or looks through a chat.
    Long,
}

/// Longest that any call of a channel takes, as [`Channel`] promises.
pub(crate) const CALL_MAX: Duration = Duration::from_secs(30);

impl Effort {
    pub(crate) fn of(part: &OutboundPart) -> Self {
        if part.media.is_some() { Self::Long } else { Self::Quick }
    }

    pub(crate) fn call_max(self, patience: Patience) -> Duration {
        match self {
            Self::Quick => patience.call.min(CALL_MAX),
            Self::Long => CALL_MAX,
        }
    }
}

/// Ends a call that takes longer than it may; nobody knows then whether it was carried out. `platform` is for people.
pub(crate) fn within<'a, T: 'a>(
    platform: &'static str,
    limit: Duration,
    call: impl Future<Output = Result<T, SendError>> + Send + 'a,
) -> Pending<'a, Result<T, SendError>> {
    Box::pin(async move {
        let late = |_| {
            let words = format!("{platform} did not answer within {} ms", limit.as_millis());
            SendError::new(SendErrorKind::Unknown, words)
        };
        tokio::time::timeout(limit, call).await.map_err(late)?
    })
}

/// What a platform can do. Fixed per kind, but for what the configuration switches off.
#[derive(Debug, Clone, PartialEq)]
pub struct Capabilities {
    pub dialect: Dialect,
    /// The platform's own limits of one message; the configuration may set tighter ones.
    pub limits: render::Limits,
    pub edit: bool,
    pub react: bool,
    pub buttons: bool,
    /// Largest file that it takes, in bytes.
    pub upload_max_bytes: u64,
    /// How long one call of `typing` shows.
    pub typing_lasts: Duration,
    /// Shortest pause between two edits of one message.
    pub edit_pause: Duration,
}

/// A file as the platform gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedMedia {
    pub bytes: Vec<u8>,
    /// As the platform calls it, or as the first bytes show.
    pub mime: String,
}

/// What a probe found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Probe {
    /// Who we are there, for people: `chela#1234`, `@chela_bot`.
    pub identity: String,
    /// What is missing, one plain sentence each with its mend: an intent, a permission.
    pub warnings: Vec<String>,
    /// Facts for people, in order: servers, webhook URL, pending updates.
    pub facts: Vec<(String, String)>,
}

/// The door for a platform that calls in.
pub trait Webhook: Send + Sync {
    /// Path on the main port, with its leading slash; it holds a secret part.
    fn path(&self) -> &str;

    /// Whether a call with these headers (lowercase names) may be the platform's. Asked before its body is read, so that nobody else
    /// makes us hold one.
    fn admits(&self, headers: &BTreeMap<String, String>) -> bool;

    /// Answers one call. `200` only after everything in it is durable; a wrong secret gets `401` and nothing else.
    fn call(&self, request: WebhookRequest) -> Pending<'_, WebhookAnswer>;
}

/// One call of a platform. Header names are lowercase.
#[derive(Debug, Clone, Default)]
pub struct WebhookRequest {
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

/// What the platform is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookAnswer {
    pub status: u16,
    pub body: String,
}

impl WebhookAnswer {
    pub fn status(status: u16) -> Self {
        Self { status, body: String::new() }
    }
}
