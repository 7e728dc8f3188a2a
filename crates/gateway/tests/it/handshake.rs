//! Every row of the protocol's table of connects that succeed and fail.

use chela_protocol::CloseCode;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Setup, TOKEN, connect_params, gateway};

#[tokio::test]
async fn a_right_token_gets_a_hello_with_what_stock_clients_need() {
    let gateway = gateway().await;
    let (mut socket, _) = gateway.socket().await;
    let answer = socket.connect(connect_params()).await;
    let hello = &answer["payload"];
    assert_eq!((&answer["ok"], &hello["type"], &hello["protocol"]), (&json!(true), &json!("hello-ok"), &json!(4)));
    assert_eq!(hello["auth"], json!({"method": "token", "role": "operator", "scopes": ["operator.read"]}));
    assert_eq!(hello["snapshot"]["sessionDefaults"]["mainSessionKey"], "agent:main:main");
    assert_eq!(hello["policy"]["maxPayload"], 26_214_400);
    assert_eq!(hello["server"].get("buildId"), None);
    assert_eq!(hello["snapshot"].get("configPath"), None, "paths are for admins");
    let health = socket.call("health", json!({})).await;
    assert_eq!(health["payload"]["ok"], true);
    let status = socket.call("status", json!({})).await;
    assert_eq!(status["payload"]["heartbeat"]["defaultAgentId"], "main");
}

#[tokio::test]
async fn health_shows_conversations_to_readers_and_paths_to_admins() {
    let gateway = gateway().await;
    let mut admin = gateway.client().await;
    assert_eq!(admin.call("sessions.create", json!({"key": "private", "label": "x"})).await["ok"], true);
    for (scopes, keys, has_path) in
        [(json!([]), 0, false), (json!(["operator.read"]), 1, false), (json!(["operator.admin"]), 1, true)]
    {
        let (mut socket, _) = gateway.socket().await;
        let mut params = connect_params();
        params["scopes"] = scopes.clone();
        let hello = socket.connect(params).await;
        let called = socket.call("health", json!({})).await;
        for health in [&hello["payload"]["snapshot"]["health"], &called["payload"]] {
            for sessions in [&health["sessions"], &health["agents"][0]["sessions"]] {
                assert_eq!(sessions["count"], 1, "{scopes}: {health}");
                assert_eq!(sessions["recent"].as_array().unwrap().len(), keys, "{scopes}: {health}");
                assert_eq!(sessions["path"] != "", has_path, "{scopes}: {health}");
            }
        }
    }
}

#[tokio::test]
async fn the_secret_is_accepted_in_the_password_field_too() {
    let gateway = gateway().await;
    let (mut socket, _) = gateway.socket().await;
    let mut params = connect_params();
    params["auth"] = json!({"password": TOKEN});
    assert_eq!(socket.connect(params).await["ok"], true);
}

/// Connects with changed parameters, and checks the refusal and the close.
async fn refused(change: impl FnOnce(&mut Value), error: Value, close: (CloseCode, &str)) {
    let gateway = gateway().await;
    let (mut socket, _) = gateway.socket().await;
    let mut params = connect_params();
    change(&mut params);
    let answer = socket.connect(params).await;
    assert_eq!(answer["ok"], false);
    assert_eq!(answer["error"], error);
    socket.assert_closed(close.0, close.1).await;
}

#[tokio::test]
async fn without_credentials_and_device() {
    let error = json!({"code": "NOT_PAIRED", "message": "device identity required",
        "details": {"code": "DEVICE_IDENTITY_REQUIRED"}});
    let close = (CloseCode::Policy, "device identity required");
    refused(|params| params["auth"] = json!({}), error.clone(), close).await;
    refused(|params| params["auth"] = Value::Null, error.clone(), close).await;
    refused(|params| params["role"] = json!("node"), error, close).await;
}

#[tokio::test]
async fn wrong_token() {
    let message = "unauthorized: gateway token mismatch (enter the token that the gateway was started with)";
    let error = json!({"code": "INVALID_REQUEST", "message": message, "details": {
        "code": "AUTH_TOKEN_MISMATCH", "authReason": "token_mismatch", "canRetryWithDeviceToken": false,
        "recommendedNextStep": "update_auth_credentials"}});
    refused(|params| params["auth"]["token"] = json!("wrong"), error, (CloseCode::Policy, message)).await;
}

