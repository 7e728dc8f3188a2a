//! Sessions at work: one writer task per session key with a bounded mailbox, and the idle ones put away.
//!
//! ```text
//! intake ──reserve──▶ mailbox ──▶ worker ──slot──▶ run_turn ──events──▶ observer ──▶ clients
//!                                    ▲                                     │
//!                          runs (who is queued, running, watched) ◀────────┘
//! ```
//!
//! The mailbox carries only rows that are durable already. Never touches a transcript: that is the agent crate's.

mod expiry;
mod failed;
mod lanes;
mod messages;
mod observer;
mod places;
mod queue;
mod recovery;
mod row;
mod rules;
mod runs;
mod worker;
mod worlds;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chela_agent::{AbortReason, TurnEvent};
use chela_protocol::methods::chat::QueueMode;
use chela_protocol::methods::system::LaneTotals;
use chela_protocol::{RunId, SessionKey};
use chela_store::InboxRow;
use serde_json::Value;
use tokio::sync::{mpsc, watch};

pub(crate) use expiry::begin_anew_if_expired;
pub(crate) use failed::turn_away;
pub(crate) use messages::{messages_of, spoken};
pub(crate) use observer::{announce, announce_text, session_changed};
pub(crate) use queue::route_of;
pub(crate) use row::{RowContext, is_group, next_model, row_of, session_entry, thinking_default, thinking_word};
pub(crate) use rules::{Showing, defaults_of};
pub(crate) use runs::{Outcome, Phase, RunSummary};
pub(crate) use worlds::{AgentBook, UnknownAgent};

use crate::app::Gateway;
use crate::config::{DropPolicy, QueueConfig};
use crate::pressure::Scarce;
use runs::Runs;

/// Longest time between a row's commit and its place in the queue; a store that takes longer is in trouble.
const HAND_OVER: Duration = Duration::from_secs(1);

/// Messages that may wait in a session's mailbox, and as many again that its task has taken out behind a running turn. A person
/// never gets there; a program that does is told to come back.
const MAILBOX: usize = 256;

/// Pause before the messages of a session whose task panicked are taken up: what kills each task must not take a whole core.
const AFTER_DEATH: Duration = Duration::from_secs(5);

/// Longest that turns get to put themselves down once they are asked to, or half of the time for stopping where that is less. In the
/// rest they may still end by themselves.
const PUT_DOWN: Duration = Duration::from_secs(3);

/// The running sessions. The gateway builds it empty; it starts tasks on first use.
#[derive(Default)]
pub(crate) struct Sessions {
    mailboxes: Mutex<Mailboxes>,
    runs: Runs,
    places: places::Places,
    lanes: lanes::Lanes,
    /// Sessions that are being summarised because somebody asked for it.
    compacting: Mutex<BTreeSet<SessionKey>>,
    agents: worlds::AgentCache,
}

#[derive(Default)]
struct Mailboxes {
    by_session: BTreeMap<SessionKey, mpsc::Sender<Box<Mail>>>,
    closed: bool,
}

/// A durable row on its way to its session's task.
#[derive(Debug, Clone)]
pub(crate) struct Mail {
    pub row: InboxRow,
    pub mode: QueueMode,
}

/// The right to summarise a session, given to one at a time.
pub(crate) struct CompactionClaim<'a> {
    sessions: &'a Sessions,
    session: SessionKey,
}

impl Drop for CompactionClaim<'_> {
    fn drop(&mut self) {
        self.sessions.compacting().remove(&self.session);
    }
}

/// Why a session takes no message now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the gateway is stopping; send the message again when it is back")]
    Stopping,
    #[error("too many messages wait already; send the message again later")]
    Busy,
    #[error(transparent)]
    Scarce(#[from] Scarce),
}

/// A place in a session's mailbox.
pub(crate) struct Place(mpsc::OwnedPermit<Box<Mail>>);

/// Which runs to stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AbortTarget {
    Run(RunId),
    /// The running turn of a session and everything that waits behind it.
    Session(SessionKey),
}

impl Sessions {
    /// Takes up what a crash or restart cut short. Called once, when the gateway is ready.
    pub(crate) async fn resume(&self, gateway: &Arc<Gateway>) {
        recovery::resume(gateway).await;
    }

    /// Feeds open rows that no task has: those of a turn whose end could not be written. Rows of the last moments may be on their way.
    pub(crate) async fn take_up_forgotten(&self, gateway: &Arc<Gateway>) {
        recovery::take_up_forgotten(gateway, None).await;
    }

    /// Puts away what the task of a session left behind when it died, and takes its messages up again.
    async fn bury(&self, gateway: &Arc<Gateway>, session: &SessionKey) {
        {
            let mut mailboxes = self.mailboxes();
            // A message may have started another task meanwhile: without its mailbox a third one would run beside it.
            if mailboxes.by_session.get(session).is_some_and(mpsc::Sender::is_closed) {
                mailboxes.by_session.remove(session);
            }
        }
        self.runs.forget_session(session);
        tokio::time::sleep(AFTER_DEATH).await;
        recovery::take_up_forgotten(gateway, Some(session)).await;
    }

