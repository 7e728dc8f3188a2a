//! The skills that come with the program. They are written to the state dir, because the agent reads skills as files.

use std::path::{Path, PathBuf};
use std::{fs, io};

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
        fs::create_dir_all(&folder)?;
        let fresh = folder.join("SKILL.md.new");
        fs::write(&fresh, text)?;
        fs::rename(&fresh, &file)?;
    }
    Ok(root)
}
