//! What is wrong with a configuration, in a form that every front end can show.

use std::fmt;

use serde::Serialize;

/// One finding. All findings are reported together, never one at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Dotted path as people write it in `chela config get`, for example `channels.discord.guilds`; empty for the file itself.
    pub path: String,
    pub severity: Severity,
    /// What is wrong, with the value: `expected a number from 1 to 65535, found "abc"`.
    pub message: String,
    /// The next step, where there is one: did you mean `gateway.port`?
    pub hint: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing is off; worth knowing (a key of the reference system that has no effect here).
    Note,
    /// A key that nobody reads.
    Warning,
    /// The section is disabled, or a security-relevant one fails closed.
    Error,
}

impl Problem {
    /// The name that was probably meant, where the hint is a question for it: a sibling's, or a whole path.
    pub fn meant(&self) -> Option<&str> {
        self.hint.as_deref()?.strip_prefix("did you mean `")?.strip_suffix("`?")
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "<file>" } else { &self.path };
        write!(f, "{path}: {}", self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, " ({hint})")?;
        }
        Ok(())
    }
}
