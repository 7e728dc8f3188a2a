//! From configuration, environment and the vendors' table to providers that can be called. Pure but for the secrets' resolver.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use chela_config::{Environment, Problem, Secret, Severity};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use crate::Provider;
use crate::config::{
    Api, AuthConfig, AuthKind, AuthProfile, InputKind, ModelConfig, ModelsConfig, ModelsMode, ProfileMode,
    ProviderConfig,
};
use crate::cooldown::ProfileKey;
use crate::http::HttpClient;
use crate::models::{ModelInfo, Reachable, Standing};
use crate::profiles::{Profile, Rank, own_id};
use crate::vendors::{self, KeyHeader, KeyNeed, KnownModel, UNKNOWN, Vendor, Wire};
use crate::wire::call::{FIRST_BYTE, IDLE};
use crate::wire::endpoint::{Credential, Endpoint};
use crate::wire::{anthropic::Anthropic, gemini::Gemini, openai_chat::OpenAiChat, openai_responses::OpenAiResponses};

/// What [`crate::Models`] is built from.
pub struct ModelsBuild<'a> {
    pub config: &'a ModelsConfig,
    pub auth: &'a AuthConfig,
    pub environment: &'a Environment,
    /// Fetches a secret of the configuration; the error is a sentence for people.
    pub resolve: &'a dyn Fn(&Secret) -> Result<SecretString, String>,
    pub http: HttpClient,
}

/// All providers, those that the user wrote down and that list a model first.
pub(crate) fn providers(build: ModelsBuild<'_>) -> (Vec<Reachable>, Vec<Problem>) {
    let mut builder = Builder { build, problems: Vec::new() };
    let config = builder.build.config;
    let mut providers: Vec<Reachable> = Vec::new();
    for (id, provider) in &config.providers {
        providers.extend(builder.provider(id, Some(provider), vendors::vendor(id)));
    }
    // What lists models was meant to be used; a bare key or address only changes a vendor.
    providers.sort_by_key(|known| config.providers[&known.id].models.is_empty());
    if config.mode == ModelsMode::Merge {
        let rows = vendors::vendors().iter().filter(|row| !config.providers.contains_key(row.id));
        for row in rows {
            providers.extend(builder.provider(row.id, None, Some(row)));
        }
    }
    builder.note_profiles(&providers);
    (providers, builder.problems)
}

struct Builder<'a> {
    build: ModelsBuild<'a>,
    problems: Vec<Problem>,
}

/// A credential before it is bound to an address.
struct Held {
    /// Of its profile.
    id: String,
    credential: Credential,
    source: Option<String>,
    mode: ProfileMode,
    rank: Rank,
    label: Option<String>,
}

