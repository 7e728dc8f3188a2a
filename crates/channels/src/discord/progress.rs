//! How far an account has read: the gateway's session, the events that are under way, the last message seen of each chat.
//!
//! What is on disk counts only what the inbox has taken: after a crash, a resumed session gives the rest again, and what no session
//! gives again is fetched from the last message seen. Being behind costs duplicates, which the inbox knows; being ahead would cost
//! messages.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use super::wire::order;
use crate::context::ChannelState;

/// Where the state keeps it.
const STATE_KEY: &str = "gateway";

/// Chats whose last message is kept: those with the newest ones.
const SEEN_MAX: usize = 300;

/// Written at most this often.
const SAVE_PAUSE: Duration = Duration::from_secs(2);

/// A worker ends within a second of its shutdown, with a write in it.
const WRITE_TIMEOUT: Duration = Duration::from_millis(500);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Progress {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    session: Option<SessionRef>,
    /// Counts the sessions, so that an event of a former one is not taken for one of this.
    generation: u64,
    received: u64,
    /// Events of this session that the inbox has not taken yet, and how many works each of them is.
    open: BTreeMap<u64, usize>,
    /// Works of former sessions. While there are any, a restart must not resume: it would not get them again.
    open_before: usize,
    seen: HashMap<String, Seen>,
}

/// A session that can be resumed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionRef {
    pub(super) id: String,
    pub(super) resume_url: String,
    /// The last event that needs not be given again.
    pub(super) sequence: u64,
}

/// The last message of a chat that the inbox has taken or passed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seen {
    pub(super) id: String,
    /// A direct chat: no server announces it again.
    pub(super) direct: bool,
}

/// One work that came of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket {
    generation: u64,
    sequence: u64,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Saved {
    session: Option<SessionRef>,
    seen: BTreeMap<String, Seen>,
}

impl Progress {
    /// Takes up what the state holds; what can't be read is as nothing.
    pub(super) async fn load(state: &dyn ChannelState) -> Self {
        let saved = match state.get(STATE_KEY).await {
            Ok(value) => value.and_then(|value| serde_json::from_value::<Saved>(value).ok()).unwrap_or_default(),
            Err(error) => {
                tracing::warn!(target: "discord", %error, "begins without its former session");
                Saved::default()
            }
        };
        let received = saved.session.as_ref().map_or(0, |session| session.sequence);
        let seen = saved.seen.into_iter().collect();
        let state = State { session: saved.session, received, seen, ..State::default() };
        Self { state: Mutex::new(state), changed: Notify::new() }
    }

    /// Writes what has changed, again and again.
    pub(super) async fn keep(&self, state: &dyn ChannelState) -> Infallible {
        loop {
            self.changed.notified().await;
            tokio::time::sleep(SAVE_PAUSE).await;
            self.save(state).await;
        }
    }

    /// Writes at once: for the last time, or because a session began. One that is on disk before its first event is taken can be
    /// resumed after any crash.
    pub(super) async fn write(&self, state: &dyn ChannelState) {
        if tokio::time::timeout(WRITE_TIMEOUT, self.save(state)).await.is_err() {
            tracing::warn!(target: "discord", "how far was read is not on disk: the store is too slow");
        }
    }

    /// The session to resume on a new connection of this process: works under way are still in its hands.
    pub(super) fn session(&self) -> Option<SessionRef> {
        let state = self.state();
        state.session.as_ref().map(|session| SessionRef { sequence: state.received, ..session.clone() })
    }

    pub(super) fn begin_session(&self, id: &str, resume_url: &str) {
        self.change(|state| {
            state.end_session();
            state.session = Some(SessionRef { id: id.to_owned(), resume_url: resume_url.to_owned(), sequence: 0 });
        });
    }

    pub(super) fn forget_session(&self) {
        self.change(State::end_session);
    }

    /// An event arrived that is done with its arrival.
    pub(super) fn received(&self, sequence: u64) {
        self.change(|state| state.received = state.received.max(sequence));
    }

    /// An event arrived that is one work, or one more.
    pub(super) fn begin(&self, sequence: u64) -> Ticket {
        let mut state = self.state();
        state.received = state.received.max(sequence);
        *state.open.entry(sequence).or_default() += 1;
        Ticket { generation: state.generation, sequence }
    }

