//! Skills: folders with a `SKILL.md` that the agent reads when a task calls for it. Format: `AgentSkills` with OpenClaw's metadata.
//!
//! Owns finding, gating and listing them, noticing that a folder changed, and what keeps a harmful one from being used: scans, pins,
//! and the places where installed ones stand. Never runs anything of a skill, and never reads the environment: it is handed one.

mod archive;
mod bundled;
mod front_matter;
mod gate;
mod guard;
mod lock;
mod place;
mod scan;
mod skill;
mod steps;
#[cfg(test)]
mod tests;
mod tree;

use std::borrow::Cow;
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use chela_config::Environment;
use serde::Serialize;

pub use self::archive::{ARCHIVE_BYTES_MAX, ArchiveError, pack_skill, unpack_skill};
pub use self::guard::{IntegrityState, SkillIntegrity};
pub use self::lock::{LockFileError, Pinned, SKILL_LOCK, SkillLock, SkillOrigin, SkillPin};
pub use self::place::{PlaceError, SkillHome};
pub use self::scan::{Finding, ScanReport, Severity, SkillScanner};
pub use self::tree::{SkillFile, SkillTree, TreeError};

use self::guard::Guard;
use self::skill::{Skill, Source};
use crate::AgentProfile;
use crate::config::SkillsConfig;
use crate::profile::expand_home;
use crate::real::read_bounded;

/// Folders of the state dir that hold skills: people's own, and those that come with the program.
pub const SKILL_FOLDERS: [&str; 2] = ["skills", bundled::FOLDER];

/// OpenClaw's caps, where the configuration doesn't say.
const DEFAULT_CANDIDATES: usize = 300;
const DEFAULT_FILE_BYTES: usize = 256_000;
const DEFAULT_IN_PROMPT: usize = 150;
const DEFAULT_PROMPT_CHARS: usize = 18_000;
/// Longest description in the list; the file itself says the rest.
const DESCRIPTION_CHARS: usize = 300;
/// Entries of one skill whose change is noticed without a look into them.
const STAMPED_ENTRIES: usize = 200;

/// Where skills come from and what the machine has.
#[derive(Debug, Clone, Copy)]
pub struct SkillSources<'a> {
    pub profile: &'a AgentProfile,
    pub state_dir: &'a Path,
    /// Stands for a leading `~` in `skills.load.extraDirs`.
    pub home: Option<&'a Path>,
    pub config: &'a SkillsConfig,
    /// `PATH` decides which programs are there; names of variables meet `requires.env`.
    pub environment: &'a Environment,
}

/// How the folders of skills look: another value means that [`SkillIndex::load`] would find something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SkillStamp(u64);

/// The skills of one agent as they stood when they were loaded.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SkillIndex {
    statuses: Vec<SkillStatus>,
    prompt: String,
}

/// One skill, in the words of `skills.status`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "the wire shape of skills.status")]
pub struct SkillStatus {
    pub name: String,
    pub description: String,
    /// `openclaw-workspace`, `openclaw-managed`, `openclaw-extra` or `openclaw-bundled`: clients group by these words.
    pub source: &'static str,
    pub bundled: bool,
    pub file_path: PathBuf,
    pub base_dir: PathBuf,
    pub skill_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emoji: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    /// Eligible whatever its requirements say.
    pub always: bool,
    /// Switched off in `skills.entries`.
    pub disabled: bool,
    /// Bundled, and not in `skills.allowBundled`.
    pub blocked_by_allowlist: bool,
    /// Not in the agent's `skills`.
    pub blocked_by_agent_filter: bool,
    pub eligible: bool,
    pub platform_incompatible: bool,
    /// The prompt lists it.
    pub model_visible: bool,
    pub user_invocable: bool,
    pub command_visible: bool,
    pub requirements: SkillNeeds,
    pub missing: SkillNeeds,
    pub config_checks: Vec<serde_json::Value>,
    pub install: Vec<SkillInstallStep>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary_env: Option<String>,
    /// What is known of its files; one with a problem is not eligible.
    pub integrity: SkillIntegrity,
}

/// How something that a skill needs gets onto the machine: told, and never done by the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SkillInstallStep {
    pub id: String,
    /// `brew`, `node`, `go`, `uv` or `download`.
    pub kind: String,
    pub label: String,
    /// Programs that are there afterwards.
    pub bins: Vec<String>,
    /// What a person types, where one line is all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

