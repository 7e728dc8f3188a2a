//! Gives what was heard to the inbox: in order within a chat, chats beside each other, again until it is taken.
//!
//! Lives in the worker's own task and is dropped with it. Never holds up the socket: messages that do not fit in a chat's queue are
//! fetched from Discord once the queue is empty. Commands, which nobody can fetch, pass them by.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;

use super::Shared;
use super::progress::{Progress, Ticket};
use super::work::{self, Event, Outcome, Work};

/// Events of one chat that wait in memory, commands apart.
const LANE_MAX: usize = 64;

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

#[derive(Default)]
struct Lane {
    queue: VecDeque<Event>,
    /// The first event that did not fit. Those after it are fetched with it, so that only its ticket is kept open.
    gap: Option<Ticket>,
}

/// What a future of `running` brings.
enum Finished {
    /// The work of a chat; the next may begin.
    Lane { chat: String, ticket: Ticket, outcome: Outcome },
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
        let Some(lane) = self.lanes.get_mut(&chat) else {
            self.lanes.insert(chat.clone(), Lane::default());
            self.start(chat, event);
            return;
        };
        let fits_lane = lane.gap.is_none() && lane.queue.len() < LANE_MAX;
        if self.waiting < WAITING_MAX && (fits_lane || event.work.is_told_once()) {
            lane.queue.push_back(event);
            self.waiting += 1;
        } else if lane.gap.is_some() {
            self.progress.done(event.ticket);
        } else {
            lane.gap = Some(event.ticket);
        }
    }

    fn finish(&mut self, finished: Finished) {
        match finished {
            Finished::Deferred(event) => self.line_up(event),
            Finished::Aside | Finished::Lane { outcome: Outcome::Stopping, .. } => {}
            Finished::Lane { chat, ticket, outcome: Outcome::Done } => {
                self.progress.done(ticket);
                self.go_on(chat);
            }
        }
    }

    /// Begins the next work of a chat, or fetches what did not fit, or forgets the chat.
    fn go_on(&mut self, chat: String) {
        let Some(lane) = self.lanes.get_mut(&chat) else { return };
        if let Some(event) = lane.queue.pop_front() {
            self.waiting -= 1;
            self.start(chat, event);
            return;
        }
        let Some(ticket) = lane.gap.take() else {
            self.lanes.remove(&chat);
            return;
        };
        // Nothing seen yet means that no message was among the events.
        let after = self.progress.last_seen(&chat).unwrap_or_else(|| "0".to_owned());
        self.start(chat.clone(), Event { ticket, work: Work::CatchUp { chat, after } });
    }

    fn start(&mut self, chat: String, event: Event) {
        let (shared, progress) = (Arc::clone(&self.shared), Arc::clone(&self.progress));
        self.running.push(Box::pin(async move {
            let outcome = work::run(&shared, &progress, event.work).await;
            Finished::Lane { chat, ticket: event.ticket, outcome }
        }));
    }
}
