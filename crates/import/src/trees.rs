//! Copies folders: workspaces and skills. Never overwrites a file that says something else, and never leaves half a one.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::configuration::Moved;
use crate::report::{FAULTS_MAX, FileTold, Ledger};
use crate::{ImportMode, ImportRequest};

/// Folders within folders; deeper is a circle that somebody made by mounting.
const DEPTH_MAX: usize = 64;

/// How much of two files is compared at a time.
const CHUNK_BYTES: usize = 64 << 10;

/// The end of the name of a file that is not whole yet.
const UNFINISHED: &str = ".import-unfinished";

/// What became of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Copied {
    New,
    /// It is here already.
    Same,
    /// Another one of that name is here, and stays.
    Differs,
}

pub(crate) fn copy_workspaces(request: &ImportRequest<'_>, moved: &Moved, ledger: &mut Ledger) {
    for workspace in &moved.workspaces {
        let in_place = workspace.from == workspace.to;
        let detail = if in_place { "a workspace, used where it is" } else { "a workspace, copied" };
        copy(request, &workspace.from, &workspace.to, detail, ledger);
    }
}

pub(crate) fn copy_skills(request: &ImportRequest<'_>, ledger: &mut Ledger) {
    let from = request.source.dir.join("skills");
    if from.is_dir() {
        copy(request, &from, &request.to.state_dir.join("skills"), "skills of all agents, copied", ledger);
    }
}

fn copy(request: &ImportRequest<'_>, from: &Path, to: &Path, detail: &str, ledger: &mut Ledger) {
    let mut tree = Tree { mode: request.mode, ..Tree::default() };
    let same_place = to.canonicalize().is_ok_and(|to| to == from);
    if same_place {
        tree.same = count(from, DEPTH_MAX);
    } else {
        tree.copy_dir(from, to, DEPTH_MAX);
    }
    for path in tree.differing.iter().take(FAULTS_MAX) {
        ledger.named(ledger.name(path), FileTold::ignored("another one of that name is here already: it holds", 1));
    }
    for path in &tree.skipped {
        ledger.named(ledger.name(path), FileTold::ignored("no plain file, or a link that leads out of its folder", 1));
    }
    for (path, error) in &tree.failed {
        ledger.fault(path, None, error.to_string());
    }
    ledger.counts().files += tree.new;
    ledger.file(from, FileTold::applied(detail, tree.new + tree.same + tree.differing.len(), tree.new));
}

/// Files below a folder.
pub(crate) fn count(dir: &Path, depth: usize) -> usize {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let one = |entry: fs::DirEntry| match entry.file_type() {
        Ok(kind) if kind.is_dir() && depth > 0 => count(&entry.path(), depth - 1),
        _ => 1,
    };
    entries.map(one).sum()
}

/// What was done to a folder.
#[derive(Default)]
struct Tree {
    mode: ImportMode,
    new: usize,
    same: usize,
    differing: Vec<PathBuf>,
    skipped: Vec<PathBuf>,
    failed: Vec<(PathBuf, io::Error)>,
}

impl Tree {
    fn copy_dir(&mut self, from: &Path, to: &Path, depth: usize) {
        if let Err(error) = self.try_copy_dir(from, to, depth) {
            self.failed.push((from.to_owned(), error));
        }
    }

