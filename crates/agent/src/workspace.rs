//! The agent's folder: the files in it that belong to the prompt, and the first ones a new workspace gets.

use std::io;
use std::path::Path;

/// Whether a workspace was there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkspaceState {
    Existing,
    /// Just made: the agent's first conversation is an introduction.
    BrandNew,
}

/// Makes the folder if it is missing and, with `seed`, puts the first files there that are not there yet. An existing file
/// is never touched. Writes files, so call it off the async threads.
pub fn ensure_workspace(folder: &Path, seed: bool) -> io::Result<WorkspaceState> {
    let _ = (folder, seed);
    todo!()
}
