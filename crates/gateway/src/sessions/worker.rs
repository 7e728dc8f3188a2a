//! The writer task of one session: takes durable rows in order and runs one turn at a time.
//!
//! A turn runs in a task of its own, so that one that panics dies alone. What the task holds in memory is never the only
//! copy: a row stays open in the store until its turn has ended.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use chela_agent::{
    AbortReason, DeliveryRoute, EVENT_QUEUE, SteerQueue, TurnCancel, TurnDefaults, TurnEnd, TurnEvents, TurnJob,
    TurnTools, run_turn,
};
use chela_protocol::methods::chat::QueueMode;
use chela_protocol::{AgentId, RunId, SessionKey};
use chela_store::{InboxRow, InboxState, SessionSettings, StoreError, fault};
use chela_tools::narrowed;
use futures_util::FutureExt as _;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::lanes::LanePlace;
use super::observer::{self, Observer};
use super::places::TurnPlace;
use super::queue::{album_of, has_files_to_fetch, is_clients_own, is_same_place, route_of, take_together, tools_of};
use super::rules::{Showing, chosen_for, defaults_of};
use super::runs::{Dropped, Outcome, RowName};
use super::{MAILBOX, Mail, failed};
use crate::app::Gateway;
use crate::delivery::Live;
use crate::hooks::lane_of;
use crate::{delivery, media, rpc_error};

/// A session without work keeps its task this long: within a conversation the next message finds it warm.
const IDLE: Duration = Duration::from_mins(1);

/// How often this process tries a turn that panics or finds the store failing, before it gives the row up.
const TRIES: u32 = 3;

/// Waiting time before the second try; it doubles with each.
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// Parts of one message come within this time of each other: platforms send them at once, one by one.
const ALBUM_QUIET: Duration = Duration::from_millis(700);

/// How many quiet times a conversation that never is quiet is waited for.
const DEBOUNCES_MAX: u32 = 5;

/// A row that was begun this often, over restarts, is what kills the process: it is failed instead of tried again.
const MAX_ATTEMPTS: u32 = 20;

/// Starts the task and returns its mailbox.
pub(super) fn start(gateway: &Arc<Gateway>, session: &SessionKey) -> mpsc::Sender<Box<Mail>> {
    let (sender, mailbox) = mpsc::channel(MAILBOX);
    let worker = Worker { gateway: gateway.clone(), session: session.clone(), mailbox, waiting: VecDeque::new() };
    let (gateway, session) = (gateway.clone(), session.clone());
    gateway.clone().tasks.spawn(async move {
        if AssertUnwindSafe(worker.serve()).catch_unwind().await.is_err() {
            tracing::error!(%session, "the task of a session panicked; its messages are taken up again");
            gateway.sessions.bury(&gateway, &session).await;
        }
    });
    sender
}

/// Closes the row of a run that was aborted before its turn began, and tells everybody.
pub(super) async fn close_queued(gateway: &Arc<Gateway>, dropped: &Dropped) {
    // Before the row is closed, and forgets what was said and where.
    mark_stopped(gateway, &dropped.row.run).await;
    let now = gateway.now_ms();
    if let Err(error) = gateway.store.close_inbox(dropped.row.id, InboxState::Aborted, None, now).await {
        tracing::error!(%error, run = %dropped.row.run, "a queued message was aborted, but its row could not be closed");
    }
    let end = TurnEnd::Aborted { text: String::new(), reason: AbortReason::User };
    observer::announce_name(gateway, &dropped.row, &end);
    let outcome = Outcome { end, model: None, started_at_ms: now, ended_at_ms: now };
    dropped.outcome.send_replace(Some(Arc::new(outcome)));
}

/// A run that went on before the last stop of the gateway may stand in its chat half said.
async fn mark_stopped(gateway: &Arc<Gateway>, run: &RunId) {
    match gateway.store.inbox_by_run(run).await {
        Ok(Some(row)) if row.attempts > 0 => Live::stopped(gateway, &row),
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, %run, "what stands in the chat of a stopped run is not looked after"),
    }
}

