//! A running gateway: rotation, limits, reload, shutdown.

use chela_protocol::CloseCode;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Setup, TestGateway, connect_params, gateway};

/// A gateway whose token stands in its file, so that it can be changed there.
async fn with_token_in_file(token: &str) -> TestGateway {
    let mut setup = Setup::default();
    setup.options.token = None;
    let config = json!({"gateway": {"mode": "local", "auth": {"token": token}, "reload": {"debounceMs": 10}}});
    setup.config(config).start().await
}

async fn try_token(gateway: &TestGateway, token: &str) -> bool {
    let (mut socket, _) = gateway.socket().await;
    let mut params = connect_params();
    params["auth"] = json!({"token": token});
    socket.connect(params).await["ok"] == true
}

#[tokio::test]
async fn g21_a_rotated_token_is_dead_at_once() {
    let gateway = with_token_in_file("the-old-token").await;
    let (mut socket, _) = gateway.socket().await;
    let mut params = connect_params();
    params["scopes"] = json!(["operator.admin"]);
    params["auth"] = json!({"token": "the-old-token"});
    assert_eq!(socket.connect(params).await["ok"], true);
    let base = socket.call("config.get", json!({})).await["payload"]["hash"].clone();
    let patch = json!({"raw": r#"{gateway: {auth: {token: "the-new-token"}}}"#, "baseHash": base});
    socket.send(json!({"type": "req", "id": "p", "method": "config.patch", "params": patch})).await;
    socket.assert_closed(CloseCode::AuthChanged, "gateway auth changed").await;
    assert!(!try_token(&gateway, "the-old-token").await);
    assert!(try_token(&gateway, "the-new-token").await);
}

#[tokio::test]
async fn g21_wrong_tokens_lock_a_stranger_out_but_missing_ones_do_not() {
    let mut setup = Setup { environment: vec![("FLY_APP_NAME".into(), "my-app".into())], ..Setup::default() };
    setup.options.token = Some("right-token-here".into());
    let config = json!({"gateway": {"mode": "local", "auth": {"rateLimit": {"exemptLoopback": false}}}});
    let gateway = setup.config(config).start().await;
    for _ in 0..15 {
        let (mut socket, _) = gateway.socket().await;
        let mut params = connect_params();
        params["auth"] = json!({});
        socket.connect(params).await;
    }
    for _ in 0..10 {
        assert!(!try_token(&gateway, "wrong").await);
    }
    let (mut socket, _) = gateway.socket().await;
    let mut params = connect_params();
    params["auth"] = json!({"token": "right-token-here"});
    let refused = socket.connect(params).await;
    assert_eq!(refused["error"]["details"]["code"], "AUTH_RATE_LIMITED");
    assert_eq!(refused["error"]["details"]["recommendedNextStep"], "wait_then_retry");
    assert!(refused["error"]["retryAfterMs"].as_u64().unwrap() > 200_000);
}

#[tokio::test]
async fn a_changed_file_is_taken_up_and_a_broken_one_is_not() {
    let gateway = with_token_in_file("a-token-that-stays").await;
    let (mut socket, _) = gateway.socket().await;
    let mut params = connect_params();
    params["auth"] = json!({"token": "a-token-that-stays"});
    socket.connect(params).await;
    let path = gateway.state_dir.path().join("chela.json");
    std::fs::write(&path, "{ broken").unwrap();
    let with_agent = |id: &str| {
        json!({"gateway": {"mode": "local", "auth": {"token": "a-token-that-stays"}, "reload": {"debounceMs": 10}},
               "agents": {"list": [{"id": id}]}})
        .to_string()
    };
    std::fs::write(&path, with_agent("ops")).unwrap();
    socket.event("config.changed").await;
    let status = socket.call("status", json!({})).await;
    assert_eq!(status["payload"]["heartbeat"]["defaultAgentId"], "ops");
}

#[tokio::test]
async fn the_configuration_is_shown_without_secrets_and_written_with_them() {
    let gateway = with_token_in_file("a-secret-that-stays").await;
    let (mut socket, _) = gateway.socket().await;
    let mut params = connect_params();
    params["scopes"] = json!(["operator.admin"]);
    params["auth"] = json!({"token": "a-secret-that-stays"});
    socket.connect(params).await;
    let shown = socket.call("config.get", json!({})).await;
    assert!(!shown.to_string().contains("a-secret-that-stays"));
    assert_eq!(shown["payload"]["config"]["gateway"]["auth"]["token"], "__OPENCLAW_REDACTED__");
    let hash = shown["payload"]["hash"].clone();

    let wrong = json!({"raw": "{gateway: {port: 'x'}}", "baseHash": hash});
    let refused = socket.call("config.patch", wrong).await;
    assert!(refused["error"]["message"].as_str().unwrap().starts_with("invalid config: gateway.port:"), "{refused}");

    let raw = shown["payload"]["raw"].as_str().unwrap().replace("\"local\"", "\"local\", \"port\": 4321");
    let saved = socket.call("config.set", json!({"raw": raw, "baseHash": hash})).await;
    assert_eq!(saved["payload"]["changedPaths"], json!(["gateway.port"]), "{saved}");
    assert_eq!(saved["payload"]["requiresRestart"], json!(["gateway.port"]));
    let file = std::fs::read_to_string(gateway.state_dir.path().join("chela.json")).unwrap();
    assert!(file.contains("a-secret-that-stays") && file.contains("4321"), "{file}");

    let stale = socket.call("config.set", json!({"raw": "{}", "baseHash": hash})).await;
    assert_eq!(stale["error"]["message"], "config changed since last load; re-run config.get and retry");
}

#[tokio::test]
async fn a_stop_is_announced_and_closes_with_service_restart() {
    let gateway = gateway().await;
    let mut socket = gateway.client().await;
    gateway.running.stop("gateway stopping").await;
    let event = socket.event("shutdown").await;
    assert_eq!(event["payload"], json!({"reason": "gateway stopping"}));
    socket.assert_closed(CloseCode::ServiceRestart, "service restart").await;
}

#[tokio::test]
async fn broken_and_oversize_frames_after_the_hello_hurt_only_their_sender() {
    let gateway = gateway().await;
    let mut witness = gateway.client().await;
    let mut socket = gateway.client().await;
    let answer = {
        socket.send_text(r#"{"type":"req","id":"x","method":7}"#).await;
        socket.next().await
    };
    assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!("x"), &json!("INVALID_REQUEST")));
    socket.send_text("no json at all").await;
    socket.assert_closed(CloseCode::Policy, "invalid request frame").await;

    let mut socket = gateway.client().await;
    socket.send_message(Message::binary(vec![0; 10])).await;
    assert_eq!(socket.closed().await.0, 1003);

    let mut socket = gateway.client().await;
    let head = [0x81, 0xff].into_iter().chain(30_000_000_u64.to_be_bytes()).chain([0; 4]).collect::<Vec<u8>>();
    socket.send_raw(&head).await;
    socket.assert_closed(CloseCode::TooBig, "payload too large").await;
    assert_eq!(witness.call("health", json!({})).await["ok"], true);
}

#[tokio::test]
async fn calls_without_the_scope_have_an_end() {
    let gateway = gateway().await;
    let mut socket = gateway.client_with(json!([])).await;
    for n in 0..100 {
        socket.send(json!({"type": "req", "id": n.to_string(), "method": "status"})).await;
    }
    socket.assert_closed(CloseCode::Policy, "repeated unauthorized calls").await;
}

#[tokio::test]
async fn unauthenticated_sockets_of_one_address_are_bounded() {
    let gateway = gateway().await;
    let mut open = Vec::new();
    for _ in 0..32 {
        open.push(gateway.socket().await);
    }
    let refused = tokio_tungstenite::connect_async(gateway.url()).await;
    assert!(refused.is_err());
    drop(open.pop());
    // The place is free again when the gateway has seen the socket close.
    while tokio_tungstenite::connect_async(gateway.url()).await.is_err() {
        tokio::task::yield_now().await;
    }
}