    fn try_copy_dir(&mut self, from: &Path, to: &Path, depth: usize) -> io::Result<()> {
        if self.mode == ImportMode::Write && !to.is_dir() {
            fs::create_dir_all(to)?;
            fs::set_permissions(to, fs::metadata(from)?.permissions())?;
        }
        let mut entries = fs::read_dir(from)?.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let (from, to, kind) = (entry.path(), to.join(entry.file_name()), entry.file_type()?);
            if kind.is_dir() && depth > 0 {
                self.copy_dir(&from, &to, depth - 1);
            } else if kind.is_symlink() {
                self.copy_link(&from, &to);
            } else if kind.is_file() {
                match copy_file(&from, &to, self.mode) {
                    Ok(Copied::New) => self.new += 1,
                    Ok(Copied::Same) => self.same += 1,
                    Ok(Copied::Differs) => self.differing.push(from),
                    Err(error) => self.failed.push((from, error)),
                }
            } else {
                self.skipped.push(from);
            }
        }
        Ok(())
    }

    /// A link is copied as one where it leads to something beside or below it.
    fn copy_link(&mut self, from: &Path, to: &Path) {
        let Ok(target) = fs::read_link(from) else { return self.skipped.push(from.to_owned()) };
        let stays = target.components().all(|part| matches!(part, std::path::Component::Normal(_)));
        match fs::symlink_metadata(to) {
            _ if !stays => self.skipped.push(from.to_owned()),
            Ok(found) if found.is_symlink() && fs::read_link(to).is_ok_and(|there| there == target) => self.same += 1,
            Ok(_) => self.differing.push(from.to_owned()),
            Err(_) if self.mode == ImportMode::DryRun => self.new += 1,
            Err(_) => match std::os::unix::fs::symlink(&target, to) {
                Ok(()) => self.new += 1,
                Err(error) => self.failed.push((from.to_owned(), error)),
            },
        }
    }
}

/// Copies a file with its rights, unless one of that name is there.
pub(crate) fn copy_file(from: &Path, to: &Path, mode: ImportMode) -> io::Result<Copied> {
    if fs::symlink_metadata(to).is_ok() {
        let is_same = to.canonicalize()? == from.canonicalize()? || (to.is_file() && same_content(from, to)?);
        return Ok(if is_same { Copied::Same } else { Copied::Differs });
    }
    if mode == ImportMode::Write {
        if let Some(dir) = to.parent() {
            fs::create_dir_all(dir)?;
        }
        let mut unfinished = to.as_os_str().to_owned();
        unfinished.push(UNFINISHED);
        fs::copy(from, &unfinished)?;
        // Whoever had no right to change it there may do so here: it is theirs now.
        let mut rights = fs::metadata(from)?.permissions();
        rights.set_mode(rights.mode() | 0o600);
        fs::set_permissions(&unfinished, rights)?;
        File::open(&unfinished)?.set_modified(fs::metadata(from)?.modified()?)?;
        fs::rename(&unfinished, to)?;
    }
    Ok(Copied::New)
}

fn same_content(one: &Path, other: &Path) -> io::Result<bool> {
    if fs::metadata(one)?.len() != fs::metadata(other)?.len() {
        return Ok(false);
    }
    let (mut one, mut other) = (File::open(one)?, File::open(other)?);
    let (mut here, mut there) = (Vec::with_capacity(CHUNK_BYTES), Vec::with_capacity(CHUNK_BYTES));
    loop {
        here.clear();
        there.clear();
        (&mut one).take(CHUNK_BYTES as u64).read_to_end(&mut here)?;
        (&mut other).take(CHUNK_BYTES as u64).read_to_end(&mut there)?;
        if here != there {
            return Ok(false);
        }
        if here.is_empty() {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_copied_once_and_nothing_is_overwritten() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (from, to) = (from.path(), to.path().join("new"));
        fs::create_dir(from.join("memory")).unwrap();
        fs::write(from.join("SOUL.md"), "theirs").unwrap();
        fs::write(from.join("memory/day.md"), "a day").unwrap();
        std::os::unix::fs::symlink("SOUL.md", from.join("link.md")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", from.join("out")).unwrap();
        fs::create_dir(&to).unwrap();
        fs::write(to.join("SOUL.md"), "mine").unwrap();

        let copied = |mode| {
            let mut tree = Tree { mode, ..Tree::default() };
            tree.copy_dir(from, &to, DEPTH_MAX);
            (tree.new, tree.same, tree.differing.len(), tree.skipped.len(), tree.failed.len())
        };
        assert_eq!(copied(ImportMode::DryRun), (2, 0, 1, 1, 0));
        assert!(!to.join("memory").exists());
        assert_eq!(copied(ImportMode::Write), (2, 0, 1, 1, 0));
        assert_eq!(copied(ImportMode::Write), (0, 2, 1, 1, 0));
        assert_eq!(fs::read_to_string(to.join("SOUL.md")).unwrap(), "mine");
        assert_eq!(fs::read_to_string(to.join("memory/day.md")).unwrap(), "a day");
        assert!(!to.join("out").exists());
    }
}
