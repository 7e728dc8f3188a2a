//! The agent's folder: the files in it that belong to the prompt, and the first ones a new workspace gets.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use crate::FileLimits;
use crate::real::open_real;

/// Files that belong to the prompt, in the order in which they stand there.
pub(crate) const PROMPT_FILES: &[PromptFile] = &[
    PromptFile { name: "AGENTS.md", audience: Audience::Everybody, max_chars: usize::MAX },
    PromptFile { name: "SOUL.md", audience: Audience::Everybody, max_chars: usize::MAX },
    PromptFile { name: "TOOLS.md", audience: Audience::Everybody, max_chars: usize::MAX },
    PromptFile { name: "IDENTITY.md", audience: Audience::Everybody, max_chars: usize::MAX },
    // OpenClaw's cap: facts about one person need no more.
    PromptFile { name: "USER.md", audience: Audience::Everybody, max_chars: 4_000 },
    // Private: strangers in a group must not be able to ask for it.
    PromptFile { name: "MEMORY.md", audience: Audience::MainSession, max_chars: usize::MAX },
    PromptFile { name: "BOOTSTRAP.md", audience: Audience::MainSession, max_chars: usize::MAX },
];

/// The first files of a workspace. `AGENTS.md` comes last: once it is there, the workspace is no longer new.
const SEEDS: &[(&str, &str)] = &[
    ("BOOTSTRAP.md", include_str!("../templates/BOOTSTRAP.md")),
    ("SOUL.md", include_str!("../templates/SOUL.md")),
    ("IDENTITY.md", include_str!("../templates/IDENTITY.md")),
    ("USER.md", include_str!("../templates/USER.md")),
    ("AGENTS.md", include_str!("../templates/AGENTS.md")),
];

/// Whether a file of this name, in the workspace itself, tells the agent what to do in every conversation.
pub fn is_instruction_file(name: &str) -> bool {
    instruction_files().any(|file| file == name)
}

/// The names for which [`is_instruction_file`] holds.
pub fn instruction_files() -> impl Iterator<Item = &'static str> {
    PROMPT_FILES.iter().map(|file| file.name).chain([HEARTBEAT_FILE])
}

/// What the agent is to look after by itself; not part of the prompt of a conversation.
const HEARTBEAT_FILE: &str = "HEARTBEAT.md";

/// No prompt file is read beyond this, whatever the configured caps say; a character has at most four bytes.
const READ_MAX_BYTES: u64 = 4 * 1024 * 1024;

/// A file of the workspace that belongs to the prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PromptFile {
    pub name: &'static str,
    pub audience: Audience,
    pub max_chars: usize,
}

/// The sessions in which a file is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    Everybody,
    MainSession,
}

/// Whether a workspace was there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkspaceState {
    Existing,
    /// Just made: the agent's first conversation is an introduction.
    BrandNew,
}

/// Makes the folder if it is missing, for its owner only, and, with `seed`, puts the first files into a workspace that has neither `AGENTS.md` nor
/// `MEMORY.md`. An existing file is never touched. Writes files, so call it off the async threads.
pub fn ensure_workspace(folder: &Path, seed: bool) -> io::Result<WorkspaceState> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    if folder.join("AGENTS.md").exists() || folder.join("MEMORY.md").exists() {
        return Ok(WorkspaceState::Existing);
    }
    if seed {
        for (name, text) in SEEDS {
            write_new(&folder.join(name), text)?;
        }
    }
    Ok(WorkspaceState::BrandNew)
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(mut file) => file.write_all(text.as_bytes()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// The prompt's files with their text, cut to the caps. Missing, unreadable and empty ones are left out.
///
/// Reads a handful of small files in place: sending that to another thread would cost more than it takes.
pub(crate) fn prompt_files(folder: &Path, main_session: bool, limits: FileLimits) -> Vec<(&'static str, String)> {
    let mut left = limits.all;
    let mut files = Vec::new();
    for file in PROMPT_FILES.iter().filter(|file| main_session || file.audience == Audience::Everybody) {
        let Some(text) = read_prompt_file(folder, file.name) else { continue };
        let text = cut(text.trim(), file.name, file.max_chars.min(limits.one).min(left));
        left = left.saturating_sub(text.chars().count());
        files.push((file.name, text));
    }
    files
}

/// The text of a prompt file. The agent's commands can put anything in its place: a pipe is not waited for, and a link counts only
/// if it leads to a visible file of the workspace, since behind any other one could be a key of the gateway's.
fn read_prompt_file(folder: &Path, name: &str) -> Option<String> {
    let written = folder.join(name);
    let real = written.canonicalize().ok()?;
    let root = folder.canonicalize().ok()?;
    let is_visible = |path: &Path| path.components().all(|part| !part.as_os_str().as_encoded_bytes().starts_with(b"."));
    if !real.strip_prefix(&root).is_ok_and(is_visible) {
        tracing::warn!(file = %written.display(), "left out of the prompt: it is a link to something else than a visible file of the workspace");
        return None;
    }
    let mut bytes = Vec::new();
    open_real(&real).ok()?.take(READ_MAX_BYTES).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned()).filter(|text| !text.trim().is_empty())
}