struct Worker {
    gateway: Arc<Gateway>,
    session: SessionKey,
    mailbox: mpsc::Receiver<Box<Mail>>,
    /// Taken out of the mailbox while a turn ran, oldest first.
    waiting: VecDeque<Mail>,
}

/// The turn that is going on.
struct RunningTurn {
    name: RowName,
    /// Where it answers besides the transcript.
    route: Option<DeliveryRoute>,
    /// What narrows its tools.
    tools: Vec<TurnTools>,
    /// Nothing else is answered by it.
    is_clients_own: bool,
    steer: SteerQueue,
    cancel: TurnCancel,
    live: Option<Arc<Live>>,
    defaults: TurnDefaults,
}

impl RunningTurn {
    /// Another row is answered by this turn.
    fn takes_in(&self, row: &InboxRow) {
        if let Some(live) = &self.live {
            live.also(row);
        }
    }
}

/// Whether a row waited behind another turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waited {
    No,
    Behind,
}

/// What one try of a turn came to.
enum Tried {
    Ended(TurnEnd),
    /// Worth another try.
    Broke(String),
    /// The store is closed: the row resumes at the next start.
    Closed,
    /// The disk is full: the turn goes on where it stands when there is room.
    NoRoom,
}

impl Worker {
    async fn serve(mut self) {
        while let Some((mail, waited)) = self.next().await {
            let chosen = chosen_for(&self.gateway, &self.session).await;
            let also = self.collected(&mail, waited, &chosen).await;
            // In a box of its own, so that a session that waits holds no room for a turn.
            Box::pin(self.answer(mail, also, &chosen)).await;
        }
        // The gateway stops: what waits stays durable and open.
        while let Some(mail) = self.waiting.pop_front().or_else(|| self.mailbox.try_recv().ok().map(|mail| *mail)) {
            self.gateway.sessions.runs.forget(&mail.row.run);
        }
    }

    /// The next row, or `None` when the task is to end.
    async fn next(&mut self) -> Option<(Mail, Waited)> {
        loop {
            if self.stopping() {
                return None;
            }
            if let Some(mail) = self.waiting.pop_front() {
                return Some((mail, Waited::Behind));
            }
            match tokio::time::timeout(IDLE, self.mailbox.recv()).await {
                Ok(mail) => return mail.filter(|_| !self.stopping()).map(|mail| (*mail, Waited::No)),
                Err(_) if self.gateway.sessions.retire(&self.session) => return None,
                Err(_) => {}
            }
        }
    }

    /// The rows that are answered together with this one. Where it waited to be collected, people may be writing on: then the
    /// conversation must be quiet first.
    async fn collected(&mut self, first: &Mail, waited: Waited, chosen: &SessionSettings) -> Vec<InboxRow> {
        let queue = self.gateway.config.load().messages.queue.clone().chosen(&chosen.queue);
        while let Ok(mail) = self.mailbox.try_recv() {
            self.waiting.push_back(*mail);
        }
        if waited == Waited::Behind && first.mode == QueueMode::Collect && route_of(&first.row).is_some() {
            self.until_quiet(queue.debounce()).await;
        } else if album_of(&first.row).is_some() {
            self.until_quiet(ALBUM_QUIET).await;
        }
        let also = take_together(first, &mut self.waiting, &queue);
        if also.is_empty() { also } else { self.still_open(first, also).await }
    }

    /// Leaves out what a turn that was taken up after a crash has answered meanwhile. A first row that was answered so has nothing
    /// to be answered with: the others keep their place in the queue.
    async fn still_open(&mut self, first: &Mail, also: Vec<InboxRow>) -> Vec<InboxRow> {
        match self.gateway.store.open_inbox_of(&self.session).await {
            Ok(open) => {
                let is_open = |row: &InboxRow| open.iter().any(|open| open.id == row.id);
                if is_open(&first.row) {
                    let (also, answered) = also.into_iter().partition(is_open);
                    self.put_first(answered);
                    return also;
                }
            }
            Err(error) => tracing::warn!(%error, session = %self.session, "what waits is answered one by one"),
        }
        self.put_first(also);
        Vec::new()
    }

