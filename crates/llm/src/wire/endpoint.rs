//! Where a wire's calls go: address, credential, the vendor's habits, and what is known of its models.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use super::error::redact;
use crate::http::HttpClient;
use crate::models::{ModelInfo, ModelRef};
use crate::types::LlmErrorKind;
use crate::vendors::{KeyHeader, Quirk};

/// One provider at one address, speaking one wire.
pub(crate) struct Endpoint {
    pub(crate) provider: String,
    /// Without a trailing slash.
    pub(crate) base_url: String,
    pub(crate) credential: Credential,
    pub(crate) key_header: KeyHeader,
    /// Configured by the user; they win over the wire's own.
    pub(crate) headers: HeaderMap,
    /// From sending to the first output.
    pub(crate) first_byte: Duration,
    /// Between two pieces of output.
    pub(crate) idle: Duration,
    pub(crate) quirks: &'static [Quirk],
    pub(crate) models: HashMap<String, ModelInfo>,
    /// What an unlisted model is taken for; its reference is a placeholder.
    pub(crate) unlisted: ModelInfo,
    pub(crate) http: HttpClient,
}

/// What a provider asks callers to show.
pub(crate) enum Credential {
    Key(SecretString),
    NotNeeded,
    /// None is there; the text says what to do about it.
    Missing(String),
}

impl Endpoint {
    pub(crate) fn info(&self, model: &str) -> ModelInfo {
        let info = self.models.get(model).unwrap_or(&self.unlisted).clone();
        let name = if self.models.contains_key(model) { info.name } else { model.to_owned() };
        let reference = ModelRef { provider: self.provider.clone(), model: model.to_owned() };
        ModelInfo { reference, name, ..info }
    }

    /// The mark on thinking that this provider's model made.
    pub(crate) fn origin(&self, model: &str) -> String {
        format!("{}/{model}", self.provider)
    }

    pub(crate) fn has(&self, quirk: Quirk) -> bool {
        self.quirks.contains(&quirk)
    }

    /// Headers of a call: the wire's own, the credential, then the user's. Fails when there is no usable key.
    pub(crate) fn call_headers(&self, own: &[(&'static str, &'static str)]) -> Result<HeaderMap, LlmErrorKind> {
        let mut headers: HeaderMap = own
            .iter()
            .map(|(name, value)| ((*name).parse().expect("a constant name"), HeaderValue::from_static(value)))
            .collect();
        match &self.credential {
            Credential::Key(key) => self.key_header.apply(key.expose_secret(), &mut headers)?,
            Credential::NotNeeded => {}
            Credential::Missing(hint) => return Err(LlmErrorKind::NoKey { hint: hint.clone() }),
        }
        headers.extend(self.headers.clone());
        Ok(headers)
    }

    /// Takes the key and the user's headers out of a text that the vendor sent, should it have echoed them.
    pub(crate) fn without_key(&self, text: &str) -> String {
        let without = match &self.credential {
            Credential::Key(key) => redact(text, key.expose_secret()),
            Credential::NotNeeded | Credential::Missing(_) => text.to_owned(),
        };
        let values = self.headers.values().filter_map(|value| value.to_str().ok());
        values.fold(without, |text, value| redact(&text, value))
    }
}

/// Addresses and names only.
impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("provider", &self.provider)
            .field("base_url", &self.base_url)
            .finish_non_exhaustive()
    }
}

/// Joins an API path to a base URL as the vendors' own libraries do it, whether or not the base carries the version.
///
/// `version` is added when the base ends in none: for a bare host always, for a base with a path only if `everywhere`
/// (compatible servers put their API under paths of their own, `/openai/v1`, `/api/paas/v4`).
pub(crate) fn api_url(base: &str, version: &str, everywhere: bool, path: &str) -> String {
    let base = base.trim_end_matches('/');
    let after_scheme = base.split_once("://").map_or(base, |(_, rest)| rest);
    let last = after_scheme.split('/').skip(1).last();
    let versioned = last.is_some_and(|segment| {
        segment.strip_prefix('v').is_some_and(|digits| digits.starts_with(|c: char| c.is_ascii_digit()))
    });
    if versioned || (last.is_some() && !everywhere) {
        format!("{base}/{path}")
    } else {
        format!("{base}/{version}/{path}")
    }
}

#[cfg(test)]
mod tests {
    use super::api_url;

    #[test]
    fn a_version_is_added_once() {
        for base in ["http://h:1", "http://h:1/", "http://h:1/v1", "http://h:1/v1/"] {
            assert_eq!(api_url(base, "v1", false, "responses"), "http://h:1/v1/responses");
        }
        assert_eq!(api_url("https://h/api/paas/v4", "v1", false, "x"), "https://h/api/paas/v4/x");
        assert_eq!(api_url("https://h/compat", "v1", false, "x"), "https://h/compat/x");
        assert_eq!(api_url("https://h/anthropic", "v1", true, "messages"), "https://h/anthropic/v1/messages");
        assert_eq!(api_url("https://h/v1beta", "v1beta", true, "models"), "https://h/v1beta/models");
    }
}
