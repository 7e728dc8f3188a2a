//! What of a tool's output goes into the conversation. The rest is kept in a file that the model can read piece by piece.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::ToolOutput;

/// Longest output in the conversation, in characters. Tools keep themselves far below; this holds for those that don't.
const TEXT_MAX_CHARS: usize = 100_000;
/// Media of one result; more would fill a context.
const MEDIA_MAX: usize = 8;
/// Longest output that is kept, in bytes.
const KEPT_MAX_BYTES: usize = 8 * 1024 * 1024;
/// Kept outputs of one workspace; the oldest goes first.
const KEPT_FILES: usize = 50;
/// Folder of kept outputs, in the workspace.
const FOLDER: &str = ".chela/outputs";

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
    let rest = kept.map_or_else(String::new, |path| format!("; all of it is in {}", path.display()));
    format!("{start}\n[… {} of {count} characters left out{rest} …]\n{end}", count - TEXT_MAX_CHARS)
}

/// Returns the path within the workspace, or nothing when it could not be written: then the middle is lost, as it is said.
async fn keep(workspace: PathBuf, call_id: &str, text: String) -> Option<PathBuf> {
    let name: String =
        call_id.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_' || *c == '-').take(64).collect();
    let relative = Path::new(FOLDER).join(format!("{}.txt", if name.is_empty() { "output" } else { &name }));
    let path = workspace.join(&relative);
    let write = move || -> std::io::Result<()> {
        let folder = workspace.join(FOLDER);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(path, &text.as_bytes()[..text.len().min(KEPT_MAX_BYTES)])?;
        prune(&folder)
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

fn prune(folder: &Path) -> std::io::Result<()> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        files.push((entry.metadata()?.modified()?, entry.path()));
    }
    files.sort();
    for (_, path) in files.iter().take(files.len().saturating_sub(KEPT_FILES)) {
        std::fs::remove_file(path)?;
    }
    Ok(())
}
