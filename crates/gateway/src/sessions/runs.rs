//! Every run that is not over: who waits, who runs, who watches.
//!
//! One lock, held for moments and never over an await. A run leaves the table when its end is durable.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chela_agent::{AbortReason, TurnCancel, TurnEnd, TurnEvent};
use chela_protocol::methods::system::LaneTotals;
use chela_protocol::{AgentId, RunId, SessionKey};
use chela_store::{InboxId, InboxRow};
use serde_json::Value;
use tokio::sync::{Notify, mpsc, watch};

use super::AbortTarget;

/// Messages that may wait over all sessions: a thousand people who write at once, and some of them again.
const WAITING_MAX: usize = 2_048;
/// Bytes of all of them together. Words are small: this is for files that come with messages, on a machine with 256 MB.
const WAITING_BYTES_MAX: usize = 32 * 1024 * 1024;

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Queued,
    Running,
}

/// One run as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RunSummary {
    pub run: RunId,
    pub phase: Phase,
    pub started_at_ms: Option<i64>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outcome {
    pub end: TurnEnd,
    /// Provider and model that answered last.
    pub model: Option<(String, String)>,
    pub started_at_ms: i64,
    pub ended_at_ms: i64,
}

/// A row by its names, without its body: bodies may hold megabytes.
#[derive(Debug, Clone)]
pub(super) struct RowName {
    pub id: InboxId,
    pub run: RunId,
    pub session: SessionKey,
    pub agent: AgentId,
}

/// A queued run that was aborted: its row is still to be closed.
pub(super) struct Dropped {
    pub row: RowName,
    pub outcome: watch::Sender<Option<Arc<Outcome>>>,
}

#[derive(Default)]
pub(super) struct Runs {
    table: Mutex<BTreeMap<RunId, Entry>>,
    /// Told whenever a run stops running.
    quieter: Notify,
    /// Runs that are over and whose clients are being told so.
    telling: AtomicUsize,
    /// Told whenever a run is registered.
    registered: Notify,
}

/// As long as it lives, a run whose end is known does not count as idle: somebody still has to be told.
pub(super) struct Telling<'a>(&'a Runs);

impl Drop for Telling<'_> {
    fn drop(&mut self) {
        self.0.telling.fetch_sub(1, Ordering::AcqRel);
        self.0.quieter.notify_waiters();
    }
}

struct Entry {
    row: RowName,
    phase: Phase,
    cancel: TurnCancel,
    started_at_ms: Option<i64>,
    /// What its message holds in memory while it waits, about.
    bytes: usize,
    /// What its sender made of the message while it waited.
    edited: Option<Value>,
    outcome: watch::Sender<Option<Arc<Outcome>>>,
    watchers: Vec<mpsc::Sender<TurnEvent>>,
}

impl RowName {
    pub(super) fn of(row: &InboxRow) -> Self {
        let InboxRow { id, run, session, agent, .. } = row;
        Self { id: *id, run: run.clone(), session: session.clone(), agent: agent.clone() }
    }
}

impl Runs {
    pub(super) fn register(&self, row: &InboxRow, watcher: Option<mpsc::Sender<TurnEvent>>) {
        let entry = Entry {
            row: RowName::of(row),
            phase: Phase::Queued,
            cancel: TurnCancel::new(),
            started_at_ms: None,
            bytes: weight_of(&row.body),
            edited: None,
            outcome: watch::Sender::new(None),
            watchers: watcher.into_iter().collect(),
        };
        self.table().insert(row.run.clone(), entry);
        self.registered.notify_waiters();
    }

    /// Whether as much waits, over all sessions, as may.
    pub(super) fn is_full(&self) -> bool {
        let table = self.table();
        let waiting = table.values().filter(|entry| entry.phase == Phase::Queued);
        let (count, bytes) = waiting.fold((0, 0), |(count, bytes), entry| (count + 1, bytes + entry.bytes));
        count >= WAITING_MAX || bytes >= WAITING_BYTES_MAX
    }

