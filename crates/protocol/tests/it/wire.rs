//! Whole frames, read and written back.

use chela_protocol::methods::{chat, sessions};
use chela_protocol::{
    ChatEvent, CloseCode, ConnectErrorCode, ConnectErrorDetails, ConnectParams, ErrorCode, EventFrame, HelloOk,
    RequestFrame, ResponseFrame, RpcError, Scope, negotiate,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// What is read is written back the same.
fn round_trip<T: DeserializeOwned + Serialize>(frame: Value) -> T {
    let read: T = serde_json::from_value(frame.clone()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), frame);
    read
}

#[test]
fn a_request_of_the_stock_command_line_reads_back() {
    let frame: RequestFrame = round_trip(json!({
        "type": "req", "id": "3:0d9c0f5e", "method": "health", "params": {"probe": true}
    }));
    assert_eq!(frame.method, "health");
}

#[test]
fn unknown_fields_are_accepted() {
    let text = r#"{"type":"req","id":"1","method":"status","traceparent":"00-ab","expectedProfileId":"p"}"#;
    let frame: RequestFrame = serde_json::from_str(text).unwrap();
    assert_eq!((frame.id.as_str(), frame.params), ("1", None));
}

#[test]
fn another_frame_type_is_no_request() {
    assert!(serde_json::from_str::<RequestFrame>(r#"{"type":"res","id":"1","method":"x"}"#).is_err());
    assert!(serde_json::from_str::<RequestFrame>(r#"{"id":"1","method":"x"}"#).is_err());
}

#[test]
fn answers_are_written_exactly() {
    let error = RpcError::unavailable("gateway starting; retry shortly").with_details(json!({"reason": "startup"}));
    let frame = ResponseFrame { id: "7".into(), ok: false, payload: None, error: Some(error) };
    let expected = json!({"type": "res", "id": "7", "ok": false, "error": {
        "code": "UNAVAILABLE", "message": "gateway starting; retry shortly",
        "details": {"reason": "startup"}, "retryable": true}});
    assert_eq!(serde_json::to_value(frame).unwrap(), expected);
}

#[test]
fn a_signed_connect_of_the_terminal_client_reads_back() {
    let params: ConnectParams = round_trip(json!({
        "minProtocol": 4, "maxProtocol": 4,
        "client": {"id": "openclaw-tui", "displayName": "openclaw-tui", "version": "2026.9.6", "platform": "linux",
                   "mode": "ui", "instanceId": "b1"},
        "caps": ["agent-kind", "tool-events"],
        "role": "operator",
        "scopes": ["operator.admin", "operator.read"],
        "device": {"id": "ab12", "publicKey": "cGs", "signature": "c2ln", "signedAt": 1_790_000_000_000_i64,
                   "nonce": "n"},
        "auth": {"token": "t"}
    }));
    assert_eq!(params.auth.unwrap().signed_credential(), "t");
}

#[test]
fn credentials_never_show_in_debug() {
    let params: ConnectParams = serde_json::from_value(json!({
        "minProtocol": 3, "maxProtocol": 3,
        "client": {"id": "cli", "version": "1", "platform": "linux", "mode": "cli"},
        "auth": {"token": "hunter2", "password": "hunter3"}
    }))
    .unwrap();
    let shown = format!("{params:?}");
    assert!(!shown.contains("hunter") && shown.contains("\"token\""), "{shown}");
}

#[test]
fn the_minimal_hello_that_stock_clients_accept_reads() {
    let hello: HelloOk = serde_json::from_value(json!({
        "type": "hello-ok", "protocol": 4, "server": {"version": "2026.9.6", "connId": "c"},
        "features": {"methods": ["health"], "events": ["tick"]},
        "snapshot": {"presence": [], "health": {}, "stateVersion": {"presence": 0, "health": 0}, "uptimeMs": 1,
            "sessionDefaults": {"defaultAgentId": "main", "modelConfigured": true, "mainKey": "main",
                                "mainSessionKey": "agent:main:main", "scope": "per-sender"}, "authMode": "token"},
        "auth": {"role": "operator", "scopes": ["operator.read"]},
        "policy": {"maxPayload": 26_214_400, "maxBufferedBytes": 52_428_800, "tickIntervalMs": 30_000}
    }))
    .unwrap();
    assert_eq!(serde_json::to_value(&hello).unwrap()["type"], "hello-ok");
    assert_eq!(hello.policy.tick_interval_ms, 30_000);
}

#[test]
fn chat_events_carry_their_state_beside_the_run() {
    let delta: ChatEvent = round_trip(json!({
        "runId": "r", "sessionKey": "agent:main:main", "agentId": "main", "seq": 2, "state": "delta",
        "message": {"role": "assistant", "content": [{"type": "text", "text": "Hello"}], "timestamp": 5},
        "deltaText": "lo"
    }));
    assert_eq!(delta.seq, 2);
    round_trip::<ChatEvent>(json!({
        "runId": "r", "sessionKey": "agent:main:main", "seq": 3, "state": "error",
        "errorMessage": "slow down", "errorKind": "rate_limit"
    }));
}

#[test]
fn an_event_frame_keeps_its_payload_untouched() {
    let text = r#"{"type":"event","event":"tick","payload":{"ts":1},"seq":4}"#;
    let frame: EventFrame = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&frame).unwrap(), text);
}

#[test]
fn a_patch_tells_null_from_absent() {
    let patch: sessions::SessionsPatchParams = serde_json::from_value(json!({"key": "main", "label": null})).unwrap();
    assert_eq!((patch.label, patch.model), (Some(None), None));
}

#[test]
fn januarys_chat_send_reads_without_the_newer_fields() {
    let params: chat::ChatSendParams =
        serde_json::from_value(json!({"sessionKey": "main", "message": "hi", "idempotencyKey": "k"})).unwrap();
    assert_eq!(params.idempotency_key.as_deref(), Some("k"));
}

#[test]
fn connect_error_details_are_in_the_clients_words() {
    let mut details = ConnectErrorDetails::new(ConnectErrorCode::AuthTokenMismatch);
    details.auth_reason = Some("token_mismatch".into());
    assert_eq!(
        serde_json::to_value(details).unwrap(),
        json!({"code": "AUTH_TOKEN_MISMATCH", "authReason": "token_mismatch"})
    );
    let newer: ConnectErrorDetails = serde_json::from_value(json!({"code": "SOMETHING_NEW"})).unwrap();
    assert_eq!(newer.code, ConnectErrorCode::Unknown);
    assert_eq!(serde_json::to_value(ErrorCode::NotPaired).unwrap(), json!("NOT_PAIRED"));
    assert_eq!(CloseCode::AuthChanged.as_u16(), 4001);
}

#[test]
fn versions_are_negotiated_to_the_newest_common_one() {
    assert_eq!(negotiate(3, 3), Some(3));
    assert_eq!(negotiate(3, 4), Some(4));
    assert_eq!(negotiate(4, 9), Some(4));
    assert_eq!(negotiate(1, 2), None);
    assert_eq!(negotiate(5, 6), None);
    assert_eq!(negotiate(4, 3), None);
}

#[test]
fn write_holds_read_and_read_holds_no_write() {
    assert!(Scope::Write.covers(Scope::Read) && !Scope::Read.covers(Scope::Write));
    assert!(Scope::ALL.iter().all(|scope| Scope::Admin.covers(*scope)));
}
