//! Gives what was heard to the inbox: in order within a chat, chats beside each other, again until it is taken.
//!
//! Lives in the worker's own task and is dropped with it. Never holds up the socket: messages that do not fit in a chat's queue are
//! fetched from Discord once the queue is empty. Commands, which nobody can fetch, pass them by.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;

use super::bot::Shared;
use super::progress::{Progress, Ticket};
use super::work::{self, Event, Outcome, Pause, Work};
use crate::context::{BackOff, Patience};

/// Events of one chat that wait in memory, commands apart.
const LANE_MAX: usize = 64;

/// Longest pause that a chat makes because Discord asks for it: a new try costs less than a chat that is not heard.
const REST_MAX: Duration = Duration::from_mins(5);

/// Events of all chats that wait in memory.
const WAITING_MAX: usize = 1000;

/// See the module.
pub(super) struct Intake {
    shared: Arc<Shared>,
    progress: Arc<Progress>,
    /// Chats with a work under way; it is in `running`, the rest waits here.
    lanes: HashMap<String, Lane>,
    waiting: usize,
    running: FuturesUnordered<Pin<Box<dyn Future<Output = Finished> + Send>>>,
}

struct Lane {
    queue: VecDeque<Event>,
    /// A work of this chat is under way; while none is, nothing waits in the queue.
    is_busy: bool,
    gap: Option<Gap>,
    /// How long a gap waits while Discord is in trouble.
    back_off: BackOff,
}

/// Messages that did not fit, or that Discord does not give yet. Those after them are fetched with them, so that only the ticket of
/// the first is kept open, and none is given before: the last message seen never passes a gap.
struct Gap {
    ticket: Ticket,
    /// Where it begins; `None` for after the last message seen.
    after: Option<String>,
    /// Discord wants a pause before it is asked again.
    rests: bool,
}

/// What a future of `running` brings.
enum Finished {
    /// The work of a chat; the next may begin.
    Lane { chat: String, ticket: Ticket, outcome: Outcome },
    /// The pause before a gap is over.
    Rested { chat: String },
    /// Discord was told to wait for the answer of a command; now it goes to its chat.
    Deferred(Event),
    /// Something that belongs to no chat.
    Aside,
}

impl Intake {
    pub(super) fn new(shared: Arc<Shared>, progress: Arc<Progress>) -> Self {
        Self { shared, progress, lanes: HashMap::new(), waiting: 0, running: FuturesUnordered::new() }
    }

    pub(super) async fn run(mut self, mut events: mpsc::Receiver<Event>) -> Infallible {
        loop {
            tokio::select! {
                Some(finished) = self.running.next(), if !self.running.is_empty() => self.finish(finished),
                Some(event) = events.recv() => self.take(event),
                else => std::future::pending().await,
            }
        }
    }

    fn take(&mut self, event: Event) {
        let shared = Arc::clone(&self.shared);
        let Event { ticket, work } = event;
        match work {
            Work::Introduce => self.aside(async move { work::introduce(&shared).await }),
            Work::Completion(interaction) => self.aside(async move { work::complete(&shared, &interaction).await }),
            Work::Interaction(interaction) => self.running.push(Box::pin(async move {
                work::defer(&shared, &interaction).await;
                Finished::Deferred(Event { ticket, work: Work::Interaction(interaction) })
            })),
            work => self.line_up(Event { ticket, work }),
        }
    }

    fn aside(&mut self, work: impl Future<Output = ()> + Send + 'static) {
        self.running.push(Box::pin(async move {
            work.await;
            Finished::Aside
        }));
    }

