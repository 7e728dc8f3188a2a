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

/// Credentials by name. Only their descriptions stand here, never the secrets themselves.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AuthConfig {
    /// Profiles by id, usually `provider:name`.
    pub profiles: BTreeMap<String, AuthProfile>,
    /// For each provider the profiles to use, best first.
    pub order: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuthProfile {
    pub provider: String,
    pub mode: ProfileMode,
    #[serde(default)]
    pub email: Option<String>,
    #[serde(default)]
    pub display_name: Option<String>,
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
