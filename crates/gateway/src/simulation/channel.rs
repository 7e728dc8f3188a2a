//! The channel of a simulated platform: the contract as the gateway sees it, over a [`Platform`].

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use chela_channels::access::{AccessRules, AllowList, DmPolicy, GroupPolicy};
use chela_channels::render::{Dialect, Limits};
use chela_channels::{
    Account, AccountPolicy, Capabilities, Channel, ChannelContext, ChannelFailure, ConnectionState, DeliveryPolicy,
    FailureKind, FetchedMedia, InboundEvent, InboxError, Kind, MediaRef, MessageId, OpenChannel, OpenError,
    OutboundPart, Pending, PreviewMode, Probe, Receipt, SecretLookup, SendError, SendErrorKind, SentMessage,
};
use chela_config::Problem;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::platform::{Break, Fate, Platform, TYPING_LASTS};
use super::stage::{Sabotage, pass};

/// How long a channel waits before it gives an event again that was not taken.
const NOT_TAKEN: Duration = Duration::from_millis(700);
/// Characters of a message: long answers are cut.
const MESSAGE_CHARS: usize = 160;

thread_local! {
    /// The platforms of the run on this thread: the table of kinds holds plain functions.
    static PLATFORMS: RefCell<Vec<Arc<Platform>>> = const { RefCell::new(Vec::new()) };
}

/// From now on accounts that are opened on this thread are accounts of these.
pub(super) fn enter(platforms: &[Arc<Platform>]) {
    PLATFORMS.with_borrow_mut(|here| *here = platforms.to_vec());
}

/// The row of a platform in the table of channels.
pub(super) const fn kind(id: &'static str) -> Kind {
    Kind { id, label: id, token_variables: &[], schema: || json!({ "type": "object" }), read }
}

fn read(path: &str, value: &Value, _: &mut Vec<Problem>) -> Option<Box<dyn Account>> {
    let platform = PLATFORMS.with_borrow(|here| here.iter().find(|one| path.ends_with(one.name)).cloned())?;
    let says = |key: &str| value[key].as_bool().unwrap_or_default();
    let preview = serde_json::from_value(value["preview"].clone()).unwrap_or_default();
    Some(Box::new(SimulatedAccount { platform, policy: policy(says("mention"), says("cem"), preview) }))
}

/// One account on a simulated platform.
struct SimulatedAccount {
    platform: Arc<Platform>,
    policy: AccountPolicy,
}

/// Who may speak: Ann and Bob anywhere, Cem where `cem_may`, and nobody else; groups want a mention where `mention` says so.
fn policy(mention: bool, cem_may: bool, preview: PreviewMode) -> AccountPolicy {
    let mut people = vec!["ann".to_owned(), "bob".to_owned()];
    if cem_may {
        people.push("cem".to_owned());
    }
    let access = AccessRules {
        dm: DmPolicy::Pairing,
        allow_from: AllowList(people.clone()),
        groups: GroupPolicy::Open,
        group_allow_from: AllowList(people),
        require_mention: mention,
        ..AccessRules::default()
    };
    AccountPolicy {
        access,
        delivery: DeliveryPolicy { preview, limits: message_limits(), ..DeliveryPolicy::default() },
    }
}

/// What fits into a message on either platform.
pub(super) fn message_limits() -> Limits {
    Limits { chars: MESSAGE_CHARS, ..Limits::default() }
}

impl Account for SimulatedAccount {
    fn policy(&self) -> &AccountPolicy {
        &self.policy
    }

    fn fingerprint(&self) -> u64 {
        1
    }

    fn open(
        &self,
        _: Option<SecretString>,
        _: SecretLookup<'_>,
        context: ChannelContext,
    ) -> Result<OpenChannel, OpenError> {
        let capabilities = Capabilities {
            dialect: Dialect::Plain,
            limits: message_limits(),
            edit: true,
            react: true,
            buttons: false,
            upload_max_bytes: 1 << 20,
            typing_lasts: TYPING_LASTS,
            edit_pause: Duration::from_secs(1),
        };
        let channel = Arc::new(SimulatedChannel { platform: self.platform.clone(), capabilities });
        Ok(OpenChannel { worker: Box::pin(hear(self.platform.clone(), context)), channel, webhook: None })
    }
}

/// Gives events to the gateway, one after the other, until it is told to stop or cut off.
async fn hear(platform: Arc<Platform>, context: ChannelContext) -> Result<(), ChannelFailure> {
    pass(Duration::from_millis(50)).await;
    platform.connected();
    context.status.update(|status| status.state = ConnectionState::Connected);
    loop {
        let event = tokio::select! {
            biased;
            () = context.shutdown.cancelled() => return Ok(()),
            event = next(&platform) => event,
        };
        let (at, event) = match event {
            Ok(event) => event,
            Err(Break::Disconnect) => {
                platform.note("disconnects");
                return Err(ChannelFailure { kind: FailureKind::Broken, message: "scripted".to_owned() });
            }
            Err(Break::Panic) => {
                platform.note("panics");
                if platform.stage.is_sabotaged(Sabotage::DragsOthers) {
                    PLATFORMS.with_borrow(|here| here.iter().for_each(|one| one.drag()));
                }
                std::panic::resume_unwind(Box::new("scripted"));
            }
        };
        // An event that is cut off here was not acknowledged, and comes again.
        let taken = tokio::select! {
            biased;
            () = context.shutdown.cancelled() => return Ok(()),
            taken = give(&platform, &context, at, event) => taken,
        };
        pass(Duration::from_millis(5)).await;
        match taken {
            Ok(receipt) => platform.acknowledged(at, receipt),
            Err(error) => {
                platform.note(format!("not taken: {error}"));
                pass(NOT_TAKEN).await;
            }
        }
    }
}