    /// Waits until a run stands in the table.
    pub(super) async fn until_registered(&self, run: &RunId) {
        loop {
            let registered = self.registered.notified();
            tokio::pin!(registered);
            registered.as_mut().enable();
            if self.table().contains_key(run) {
                return;
            }
            registered.await;
        }
    }

    /// How to stop a run that waits or runs; `None` when it was aborted in the queue.
    pub(super) fn cancel_of(&self, run: &RunId) -> Option<TurnCancel> {
        self.table().get(run).map(|entry| entry.cancel.clone())
    }

    /// From now on the run belongs to its turn, with the newest body of its message. `false` when it was aborted in the queue.
    pub(super) fn begin(&self, row: &mut InboxRow, now_ms: i64) -> bool {
        self.table().get_mut(&row.run).is_some_and(|entry| {
            entry.phase = Phase::Running;
            entry.started_at_ms.get_or_insert(now_ms);
            if let Some(body) = entry.edited.take() {
                row.body = body;
            }
            true
        })
    }

    /// Replaces what a run that waits is about.
    pub(super) fn edit(&self, run: &RunId, body: &Value) -> bool {
        self.table().get_mut(run).filter(|entry| entry.phase == Phase::Queued).is_some_and(|entry| {
            entry.edited = Some(body.clone());
            true
        })
    }

    /// Shows an event to the run's own watchers. One that is full or gone is dropped.
    pub(super) fn show(&self, event: &TurnEvent) {
        if let Some(entry) = self.table().get_mut(&event.run) {
            entry.watchers.retain(|watcher| watcher.try_send(event.clone()).is_ok());
        }
    }

    /// Takes a run out and tells everybody who waits for it.
    pub(super) fn finish(&self, run: &RunId, outcome: &Arc<Outcome>) {
        let entry = self.table().remove(run);
        if let Some(entry) = entry {
            entry.outcome.send_replace(Some(outcome.clone()));
        }
        self.quieter.notify_waiters();
    }

    /// Takes a run out without an end: it goes on after the next start.
    pub(super) fn forget(&self, run: &RunId) {
        self.table().remove(run);
        self.quieter.notify_waiters();
    }

    /// Takes every run of a session out, as [`Runs::forget`] does.
    pub(super) fn forget_session(&self, session: &SessionKey) {
        self.table().retain(|_, entry| entry.row.session != *session);
        self.quieter.notify_waiters();
    }

    pub(super) fn contains(&self, run: &RunId) -> bool {
        self.table().contains_key(run)
    }

    /// Stops the target's running turns and takes its queued ones out of the table.
    pub(super) fn abort(&self, target: &AbortTarget) -> (Vec<RunId>, Vec<Dropped>) {
        let mut table = self.table();
        let mut hit: Vec<(InboxId, RunId)> = table
            .values()
            .filter(|entry| match target {
                AbortTarget::Run(run) => entry.row.run == *run,
                AbortTarget::Session(session) => entry.row.session == *session,
            })
            .map(|entry| (entry.row.id, entry.row.run.clone()))
            .collect();
        hit.sort_unstable();
        let (mut running, mut queued) = (Vec::new(), Vec::new());
        for (_, run) in hit {
            match table.get(&run).map(|entry| entry.phase) {
                Some(Phase::Running) => {
                    table[&run].cancel.abort(AbortReason::User);
                    running.push(run);
                }
                Some(Phase::Queued) => {
                    let Some(entry) = table.remove(&run) else { continue };
                    entry.cancel.abort(AbortReason::User);
                    queued.push(Dropped { row: entry.row, outcome: entry.outcome });
                }
                None => {}
            }
        }
        (running, queued)
    }

    pub(super) fn abort_running(&self, reason: AbortReason) {
        self.table()
            .values()
            .filter(|entry| entry.phase == Phase::Running)
            .for_each(|entry| entry.cancel.abort(reason));
    }