    pub(super) fn done(&self, ticket: Ticket) {
        self.change(|state| {
            if ticket.generation != state.generation {
                state.open_before = state.open_before.saturating_sub(1);
            } else if let Some(works) = state.open.get_mut(&ticket.sequence) {
                *works -= 1;
                if *works == 0 {
                    state.open.remove(&ticket.sequence);
                }
            }
        });
    }

    /// The inbox is done with this message and all before it.
    pub(super) fn saw(&self, chat: &str, message: &str, direct: bool) {
        self.change(|state| state.saw(chat, message, direct));
    }

    /// Where reading a chat begins that nothing was read of yet.
    pub(super) fn starts_at(&self, chat: &str, message: &str) {
        if !self.state().seen.contains_key(chat) {
            self.saw(chat, message, false);
        }
    }

    pub(super) fn last_seen(&self, chat: &str) -> Option<String> {
        self.state().seen.get(chat).map(|seen| seen.id.clone())
    }

    /// Direct chats, the newest first.
    pub(super) fn direct_chats(&self) -> Vec<(String, String)> {
        let state = self.state();
        let direct = state.seen.iter().filter(|(_, seen)| seen.direct);
        let mut chats: Vec<_> = direct.map(|(chat, seen)| (chat.clone(), seen.id.clone())).collect();
        chats.sort_by_key(|(_, id)| std::cmp::Reverse(order(id)));
        chats
    }

    async fn save(&self, state: &dyn ChannelState) {
        let saved = self.state().saved();
        let value = serde_json::to_value(saved).expect("texts and numbers become JSON");
        if let Err(error) = state.put(STATE_KEY, value).await {
            tracing::warn!(target: "discord", %error, "how far was read is not on disk");
        }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn end_session(&mut self) {
        self.session = None;
        self.generation += 1;
        self.received = 0;
        self.open_before += self.open.values().sum::<usize>();
        self.open.clear();
    }

    fn saw(&mut self, chat: &str, message: &str, direct: bool) {
        if let Some(seen) = self.seen.get_mut(chat) {
            if order(message) > order(&seen.id) {
                message.clone_into(&mut seen.id);
            }
            return;
        }
        if self.seen.len() >= SEEN_MAX
            && let Some((oldest, seen)) = self.seen.iter().min_by_key(|(_, seen)| order(&seen.id))
        {
            if order(&seen.id) > order(message) {
                return;
            }
            let oldest = oldest.clone();
            self.seen.remove(&oldest);
        }
        self.seen.insert(chat.to_owned(), Seen { id: message.to_owned(), direct });
    }

    fn saved(&self) -> Saved {
        let taken = self.open.keys().next().map_or(self.received, |first| first.saturating_sub(1));
        let session = self.session.as_ref().filter(|_| self.open_before == 0);
        Saved {
            session: session.map(|session| SessionRef { sequence: taken, ..session.clone() }),
            seen: self.seen.clone().into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_events_that_were_taken_count_on_disk() {
        let progress = Progress::default();
        progress.begin_session("s", "ws://x");
        progress.received(1);
        let (second, third) = (progress.begin(2), progress.begin(3));
        progress.done(third);
        let saved = |progress: &Progress| progress.state().saved().session.map(|session| session.sequence);
        assert_eq!((saved(&progress), progress.session().map(|session| session.sequence)), (Some(1), Some(3)));
        progress.done(second);
        assert_eq!(saved(&progress), Some(3));
    }

    #[test]
    fn a_new_session_is_not_on_disk_before_the_works_of_the_former_are_done() {
        let progress = Progress::default();
        progress.begin_session("a", "ws://x");
        let old = progress.begin(7);
        progress.begin_session("b", "ws://x");
        let new = progress.begin(7);
        assert!(progress.state().saved().session.is_none());
        progress.done(old);
        let session = progress.state().saved().session.expect("a session");
        assert_eq!((session.id.as_str(), session.sequence), ("b", 6));
        progress.done(new);
        assert_eq!(progress.state().saved().session.expect("a session").sequence, 7);
    }

    #[test]
    fn chats_with_the_newest_messages_are_kept() {
        let progress = Progress::default();
        for chat in 0..=SEEN_MAX {
            progress.saw(&format!("c{chat}"), &(1000 + chat).to_string(), false);
        }
        assert_eq!(progress.state().seen.len(), SEEN_MAX);
        assert_eq!((progress.last_seen("c0"), progress.last_seen("c1")), (None, Some("1001".into())));
    }
}
