//! The skills that come with the program. They are written to the state dir, because the agent reads skills as files.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Name of the folder in the state dir.
pub(super) const FOLDER: &str = "skills-bundled";

/// Name and text of each.
const BUNDLED: &[(&str, &str)] = &[("machines", include_str!("../../skills/machines/SKILL.md"))];

/// Brings the folder up to date with this version and returns it. Files that are right already are not written.
pub(super) fn materialise(state_dir: &Path) -> io::Result<PathBuf> {
    let root = state_dir.join(FOLDER);
    for (name, text) in BUNDLED {
        let folder = root.join(name);
        let file = folder.join("SKILL.md");
        if fs::read(&file).is_ok_and(|found| found == text.as_bytes()) {
            continue;
        }
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        let fresh = folder.join("SKILL.md.new");
        let mut new = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        new.write_all(text.as_bytes())?;
        fs::rename(&fresh, &file)?;
    }
    Ok(root)
}
