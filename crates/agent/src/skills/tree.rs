//! A skill as a whole: its files in memory, bounded, with names that mean the same everywhere, and the hash that pins them.
//!
//! Refuses what a skill never needs: links, special files, names that lead out or that hide. Reads and writes folders; never runs
//! anything.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::untrusted::written_out;

/// Files of one skill. Published ones have a dozen.
pub(super) const FILES_MAX: usize = 400;
/// Bytes of one file, and of all together: the whole is held in memory while it is judged.
pub(super) const FILE_BYTES_MAX: usize = 4 * 1024 * 1024;
pub(super) const TREE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Folders within folders.
const DEPTH_MAX: usize = 8;
/// Bytes of one name, and of a path: what every file system takes.
const NAME_BYTES_MAX: usize = 128;
const PATH_BYTES_MAX: usize = 400;

/// What tools leave beside a skill's files and no skill needs: not taken over by an install.
const LEFT_OUT: &[&str] = &[".DS_Store", ".clawdhub", ".clawhub", ".git", ".github", ".gitignore", "__MACOSX"];
/// What work in a person's own folder leaves there; never part of what is judged there.
const NOT_LOOKED_AT: &[&str] = &[".git", ".venv", "__pycache__", "node_modules", "target", "venv"];

/// One file of a skill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkillFile {
    /// With `/` between its names, relative to the skill.
    pub path: String,
    pub bytes: Vec<u8>,
}

/// All files of a skill, by path. Always has a `SKILL.md`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkillTree {
    files: Vec<SkillFile>,
}

/// Why files are no skill.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    #[error("it has no SKILL.md at its top")]
    NoSkill,
    #[error("it has more than {FILES_MAX} files")]
    TooManyFiles,
    #[error("{path} is larger than {} MB", FILE_BYTES_MAX / 1024 / 1024)]
    FileTooLarge { path: String },
    #[error("its files are larger than {} MB together", TREE_BYTES_MAX / 1024 / 1024)]
    TooLarge,
    #[error("{path} is a link or a special file, which a skill may not have")]
    NotPlain { path: String },
    #[error("the name {path} {reason}")]
    Name { path: String, reason: &'static str },
    #[error("{one} and {other} are the same name where case doesn't count")]
    SameName { one: String, other: String },
    #[error("{path} can't be read: {source}")]
    Io { path: String, source: io::Error },
}

/// How a folder is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// To be installed: everything counts but what tools leave, and what can't be taken is an error.
    Install,
    /// As it was installed: everything counts.
    Exact,
    /// A person's own: what doesn't fit is passed over.
    Own,
}

impl SkillTree {
    /// Files that came from somewhere; a single folder around all of them is taken off.
    pub fn new(files: Vec<SkillFile>) -> Result<Self, TreeError> {
        let mut files: Vec<SkillFile> =
            files.into_iter().filter(|file| !file.path.split('/').any(|name| LEFT_OUT.contains(&name))).collect();
        if !files.iter().any(|file| file.path == "SKILL.md") {
            take_off_one_folder(&mut files);
        }
        Self::checked(files)
    }

    /// Reads a folder that is to be installed.
    pub fn read(folder: &Path) -> Result<Self, TreeError> {
        Self::read_as(folder, Reading::Install)
    }

    /// Reads a folder as it was installed: one file more or less is another skill.
    pub fn read_exact(folder: &Path) -> Result<Self, TreeError> {
        Self::read_as(folder, Reading::Exact)
    }

    pub(super) fn read_as(folder: &Path, reading: Reading) -> Result<Self, TreeError> {
        let mut walk = Walk { reading, files: Vec::new(), bytes: 0 };
        walk.folder(folder, "", DEPTH_MAX)?;
        match reading {
            Reading::Install => Self::new(walk.files),
            Reading::Exact => Self::checked(walk.files),
            // Names are the owner's affair; only what is in the files is judged.
            Reading::Own => Ok(Self { files: walk.files }),
        }
    }

