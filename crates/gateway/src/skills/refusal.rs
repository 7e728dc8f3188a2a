//! Why a skill was not installed, and how clients are told.

use chela_agent::{ArchiveError, Finding, PlaceError};
use chela_protocol::RpcError;
use serde_json::json;

use super::finding_rows;
use super::registry::RegistryError;

/// Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SkillRefusal {
    #[error("the archive holds no skill that can be installed: {0}")]
    Archive(#[from] ArchiveError),
    #[error("SKILL.md has no head with a name and a description")]
    Headless,
    #[error("a skill called {name} is there already, in {place}; two of one name would be confused")]
    SameName { name: String, place: String },
    #[error("its files are {found}, not {expected}: it is not the skill that was meant")]
    WrongHash { expected: String, found: String },
    #[error("{}", blocked(name, hash, findings))]
    Blocked { name: String, hash: String, findings: Vec<Finding> },
    #[error("the registry blocks {0} as malware")]
    Malware(String),
    #[error(
        "version {version} of {name} is not what it was when it was installed (it was {was}, it is {is}): somebody changed a \
         published version, so it is not taken"
    )]
    MovedPin { name: String, version: String, was: String, is: String },
    #[error("{name} is called {now} in the registry by now; install it by that name")]
    Renamed { name: String, now: String },
    #[error("the files of {0} were changed since they were installed; an update with force replaces them")]
    LocallyChanged(String),
    #[error(transparent)]
    Place(#[from] PlaceError),
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error("the work on the skill's files failed")]
    Broken,
}

impl SkillRefusal {
    /// A short name for programs.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Archive(_) | Self::Headless => "invalid_archive",
            Self::SameName { .. } => "name_taken",
            Self::WrongHash { .. } => "hash_mismatch",
            Self::Blocked { .. } => "blocked_by_scan",
            Self::Malware(_) => "malware",
            Self::MovedPin { .. } => "pin_moved",
            Self::Renamed { .. } => "renamed",
            Self::LocallyChanged(_) => "force_required",
            Self::Place(_) => "not_placed",
            Self::Registry(_) => "registry",
            Self::Broken => "failed",
        }
    }
}

impl From<SkillRefusal> for RpcError {
    fn from(refusal: SkillRefusal) -> Self {
        let mut details = json!({"code": refusal.code()});
        if let SkillRefusal::Blocked { hash, findings, .. } = &refusal {
            details["hash"] = json!(hash);
            details["findings"] = json!(finding_rows(findings));
        }
        let is_elsewhere = matches!(
            &refusal,
            SkillRefusal::Registry(_)
                | SkillRefusal::Broken
                | SkillRefusal::Place(PlaceError::Io(_) | PlaceError::Lock(_))
        );
        let message = refusal.to_string();
        let error = if is_elsewhere { Self::unavailable(message) } else { Self::invalid(message) };
        error.with_details(details)
    }
}

fn blocked(name: &str, hash: &str, findings: &[Finding]) -> String {
    let first = findings.first();
    let told = first.map(|one| format!("{} in {}:{}: {}", one.rule, one.file, one.line, one.why)).unwrap_or_default();
    let more = match findings.len() {
        0 | 1 => String::new(),
        count => format!(", and {} more", count - 1),
    };
    format!(
        "{name} is not installed: {told}{more}. To install exactly these files all the same, repeat with force and the hash {hash}"
    )
}
