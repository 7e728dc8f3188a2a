//! Tells that files in some folders were written, made, renamed or removed.
//!
//! Asks the kernel for nothing else: the folders hold the database too, and writes to an open file (each of its commits) are
//! of no interest.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use tokio::io::unix::AsyncFd;

/// A file is of interest once whoever wrote it has closed it, or put it in the place of another.
const CHANGES: WatchFlags =
    WatchFlags::CLOSE_WRITE.union(WatchFlags::CREATE).union(WatchFlags::DELETE).union(WatchFlags::MOVE);
/// Room for the notices of one read; their number and names don't matter.
const NOTICES_BYTES: usize = 4096;

pub(crate) struct FolderWatch {
    inotify: AsyncFd<OwnedFd>,
    watched: Vec<PathBuf>,
}

impl FolderWatch {
    /// Watches nothing yet.
    #[expect(
        deprecated,
        reason = "what `register` must be promised, an `OwnedFd` keeps by itself: it stays open and the same"
    )]
    pub(crate) fn new() -> io::Result<Self> {
        let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        Ok(Self { inotify: AsyncFd::new(inotify)?, watched: Vec::new() })
    }

    /// Watches one more folder. One that can't be watched (it is not there) may be added again.
    pub(crate) fn add(&mut self, folder: &Path) -> io::Result<()> {
        if !self.watched.iter().any(|watched| watched == folder) {
            inotify::add_watch(self.inotify.get_ref(), folder, CHANGES)?;
            self.watched.push(folder.to_owned());
        }
        Ok(())
    }

    /// Waits until something has changed since the last call. May be cancelled.
    pub(crate) async fn changed(&self) -> io::Result<()> {
        loop {
            let mut ready = self.inotify.readable().await?;
            if let Ok(noticed) = ready.try_io(|inotify| drain(inotify.get_ref())) {
                return noticed;
            }
        }
    }
}

/// Takes every notice that waits. "Would block" when there was none.
fn drain(inotify: &OwnedFd) -> io::Result<()> {
    let mut notices = [0_u8; NOTICES_BYTES];
    let mut any = false;
    loop {
        match rustix::io::read(inotify, &mut notices) {
            Ok(_) => any = true,
            Err(rustix::io::Errno::AGAIN) if any => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;

    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn a_file_is_noticed_when_it_is_closed_or_put_in_place() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("chela.json");
        let mut open = fs::File::create(&path).unwrap();
        let mut watch = FolderWatch::new().unwrap();
        watch.add(dir.path()).unwrap();
        watch.add(dir.path()).unwrap();

        open.write_all(b"{").unwrap();
        assert!(watch.changed().now_or_never().is_none(), "a write to an open file is no change yet");
        drop(open);
        watch.changed().await.unwrap();
        fs::write(dir.path().join("new"), "{}").unwrap();
        watch.changed().await.unwrap();
        fs::rename(dir.path().join("new"), &path).unwrap();
        watch.changed().await.unwrap();
        assert!(watch.changed().now_or_never().is_none());
    }
}