    /// Takes in what comes until nothing came for so long, but not for ever.
    async fn until_quiet(&mut self, debounce: Duration) {
        let latest = Instant::now() + debounce * DEBOUNCES_MAX;
        while self.waiting.len() < MAILBOX {
            let quiet = (Instant::now() + debounce).min(latest);
            tokio::select! {
                biased;
                () = self.gateway.shutdown.cancelled() => return,
                mail = self.mailbox.recv() => match mail {
                    Some(mail) => self.waiting.push_back(*mail),
                    None => return,
                },
                () = tokio::time::sleep_until(quiet) => return,
            }
        }
    }

    /// Runs the turn of a row to its end, with as many tries as it may have.
    async fn answer(&mut self, mut mail: Mail, mut also: Vec<InboxRow>, chosen: &SessionSettings) {
        let name = RowName::of(&mail.row);
        let runs = &self.gateway.sessions.runs;
        let Some(cancel) = runs.cancel_of(&name.run) else {
            // Aborted in the queue. What was to be answered with it is answered by itself.
            return self.put_first(also);
        };
        let Some(_lane) = self.lane(&mail.row, &cancel).await else { return self.put_back(mail, also) };
        let Some(_place) = self.slot(&mail.row.agent, &cancel).await else { return self.put_back(mail, also) };
        let gateway = self.gateway.clone();
        let runs = &gateway.sessions.runs;
        let now = gateway.now_ms();
        also.retain_mut(|row| runs.begin(row, now));
        if !runs.begin(&mut mail.row, now) {
            return self.put_first(also);
        }
        let defaults = defaults_of(&gateway.config.load(), &self.session, &mail.row.channel);
        fault::point("session.before_turn");
        let turn = RunningTurn {
            route: route_of(&mail.row),
            tools: tools_of(&mail.row),
            is_clients_own: is_clients_own(&mail.row),
            steer: SteerQueue::default(),
            cancel,
            live: Live::begin(&gateway, &mail.row, Showing::of(&mail.row, chosen, defaults)).map(Arc::new),
            defaults,
            name,
        };
        for row in &also {
            turn.takes_in(row);
        }
        let mut observer = Observer::new(&gateway, &turn.name, turn.live.clone(), now);
        let mut together: Vec<RowName> = also.iter().map(RowName::of).collect();
        let job = TurnJob { row: mail.row, also, steer: turn.steer.clone() };
        let end = self.until_answered(job, &turn, &mut observer, &mut together).await;
        self.take_back(&turn.steer, &mut together);
        observer.conclude(&end, &together);
    }

    /// As many tries as a row may have.
    async fn until_answered(
        &mut self,
        mut job: TurnJob,
        turn: &RunningTurn,
        observer: &mut Observer,
        together: &mut Vec<RowName>,
    ) -> TurnEnd {
        let run = &turn.name.run;
        let mut tries = 1;
        loop {
            if job.row.attempts >= MAX_ATTEMPTS {
                return self.give_up(turn, together, "it was begun too often").await;
            }
            bring_files(&self.gateway, turn, &mut job).await;
            if turn.cancel.reason() == Some(AbortReason::Shutdown) {
                // A row whose files are still on the platform must not begin: its input would stand without them for ever.
                return stopped();
            }
            match self.try_turn(job, turn, observer, together).await {
                Tried::Ended(end) => return end,
                Tried::Closed => return stopped(),
                Tried::NoRoom => {
                    tracing::warn!(%run, session = %self.session, "the disk is full: a turn waits for room");
                    if !self.until_room().await {
                        return stopped();
                    }
                }
                Tried::Broke(why) if tries == TRIES => {
                    self.take_back(&turn.steer, together);
                    return self.give_up(turn, together, &why).await;
                }
                Tried::Broke(why) => {
                    tracing::warn!(%run, session = %self.session, %why, "a turn broke; trying again");
                    tokio::time::sleep(RETRY_AFTER * 2_u32.pow(tries - 1)).await;
                    tries += 1;
                }
            }
            match self.reread(&turn.name, together).await {
                Ok((row, also)) => job = TurnJob { row, also, steer: turn.steer.clone() },
                Err(error) => return failed::left_open(error),
            }
        }
    }