    fn line_up(&mut self, event: Event) {
        let chat = event.work.chat().to_owned();
        let patience = self.shared.context.patience;
        let lane = self.lanes.entry(chat.clone()).or_insert_with(|| Lane::new(patience));
        let waits_for_gap = lane.gap.is_some() && event.work.is_fetched_again();
        if !lane.is_busy && !waits_for_gap {
            self.start(chat, event);
            return;
        }
        let fits_lane = !waits_for_gap && lane.queue.len() < LANE_MAX;
        if self.waiting < WAITING_MAX && (fits_lane || event.work.is_told_once()) {
            lane.queue.push_back(event);
            self.waiting += 1;
        } else if lane.gap.is_some() {
            self.progress.done(event.ticket);
        } else {
            lane.gap = Some(Gap { ticket: event.ticket, after: None, rests: false });
        }
    }

    fn finish(&mut self, finished: Finished) {
        match finished {
            Finished::Deferred(event) => self.line_up(event),
            Finished::Aside | Finished::Lane { outcome: Outcome::Stopping, .. } => {}
            Finished::Lane { chat, ticket, outcome } => {
                match outcome {
                    Outcome::Unfinished { after, pause } => self.leave_gap(&chat, ticket, after, pause),
                    Outcome::Done | Outcome::Stopping => self.progress.done(ticket),
                }
                self.go_on(chat);
            }
            Finished::Rested { chat } => {
                let Some(lane) = self.lanes.get_mut(&chat) else { return };
                if let Some(gap) = &mut lane.gap {
                    gap.rests = false;
                }
                if !lane.is_busy {
                    self.go_on(chat);
                }
            }
        }
    }

    /// The messages of a chat after this one are fetched later, with all that wait or come until then.
    fn leave_gap(&mut self, chat: &str, ticket: Ticket, after: String, pause: Pause) {
        let Some(lane) = self.lanes.get_mut(chat) else { return };
        let (fetched, kept): (VecDeque<_>, VecDeque<_>) =
            lane.queue.drain(..).partition(|event| event.work.is_fetched_again());
        lane.queue = kept;
        self.waiting -= fetched.len();
        let covered = fetched.into_iter().map(|event| event.ticket);
        covered.chain(lane.gap.take().map(|gap| gap.ticket)).for_each(|ticket| self.progress.done(ticket));
        let pause = match pause {
            Pause::None => None,
            Pause::Asked(asked) => Some(asked.min(REST_MAX)),
            Pause::Growing => Some(lane.back_off.next_pause()),
        };
        lane.gap = Some(Gap { ticket, after: Some(after), rests: pause.is_some() });
        if let Some(pause) = pause {
            let chat = chat.to_owned();
            self.running.push(Box::pin(async move {
                tokio::time::sleep(pause).await;
                Finished::Rested { chat }
            }));
        }
    }

    /// Begins the next work of a chat, or fetches what is missing, or forgets the chat.
    fn go_on(&mut self, chat: String) {
        let Some(lane) = self.lanes.get_mut(&chat) else { return };
        lane.is_busy = false;
        if let Some(event) = lane.queue.pop_front() {
            self.waiting -= 1;
            self.start(chat, event);
            return;
        }
        match lane.gap.take() {
            None => {
                self.lanes.remove(&chat);
            }
            Some(gap) if gap.rests => lane.gap = Some(gap),
            Some(Gap { ticket, after, .. }) => {
                // Nothing seen yet means that no message was among the events.
                let after = after.or_else(|| self.progress.last_seen(&chat)).unwrap_or_else(|| "0".to_owned());
                self.start(chat.clone(), Event { ticket, work: Work::CatchUp { chat, after } });
            }
        }
    }

    /// Begins a work of a chat that has a lane.
    fn start(&mut self, chat: String, event: Event) {
        if let Some(lane) = self.lanes.get_mut(&chat) {
            lane.is_busy = true;
        }
        let (shared, progress) = (Arc::clone(&self.shared), Arc::clone(&self.progress));
        self.running.push(Box::pin(async move {
            let outcome = work::run(&shared, &progress, event.work).await;
            Finished::Lane { chat, ticket: event.ticket, outcome }
        }));
    }
}

impl Lane {
    fn new(patience: Patience) -> Self {
        Self { queue: VecDeque::new(), is_busy: false, gap: None, back_off: BackOff::new(patience) }
    }
}
