//! The credentials of one provider: which there are, and in which order a conversation tries them.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use secrecy::ExposeSecret;
use serde::Serialize;

use crate::Provider;
use crate::config::ProfileMode;
use crate::cooldown::{ProfileKey, Target};
use crate::failover::Candidate;
use crate::wire::endpoint::{Credential, Endpoint};

/// One credential of a provider, ready to be called with.
pub(crate) struct Profile {
    pub(crate) key: ProfileKey,
    pub(crate) rank: Rank,
    pub(crate) provider: Arc<dyn Provider>,
    /// Where its calls go; `None` for one that was added in code.
    pub(crate) endpoint: Option<Arc<Endpoint>>,
    /// Models that speak another dialect than their provider's.
    pub(crate) exceptions: HashMap<String, Arc<dyn Provider>>,
    /// Where the key was found, `env:ANTHROPIC_API_KEY`; `None` where there is none.
    pub(crate) source: Option<String>,
    pub(crate) mode: ProfileMode,
    /// For people, where the user gave one.
    pub(crate) label: Option<String>,
}

/// How a profile stands among its provider's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rank {
    /// At its place: the user said the order, or it is the provider's own key.
    Placed,
    /// As good as the others of this rank, which stand together.
    Equal,
}

/// A credential as it is shown; never with its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProfileStatus {
    /// `anthropic:work`; the provider's own key is `anthropic:default`.
    pub id: String,
    /// `api_key` or `token`.
    pub mode: &'static str,
    /// For people, where the user gave one.
    pub label: Option<String>,
    /// Where the key was found.
    pub source: String,
}

impl Profile {
    /// One that was added in code.
    pub(crate) fn scripted(provider_id: &str, provider: Arc<dyn Provider>) -> Self {
        Self {
            key: ProfileKey::new(provider_id, &own_id(provider_id), ""),
            rank: Rank::Placed,
            provider,
            endpoint: None,
            exceptions: HashMap::new(),
            source: None,
            mode: ProfileMode::ApiKey,
            label: None,
        }
    }

    pub(crate) fn candidate(&self, model: &str) -> Candidate {
        let provider = Arc::clone(self.exceptions.get(model).unwrap_or(&self.provider));
        Candidate { target: Target { profile: self.key.clone(), model: model.to_owned() }, provider }
    }

    /// `None` where there is no key.
    pub(crate) fn status(&self) -> Option<ProfileStatus> {
        Some(ProfileStatus {
            id: self.key.id.to_string(),
            mode: if self.mode == ProfileMode::Token { "token" } else { "api_key" },
            label: self.label.clone(),
            source: self.source.clone()?,
        })
    }
}

impl ProfileKey {
    pub(crate) fn new(provider: &str, id: &str, secret: &str) -> Self {
        Self { provider: provider.into(), id: id.into(), fingerprint: hash(secret) }
    }

    pub(crate) fn of(provider: &str, id: &str, credential: &Credential) -> Self {
        match credential {
            Credential::Key(key) => Self::new(provider, id, key.expose_secret()),
            Credential::NotNeeded | Credential::Missing(_) => Self::new(provider, id, ""),
        }
    }
}

/// What the provider's own key is called, as in the reference system.
pub(crate) fn own_id(provider: &str) -> String {
    format!("{provider}:default")
}

/// The profiles as a conversation tries them. Where several are equal, each conversation begins with one of its own and keeps to
/// it, now and after a restart: the vendor's prompt cache belongs to the credential.
pub(crate) fn order<'p>(profiles: &'p [Profile], conversation: &str) -> impl Iterator<Item = &'p Profile> {
    let equal = profiles.iter().take_while(|profile| profile.rank == Rank::Equal).count();
    let (equals, placed) = profiles.split_at(equal);
    let first = if equal == 0 { 0 } else { usize::try_from(hash(conversation) % equal as u64).unwrap_or(0) };
    equals[first..].iter().chain(&equals[..first]).chain(placed)
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
