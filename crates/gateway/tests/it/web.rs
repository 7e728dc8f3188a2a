//! The web page over HTTP: what is served, with which headers, and what is not.

use chela_ui::FILES;
use serde_json::json;

use crate::support::{Setup, TestGateway, gateway};

/// One answer, with its header names in lower case.
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Answer {
    fn all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
    }

    fn one(&self, name: &str) -> &str {
        let all = self.all(name);
        assert_eq!(all.len(), 1, "{name}: {all:?}");
        all[0]
    }
}

async fn ask(gateway: &TestGateway, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let text = gateway.exchange(method, path, headers).await;
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines.map(|line| line.split_once(": ").unwrap());
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    Answer { status, headers, body: body.to_owned() }
}

#[tokio::test]
async fn each_file_of_the_page_has_one_type_and_strict_rules() {
    let gateway = gateway().await;
    for file in FILES {
        let path = file.path;
        let answer = ask(&gateway, "GET", path, &[]).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.one("content-type"), file.mime, "{path}");
        assert_eq!(answer.one("cache-control").contains("immutable"), file.is_hashed, "{path}");
        assert_eq!(answer.one("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.one("x-frame-options"), "DENY", "{path}");
        assert_eq!(answer.one("content-length"), file.plain.bytes.len().to_string(), "sent as it is: {path}");
        assert!(answer.all("content-encoding").is_empty(), "{path}");
        let policy = answer.one("content-security-policy");
        assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{path}: {policy}");
    }
}

#[tokio::test]
async fn a_browser_that_takes_brotli_or_gzip_gets_it() {
    let gateway = gateway().await;
    for file in FILES {
        for (name, form) in [("br", &file.brotli), ("gzip", &file.gzip)] {
            let Some(form) = form else { continue };
            let answer = ask(&gateway, "HEAD", file.path, &[("Accept-Encoding", name)]).await;
            assert_eq!((answer.status, answer.one("content-encoding")), (200, name), "{}", file.path);
            assert_eq!(answer.one("content-length"), form.bytes.len().to_string(), "{}", file.path);
            assert_eq!((answer.one("etag"), answer.one("vary")), (form.etag, "accept-encoding"), "{}", file.path);
        }
    }
}

#[tokio::test]
async fn a_file_that_the_browser_has_is_not_sent_again() {
    let gateway = gateway().await;
    for path in FILES.iter().map(|file| file.path) {
        let etag = ask(&gateway, "GET", path, &[]).await.one("etag").to_owned();
        for known in [etag.clone(), format!("W/{etag}"), format!("\"other\", {etag}")] {
            let answer = ask(&gateway, "GET", path, &[("If-None-Match", &known)]).await;
            assert_eq!((answer.status, answer.body.as_str()), (304, ""), "{path}");
            assert_eq!(answer.one("etag"), etag, "{path}");
        }
        assert_eq!(ask(&gateway, "GET", path, &[("If-None-Match", "\"other\"")]).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let gateway = gateway().await;
    for path in FILES.iter().map(|file| file.path) {
        let (get, head) = (ask(&gateway, "GET", path, &[]).await, ask(&gateway, "HEAD", path, &[]).await);
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}");
        for name in ["content-type", "etag", "content-length"] {
            assert_eq!(head.one(name), get.one(name), "{path}");
        }
    }
}

#[tokio::test]
async fn what_is_no_file_is_the_page_or_nothing() {
    let gateway = gateway().await;
    let page = ask(&gateway, "GET", "/", &[]).await.body;
    for path in ["/chat", "/chat/agent:main:main", "/chat/agent:main:a.b", "/?gatewayUrl=ws://evil.example/"] {
        let answer = ask(&gateway, "GET", path, &[]).await;
        assert_eq!((answer.status, &answer.body), (200, &page), "{path}");
    }
    for path in ["/none.js", "/v1/none", "/page/app.js", "/assets/none.css", "/../app.js", "/%2e%2e/Cargo.toml"] {
        let answer = ask(&gateway, "GET", path, &[]).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.one("content-type").starts_with("text/plain") || path.starts_with("/v1"), "{path}");
    }
}

#[tokio::test]
async fn files_are_read_only() {
    let gateway = gateway().await;
    for path in FILES.iter().map(|file| file.path) {
        for method in ["POST", "PUT", "DELETE"] {
            let answer = ask(&gateway, method, path, &[("Content-Length", "0")]).await;
            assert_eq!((answer.status, answer.one("allow")), (405, "GET,HEAD"), "{method} {path}");
        }
    }
    assert_eq!(ask(&gateway, "POST", "/none", &[("Content-Length", "0")]).await.status, 404);
}

#[tokio::test]
async fn the_page_can_be_switched_off() {
    let config = json!({ "gateway": { "mode": "local", "controlUi": { "enabled": false } } });
    let gateway = Setup::default().config(config).start().await;
    for path in FILES.iter().map(|file| file.path) {
        assert_eq!(ask(&gateway, "GET", path, &[]).await.status, 404, "{path}");
    }
    assert_eq!(ask(&gateway, "GET", "/health", &[]).await.status, 200);
}