    fn checked(mut files: Vec<SkillFile>) -> Result<Self, TreeError> {
        if files.len() > FILES_MAX {
            return Err(TreeError::TooManyFiles);
        }
        files.sort_by(|one, other| one.path.cmp(&other.path));
        let mut bytes = 0;
        for file in &files {
            check_path(&file.path)?;
            if file.bytes.len() > FILE_BYTES_MAX {
                return Err(TreeError::FileTooLarge { path: file.path.clone() });
            }
            bytes += file.bytes.len();
        }
        if bytes > TREE_BYTES_MAX {
            return Err(TreeError::TooLarge);
        }
        check_distinct(&files)?;
        if files.iter().all(|file| file.path != "SKILL.md") {
            return Err(TreeError::NoSkill);
        }
        Ok(Self { files })
    }

    /// By path.
    pub fn files(&self) -> &[SkillFile] {
        &self.files
    }

    /// The text of `SKILL.md`.
    pub fn skill_text(&self) -> String {
        let file = self.files.iter().find(|file| file.path == "SKILL.md");
        file.map(|file| String::from_utf8_lossy(&file.bytes).into_owned()).unwrap_or_default()
    }

    /// `sha256:` and 64 hex digits over all names and contents: what a pin names.
    pub fn hash(&self) -> String {
        let mut hasher = Sha256::new();
        hasher.update(b"chela skill 1\n");
        for file in &self.files {
            for part in [file.path.as_bytes(), &file.bytes] {
                // The length first, so that no two sets of files read the same.
                hasher.update((part.len() as u64).to_be_bytes());
                hasher.update(part);
            }
        }
        format!("sha256:{}", hex(&hasher.finalize()))
    }

    /// Writes the files into a folder that isn't there yet, on the disk when it returns. Scripts, known by their `#!`, can be run.
    pub(super) fn write(&self, folder: &Path) -> io::Result<()> {
        DirBuilder::new().mode(0o700).create(folder)?;
        let mut folders = BTreeSet::from([folder.to_owned()]);
        for file in &self.files {
            let path = folder.join(&file.path);
            let parent = path.parent().unwrap_or(folder);
            DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
            folders.insert(parent.to_owned());
            let mode = if file.bytes.starts_with(b"#!") { 0o700 } else { 0o600 };
            let mut new = OpenOptions::new().write(true).create_new(true).mode(mode).open(&path)?;
            new.write_all(&file.bytes)?;
            new.sync_all()?;
        }
        folders.iter().try_for_each(|folder| File::open(folder)?.sync_all())
    }
}

/// Lower-case hex digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What a name in a skill may be; also asked before a name of an archive is used for anything.
pub(super) fn check_path(path: &str) -> Result<(), TreeError> {
    let refuse = |reason| Err(TreeError::Name { path: written_out(&shortened(path)), reason });
    if path.is_empty() || path.len() > PATH_BYTES_MAX {
        return refuse("is empty or too long");
    }
    if path.starts_with('/') || path.contains(['\\', ':']) {
        return refuse("is no relative path");
    }
    if path.split('/').count() > DEPTH_MAX {
        return refuse("lies too deep");
    }
    if written_out(path) != path || path.contains(['\n', '\t']) {
        return refuse("has signs that don't show");
    }
    for name in path.split('/') {
        match name {
            "" | "." | ".." => return refuse("leads elsewhere"),
            name if name.len() > NAME_BYTES_MAX => return refuse("is too long"),
            name if name.ends_with(['.', ' ']) || name.starts_with(' ') => return refuse("ends in a way that hides"),
            _ => {}
        }
    }
    Ok(())
}

