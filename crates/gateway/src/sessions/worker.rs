//! The writer task of one session: takes durable rows in order and runs one turn at a time.
//!
//! A turn runs in a task of its own, so that one that panics dies alone. What the task holds in memory is never the only
//! copy: a row stays open in the store until its turn has ended.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use chela_agent::{
    AbortReason, EVENT_QUEUE, FailureKind, ItemBody, NoteBody, NoteKind, SteerQueue, TurnCancel, TurnEnd, TurnEvents,
    TurnJob, run_turn,
};
use chela_protocol::methods::chat::QueueMode;
use chela_protocol::{ItemId, SessionKey};
use chela_store::{InboxRow, InboxState, StoreError, TurnFinish};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::observer::{self, Observer};
use super::runs::{Dropped, Outcome, RowName};
use super::{MAILBOX, Mail};
use crate::app::Gateway;
use crate::rpc_error;

/// A session without work keeps its task this long: within a conversation the next message finds it warm.
const IDLE: Duration = Duration::from_mins(1);

/// How often this process tries a turn that panics or finds the store failing, before it gives the row up.
const TRIES: u32 = 3;

/// Waiting time before the second try; it doubles with each.
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// A row that was begun this often, over restarts, is what kills the process: it is failed instead of tried again.
const MAX_ATTEMPTS: u32 = 20;

/// Starts the task and returns its mailbox.
pub(super) fn start(gateway: &Arc<Gateway>, session: &SessionKey) -> mpsc::Sender<Box<Mail>> {
    let (sender, mailbox) = mpsc::channel(MAILBOX);
    let worker = Worker { gateway: gateway.clone(), session: session.clone(), mailbox, waiting: VecDeque::new() };
    gateway.tasks.spawn(worker.serve());
    sender
}

/// Closes the row of a run that was aborted before its turn began, and tells everybody.
pub(super) async fn close_queued(gateway: &Arc<Gateway>, dropped: &Dropped) {
    let now = gateway.now_ms();
    if let Err(error) = gateway.store.close_inbox(dropped.row.id, InboxState::Aborted, None, now).await {
        tracing::error!(%error, run = %dropped.row.run, "a queued message was aborted, but its row could not be closed");
    }
    let end = TurnEnd::Aborted { text: String::new(), reason: AbortReason::User };
    observer::announce_name(gateway, &dropped.row, &end);
    let outcome = Outcome { end, model: None, started_at_ms: now, ended_at_ms: now };
    dropped.outcome.send_replace(Some(Arc::new(outcome)));
}

struct Worker {
    gateway: Arc<Gateway>,
    session: SessionKey,
    mailbox: mpsc::Receiver<Box<Mail>>,
    /// Taken out of the mailbox while a turn ran, oldest first.
    waiting: VecDeque<Mail>,
}

/// What one try of a turn came to.
enum Tried {
    Ended(TurnEnd),
    /// Worth another try.
    Broke(String),
    /// The store is closed: the row resumes at the next start.
    Closed,
}

impl Worker {
    async fn serve(mut self) {
        while let Some(mail) = self.next().await {
            let also = self.collected(&mail);
            // In a box of its own, so that a session that waits holds no room for a turn.
            Box::pin(self.answer(mail, also)).await;
        }
        // The gateway stops: what waits stays durable and open.
        while let Some(mail) = self.waiting.pop_front().or_else(|| self.mailbox.try_recv().ok().map(|mail| *mail)) {
            self.gateway.sessions.runs.forget(&mail.row.run);
        }
    }

    /// The next row, or `None` when the task is to end.
    async fn next(&mut self) -> Option<Mail> {
        loop {
            if self.stopping() {
                return None;
            }
            if let Some(mail) = self.waiting.pop_front() {
                return Some(mail);
            }
            match tokio::time::timeout(IDLE, self.mailbox.recv()).await {
                Ok(mail) => return mail.filter(|_| !self.stopping()).map(|mail| *mail),
                Err(_) if self.gateway.sessions.retire(&self.session) => return None,
                Err(_) => {}
            }
        }
    }

    /// The rows that are answered together with this one.
    fn collected(&mut self, first: &Mail) -> Vec<InboxRow> {
        if first.mode != QueueMode::Collect {
            return Vec::new();
        }
        while let Ok(mail) = self.mailbox.try_recv() {
            self.waiting.push_back(*mail);
        }
        let together = self.waiting.iter().take_while(|mail| mail.mode == QueueMode::Collect).count();
        self.waiting.drain(..together).map(|mail| mail.row).collect()
    }

