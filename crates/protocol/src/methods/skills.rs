//! `skills.*`: what is there, what a registry has, and how skills come and go.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SkillsStatusParams {
    pub agent_id: Option<String>,
    pub session_key: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SkillsStatusResult {
    pub workspace_dir: String,
    pub managed_skills_dir: String,
    #[serde(default)]
    pub agent_id: String,
    pub skills: Vec<SkillRow>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "independent flags of the wire form")]
pub struct SkillRow {
    pub name: String,
    pub description: String,
    /// `openclaw-workspace`, `openclaw-managed`, `openclaw-extra` or `openclaw-bundled`.
    pub source: String,
    pub bundled: bool,
    #[serde(default)]
    pub file_path: String,
    #[serde(default)]
    pub base_dir: String,
    pub skill_key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emoji: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    #[serde(default)]
    pub always: bool,
    #[serde(default)]
    pub disabled: bool,
    /// All requirements are met, and nothing disables it.
    pub eligible: bool,
    #[serde(default)]
    pub requirements: SkillNeeds,
    #[serde(default)]
    pub missing: SkillNeeds,
    #[serde(default)]
    pub install: Vec<SkillInstallRow>,
    #[serde(default)]
    pub integrity: SkillIntegrityRow,
}

/// How something that a skill needs gets onto the machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SkillInstallRow {
    pub id: String,
    pub kind: String,
    pub label: String,
    pub bins: Vec<String>,
    /// What a person types. Of this implementation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

/// What is known of a skill's files. Of this implementation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SkillIntegrityRow {
    /// `bundled`, `pinned`, `changed`, `own` or `flagged`.
    pub state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// Why it is not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// `{kind: "clawhub", registry, slug, version}` or `{kind: "upload"}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Value>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SkillNeeds {
    pub bins: Vec<String>,
    pub any_bins: Vec<String>,
    pub env: Vec<String>,
    pub config: Vec<String>,
    pub os: Vec<String>,
}

/// Parameters of `skills.search`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SkillsSearchParams {
    /// Words that must all be there.
    pub query: Option<String>,
    pub limit: Option<usize>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkillsSearchResult {
    pub results: Vec<SkillSearchRow>,
}

/// A skill of the registry.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SkillSearchRow {
    pub score: f64,
    pub slug: String,
    pub display_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<i64>,
}

impl Eq for SkillSearchRow {}

/// Parameters of `skills.detail`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkillsDetailParams {
    pub slug: String,
}

/// Parameters of `skills.install`: `source` says which of its three forms they are; without one, `name` and `installId` ask for
/// something that a skill needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SkillsInstallParams {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// `clawhub` or `upload`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upload_id: Option<String>,
    /// Of the archive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub install_id: Option<String>,
    /// The hash that the files must have. Together with `force` it also accepts what a scan finds in exactly them. Of this
    /// implementation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// Say what would be installed, and change nothing. Of this implementation.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

/// What `skills.install` did, and what it would do with `dryRun`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SkillsInstallResult {
    pub ok: bool,
    /// For people.
    pub message: String,
    pub slug: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    pub target_dir: String,
    /// Of all files; what is pinned.
    pub hash: String,
    /// `installed`, `updated`, `unchanged` or `planned`.
    pub outcome: String,
    /// Whether it would need `force` and `hash`.
    #[serde(default)]
    pub blocked: bool,
    pub changes: SkillChanges,
    pub findings: Vec<SkillFinding>,
}

/// Files that differ from those that are there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SkillChanges {
    pub added: Vec<String>,
    pub changed: Vec<String>,
    pub removed: Vec<String>,
}

/// One thing that a scan found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkillFinding {
    /// `critical`, `warning` or `info`.
    pub severity: String,
    pub rule: String,
    pub file: String,
    /// From 1; 0 where it is about the whole file.
    pub line: usize,
    pub what: String,
    pub why: String,
}

/// Parameters of `skills.update`: settings of a skill by `skillKey`, or new versions with `source: "clawhub"`.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SkillsUpdateParams {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skill_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// An empty text takes it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key: Option<String>,
    /// An empty text takes a variable out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
    /// As for `skills.install`; for one skill only. Of this implementation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// Of this implementation.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

/// What became of one skill that was to be updated.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SkillUpdateRow {
    pub slug: String,
    pub ok: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_version: Option<String>,
    /// What was installed, or would be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installed: Option<SkillsInstallResult>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// A short name of what is wrong, as in the details of an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// Parameters of `skills.remove`, `skills.scan` and `skills.accept`, which are of this implementation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SkillNamedParams {
    pub skill_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// `skills.accept`: the files that were read, by their hash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
}

/// What `skills.scan` found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SkillsScanResult {
    pub skill_key: String,
    pub hash: String,
    pub findings: Vec<SkillFinding>,
}

/// Parameters of `skills.upload.begin`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SkillUploadBeginParams {
    /// `skill-archive`.
    pub kind: String,
    pub slug: String,
    pub size_bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// Parameters of `skills.upload.chunk`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SkillUploadChunkParams {
    pub upload_id: String,
    /// Bytes that were sent before.
    pub offset: usize,
    pub data_base64: String,
}

/// Parameters of `skills.upload.commit`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SkillUploadCommitParams {
    pub upload_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// How far an upload is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SkillUploadResult {
    pub upload_id: String,
    pub received_bytes: usize,
    pub size_bytes: usize,
    /// Unix milliseconds when it is forgotten.
    pub expires_at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}
