//! The web page at `/`: a chat for a browser, over the same WebSocket protocol as every other client.
//!
//! Hand-written files without a build step, part of the binary. The page holds no secret: it asks for one and keeps it in
//! its tab. Nothing here looks at a request's contents.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use serde_json::json;

use crate::server::Front;

/// A file of the page.
struct Asset {
    path: &'static str,
    mime: &'static str,
    bytes: &'static [u8],
    etag: OnceLock<String>,
}

macro_rules! asset {
    ($path:literal, $file:literal, $mime:literal) => {
        Asset { path: $path, mime: $mime, bytes: include_bytes!(concat!("page/", $file)), etag: OnceLock::new() }
    };
}

static PAGE: Asset = asset!("/", "index.html", "text/html; charset=utf-8");

static FILES: [Asset; 13] = [
    asset!("/app.js", "app.js", "text/javascript; charset=utf-8"),
    asset!("/approvals.js", "approvals.js", "text/javascript; charset=utf-8"),
    asset!("/connection.js", "connection.js", "text/javascript; charset=utf-8"),
    asset!("/conversation.js", "conversation.js", "text/javascript; charset=utf-8"),
    asset!("/identity.js", "identity.js", "text/javascript; charset=utf-8"),
    asset!("/markdown.js", "markdown.js", "text/javascript; charset=utf-8"),
    asset!("/nodes.js", "nodes.js", "text/javascript; charset=utf-8"),
    asset!("/sessions.js", "sessions.js", "text/javascript; charset=utf-8"),
    asset!("/view.js", "view.js", "text/javascript; charset=utf-8"),
    asset!("/words.js", "words.js", "text/javascript; charset=utf-8"),
    asset!("/style.css", "style.css", "text/css; charset=utf-8"),
    asset!("/prose.css", "prose.css", "text/css; charset=utf-8"),
    asset!("/icon.svg", "icon.svg", "image/svg+xml"),
];

/// Where clients of the reference system look for the page's settings.
const CONFIG_PATHS: [&str; 3] =
    ["/control-ui-config.json", "/__openclaw/control-ui-config.json", "/__openclaw__/control-ui-config.json"];

/// Only files of this origin, no inline script or style, no text that becomes markup, no frame around it; sockets to this
/// host alone.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'; connect-src 'self'; \
     require-trusted-types-for 'script'; trusted-types 'none'";

/// The routes of this interface. Any other path without an extension is the page, so that its links can be reloaded.
pub(crate) fn router() -> Router<Arc<Front>> {
    let mut router = Router::new().route("/", get(page)).route("/{*path}", any(other));
    for path in CONFIG_PATHS {
        router = router.route(path, get(settings));
    }
    router
}

async fn page(State(front): State<Arc<Front>>, headers: HeaderMap) -> Response {
    if is_off(&front) { not_found() } else { served(&PAGE, &headers) }
}

async fn other(State(front): State<Arc<Front>>, request: Request) -> Response {
    let path = request.uri().path();
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    match FILES.iter().find(|file| file.path == path) {
        _ if is_off(&front) => not_found(),
        Some(file) if reads => served(file, request.headers()),
        Some(_) => (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET,HEAD")]).into_response(),
        None if !reads => not_found(),
        None if path.rsplit('/').next().is_some_and(|name| name.contains('.')) => not_found(),
        None if path.starts_with("/v1/") => not_found(),
        None => served(&PAGE, request.headers()),
    }
}

/// What the reference system's page reads before it connects.
async fn settings(State(front): State<Arc<Front>>) -> Response {
    let agent = front.gateway().map(|gateway| gateway.sessions.agents(gateway).default_agent().clone());
    let (id, name) = agent.map_or_else(
        || ("main".to_owned(), "Chela".to_owned()),
        |agent| (agent.id.to_string(), agent.identity.name.clone().unwrap_or_else(|| "Chela".to_owned())),
    );
    let body = json!({
        "basePath": "",
        "assistantName": name,
        "assistantAvatar": "",
        "assistantAgentId": id,
        "serverVersion": env!("CARGO_PKG_VERSION"),
        "embedSandbox": "scripts",
        "allowExternalEmbedUrls": false,
    });
    ([(header::CACHE_CONTROL, "no-store")], axum::Json(body)).into_response()
}

fn is_off(front: &Front) -> bool {
    front.gateway().is_some_and(|gateway| gateway.config.load().gateway.control_ui.enabled == Some(false))
}

/// The file, or 304 where the browser has it already.
fn served(asset: &'static Asset, request: &HeaderMap) -> Response {
    let etag = asset.etag();
    let known = request.get_all(header::IF_NONE_MATCH).iter().any(|tags| {
        tags.to_str().is_ok_and(|tags| tags.split(',').any(|tag| tag.trim().trim_start_matches("W/") == etag))
    });
    let mut response = if known { StatusCode::NOT_MODIFIED.into_response() } else { asset.bytes.into_response() };
    let fixed: [(HeaderName, &'static str); 5] = [
        (header::CONTENT_TYPE, asset.mime),
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    let headers = response.headers_mut();
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(etag) = HeaderValue::from_str(etag) {
        headers.insert(header::ETAG, etag);
    }
    response
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], "Not Found").into_response()
}

impl Asset {
    fn etag(&self) -> &str {
        // Sixteen digits tell the few versions of a file apart.
        self.etag.get_or_init(|| format!("\"{}\"", &chela_config::hash(self.bytes)[..16]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_no_inline_code_and_names_only_files_that_are_served() {
        let page = std::str::from_utf8(PAGE.bytes).unwrap();
        assert!(!page.contains("<style") && !page.contains("style=") && !page.contains("onclick"), "{page}");
        for tag in page.split('<').filter(|tag| tag.starts_with("script") || tag.starts_with("link")) {
            let target = tag.split(['"']).find(|part| part.starts_with('/')).unwrap();
            assert!(FILES.iter().any(|file| file.path == target), "{target}");
        }
    }

    #[test]
    fn scripts_import_only_files_that_are_served_and_together_they_are_small() {
        for file in &FILES {
            let text = std::str::from_utf8(file.bytes).unwrap();
            for target in text.split(" from \"").skip(1).filter_map(|rest| rest.split('"').next()) {
                assert!(FILES.iter().any(|file| file.path == target), "{}: {target}", file.path);
            }
        }
        let bytes: usize = FILES.iter().map(|file| file.bytes.len()).sum();
        assert!(bytes < 64 * 1024, "{bytes}");
    }

    #[test]
    fn a_known_file_is_not_sent_again() {
        let mut headers = HeaderMap::new();
        let first = served(&PAGE, &headers);
        assert_eq!(first.status(), StatusCode::OK);
        let types: Vec<_> = first.headers().get_all(header::CONTENT_TYPE).iter().collect();
        assert_eq!(types, ["text/html; charset=utf-8"]);
        headers.insert(header::IF_NONE_MATCH, first.headers()[header::ETAG].clone());
        assert_eq!(served(&PAGE, &headers).status(), StatusCode::NOT_MODIFIED);
    }

    #[test]
    fn no_script_writes_html() {
        for file in &FILES {
            let text = std::str::from_utf8(file.bytes).unwrap();
            for word in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
                assert!(!text.contains(word), "{}: {word}", file.path);
            }
        }
    }
}
