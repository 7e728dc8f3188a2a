//! HTTP as strangers send it: broken, ambiguous, too large, or with somebody else's name on it.

use serde_json::json;

use crate::support::{Setup, TOKEN, connect_params, gateway, raw};

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("none")
}

#[tokio::test]
async fn requests_that_a_proxy_could_read_otherwise_are_refused() {
    let gateway = gateway().await;
    let second = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    for framing in [
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: +5",
        "Content-Length: -1",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding: chunked\r\nHost: second.example",
        "X: folded\r\n line\r\nContent-Length: 0",
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
    ] {
        let head =
            format!("POST /tools/invoke HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n{framing}");
        let answer = raw(&gateway, &format!("{head}\r\n\r\n0\r\n\r\n{second}")).await;
        assert_eq!((status(&answer), answer.matches("HTTP/1.1 ").count()), ("400", 1), "{framing}: {answer}");
    }
}

#[tokio::test]
async fn bodies_that_break_off_or_are_too_large_are_told_apart() {
    let gateway = gateway().await;
    for path in ["/tools/invoke", "/v1/chat/completions", "/v1/responses"] {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {TOKEN}\r\n"
        );
        let broken = raw(&gateway, &format!("{head}Transfer-Encoding: chunked\r\n\r\nZZZ\r\nabc\r\n")).await;
        assert!(status(&broken) == "400" && broken.contains("is broken"), "{broken}");
        let announced = raw(&gateway, &format!("{head}Content-Length: 99999999999\r\n\r\n")).await;
        assert_eq!(status(&announced), "413", "{announced}");
        let deep =
            raw(&gateway, &format!("{head}Content-Length: 100013\r\n\r\n{{\"messages\":{}", "[".repeat(100_001))).await;
        assert_eq!(status(&deep), "400", "{deep}");
    }
    let stranger =
        "POST /v1/responses HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 99999999\r\n\r\nx";
    assert_eq!(status(&raw(&gateway, stranger).await), "401", "nothing is read of whoever shows no token");
}

#[tokio::test]
async fn heads_are_bounded_and_odd_methods_and_paths_give_nothing() {
    let gateway = gateway().await;
    let end = "Host: localhost\r\nConnection: close\r\n\r\n";
    for head in [
        format!("GET /{} HTTP/1.1\r\n{end}", "a".repeat(100_000)),
        format!("GET /healthz HTTP/1.1\r\n{}{end}", "x: y\r\n".repeat(500)),
        format!("GET /healthz HTTP/1.1\r\nx: {}\r\n{end}", "y".repeat(100_000)),
    ] {
        assert_eq!(status(&raw(&gateway, &head).await), "431");
    }
    for method in ["TRACE", "CONNECT", "PUT", "DELETE", "OPTIONS"] {
        let answer = raw(&gateway, &format!("{method} /healthz HTTP/1.1\r\nX-Mine: echo-me\r\n{end}")).await;
        assert!(status(&answer) == "405" && !answer.contains("echo-me"), "{answer}");
    }
    for path in ["//etc/passwd", "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/%00", "/app.js%00", "/%ff"] {
        let answer = raw(&gateway, &format!("GET {path} HTTP/1.1\r\n{end}")).await;
        assert!(!answer.contains("root:") && !status(&answer).starts_with('5'), "{path}: {answer}");
    }
    for garbage in ["\u{16}\u{3}\u{1}\0\r\n\r\n", "GET /\r\n\r\n", "GET /\0 HTTP/1.1\r\n\r\n"] {
        assert_eq!(status(&raw(&gateway, garbage).await), "400");
    }
}

#[tokio::test]
async fn an_upgrade_is_a_get_with_a_proper_key() {
    let gateway = gateway().await;
    let upgrade = |method: &str, key: &str, more: &str| {
        format!(
            "{method} / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n{more}\r\n"
        )
    };
    let good = "AAAAAAAAAAAAAAAAAAAAAA==";
    for request in [upgrade("POST", good, "Content-Length: 3\r\n"), upgrade("GET", "x", ""), upgrade("GET", "", "")] {
        assert_eq!(status(&raw(&gateway, &request).await), "400", "{request}");
    }
}

#[tokio::test]
async fn g21_a_token_in_the_address_opens_nothing() {
    let gateway = gateway().await;
    for query in [format!("token={TOKEN}"), format!("auth={TOKEN}"), format!("access_token={TOKEN}")] {
        let request = format!("GET /v1/models?{query} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let answer = raw(&gateway, &request).await;
        assert!(status(&answer) == "401" && answer.to_lowercase().contains("www-authenticate: bearer"), "{answer}");
    }
    let (mut socket, _) = gateway.socket_at(&format!("/?token={TOKEN}")).await;
    let mut params = connect_params();
    params["auth"] = json!({});
    assert_eq!(socket.connect(params).await["ok"], false);
}

#[tokio::test]
async fn g21_guesses_through_a_proxy_are_counted_whatever_address_they_claim() {
    let gateway = gateway().await;
    let guess = async |n: u32, token: &str| {
        let headers =
            format!("X-Forwarded-For: 198.51.100.{n}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n");
        raw(&gateway, &format!("GET /v1/models HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n")).await
    };
    for n in 0..10 {
        assert_eq!(status(&guess(n, "wrong").await), "401");
    }
    let locked = guess(99, TOKEN).await;
    assert_eq!(status(&locked), "429", "{locked}");
    let wait = locked.lines().find_map(|line| line.to_lowercase().strip_prefix("retry-after: ").map(str::to_owned));
    assert!(wait.unwrap().trim().parse::<u32>().unwrap() > 200);
    // Programs on this machine are not the stranger who uses its proxy.
    assert_eq!(gateway.get("/v1/models", &[("Authorization", &format!("Bearer {TOKEN}"))]).await.0, 200);
}

#[tokio::test]
async fn metrics_are_for_neighbours_and_for_whoever_knows_the_token() {
    let gateway = gateway().await;
    let proxied = ("X-Forwarded-For", "203.0.113.9");
    assert_eq!(gateway.get("/metrics", &[]).await.0, 200);
    assert_eq!(gateway.get("/metrics", &[proxied]).await.0, 401);
    let token = format!("Bearer {TOKEN}");
    assert_eq!(gateway.get("/metrics", &[proxied, ("Authorization", &token)]).await.0, 200);
}

#[tokio::test]
async fn a_page_that_points_its_own_name_here_gets_nothing_even_without_a_secret() {
    let mut setup = Setup::default();
    setup.options.auth = Some(chela_gateway::config::AuthMode::None);
    let config = json!({"gateway": {"mode": "local", "http": {"endpoints": {"chatCompletions": {"enabled": true}}}}});
    let gateway = setup.config(config).start().await;
    let answer = raw(
        &gateway,
        "POST /v1/chat/completions HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
    );
    assert_eq!(status(&answer.await), "403");
    let (mut socket, _) = gateway.socket_with(&[("host", "evil.example"), ("origin", "http://evil.example")]).await;
    assert_eq!(socket.connect(connect_params()).await["error"]["details"]["code"], "CONTROL_UI_ORIGIN_NOT_ALLOWED");
}