    /// Runs the turn of a row to its end, with as many tries as it may have.
    async fn answer(&mut self, mut mail: Mail, mut also: Vec<InboxRow>) {
        let name = RowName::of(&mail.row);
        let runs = &self.gateway.sessions.runs;
        let Some(cancel) = runs.cancel_of(&name.run) else {
            // Aborted in the queue. What was to be answered with it is answered by itself.
            return self.put_first(also);
        };
        let Some(_slot) = self.slot(&cancel).await else { return self.put_back(mail, also) };
        let gateway = self.gateway.clone();
        let runs = &gateway.sessions.runs;
        let now = gateway.now_ms();
        also.retain_mut(|row| runs.begin(row, now));
        if !runs.begin(&mut mail.row, now) {
            return self.put_first(also);
        }
        let live = gateway.delivery.live(&gateway, &mail.row).map(Arc::new);
        if let Some(live) = &live {
            also.iter().for_each(|row| live.also(row));
        }
        let mut observer = Observer::new(&gateway, &name, live.clone(), now);
        let mut together: Vec<RowName> = also.iter().map(RowName::of).collect();
        let steer = SteerQueue::default();
        let mut job = TurnJob { row: mail.row, also, steer: steer.clone() };
        let mut tries = 1;
        let end = loop {
            if job.row.attempts >= MAX_ATTEMPTS {
                break self.give_up(&name, "it was begun too often").await;
            }
            match self.try_turn(job, &steer, &cancel, &mut observer, &mut together).await {
                Tried::Ended(end) => break end,
                Tried::Closed => break TurnEnd::Aborted { text: String::new(), reason: AbortReason::Shutdown },
                Tried::Broke(why) if tries == TRIES => break self.give_up(&name, &why).await,
                Tried::Broke(why) => {
                    tracing::warn!(run = %name.run, session = %self.session, %why, "a turn broke; trying again");
                }
            }
            tokio::time::sleep(RETRY_AFTER * 2_u32.pow(tries - 1)).await;
            tries += 1;
            match self.reread(&name, &together).await {
                Ok((row, also)) => job = TurnJob { row, also, steer: steer.clone() },
                Err(error) => break left_open(error),
            }
        };
        self.take_back(&steer, &mut together);
        observer.conclude(&end, &together);
    }

    /// One try of a turn, in a task of its own; meanwhile the mailbox is read.
    async fn try_turn(
        &mut self,
        job: TurnJob,
        steer: &SteerQueue,
        cancel: &TurnCancel,
        observer: &mut Observer,
        together: &mut Vec<RowName>,
    ) -> Tried {
        let book = self.gateway.sessions.agents(&self.gateway);
        let world = book.world(&self.gateway, &job.row.agent).await;
        let (sender, events) = mpsc::channel(EVENT_QUEUE);
        let cancelling = cancel.clone();
        let turn = tokio::spawn(async move { run_turn(&world, job, TurnEvents::new(sender), &cancelling).await });
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
                    arrived(*mail, steer, cancel, &mut self.waiting, together);
                }
            }
        }
        match turn.await {
            Ok(Ok(end)) => Tried::Ended(end),
            Ok(Err(StoreError::Closed)) => Tried::Closed,
            Ok(Err(error)) => Tried::Broke(rpc_error::of_store(error).message),
            Err(error) if error.is_panic() => Tried::Broke("the turn panicked".to_owned()),
            Err(_) => Tried::Closed,
        }
    }

    /// A turn's place among those that may run at once; `None` when it was aborted or the gateway stops meanwhile.
    async fn slot(&self, cancel: &TurnCancel) -> Option<OwnedSemaphorePermit> {
        let slots = self.gateway.sessions.slots(&self.gateway);
        tokio::select! {
            biased;
            _ = cancel.aborted() => None,
            () = self.gateway.shutdown.cancelled() => None,
            permit = slots.acquire_owned() => permit.ok().filter(|_| !self.stopping()),
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

    /// Closes a row that can't be answered, with a note that says so.
    async fn give_up(&self, name: &RowName, why: &str) -> TurnEnd {
        let message = format!("This message could not be answered: {why}. Send it again to try once more.");
        tracing::error!(run = %name.run, session = %self.session, %why, "a message is given up");
        match self.close_failed(name, &message).await {
            Ok(()) => failed(message),
            Err(error) => left_open(error),
        }
    }

    async fn close_failed(&self, name: &RowName, message: &str) -> Result<(), StoreError> {
        let now_ms = self.gateway.now_ms();
        let store = &self.gateway.store;
        let Some(session) = store.session(&self.session).await? else {
            return store.close_inbox(name.id, InboxState::Failed, Some(message.to_owned()), now_ms).await;
        };
        let note = ItemBody::Note(NoteBody { text: message.to_owned(), kind: NoteKind::Failure });
        let item = note.into_item(ItemId::new(format!("{}:given-up", name.run)), Some(&name.run), now_ms);
        let finish = TurnFinish {
            inbox: name.id,
            also: Vec::new(),
            session_id: session.id,
            items: vec![item],
            usage: None,
            outbox: Vec::new(),
            state: InboxState::Failed,
            result: Some(message.to_owned()),
            now_ms,
        };
        store.finish_turn(finish).await
    }
}

/// A message came while a turn runs.
fn arrived(
    mail: Mail,
    steer: &SteerQueue,
    cancel: &TurnCancel,
    waiting: &mut VecDeque<Mail>,
    together: &mut Vec<RowName>,
) {
    match mail.mode {
        QueueMode::Followup | QueueMode::Collect => waiting.push_back(mail),
        QueueMode::Steer => {
            together.push(RowName::of(&mail.row));
            steer.push(mail.row);
        }
        QueueMode::Interrupt => {
            waiting.push_front(mail);
            cancel.abort(AbortReason::User);
        }
    }
}

/// The end of a turn whose row the store could not close: whoever waits is told, and the next start answers it.
fn left_open(error: StoreError) -> TurnEnd {
    let why = rpc_error::of_store(error).message;
    failed(format!(
        "This message could not be answered now: {why}. It is kept, and answered when the gateway starts again."
    ))
}

fn failed(message: String) -> TurnEnd {
    TurnEnd::Failed { message, kind: FailureKind::Unknown }
}
