//! The folder of received files in an agent's workspace: safe names, private files, bounded room.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use chela_agent::{Missing, RealFolder};
use sha2::{Digest as _, Sha256};

/// Below the workspace.
const FOLDER: &str = "media/inbound";
/// Bytes that received files of one agent may take together; the oldest go first.
const ROOM: u64 = 256 * 1024 * 1024;
/// Bytes of a name that are the sender's: with what stands before and behind it, no file system finds it too long.
const NAME_MAX_BYTES: usize = 160;

/// A file to keep.
pub(super) struct Keeping {
    pub workspace: PathBuf,
    pub received_at_ms: i64,
    pub run: String,
    /// Its place among the files of the message.
    pub number: usize,
    pub name: Option<String>,
    pub mime: String,
}

/// Puts a file into the workspace and returns its path from there. The same file of the same message is one file.
pub(super) fn put(keeping: &Keeping, bytes: &[u8]) -> io::Result<String> {
    let root = keeping.workspace.canonicalize()?;
    let folder = root.join(FOLDER);
    DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    // The agent may make a link of the folder at any moment, and it must not lead anywhere else.
    let real = RealFolder::open(&folder, Missing::Fail)?;
    let name = keeping.file_name();
    let half = format!(".{name}.part");
    let _ = real.remove(half.as_ref());
    let mut file = real.create(half.as_ref())?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(bytes)?;
    drop(file);
    // Takes the place of whatever stands there, a link as well.
    real.rename(half.as_ref(), name.as_ref())?;
    make_room(&folder, &real, &name, ROOM)?;
    Ok(format!("{FOLDER}/{name}"))
}

impl Keeping {
    /// The day, a mark that keeps files of one name apart, and what is harmless of the sender's name.
    fn file_name(&self) -> String {
        let day = jiff::Timestamp::from_millisecond(self.received_at_ms).unwrap_or_default();
        let digest = Sha256::digest(format!("{}\0{}", self.run, self.number));
        let mark = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
        format!(
            "{}-{mark:08x}-{}",
            day.strftime("%Y-%m-%d"),
            safe(self.name.as_deref().unwrap_or_default(), &self.mime)
        )
    }
}

/// Letters, digits, `.`, `-` and `_`; no dot at the beginning, and an ending where the type tells one.
fn safe(name: &str, mime: &str) -> String {
    let keep = |c: char| if c.is_alphanumeric() || ".-_".contains(c) { c } else { '_' };
    let clean: String = name.chars().map(keep).collect();
    let clean = clean.trim_start_matches(['.', '_']);
    // The ending tells programs what it is, so a long name loses its beginning.
    let start = clean.ceil_char_boundary(clean.len().saturating_sub(NAME_MAX_BYTES));
    match (&clean[start..], mime) {
        ("", "audio/ogg") => "voice.ogg".to_owned(),
        ("", mime) if mime.starts_with("image/") => format!("picture.{}", &mime["image/".len()..].replace('/', "_")),
        ("", "video/mp4") => "video.mp4".to_owned(),
        ("", _) => "file".to_owned(),
        (name, _) => name.trim_start_matches('.').to_owned(),
    }
}

/// Removes the oldest files until all together have room; never the one that was just written.
fn make_room(folder: &Path, real: &RealFolder, newest: &str, room: u64) -> io::Result<()> {
    let mut files: Vec<(SystemTime, OsString, u64)> = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let found = entry.metadata()?;
        if found.is_file() {
            files.push((found.modified()?, entry.file_name(), found.len()));
        }
    }
    let mut taken: u64 = files.iter().map(|(_, _, bytes)| bytes).sum();
    files.sort();
    for (_, name, bytes) in files {
        if taken <= room {
            break;
        }
        if name != newest {
            real.remove(&name)?;
            taken -= bytes;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    fn keeping(workspace: &Path, name: &str) -> Keeping {
        Keeping {
            workspace: workspace.to_owned(),
            received_at_ms: 0,
            run: "run".into(),
            number: 0,
            name: Some(name.to_owned()).filter(|name| !name.is_empty()),
            mime: "audio/ogg".into(),
        }
    }

    #[test]
    fn names_play_no_tricks() {
        let workspace = tempfile::tempdir().unwrap();
        let rows = [
            ("report.pdf", "report.pdf"),
            ("../../etc/passwd", "etc_passwd"),
            ("...", "voice.ogg"),
            ("", "voice.ogg"),
            ("a b\n\0c.txt", "a_b__c.txt"),
            ("übung.md", "übung.md"),
        ];
        for (name, expected) in rows {
            let path = put(&keeping(workspace.path(), name), b"x").unwrap();
            let (head, tail) = path.split_at("media/inbound/1970-01-01-".len());
            assert_eq!((head, &tail[9..]), ("media/inbound/1970-01-01-", expected), "{name:?}");
            let mode = workspace.path().join(&path).metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let long = put(&keeping(workspace.path(), &format!("{}.pdf", "a".repeat(300))), b"x").unwrap();
        assert!(long.len() < 220 && long.ends_with("aaa.pdf"), "{long}");
        let wide = put(&keeping(workspace.path(), &format!("{}.pdf", "長".repeat(300))), b"x").unwrap();
        assert!(wide.ends_with("長.pdf"), "{wide}");
    }

    #[test]
    fn links_lead_nowhere() {
        let house = tempfile::tempdir().unwrap();
        let workspace = house.path().join("workspace");
        let outside = house.path().join("outside");
        fs::create_dir_all(workspace.join("media")).unwrap();
        fs::create_dir(&outside).unwrap();
        std::os::unix::fs::symlink(&outside, workspace.join("media/inbound")).unwrap();
        assert!(put(&keeping(&workspace, "a"), b"x").is_err());
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    }

    #[test]
    fn the_same_file_is_kept_once_and_the_oldest_make_room() {
        let workspace = tempfile::tempdir().unwrap();
        let first = put(&keeping(workspace.path(), "a"), b"12345").unwrap();
        assert_eq!(put(&keeping(workspace.path(), "a"), b"12345").unwrap(), first);
        let second = put(&Keeping { number: 1, ..keeping(workspace.path(), "b") }, b"12345").unwrap();
        let folder = workspace.path().canonicalize().unwrap().join(FOLDER);
        let real = RealFolder::open(&folder, Missing::Fail).unwrap();
        let long_ago = SystemTime::UNIX_EPOCH;
        File::options().write(true).open(workspace.path().join(&first)).unwrap().set_modified(long_ago).unwrap();
        make_room(&folder, &real, second.rsplit('/').next().unwrap(), 9).unwrap();
        assert!(!workspace.path().join(&first).exists());
        make_room(&folder, &real, second.rsplit('/').next().unwrap(), 1).unwrap();
        assert!(workspace.path().join(&second).exists(), "the newest stays");
    }
}
