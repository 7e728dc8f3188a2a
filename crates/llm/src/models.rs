//! The models that can be reached now: vendors' rows, the user's own providers, their keys, and which to try next.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use chela_config::Problem;
use serde::{Deserialize, Serialize};

use crate::build::ModelsBuild;
use crate::config::CooldownConfig;
use crate::cooldown::{Cooldown, ProfileKey, Target};
use crate::failover::{self, Candidate, Pauses, Rules};
use crate::guide::Guide;
use crate::profiles::{self, Profile, ProfileStatus};
use crate::types::{LlmError, LlmErrorKind};
use crate::vendors::UNKNOWN;
use crate::wire::endpoint::Endpoint;
use crate::{EventStream, Provider, Request};

/// The model that answers while none is configured.
pub const GUIDE: &str = "chela/guide";

/// `provider/model`. The model's part may hold slashes (`openrouter/anthropic/claude-opus-4.5`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ModelRef {
    pub provider: String,
    pub model: String,
}

impl fmt::Display for ModelRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.provider, self.model)
    }
}

/// A text that names no model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a model is written `provider/model`, for example `anthropic/claude-opus-4-5`; got `{0}`")]
pub struct ModelRefError(pub String);

impl FromStr for ModelRef {
    type Err = ModelRefError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim().split_once('/') {
            Some((provider, model)) if !provider.is_empty() && !model.is_empty() => {
                Ok(Self { provider: provider.to_owned(), model: model.to_owned() })
            }
            _ => Err(ModelRefError(text.to_owned())),
        }
    }
}

/// What is known about a model. Unknown models of a known vendor get the vendor's defaults.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each a column of its own in `models list`")]
pub struct ModelInfo {
    #[serde(flatten)]
    pub reference: ModelRef,
    /// For people.
    pub name: String,
    /// Tokens that fit in one call, input and output together.
    pub context_window: u64,
    pub max_output_tokens: u32,
    pub reasoning: bool,
    pub images: bool,
    pub documents: bool,
    pub price: Option<Price>,
    /// A key is there (or none is needed).
    pub available: bool,
}

/// US dollars per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
pub struct Price {
    pub input: f64,
    pub output: f64,
    pub cache_read: f64,
    pub cache_write: f64,
}

/// All reachable models. Immutable: rebuilt when `models`, `auth` or a key changes.
pub struct Models {
    /// In the order in which a default is looked for.
    providers: Vec<Reachable>,
    guide: Arc<dyn Provider>,
    rules: Rules,
}

/// One provider, ready to be called.
pub(crate) struct Reachable {
    pub(crate) id: String,
    /// Its credentials, best first; never empty.
    pub(crate) profiles: Vec<Profile>,
    pub(crate) models: Vec<ModelInfo>,
    pub(crate) unlisted: ModelInfo,
    pub(crate) default_model: Option<String>,
    pub(crate) standing: Standing,
}

/// How far a provider is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It can be called, and somebody set it up.
    Ready,
    /// It can be called (a server on this machine), but nobody spoke of it.
    Unasked,
    /// The user wrote it down, but its key is missing.
    Keyless,
    /// Nobody spoke of it, and it has no key.
    Unknown,
}

impl Models {
    /// Puts the parts of the configuration together. Never fails: what can't be used is told and left out or marked.
    pub fn build(build: ModelsBuild<'_>) -> (Self, Vec<Problem>) {
        let cooldowns = build.auth.cooldowns.clone();
        let (providers, problems) = crate::build::providers(build);
        (Self::new(providers, cooldowns, Pauses::Spread), problems)
    }

    /// Only this provider, and nothing left to chance: simulations.
    pub fn scripted(id: &str, model: &str, provider: Arc<dyn Provider>) -> Self {
        Self::new(Vec::new(), CooldownConfig::default(), Pauses::Steady).with_provider(id, model, provider)
    }

