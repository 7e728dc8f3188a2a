//! Puts skills into the state dir's folder and takes them out, so that a crash leaves what was there or what was to be, never a half.
//!
//! New files are written beside, the pin names both hashes, one rename (or exchange) puts the folder in its place, and the pin names
//! the new one alone. What a crash left in between is settled by what the folder holds. One caller at a time.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::SKILL_FOLDERS;
use super::lock::{LockFileError, Pinned, SkillLock, SkillPin};
use super::tree::SkillTree;

/// Begin names of folders that are on their way in or out. Names with a dot at the start are no skills.
const INCOMING: &str = ".installing-";
const OUTGOING: &str = ".removed-";

/// Longest name of an installed skill's folder.
const NAME_MAX: usize = 64;

/// Why a skill is not in its place. What was there before still is.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    #[error("a skill can't be called {0:?}: use small letters, digits, - and _")]
    Name(String),
    #[error("{} is there and was not installed by the gateway; move it away first", .0.display())]
    Occupied(PathBuf),
    #[error("no skill called {0} was installed")]
    Unknown(String),
    #[error(transparent)]
    Lock(#[from] LockFileError),
    #[error("the skill can't be stored: {0}")]
    Io(#[from] io::Error),
}

/// The state dir as the home of installed skills.
#[derive(Debug, Clone, Copy)]
pub struct SkillHome<'a> {
    pub state_dir: &'a Path,
}

impl SkillHome<'_> {
    /// Where the skill of this name stands.
    pub fn folder(self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    /// Whether a folder may have this name.
    pub fn check_name(name: &str) -> Result<(), PlaceError> {
        let is_fine = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        let fits = !name.is_empty() && name.len() <= NAME_MAX && name.bytes().all(is_fine);
        let begins_well = name.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
        if fits && begins_well { Ok(()) } else { Err(PlaceError::Name(name.to_owned())) }
    }

    /// Puts a skill in its place with its pin, instead of an installed one of that name. The same again changes nothing but the pin.
    pub fn put(self, name: &str, tree: &SkillTree, pin: SkillPin) -> Result<(), PlaceError> {
        Self::check_name(name)?;
        self.settle()?;
        let mut lock = SkillLock::read(self.state_dir)?;
        let target = self.folder(name);
        let is_there = fs::symlink_metadata(&target).is_ok();
        if is_there && !lock.knows(name) {
            return Err(PlaceError::Occupied(target));
        }
        DirBuilder::new().recursive(true).mode(0o700).create(self.root())?;
        let incoming = self.root().join(format!("{INCOMING}{name}"));
        tree.write(&incoming)?;
        let now = lock.pin(name).cloned();
        lock.skills.insert(name.to_owned(), Pinned { now, next: Some(pin.clone()) });
        lock.write(self.state_dir)?;
        self.move_in(name, &incoming, is_there)?;
        lock.skills.insert(name.to_owned(), Pinned { now: Some(pin), next: None });
        lock.write(self.state_dir)?;
        remove_folder(&incoming)?;
        Ok(())
    }

    /// Takes an installed skill away, with its pin.
    pub fn remove(self, name: &str) -> Result<(), PlaceError> {
        self.settle()?;
        let mut lock = SkillLock::read(self.state_dir)?;
        if lock.skills.remove(name).is_none() {
            return Err(PlaceError::Unknown(name.to_owned()));
        }
        let outgoing = self.root().join(format!("{OUTGOING}{name}"));
        match fs::rename(self.folder(name), &outgoing) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        lock.write(self.state_dir)?;
        remove_folder(&outgoing)?;
        Ok(())
    }

    /// Lets files with this hash be used whatever a scan finds in them.
    pub fn accept(self, hash: &str, now_ms: i64) -> Result<(), PlaceError> {
        let mut lock = SkillLock::read(self.state_dir)?;
        lock.accepted.insert(hash.to_owned(), now_ms);
        Ok(lock.write(self.state_dir)?)
    }

    /// Ends what a crash interrupted.
    pub fn settle(self) -> Result<(), PlaceError> {
        let Ok(entries) = fs::read_dir(self.root()) else { return Ok(()) };
        let mut lock = SkillLock::read(self.state_dir)?;
        let before = lock.clone();
        let names: Vec<String> =
            entries.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned())).collect();
        for name in names.iter().filter_map(|name| name.strip_prefix(OUTGOING)) {
            let (outgoing, folder) = (self.root().join(format!("{OUTGOING}{name}")), self.folder(name));
            if lock.knows(name) && fs::symlink_metadata(&folder).is_err() {
                fs::rename(&outgoing, &folder)?;
            }
        }
        for (name, pinned) in &mut lock.skills {
            let Some(next) = pinned.next.take() else { continue };
            if SkillTree::read_exact(&self.root().join(name)).is_ok_and(|tree| tree.hash() == next.hash) {
                pinned.now = Some(next);
            }
        }
        lock.skills.retain(|_, pinned| pinned.now.is_some());
        if lock != before {
            lock.write(self.state_dir)?;
        }
        for name in names.iter().filter(|name| name.starts_with(INCOMING) || name.starts_with(OUTGOING)) {
            remove_folder(&self.root().join(name))?;
        }
        Ok(())
    }

    /// One step, where the file system can exchange two names; else the old one goes aside first.
    fn move_in(self, name: &str, incoming: &Path, is_there: bool) -> io::Result<()> {
        let target = self.folder(name);
        if !is_there {
            fs::rename(incoming, &target)?;
        } else if renameat_with(CWD, incoming, CWD, &target, RenameFlags::EXCHANGE).is_err() {
            let outgoing = self.root().join(format!("{OUTGOING}{name}"));
            fs::rename(&target, &outgoing)?;
            fs::rename(incoming, &target)?;
            remove_folder(&outgoing)?;
        }
        File::open(self.root())?.sync_all()
    }

    fn root(self) -> PathBuf {
        self.state_dir.join(SKILL_FOLDERS[0])
    }
}

fn remove_folder(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