    /// Stops intake, and lets running turns finish or checkpoint within `grace`. Queued messages stay durable and open.
    pub(crate) async fn drain(&self, grace: Duration) {
        // Dropping the senders lets idle workers end; busy ones end after their turn.
        let mailboxes = {
            let mut mailboxes = self.mailboxes();
            mailboxes.closed = true;
            std::mem::take(&mut mailboxes.by_session)
        };
        drop(mailboxes);
        let deadline = tokio::time::Instant::now() + grace;
        let by_themselves = self.runs.all_idle();
        if tokio::time::timeout(grace.saturating_sub(PUT_DOWN.min(grace / 2)), by_themselves).await.is_ok() {
            return;
        }
        self.runs.abort_running(AbortReason::Shutdown);
        if tokio::time::timeout_at(deadline, self.runs.all_idle()).await.is_err() {
            tracing::warn!("turns still run at the end of the time for stopping; they resume at the next start");
        }
    }

    /// A place in the session's mailbox, starting its task if there is none.
    pub(crate) fn reserve(&self, gateway: &Arc<Gateway>, session: &SessionKey) -> Result<Place, Refused> {
        let mut mailboxes = self.mailboxes();
        if mailboxes.closed || gateway.shutdown.is_cancelled() {
            return Err(Refused::Stopping);
        }
        if self.runs.is_full() {
            return Err(Refused::Busy);
        }
        let mailbox = mailboxes.by_session.entry(session.clone()).or_insert_with(|| worker::start(gateway, session));
        match mailbox.clone().try_reserve_owned() {
            Ok(permit) => Ok(Place(permit)),
            Err(mpsc::error::TrySendError::Full(_)) => Err(Refused::Busy),
            // Its task died: the next message gets a new one.
            Err(mpsc::error::TrySendError::Closed(_)) => {
                mailboxes.by_session.remove(session);
                Err(Refused::Busy)
            }
        }
    }

    /// Whether the newest message of a conversation finds no room: only where it is wanted turned away.
    pub(crate) fn is_full(&self, session: &SessionKey, queue: &QueueConfig) -> bool {
        let waiting = || self.runs.active(session).iter().filter(|run| run.phase == Phase::Queued).count();
        queue.drop == DropPolicy::New && waiting() >= queue.cap()
    }

    /// Hands a durable row to its session's task, and lets `watcher` see the run from its beginning.
    pub(crate) fn deliver(&self, place: Place, mail: Mail, watcher: Option<mpsc::Sender<TurnEvent>>) {
        self.runs.register(&mail.row, watcher);
        // In a box, since a channel keeps room for many at once, and a session that only waits should cost little.
        place.0.send(Box::new(mail));
    }

    /// Stops runs. Queued ones are closed at once, running ones end soon and keep what they have. Returns those it hit.
    pub(crate) async fn abort(&self, gateway: &Arc<Gateway>, target: &AbortTarget) -> Vec<RunId> {
        let (running, queued) = self.runs.abort(target);
        let mut hit = running;
        for dropped in queued {
            worker::close_queued(gateway, &dropped).await;
            hit.push(dropped.row.run);
        }
        hit
    }

    /// Gives a run that waits the body that its sender edited; `false` when its turn has begun, or it is over.
    pub(crate) fn edit(&self, run: &RunId, body: &Value) -> bool {
        self.runs.edit(run, body)
    }

    /// Runs of a session that are not over, oldest first.
    pub(crate) fn active(&self, session: &SessionKey) -> Vec<RunSummary> {
        self.runs.active(session)
    }

    /// Waits until the task that committed an open row has handed it over, so that whoever sends the message again finds its run.
    /// It takes moments, unless the run ended just now: hence the limit.
    /// Returns whether it stands in the table now.
    pub(crate) async fn until_handed_over(&self, run: &RunId) -> bool {
        tokio::time::timeout(HAND_OVER, self.runs.until_registered(run)).await.is_ok()
    }

    /// The right to summarise a session now; `None` while somebody has it.
    pub(crate) fn claim_compaction(&self, session: &SessionKey) -> Option<CompactionClaim<'_>> {
        let is_free = self.compacting().insert(session.clone());
        is_free.then(|| CompactionClaim { sessions: self, session: session.clone() })
    }

    /// Ends with the run; `None` when no such run is going on.
    pub(crate) fn outcome(&self, run: &RunId) -> Option<watch::Receiver<Option<Arc<Outcome>>>> {
        self.runs.outcome(run)
    }

    /// How many sessions have work, and how many turns run and wait.
    pub(crate) fn totals(&self) -> LaneTotals {
        self.runs.totals()
    }

    /// Whether no turn runs or waits.
    pub(crate) fn is_idle(&self) -> bool {
        self.runs.is_empty()
    }

    /// The agents as configured now.
    pub(crate) fn agents(&self, gateway: &Gateway) -> Arc<AgentBook> {
        self.agents.current(gateway)
    }

    /// Whether the gateway stops.
    fn is_closed(&self) -> bool {
        self.mailboxes().closed
    }

    fn compacting(&self) -> MutexGuard<'_, BTreeSet<SessionKey>> {
        self.compacting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn mailboxes(&self) -> MutexGuard<'_, Mailboxes> {
        self.mailboxes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an idle session's mailbox away. `false` when a message is in it or on its way: then the task goes on.
    fn retire(&self, session: &SessionKey) -> bool {
        let mut mailboxes = self.mailboxes();
        let Some(mailbox) = mailboxes.by_session.get(session) else { return true };
        let untouched = mailbox.capacity() == mailbox.max_capacity();
        if untouched {
            mailboxes.by_session.remove(session);
        }
        untouched
    }
}
