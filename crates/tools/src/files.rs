//! Where file tools may go, and how they write: paths resolved and judged, files replaced in one step.
//!
//! Judges the path as the kernel would follow it, with every symbolic link resolved. A process that swaps a link between
//! the judgement and the use is out of scope here: that is what the sandbox is for.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use chela_agent::ToolError;

use crate::args::refuse;
pub(crate) use crate::off_thread::{blocking, searching};

/// What the file tools share: the places that are theirs and those that are not.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    /// What `~` means.
    pub(crate) home: PathBuf,
    /// Refused, but for a workspace inside and `readable`.
    pub(crate) state_dir: PathBuf,
    /// Refused wherever they stand: the configuration, `.env`.
    pub(crate) secrets: Vec<PathBuf>,
    /// May be read whatever else holds, for example folders of skills.
    pub(crate) readable: Vec<PathBuf>,
    /// Whether everything outside the workspace is refused.
    pub(crate) workspace_only: bool,
}

/// What a tool wants with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// The judge of one call: [`Files`] with every root resolved. Blocking.
#[derive(Debug)]
pub(crate) struct Judge {
    home: PathBuf,
    /// Where relative paths start, as the user wrote it.
    start: PathBuf,
    workspace: PathBuf,
    state_dir: PathBuf,
    secrets: Vec<PathBuf>,
    readable: Vec<PathBuf>,
    workspace_only: bool,
}

impl Files {
    pub(crate) fn judge(&self, workspace: &Path) -> Judge {
        let resolve = |path: &PathBuf| follow(path).unwrap_or_else(|_| path.clone());
        Judge {
            home: self.home.clone(),
            start: workspace.to_path_buf(),
            workspace: resolve(&workspace.to_path_buf()),
            state_dir: resolve(&self.state_dir),
            secrets: self.secrets.iter().map(resolve).collect(),
            readable: self.readable.iter().map(resolve).collect(),
            workspace_only: self.workspace_only,
        }
    }
}

impl Judge {
    /// The real path behind what the model wrote, if it may be used so.
    pub(crate) fn resolve(&self, written: &str, access: Access) -> Result<PathBuf, ToolError> {
        let path = follow(&self.absolute(written)).map_err(|error| describe(written, &error))?;
        if self.is_private(&path, access) {
            return Err(refuse(format!("`{written}` is private to the gateway and can't be used by tools.")));
        }
        if !self.workspace_only || path.starts_with(&self.workspace) || self.is_readable(&path, access) {
            return Ok(path);
        }
        Err(refuse(format!(
            "`{written}` is outside the workspace {}, and tools.fs.workspaceOnly is on.",
            self.start.display()
        )))
    }

    /// Whether a real path is one that no tool may touch.
    pub(crate) fn is_private(&self, path: &Path, access: Access) -> bool {
        let own_workspace = self.workspace.starts_with(&self.state_dir)
            && self.workspace != self.state_dir
            && path.starts_with(&self.workspace);
        let state = path.starts_with(&self.state_dir) && !own_workspace && !self.is_readable(path, access);
        // `/proc` shows the environment and memory of this very process.
        state || path.starts_with("/proc") || self.secrets.iter().any(|secret| secret == path)
    }

    /// The real path behind what the model wrote; `None` where the kernel would find none.
    pub(crate) fn real(&self, written: &str) -> Option<PathBuf> {
        follow(&self.absolute(written)).ok()
    }

    /// The path from the workspace on, if it lies within.
    pub(crate) fn within_workspace<'p>(&self, path: &'p Path) -> Option<&'p Path> {
        path.strip_prefix(&self.workspace).ok()
    }

    /// Whether a path is the workspace or below it.
    pub(crate) fn is_own(&self, path: &Path) -> bool {
        path.starts_with(&self.workspace)
    }

    /// Whether a path lies in a folder that may always be read, like those of skills.
    pub(crate) fn is_always_readable(&self, path: &Path) -> bool {
        self.is_readable(path, Access::Read)
    }

    pub(crate) fn home(&self) -> &Path {
        &self.home
    }

    fn absolute(&self, written: &str) -> PathBuf {
        if written == "~" {
            return self.home.clone();
        }
        match written.strip_prefix("~/") {
            Some(rest) => self.home.join(rest),
            None => self.start.join(written),
        }
    }

    fn is_readable(&self, path: &Path, access: Access) -> bool {
        access == Access::Read && self.readable.iter().any(|root| path.starts_with(root))
    }
}

