//! What a running turn holds, and the two things every step does with it: tell watchers, and write to the transcript.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chela_llm::{ModelInfo, ModelRef, Thinking, Usage};
use chela_store::{InboxId, InboxRow, Item, Session, StoreError, Tail};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::compact::Overflow;
use super::repeats::Repeats;
use super::told::Shows;
use super::{SteerQueue, TurnCancel, TurnWorld, item_id};
use crate::context::{Prefix, Room};
use crate::transcript::ItemBody;
use crate::untrusted::mark_id;
use crate::{AbortReason, DeliveryRoute, Provenance, SessionStatus, Trust, TurnEventKind, TurnEvents};

/// Where the end of a turn is put while a person is waited for; whoever asks ends the wait long before.
const FAR_AWAY: Duration = Duration::from_hours(24);

/// A turn between its first and its last write.
pub(super) struct Turn<'a> {
    pub world: &'a TurnWorld,
    pub events: &'a TurnEvents,
    pub stop: Stop<'a>,
    /// Tells running tools to stop.
    pub tool_stop: CancellationToken,
    pub row: InboxRow,
    pub also: Vec<InboxId>,
    /// Rows that came with the job, until it is known which of them the turn answers.
    pub collected: Vec<InboxRow>,
    pub steer: SteerQueue,
    pub deliver: Option<DeliveryRoute>,
    pub shows: Shows,
    pub session: Session,
    pub chain: Vec<ModelRef>,
    /// The first of the chain: its window and senses shape the context.
    pub model: ModelInfo,
    pub thinking: Thinking,
    pub max_output_tokens: Option<u32>,
    pub temperature: Option<f32>,
    /// Names of the tools that the client runs itself.
    pub client_tools: Vec<String>,
    pub prefix: Prefix,
    pub room: Room,
    /// The model's view of the session as far back as it may matter, this turn's items included.
    pub history: Tail,
    /// Where this turn's items begin.
    pub first_seq: i64,
    /// How many items this turn has written.
    pub own: usize,
    pub calls: u32,
    pub usage: Usage,
    /// Input of the last call, as the vendor counted it.
    pub context_tokens: u64,
    /// The last words of the model in this turn.
    pub said: String,
    pub repeats: Repeats,
    pub trust: TurnTrust,
    /// How often the room was halved because a model found the context too long after all.
    pub shrunk: u32,
    pub overflow: Overflow,
    /// Files of shortened results that were seen to.
    pub kept: HashSet<String>,
}

/// The trust of a running turn. Calls that run side by side look at it and add to it.
#[derive(Clone)]
pub(super) struct TurnTrust {
    trust: Arc<Mutex<Trust>>,
    /// The id of the marks around untrusted text of this turn.
    pub mark: Arc<str>,
}

impl TurnTrust {
    pub(super) fn new(trust: Trust) -> Self {
        Self { trust: Arc::new(Mutex::new(trust)), mark: mark_id().into() }
    }

    pub(super) fn now(&self) -> Trust {
        self.lock().clone()
    }

    pub(super) fn take_in(&self, body: &ItemBody) {
        self.lock().take_in(body);
    }

    pub(super) fn taint(&self, provenance: Provenance) {
        self.lock().taint(provenance);
    }

    fn lock(&self) -> MutexGuard<'_, Trust> {
        self.trust.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What ends a turn early: somebody's abort, or its wall time.
#[derive(Clone)]
pub(super) struct Stop<'a> {
    cancel: &'a TurnCancel,
    /// Moves on by the time in which a person is waited for.
    deadline: Arc<watch::Sender<Instant>>,
}

impl<'a> Stop<'a> {
    pub(super) fn new(cancel: &'a TurnCancel, timeout: Duration) -> Self {
        Self { cancel, deadline: Arc::new(watch::Sender::new(Instant::now() + timeout)) }
    }

    /// Waits for the end. Polled first in every `select!`, so that an abort that came before is never overlooked.
    pub(super) async fn wait(&self) -> AbortReason {
        tokio::select! {
            biased;
            reason = self.cancel.aborted() => reason,
            () = self.late() => AbortReason::Timeout,
        }
    }

    /// Waits for what a person decides; the turn's wall time stands still meanwhile. An abort still ends it. One wait at a time:
    /// two at once would count the same time twice.
    pub(super) async fn with_clock_stopped<T>(&self, waiting: impl Future<Output = T>) -> Result<T, AbortReason> {
        let (began, deadline) = (Instant::now(), *self.deadline.borrow());
        self.deadline.send_replace(began + FAR_AWAY);
        let ended = tokio::select! {
            biased;
            reason = self.cancel.aborted() => Err(reason),
            ended = waiting => Ok(ended),
        };
        self.deadline.send_replace(deadline + began.elapsed());
        ended
    }

    async fn late(&self) {
        let mut deadline = self.deadline.subscribe();
        loop {
            let at = *deadline.borrow_and_update();
            tokio::select! {
                () = tokio::time::sleep_until(at) => return,
                // The sender lives in `self`, so this only says that the time has changed.
                _ = deadline.changed() => {}
            }
        }
    }

    /// Whether it is over already.
    pub(super) fn now(&self) -> Option<AbortReason> {
        self.cancel.reason().or_else(|| (Instant::now() >= *self.deadline.borrow()).then_some(AbortReason::Timeout))
    }
}

impl Turn<'_> {
    pub(super) async fn emit(&self, kind: TurnEventKind) {
        self.events.send(&self.row.session, &self.row.run, kind).await;
    }

    /// Writes items to the transcript. When it returns they are durable.
    pub(super) async fn journal(&mut self, bodies: Vec<ItemBody>) -> Result<(), StoreError> {
        if bodies.is_empty() {
            return Ok(());
        }
        let now_ms = self.world.clock.now_ms();
        let new = self.new_items(bodies, now_ms);
        let seqs = self.world.store.append(&self.session.id, new.clone()).await?;
        for (item, seq) in new.into_iter().zip(seqs) {
            self.emit(TurnEventKind::Item { id: item.id.clone(), seq }).await;
            self.history.items.push(Item {
                id: item.id,
                session_id: self.session.id.clone(),
                seq,
                run: item.run,
                kind: item.kind,
                tokens: item.tokens,
                body: item.body.to_string(),
                created_at_ms: item.created_at_ms,
            });
        }
        Ok(())
    }

    /// Gives bodies the next ids of this turn.
    pub(super) fn new_items(&mut self, bodies: Vec<ItemBody>, now_ms: i64) -> Vec<chela_store::NewItem> {
        let first = self.own;
        self.own += bodies.len();
        let numbered = bodies.into_iter().zip(first..);
        numbered
            .map(|(body, number)| {
                body.into_item(item_id(&self.session, self.row.id, number), Some(&self.row.run), now_ms)
            })
            .collect()
    }

    pub(super) fn status(&self) -> SessionStatus {
        SessionStatus {
            model: self.model.reference.to_string(),
            input_tokens: self.session.input_tokens + self.usage.input,
            output_tokens: self.session.output_tokens + self.usage.output,
            cache_read_tokens: self.session.cache_read_tokens + self.usage.cache_read,
            context_window: self.model.context_window,
            context_tokens: self.context_tokens,
            items: self.history.items.last().map_or(0, |item| item.seq.unsigned_abs()),
            started_at_ms: self.session.started_at_ms,
            now_ms: self.world.clock.now_ms(),
            version: self.world.version.to_string(),
        }
    }
}