    fn new(providers: Vec<Reachable>, config: CooldownConfig, pauses: Pauses) -> Self {
        let rules = Rules { cooldowns: Arc::default(), config: Arc::new(config), pauses };
        Self { providers, guide: Arc::new(Guide::new()), rules }
    }

    /// Takes the place of `before`: what rests there rests here too, but for keys that were refused, which get another chance.
    #[must_use]
    pub fn succeeding(mut self, before: &Self) -> Self {
        self.rules.cooldowns = Arc::clone(&before.rules.cooldowns);
        self.rules.cooldowns.forgive_keys();
        self
    }

    /// Adds a provider in code, before all others: simulations and tests. It answers for every model under its id.
    #[must_use]
    pub fn with_provider(mut self, id: &str, default_model: &str, provider: Arc<dyn Provider>) -> Self {
        self.providers.retain(|known| known.id != id);
        let unlisted = UNKNOWN.info(id, default_model, true);
        self.providers.insert(
            0,
            Reachable {
                id: id.to_owned(),
                profiles: vec![Profile::scripted(id, provider)],
                models: vec![unlisted.clone()],
                unlisted,
                default_model: Some(default_model.to_owned()),
                standing: Standing::Ready,
            },
        );
        self
    }

    /// Every model that can be named: rows of vendors with a key, and all that the user configured.
    pub fn list(&self) -> Vec<ModelInfo> {
        let shown = self.providers.iter().filter(|known| matches!(known.standing, Standing::Ready | Standing::Keyless));
        shown.flat_map(|known| known.models.iter().cloned()).collect()
    }

    /// What is known of a model; of an unlisted one its vendor's defaults, of an unknown provider's modest guesses.
    pub fn info(&self, reference: &ModelRef) -> ModelInfo {
        let Some(known) = self.provider(&reference.provider) else {
            let available = reference.to_string() == GUIDE;
            return UNKNOWN.info(&reference.provider, &reference.model, available);
        };
        let listed = known.models.iter().find(|info| info.reference.model == reference.model);
        listed.cloned().unwrap_or_else(|| ModelInfo {
            reference: reference.clone(),
            name: reference.model.clone(),
            ..known.unlisted.clone()
        })
    }

    /// Where a provider's first key was found, `env:ANTHROPIC_API_KEY` or `config:models.providers.anthropic.apiKey`; `None`
    /// where there is none.
    pub fn key_source(&self, provider: &str) -> Option<&str> {
        self.provider(provider)?.profiles.first()?.source.as_deref()
    }

    /// The credentials of a provider, best first.
    pub fn profiles(&self, provider: &str) -> Vec<ProfileStatus> {
        self.provider(provider)
            .map(|known| known.profiles.iter().filter_map(Profile::status).collect())
            .unwrap_or_default()
    }

    /// What is left alone after a failure, what rests longest last.
    pub fn cooldowns(&self) -> Vec<Cooldown> {
        let mut cooldowns = self.rules.cooldowns.list();
        // What rests until something changes has no end.
        cooldowns.sort_by(|one, other| {
            let end = |cooldown: &Cooldown| (cooldown.remaining.is_none(), cooldown.remaining);
            (end(one), &one.profile, &one.model).cmp(&(end(other), &other.profile, &other.model))
        });
        cooldowns
    }

    /// Whether any model but the built-in guide can be reached.
    pub fn is_configured(&self) -> bool {
        self.providers.iter().any(|known| known.standing == Standing::Ready)
    }