async fn next(platform: &Platform) -> Result<(usize, InboundEvent), Break> {
    loop {
        if let Some(next) = platform.next() {
            return next;
        }
        platform.news.notified().await;
    }
}

async fn give(
    platform: &Platform,
    context: &ChannelContext,
    at: usize,
    mut event: InboundEvent,
) -> Result<Receipt, InboxError> {
    if let InboundEvent::Message(message) = &mut event {
        if platform.stage.is_sabotaged(Sabotage::DropsEvents) {
            return Ok(Receipt::Accepted);
        }
        if platform.stage.is_sabotaged(Sabotage::RenamesEvents) && platform.was_acknowledged(at) {
            message.event = format!("{}-{}", message.event, platform.stage.now_ms());
        }
    }
    context.inbox.accept(event).await
}

struct SimulatedChannel {
    platform: Arc<Platform>,
    capabilities: Capabilities,
}

impl SimulatedChannel {
    /// A call for a part; one that is refused ends its delivery.
    async fn call_for<T>(
        &self,
        part: &OutboundPart,
        what: &str,
        act: impl FnOnce() -> Result<T, SendError>,
    ) -> Result<T, SendError> {
        let done = self.call(act).await;
        if let Err(error) = &done {
            self.platform.note(format!("{what} {}#{}: {:?}", part.key.run, part.key.part, error.kind));
            self.platform.failed(part, error.kind);
        }
        done
    }

    /// Makes a call: `act` is what it does on the platform, if it comes that far.
    async fn call<T>(&self, act: impl FnOnce() -> Result<T, SendError>) -> Result<T, SendError> {
        let trip = self.platform.trip();
        pass(trip.there).await;
        let done = match trip.fate {
            Fate::Done | Fate::Unheard => Some(act()),
            Fate::Lost | Fate::Limited(_) | Fate::Unreachable | Fate::Refused => None,
        };
        pass(trip.back).await;
        match (trip.fate.error(), done) {
            (None, Some(done)) => done,
            (error, _) => Err(error.expect("what is not carried out has an error")),
        }
    }
}

impl Channel for SimulatedChannel {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn send<'a>(&'a self, part: &'a OutboundPart) -> Pending<'a, Result<SentMessage, SendError>> {
        Box::pin(async move {
            if self.platform.stage.is_sabotaged(Sabotage::SaysSentAtOnce) {
                let (platform, part) = (self.platform.clone(), part.clone());
                tokio::spawn(async move {
                    pass(Duration::from_secs(1)).await;
                    platform.show(&part);
                });
                return Ok(SentMessage { message: MessageId("0".to_owned()) });
            }
            let sent = self.call_for(part, "send", || Ok(self.platform.show(part))).await;
            let swallowed = self.platform.stage.is_sabotaged(Sabotage::SwallowsParts);
            match sent {
                Err(error) if swallowed && error.kind == SendErrorKind::Refused => {
                    Ok(SentMessage { message: MessageId("0".to_owned()) })
                }
                sent => Ok(SentMessage { message: MessageId(sent?.to_string()) }),
            }
        })
    }

    fn find<'a>(
        &'a self,
        part: &'a OutboundPart,
        since: Option<&'a MessageId>,
        known: &'a [MessageId],
    ) -> Pending<'a, Result<Option<SentMessage>, SendError>> {
        Box::pin(async move {
            let found = self.call_for(part, "find", || Ok(self.platform.search(part, since, known))).await?;
            self.platform.note(format!("finds {}#{}: {found:?}", part.key.run, part.key.part));
            Ok(found.map(|id| SentMessage { message: MessageId(id.to_string()) }))
        })
    }

    fn edit<'a>(&'a self, message: &'a MessageId, part: &'a OutboundPart) -> Pending<'a, Result<(), SendError>> {
        Box::pin(async move {
            let text = part.content.plain.clone();
            self.call_for(part, "edit", || {
                self.platform.note(format!("edits {} to {text:?}", message.0));
                gone(self.platform.change(message, |shown| shown.text = text))
            })
            .await
        })
    }

    fn delete<'a>(&'a self, _: &'a str, message: &'a MessageId) -> Pending<'a, Result<(), SendError>> {
        Box::pin(async move {
            let remove = || {
                self.platform.note(format!("deletes {}", message.0));
                self.platform.change(message, |shown| shown.deleted = true);
                Ok(())
            };
            match self.call(remove).await {
                // Nobody is refused to take back words of their own.
                Err(error) if error.kind == SendErrorKind::Refused => remove(),
                done => done,
            }
        })
    }

    fn react<'a>(&'a self, _: &'a str, _: &'a MessageId, _: Option<&'a str>) -> Pending<'a, Result<(), SendError>> {
        Box::pin(self.call(|| Ok(())))
    }

    fn typing<'a>(&'a self, chat: &'a str) -> Pending<'a, Result<(), SendError>> {
        Box::pin(async move {
            self.platform.typed(chat);
            self.call(|| Ok(())).await
        })
    }

    fn fetch<'a>(&'a self, _: &'a MediaRef, _: u64) -> Pending<'a, Result<FetchedMedia, SendError>> {
        Box::pin(self.call(|| Ok(FetchedMedia { bytes: b"a file".to_vec(), mime: "text/plain".to_owned() })))
    }

    fn probe(&self) -> Pending<'_, Result<Probe, SendError>> {
        Box::pin(self.call(|| Ok(Probe::default())))
    }
}

fn gone(there: bool) -> Result<(), SendError> {
    if there { Ok(()) } else { Err(SendError::new(SendErrorKind::Gone, "scripted")) }
}