/// Resolves links like the kernel does; what doesn't exist yet is appended to the part that does.
fn follow(path: &Path) -> io::Result<PathBuf> {
    let mut existing = path.to_path_buf();
    let mut missing = Vec::new();
    loop {
        match fs::canonicalize(&existing) {
            Ok(real) => return Ok(missing.iter().rev().fold(real, |path, name| path.join(name))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        // `..` behind something that isn't there has no meaning to the kernel either.
        let Some(Component::Normal(name)) = existing.components().next_back() else {
            return Err(io::Error::from(io::ErrorKind::NotFound));
        };
        missing.push(name.to_owned());
        existing.pop();
    }
}

/// Words an error of the file system for the model.
pub(crate) fn describe(written: &str, error: &io::Error) -> ToolError {
    refuse(match error.kind() {
        io::ErrorKind::NotFound => format!("`{written}` does not exist. Use ls or find to see what does."),
        io::ErrorKind::PermissionDenied => format!("No permission for `{written}`."),
        io::ErrorKind::IsADirectory => format!("`{written}` is a directory; use ls to list it."),
        io::ErrorKind::NotADirectory => format!("A part of `{written}` is a file, not a directory."),
        io::ErrorKind::StorageFull => format!("No space left on the disk for `{written}`."),
        _ => format!("`{written}`: {error}."),
    })
}

/// Opens a regular file. Anything else is refused before it is opened: a pipe would block for ever, a device never end.
pub(crate) fn open(written: &str, path: &Path) -> Result<File, ToolError> {
    let metadata = fs::metadata(path).map_err(|error| describe(written, &error))?;
    if metadata.is_dir() {
        return Err(describe(written, &io::ErrorKind::IsADirectory.into()));
    }
    if !metadata.is_file() {
        return Err(refuse(format!("`{written}` is neither a file nor a directory.")));
    }
    File::open(path).map_err(|error| describe(written, &error))
}

/// Largest file that `edit` and `apply_patch` change: they hold it in memory twice.
pub(crate) const EDIT_LIMIT: u64 = 10_000_000;

/// The whole text of a file that is to be changed.
pub(crate) fn read_text(written: &str, path: &Path) -> Result<String, ToolError> {
    let file = open(written, path)?;
    let size = file.metadata().map_err(|error| describe(written, &error))?.len();
    if size > EDIT_LIMIT {
        return Err(refuse(format!(
            "`{written}` has {size} bytes, more than the {EDIT_LIMIT} that can be edited; use exec with sed."
        )));
    }
    match io::read_to_string(file) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            Err(refuse(format!("`{written}` is not UTF-8 text and can't be edited; use exec.")))
        }
        Err(error) => Err(describe(written, &error)),
    }
}

/// Puts `bytes` at `path` in one step, with the folders above: a reader sees the old file or the new one.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    Staged::new(path, path, bytes)?.commit()
}

/// A new content that waits beside its place. Dropped without [`Staged::commit`], it is gone.
pub(crate) struct Staged {
    temporary: PathBuf,
    place: PathBuf,
}

impl Staged {
    /// Writes the content, with the mode of the file `like` if there is one.
    pub(crate) fn new(place: &Path, like: &Path, bytes: &[u8]) -> io::Result<Self> {
        let temporary = Self::temporary_name(place)?;
        if fs::metadata(place).is_ok_and(|metadata| !metadata.is_file()) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        temporary.parent().map_or(Ok(()), fs::create_dir_all)?;
        let mut file = OpenOptions::new().write(true).create_new(true).open(&temporary)?;
        let staged = Self { temporary, place: place.to_path_buf() };
        if let Ok(metadata) = fs::metadata(like) {
            file.set_permissions(metadata.permissions())?;
        }
        file.write_all(bytes)?;
        file.sync_data()?;
        Ok(staged)
    }

