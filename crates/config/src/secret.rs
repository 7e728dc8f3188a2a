//! Secrets in the configuration: written out, or referred to and fetched when they are needed.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::shape::SECRET_MARK;

/// A value that must never be shown. Written as a string (also `${VAR}`), or as a reference
/// `{source: "env"|"file"|"exec", provider, id}`.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub enum Secret {
    Text(SecretString),
    Reference(SecretReference),
}

/// Where a secret stands. Shape and names are those of the reference system's `SecretRef`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SecretReference {
    pub source: SecretSource,
    /// Alias under `secrets.providers`; the source's own name when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Variable name, JSON pointer into the file, or the argument of the program.
    pub id: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SecretSource {
    Env,
    File,
    Exec,
}

/// Marked, so that redaction and messages know it wherever it stands.
impl JsonSchema for Secret {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let reference = generator.subschema_for::<SecretReference>();
        let mut schema = json_schema!({
            "description": "A secret: its text, `${VAR}`, or where to fetch it.",
            "anyOf": [{"type": "string"}, reference],
        });
        schema.insert(SECRET_MARK.to_owned(), true.into());
        schema
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("Secret(***)"),
            Self::Reference(reference) => f.debug_tuple("Secret").field(reference).finish(),
        }
    }
}