#[tokio::test]
async fn no_common_protocol() {
    let error = json!({"code": "INVALID_REQUEST", "message": "protocol mismatch", "details": {
        "code": "PROTOCOL_MISMATCH", "clientMinProtocol": 5, "clientMaxProtocol": 6, "expectedProtocol": 4,
        "minimumProbeProtocol": 3}});
    let newer = |params: &mut Value| {
        params["minProtocol"] = json!(5);
        params["maxProtocol"] = json!(6);
    };
    refused(newer, error, (CloseCode::ProtocolError, "protocol mismatch")).await;
}

#[tokio::test]
async fn unknown_role() {
    let error = json!({"code": "INVALID_REQUEST", "message": "invalid role"});
    refused(|params| params["role"] = json!("king"), error, (CloseCode::Policy, "invalid role")).await;
}

#[tokio::test]
async fn bad_params_name_what_is_missing() {
    let message = "invalid connect params: missing field `client`";
    let error = json!({"code": "INVALID_REQUEST", "message": message});
    let without = |params: &mut Value| {
        params.as_object_mut().unwrap().remove("client");
    };
    refused(without, error, (CloseCode::Policy, message)).await;
}

#[tokio::test]
async fn the_first_request_must_be_connect() {
    let gateway = gateway().await;
    let (mut socket, _) = gateway.socket().await;
    let answer = socket.call("health", json!({})).await;
    let message = "invalid handshake: first request must be connect";
    assert_eq!(answer["error"], json!({"code": "INVALID_REQUEST", "message": message}));
    socket.assert_closed(CloseCode::Policy, message).await;
}

#[tokio::test]
async fn what_is_no_frame_closes_without_an_answer() {
    let gateway = gateway().await;
    for text in ["", "hello", "[]", r#"{"type":"res","id":"1","method":"connect"}"#, r#"{"type":"req","id":"#] {
        let (mut socket, _) = gateway.socket().await;
        socket.send_text(text).await;
        assert_eq!(socket.next_or_close().await, Err((1008, "invalid request frame".to_owned())), "{text}");
    }
}

#[tokio::test]
async fn frames_before_authentication_are_small() {
    let gateway = gateway().await;
    let (mut socket, _) = gateway.socket().await;
    socket.send_text(&"x".repeat(65_537)).await;
    assert_eq!(socket.next_or_close().await, Err((1009, "preauth payload too large".to_owned())));
    let (mut socket, _) = gateway.socket().await;
    socket.send_message(Message::binary(vec![1, 2, 3])).await;
    assert_eq!(socket.next_or_close().await.unwrap_err().0, 1003);
}

#[tokio::test]
async fn a_page_of_another_site_is_refused() {
    let gateway = gateway().await;
    let (mut socket, _) = gateway.socket_with(&[("origin", "https://evil.example")]).await;
    let answer = socket.connect(connect_params()).await;
    assert_eq!(answer["error"]["code"], "INVALID_REQUEST");
    let details = json!({"code": "CONTROL_UI_ORIGIN_NOT_ALLOWED", "reason": "origin not allowed"});
    assert_eq!(answer["error"]["details"], details);
    assert_eq!(socket.closed().await.0, 1008);
}

#[tokio::test]
async fn g19_the_page_at_the_app_url_needs_the_token_only() {
    let setup = Setup { environment: vec![("FLY_APP_NAME".into(), "my-app".into())], ..Setup::default() };
    let gateway = setup.start().await;
    let through_fly = [("origin", "https://my-app.fly.dev"), ("host", "my-app.fly.dev"), ("fly-client-ip", "1.2.3.4")];
    let (mut socket, _) = gateway.socket_with(&through_fly).await;
    let mut params = connect_params();
    params["client"]["mode"] = json!("webchat");
    assert_eq!(socket.connect(params).await["ok"], true);
}

#[tokio::test]
async fn scopes_are_what_was_asked_and_known() {
    let gateway = gateway().await;
    let mut reader = gateway.client_with(json!(["operator.read", "operator.emperor"])).await;
    assert_eq!(reader.call("system-presence", json!({})).await["ok"], true);
    let refused = reader.call("device.pair.list", json!({})).await;
    assert_eq!(
        refused["error"],
        json!({"code": "FORBIDDEN", "message": "missing scope: operator.pairing", "details": {
            "code": "MISSING_SCOPE", "missingScope": "operator.pairing", "requiredScopes": ["operator.pairing"]}})
    );
    let unknown = reader.call("no.such", json!({})).await;
    assert_eq!(unknown["error"], json!({"code": "INVALID_REQUEST", "message": "unknown method: no.such"}));
    let mut nobody = gateway.client_with(json!([])).await;
    assert_eq!(nobody.call("health", json!({})).await["ok"], true);
    assert_eq!(nobody.call("status", json!({})).await["error"]["code"], "FORBIDDEN");
}
