//! Stores a configuration's text: all of it or nothing, with the last five texts kept.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use crate::syntax::{self, SyntaxError};

/// Ends of the names of former texts, newest first.
const BACKUPS: &[&str] = &[".bak", ".bak.1", ".bak.2", ".bak.3", ".bak.4"];

/// End of the name of a text that is being written.
const NEW: &str = ".new";

/// Why a text was not stored. The file is as it was.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error("the file changed since it was read: its hash is {found}, not {expected}; read it again")]
    Stale { expected: String, found: String },
    #[error("another program is writing in {}; try again", .0.display())]
    Busy(PathBuf),
    #[error("the new text has a mistake at {0}")]
    Syntax(#[from] SyntaxError),
    #[error("cannot write {}: {source}", .path.display())]
    Io { path: PathBuf, source: io::Error },
}

/// Replaces the file by `text` and returns its new hash. With `base_hash`, only if the file still has that hash.
///
/// The text is checked first, so that a program never stores a broken file. Readers see the old text or the new one; after
/// a crash too. The file gets mode 0600. A link is followed, and stays a link.
pub fn write(path: &Path, text: &str, base_hash: Option<&str>) -> Result<String, WriteError> {
    syntax::parse(text)?;
    let io = |source| WriteError::Io { path: path.to_owned(), source };
    let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let dir = target.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(io)?;

    // The lock on the directory ends with the handle, and so with the process.
    let dir_handle = File::open(dir).map_err(io)?;
    flock(&dir_handle, FlockOperation::NonBlockingLockExclusive).map_err(|_| WriteError::Busy(dir.to_owned()))?;
    let current = match fs::read(&target) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(io(error)),
    };
    if let Some(expected) = base_hash {
        let found = syntax::hash(current.as_deref().unwrap_or_default());
        if found != expected {
            return Err(WriteError::Stale { expected: expected.to_owned(), found });
        }
    }
    if current.as_deref() != Some(text.as_bytes()) {
        if let Some(bytes) = &current {
            keep(&target, bytes).map_err(io)?;
        }
        replace(&target, text.as_bytes()).map_err(io)?;
        dir_handle.sync_all().map_err(io)?;
    }
    Ok(syntax::hash(text.as_bytes()))
}

/// Names beside a file that [`write`] gives to its former texts and to one that is not whole yet. They hold the same secrets.
pub fn former_texts(path: &Path) -> Vec<PathBuf> {
    let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    BACKUPS.iter().chain(&[NEW]).map(|end| beside(&target, end)).collect()
}

/// Moves the former texts one place back and puts the current one first.
fn keep(target: &Path, bytes: &[u8]) -> io::Result<()> {
    for pair in BACKUPS.windows(2).rev() {
        match fs::rename(beside(target, pair[0]), beside(target, pair[1])) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    replace(&beside(target, BACKUPS[0]), bytes)
}

/// Writes a file beside the target and renames it over. The lock makes the name ours; what a crash left there is taken over.
fn replace(target: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = beside(target, NEW);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, target)
}

fn beside(target: &Path, end: &str) -> PathBuf {
    let mut name: OsString = target.file_name().unwrap_or_default().to_owned();
    name.push(end);
    target.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &Path) -> String {
        fs::read_to_string(path).unwrap()
    }

    #[test]
    fn keeps_the_last_five_texts() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state/chela.json");
        for number in 0..8 {
            write(&path, &format!("{{n: {number}}}"), None).unwrap();
        }
        assert_eq!(read(&path), "{n: 7}");
        for (end, number) in BACKUPS.iter().zip((2..7).rev()) {
            assert_eq!(read(&beside(&path, end)), format!("{{n: {number}}}"));
        }
        let former = former_texts(&path);
        for entry in fs::read_dir(path.parent().unwrap()).unwrap() {
            let name = entry.unwrap().path();
            assert!(name == path || former.contains(&name), "{} is not said to be there", name.display());
        }
        for name in [&path, &beside(&path, ".bak")] {
            assert_eq!(fs::metadata(name).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn the_same_text_again_is_no_write() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("chela.json");
        write(&path, "{}", None).unwrap();
        write(&path, "{}", None).unwrap();
        assert!(!beside(&path, ".bak").exists());
    }

    #[test]
    fn a_stale_base_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("chela.json");
        let first = write(&path, "{a: 1}", Some(&syntax::hash(b""))).unwrap();
        let second = write(&path, "{a: 2}", Some(&first)).unwrap();
        let refused = write(&path, "{a: 3}", Some(&first));
        assert!(matches!(refused, Err(WriteError::Stale { found, .. }) if found == second));
        assert_eq!(read(&path), "{a: 2}");
    }

    #[test]
    fn broken_text_and_a_second_writer_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("chela.json");
        assert!(matches!(write(&path, "{a: ", None), Err(WriteError::Syntax(_))));
        let held = File::open(dir.path()).unwrap();
        flock(&held, FlockOperation::NonBlockingLockExclusive).unwrap();
        assert!(matches!(write(&path, "{}", None), Err(WriteError::Busy(_))));
        assert!(!path.exists());
    }

    #[test]
    fn a_link_stays_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let (real, link) = (dir.path().join("real.json"), dir.path().join("chela.json"));
        fs::write(&real, "{}").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        write(&link, "{a: 1}", None).unwrap();
        assert_eq!(read(&real), "{a: 1}");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }
}
