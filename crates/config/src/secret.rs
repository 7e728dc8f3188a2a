//! Secrets in the configuration: written out, or referred to and fetched when they are needed.

use std::fmt;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// A value that must never be shown. Written as a string (also `${VAR}`), or as a reference
/// `{source: "env"|"file"|"exec", provider, id}`.
#[derive(Clone, Deserialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum Secret {
    Text(#[schemars(with = "String")] SecretString),
    Reference(SecretReference),
}

/// Where a secret stands. Shape and names are OpenClaw's SecretRef.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SecretReference {
    pub source: SecretSource,
    /// Alias under `secrets.providers`; the source's own name when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Variable name, JSON pointer into the file, or the argument of the program.
    pub id: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SecretSource {
    Env,
    File,
    Exec,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("Secret(***)"),
            Self::Reference(reference) => f.debug_tuple("Secret").field(reference).finish(),
        }
    }
}