    /// Marks that clients are about to be told of an end. Taken before the run is finished.
    pub(super) fn telling(&self) -> Telling<'_> {
        self.telling.fetch_add(1, Ordering::AcqRel);
        Telling(self)
    }

    /// Waits until no turn runs and every end was told.
    pub(super) async fn all_idle(&self) {
        loop {
            let quieter = self.quieter.notified();
            tokio::pin!(quieter);
            quieter.as_mut().enable();
            let runs = self.table().values().any(|entry| entry.phase != Phase::Queued);
            if !runs && self.telling.load(Ordering::Acquire) == 0 {
                return;
            }
            quieter.await;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.table().is_empty()
    }

    pub(super) fn active(&self, session: &SessionKey) -> Vec<RunSummary> {
        let table = self.table();
        let mut entries: Vec<&Entry> = table.values().filter(|entry| entry.row.session == *session).collect();
        entries.sort_unstable_by_key(|entry| entry.row.id);
        let summary = |entry: &Entry| RunSummary {
            run: entry.row.run.clone(),
            phase: entry.phase,
            started_at_ms: entry.started_at_ms,
        };
        entries.into_iter().map(summary).collect()
    }

    /// What runs and waits, over all sessions.
    pub(super) fn totals(&self) -> LaneTotals {
        let table = self.table();
        let mut by_session: BTreeMap<&SessionKey, (usize, usize)> = BTreeMap::new();
        for entry in table.values() {
            let (active, queued) = by_session.entry(&entry.row.session).or_default();
            match entry.phase {
                Phase::Running => *active += 1,
                Phase::Queued => *queued += 1,
            }
        }
        LaneTotals {
            lane_count: by_session.len(),
            active_count: by_session.values().map(|(active, _)| active).sum(),
            queued_count: by_session.values().map(|(_, queued)| queued).sum(),
            queued_lane_count: by_session.values().filter(|(_, queued)| *queued > 0).count(),
        }
    }

    pub(super) fn outcome(&self, run: &RunId) -> Option<watch::Receiver<Option<Arc<Outcome>>>> {
        self.table().get(run).map(|entry| entry.outcome.subscribe())
    }

    fn table(&self) -> MutexGuard<'_, BTreeMap<RunId, Entry>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bytes of a message that count: its text and the files in it.
fn weight_of(body: &Value) -> usize {
    let text_of = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map_or(0, str::len);
    let files = body.get("attachments").and_then(Value::as_array).into_iter().flatten();
    text_of(body, "text") + files.map(|file| text_of(file, "data")).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use chela_store::InboxState;
    use serde_json::json;

    use super::*;

    fn row(id: i64, body: Value) -> InboxRow {
        let agent = AgentId::new("main");
        InboxRow {
            id: InboxId(id),
            channel: "webchat".into(),
            account: "default".into(),
            platform_id: id.to_string(),
            session: SessionKey::main(&agent),
            agent,
            run: RunId::new(id.to_string()),
            body,
            state: InboxState::Queued,
            attempts: 0,
            received_at_ms: 0,
            closed_at_ms: None,
            result: None,
        }
    }

    #[test]
    fn what_waits_is_bounded_in_number() {
        let runs = Runs::default();
        for id in 0..2_048 {
            assert!(!runs.is_full());
            runs.register(&row(id, json!({ "text": "hi" })), None);
        }
        assert!(runs.is_full());
        assert!(runs.begin(&mut row(0, json!({})), 0), "what runs does not wait");
        assert!(!runs.is_full());
    }

    #[test]
    fn what_waits_is_bounded_in_bytes() {
        let runs = Runs::default();
        let file = "x".repeat(16 * 1024 * 1024);
        for id in 0..2 {
            assert!(!runs.is_full());
            runs.register(&row(id, json!({ "text": "see", "attachments": [{ "data": file.as_str() }] })), None);
        }
        assert!(runs.is_full());
        runs.forget(&RunId::new("0"));
        assert!(!runs.is_full());
    }
}
