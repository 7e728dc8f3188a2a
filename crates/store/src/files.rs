//! Creates the files and folders that only their owner may read, and makes renames durable.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

const PRIVATE_FILE: u32 = 0o600;
const PRIVATE_DIR: u32 = 0o700;
const OTHERS: u32 = 0o077;

/// Creates a folder with its parents. One that exists keeps its mode: it may be shared on purpose.
pub(crate) fn create_private_dir(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(PRIVATE_DIR).create(dir)
}

/// Opens a file for reading and writing, creates it where it is missing, and takes others' rights to it away.
pub(crate) fn open_private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create(true).truncate(false).mode(PRIVATE_FILE).open(path)?;
    make_private(path)?;
    Ok(file)
}

/// Creates an empty file where there is none, and takes others' rights to it away. Never opens one that exists: to
/// close it again would drop the locks that SQLite holds on it elsewhere in this process.
pub(crate) fn create_private_file(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(PRIVATE_FILE).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => make_private(path),
        created => created.map(drop),
    }
}

/// A link stays as it is, and so does what it leads to: that may be somebody else's file.
fn make_private(path: &Path) -> io::Result<()> {
    let found = fs::symlink_metadata(path)?;
    if found.is_file() && found.permissions().mode() & OTHERS != 0 {
        fs::set_permissions(path, Permissions::from_mode(PRIVATE_FILE))?;
    }
    Ok(())
}

/// Puts a finished file in the place of another, so that after a power cut either the old or the new one stands whole.
pub(crate) fn replace_durably(finished: &Path, target: &Path) -> io::Result<()> {
    File::open(finished)?.sync_all()?;
    fs::rename(finished, target)?;
    sync_dir_of(target)
}

/// Makes renames and removals in the folder of `path` durable.
pub(crate) fn sync_dir_of(path: &Path) -> io::Result<()> {
    File::open(dir_of(path))?.sync_all()
}

/// The folder that `path` stands in.
pub(crate) fn dir_of(path: &Path) -> &Path {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    }
}

/// `path` with `suffix` behind its whole name.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Removes a file if it is there.
pub(crate) fn remove_if_present(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_lose_their_rights_to_our_files_and_to_no_others() {
        let dir = tempfile::tempdir().unwrap();
        let (ours, theirs, link) = (dir.path().join("ours"), dir.path().join("theirs"), dir.path().join("link"));
        for file in [&ours, &theirs] {
            fs::write(file, "x").unwrap();
            fs::set_permissions(file, Permissions::from_mode(0o644)).unwrap();
        }
        std::os::unix::fs::symlink(&theirs, &link).unwrap();
        create_private_file(&ours).unwrap();
        create_private_file(&link).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&ours), mode(&theirs)), (0o600, 0o644));
    }
}