impl Builder<'_> {
    /// One provider. `None` when it can't be called at all; the problem is then told.
    fn provider(
        &mut self,
        id: &str,
        config: Option<&ProviderConfig>,
        row: Option<&'static Vendor>,
    ) -> Option<Reachable> {
        let empty = ProviderConfig::default();
        let settings = config.unwrap_or(&empty);
        let wire = match settings.api {
            Some(api) => self.wire(id, api)?,
            None => row.map_or(Wire::OpenAiChat, |row| row.wire),
        };
        let base_url = self.base_url(id, settings, row)?;
        let held = self.held(id, settings, row);
        let available = held.iter().any(|held| !matches!(held.credential, Credential::Missing(_)));
        self.warn_of_plain_http(id, &base_url, &held[0].credential);
        let standing = self.standing(&held[0].credential, config, row);
        let models = models(id, settings, row, available);
        let unlisted = row.map_or(UNKNOWN, |row| row.unlisted).info(id, "", available);
        let headers = self.headers(id, &settings.headers);
        let exceptions = self.exceptions(id, settings);
        let endpoint = |credential: Credential, mode: ProfileMode| {
            Arc::new(Endpoint {
                provider: id.to_owned(),
                base_url: base_url.clone(),
                key_header: if mode == ProfileMode::Token {
                    KeyHeader::Bearer
                } else {
                    key_header(settings, wire, row)
                },
                headers: headers.clone(),
                first_byte: settings.timeout_seconds.map_or(FIRST_BYTE, Duration::from_secs),
                idle: settings.timeout_seconds.map_or(IDLE, |seconds| IDLE.max(Duration::from_secs(seconds))),
                quirks: row.map_or(vendors::ADDED_QUIRKS, |row| row.quirks),
                models: models.iter().map(|info| (info.reference.model.clone(), info.clone())).collect(),
                unlisted: unlisted.clone(),
                http: self.build.http.clone(),
                credential,
            })
        };
        let profile = |held: Held| {
            let key = ProfileKey::of(id, &held.id, &held.credential);
            let endpoint = endpoint(held.credential, held.mode);
            let speaks = |(model, wire): &(String, Wire)| (model.clone(), speak(*wire, &endpoint));
            Profile {
                key,
                rank: held.rank,
                provider: speak(wire, &endpoint),
                exceptions: exceptions.iter().map(speaks).collect(),
                endpoint: Some(endpoint),
                source: held.source,
                mode: held.mode,
                label: held.label,
            }
        };
        Some(Reachable {
            id: id.to_owned(),
            profiles: held.into_iter().map(profile).collect(),
            default_model: default_model(settings, row),
            unlisted: unlisted.clone(),
            models: models.clone(),
            standing,
        })
    }

    fn wire(&mut self, id: &str, api: Api) -> Option<Wire> {
        match api {
            Api::OpenaiCompletions | Api::Ollama => Some(Wire::OpenAiChat),
            Api::OpenaiResponses => Some(Wire::OpenAiResponses),
            Api::AnthropicMessages => Some(Wire::Anthropic),
            Api::GoogleGenerativeAi => Some(Wire::Gemini),
            Api::OpenaiChatgptResponses
            | Api::AzureOpenaiResponses
            | Api::GoogleVertex
            | Api::GithubCopilot
            | Api::BedrockConverseStream
            | Api::PiMessages => {
                let hint = "use openai-completions, openai-responses, anthropic-messages or google-generative-ai";
                self.report(&format!("{id}.api"), format!("{api:?} is not spoken here"), Some(hint));
                None
            }
        }
    }

    fn base_url(&mut self, id: &str, settings: &ProviderConfig, row: Option<&Vendor>) -> Option<String> {
        let of_environment = || {
            let names = row.map_or(&[][..], |row| row.base_url_vars);
            names.iter().find_map(|name| self.build.environment.get(name))
        };
        let given = settings.base_url.as_deref().filter(|url| !url.is_empty()).or_else(of_environment);
        let Some(url) = given.or(row.map(|row| row.base_url)) else {
            self.report(
                &format!("{id}.baseUrl"),
                format!("`{id}` is no built-in vendor, so it needs an address"),
                None,
            );
            return None;
        };
        // OLLAMA_HOST is usually written `host:port`.
        let url = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
        match url::Url::parse(&url) {
            Ok(parsed) if matches!(parsed.scheme(), "http" | "https") && parsed.has_host() => {
                Some(url.trim_end_matches('/').to_owned())
            }
            _ => {
                self.report(
                    &format!("{id}.baseUrl"),
                    format!("expected an http or https address, found \"{url}\""),
                    None,
                );
                None
            }
        }
    }

    /// A key that crosses a network in the clear is as good as published.
    fn warn_of_plain_http(&mut self, id: &str, base_url: &str, credential: &Credential) {
        let Ok(url) = url::Url::parse(base_url) else { return };
        let near = match url.host() {
            Some(url::Host::Ipv4(address)) => address.is_loopback() || address.is_private() || address.is_link_local(),
            Some(url::Host::Ipv6(address)) => address.is_loopback() || address.is_unique_local(),
            // Names without a dot are of this machine or its containers.
            Some(url::Host::Domain(name)) => {
                matches!(name.rsplit_once('.'), None | Some((_, "local" | "internal")))
            }
            None => true,
        };
        if url.scheme() == "http" && !near && matches!(credential, Credential::Key(_)) {
            self.problems.push(Problem {
                path: format!("models.providers.{id}.baseUrl"),
                severity: Severity::Warning,
                message: format!("the key of `{id}` travels unencrypted to {base_url}"),
                hint: Some("use an https address".into()),
            });
        }
    }

    /// The environment's key, then the configured one: whoever runs the process has the last word. Where the file names an
    /// address of its own, its key belongs to that address and comes first, so that a vendor's key never goes to a stranger.
    /// With the key comes where it was found.
    fn credential(
        &mut self,
        id: &str,
        settings: &ProviderConfig,
        row: Option<&Vendor>,
    ) -> (Credential, Option<String>) {
        let field = format!("models.providers.{id}.apiKey");
        if settings.auth == Some(AuthKind::AwsSdk) {
            self.report(&format!("{id}.auth"), "aws-sdk credentials are not supported".into(), None);
        }
        let names = row.map_or(&[][..], |row| row.key_vars);
        let found = names.iter().find_map(|name| Some((name, self.build.environment.get(name)?)));
        let of_environment =
            found.map(|(name, key)| (Credential::Key(trimmed(SecretString::from(key))), Some(format!("env:{name}"))));
        let of_environment = match (of_environment, &settings.base_url) {
            (Some(credential), None) => return credential,
            (credential, _) => credential,
        };
        if let Some(secret) = &settings.api_key {
            match (self.build.resolve)(secret) {
                Ok(key) if !key.expose_secret().trim().is_empty() => {
                    return (Credential::Key(trimmed(key)), Some(format!("config:{field}")));
                }
                Ok(_) => {}
                Err(reason) => {
                    self.report(&format!("{id}.apiKey"), reason.clone(), None);
                    return (Credential::Missing(format!("{field}: {reason}")), None);
                }
            }
        }
        if let Some(credential) = of_environment {
            return credential;
        }
        let keyless = match row {
            Some(row) if row.key_need == KeyNeed::Required => {
                let name = row.key_vars.last().copied().unwrap_or_default();
                Credential::Missing(format!("set {name} or `{field}`"))
            }
            Some(_) | None => Credential::NotNeeded,
        };
        (keyless, None)
    }

    fn standing(&self, credential: &Credential, config: Option<&ProviderConfig>, row: Option<&Vendor>) -> Standing {
        let environment = self.build.environment;
        let address_given = row.is_some_and(|row| row.base_url_vars.iter().any(|name| environment.get(name).is_some()));
        match (credential, config) {
            (Credential::Key(_), _) | (Credential::NotNeeded, Some(_)) => Standing::Ready,
            (Credential::NotNeeded, None) if address_given => Standing::Ready,
            (Credential::NotNeeded, None) => Standing::Unasked,
            (Credential::Missing(_), Some(_)) => Standing::Keyless,
            (Credential::Missing(_), None) => Standing::Unknown,
        }
    }

    fn headers(&mut self, id: &str, given: &BTreeMap<String, Secret>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, secret) in given {
            let value = (self.build.resolve)(secret).and_then(|value| {
                let mut value = HeaderValue::from_str(value.expose_secret().trim())
                    .map_err(|_| "the value holds characters that no header can carry".to_owned())?;
                value.set_sensitive(true);
                Ok(value)
            });
            match (name.parse::<HeaderName>(), value) {
                (Ok(name), Ok(value)) => {
                    headers.insert(name, value);
                }
                (Err(_), _) => self.report(&format!("{id}.headers.{name}"), "this is no name of a header".into(), None),
                (_, Err(reason)) => self.report(&format!("{id}.headers.{name}"), reason, None),
            }
        }
        headers
    }

    /// Models that name a dialect of their own.
    fn exceptions(&mut self, id: &str, settings: &ProviderConfig) -> Vec<(String, Wire)> {
        let named = settings.models.iter().filter_map(|model| Some((model.id.clone(), model.api?)));
        let named: Vec<_> = named.collect();
        named.into_iter().filter_map(|(model, api)| Some((model, self.wire(id, api)?))).collect()
    }

    /// Every credential of a provider, best first: the profiles, then the provider's own key. Never empty.
    fn held(&mut self, id: &str, settings: &ProviderConfig, row: Option<&Vendor>) -> Vec<Held> {
        let (credential, source) = self.credential(id, settings, row);
        let mut held = self.profiles_of(id);
        let is_known = |key: &SecretString| held.iter().any(|held| is_key(&held.credential, key));
        let adds = match &credential {
            Credential::Key(key) => !is_known(key),
            Credential::NotNeeded | Credential::Missing(_) => held.is_empty(),
        };
        if adds {
            let (id, mode) = (own_id(id), ProfileMode::ApiKey);
            held.push(Held { id, credential, source, mode, rank: Rank::Placed, label: None });
        }
        held
    }

    /// The profiles of a provider that hold a key: in the given order, else tokens before keys.
    fn profiles_of(&mut self, provider: &str) -> Vec<Held> {
        let auth = self.build.auth;
        let (mut ids, rank): (Vec<&String>, Rank) = match auth.order.get(provider) {
            Some(order) => (order.iter().collect(), Rank::Placed),
            None => (auth.profiles.keys().collect(), Rank::Equal),
        };
        let mut seen = HashSet::new();
        ids.retain(|id| seen.insert(id.as_str()));
        if rank == Rank::Equal {
            ids.sort_by_key(|id| auth.profiles[id.as_str()].mode != ProfileMode::Token);
        }
        let of_provider = |id: &&String| auth.profiles.get(id.as_str()).is_some_and(|known| known.provider == provider);
        ids.into_iter()
            .filter(of_provider)
            .filter_map(|id| self.profile(id, &auth.profiles[id.as_str()], rank))
            .collect()
    }

    fn profile(&mut self, id: &str, profile: &AuthProfile, rank: Rank) -> Option<Held> {
        let (field, secret) = match profile.mode {
            ProfileMode::ApiKey => ("apiKey", profile.api_key.as_ref()?),
            ProfileMode::Token => ("token", profile.token.as_ref()?),
            ProfileMode::AwsSdk | ProfileMode::Oauth => return None,
        };
        let path = format!("auth.profiles.{id}.{field}");
        let key = match (self.build.resolve)(secret) {
            Ok(key) if key.expose_secret().trim().is_empty() => return None,
            Ok(key) => trimmed(key),
            Err(message) => {
                self.problems.push(Problem { path, severity: Severity::Error, message, hint: None });
                return None;
            }
        };
        let label = profile.display_name.clone().or_else(|| profile.email.clone());
        let (source, mode) = (Some(format!("config:{path}")), profile.mode);
        Some(Held { id: id.to_owned(), credential: Credential::Key(key), source, mode, rank, label })
    }

    /// Says which profiles can't be used, and which names of `auth.order` are nobody's.
    fn note_profiles(&mut self, providers: &[Reachable]) {
        let auth = self.build.auth;
        for (id, profile) in &auth.profiles {
            let known = providers.iter().find(|known| known.id == profile.provider);
            let is_left_out = auth.order.get(&profile.provider).is_some_and(|order| !order.contains(id));
            let is_told = self.problems.iter().any(|problem| problem.path.starts_with(&format!("auth.profiles.{id}.")));
            // Whoever has another key needs none of this profile.
            if known.is_some_and(|known| known.standing == Standing::Ready) || is_left_out || is_told {
                continue;
            }
            let message = match known {
                Some(_) => format!("the profile describes a credential of `{}` but holds no key", profile.provider),
                None => format!("the profile is of `{}`, which is no provider here", profile.provider),
            };
            let hint = match profile.mode {
                ProfileMode::ApiKey => format!("set `auth.profiles.{id}.apiKey` or the vendor's variable"),
                ProfileMode::Token => format!("set `auth.profiles.{id}.token` or the vendor's variable"),
                ProfileMode::AwsSdk | ProfileMode::Oauth => {
                    format!("set `models.providers.{}.apiKey` or the vendor's variable", profile.provider)
                }
            };
            let path = format!("auth.profiles.{id}");
            self.problems.push(Problem { path, severity: Severity::Note, message, hint: Some(hint) });
        }
        for (provider, order) in &auth.order {
            for id in order {
                let message = match auth.profiles.get(id) {
                    Some(profile) if profile.provider == *provider => continue,
                    Some(profile) => format!("the profile `{id}` is of `{}`", profile.provider),
                    None => format!("no profile is called `{id}`"),
                };
                let path = format!("auth.order.{provider}");
                self.problems.push(Problem { path, severity: Severity::Warning, message, hint: None });
            }
        }
    }

    fn report(&mut self, path: &str, message: String, hint: Option<&str>) {
        self.problems.push(Problem {
            path: format!("models.providers.{path}"),
            severity: Severity::Error,
            message,
            hint: hint.map(str::to_owned),
        });
    }
}

