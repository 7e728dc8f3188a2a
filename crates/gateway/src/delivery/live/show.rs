//! What is known of a running turn, as far as a chat may see it. One lock, held for moments.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chela_agent::{DeliveryRoute, TurnEnd, TurnEventKind};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::words;

/// Lines of a progress message: the newest stay.
const LINES_MAX: usize = 6;

/// Longest text that a preview is made of, in bytes: no message of any platform shows more. Behind it the preview stands still.
const TEXT_MAX_BYTES: usize = 32 * 1024;

/// Messages that one run marks as seen; a conversation that sends more at once has other cares.
const MARKED_MAX: usize = 64;

/// The shared state of one show.
pub(super) struct Show {
    state: Mutex<State>,
    changed: Notify,
    /// The run is over: nothing new may begin.
    pub over: CancellationToken,
    /// Nothing is under way any more that the answer must wait for.
    pub quiet: CancellationToken,
}

#[derive(Clone)]
pub(super) struct State {
    pub text: String,
    /// What was thought since the last tool call.
    pub thinking: String,
    /// What the model says next is another text.
    stale: bool,
    pub steps: VecDeque<String>,
    pub phase: Phase,
    /// Work is being done. A row that turns out to be answered already shows nothing.
    pub works: bool,
    pub end: Option<End>,
    pub last_event: Instant,
    /// Messages that this run answers.
    pub marked: Vec<String>,
    /// A message with words of the answer stands in the chat.
    pub preview_stands: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing came of the model yet.
    Waiting,
    Thinking,
    Speaking,
    Tool,
}

/// How the run ended, as far as it was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Answered,
    Stopped,
    Failed,
    /// Goes on after the next start.
    Suspended,
}

impl Show {
    pub(super) fn new(route: &DeliveryRoute) -> Self {
        let state = State {
            text: String::new(),
            thinking: String::new(),
            stale: false,
            steps: VecDeque::new(),
            phase: Phase::Waiting,
            works: false,
            end: None,
            last_event: Instant::now(),
            marked: route.reply_to.clone().into_iter().collect(),
            preview_stands: false,
        };
        Self {
            state: Mutex::new(state),
            changed: Notify::new(),
            over: CancellationToken::new(),
            quiet: CancellationToken::new(),
        }
    }

    pub(super) fn happened(&self, kind: &TurnEventKind) {
        {
            let mut state = self.lock();
            state.last_event = Instant::now();
            state.take(kind);
        }
        self.changed.notify_waiters();
    }

    pub(super) fn also(&self, message: String) {
        let mut state = self.lock();
        if state.marked.len() < MARKED_MAX && !state.marked.contains(&message) {
            state.marked.push(message);
        }
    }

    /// The run is over, whether its end was told or not.
    pub(super) fn close(&self) {
        self.over.cancel();
        self.changed.notify_waiters();
    }

    pub(super) fn works(&self) {
        self.lock().works = true;
        self.changed.notify_waiters();
    }

    pub(super) fn preview_stands(&self) {
        self.lock().preview_stands = true;
        self.changed.notify_waiters();
    }

    pub(super) fn read(&self) -> State {
        self.lock().clone()
    }

    /// Waits until `wanted` sees what it wants, and returns that; `None` when the run is over before.
    pub(super) async fn until<T>(&self, mut wanted: impl FnMut(&State) -> Option<T>) -> Option<T> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.over.is_cancelled() {
                return None;
            }
            if let Some(found) = wanted(&self.lock()) {
                return Some(found);
            }
            tokio::select! {
                biased;
                () = self.over.cancelled() => return None,
                () = changed => {}
            }
        }
    }

    /// Waits for a time or the end of the run; whether the run goes on.
    pub(super) async fn pause_until(&self, time: Instant) -> bool {
        tokio::select! {
            biased;
            () = self.over.cancelled() => false,
            () = tokio::time::sleep_until(time) => true,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self, kind: &TurnEventKind) {
        match kind {
            TurnEventKind::TextDelta { text, replace } => {
                if *replace || std::mem::take(&mut self.stale) {
                    self.text.clear();
                }
                if self.text.len() < TEXT_MAX_BYTES {
                    self.text.push_str(text);
                }
                self.phase = Phase::Speaking;
            }
            TurnEventKind::ThinkingDelta { text } => {
                if self.thinking.len() < TEXT_MAX_BYTES {
                    self.thinking.push_str(text);
                }
                self.phase = Phase::Thinking;
            }
            TurnEventKind::ToolStart { name, args, .. } => {
                self.stale = true;
                self.thinking.clear();
                self.phase = Phase::Tool;
                let step = words::step(name, args);
                if self.steps.back() != Some(&step) {
                    self.steps.push_back(step);
                }
                if self.steps.len() > LINES_MAX {
                    self.steps.pop_front();
                }
            }
            TurnEventKind::ToolEnd { .. } => self.phase = Phase::Waiting,
            TurnEventKind::Ended(end) => self.end = Some(End::of(end)),
            TurnEventKind::Started { .. } => {
                self.works = true;
                // A turn that was begun again says everything anew.
                self.stale = true;
            }
            TurnEventKind::Model { .. }
            | TurnEventKind::ToolUpdate { .. }
            | TurnEventKind::Item { .. }
            | TurnEventKind::Compaction(_)
            | TurnEventKind::Usage(_) => {}
        }
    }
}

impl End {
    fn of(end: &TurnEnd) -> Self {
        use chela_agent::AbortReason;
        match end {
            TurnEnd::Final { .. } => Self::Answered,
            TurnEnd::Aborted { reason: AbortReason::User, .. } => Self::Stopped,
            TurnEnd::Aborted { reason: AbortReason::Shutdown, .. } => Self::Suspended,
            TurnEnd::Aborted { reason: AbortReason::Timeout, .. } | TurnEnd::Failed { .. } => Self::Failed,
        }
    }
}