    /// The models to try, in order: `primary`, then `fallbacks`, without those that can't be named. With neither, the default
    /// model of the first provider that has a key (those that the user wrote down before the built-in vendors); with no key at
    /// all, the guide. Never empty.
    ///
    /// A name without a provider (`gpt-5`) is looked up among the listed models.
    pub fn chain(&self, primary: Option<&str>, fallbacks: &[String]) -> Vec<ModelRef> {
        let mut chain: Vec<ModelRef> = Vec::new();
        for text in primary.into_iter().chain(fallbacks.iter().map(String::as_str)) {
            match self.resolve(text) {
                Some(reference) if !chain.contains(&reference) => chain.push(reference),
                Some(_) => {}
                None => tracing::warn!(model = text, "no provider of this name is known; the model is passed over"),
            }
        }
        let callable = |reference: &ModelRef| {
            let standing = self.provider(&reference.provider).map(|known| known.standing);
            matches!(standing, Some(Standing::Ready | Standing::Unasked))
        };
        if !self.is_configured() && !chain.iter().any(callable) {
            return vec![guide()];
        }
        if chain.is_empty() {
            chain.extend(self.default_model());
        }
        if chain.is_empty() { vec![guide()] } else { chain }
    }

    /// Calls the first model of the chain and fails over along it: another credential of the same model first, then the next
    /// model. `request.model` is set here; `request.cache_key` keeps a conversation to its credential.
    pub fn stream(&self, chain: &[ModelRef], request: Request) -> EventStream {
        let only_guide = [guide()];
        let chain = if chain.is_empty() { &only_guide[..] } else { chain };
        let conversation = request.cache_key.as_deref().unwrap_or_default();
        let candidates = chain.iter().flat_map(|reference| self.candidates(reference, conversation)).collect();
        failover::stream(candidates, request, self.rules.clone())
    }

    /// Where the calls of a provider go, with its first credential.
    pub(crate) fn endpoint(&self, provider: &str) -> Option<Arc<Endpoint>> {
        self.provider(provider)?.profiles.first()?.endpoint.clone()
    }

    /// As [`Models::endpoint`], of one that has what it needs.
    pub(crate) fn ready_endpoint(&self, provider: &str) -> Option<Arc<Endpoint>> {
        self.provider(provider).filter(|known| known.standing == Standing::Ready)?;
        self.endpoint(provider)
    }

    fn provider(&self, id: &str) -> Option<&Reachable> {
        self.providers.iter().find(|known| known.id == id)
    }

    fn resolve(&self, text: &str) -> Option<ModelRef> {
        if let Ok(reference) = text.parse::<ModelRef>()
            && (self.provider(&reference.provider).is_some() || reference.to_string() == GUIDE)
        {
            return Some(reference);
        }
        let listed = self.list();
        listed.into_iter().map(|info| info.reference).find(|reference| reference.model == text.trim())
    }

    fn default_model(&self) -> Option<ModelRef> {
        let ready = self.providers.iter().filter(|known| known.standing == Standing::Ready);
        ready.into_iter().find_map(|known| {
            let model = known.default_model.clone()?;
            Some(ModelRef { provider: known.id.clone(), model })
        })
    }

    /// Who can answer for a model, best first; never empty.
    fn candidates(&self, reference: &ModelRef, conversation: &str) -> Vec<Candidate> {
        let single = |provider: Arc<dyn Provider>| {
            let profile = ProfileKey::new(&reference.provider, "default", "");
            vec![Candidate { target: Target { profile, model: reference.model.clone() }, provider }]
        };
        match self.provider(&reference.provider) {
            Some(known) => {
                let order = profiles::order(&known.profiles, conversation);
                order.map(|profile| profile.candidate(&reference.model)).collect()
            }
            None if reference.to_string() == GUIDE => single(Arc::clone(&self.guide)),
            None => single(Arc::new(NoProvider { id: reference.provider.clone() })),
        }
    }
}

fn guide() -> ModelRef {
    GUIDE.parse().expect("the guide's name is a model's")
}

/// Answers for a name that nobody knows.
struct NoProvider {
    id: String,
}

impl Provider for NoProvider {
    fn stream(&self, request: Request) -> EventStream {
        let message = format!("no provider `{}` is configured", self.id);
        let kind = LlmErrorKind::UnknownModel { message };
        let error =
            LlmError { provider: self.id.clone(), model: request.model, kind, status: None, after_output: false };
        Box::pin(futures_util::stream::once(std::future::ready(Err(error))))
    }
}

#[cfg(test)]
#[path = "models_tests.rs"]
mod tests;
