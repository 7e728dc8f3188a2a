//! `config.*`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What stands in the place of a secret. A write that holds it keeps the stored value.
pub const REDACTED: &str = "__OPENCLAW_REDACTED__";

/// Result of `config.get`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigGetResult {
    pub path: String,
    pub exists: bool,
    /// The file's text, only when it holds no secret.
    pub raw: Option<String>,
    /// What the file says, redacted.
    pub parsed: Value,
    pub valid: bool,
    /// What is in force, redacted.
    pub config: Value,
    /// Pass it as `baseHash` with a write.
    pub hash: String,
    #[serde(default)]
    pub issues: Vec<ConfigIssue>,
    #[serde(default)]
    pub warnings: Vec<ConfigIssue>,
    #[serde(default)]
    pub legacy_issues: Vec<ConfigIssue>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigIssue {
    pub path: String,
    pub message: String,
}

/// Parameters of `config.set`, `config.patch` and `config.apply`. `raw` is JSON5: the whole file, or a merge patch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigWriteParams {
    pub raw: String,
    /// Hash from `config.get`. A write on another state is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_hash: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Paths that a patch replaces as a whole instead of merging.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replace_paths: Vec<String>,
}

/// Result of a write.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigWriteResult {
    pub ok: bool,
    pub path: String,
    pub hash: String,
    /// What is in force now, redacted.
    pub config: Value,
    #[serde(default)]
    pub changed_paths: Vec<String>,
    /// Changed paths that take effect at the next start only.
    #[serde(default)]
    pub requires_restart: Vec<String>,
}

/// Result of `config.schema`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigSchemaResult {
    pub schema: Value,
    /// By path: label and help for forms.
    #[serde(default)]
    pub ui_hints: Value,
    pub version: String,
}

/// Of `config.schema.lookup`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigLookupParams {
    /// Keys between dots; `*` stands for any key of a map or element of a list, `.` for the whole.
    pub path: String,
}

/// Result of `config.schema.lookup`: one place of the configuration and what stands right below it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigLookupResult {
    pub path: String,
    /// Without what stands below.
    pub schema: Value,
    /// `hot`, `restart` or `none`.
    pub reload_kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<ConfigHint>,
    pub children: Vec<ConfigLookupChild>,
}

/// A key right below.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigLookupChild {
    pub key: String,
    pub path: String,
    /// A text or a list of texts.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<Value>,
    pub required: bool,
    pub has_children: bool,
    pub reload_kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<ConfigHint>,
}

/// Words for forms.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigHint {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sensitive: bool,
}