fn speak(wire: Wire, endpoint: &Arc<Endpoint>) -> Arc<dyn Provider> {
    let endpoint = Arc::clone(endpoint);
    match wire {
        Wire::Anthropic => Arc::new(Anthropic::new(endpoint)),
        Wire::OpenAiChat => Arc::new(OpenAiChat::new(endpoint)),
        Wire::OpenAiResponses => Arc::new(OpenAiResponses::new(endpoint)),
        Wire::Gemini => Arc::new(Gemini::new(endpoint)),
    }
}

fn key_header(settings: &ProviderConfig, wire: Wire, row: Option<&Vendor>) -> KeyHeader {
    match row {
        _ if settings.auth_header || matches!(settings.auth, Some(AuthKind::Token | AuthKind::Oauth)) => {
            KeyHeader::Bearer
        }
        Some(row) if row.wire == wire => row.key_header,
        Some(_) | None => wire.key_header(),
    }
}

fn default_model(settings: &ProviderConfig, row: Option<&Vendor>) -> Option<String> {
    let listed = settings.models.first().map(|model| model.id.clone());
    listed.or_else(|| row.and_then(|row| row.default_model).map(str::to_owned))
}

/// The user's models, then the vendor's that the user did not describe.
fn models(id: &str, settings: &ProviderConfig, row: Option<&Vendor>, available: bool) -> Vec<ModelInfo> {
    let known = row.map_or(&[][..], |row| row.models);
    let unlisted = row.map_or(UNKNOWN, |row| row.unlisted);
    let described = settings.models.iter().map(|model| {
        let base = known.iter().find(|known| known.id == model.id).unwrap_or(&unlisted);
        describe(id, base, model, available)
    });
    let others = known.iter().filter(|known| settings.models.iter().all(|model| model.id != known.id));
    described.chain(others.map(|known| known.info(id, known.id, available))).collect()
}