    /// A name beside `place` that nobody has.
    pub(crate) fn temporary_name(place: &Path) -> io::Result<PathBuf> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let folder = place.parent().ok_or(io::ErrorKind::IsADirectory)?;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Ok(folder.join(format!(".chela-{}-{number}.tmp", std::process::id())))
    }

    pub(crate) fn place(&self) -> &Path {
        &self.place
    }

    pub(crate) fn commit(self) -> io::Result<()> {
        fs::rename(&self.temporary, &self.place)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.temporary);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Home {
        folder: tempfile::TempDir,
        files: Files,
    }

    impl Home {
        /// A state dir with secrets, and a workspace inside it, as after a first run.
        fn new(workspace_only: bool) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let state = folder.path().join(".chela");
            fs::create_dir_all(state.join("workspace/sub")).unwrap();
            fs::create_dir_all(state.join("skills/pdf")).unwrap();
            for file in ["chela.db", "chela.json", ".env", "skills/pdf/SKILL.md", "workspace/a.txt"] {
                fs::write(state.join(file), "x").unwrap();
            }
            fs::write(folder.path().join("config.json"), "x").unwrap();
            fs::write(folder.path().join("notes.txt"), "x").unwrap();
            let files = Files {
                home: folder.path().to_path_buf(),
                state_dir: state.clone(),
                secrets: vec![folder.path().join("config.json")],
                readable: vec![state.join("skills")],
                workspace_only,
            };
            Self { folder, files }
        }

        fn check(&self, written: &str, access: Access, allowed: bool) {
            let workspace = self.folder.path().join(".chela/workspace");
            let result = self.files.judge(&workspace).resolve(written, access);
            assert_eq!(result.is_ok(), allowed, "{written} {access:?}: {result:?}");
        }
    }

    #[test]
    fn g25_the_state_dir_is_out_of_reach() {
        let home = Home::new(false);
        let workspace = home.folder.path().join(".chela/workspace");
        std::os::unix::fs::symlink("../chela.db", workspace.join("link")).unwrap();
        std::os::unix::fs::symlink("..", workspace.join("up")).unwrap();
        for written in
            ["../chela.db", "~/.chela/chela.json", "../.env", "link", "up/.env", "sub/../../chela.db", "~/.chela"]
        {
            home.check(written, Access::Read, false);
            home.check(written, Access::Write, false);
        }
        for written in
            ["~/config.json", "/proc/self/environ", "/proc/self/root/proc/1/environ", "../new.db", "none/../../.env"]
        {
            home.check(written, Access::Read, false);
        }
        for written in ["a.txt", "sub/../a.txt", "new/deep/file", "~/notes.txt", "."] {
            home.check(written, Access::Read, true);
            home.check(written, Access::Write, true);
        }
        home.check("../skills/pdf/SKILL.md", Access::Read, true);
        home.check("../skills/pdf/SKILL.md", Access::Write, false);
    }

    #[test]
    fn workspace_only_keeps_the_rest_out() {
        let home = Home::new(true);
        std::os::unix::fs::symlink("../..", home.folder.path().join(".chela/workspace/out")).unwrap();
        for (written, allowed) in [
            ("a.txt", true),
            ("new/x", true),
            ("~/notes.txt", false),
            ("/etc/hostname", false),
            ("out/notes.txt", false),
            ("out/new.txt", false),
        ] {
            home.check(written, Access::Write, allowed);
        }
        home.check("../skills/pdf/SKILL.md", Access::Read, true);
    }

    #[test]
    fn a_replaced_file_keeps_its_mode_and_leaves_nothing_behind() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/run.sh");
        replace(&path, b"one").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o755);
        assert!(replace(folder.path(), b"x").is_err());
        assert_eq!(fs::read_dir(folder.path().join("deep")).unwrap().count(), 1);
    }
}
