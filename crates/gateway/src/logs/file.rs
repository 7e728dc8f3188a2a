//! The log file: one a day, moved aside when it has grown too large, gone after a week or when all together are too many.

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
/// Bytes that all files of the folder may have together, beside the newest; the oldest go first.
const ALL_MAX_BYTES: u64 = 4 * MAX_BYTES;
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

    /// Removes every file but the newest.
    pub(super) fn remove_former(&self) {
        remove_old(&self.dir, 0);
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
            remove_old(&self.dir, ALL_MAX_BYTES);
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

/// Removes files of ours that are too old, and the oldest of those that are too many; never the newest.
fn remove_old(dir: &Path, all_max_bytes: u64) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    let Some(oldest) = SystemTime::now().checked_sub(KEEP) else { return };
    let of_entry = |entry: fs::DirEntry| {
        let is_ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        let found = entry.metadata().ok().filter(|found| is_ours && found.is_file())?;
        Some((found.modified().ok()?, entry.path(), found.len()))
    };
    let mut files: Vec<(SystemTime, PathBuf, u64)> = entries.flatten().filter_map(of_entry).collect();
    files.sort_by(|one, other| other.cmp(one));
    let mut bytes = 0;
    for (modified, path, size) in files.into_iter().skip(1) {
        bytes += size;
        if modified < oldest || bytes > all_max_bytes {
            let _ = fs::remove_file(path);
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

    #[test]
    fn g34_the_files_of_a_folder_are_bounded_together() {
        let dir = tempfile::tempdir().unwrap();
        let now = SystemTime::now();
        for (name, hours) in
            [("chela-d.log", 0), ("chela-c.log", 1), ("chela-b.log", 2), ("chela-a.log", 3), ("other", 9)]
        {
            let path = dir.path().join(name);
            fs::write(&path, [0; 100]).unwrap();
            let file = File::options().write(true).open(path).unwrap();
            file.set_modified(now - Duration::from_hours(hours)).unwrap();
        }
        let left = || {
            let mut names: Vec<String> = fs::read_dir(dir.path())
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        };
        remove_old(dir.path(), 200);
        assert_eq!(left(), ["chela-b.log", "chela-c.log", "chela-d.log", "other"]);
        LogFile::new(dir.path().to_owned()).remove_former();
        assert_eq!(left(), ["chela-d.log", "other"]);
    }
}
