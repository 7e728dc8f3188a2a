//! `models.list` and `models.authStatus`.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ModelsListParams {
    pub agent_id: Option<String>,
    pub session_key: Option<String>,
    /// `default`, `configured`, `provider-config` or `all`.
    pub view: Option<String>,
    pub provider: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelsListResult {
    pub models: Vec<ModelRow>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelRow {
    pub id: String,
    pub name: String,
    pub provider: String,
    #[serde(default)]
    pub context_window: u64,
    #[serde(default)]
    pub reasoning: bool,
    #[serde(default)]
    pub input: Vec<String>,
    /// A key is there, or none is needed.
    #[serde(default)]
    pub available: bool,
    #[serde(default)]
    pub tags: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelsAuthStatusResult {
    pub ts: i64,
    /// The model that answers for the default agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The models that are tried when it fails, in order.
    #[serde(default)]
    pub fallbacks: Vec<String>,
    pub providers: Vec<ProviderAuth>,
    /// What is left alone after a failure.
    #[serde(default)]
    pub cooldowns: Vec<CooldownRow>,
}

/// A credential, or one model of it, that is not called for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CooldownRow {
    pub provider: String,
    pub profile_id: String,
    /// `None`: every model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// `rate_limit`, `overloaded`, `timeout`, `billing`, `auth` or `model_not_found`.
    pub reason: String,
    /// Unix milliseconds; `None` until the key changes or the configuration is read again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
}

/// One credential of a provider; never with its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthProfileRow {
    pub profile_id: String,
    /// `api_key` or `token`.
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    pub source: String,
    /// `ok`, `cooldown` (no model of it is called until `until`) or `disabled` (its key was refused).
    pub status: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProviderAuth {
    pub provider: String,
    pub display_name: String,
    /// `ok` or `missing`.
    pub status: String,
    #[serde(default)]
    pub profiles: Vec<AuthProfileRow>,
    /// `None` where a key is missing, and where none is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<ApiKeySource>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKeySource {
    /// Where the key comes from: `env:ANTHROPIC_API_KEY`, or `config:models.providers.anthropic.apiKey`; never the key.
    pub source: String,
}