/// Keeps three quarters of the room for the beginning and a quarter for the end: rules stand first, the newest notes last.
fn cut(text: &str, name: &str, max_chars: usize) -> String {
    let count = text.chars().count();
    if count <= max_chars {
        return text.to_owned();
    }
    let head = max_chars / 4 * 3;
    let tail = max_chars - head;
    let start: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(count - tail).collect();
    format!("{start}\n[… {} of {count} characters left out; read {name} for the rest …]\n{end}", count - max_chars)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const LIMITS: FileLimits = FileLimits { one: 100, all: 150 };

    #[test]
    fn a_new_workspace_is_seeded_once_and_nothing_is_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("a/b");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("SOUL.md"), "mine").unwrap();
        assert_eq!(ensure_workspace(&folder, true).unwrap(), WorkspaceState::BrandNew);
        assert_eq!(fs::read_to_string(folder.join("SOUL.md")).unwrap(), "mine");
        fs::remove_file(folder.join("BOOTSTRAP.md")).unwrap();
        assert_eq!(ensure_workspace(&folder, true).unwrap(), WorkspaceState::Existing);
        assert!(!folder.join("BOOTSTRAP.md").exists(), "the introduction happens once");
    }

    #[test]
    fn without_seeding_the_folder_stays_empty() {
        let dir = tempfile::tempdir().unwrap();
        ensure_workspace(&dir.path().join("w"), false).unwrap();
        assert_eq!(fs::read_dir(dir.path().join("w")).unwrap().count(), 0);
    }

    #[test]
    fn files_are_cut_to_their_caps_and_say_so() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("AGENTS.md"), format!("{}Z", "a".repeat(300))).unwrap();
        fs::write(dir.path().join("SOUL.md"), "é".repeat(80)).unwrap();
        fs::write(dir.path().join("USER.md"), "  \n").unwrap();
        let files = prompt_files(dir.path(), true, LIMITS);
        assert_eq!(files.iter().map(|file| file.0).collect::<Vec<_>>(), ["AGENTS.md", "SOUL.md"]);
        assert!(files[0].1.starts_with(&"a".repeat(75)) && files[0].1.ends_with("aZ"), "{}", files[0].1);
        assert!(files[0].1.contains("201 of 301 characters left out; read AGENTS.md"), "{}", files[0].1);
        assert!(files[1].1.contains("characters left out"), "the total cap counts too: {}", files[1].1);
    }

    #[test]
    fn g25_a_link_brings_nothing_of_the_gateway_into_the_prompt() {
        use std::os::unix::fs::symlink;
        let dir = tempfile::tempdir().unwrap();
        let workspace = dir.path().join("workspace");
        fs::create_dir_all(workspace.join("docs")).unwrap();
        fs::create_dir_all(workspace.join(".chela")).unwrap();
        for file in ["gateway-token", "workspace/.chela/chela.json", "workspace/docs/soul.md"] {
            fs::write(dir.path().join(file), "text").unwrap();
        }
        for (target, link) in [
            ("../gateway-token", "AGENTS.md"),
            ("docs/soul.md", "SOUL.md"),
            (".chela/chela.json", "TOOLS.md"),
            ("/dev/zero", "USER.md"),
        ] {
            symlink(target, workspace.join(link)).unwrap();
        }
        rustix::fs::mkfifoat(rustix::fs::CWD, workspace.join("IDENTITY.md"), rustix::fs::Mode::RWXU).unwrap();
        let files = prompt_files(&workspace, true, LIMITS);
        assert_eq!(files, [("SOUL.md", "text".to_owned())]);
    }

    #[test]
    fn memory_is_for_the_main_session_only() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("MEMORY.md"), "secret").unwrap();
        assert_eq!(prompt_files(dir.path(), false, LIMITS), []);
        assert_eq!(prompt_files(dir.path(), true, LIMITS).len(), 1);
    }
}
