//! Folders in a workspace that the program itself writes to. The agent's commands can put anything there, links to private files
//! among them, so every step goes through an open folder and follows no link.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags};

/// Folder for results that are too long for the conversation.
pub(crate) const OUTPUTS: [&str; 2] = [".chela", "outputs"];
/// Folder for old results that the conversation holds shortened.
pub(crate) const RESULTS: [&str; 2] = [".chela", "results"];

const FOLDER_FLAGS: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const FILE_FLAGS: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);
/// For the owner alone: what tools saw is nobody else's.
const PRIVATE: Mode = Mode::RUSR.union(Mode::WUSR);

/// An open folder.
pub(crate) struct Folder(OwnedFd);

/// How much a folder may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    pub files: usize,
    pub bytes: u64,
}

impl Folder {
    /// Opens a folder of the workspace, and makes it where it is missing. A link in its place is an error.
    pub(crate) fn open(workspace: &Path, names: &[&str]) -> io::Result<Self> {
        let mut folder = rustix::fs::openat(CWD, workspace, FOLDER_FLAGS.difference(OFlags::NOFOLLOW), Mode::empty())?;
        for name in names {
            match rustix::fs::mkdirat(&folder, *name, Mode::RWXU) {
                Ok(()) | Err(rustix::io::Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
            folder = rustix::fs::openat(&folder, *name, FOLDER_FLAGS, Mode::empty())?;
        }
        Ok(Self(folder))
    }

    /// Puts a whole file there, in the place of one that has its name.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let part = format!(".{name}.part");
        let flags = FILE_FLAGS.union(OFlags::WRONLY).union(OFlags::CREATE).union(OFlags::EXCL);
        // What a crash left of an earlier try.
        let _ = rustix::fs::unlinkat(&self.0, &part, AtFlags::empty());
        let mut file = File::from(rustix::fs::openat(&self.0, &part, flags, PRIVATE)?);
        file.write_all(bytes)?;
        Ok(rustix::fs::renameat(&self.0, &part, &self.0, name)?)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        let found = rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW);
        found.is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::RegularFile)
    }

    /// The text of a file, at most `most` bytes of it; `None` when there is none.
    pub(crate) fn read(&self, name: &str, most: u64) -> io::Result<Option<String>> {
        let file = match rustix::fs::openat(&self.0, name, FILE_FLAGS.union(OFlags::RDONLY), Mode::empty()) {
            Ok(file) => File::from(file),
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut bytes = Vec::new();
        file.take(most).read_to_end(&mut bytes)?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Writes behind what stands in a file, which is made where it is missing.
    pub(crate) fn append(&self, name: &str, text: &str) -> io::Result<()> {
        let flags = FILE_FLAGS.union(OFlags::WRONLY).union(OFlags::APPEND).union(OFlags::CREATE);
        let file = rustix::fs::openat(&self.0, name, flags, PRIVATE)?;
        if FileType::from_raw_mode(rustix::fs::fstat(&file)?.st_mode) != FileType::RegularFile {
            return Err(io::Error::other("it is no plain file"));
        }
        File::from(file).write_all(text.as_bytes())
    }

    /// Removes the oldest files until the others fit.
    pub(crate) fn rotate(&self, room: Room) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in Dir::read_from(&self.0)? {
            let entry = entry?;
            let found = match rustix::fs::statat(&self.0, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW) {
                // Another session of the agent clears up as well, and its commands may.
                Err(rustix::io::Errno::NOENT) => continue,
                found => found?,
            };
            if FileType::from_raw_mode(found.st_mode) != FileType::Directory {
                let size = u64::try_from(found.st_size).unwrap_or(0);
                files.push((found.st_mtime, found.st_mtime_nsec, entry.file_name().to_owned(), size));
            }
        }
        files.sort();
        let mut bytes: u64 = files.iter().map(|file| file.3).sum();
        let mut count = files.len();
        for (_, _, name, size) in &files {
            if count <= room.files && bytes <= room.bytes {
                break;
            }
            match rustix::fs::unlinkat(&self.0, name.as_c_str(), AtFlags::empty()) {
                Ok(()) | Err(rustix::io::Errno::NOENT) => {}
                Err(error) => return Err(error.into()),
            }
            (count, bytes) = (count - 1, bytes - size);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_kept_until_there_are_too_many() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path(), &OUTPUTS).unwrap();
        for number in 0..5 {
            folder.write(&format!("{number}.txt"), b"12345").unwrap();
        }
        folder.rotate(Room { files: 4, bytes: 15 }).unwrap();
        let left: Vec<_> = (0..5).filter(|number| folder.has(&format!("{number}.txt"))).collect();
        assert_eq!(left, [2, 3, 4]);
        assert_eq!(folder.read("4.txt", 3).unwrap().as_deref(), Some("123"));
        assert_eq!(folder.read("0.txt", 3).unwrap(), None);
        folder.append("4.txt", "67").unwrap();
        assert_eq!(std::fs::read_to_string(dir.path().join(".chela/outputs/4.txt")).unwrap(), "1234567");
    }

    #[test]
    fn g25_a_link_is_never_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (workspace, private) = (dir.path().join("w"), dir.path().join("private"));
        std::fs::create_dir_all(workspace.join(".chela")).unwrap();
        std::fs::create_dir_all(&private).unwrap();
        std::fs::write(private.join("key"), "secret").unwrap();
        std::os::unix::fs::symlink(&private, workspace.join(".chela/outputs")).unwrap();
        assert!(Folder::open(&workspace, &OUTPUTS).is_err(), "a folder that is a link");

        let folder = Folder::open(&workspace, &RESULTS).unwrap();
        std::os::unix::fs::symlink(private.join("key"), workspace.join(".chela/results/a.txt")).unwrap();
        assert!(!folder.has("a.txt"));
        assert!(folder.read("a.txt", 10).is_err());
        assert!(folder.append("a.txt", "x").is_err());
        folder.write("a.txt", b"mine").unwrap();
        folder.rotate(Room { files: 0, bytes: 0 }).unwrap();
        assert_eq!(std::fs::read_to_string(private.join("key")).unwrap(), "secret");
    }
}