fn describe(id: &str, base: &KnownModel, model: &ModelConfig, available: bool) -> ModelInfo {
    let info = base.info(id, &model.id, available);
    let takes = |kind| model.input.as_ref().map(|input| input.contains(&kind));
    ModelInfo {
        name: model.name.clone().unwrap_or_else(|| model.id.clone()),
        context_window: model.context_window.unwrap_or(info.context_window),
        max_output_tokens: model.max_tokens.unwrap_or(info.max_output_tokens),
        reasoning: model.reasoning.unwrap_or(info.reasoning),
        images: takes(InputKind::Image).unwrap_or(info.images),
        // OpenClaw has no word for documents: a model that sees images keeps what its vendor is known for.
        documents: takes(InputKind::Document) == Some(true)
            || (info.documents && takes(InputKind::Image).unwrap_or(true)),
        price: model.cost.or(info.price),
        ..info
    }
}

fn is_key(credential: &Credential, key: &SecretString) -> bool {
    matches!(credential, Credential::Key(known) if known.expose_secret() == key.expose_secret())
}

/// Keys are pasted, often with a line end.
fn trimmed(key: SecretString) -> SecretString {
    let text = key.expose_secret();
    if text.trim().len() == text.len() { key } else { SecretString::from(text.trim()) }
}
