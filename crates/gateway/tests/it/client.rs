//! Our own client against a real gateway.

use std::time::Duration;

use chela_client::{Client, ClientError, ClientOptions, DeviceIdentity};
use chela_protocol::ConnectErrorCode;
use serde_json::json;

use crate::support::{TOKEN, gateway};

fn options() -> ClientOptions {
    ClientOptions { token: Some(TOKEN.to_owned()), ..ClientOptions::default() }
}

#[tokio::test]
async fn calls_are_answered_side_by_side() {
    let gateway = gateway().await;
    let (client, _events) = Client::connect(&gateway.url(), &options()).await.unwrap();
    assert_eq!(client.hello().protocol, 4);
    let (health, status) = tokio::join!(client.call("health", json!({})), client.call("status", json!({})));
    assert_eq!(health.unwrap()["ok"], true);
    assert_eq!(status.unwrap()["runtimeVersion"], env!("CARGO_PKG_VERSION"));
    let error = client.call("no.such", json!({})).await.unwrap_err();
    assert_eq!(error.to_string(), "unknown method: no.such");
}

#[tokio::test]
async fn g19_a_new_device_pairs_in_one_step_and_comes_back_with_its_own_token() {
    let gateway = gateway().await;
    let identity = DeviceIdentity::generate().unwrap();
    let with_secret = ClientOptions { identity: Some(identity.clone()), ..options() };
    let (client, _events) = Client::connect(&gateway.url(), &with_secret).await.unwrap();
    let device_token = client.hello().auth.device_token.clone().unwrap();
    assert_eq!(device_token.len(), 43);
    let list = client.call("device.pair.list", json!({})).await.unwrap();
    let row = &list["paired"][0];
    assert_eq!(
        (&row["deviceId"], &row["approvedVia"], &row["connected"], &row["tokens"][0]["role"]),
        (&json!(identity.id()), &json!("shared-secret"), &json!(true), &json!("operator"))
    );

    let without = ClientOptions { token: None, device_token: Some(device_token.clone()), ..with_secret.clone() };
    let (again, mut events) = Client::connect(&gateway.url(), &without).await.unwrap();
    assert_eq!(again.hello().auth.method.as_deref(), Some("device-token"));
    assert_eq!(again.hello().auth.device_token.as_ref(), Some(&device_token), "the token stays the same");
    let in_token_field = ClientOptions { token: Some(device_token), device_token: None, ..without.clone() };
    Client::connect(&gateway.url(), &in_token_field).await.unwrap();

    client.call("device.token.revoke", json!({"deviceId": identity.id(), "role": "operator"})).await.unwrap();
    while events.next().await.is_some() {}
    let error = Client::connect(&gateway.url(), &without).await.unwrap_err();
    let ClientError::Unauthorized { details, .. } = error else { panic!("{error:?}") };
    assert_eq!(details.code, ConnectErrorCode::AuthDeviceTokenMismatch);
}

#[tokio::test]
async fn a_stolen_device_id_without_its_key_is_refused() {
    let gateway = gateway().await;
    let mine = ClientOptions { identity: Some(DeviceIdentity::generate().unwrap()), ..options() };
    let (client, _events) = Client::connect(&gateway.url(), &mine).await.unwrap();
    let token = client.hello().auth.device_token.clone();
    let thief = DeviceIdentity::generate().unwrap();
    let stolen = ClientOptions { token: None, device_token: token, identity: Some(thief), ..options() };
    assert!(Client::connect(&gateway.url(), &stolen).await.is_err());
}

#[tokio::test]
async fn errors_name_the_case_and_the_next_step() {
    let gateway = gateway().await;
    let wrong = ClientOptions { token: Some("wrong".to_owned()), ..ClientOptions::default() };
    let error = Client::connect(&gateway.url(), &wrong).await.unwrap_err();
    assert!(
        matches!(&error, ClientError::Unauthorized { details, .. } if details.code == ConnectErrorCode::AuthTokenMismatch)
    );
    assert!(error.hint().unwrap().contains("CHELA_GATEWAY_TOKEN"));

    let free_port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = Client::connect(&format!("ws://127.0.0.1:{free_port}"), &options()).await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error:?}");

    let error = Client::connect("ftp://somewhere", &options()).await.unwrap_err();
    assert!(matches!(error, ClientError::BadUrl { .. }), "{error:?}");

    let error = Client::connect(&gateway.url().replace("ws://", "wss://"), &options()).await.unwrap_err();
    assert!(matches!(error, ClientError::Tls { .. } | ClientError::Unreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_stopping_gateway_ends_calls_and_events() {
    let gateway = gateway().await;
    let (client, mut events) = Client::connect(&gateway.url(), &options()).await.unwrap();
    gateway.running.stop("gateway stopping").await;
    let mut names = Vec::new();
    while let Some(event) = events.next().await {
        names.push(event.event);
    }
    assert_eq!(names.last().map(String::as_str), Some("shutdown"));
    let error = client.call_within(Duration::from_secs(5), "health", json!({})).await.unwrap_err();
    assert!(matches!(error, ClientError::Closed { .. }), "{error:?}");
}
