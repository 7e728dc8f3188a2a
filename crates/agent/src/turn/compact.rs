//! Room for the next call: the older part of a conversation that nears its window is summarised, and what of old results a call
//! carries shortened is kept in files that the model can read.

use chela_llm::{LlmError, LlmErrorKind};
use chela_store::{Item, ItemKind, StoreError, Tail};
use serde::Deserialize;

use super::item_id;
use super::state::Turn;
use crate::compaction::{Compacted, CompactionDone, CompactionError, Job, Keep, Memory, keep_from, memory_of};
use crate::kept::{Folder, RESULTS, Room as FolderRoom};
use crate::pruning::Pruning;
use crate::shown::Shown;
use crate::transcript::{ItemBody, NoteBody, NoteKind};
use crate::{CompactionPhase, TurnEventKind};

/// After a summary failed, the next is tried when the conversation has grown by this part of its room.
const RETRY_PART: u64 = 8;
/// Shortened results whose files are looked after, newest first. Older ones may have been rotated away.
const FILES_WRITTEN: usize = 64;
/// Files of shortened results in one workspace.
const FILES_KEPT: FolderRoom = FolderRoom { files: 256, bytes: 64 * 1024 * 1024 };

/// Whether the vendor said that the context is too long, whatever we think.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overflow {
    /// By our own estimate.
    Near,
    Said,
}