/// No two files with one name, nor a file where another needs a folder; case doesn't count, as on many file systems.
fn check_distinct(files: &[SkillFile]) -> Result<(), TreeError> {
    let mut known = std::collections::BTreeMap::new();
    for file in files {
        if let Some(other) = known.insert(file.path.to_lowercase(), &file.path) {
            return Err(TreeError::SameName { one: other.clone(), other: file.path.clone() });
        }
    }
    for file in files {
        let lower = file.path.to_lowercase();
        let mut folders = lower.match_indices('/').map(|(at, _)| &lower[..at]);
        if let Some(folder) = folders.find_map(|folder| known.get(folder)) {
            return Err(TreeError::SameName { one: (*folder).clone(), other: file.path.clone() });
        }
    }
    Ok(())
}

/// An archive often holds the folder instead of what is in it.
fn take_off_one_folder(files: &mut [SkillFile]) {
    let first = files.first().and_then(|file| file.path.split_once('/')).map(|(folder, _)| format!("{folder}/"));
    let Some(folder) = first.filter(|folder| files.iter().all(|file| file.path.starts_with(folder))) else { return };
    for file in files {
        file.path.drain(..folder.len());
    }
}

fn shortened(path: &str) -> String {
    path.chars().take(NAME_BYTES_MAX).collect()
}

struct Walk {
    reading: Reading,
    files: Vec<SkillFile>,
    bytes: usize,
}

impl Walk {
    fn folder(&mut self, folder: &Path, prefix: &str, depth: usize) -> Result<(), TreeError> {
        let failed = |source| TreeError::Io { path: shown(prefix), source };
        let mut entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>).map_err(failed)?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name().to_string_lossy().into_owned();
            let passed_over = match self.reading {
                Reading::Install => LEFT_OUT.contains(&name.as_str()),
                Reading::Exact => false,
                Reading::Own => NOT_LOOKED_AT.contains(&name.as_str()),
            };
            if passed_over {
                continue;
            }
            let path = format!("{prefix}{name}");
            match self.entry(&entry, &path, depth) {
                // What lies beyond a bound is not looked at; what is within it is.
                Err(_) if self.reading == Reading::Own => {}
                result => result?,
            }
        }
        Ok(())
    }

    fn entry(&mut self, entry: &fs::DirEntry, path: &str, depth: usize) -> Result<(), TreeError> {
        let failed = |source| TreeError::Io { path: path.to_owned(), source };
        let kind = entry.file_type().map_err(failed)?;
        if kind.is_dir() {
            if depth <= 1 {
                return Err(TreeError::Name { path: path.to_owned(), reason: "lies too deep" });
            }
            return self.folder(&entry.path(), &format!("{path}/"), depth - 1);
        }
        if !kind.is_file() {
            return Err(TreeError::NotPlain { path: path.to_owned() });
        }
        if self.files.len() >= FILES_MAX {
            return Err(TreeError::TooManyFiles);
        }
        let bytes = read(&entry.path(), path)?;
        if self.bytes + bytes.len() > TREE_BYTES_MAX {
            return Err(TreeError::TooLarge);
        }
        self.bytes += bytes.len();
        self.files.push(SkillFile { path: path.to_owned(), bytes });
        Ok(())
    }
}

/// A link that takes the file's place meanwhile is not followed, and a pipe not waited for.
fn read(file: &Path, path: &str) -> Result<Vec<u8>, TreeError> {
    let failed = |source| TreeError::Io { path: path.to_owned(), source };
    let flags = rustix::fs::OFlags::NOFOLLOW.union(rustix::fs::OFlags::NONBLOCK).bits();
    let flags = i32::try_from(flags).map_err(|error| failed(io::Error::other(error)))?;
    let open = OpenOptions::new().read(true).custom_flags(flags).open(file).map_err(failed)?;
    let mut bytes = Vec::new();
    open.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > FILE_BYTES_MAX {
        return Err(TreeError::FileTooLarge { path: path.to_owned() });
    }
    Ok(bytes)
}

fn shown(prefix: &str) -> String {
    if prefix.is_empty() { "the folder".to_owned() } else { prefix.to_owned() }
}
