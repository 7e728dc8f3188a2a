//! What a yes is bound to besides the words of a command: the files that they name and that could be changed while a person thinks.
//!
//! A person allows `./deploy.sh` for what it says now. Other conversations of the same agent, and commands that run already, can write to
//! its workspace meanwhile. Only files that the command line names are known; what those read in turn is not.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use chela_agent::{Subject, open_real};
use sha2::{Digest as _, Sha256};

/// Words of a command that are looked at. A longer one is mostly data.
const WORDS_MAX: usize = 256;
/// Folders that the command may enter before it names a file.
const FOLDERS_MAX: usize = 8;
/// A larger file is known by its place and times: nobody reads that much anyway.
const READ_MAX: u64 = 16 * 1024 * 1024;
/// Bytes that are read at once.
const PIECE: usize = 64 * 1024;

/// The files that a command names, as they were when it was looked at.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct BoundFiles(BTreeMap<PathBuf, State>);

#[derive(Debug, PartialEq, Eq)]
enum State {
    Absent,
    Folder,
    Content([u8; 32]),
    /// Device, file, size and time of the last change.
    Place(u64, u64, u64, i64, i64),
    Unreadable,
}

impl BoundFiles {
    /// Looks at the files of `changeable` folders that a command names. Blocking.
    pub(super) fn of(subject: &Subject, changeable: &[PathBuf]) -> Self {
        let Subject::Command { command, workdir, path, .. } = subject else { return Self::default() };
        let roots: Vec<PathBuf> = changeable.iter().filter_map(|root| root.canonicalize().ok()).collect();
        let words = words(command);
        let entered = words.iter().map(|word| workdir.join(word)).filter(|folder| folder.is_dir()).take(FOLDERS_MAX);
        let programs = path.split(':').map(|folder| workdir.join(folder));
        let bases: Vec<PathBuf> = std::iter::once(workdir.clone()).chain(entered).chain(programs).collect();
        let mut files = BTreeMap::new();
        for written in bases.iter().flat_map(|base| words.iter().map(move |word| base.join(word))) {
            let real = written.canonicalize();
            let place = real.as_deref().unwrap_or(&written);
            if roots.iter().any(|root| place.starts_with(root)) {
                files.insert(written.clone(), real.map_or(State::Absent, |real| state(&real)));
            }
        }
        Self(files)
    }
}

/// Everything in a command that could be a path, with quotes and operators taken as gaps.
fn words(command: &str) -> Vec<&str> {
    let is_gap = |sign: char| sign.is_whitespace() || "'\"`$(){}<>|;&=*?[]\\,".contains(sign);
    command.split(is_gap).filter(|word| !word.is_empty()).take(WORDS_MAX).collect()
}

fn state(real: &Path) -> State {
    let Ok(found) = fs::symlink_metadata(real) else { return State::Absent };
    if found.is_dir() {
        return State::Folder;
    }
    if found.len() > READ_MAX {
        return State::Place(found.dev(), found.ino(), found.len(), found.ctime(), found.ctime_nsec());
    }
    digest(real).map_or(State::Unreadable, State::Content)
}

fn digest(real: &Path) -> io::Result<[u8; 32]> {
    let mut file = open_real(real)?.take(READ_MAX + 1);
    let mut hasher = Sha256::new();
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(hasher.finalize().into()),
            length => hasher.update(&piece[..length]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g23_every_named_file_of_the_workspace_counts() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        fs::create_dir(root.join("sub")).unwrap();
        for file in ["run.sh", "a.py", "sub/b.sh", "other"] {
            fs::write(root.join(file), "1").unwrap();
        }
        let look = |command: &str| {
            let (command, workdir, path) = (command.to_owned(), root.clone(), "bin:/usr/bin".to_owned());
            BoundFiles::of(
                &Subject::Command { command, workdir, variables: Vec::new(), path },
                std::slice::from_ref(&root),
            )
        };
        for (command, file) in [
            ("./run.sh now", "run.sh"),
            ("python3 a.py", "a.py"),
            ("sh -c 'cat x; sh \"run.sh\"'", "run.sh"),
            ("cd sub && ./b.sh", "sub/b.sh"),
            ("tool --file=a.py", "a.py"),
            ("new.sh", "bin/new.sh"),
        ] {
            let before = look(command);
            assert_eq!(before, look(command), "{command}");
            fs::write(root.join("other"), command).unwrap();
            assert_eq!(before, look(command), "{command} names nothing else");
            fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
            fs::write(root.join(file), command).unwrap();
            assert_ne!(before, look(command), "{command}");
        }
        assert_eq!(look("/usr/bin/ls /usr/lib"), BoundFiles::default(), "nothing of it can be changed");
    }
}