    /// One try of a turn, in a task of its own; meanwhile the mailbox is read.
    async fn try_turn(
        &mut self,
        job: TurnJob,
        turn: &RunningTurn,
        observer: &mut Observer,
        together: &mut Vec<RowName>,
    ) -> Tried {
        let book = self.gateway.sessions.agents(&self.gateway);
        let mut world = book.world(&self.gateway, &job.row.agent).await;
        world.defaults = turn.defaults;
        if !turn.tools.is_empty() {
            world.tools = narrowed(&world.tools, &turn.tools);
        }
        let (sender, events) = mpsc::channel(EVENT_QUEUE);
        let cancelling = turn.cancel.clone();
        let running = tokio::spawn(async move { run_turn(&world, job, TurnEvents::new(sender), &cancelling).await });
        // Should this task die, its turn must not go on beside the one that takes its row up again.
        let running = AbortOnDropHandle::new(running);
        let watched = observer.watch(events);
        tokio::pin!(watched);
        let mut over = false;
        // The turn's end closes the event queue, so the watch ends when everything is told.
        while !over {
            tokio::select! {
                biased;
                () = &mut watched => over = true,
                // What is taken out makes room for more, so taking stops where the mailbox itself would.
                Some(mail) = self.mailbox.recv(), if self.waiting.len() < MAILBOX => {
                    self.arrived(*mail, turn, together);
                }
            }
        }
        match running.await {
            Ok(Ok(end)) => Tried::Ended(end),
            Ok(Err(StoreError::Closed)) => Tried::Closed,
            Ok(Err(StoreError::DiskFull)) => Tried::NoRoom,
            Ok(Err(error)) => Tried::Broke(rpc_error::of_store(error).message),
            Err(error) if error.is_panic() => Tried::Broke("the turn panicked".to_owned()),
            Err(_) => Tried::Closed,
        }
    }

    /// A message came while a turn runs. Only one that wants its answer where the turn answers can go into it or take its place.
    fn arrived(&mut self, mail: Mail, turn: &RunningTurn, together: &mut Vec<RowName>) {
        let is_same = is_same_place(turn.route.as_ref(), route_of(&mail.row).as_ref());
        let is_shared = !turn.is_clients_own && !is_clients_own(&mail.row);
        let is_equal = is_shared && tools_of(&mail.row) == turn.tools;
        match mail.mode {
            // Files are fetched before a turn begins.
            QueueMode::Steer
                if is_same && is_equal && !has_files_to_fetch(&mail.row) && album_of(&mail.row).is_none() =>
            {
                turn.takes_in(&mail.row);
                together.push(RowName::of(&mail.row));
                turn.steer.push(mail.row);
            }
            QueueMode::Interrupt if is_same => {
                self.waiting.push_front(mail);
                turn.cancel.abort(AbortReason::User);
            }
            QueueMode::Followup | QueueMode::Collect | QueueMode::Steer | QueueMode::Interrupt => {
                delivery::queued(&self.gateway, &mail.row);
                self.waiting.push_back(mail);
            }
        }
    }

    /// A row's place in its lane, where it has one; `None` as for [`Worker::slot`].
    async fn lane(&self, row: &InboxRow, cancel: &TurnCancel) -> Option<Option<LanePlace>> {
        let Some(name) = lane_of(row) else { return Some(None) };
        tokio::select! {
            biased;
            _ = cancel.aborted() => None,
            () = self.gateway.shutdown.cancelled() => None,
            place = self.gateway.sessions.lanes.take(name) => Some(Some(place)),
        }
    }

