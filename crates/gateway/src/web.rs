//! The web page at `/`, over the same WebSocket protocol as every other client. The files are built from `ui/` and part of the binary
//! (`chela_ui`); this module serves them: types, rules for the browser, tags, and the form that a browser takes.
//!
//! The page holds no secret: it asks for one and keeps it in its tab. Nothing here looks at a request's contents.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use chela_ui::{File, Form};
use serde_json::json;

use crate::server::Front;

/// Where clients of the reference system look for the page's settings.
const CONFIG_PATHS: [&str; 3] =
    ["/control-ui-config.json", "/__openclaw/control-ui-config.json", "/__openclaw__/control-ui-config.json"];

/// Only files of this origin, no inline script or style, no frame around it; sockets to this host alone; pictures also of what the
/// person is about to attach. No text becomes markup but the templates of the page itself, by the policy of the library that makes
/// them.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'; connect-src 'self'; \
     require-trusted-types-for 'script'; trusted-types lit-html";

/// The page and its fixed names are asked about each time, which costs a tag; what has its content in its name is kept for ever.
const ASK_EACH_TIME: &str = "no-cache";
const KEEP_FOR_EVER: &str = "public, max-age=31536000, immutable";

/// The routes of this interface. Any other path without an extension is the page, so that its links can be reloaded.
pub(crate) fn router() -> Router<Arc<Front>> {
    let mut router = Router::new().route("/", get(page)).route("/{*path}", any(other));
    for path in CONFIG_PATHS {
        router = router.route(path, get(settings));
    }
    router
}

async fn page(State(front): State<Arc<Front>>, headers: HeaderMap) -> Response {
    if is_off(&front) { not_found() } else { served(chela_ui::page(), &headers) }
}

async fn other(State(front): State<Arc<Front>>, request: Request) -> Response {
    let path = request.uri().path();
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    match chela_ui::file(path) {
        _ if is_off(&front) => not_found(),
        Some(file) if reads => served(file, request.headers()),
        Some(_) => (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET,HEAD")]).into_response(),
        None if !reads => not_found(),
        // A session's key may hold dots; elsewhere a dot is the mark of a file.
        None if !path.starts_with("/chat/") && path.rsplit('/').next().is_some_and(|name| name.contains('.')) => {
            not_found()
        }
        None if path.starts_with("/v1/") => not_found(),
        None => served(chela_ui::page(), request.headers()),
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

/// The file in the best form that the browser takes, or 304 where it has that form already.
fn served(file: &'static File, request: &HeaderMap) -> Response {
    let (form, encoding) = form_for(file, request);
    let mut response =
        if is_known(form, request) { StatusCode::NOT_MODIFIED.into_response() } else { form.bytes.into_response() };
    let fixed: [(HeaderName, &'static str); 7] = [
        (header::CONTENT_TYPE, file.mime),
        (header::CACHE_CONTROL, if file.is_hashed { KEEP_FOR_EVER } else { ASK_EACH_TIME }),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::ETAG, form.etag),
        (header::VARY, "accept-encoding"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    let headers = response.headers_mut();
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}

fn form_for(file: &'static File, request: &HeaderMap) -> (&'static Form, Option<&'static str>) {
    let packed = [("br", &file.brotli), ("gzip", &file.gzip)];
    let taken = packed
        .into_iter()
        .find_map(|(name, form)| form.as_ref().filter(|_| takes(request, name)).map(|form| (form, name)));
    taken.map_or((&file.plain, None), |(form, name)| (form, Some(name)))
}

/// Whether a browser named this encoding without a weight of nought.
fn takes(request: &HeaderMap, encoding: &str) -> bool {
    let named = request.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    named.flat_map(|value| value.split(',')).any(|one| {
        let mut parts = one.split(';').map(str::trim);
        let is_it = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(encoding));
        let weight = parts.find_map(|part| part.strip_prefix("q=")).map(str::parse::<f32>);
        is_it && !matches!(weight, Some(Ok(0.0) | Err(_)))
    })
}

fn is_known(form: &Form, request: &HeaderMap) -> bool {
    request.get_all(header::IF_NONE_MATCH).iter().any(|tags| {
        tags.to_str().is_ok_and(|tags| tags.split(',').any(|tag| tag.trim().trim_start_matches("W/") == form.etag))
    })
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], "Not Found").into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asking(encodings: &'static str) -> HeaderMap {
        [(header::ACCEPT_ENCODING, HeaderValue::from_static(encodings))].into_iter().collect()
    }

    static TEXT: File = File {
        path: "/a.txt",
        mime: "text/plain",
        is_hashed: true,
        plain: Form { bytes: b"plain", etag: "\"p\"" },
        brotli: Some(Form { bytes: b"b", etag: "\"b\"" }),
        gzip: Some(Form { bytes: b"g", etag: "\"g\"" }),
    };

    #[test]
    fn a_browser_gets_the_best_form_that_it_takes() {
        let encoding = |asked| form_for(&TEXT, &asking(asked)).1;
        assert_eq!(encoding("gzip, deflate, br, zstd"), Some("br"));
        assert_eq!(encoding("gzip, deflate"), Some("gzip"));
        assert_eq!(encoding("br;q=0, GZIP;q=0.5"), Some("gzip"));
        assert_eq!(encoding("br;q=nonsense"), None);
        assert_eq!(encoding("identity"), None);
        assert_eq!(form_for(&TEXT, &HeaderMap::new()).1, None);
    }

    #[test]
    fn a_known_form_is_not_sent_again_and_another_one_is() {
        let mut headers = asking("br");
        headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static("\"b\""));
        let known = served(&TEXT, &headers);
        assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(known.headers()[header::VARY], "accept-encoding");
        headers.remove(header::ACCEPT_ENCODING);
        assert_eq!(served(&TEXT, &headers).status(), StatusCode::OK);
    }

    #[test]
    fn what_has_its_content_in_its_name_is_kept_for_ever() {
        assert_eq!(served(&TEXT, &HeaderMap::new()).headers()[header::CACHE_CONTROL], KEEP_FOR_EVER);
        let page = served(chela_ui::page(), &HeaderMap::new());
        assert_eq!(page.headers()[header::CACHE_CONTROL], ASK_EACH_TIME);
        let types: Vec<_> = page.headers().get_all(header::CONTENT_TYPE).iter().collect();
        assert_eq!(types, ["text/html; charset=utf-8"]);
    }
}
