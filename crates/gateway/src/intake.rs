//! The door for every message: made durable first, then handed to the task of its session.
//!
//! Nothing here decides what a message may do; callers have checked that. A message that was accepted before (same
//! channel, account and platform id) is recognised by the store and runs once.

use std::sync::Arc;

use chela_agent::{TurnEvent, TurnInput};
use chela_protocol::methods::chat::QueueMode;
use chela_protocol::{AgentId, RunId, SessionKey};
use chela_store::{Accepted, InboxRow, InboxState, NewInbound, StoreError};
use tokio::sync::mpsc;
use tokio::task::JoinError;

use crate::app::Gateway;
use crate::sessions::{Mail, Refused, begin_anew_if_expired, turn_away};

/// Longest text of a message, in bytes: more than the largest context of a model. What is longer is a file, and its history could
/// not be sent to a client any more.
const TEXT_MAX_BYTES: usize = 4 * 1024 * 1024;

/// A message at the door.
#[derive(Debug)]
pub(crate) struct Inbound {
    /// `webchat` for WebSocket clients, `http` for the OpenAI endpoints, else the channel's id.
    pub channel: String,
    pub account: String,
    /// The sender's own id of the message: the idempotency key.
    pub platform_id: String,
    pub run: RunId,
    pub session: SessionKey,
    pub agent: AgentId,
    pub input: TurnInput,
    /// What it wants while a turn runs; `None`: what its session or the configuration says.
    pub mode: Option<QueueMode>,
    /// Gets everything that happens in the run, from its beginning; too slow a reader loses its place and is dropped.
    pub watcher: Option<mpsc::Sender<TurnEvent>>,
}

/// What became of a message.
#[derive(Debug)]
pub(crate) struct Submitted {
    /// The run that answers it: the first one's, when the message came before.
    pub run: RunId,
    pub state: SubmitState,
}

#[derive(Debug)]
pub(crate) enum SubmitState {
    /// New: durable, and in the queue of its session.
    Started,
    /// Came before and is not answered yet.
    InFlight,
    /// Came before and is closed.
    Done(Box<InboxRow>),
}

/// Why a message was not accepted. Nothing of it is kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SubmitError {
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error(
        "a message has at most {TEXT_MAX_BYTES} bytes, this one has {bytes}; put it into a file that the assistant can read"
    )]
    TooLong { bytes: usize },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Refuses a text that is too long for a conversation.
pub(crate) fn check_length(text: &str) -> Result<(), SubmitError> {
    let bytes = text.len();
    if bytes > TEXT_MAX_BYTES { Err(SubmitError::TooLong { bytes }) } else { Ok(()) }
}

/// Accepts a message. Once begun it goes through even when the caller is gone, so that no durable row is left without
/// its task.
pub(crate) async fn submit(gateway: &Arc<Gateway>, inbound: Inbound) -> Result<Submitted, SubmitError> {
    check_length(&inbound.input.text)?;
    let accepting = gateway.tasks.spawn(accept(gateway.clone(), inbound));
    // What panicked behind its commit is found when the message comes again.
    let lost = |error: JoinError| if error.is_panic() { Refused::Busy } else { Refused::Stopping };
    accepting.await.unwrap_or_else(|error| Err(lost(error).into()))
}

async fn accept(gateway: Arc<Gateway>, inbound: Inbound) -> Result<Submitted, SubmitError> {
    gateway.pressure.refuse_new().map_err(Refused::from)?;
    // The place in the queue comes before the commit: what is durable is never turned away afterwards.
    let place = gateway.sessions.reserve(&gateway, &inbound.session)?;
    let stored = gateway.store.session(&inbound.session).await?;
    let chosen = stored.as_ref().map(|stored| stored.settings.queue.clone()).unwrap_or_default();
    let queue = gateway.config.load().messages.queue.clone().chosen(&chosen);
    let is_full = inbound.input.deliver.is_some() && gateway.sessions.is_full(&inbound.session, &queue);
    let Inbound { watcher, run, .. } = inbound;
    let mode = inbound.mode.unwrap_or_else(|| queue.mode_of(&inbound.channel));
    let message = NewInbound {
        channel: inbound.channel,
        account: inbound.account,
        platform_id: inbound.platform_id,
        session: inbound.session,
        agent: inbound.agent,
        run,
        body: inbound.input.to_body(),
        received_at_ms: gateway.now_ms(),
    };
    Ok(match gateway.store.accept(message).await? {
        Accepted::New(row) if is_full => {
            turn_away(&gateway, &row).await;
            Submitted { run: row.run, state: SubmitState::Started }
        }
        Accepted::New(row) => {
            let run = row.run.clone();
            if let Some(stored) = &stored
                && let Err(error) = begin_anew_if_expired(&gateway, stored).await
            {
                // The message counts more than its place: it is answered in the old conversation.
                tracing::error!(%error, session = %row.session, "an expired conversation could not be put away");
            }
            gateway.sessions.deliver(place, Mail { row, mode }, watcher);
            Submitted { run, state: SubmitState::Started }
        }
        Accepted::Duplicate(row) if row.state.is_open() => {
            let run = row.run.clone();
            if !gateway.sessions.until_handed_over(&run).await && is_still_open(&gateway, &row).await? {
                // Whoever committed it died before handing it over.
                gateway.sessions.deliver(place, Mail { row, mode }, watcher);
            }
            Submitted { run, state: SubmitState::InFlight }
        }
        Accepted::Duplicate(row) => Submitted { run: row.run.clone(), state: SubmitState::Done(Box::new(row)) },
    })
}

/// Whether a row is as it was when it was found.
async fn is_still_open(gateway: &Gateway, row: &InboxRow) -> Result<bool, StoreError> {
    let now = gateway.store.inbox_by_run(&row.run).await?;
    // What a turn began is taken up by whoever runs its session.
    Ok(now.is_some_and(|now| now.id == row.id && now.state == InboxState::Queued))
}
