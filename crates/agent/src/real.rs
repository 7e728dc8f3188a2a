//! Files and folders opened by their real path. Commands can change a workspace at any moment, so a path that was judged is
//! opened name by name and no link is followed: what is reached is what was judged, or nothing.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Component, Path};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};

const FOLDER_FLAGS: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// A pipe that takes the file's place is not waited for.
const FILE_FLAGS: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);
/// What the umask leaves of it, as for any program.
const FOLDER_MODE: Mode = Mode::RWXU.union(Mode::RWXG).union(Mode::RWXO);
const FILE_MODE: Mode = Mode::from_raw_mode(0o666);

/// An open folder; names in it are used without following links.
#[derive(Debug)]
pub struct RealFolder(OwnedFd);

/// What becomes of folders that are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    Fail,
    Make,
}

impl RealFolder {
    /// Opens an absolute path without links in it. A link that stands in the way is an error.
    pub fn open(path: &Path, missing: Missing) -> io::Result<Self> {
        let mut folder = rustix::fs::openat(CWD, c"/", FOLDER_FLAGS, Mode::empty())?;
        for part in path.components() {
            let name = match part {
                Component::RootDir => continue,
                Component::Normal(name) => name,
                _ => return Err(io::ErrorKind::InvalidInput.into()),
            };
            if missing == Missing::Make {
                // One that is there already needs no making, and of one that can't be made the next step tells.
                let _ = rustix::fs::mkdirat(&folder, name, FOLDER_MODE);
            }
            folder = rustix::fs::openat(&folder, name, FOLDER_FLAGS, Mode::empty())?;
        }
        Ok(Self(folder))
    }

    /// Opens a plain file for reading.
    pub fn read(&self, name: &OsStr) -> io::Result<File> {
        plain(rustix::fs::openat(&self.0, name, FILE_FLAGS.union(OFlags::RDONLY), Mode::empty())?)
    }

    /// Makes a file that isn't there yet, for writing.
    pub fn create(&self, name: &OsStr) -> io::Result<File> {
        let flags = FILE_FLAGS.union(OFlags::WRONLY).union(OFlags::CREATE).union(OFlags::EXCL);
        plain(rustix::fs::openat(&self.0, name, flags, FILE_MODE)?)
    }

    /// What a name is, if there is one; of a link, the link.
    pub fn kind(&self, name: &OsStr) -> Option<FileType> {
        let found = rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        Some(FileType::from_raw_mode(found.st_mode))
    }

    /// Gives a file another name in the same folder, in the place of what has that name.
    pub fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.0, from, &self.0, to)?)
    }

    /// Gives a file a second name in the same folder.
    pub fn link(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::linkat(&self.0, from, &self.0, to, AtFlags::empty())?)
    }

    pub fn remove(&self, name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.0, name, AtFlags::empty())?)
    }
}

/// Opens a plain file by its real path for reading. Everything else is an error, and nothing is waited for.
pub fn open_real(path: &Path) -> io::Result<File> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::IsADirectory.into());
    };
    RealFolder::open(folder, Missing::Fail)?.read(name)
}

/// The text of a plain file, links followed; one with more bytes than `most` is an error, as is anything that isn't UTF-8.
pub(crate) fn read_bounded(path: &Path, most: u64) -> io::Result<String> {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = fs::OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let mut text = String::new();
    plain(file)?.take(most.saturating_add(1)).read_to_string(&mut text)?;
    if text.len() as u64 > most { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(text) }
}

fn plain(file: impl Into<File>) -> io::Result<File> {
    let file = file.into();
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is no plain file")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g25_no_link_is_followed_and_no_pipe_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("private")).unwrap();
        fs::write(root.join("private/key"), "secret").unwrap();
        fs::write(root.join("own"), "text").unwrap();
        std::os::unix::fs::symlink("private", root.join("swapped")).unwrap();
        std::os::unix::fs::symlink("own", root.join("link")).unwrap();
        rustix::fs::mkfifoat(CWD, root.join("pipe"), Mode::RWXU).unwrap();

        assert!(open_real(&root.join("own")).is_ok());
        for name in ["swapped/key", "link", "pipe", "private", "none", "private/../own"] {
            assert!(open_real(&root.join(name)).is_err(), "{name}");
        }
        for name in ["swapped", "swapped/new", "own/new"] {
            assert!(RealFolder::open(&root.join(name), Missing::Make).is_err(), "{name}");
        }
        assert!(!root.join("private/new").exists());
        let made = RealFolder::open(&root.join("a/b"), Missing::Make).unwrap();
        made.create(OsStr::new("x")).unwrap();
        assert!(made.create(OsStr::new("x")).is_err());
        assert!(root.join("a/b/x").exists());
    }

    #[test]
    fn only_plain_text_within_the_bound_is_read() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a"), "12345").unwrap();
        rustix::fs::mkfifoat(CWD, dir.path().join("pipe"), Mode::RWXU).unwrap();
        assert_eq!(read_bounded(&dir.path().join("a"), 5).unwrap(), "12345");
        assert!(read_bounded(&dir.path().join("a"), 4).is_err());
        assert!(read_bounded(&dir.path().join("pipe"), 4).is_err());
        assert!(read_bounded(Path::new("/dev/zero"), 4).is_err());
    }
}
