//! The sections `models` and `auth` of the configuration, in OpenClaw's shape. Keys that mean nothing here are tolerated.

use std::collections::BTreeMap;

use chela_config::Secret;
use schemars::JsonSchema;
use serde::Deserialize;

/// Which models can be reached, and how. Reloads without a restart; running turns finish with what they began with.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ModelsConfig {
    /// `merge` (default) adds these providers to the built-in vendors; `replace` knows no vendor but these.
    pub mode: ModelsMode,
    /// Providers by id. The id of a built-in vendor (`anthropic`, `openai`, `ollama` …) changes that vendor; any other adds
    /// a provider, which then needs `baseUrl`.
    pub providers: BTreeMap<String, ProviderConfig>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ModelsMode {
    #[default]
    Merge,
    Replace,
}

/// One provider.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ProviderConfig {
    /// Address of the API, with or without its version (`/v1`). Default: the vendor's own, or its environment variable.
    pub base_url: Option<String>,
    /// The dialect that the provider speaks. Default: the vendor's own (`openai` speaks `openai-responses`, at another
    /// `baseUrl` too); `openai-completions` for added providers.
    pub api: Option<Api>,
    /// The key. Default: the vendor's environment variables. Added providers without a key are called without one.
    pub api_key: Option<Secret>,
    /// How the key is shown. `token` and `oauth` send it as a bearer token. Default: as the API expects a key.
    pub auth: Option<AuthKind>,
    /// Sends the key as `Authorization: Bearer` whatever the API expects. Default: false.
    pub auth_header: bool,
    /// Headers added to every call. Values may be secrets.
    pub headers: BTreeMap<String, Secret>,
    /// Seconds from sending a request to the first output, and, if above 90, between two pieces of it. Default: 120.
    #[schemars(range(min = 1))]
    pub timeout_seconds: Option<u64>,
    /// Models of this provider, added to those that are known. Others can still be named.
    pub models: Vec<ModelConfig>,
}

/// What is known about one model. What is left out is the vendor's default.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ModelConfig {
    /// The provider's own name of the model.
    pub id: String,
    /// For people. Default: the id.
    pub name: Option<String>,
    /// Dialect of this model, where it differs from the provider's.
    pub api: Option<Api>,
    /// Whether the model can think before it answers.
    pub reasoning: Option<bool>,
    /// What the model takes in besides text: `image`, `document`.
    pub input: Option<Vec<InputKind>>,
    /// US dollars per million tokens.
    pub cost: Option<crate::Price>,
    /// Tokens that fit in one call.
    #[schemars(range(min = 1))]
    pub context_window: Option<u64>,
    /// Most tokens in one answer.
    #[schemars(range(min = 1))]
    pub max_tokens: Option<u32>,
}

/// Dialects. Those that are not spoken yet are reported when a provider names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Api {
    OpenaiCompletions,
    OpenaiResponses,
    AnthropicMessages,
    GoogleGenerativeAi,
    /// Spoken through the server's Chat Completions endpoint.
    Ollama,
    OpenaiChatgptResponses,
    AzureOpenaiResponses,
    GoogleVertex,
    GithubCopilot,
    BedrockConverseStream,
    PiMessages,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AuthKind {
    ApiKey,
    AwsSdk,
    Oauth,
    Token,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum InputKind {
    Text,
    Image,
    Document,
    Video,
    Audio,
}

/// Credentials by name, for whoever has several of one provider. Reloads without a restart, which gives refused keys another
/// chance.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AuthConfig {
    /// Profiles by id, usually `provider:name`.
    pub profiles: BTreeMap<String, AuthProfile>,
    /// For each provider the profiles to use, best first; others are not used. Default: all of the provider's profiles, spread
    /// over the conversations, each of which keeps to its own while it works. The provider's own key comes last.
    pub order: BTreeMap<String, Vec<String>>,
    /// How long a profile is left alone after a failure.
    pub cooldowns: CooldownConfig,
}

/// One credential of a provider.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuthProfile {
    /// The provider whose credential it is.
    pub provider: String,
    /// `api_key` and `token` are used here; a profile of another mode holds nothing that can be sent.
    pub mode: ProfileMode,
    /// The key, in the mode `api_key`.
    #[serde(default)]
    pub api_key: Option<Secret>,
    /// The token, in the mode `token`; it goes as a bearer token.
    #[serde(default)]
    pub token: Option<Secret>,
    /// Whose it is, for people.
    #[serde(default)]
    pub email: Option<String>,
    /// What it is called, for people.
    #[serde(default)]
    pub display_name: Option<String>,
}

/// Rate limits, overload and silence take 30 seconds, 1 minute, then 5 minutes, or what the vendor asks for up to 5 minutes. A
/// refused key is left alone until it changes or the configuration is read again.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CooldownConfig {
    /// Hours without credit after the first such failure; they double with each further one. Default: 5.
    #[schemars(range(min = 0.0))]
    pub billing_backoff_hours: f64,
    /// The same for single providers.
    pub billing_backoff_hours_by_provider: BTreeMap<String, f64>,
    /// The most hours without credit. Default: 24.
    #[schemars(range(min = 0.0))]
    pub billing_max_hours: f64,
    /// Hours after which a failure is forgotten, so that the next one counts as the first. Default: 24.
    #[schemars(range(min = 0.0))]
    pub failure_window_hours: f64,
}

impl Default for CooldownConfig {
    /// The reference system's.
    fn default() -> Self {
        Self {
            billing_backoff_hours: 5.0,
            billing_backoff_hours_by_provider: BTreeMap::new(),
            billing_max_hours: 24.0,
            failure_window_hours: 24.0,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum ProfileMode {
    #[serde(rename = "api_key")]
    ApiKey,
    #[serde(rename = "aws-sdk")]
    AwsSdk,
    #[serde(rename = "oauth")]
    Oauth,
    #[serde(rename = "token")]
    Token,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_shape_of_openclaw_and_tolerates_the_rest() {
        let config: ModelsConfig = serde_json::from_value(serde_json::json!({
            "mode": "replace",
            "catalogRefresh": {"enabled": false},
            "providers": {"mock": {
                "baseUrl": "http://127.0.0.1:1/v1", "api": "openai-completions", "apiKey": "k", "authHeader": true,
                "headers": {"x-a": {"source": "env", "provider": "default", "id": "A"}}, "timeoutSeconds": 5,
                "request": {"allowPrivateNetwork": true},
                "models": [{"id": "m", "name": "M", "reasoning": false, "input": ["text", "image"],
                    "cost": {"input": 1, "output": 2, "cacheRead": 0, "cacheWrite": 0},
                    "contextWindow": 200_000, "maxTokens": 8192, "compat": {"supportsStore": false}}],
            }},
        }))
        .expect("the section reads");
        assert_eq!(config.mode, ModelsMode::Replace);
        let mock = &config.providers["mock"];
        assert_eq!((mock.api, mock.timeout_seconds), (Some(Api::OpenaiCompletions), Some(5)));
        assert_eq!(mock.models[0].cost.map(|cost| cost.output), Some(2.0));
        assert!(!format!("{config:?}").contains("\"k\""));
    }
}
