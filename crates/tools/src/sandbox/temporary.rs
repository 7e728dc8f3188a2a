//! The folders that an agent's commands have besides the workspace: one for passing files, and one that stands for the home folder.
//!
//! They outlast a command, so that the next one finds what it left, and are nobody else's: made with mode 0700 below a folder that
//! is checked, since others can write where it stands.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use super::policy::Layers;

/// Where an agent's commands pass files to each other.
pub(super) struct Temporary {
    /// `/tmp` within a view of the files.
    pub(super) folder: PathBuf,
    /// The home folder of commands.
    pub(super) home: PathBuf,
}

impl Temporary {
    /// The names of the environment that lead there.
    pub(super) fn variables(&self, layers: Layers) -> BTreeMap<String, String> {
        let text = |path: &Path| path.display().to_string();
        match layers.namespaces {
            // The home folder is there under its own name.
            Some(_) => BTreeMap::from([("TMPDIR".to_owned(), "/tmp".to_owned())]),
            None => BTreeMap::from([("TMPDIR".to_owned(), text(&self.folder)), ("HOME".to_owned(), text(&self.home))]),
        }
    }
}

/// Makes them where they are not there yet.
pub(super) fn folder(base: &Path, agent: &str, workspace: &Path) -> io::Result<Temporary> {
    match folders(base, agent, workspace) {
        // What cleans the base up can take the outer ones away while the inner ones are made.
        Err(error) if error.kind() == io::ErrorKind::NotFound => folders(base, agent, workspace),
        made => made,
    }
}

fn folders(base: &Path, agent: &str, workspace: &Path) -> io::Result<Temporary> {
    let own = base.join(format!("chela-{}", geteuid().as_raw()));
    make(&own)?;
    // Agents of two gateways may have one name, but never one workspace.
    let mut hasher = DefaultHasher::new();
    workspace.hash(&mut hasher);
    let agents = own.join(format!("{agent}-{:016x}", hasher.finish()));
    make(&agents)?;
    let temporary = Temporary { folder: agents.join("tmp"), home: agents.join("home") };
    make(&temporary.folder)?;
    make(&temporary.home)?;
    Ok(temporary)
}

/// The rights of everybody but the owner.
const FOR_OTHERS: u32 = 0o077;

fn make(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(io::Error::new(error.kind(), format!("{}: {error}", path.display()))),
    }
    let metadata = fs::symlink_metadata(path)?;
    if metadata.is_dir() && metadata.uid() == geteuid().as_raw() && metadata.mode() & FOR_OTHERS == 0 {
        return Ok(());
    }
    let text =
        format!("{} is not a folder of this user alone; remove it, or set TMPDIR to a folder that is", path.display());
    Err(io::Error::new(io::ErrorKind::PermissionDenied, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_others_can_enter_is_refused() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let base = tempfile::tempdir().unwrap();
        let made = folder(base.path(), "main", Path::new("/w")).unwrap();
        assert_eq!(made.folder, folder(base.path(), "main", Path::new("/w")).unwrap().folder);
        assert_ne!(made.folder, folder(base.path(), "main", Path::new("/v")).unwrap().folder);
        fs::set_permissions(made.folder.parent().unwrap(), fs::Permissions::from_mode(0o777)).unwrap();
        assert!(folder(base.path(), "main", Path::new("/w")).is_err());

        let trap = tempfile::tempdir().unwrap();
        symlink(base.path(), trap.path().join(format!("chela-{}", geteuid().as_raw()))).unwrap();
        assert!(folder(trap.path(), "main", Path::new("/w")).is_err(), "a link is not a folder");
    }
}
