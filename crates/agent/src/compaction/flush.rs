//! The memory flush: before the older part of the main conversation becomes a summary, what should last goes into the day's file
//! of the workspace's `memory` folder.
//!
//! The model answers with notes and the program appends them: it has no tools here, so nothing that stands in the conversation can
//! make it do more than add lines to one file. It reads what people and the assistant said, not what tools brought in. A flush that
//! fails is left: the transcript keeps everything.

use std::fmt::Write as _;
use std::io;

use jiff::Timestamp;

use super::words::{self, Reading};
use super::{CompactionError, Job, PAGE_ITEMS, Scribe};
use crate::kept::Folder;

/// Folder of the notes, in the workspace.
const FOLDER: [&str; 1] = ["memory"];
/// Longest notes of one flush, in bytes.
const NOTES_MAX_BYTES: usize = 6_000;
/// Of the day's notes, the model sees so many bytes, so that it doesn't repeat itself.
const KNOWN_MAX_BYTES: usize = 8_000;
/// A day's file that is longer takes no more notes, in bytes.
const FILE_MAX_BYTES: u64 = 1024 * 1024;
/// What the model answers when nothing should last.
const NOTHING: &str = "NOTHING";

const TASK: &str = include_str!("flush.md");

/// Asks for notes and writes them. Fails only with the store.
pub(super) async fn take_notes(job: &Job<'_>, scribe: &mut Scribe<'_>) -> Result<(), CompactionError> {
    match notes(job, scribe).await {
        Ok(()) => Ok(()),
        Err(Unflushed::Compaction(error @ CompactionError::Store(_))) => Err(error),
        Err(error) => {
            tracing::warn!(%error, session = %job.session.key, "no notes were taken before a summary");
            Ok(())
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum Unflushed {
    #[error(transparent)]
    Compaction(#[from] CompactionError),
    #[error("the day's file: {0}")]
    File(#[from] io::Error),
}

async fn notes(job: &Job<'_>, scribe: &Scribe<'_>) -> Result<(), Unflushed> {
    let now = Timestamp::from_millisecond(job.world.clock.now_ms()).unwrap_or_default();
    let now = now.to_zoned(job.world.profile.timezone.clone());
    let file = format!("{}.md", now.strftime("%Y-%m-%d"));
    let known = read(job, file.clone()).await?;
    // The same part, after a crash: its notes stand there.
    let mark = format!("<!-- {} {} -->", job.session.id, job.first_kept);
    if known.contains(&mark) || known.len() as u64 >= FILE_MAX_BYTES {
        return Ok(());
    }
    let said = newest_said(job, scribe.part_bytes).await?;
    if said.trim().is_empty() {
        return Ok(());
    }
    let tail = known.ceil_char_boundary(known.len().saturating_sub(KNOWN_MAX_BYTES));
    let (known, said) = (job.tagged("notes", &known[tail..]), job.tagged("conversation", &said));
    let words = format!("{known}{said}Write the new notes now, or {NOTHING}.");
    let (answer, _) = scribe.ask(TASK, words).await?;
    let answer = answer.trim().trim_matches('`');
    if answer.is_empty() || answer.trim_end_matches('.').eq_ignore_ascii_case(NOTHING) {
        return Ok(());
    }
    let mut entry = String::new();
    let _ = writeln!(entry, "\n## {} {mark}\n", now.strftime("%H:%M"));
    let _ = writeln!(entry, "{}", &answer[..answer.floor_char_boundary(NOTES_MAX_BYTES)]);
    append(job, file, entry).await
}

/// The newest words of the part that becomes a summary, as many as one call takes.
async fn newest_said(job: &Job<'_>, most: usize) -> Result<String, CompactionError> {
    let mut parts = Vec::new();
    let (mut bytes, mut before) = (0, job.first_kept);
    'pages: while before > job.history.from {
        let page = job.world.store.items_before(&job.session.id, Some(before), PAGE_ITEMS).await?;
        let Some(first) = page.first() else { break };
        before = first.seq;
        for item in page.iter().rev().filter(|item| item.seq >= job.history.from) {
            let words = words::of(item, Reading::Said, most / 4);
            if bytes + words.len() > most {
                break 'pages;
            }
            bytes += words.len();
            parts.push(words);
        }
    }
    parts.reverse();
    Ok(parts.concat())
}

async fn read(job: &Job<'_>, file: String) -> Result<String, Unflushed> {
    let workspace = job.world.profile.workspace.clone();
    let read = move || Folder::open(&workspace, &FOLDER)?.read(&file, FILE_MAX_BYTES);
    Ok(off_thread(read).await?.unwrap_or_default())
}

async fn append(job: &Job<'_>, file: String, entry: String) -> Result<(), Unflushed> {
    let workspace = job.world.profile.workspace.clone();
    Ok(off_thread(move || Folder::open(&workspace, &FOLDER)?.append(&file, &entry)).await?)
}

async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(io::Error::other("the file could not be reached")))
}
