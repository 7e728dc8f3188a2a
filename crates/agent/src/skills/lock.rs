//! `skills-lock.json` in the state dir: which skills were installed, from where, and the hash of the files that each must have.
//!
//! Also holds the hashes that an owner accepted although a scan found something. It lies outside of the skills' folders, where no tool
//! of the assistant can write.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The file's name in the state dir.
pub const SKILL_LOCK: &str = "skills-lock.json";

/// Bytes of the file; some hundred pins.
const LOCK_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// The file as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SkillLock {
    version: u32,
    /// By the name of the skill's folder.
    pub skills: BTreeMap<String, Pinned>,
    /// Hashes that are used whatever a scan says, with the time of the decision in Unix milliseconds.
    pub accepted: BTreeMap<String, i64>,
}

/// An installed skill. Both hashes are right while one takes the other's place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pinned {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub now: Option<SkillPin>,
    /// Being moved in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<SkillPin>,
}

/// What was installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SkillPin {
    /// Of all files: `sha256:` and 64 hex digits.
    pub hash: String,
    pub origin: SkillOrigin,
    pub installed_at_ms: i64,
}

/// Where a skill came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum SkillOrigin {
    /// A registry with `ClawHub`'s API.
    ClawHub { registry: String, slug: String, version: String },
    /// An archive that a client brought.
    Upload,
}

/// Why the file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum LockFileError {
    #[error("{} can't be read: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} is damaged ({reason}); put it right, or remove it and install the skills again", path.display())]
    Damaged { path: PathBuf, reason: String },
}

impl SkillLock {
    /// A missing file is an empty one.
    pub fn read(state_dir: &Path) -> Result<Self, LockFileError> {
        let path = state_dir.join(SKILL_LOCK);
        match crate::real::read_bounded(&path, LOCK_BYTES_MAX) {
            Ok(text) => {
                serde_json::from_str(&text).map_err(|error| LockFileError::Damaged { path, reason: error.to_string() })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(LockFileError::Read { path, source }),
        }
    }

    /// Replaces the file, for its owner only; on the disk when it returns.
    pub(super) fn write(&self, state_dir: &Path) -> io::Result<()> {
        let (path, new) = (state_dir.join(SKILL_LOCK), state_dir.join(format!("{SKILL_LOCK}.new")));
        let text = serde_json::to_string_pretty(&Self { version: 1, ..self.clone() })?;
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        File::open(state_dir)?.sync_all()
    }

    /// What is pinned under this folder's name.
    pub fn pin(&self, name: &str) -> Option<&SkillPin> {
        self.skills.get(name)?.now.as_ref()
    }

    /// Whether a folder was installed, or is being.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.skills.contains_key(name)
    }

    /// Whether these are the files that were installed under this name.
    pub(super) fn holds(&self, name: &str, hash: &str) -> bool {
        let pinned = self.skills.get(name);
        pinned.is_some_and(|pinned| pinned.now.iter().chain(&pinned.next).any(|pin| pin.hash == hash))
    }
}
