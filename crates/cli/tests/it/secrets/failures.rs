//! Everything that can fail and say why, in a house full of secrets.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use chela_testkit::model::Step;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

use super::canaries::{Canaries, House};
use crate::support::RunningGateway;

/// The answer to a request, with its head.
fn exchange(gateway: &RunningGateway, head: &str, body: &str) -> Vec<u8> {
    let address = gateway.url.strip_prefix("ws://").unwrap();
    let mut socket = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(socket, "{head}\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}").unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    answer
}

/// Everything that a socket hears after these frames, with the close.
async fn hears(gateway: &RunningGateway, frames: &[Value]) -> String {
    let (mut socket, answer) = connect_async(&gateway.url).await.unwrap();
    let mut heard = format!("{answer:?}");
    for frame in frames {
        // The gateway may have closed before.
        let _ = socket.send(Message::text(frame.to_string())).await;
    }
    let _ = socket.send(Message::Close(None)).await;
    while let Some(Ok(message)) = socket.next().await {
        match message {
            Message::Text(text) => heard.push_str(&text),
            other => write!(heard, "{other:?}").unwrap(),
        }
    }
    heard
}

fn connect(token: &str) -> Value {
    json!({"type": "req", "id": "c", "method": "connect", "params": {
        "minProtocol": 3, "maxProtocol": 4, "client": {"id": "cli", "version": "1", "platform": "linux", "mode": "cli"},
        "role": "operator", "scopes": ["operator.admin"], "caps": [], "auth": {"token": token},
    }})
}

#[expect(clippy::needless_pass_by_value, reason = "values read better")]
fn call(method: &str, params: Value) -> Value {
    json!({"type": "req", "id": method, "method": method, "params": params})
}

#[tokio::test(flavor = "multi_thread")]
async fn g25_no_failure_says_a_secret() {
    let echo = Canaries::every_form_of("model-key");
    let in_stream = format!("data: {}\n\n", json!({"error": {"message": echo, "code": "401"}}));
    let house = House::new([
        Step::fail_with(500, format!("<html>{echo}</html>")),
        Step::fail_with(400, echo.clone()),
        Step::fail_with(429, json!([{"error": {"message": echo, "status": "RESOURCE_EXHAUSTED"}}]).to_string()),
        Step::fail_with(200, in_stream),
        Step::tools([("exec", json!({"command": "exit 3"})), ("no_such_tool", json!({}))]),
    ])
    .await;
    // The first turn panics, and is tried again.
    let gateway = house.start(&[("CHELA_FAULT_POINT", "turn.before_model=panic*1")]);
    for model in
        ["fake/big", "pasted/m", "filed/m", "printed/m", "named/m", "dotted/m", "anthropic/claude-x", "google/gemini-x"]
    {
        house.look(&[
            "gateway",
            "call",
            "sessions.patch",
            "--params",
            &json!({"key": "main", "model": model}).to_string(),
        ]);
        house.look(&["agent", "--message", "fail", "--timeout", "20"]);
    }

    let (token, wrong) = (house.canaries.of("gateway-token"), house.canaries.of("discord-token"));
    for (head, body) in [
        ("GET /metrics HTTP/1.1".to_owned(), ""),
        ("GET /readyz HTTP/1.1".to_owned(), ""),
        (format!("GET /metrics HTTP/1.1\r\nAuthorization: Bearer {token}"), ""),
        (format!("GET /v1/models HTTP/1.1\r\nAuthorization: Bearer {wrong}"), ""),
        (format!("GET /v1/models HTTP/1.1\r\nAuthorization: Basic {wrong}"), ""),
        (format!("POST /v1/chat/completions HTTP/1.1\r\nAuthorization: Bearer {token}"), "{\"model\": 5}"),
        (
            format!("POST /v1/responses HTTP/1.1\r\nAuthorization: Bearer {token}"),
            "{\"model\": \"x\", \"input\": \"fail\"}",
        ),
        (
            format!("POST /tools/invoke HTTP/1.1\r\nAuthorization: Bearer {token}"),
            "{\"tool\": \"read\", \"args\": {\"path\": \"~/.chela/.env\"}}",
        ),
        (format!("GET /?token={wrong} HTTP/1.1"), ""),
        (format!("POST /telegram/{wrong} HTTP/1.1\r\nx-telegram-bot-api-secret-token: {wrong}"), "{}"),
    ] {
        let answer = exchange(&gateway, &head, body);
        house.assert_silent(&head, &answer);
    }

    let set = |raw: Value| call("config.set", json!({"raw": raw.to_string()}));
    for frames in [
        vec![connect(wrong)],
        vec![connect(token), call("no.such", json!({})), call("chat.send", json!({"sessionKey": 5}))],
        vec![connect(token), set(json!({"channels": {"discord": {"token": [wrong]}}})), set(json!({"gateway": wrong}))],
        vec![
            connect(token),
            call("config.patch", json!({"raw": format!("{{gateway: {{auth: {{token: '{wrong}}}}}}}")})),
        ],
        vec![
            connect(token),
            call("config.patch", json!({"raw": json!({"gateway": {"auth": {"token": [wrong]}}}).to_string()})),
        ],
        vec![
            connect(token),
            call("config.get", json!({})),
            call("config.schema", json!({})),
            call("channels.status", json!({"probe": true})),
        ],
        vec![connect(token), call("channels.start", json!({"channel": "telegram"})), call("secrets.reload", json!({}))],
        vec![
            connect(token),
            call("logs.tail", json!({"limit": 5000})),
            call("sessions.list", json!({})),
            call("status", json!({})),
        ],
        vec![connect(token), json!({"type": "req", "id": wrong, "method": 5}), json!(["not a frame"])],
    ] {
        let heard = hears(&gateway, &frames).await;
        // What a client says of itself comes back to it under the same id.
        let heard = heard.replace(&format!("\"id\":\"{wrong}\""), "");
        house.assert_silent(&frames[frames.len() - 1]["method"].to_string(), heard.as_bytes());
    }
    house.look(&["sessions", "show", "main", "--json"]);
    house.look(&["logs"]);
    house.end(gateway);
}
