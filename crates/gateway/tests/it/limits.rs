//! Clients that send too much, too fast, or never read.

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{gateway, raw};

/// A client's frame with a mask of zeros.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap();
    let mut frame = vec![first];
    if length < 126 {
        frame.push(0x80 | length.to_be_bytes()[1]);
    } else {
        frame.push(0x80 | 0x7e);
        frame.extend(length.to_be_bytes());
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

#[tokio::test]
async fn parts_of_a_message_before_the_hello_add_up() {
    let gateway = gateway().await;
    let (mut socket, _) = gateway.socket().await;
    socket.send_raw(&frame(0x01, "x".repeat(40_000).as_bytes())).await;
    socket.send_raw(&frame(0x80, "x".repeat(40_000).as_bytes())).await;
    assert_eq!(socket.closed().await, (1009, "preauth payload too large".to_owned()));
}

#[tokio::test]
async fn a_flood_of_pings_is_answered_with_the_newest() {
    let gateway = gateway().await;
    let mut client = gateway.client().await;
    let flood: Vec<u8> = (0..20_000_u32).flat_map(|n| frame(0x89, &n.to_be_bytes())).collect();
    client.send_raw(&flood).await;
    assert_eq!(client.call("health", json!({})).await["ok"], true);
}

#[tokio::test]
async fn a_client_that_never_reads_is_dropped_and_nobody_else_notices() {
    let gateway = gateway().await;
    let mut deaf = gateway.client().await;
    let mut other = gateway.client().await;
    let request = json!({"type": "req", "id": "i".repeat(1_000_000), "method": "no.such"}).to_string();
    // Each answer repeats the id, so that a hundred of them are more than may wait.
    for _ in 0..100 {
        deaf.send_message(Message::text(request.clone())).await;
    }
    assert_eq!(other.call("health", json!({})).await["ok"], true);
    let (code, reason) = deaf.closed().await;
    assert!(code == 1008 && reason == "slow consumer" || code == 1006, "{code} {reason}");
}

#[tokio::test]
async fn thousands_of_requests_at_once_are_each_answered() {
    let gateway = gateway().await;
    let mut client = gateway.client().await;
    for n in 0..3_000 {
        client.send(json!({"type": "req", "id": n.to_string(), "method": "sessions.list", "params": {}})).await;
    }
    let mut answered = std::collections::BTreeSet::new();
    while answered.len() < 3_000 {
        let frame = client.next().await;
        if frame["type"] == "res" {
            let busy = frame["error"]["code"] == "UNAVAILABLE" && frame["error"]["retryable"] == true;
            assert!(frame["ok"] == true || busy, "{frame}");
            assert!(answered.insert(frame["id"].as_str().unwrap().to_owned()), "answered twice: {frame}");
        }
    }
}

#[tokio::test]
async fn odd_requests_after_the_hello_are_answered() {
    let gateway = gateway().await;
    let mut client = gateway.client().await;
    let again = client.call("connect", json!({})).await;
    assert_eq!(again["error"]["message"], "connect is only valid as the first request");
    let unknown = client.call(&"m".repeat(100_000), json!({})).await;
    assert!(unknown["error"]["message"].as_str().unwrap().len() < 200);
    let deep = format!(
        r#"{{"type":"req","id":"deep","method":"health","params":{}{}}}"#,
        "[".repeat(10_000),
        "]".repeat(10_000)
    );
    let surrogate = r#"{"type":"req","id":"half","method":"health","params":{"a":"\ud800"}}"#;
    for (id, text) in [("deep", deep.as_str()), ("half", surrogate)] {
        client.send_text(text).await;
        let answer = loop {
            let frame = client.next().await;
            if frame["type"] == "res" {
                break frame;
            }
        };
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(id), &json!("INVALID_REQUEST")), "{answer}");
    }
    for twin in 0..2 {
        client.send(json!({"type": "req", "id": "twin", "method": "health"})).await;
        assert_eq!(client.call("status", json!({})).await["ok"], true, "{twin}");
    }
}

#[tokio::test]
async fn half_an_opening_handshake_takes_no_place() {
    let gateway = gateway().await;
    for _ in 0..100 {
        let half =
            raw(&gateway, "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: close\r\n\r\n");
        assert!(half.await.starts_with("HTTP/1.1 200"), "without `Connection: upgrade` it is a plain request");
    }
    gateway.client().await;
}