/// How the head of a `SKILL.md` names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkillHead {
    pub name: String,
    /// The name under which `skills.entries` knows it.
    pub key: String,
    pub description: String,
}

/// Reads the head of a `SKILL.md`; `None` where there is none, or it names nothing.
pub fn read_skill_head(text: &str) -> Option<SkillHead> {
    let skill = Skill::read(text, Path::new("/"), Source::Managed)?;
    Some(SkillHead { name: skill.name, key: skill.key, description: skill.description })
}

/// What a skill needs, or what of it is missing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SkillNeeds {
    pub bins: Vec<String>,
    /// One of them is enough.
    pub any_bins: Vec<String>,
    pub env: Vec<String>,
    pub config: Vec<String>,
    pub os: Vec<String>,
}

/// Reads any text as a `SKILL.md` and looks whether what comes of it is one.
#[cfg(feature = "fuzzing")]
pub(crate) fn check_any(text: &str) {
    let read = || Skill::read(text, Path::new("/skills/folder"), Source::Extra);
    let skill = read();
    assert_eq!(skill, read());
    if let Some(skill) = skill {
        assert!(!skill.name.is_empty() && skill.name.trim() == skill.name, "{:?}", skill.name);
        assert!(!skill.key.is_empty(), "{skill:?}");
        assert!(skill.description.len() <= text.len());
    }
}

impl SkillSources<'_> {
    /// Looks at names and times only, so it is cheap enough for every turn; still it reads folders, so call it off the async
    /// threads. Bundled skills change with the program only and are left out.
    pub fn stamp(&self) -> SkillStamp {
        let mut hasher = DefaultHasher::new();
        let candidates = self.config.limits.max_candidates_per_root.unwrap_or(DEFAULT_CANDIDATES);
        stamp_entry(&self.state_dir.join(SKILL_LOCK), &mut hasher);
        for root in [self.workspace_folder(), self.managed_folder()].into_iter().chain(self.extra_folders()) {
            for folder in folders(&root, candidates) {
                if stamp_entry(&folder.join("SKILL.md"), &mut hasher) {
                    let mut left = STAMPED_ENTRIES;
                    stamp_folder(&folder, &mut hasher, &mut left);
                }
            }
        }
        SkillStamp(hasher.finish())
    }

    fn workspace_folder(&self) -> PathBuf {
        self.profile.workspace.join("skills")
    }

    fn managed_folder(&self) -> PathBuf {
        self.state_dir.join(SKILL_FOLDERS[0])
    }

    fn extra_folders(&self) -> impl Iterator<Item = PathBuf> {
        self.config.load.extra_dirs.iter().map(|folder| self.state_dir.join(expand_home(folder, self.home)))
    }
}

impl SkillIndex {
    /// Looks at every source. Reads files and writes the bundled skills to the state dir, so call it off the async threads.
    pub fn load(sources: SkillSources<'_>) -> Self {
        let mut statuses = Vec::<SkillStatus>::new();
        let mut guard = Guard::new(sources.state_dir);
        for skill in find(sources) {
            // The first of a name wins: sources come in the order of precedence.
            if statuses.iter().all(|known| known.name != skill.name) {
                let integrity = guard.judge(&skill);
                statuses.push(gate::judge(skill, integrity, sources));
            }
        }
        statuses.sort_by(|one, other| one.name.cmp(&other.name));
        let prompt = list(&mut statuses, sources.config);
        Self { statuses, prompt }
    }

    /// Every skill that was found, by name; of several with one name only the one with precedence.
    pub fn statuses(&self) -> &[SkillStatus] {
        &self.statuses
    }

    /// The list that goes into the system prompt; empty when there is nothing to list. Byte-stable for this index.
    pub fn prompt(&self) -> &str {
        &self.prompt
    }

    /// As [`SkillIndex::prompt`], where only these skills may be used, by name or key; `None`: all.
    pub(crate) fn prompt_of(&self, only: Option<&[String]>) -> Cow<'_, str> {
        let Some(only) = only else { return Cow::Borrowed(&self.prompt) };
        let may = |skill: &&SkillStatus| only.iter().any(|name| *name == skill.name || *name == skill.skill_key);
        self.statuses.iter().filter(|skill| skill.model_visible).filter(may).map(line).collect()
    }
}