impl Turn<'_> {
    pub(super) fn pruning(&self) -> Pruning<'_> {
        Pruning::new(&self.world.profile.pruning, self.room)
    }

    pub(super) fn shown(&self) -> Shown {
        Shown::of(&self.history, self.room, &self.pruning())
    }

    /// Reads what the model may see of the conversation.
    pub(super) async fn read_history(&mut self) -> Result<(), StoreError> {
        self.history = self.read_back(self.first_seq).await?;
        Ok(())
    }

    /// The conversation as far back as a call may carry it, and at least to position `from`.
    pub(super) async fn read_back(&self, from: i64) -> Result<Tail, StoreError> {
        self.world.store.tail_in_context(&self.session.id, self.pruning().reach(), from).await
    }

    /// Summarises the older part of the conversation if it is time. What stands in the way of it stands in the transcript.
    pub(super) async fn make_room(&mut self) -> Result<(), StoreError> {
        if self.world.profile.compaction.enabled && self.is_full() && !self.failed_lately() {
            self.compact().await?;
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        let summary = self.history.summary.as_ref().map_or(0, |item| item.tokens);
        let whole = || summary + self.history.items.iter().map(|item| item.tokens).sum::<u64>();
        // Nothing is shown longer than it is, so most turns need no plan to know that there is room.
        let has_room = || whole() <= self.room.compact_at || self.shown().wanted <= self.room.compact_at;
        !self.history.complete || !has_room()
    }

    /// Summarises after a vendor said that the context is too long, once in a turn. Returns whether another call may help.
    pub(super) async fn make_room_after(&mut self, error: &LlmError) -> Result<bool, StoreError> {
        let too_long = matches!(error.kind, LlmErrorKind::ContextLength { .. }) && !error.after_output;
        let may = too_long && self.overflow == Overflow::Near && self.world.profile.compaction.enabled;
        if !may || self.failed_lately() {
            return Ok(false);
        }
        self.overflow = Overflow::Said;
        self.compact().await
    }

    /// Whether the context is smaller now.
    async fn compact(&mut self) -> Result<bool, StoreError> {
        let first_kept = keep_from(&self.history, Keep::of(&self.world.profile, self.room));
        if first_kept <= self.history.from {
            return Ok(false);
        }
        self.emit(TurnEventKind::Compaction(CompactionPhase::Start)).await;
        let trust = self.trust.now();
        let memory =
            if trust.is_tainted() { Memory::Leave } else { memory_of(self.world, &self.session, trust.speaker()) };
        let ended = {
            let job = Job {
                world: self.world,
                session: &self.session,
                chain: &self.chain,
                room: self.room,
                history: &self.history,
                first_kept,
                id: item_id(&self.session, self.row.id, self.own),
                run: &self.row.run,
                focus: None,
                memory,
            };
            tokio::select! {
                biased;
                _ = self.stop.wait() => None,
                ended = job.run() => Some(ended),
            }
        };
        let is_smaller = match ended {
            // The loop sees for itself that the turn is over.
            None | Some(Ok(Compacted::Nothing)) => false,
            Some(Ok(Compacted::Done(done))) => {
                self.compacted(done).await?;
                true
            }
            Some(Ok(Compacted::Overtaken)) => {
                self.read_history().await?;
                true
            }
            Some(Err(CompactionError::Store(error))) => return Err(error),
            Some(Err(error)) => {
                self.not_summarised(&error).await?;
                false
            }
        };
        self.emit(TurnEventKind::Compaction(CompactionPhase::End)).await;
        Ok(is_smaller)
    }

    async fn compacted(&mut self, done: CompactionDone) -> Result<(), StoreError> {
        self.own += 1;
        self.read_history().await?;
        self.emit(TurnEventKind::Item { id: done.id, seq: done.seq }).await;
        Ok(())
    }

    async fn not_summarised(&mut self, error: &CompactionError) -> Result<(), StoreError> {
        tracing::warn!(%error, session = %self.row.session, run = %self.row.run, "the older part of a conversation was not summarised");
        let text = format!(
            "The older part of this conversation could not be summarised: {error}. It goes on without its oldest turns; /compact tries again."
        );
        self.journal(vec![ItemBody::Note(NoteBody { text, kind: NoteKind::NotSummarised })]).await
    }

    /// Whether a summary failed and little was said since.
    fn failed_lately(&self) -> bool {
        let most = self.room.history / RETRY_PART;
        let mut since = 0;
        let newest = self.since_summary().rev().take_while(|item| {
            let is_new = since < most;
            since += item.tokens;
            is_new
        });
        newest.into_iter().any(is_failure)
    }

    /// What this turn has to tell its chat of a summary that failed: only the first time, and nothing once one was written since.
    pub(super) fn notice(&self) -> Option<String> {
        let first = self.since_summary().find(|item| is_failure(item))?;
        let is_own = first.run.as_ref() == Some(&self.row.run);
        is_own.then(|| ItemBody::of(first).map(|body| body.text())).flatten()
    }

    /// The items behind the last summary that was written.
    fn since_summary(&self) -> impl DoubleEndedIterator<Item = &Item> {
        let written = self.history.summary.as_ref().map_or(0, |item| item.seq);
        self.history.items.iter().filter(move |item| item.seq > written)
    }

    /// Writes the results that a call carries shortened to the files that stand in their place. One that can't be written is
    /// missing, and the model finds that out.
    pub(super) async fn keep_shortened(&mut self, shown: &Shown) {
        let pruning = self.pruning();
        let fresh = pruning.shortened(&self.history, &shown.levels).take(FILES_WRITTEN);
        let fresh: Vec<_> = fresh.filter(|(file, _)| !self.kept.contains(file)).collect();
        if fresh.is_empty() {
            return;
        }
        let names: Vec<_> = fresh.iter().map(|(file, _)| file.clone()).collect();
        let workspace = self.world.profile.workspace.clone();
        let write = move || -> std::io::Result<()> {
            let folder = Folder::open(&workspace, &RESULTS)?;
            for (file, result) in fresh.iter().rev().filter(|(file, _)| !folder.has(file)) {
                folder.write(file, result.text.as_bytes())?;
            }
            folder.rotate(FILES_KEPT)
        };
        if let Ok(Err(error)) = tokio::task::spawn_blocking(write).await {
            tracing::warn!(%error, "old tool results could not be kept in the workspace");
        }
        self.kept.extend(names);
    }
}

/// Whether an item is the note of a summary that failed. Reads no more of it than its kind.
fn is_failure(item: &Item) -> bool {
    #[derive(Deserialize)]
    struct Note {
        kind: NoteKind,
    }
    let kind = || serde_json::from_str::<Note>(&item.body).ok().map(|note| note.kind);
    item.kind == ItemKind::Note && kind() == Some(NoteKind::NotSummarised)
}
