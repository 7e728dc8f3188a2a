//! What of a tool's output goes into the conversation. The rest is kept in a file that the model can read piece by piece.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::ToolOutput;
use crate::kept::{Folder, OUTPUTS, Room};
use crate::transcript::fnv1a;

/// Longest output in the conversation, in characters. Tools keep themselves far below; this holds for those that don't.
const TEXT_MAX_CHARS: usize = 100_000;
/// Media of one result; more would fill a context.
const MEDIA_MAX: usize = 8;
/// Longest output that is kept, in bytes.
const KEPT_MAX_BYTES: usize = 8 * 1024 * 1024;
/// Kept outputs of one workspace; the oldest goes first.
const KEPT: Room = Room { files: 50, bytes: 64 * 1024 * 1024 };

/// Cuts an output to its caps and says where the rest is.
pub(super) async fn bounded(mut output: ToolOutput, workspace: &Path, call_id: &str) -> ToolOutput {
    if output.media.len() > MEDIA_MAX {
        let dropped = output.media.len() - MEDIA_MAX;
        output.media.truncate(MEDIA_MAX);
        let _ = write!(output.text, "\n[{dropped} more attachments left out]");
    }
    // A text has at most as many characters as bytes, which spares the count for nearly every output.
    if output.text.len() > TEXT_MAX_CHARS && output.text.chars().count() > TEXT_MAX_CHARS {
        let kept = keep(workspace.to_owned(), call_id, output.text.clone()).await;
        output.text = cut(&output.text, kept.as_deref());
    }
    output
}

fn cut(text: &str, kept: Option<&Path>) -> String {
    let count = text.chars().count();
    let head = TEXT_MAX_CHARS / 2;
    let tail = TEXT_MAX_CHARS - head;
    let start: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(count - tail).collect();
    let what = if text.len() > KEPT_MAX_BYTES { "the beginning" } else { "all" };
    let rest = kept.map_or_else(String::new, |path| format!("; {what} of it is in {}", path.display()));
    format!("{start}\n[… {} of {count} characters left out{rest} …]\n{end}", count - TEXT_MAX_CHARS)
}

/// Returns the path within the workspace, or nothing when it could not be written: then the middle is lost, as it is said.
async fn keep(workspace: PathBuf, call_id: &str, text: String) -> Option<PathBuf> {
    let plain: String =
        call_id.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_' || *c == '-').take(64).collect();
    // Some vendors number the calls of each answer from nought: the words tell their outputs apart.
    let name = format!("{}-{:016x}.txt", if plain.is_empty() { "output" } else { &plain }, fnv1a(text.as_bytes()));
    let relative: PathBuf = OUTPUTS.iter().copied().chain([name.as_str()]).collect();
    let write = move || -> std::io::Result<()> {
        let folder = Folder::open(&workspace, &OUTPUTS)?;
        folder.write(&name, &text.as_bytes()[..text.floor_char_boundary(KEPT_MAX_BYTES)])?;
        folder.rotate(KEPT)
    };
    match tokio::task::spawn_blocking(write).await {
        Ok(Ok(())) => Some(relative),
        Ok(Err(error)) => {
            tracing::warn!(%error, "can't keep a long tool output");
            None
        }
        Err(_) => None,
    }
}
