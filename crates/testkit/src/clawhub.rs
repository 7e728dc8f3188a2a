//! The public HTTP API of clawhub.ai, as far as skills are found and fetched by it. Source: `docs/http-api.md` of openclaw/clawhub.
//!
//! Strict: what the document doesn't name is answered with 400 and kept as a fault.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Most results of a search.
const LIMIT_MAX: usize = 200;

/// A registry on loopback. Stops when dropped.
pub struct FakeClawHub {
    url: String,
    shelf: Arc<Mutex<Shelf>>,
    server: JoinHandle<()>,
}

#[derive(Default)]
struct Shelf {
    skills: BTreeMap<String, Published>,
    requests: Vec<String>,
    faults: Vec<String>,
    /// Answers to downloads are this address instead.
    redirect: Option<String>,
}

#[derive(Default)]
struct Published {
    /// Oldest first.
    versions: Vec<(String, Vec<u8>)>,
    moderation: Option<Value>,
    /// What it is called by now.
    renamed: Option<String>,
}

impl FakeClawHub {
    /// Listens on a free port, with nothing published.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let shelf = Arc::new(Mutex::new(Shelf::default()));
        let router = Router::new().fallback(answer).with_state(shelf.clone());
        let server = tokio::spawn(async move {
            // It ends with its task.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { url, shelf, server })
    }

    /// For `skills.install.registry`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Publishes a version, the newest from now on; one that is there already gets another archive, as a dishonest registry would.
    pub fn publish(&self, slug: &str, version: &str, archive: Vec<u8>) {
        let mut kept = lock(&self.shelf);
        let versions = &mut kept.skills.entry(slug.to_owned()).or_default().versions;
        match versions.iter_mut().find(|(known, _)| known == version) {
            Some(known) => known.1 = archive,
            None => versions.push((version.to_owned(), archive)),
        }
    }

    /// Flags a skill. `verdict` is `suspicious` or `malicious`.
    pub fn flag(&self, slug: &str, verdict: &str) {
        let moderation = json!({
            "isSuspicious": verdict == "suspicious", "isMalwareBlocked": verdict == "malicious", "verdict": verdict,
            "reasonCodes": [format!("{verdict}.test")], "summary": null, "engineVersion": "v2.0.0", "updatedAt": 0,
        });
        if let Some(skill) = lock(&self.shelf).skills.get_mut(slug) {
            skill.moderation = Some(moderation);
        }
    }

    /// Lets an old slug resolve to another skill.
    pub fn rename(&self, slug: &str, now: &str) {
        if let Some(skill) = lock(&self.shelf).skills.get_mut(slug) {
            skill.renamed = Some(now.to_owned());
        }
    }

    /// Sends downloads elsewhere.
    pub fn redirect(&self, address: &str) {
        lock(&self.shelf).redirect = Some(address.to_owned());
    }

    /// Paths and queries, as they came.
    pub fn requests(&self) -> Vec<String> {
        lock(&self.shelf).requests.clone()
    }

    /// What was asked for and does not exist in the API.
    pub fn faults(&self) -> Vec<String> {
        lock(&self.shelf).faults.clone()
    }
}

impl Drop for FakeClawHub {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn lock(shelf: &Mutex<Shelf>) -> MutexGuard<'_, Shelf> {
    shelf.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(State(shelf): State<Arc<Mutex<Shelf>>>, request: Request<Body>) -> Response {
    let mut shelf = lock(&shelf);
    let uri = request.uri().clone();
    shelf.requests.push(uri.to_string());
    let answered = if request.method() == Method::GET { shelf.get(&uri) } else { Err("not a GET".to_owned()) };
    answered.unwrap_or_else(|fault| {
        shelf.faults.push(format!("{uri}: {fault}"));
        (StatusCode::BAD_REQUEST, fault).into_response()
    })
}

impl Shelf {
    fn get(&self, uri: &Uri) -> Result<Response, String> {
        let query: Vec<(String, String)> =
            url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
        let query = |known: &[&str]| -> Result<BTreeMap<String, String>, String> {
            match query.iter().find(|(name, _)| !known.contains(&name.as_str())) {
                Some((name, _)) => Err(format!("unknown parameter {name}")),
                None => Ok(query.iter().cloned().collect()),
            }
        };
        let path = uri.path().strip_prefix("/api/v1/").ok_or("not below /api/v1")?;
        match path.split('/').collect::<Vec<_>>()[..] {
            ["search"] => self.search(&query(&["q", "limit"])?),
            ["skills", slug] => {
                query(&[])?;
                Ok(self.detail(slug))
            }
            ["download"] => self.download(&query(&["slug", "version", "tag"])?),
            _ => Err("no such endpoint".to_owned()),
        }
    }

    fn search(&self, query: &BTreeMap<String, String>) -> Result<Response, String> {
        let words = query.get("q").filter(|words| !words.is_empty()).ok_or("q is required")?.to_lowercase();
        let limit = query.get("limit").map_or(Ok(20), |limit| limit.parse::<usize>());
        let limit = limit.ok().filter(|limit| (1..=LIMIT_MAX).contains(limit)).ok_or("limit is no integer in range")?;
        let found = self.skills.iter().filter(|(slug, _)| words.split(' ').any(|word| slug.contains(word)));
        let row = |(slug, skill): (&String, &Published)| json!({"score": 0.5, "slug": slug, "displayName": slug, "summary": null, "version": skill.latest(), "updatedAt": 1});
        Ok(json_of(json!({"results": found.take(limit).map(row).collect::<Vec<_>>()})))
    }

    fn detail(&self, slug: &str) -> Response {
        let Some(skill) = self.skills.get(slug) else { return not_found() };
        let slug = skill.renamed.as_deref().unwrap_or(slug);
        json_of(json!({
            "skill": {"slug": slug, "displayName": slug, "summary": "", "tags": {"latest": skill.latest()}, "stats": {},
                "createdAt": 0, "updatedAt": 0},
            "latestVersion": {"version": skill.latest(), "createdAt": 0, "changelog": ""},
            "metadata": null,
            "owner": {"handle": "somebody", "displayName": "Somebody", "image": null},
            "moderation": skill.moderation,
        }))
    }

    fn download(&self, query: &BTreeMap<String, String>) -> Result<Response, String> {
        if let Some(address) = &self.redirect {
            return Ok((StatusCode::FOUND, [("location", address.clone())]).into_response());
        }
        let slug = query.get("slug").ok_or("slug is required")?;
        let Some(skill) = self.skills.get(slug) else { return Ok(not_found()) };
        let version = query.get("version").map_or_else(|| skill.latest(), String::as_str);
        let found = skill.versions.iter().find(|(known, _)| known == version);
        let archive =
            found.map(|(_, archive)| ([("content-type", "application/zip")], archive.clone()).into_response());
        Ok(archive.unwrap_or_else(not_found))
    }
}

impl Published {
    fn latest(&self) -> &str {
        self.versions.last().map(|(version, _)| version.as_str()).unwrap_or_default()
    }
}

fn json_of(value: Value) -> Response {
    axum::Json(value).into_response()
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, "Not found").into_response()
}
