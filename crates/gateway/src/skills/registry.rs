//! A registry of skills, asked by the public HTTP API of clawhub.ai: `GET /api/v1/search`, `/api/v1/skills/{slug}`, `/api/v1/download`.
//! Source: `docs/http-api.md` of openclaw/clawhub.
//!
//! What it says is data from strangers: bounded, read into types, and believed in nothing but what a skill is called.

use std::path::PathBuf;
use std::time::Duration;

use chela_agent::ARCHIVE_BYTES_MAX;
use chela_llm::http_client;
use chela_protocol::methods::skills::SkillSearchRow;
use reqwest::header::LOCATION;
use reqwest::{Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::timeout;
use url::{Host, Url};

use crate::app::Gateway;

/// The registry where the configuration names none.
const DEFAULT_REGISTRY: &str = "https://clawhub.ai";
/// Time for an answer, and for an archive.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
const ARCHIVE_TIMEOUT: Duration = Duration::from_mins(1);
/// Bytes of an answer that is no archive.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// Addresses that one answer may send us on to.
const REDIRECTS_MAX: usize = 3;
/// Longest slug and version: names of folders and tags.
const NAME_MAX: usize = 64;

/// Why the registry gave nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RegistryError {
    #[error("no registry is configured; set skills.install.registry")]
    None,
    #[error("skills.install.registry must be an https address, or http on this machine; it is {0}")]
    Address(String),
    #[error("{0:?} is no name of a skill in a registry")]
    Slug(String),
    #[error("the registry {registry} has no skill {what}")]
    NotFound { registry: String, what: String },
    #[error("the registry {registry} can't be reached: {reason}")]
    Unreachable { registry: String, reason: String },
    #[error("the registry {registry} answered {status}")]
    Refused { registry: String, status: u16 },
    #[error("the registry {registry} answered something that is not understood: {reason}")]
    Answer { registry: String, reason: String },
}

/// One registry.
pub(crate) struct Registry {
    base: Url,
    client: reqwest::Client,
}

/// What it says of a skill; `raw` as it came.
pub(crate) struct Listing {
    /// Its own name for the skill: an old one leads to the new.
    pub(crate) slug: String,
    pub(crate) version: String,
    pub(crate) moderation: Moderation,
    pub(crate) raw: Value,
}

/// What its people and scanners found.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Moderation {
    pub(crate) is_suspicious: bool,
    pub(crate) is_malware_blocked: bool,
    reason_codes: Vec<String>,
    summary: Option<String>,
}

impl Moderation {
    /// In words, where it suspects something.
    pub(crate) fn suspicion(&self) -> Option<String> {
        let said = || self.summary.clone().unwrap_or_else(|| self.reason_codes.join(", "));
        self.is_suspicious.then(said)
    }
}

#[derive(Deserialize)]
struct SearchAnswer {
    results: Vec<SkillSearchRow>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DetailAnswer {
    skill: DetailSkill,
    latest_version: Option<DetailVersion>,
    moderation: Option<Moderation>,
}

#[derive(Deserialize)]
struct DetailSkill {
    slug: String,
}

#[derive(Deserialize)]
struct DetailVersion {
    version: String,
}

impl Registry {
    /// The configured one.
    pub(crate) fn of(gateway: &Gateway) -> Result<Self, RegistryError> {
        let config = gateway.config.load();
        let text = config.skills.install.registry.as_deref().unwrap_or(DEFAULT_REGISTRY).trim().to_owned();
        if text.is_empty() {
            return Err(RegistryError::None);
        }
        let base = Url::parse(&text).ok().filter(is_safe).ok_or_else(|| RegistryError::Address(text.clone()))?;
        let roots = gateway.environment.get("SSL_CERT_FILE").map(PathBuf::from);
        let client = http_client(roots).client();
        let client =
            client.map_err(|error| RegistryError::Unreachable { registry: text, reason: error.to_string() })?;
        Ok(Self { base, client })
    }

    /// Its address, as pins name it.
    pub(crate) fn name(&self) -> String {
        self.base.as_str().trim_end_matches('/').to_owned()
    }

    pub(crate) async fn search(&self, words: &str, limit: usize) -> Result<Vec<SkillSearchRow>, RegistryError> {
        let mut url = self.address(&["search"])?;
        url.query_pairs_mut().append_pair("q", words).append_pair("limit", &limit.to_string());
        let answer: SearchAnswer = self.json(url, "search").await?;
        Ok(answer.results.into_iter().filter(|row| slug_of(&row.slug).is_ok()).take(limit).collect())
    }

