//! Whether a skill's files may be used: an installed one by its pin, anybody else's by a scan (G24).

use std::path::Path;

use serde::Serialize;

use super::lock::{SkillLock, SkillOrigin};
use super::scan::SkillScanner;
use super::skill::{Skill, Source};
use super::tree::{Reading, SkillTree};

/// What is known of a skill's files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SkillIntegrity {
    pub state: IntegrityState,
    /// Of the files that were looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// Why it may not be used, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Where an installed one came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<SkillOrigin>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum IntegrityState {
    /// Part of the program.
    Bundled,
    /// Installed, and its files are those that were.
    Pinned,
    /// Installed, and its files are others by now: not used.
    Changed,
    /// Nobody installed it: somebody's own.
    Own,
    /// Somebody's own, and a scan found what it must not have: not used.
    Flagged,
}

/// Judges the skills of one load.
pub(super) struct Guard {
    lock: SkillLock,
    /// Made when it is needed: compiled patterns are large.
    scanner: Option<SkillScanner>,
}

impl Guard {
    pub(super) fn new(state_dir: &Path) -> Self {
        let lock = SkillLock::read(state_dir).unwrap_or_else(|error| {
            // Without pins every skill is judged as somebody's own.
            tracing::error!(%error, "installed skills can't be told from others");
            SkillLock::default()
        });
        Self { lock, scanner: None }
    }

    pub(super) fn judge(&mut self, skill: &Skill) -> SkillIntegrity {
        let name = skill.folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        match skill.source {
            Source::Bundled => integrity(IntegrityState::Bundled, None),
            Source::Managed if self.lock.knows(name) => self.installed(name, &skill.folder),
            Source::Managed | Source::Workspace | Source::Extra => self.own(skill),
        }
    }

    fn installed(&self, name: &str, folder: &Path) -> SkillIntegrity {
        let origin = self.lock.pin(name).map(|pin| pin.origin.clone());
        let found = match SkillTree::read_exact(folder) {
            Ok(tree) if self.lock.holds(name, &tree.hash()) => {
                return SkillIntegrity { origin, ..integrity(IntegrityState::Pinned, Some(tree.hash())) };
            }
            Ok(tree) => Ok(tree.hash()),
            Err(error) => Err(error.to_string()),
        };
        let (hash, reason) = match found {
            Ok(hash) => (Some(hash), "they have changed".to_owned()),
            Err(error) => (None, error),
        };
        let problem = format!("its files are not those that were installed: {reason}; install it again, or remove it");
        SkillIntegrity { problem: Some(problem), origin, ..integrity(IntegrityState::Changed, hash) }
    }

    fn own(&mut self, skill: &Skill) -> SkillIntegrity {
        let Ok(tree) = SkillTree::read_as(&skill.folder, Reading::Own) else {
            return integrity(IntegrityState::Own, None);
        };
        let hash = tree.hash();
        if self.lock.accepted.contains_key(&hash) {
            return integrity(IntegrityState::Own, Some(hash));
        }
        let report = self.scanner.get_or_insert_with(SkillScanner::new).scan(&tree);
        let Some(first) = report.critical().next() else { return integrity(IntegrityState::Own, Some(hash)) };
        let others = report.critical().count() - 1;
        let more = if others == 0 { String::new() } else { format!(", and {others} more") };
        let problem = format!(
            "{} in {}:{}: {}{more}; read it, then accept these files with chela skills accept {}",
            first.rule, first.file, first.line, first.why, skill.key
        );
        tracing::warn!(skill = %skill.name, rule = first.rule, file = %first.file, "a skill is not used: {}", first.why);
        SkillIntegrity { problem: Some(problem), ..integrity(IntegrityState::Flagged, Some(hash)) }
    }
}

fn integrity(state: IntegrityState, hash: Option<String>) -> SkillIntegrity {
    SkillIntegrity { state, hash, problem: None, origin: None }
}
