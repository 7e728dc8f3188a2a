//! Devices, pairing requests and small state.

use chela_store::{Device, DeviceToken, ExecGrant, PairingRequest, WriterMode};
use serde_json::json;

use crate::support::House;

fn device(id: &str) -> Device {
    Device {
        id: id.into(),
        public_key: "key".into(),
        display_name: Some("Phone".into()),
        platform: None,
        device_family: None,
        client_id: None,
        client_mode: None,
        role: "operator".into(),
        scopes: vec!["operator.read".into()],
        approved_via: "operator".into(),
        created_at_ms: 1,
        approved_at_ms: 2,
        last_seen_at_ms: 3,
    }
}

fn request(id: &str, device: &str, ts: i64) -> PairingRequest {
    PairingRequest {
        request_id: id.into(),
        device_id: device.into(),
        public_key: "key".into(),
        display_name: None,
        platform: Some("ios".into()),
        device_family: None,
        client_id: None,
        client_mode: None,
        role: "operator".into(),
        scopes: vec![],
        remote_ip: None,
        is_repair: false,
        ts,
    }
}

#[tokio::test]
async fn a_device_is_paired_seen_and_removed_with_its_tokens() {
    let House { store, dir: _dir } = House::new(WriterMode::Thread);
    let token = |byte| DeviceToken {
        device_id: "d".into(),
        role: "operator".into(),
        scopes: vec!["operator.write".into()],
        hash: [byte; 32],
        created_at_ms: 4,
    };
    store.put_pairing_request(request("r", "d", 1)).await.unwrap();
    store.put_device(device("d")).await.unwrap();
    store.put_device_token(token(1)).await.unwrap();
    store.put_device_token(token(2)).await.unwrap();
    store.device_seen(&"d".into(), 99).await.unwrap();
    store.device_seen(&"unknown".into(), 99).await.unwrap();

    assert_eq!(store.devices().await.unwrap(), [Device { last_seen_at_ms: 99, ..device("d") }]);
    assert_eq!(store.pairing_requests(0).await.unwrap(), []);
    assert_eq!(store.device_token(&"d".into(), "operator").await.unwrap(), Some(token(2)));
    assert_eq!(store.device_token(&"d".into(), "node").await.unwrap(), None);
    assert!(store.remove_device(&"d".into()).await.unwrap());
    assert!(!store.remove_device(&"d".into()).await.unwrap());
    assert_eq!(store.device_token(&"d".into(), "operator").await.unwrap(), None);
    assert!(!store.revoke_device_token(&"d".into(), "operator").await.unwrap());
}

#[tokio::test]
async fn a_device_and_role_keep_one_request_with_one_id() {
    let House { store, dir: _dir } = House::new(WriterMode::Inline);
    store.put_pairing_request(request("first", "d", 10)).await.unwrap();
    let again = store.put_pairing_request(request("second", "d", 20)).await.unwrap();
    store.put_pairing_request(request("other", "e", 5)).await.unwrap();

    assert_eq!(again, request("first", "d", 20));
    assert_eq!(store.pairing_requests(10).await.unwrap(), std::slice::from_ref(&again));
    assert_eq!(store.pairing_requests(0).await.unwrap(), std::slice::from_ref(&again));
    assert_eq!(store.take_pairing_request("first").await.unwrap(), Some(again));
    assert_eq!(store.take_pairing_request("first").await.unwrap(), None);
}

#[tokio::test]
async fn only_the_request_that_was_judged_makes_a_device() {
    let House { store, dir: _dir } = House::new(WriterMode::Inline);
    let judged = store.put_pairing_request(request("first", "d", 10)).await.unwrap();
    let changed = store.put_pairing_request(request("second", "d", 20)).await.unwrap();

    assert!(!store.approve_device(judged, device("d")).await.unwrap(), "the device asked for something else meanwhile");
    assert_eq!(store.devices().await.unwrap(), []);
    assert_eq!(store.pairing_requests(0).await.unwrap(), std::slice::from_ref(&changed));
    assert!(store.approve_device(changed.clone(), device("d")).await.unwrap());
    assert_eq!(store.devices().await.unwrap(), [device("d")]);
    assert!(!store.approve_device(changed, device("d")).await.unwrap(), "it waits no longer");
}

#[tokio::test]
async fn small_state_is_put_read_listed_and_deleted() {
    let House { store, dir: _dir } = House::new(WriterMode::Thread);
    store.kv_put("telegram", "offset", json!(1)).await.unwrap();
    store.kv_put("telegram", "offset", json!({ "update": 2 })).await.unwrap();
    store.kv_put("telegram", "bot", json!(null)).await.unwrap();
    store.kv_put("other", "offset", json!(3)).await.unwrap();

    assert_eq!(store.kv_get("telegram", "offset").await.unwrap(), Some(json!({ "update": 2 })));
    let all = vec![("bot".to_owned(), json!(null)), ("offset".to_owned(), json!({ "update": 2 }))];
    assert_eq!(store.kv_list("telegram").await.unwrap(), all);
    assert!(store.kv_delete("telegram", "offset").await.unwrap());
    assert!(!store.kv_delete("telegram", "offset").await.unwrap());
    assert_eq!(store.kv_get("telegram", "offset").await.unwrap(), None);
}

fn grant(id: &str, expires_at_ms: Option<i64>) -> ExecGrant {
    ExecGrant {
        id: id.into(),
        agent: "main".into(),
        pattern: format!("/bin/{id}"),
        arg_pattern: None,
        source: None,
        command: None,
        created_at_ms: 1,
        expires_at_ms,
        used_at_ms: None,
        used_command: None,
        used_program: None,
    }
}

#[tokio::test]
async fn g23_a_list_is_replaced_only_as_long_as_it_stands_as_it_was_read() {
    let House { store, dir: _dir } = House::new(WriterMode::Thread);
    for one in [grant("a", None), grant("b", None), grant("gone", Some(5))] {
        assert!(store.add_exec_grant(one).await.unwrap());
    }
    let read = store.exec_grants(10).await.unwrap();
    assert_eq!(read, [grant("a", None), grant("b", None)]);
    store.note_exec_grant_use("a", "a x", "/bin/a", 9).await.unwrap();
    assert!(store.remove_exec_grant("b").await.unwrap());
    assert!(!store.replace_exec_grants(read.clone(), read, 10).await.unwrap(), "what was taken back stays so");
    let read = store.exec_grants(10).await.unwrap();
    assert_eq!(read.len(), 1);
    store.note_exec_grant_use("a", "a y", "/bin/a", 11).await.unwrap();
    assert!(store.replace_exec_grants(read, vec![grant("c", None)], 12).await.unwrap(), "a use is no change");
    assert_eq!(store.exec_grants(12).await.unwrap(), [grant("c", None)]);
}