    pub(crate) async fn listing(&self, slug: &str) -> Result<Listing, RegistryError> {
        let raw: Value = self.json(self.address(&["skills", slug])?, slug).await?;
        let read = DetailAnswer::deserialize(&raw).map_err(|error| self.not_understood(&error))?;
        let version = read.latest_version.map(|latest| latest.version).ok_or_else(|| self.not_found(slug))?;
        let slug = slug_of(&read.skill.slug)?;
        Ok(Listing { slug, version: version_of(&version)?, moderation: read.moderation.unwrap_or_default(), raw })
    }

    /// The archive of a version.
    pub(crate) async fn archive(&self, slug: &str, version: &str) -> Result<Vec<u8>, RegistryError> {
        let mut url = self.address(&["download"])?;
        url.query_pairs_mut().append_pair("slug", slug).append_pair("version", &version_of(version)?);
        let what = format!("{slug} {version}");
        let fetching = async { self.bytes(self.get(url, &what).await?, ARCHIVE_BYTES_MAX).await };
        timeout(ARCHIVE_TIMEOUT, fetching).await.map_err(|_| self.unreachable("it took too long"))?
    }

    async fn json<T: DeserializeOwned>(&self, url: Url, what: &str) -> Result<T, RegistryError> {
        let asking = async { self.bytes(self.get(url, what).await?, ANSWER_BYTES_MAX).await };
        let bytes = timeout(ANSWER_TIMEOUT, asking).await.map_err(|_| self.unreachable("it took too long"))??;
        serde_json::from_slice(&bytes).map_err(|error| self.not_understood(&error))
    }

    /// Follows where it is sent, within what is safe.
    async fn get(&self, mut url: Url, what: &str) -> Result<Response, RegistryError> {
        for _ in 0..=REDIRECTS_MAX {
            let response = self.client.get(url.clone()).send().await;
            let response = response.map_err(|error| self.unreachable(root_cause(&error)))?;
            let status = response.status();
            if status.is_success() {
                return Ok(response);
            }
            if status == StatusCode::NOT_FOUND || status == StatusCode::GONE {
                return Err(self.not_found(what));
            }
            let next = response.headers().get(LOCATION).filter(|_| status.is_redirection());
            let next = next.and_then(|location| url.join(location.to_str().ok()?).ok());
            // A registry elsewhere has no business on this machine.
            let next = next.filter(|next| is_safe(next) && (!is_here(next) || is_here(&self.base)));
            url = next.ok_or_else(|| RegistryError::Refused { registry: self.name(), status: status.as_u16() })?;
        }
        Err(self.unreachable("it sends us from one address to the next"))
    }

    async fn bytes(&self, mut response: Response, most: usize) -> Result<Vec<u8>, RegistryError> {
        let mut bytes = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|error| self.unreachable(root_cause(&error)))? {
            if bytes.len() + piece.len() > most {
                return Err(self.not_understood(&format!("it is larger than {most} bytes")));
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }

    fn address(&self, parts: &[&str]) -> Result<Url, RegistryError> {
        let mut url = self.base.clone();
        let no_path = RegistryError::Address(self.base.to_string());
        url.path_segments_mut().map_err(|()| no_path)?.pop_if_empty().extend(["api", "v1"]).extend(parts);
        Ok(url)
    }

    fn not_found(&self, what: &str) -> RegistryError {
        RegistryError::NotFound { registry: self.name(), what: what.to_owned() }
    }

    fn unreachable(&self, reason: impl Into<String>) -> RegistryError {
        RegistryError::Unreachable { registry: self.name(), reason: reason.into() }
    }

    fn not_understood(&self, reason: &dyn std::fmt::Display) -> RegistryError {
        RegistryError::Answer { registry: self.name(), reason: format!("{reason}") }
    }
}

/// The skill's name in the registry, without the owner's (`@owner/slug`).
pub(crate) fn slug_of(text: &str) -> Result<String, RegistryError> {
    let slug = match text.split_once('/') {
        Some((owner, slug)) if owner.starts_with('@') => slug,
        _ => text,
    };
    let is_fine = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    let fits = slug.len() <= NAME_MAX && slug.bytes().all(is_fine);
    let begins_well = slug.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
    if fits && begins_well {
        Ok(slug.to_owned())
    } else {
        Err(RegistryError::Slug(text.chars().take(NAME_MAX).collect()))
    }
}

fn version_of(text: &str) -> Result<String, RegistryError> {
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b".-+_".contains(&byte);
    let fits = !text.is_empty() && text.len() <= NAME_MAX && text.bytes().all(is_fine);
    if fits { Ok(text.to_owned()) } else { Err(RegistryError::Slug(text.chars().take(NAME_MAX).collect())) }
}

/// What is loaded is code in the end, so nobody on the way may change it.
fn is_safe(url: &Url) -> bool {
    let has_no_key = url.username().is_empty() && url.password().is_none();
    has_no_key && (url.scheme() == "https" || (url.scheme() == "http" && is_here(url)))
}

fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
