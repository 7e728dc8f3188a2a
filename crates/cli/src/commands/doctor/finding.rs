//! What the doctor says of one thing that was looked at.

use serde::Serialize;

/// Whether findings are only told, or mended where that is safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fix {
    Look,
    Mend,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// Which kind of finding this is, for programs: `state.mode`. Stays as it is from version to version.
    pub(super) id: &'static str,
    /// What was looked at, for people: the id up to its dot.
    pub(super) check: &'static str,
    pub(super) level: Level,
    pub(super) message: String,
    /// What it was seen by: files, counts, lines. Never a secret.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) evidence: Vec<String>,
    /// The next step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mend: Option<String>,
    /// `chela doctor --fix` takes that step.
    pub(super) fixable: bool,
    /// This run took it.
    pub(super) fixed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    Ok,
    /// It works, perhaps not as it was meant, or not for long.
    Warning,
    /// Something does not work.
    Error,
}

impl Finding {
    pub(super) fn ok(id: &'static str, message: impl Into<String>) -> Self {
        let check = id.split('.').next().unwrap_or(id);
        Self {
            id,
            check,
            level: Level::Ok,
            message: message.into(),
            evidence: Vec::new(),
            mend: None,
            fixable: false,
            fixed: false,
        }
    }

    pub(super) fn warning(id: &'static str, message: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { level: Level::Warning, mend: Some(mend.into()), ..Self::ok(id, message) }
    }

    pub(super) fn error(id: &'static str, message: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { level: Level::Error, mend: Some(mend.into()), ..Self::ok(id, message) }
    }

    /// What this run has mended.
    pub(super) fn mended(id: &'static str, message: impl Into<String>) -> Self {
        Self { fixable: true, fixed: true, ..Self::ok(id, message) }
    }

    pub(super) fn seen_by(mut self, evidence: impl IntoIterator<Item = String>) -> Self {
        self.evidence.extend(evidence);
        self
    }

    pub(super) fn fixable(mut self) -> Self {
        self.fixable = true;
        self
    }
}
