//! The log file: one a day, moved aside when it has grown too large, gone after a week.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;

/// Size at which a file is moved aside, where the configuration says no other.
const MAX_BYTES: u64 = 16 * 1024 * 1024;
/// Files older than this are removed.
const KEEP: Duration = Duration::from_hours(7 * 24);
/// Beginning of the names that are ours to remove.
const PREFIX: &str = "chela-";

pub(super) struct LogFile {
    dir: PathBuf,
    /// From the configuration; then there is one file for all days.
    fixed: Option<PathBuf>,
    max_bytes: u64,
    open: Option<Open>,
}

struct Open {
    path: PathBuf,
    file: File,
    bytes: u64,
}

impl LogFile {
    pub(super) fn new(dir: PathBuf) -> Self {
        Self { dir, fixed: None, max_bytes: MAX_BYTES, open: None }
    }

    pub(super) fn configure(&mut self, fixed: Option<PathBuf>, max_bytes: Option<u64>) {
        self.fixed = fixed;
        self.max_bytes = max_bytes.unwrap_or(MAX_BYTES).max(1);
    }

    pub(super) fn path(&self) -> PathBuf {
        let today = || self.dir.join(format!("{PREFIX}{}.log", Timestamp::now().strftime("%Y-%m-%d")));
        self.fixed.clone().unwrap_or_else(today)
    }

    /// Appends a line. What can't be written is lost.
    pub(super) fn append(&mut self, line: &str) {
        let path = self.path();
        if self.open.as_ref().is_none_or(|open| open.path != path) {
            self.open = open(&path);
            remove_old(&self.dir);
        }
        if self.open.as_ref().is_some_and(|open| open.bytes >= self.max_bytes) {
            let mut aside = path.clone().into_os_string();
            aside.push(".1");
            let _ = fs::rename(&path, aside);
            self.open = open(&path);
        }
        if let Some(open) = &mut self.open {
            let whole = [line.as_bytes(), b"\n"].concat();
            if open.file.write_all(&whole).is_ok() {
                open.bytes += whole.len() as u64;
            }
        }
    }
}

fn open(path: &Path) -> Option<Open> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path.parent()?).ok()?;
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path).ok()?;
    let bytes = file.metadata().map_or(0, |metadata| metadata.len());
    Some(Open { path: path.to_owned(), file, bytes })
}

fn remove_old(dir: &Path) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    let Some(oldest) = SystemTime::now().checked_sub(KEEP) else { return };
    for entry in entries.flatten() {
        let ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        let old = entry.metadata().and_then(|metadata| metadata.modified()).is_ok_and(|modified| modified < oldest);
        if ours && old {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_full_is_moved_aside_once() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = LogFile::new(dir.path().to_owned());
        log.configure(None, Some(10));
        for line in ["first line", "second line", "third line"] {
            log.append(line);
        }
        let mut names: Vec<String> =
            fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        assert_eq!(names.len(), 2, "{names:?}");
        assert_eq!(fs::read_to_string(log.path()).unwrap(), "third line\n");
    }
}
