//! Where file tools may go, and how they write: paths resolved and judged, files replaced in one step.
//!
//! Judges the path as the kernel would follow it, with every symbolic link resolved, and then uses it name by name without
//! following any: a command that swaps a folder for a link after the judgement gets an error, not the gateway's files.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chela_agent::{Missing, RealFolder, ToolError, open_real};
use rustix::fs::FileType;

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
#[derive(Debug, Clone)]
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

    /// Whether a real path is the agent's memory.
    pub(crate) fn is_memory(&self, path: &Path) -> bool {
        self.within_workspace(path).is_some_and(crate::risk::is_memory)
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
    open_real(path).map_err(|error| describe(written, &error))
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
    Staged::new(path, path, bytes)?.commit().map(drop)
}

/// A place for a file: its folder, held open so that nobody can put another one in its stead, and its name.
pub(crate) struct Spot {
    folder: RealFolder,
    name: OsString,
}

impl Spot {
    /// The place of a real path.
    pub(crate) fn of(path: &Path, missing: Missing) -> io::Result<Self> {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(io::ErrorKind::IsADirectory.into());
        };
        Ok(Self { folder: RealFolder::open(folder, missing)?, name: name.to_owned() })
    }

    pub(crate) fn is_taken(&self) -> bool {
        self.folder.kind(&self.name).is_some()
    }

    /// A name beside it that nobody has.
    fn free_name() -> OsString {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        format!(".chela-{}-{number}.tmp", std::process::id()).into()
    }

    /// Moves the file out of the way; gives back its name there.
    pub(crate) fn move_aside(&self) -> io::Result<OsString> {
        let aside = Self::free_name();
        self.folder.rename(&self.name, &aside)?;
        Ok(aside)
    }

    /// Keeps what the file is now under a second name, which is given back.
    pub(crate) fn keep_aside(&self) -> io::Result<OsString> {
        let aside = Self::free_name();
        // Some file systems have no hard links.
        self.folder.link(&self.name, &aside).or_else(|_| self.copy(&aside))?;
        Ok(aside)
    }

    fn copy(&self, to: &OsStr) -> io::Result<()> {
        let mut from = self.folder.read(&self.name)?;
        let mut file = self.folder.create(to)?;
        file.set_permissions(from.metadata()?.permissions())?;
        io::copy(&mut from, &mut file).map(drop)
    }

    /// Puts back what was kept under this name.
    pub(crate) fn put_back(&self, aside: &OsStr) {
        let _ = self.folder.rename(aside, &self.name);
        // Renaming one hard link to another of the same file does nothing, and leaves both.
        let _ = self.folder.remove(aside);
    }

    pub(crate) fn forget(&self, aside: &OsStr) {
        let _ = self.folder.remove(aside);
    }

    pub(crate) fn remove(&self) {
        let _ = self.folder.remove(&self.name);
    }
}

/// A new content that waits beside its place. Dropped without [`Staged::commit`], it is gone.
pub(crate) struct Staged {
    /// `None` once the content has taken its place.
    temporary: Option<OsString>,
    spot: Arc<Spot>,
}

impl Staged {
    /// Writes the content, with the mode of the file `like` if there is one.
    pub(crate) fn new(place: &Path, like: &Path, bytes: &[u8]) -> io::Result<Self> {
        let spot = Arc::new(Spot::of(place, Missing::Make)?);
        // A link that leads nowhere is replaced; one that leads somewhere was followed by the judge.
        let is_replaceable = |kind| matches!(kind, FileType::RegularFile | FileType::Symlink);
        if spot.folder.kind(&spot.name).is_some_and(|kind| !is_replaceable(kind)) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let temporary = Spot::free_name();
        let mut file = spot.folder.create(&temporary)?;
        let staged = Self { temporary: Some(temporary), spot };
        if let Ok(metadata) = fs::symlink_metadata(like)
            && metadata.is_file()
        {
            file.set_permissions(metadata.permissions())?;
        }
        file.write_all(bytes)?;
        file.sync_data()?;
        Ok(staged)
    }

    /// Puts the content into its place, which it gives back.
    pub(crate) fn commit(mut self) -> io::Result<Arc<Spot>> {
        if let Some(temporary) = self.temporary.take()
            && let Err(error) = self.spot.folder.rename(&temporary, &self.spot.name)
        {
            self.spot.forget(&temporary);
            return Err(error);
        }
        Ok(self.spot.clone())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            self.spot.forget(temporary);
        }
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

    /// A command swaps a folder of the workspace for a link while a call is between its judgement and its use.
    #[test]
    fn g25_a_folder_swapped_after_the_judgement_leads_nowhere() {
        let home = Home::new(false);
        let state = home.folder.path().canonicalize().unwrap().join(".chela");
        let workspace = state.join("workspace");
        fs::write(workspace.join("sub/chela.json"), "mine").unwrap();
        let judged = home.files.judge(&workspace).resolve("sub/chela.json", Access::Write).unwrap();
        fs::rename(workspace.join("sub"), workspace.join("aside")).unwrap();
        std::os::unix::fs::symlink("..", workspace.join("sub")).unwrap();

        assert!(open("sub/chela.json", &judged).is_err());
        assert!(replace(&judged, b"pwned").is_err());
        assert!(replace(&workspace.join("sub/new.json"), b"pwned").is_err());
        assert!(Spot::of(&judged, Missing::Fail).is_err());
        assert_eq!(fs::read_to_string(state.join("chela.json")).unwrap(), "x");
        assert!(!state.join("new.json").exists());
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