    /// A turn's place among those that may run at once; `None` when it was aborted or the gateway stops meanwhile.
    async fn slot(&self, agent: &AgentId, cancel: &TurnCancel) -> Option<TurnPlace> {
        tokio::select! {
            biased;
            _ = cancel.aborted() => None,
            () = self.gateway.shutdown.cancelled() => None,
            place = self.gateway.sessions.places.take(&self.gateway, agent) => place.filter(|_| !self.stopping()),
        }
    }

    /// `false` when the gateway stops before there is room.
    async fn until_room(&self) -> bool {
        tokio::select! {
            biased;
            () = self.gateway.shutdown.cancelled() => false,
            () = self.gateway.pressure.until_room() => true,
        }
    }

    /// No slot was given: an aborted row is closed already, any other stays open for the next start.
    fn put_back(&mut self, mail: Mail, also: Vec<InboxRow>) {
        self.put_first(also);
        self.waiting.push_front(mail);
    }

    fn put_first(&mut self, rows: Vec<InboxRow>) {
        for row in rows.into_iter().rev() {
            self.waiting.push_front(Mail { row, mode: QueueMode::Collect });
        }
    }

    fn stopping(&self) -> bool {
        self.gateway.shutdown.is_cancelled() || self.gateway.sessions.is_closed()
    }

    /// The rows as they stand after a broken try.
    async fn reread(&self, name: &RowName, together: &[RowName]) -> Result<(InboxRow, Vec<InboxRow>), StoreError> {
        let open = self.gateway.store.open_inbox_of(&self.session).await?;
        let (mut first, mut also) = (None, Vec::new());
        for row in open {
            if row.id == name.id {
                first = Some(row);
            } else if together.iter().any(|other| other.id == row.id) {
                also.push(row);
            }
        }
        match first {
            Some(row) => Ok((row, also)),
            // Closed after all: the turn broke behind its last write.
            None => match self.gateway.store.inbox_by_run(&name.run).await? {
                Some(row) => Ok((row, also)),
                None => Err(StoreError::NotFound { thing: "message", id: name.run.to_string() }),
            },
        }
    }

    /// What was steered into the turn but not taken by it goes to the front of the queue.
    fn take_back(&mut self, steer: &SteerQueue, together: &mut Vec<RowName>) {
        for row in steer.take().into_iter().rev() {
            together.retain(|name| name.id != row.id);
            self.waiting.push_front(Mail { row, mode: QueueMode::Followup });
        }
    }

    /// Closes a row that can't be answered, and those that were to be answered with it, with a note that says so.
    async fn give_up(&self, turn: &RunningTurn, together: &[RowName], why: &str) -> TurnEnd {
        let RunningTurn { name, route, .. } = turn;
        let message = format!("This message could not be answered: {why}. Send it again to try once more.");
        tracing::error!(run = %name.run, session = %self.session, %why, "a message is given up");
        let also = together.iter().map(|name| name.id).collect();
        match failed::close(&self.gateway, name, also, route.as_ref(), &message).await {
            Ok(()) => failed::failed(message),
            Err(error) => failed::left_open(error),
        }
    }
}

/// The gateway stops: the row stays open and goes on at the next start.
fn stopped() -> TurnEnd {
    TurnEnd::Aborted { text: String::new(), reason: AbortReason::Shutdown }
}

/// Fetches what came with the rows, unless the turn was aborted meanwhile. What was begun before has its files in the transcript.
async fn bring_files(gateway: &Arc<Gateway>, turn: &RunningTurn, job: &mut TurnJob) {
    let rows = std::iter::once(&mut job.row).chain(&mut job.also);
    for row in rows.filter(|row| row.attempts == 0 && has_files_to_fetch(row)) {
        if let Some(live) = &turn.live {
            live.works();
        }
        tokio::select! {
            biased;
            _ = turn.cancel.aborted() => return,
            () = media::bring(gateway, row) => {}
        }
    }
}