/// Every skill of every source, best source first.
fn find(sources: SkillSources<'_>) -> Vec<Skill> {
    let SkillSources { state_dir, config, .. } = sources;
    let limits = FindLimits {
        candidates: config.limits.max_candidates_per_root.unwrap_or(DEFAULT_CANDIDATES),
        file_bytes: config.limits.max_skill_file_bytes.unwrap_or(DEFAULT_FILE_BYTES),
    };
    let mut skills = Vec::new();
    find_in(&sources.workspace_folder(), Source::Workspace, limits, &mut skills);
    find_in(&sources.managed_folder(), Source::Managed, limits, &mut skills);
    for folder in sources.extra_folders() {
        find_in(&folder, Source::Extra, limits, &mut skills);
    }
    match bundled::materialise(state_dir) {
        Ok(folder) => find_in(&folder, Source::Bundled, limits, &mut skills),
        Err(error) => tracing::warn!(%error, "can't write the bundled skills to the state dir"),
    }
    skills
}

#[derive(Debug, Clone, Copy)]
struct FindLimits {
    candidates: usize,
    file_bytes: usize,
}

/// Skills are the folders in `root` that hold a `SKILL.md`. A missing root is no error.
fn find_in(root: &Path, source: Source, limits: FindLimits, skills: &mut Vec<Skill>) {
    for folder in folders(root, limits.candidates) {
        let file = folder.join("SKILL.md");
        if !fs::metadata(&file).is_ok_and(|meta| meta.is_file() && meta.len() <= limits.file_bytes as u64) {
            continue;
        }
        let text = read_bounded(&file, limits.file_bytes as u64).ok();
        if let Some(skill) = text.and_then(|text| Skill::read(&text, &folder, source)) {
            skills.push(skill);
        } else {
            tracing::warn!(file = %file.display(), "no skill: its head can't be read or names nothing");
        }
    }
}

/// What stands in a folder of skills, by name; nothing when it is missing.
fn folders(root: &Path, candidates: usize) -> Vec<PathBuf> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    // A dot begins what is on its way in or out.
    let shown = entries.filter(|entry| !entry.file_name().as_bytes().starts_with(b"."));
    let mut folders: Vec<_> = shown.take(candidates).map(|entry| entry.path()).collect();
    folders.sort();
    folders
}

/// How a file or folder looks from outside; `false` when it isn't there. A program can set the time of a change back, but not the time
/// when it did that.
fn stamp_entry(path: &Path, hasher: &mut DefaultHasher) -> bool {
    let Ok(meta) = fs::metadata(path) else { return false };
    (path, meta.len(), meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec(), meta.ino()).hash(hasher);
    true
}

fn stamp_folder(folder: &Path, hasher: &mut DefaultHasher, left: &mut usize) {
    let mut entries: Vec<_> = fs::read_dir(folder).into_iter().flatten().flatten().collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        if *left == 0 {
            return;
        }
        *left -= 1;
        stamp_entry(&entry.path(), hasher);
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            stamp_folder(&entry.path(), hasher, left);
        }
    }
}

/// One line a skill, within the caps; marks what was listed.
fn list(statuses: &mut [SkillStatus], config: &SkillsConfig) -> String {
    let max_skills = config.limits.max_skills_in_prompt.unwrap_or(DEFAULT_IN_PROMPT);
    let mut chars_left = config.limits.max_skills_prompt_chars.unwrap_or(DEFAULT_PROMPT_CHARS);
    let mut prompt = String::new();
    for skill in statuses.iter_mut().filter(|skill| skill.model_visible).collect::<Vec<_>>() {
        skill.model_visible = false;
        let line = line(skill);
        let chars = line.chars().count();
        if prompt.lines().count() < max_skills && chars <= chars_left {
            chars_left -= chars;
            prompt.push_str(&line);
            skill.model_visible = true;
        }
    }
    prompt
}

fn line(skill: &SkillStatus) -> String {
    let description = clip(&skill.description, DESCRIPTION_CHARS);
    format!("- {}: {description} ({})\n", skill.name, skill.file_path.display())
}

fn clip(text: &str, max_chars: usize) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() <= max_chars {
        return text;
    }
    text.chars().take(max_chars - 1).chain(['…']).collect()
}
