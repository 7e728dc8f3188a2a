//! Our own client against a real gateway.

use std::sync::Arc;

use chela_client::{Client, ClientError, ClientOptions, Identity};
use chela_protocol::{ConnectAuth, Scope};
use serde_json::json;

use crate::support::{TOKEN, TestGateway, gateway};

fn options(gateway: &TestGateway) -> ClientOptions {
    ClientOptions { scopes: vec![Scope::Admin], ..ClientOptions::new(gateway.url(), Some(TOKEN.to_owned())) }
}

#[tokio::test]
async fn calls_are_answered_side_by_side() {
    let gateway = gateway().await;
    let (client, _events) = Client::connect(options(&gateway)).await.unwrap();
    assert_eq!(client.hello().protocol, 4);
    let (health, status) = tokio::join!(client.call("health", json!({})), client.call("status", json!({})));
    assert_eq!(health.unwrap()["ok"], true);
    assert_eq!(status.unwrap()["runtimeVersion"], env!("CARGO_PKG_VERSION"));
    let error = client.call("no.such", json!({})).await.unwrap_err();
    assert!(error.to_string().contains("unknown method: no.such"), "{error}");
}

#[tokio::test]
async fn g19_a_new_device_pairs_in_one_step_and_comes_back_with_its_own_token() {
    let gateway = gateway().await;
    let identity = Arc::new(Identity::generate().unwrap());
    let with_secret = ClientOptions { identity: Some(identity.clone()), ..options(&gateway) };
    let (client, _events) = Client::connect(with_secret.clone()).await.unwrap();
    let device_token = client.hello().auth.device_token.clone().unwrap();
    assert_eq!(device_token.len(), 43);
    let list = client.call("device.pair.list", json!({})).await.unwrap();
    let row = &list["paired"][0];
    assert_eq!(
        (&row["deviceId"], &row["approvedVia"], &row["connected"], &row["tokens"][0]["role"]),
        (&json!(identity.id()), &json!("shared-secret"), &json!(true), &json!("operator"))
    );

    let by_device = ConnectAuth { device_token: Some(device_token.clone()), ..ConnectAuth::default() };
    let without = ClientOptions { auth: by_device, ..with_secret.clone() };
    let (again, mut events) = Client::connect(without.clone()).await.unwrap();
    assert_eq!(again.hello().auth.method.as_deref(), Some("device-token"));
    assert_eq!(again.hello().auth.device_token.as_ref(), Some(&device_token), "the token stays the same");
    let in_token_field = ConnectAuth { token: Some(device_token), ..ConnectAuth::default() };
    Client::connect(ClientOptions { auth: in_token_field, ..with_secret }).await.unwrap();

    client.call("device.token.revoke", json!({"deviceId": identity.id(), "role": "operator"})).await.unwrap();
    while events.next().await.is_some() {}
    let error = Client::connect(without).await.err().unwrap();
    assert!(error.to_string().contains("device token mismatch"), "{error}");
}

#[tokio::test]
async fn g19_g21_a_link_lets_one_device_in_once_and_leaves_it_a_token_of_its_own() {
    let gateway = gateway().await;
    let (owner, _events) = Client::connect(options(&gateway)).await.unwrap();
    let link = owner.call("device.link.create", json!({})).await.unwrap();
    let by_link = ConnectAuth { bootstrap_token: link["token"].as_str().map(str::to_owned), ..ConnectAuth::default() };
    let visitor = |auth: &ConnectAuth| ClientOptions {
        auth: auth.clone(),
        identity: Some(Arc::new(Identity::generate().unwrap())),
        ..options(&gateway)
    };
    let without_device = ClientOptions { identity: None, ..visitor(&by_link) };
    Client::connect(without_device).await.err().expect("nobody is known by a link alone");

    let first = visitor(&by_link);
    let (browser, _events) = Client::connect(first.clone()).await.unwrap();
    let auth = &browser.hello().auth;
    assert_eq!(
        (auth.method.as_deref(), auth.scopes.as_slice()),
        (Some("bootstrap-token"), &["operator.admin".to_owned()][..])
    );
    let devices = owner.call("device.pair.list", json!({})).await.unwrap();
    assert!(devices["paired"].as_array().unwrap().iter().any(|device| device["approvedVia"] == "link"), "{devices}");
    let again = Client::connect(visitor(&by_link)).await.err().unwrap();
    assert!(again.to_string().contains("bootstrap token invalid or expired"), "{again}");
    let own = ConnectAuth { device_token: auth.device_token.clone(), ..ConnectAuth::default() };
    Client::connect(ClientOptions { auth: own, ..first }).await.unwrap();

    let reader = ClientOptions { scopes: vec![Scope::Read, Scope::Pairing], ..options(&gateway) };
    let (reader, _events) = Client::connect(reader).await.unwrap();
    let error = reader.call("device.link.create", json!({})).await.unwrap_err();
    assert!(error.to_string().contains("missing scope: operator.admin"), "{error}");
}

#[tokio::test]
async fn a_stolen_device_token_is_worth_nothing_without_the_key() {
    let gateway = gateway().await;
    let mine = ClientOptions { identity: Some(Arc::new(Identity::generate().unwrap())), ..options(&gateway) };
    let (client, _events) = Client::connect(mine).await.unwrap();
    let stolen = ConnectAuth { device_token: client.hello().auth.device_token.clone(), ..ConnectAuth::default() };
    let thief = Some(Arc::new(Identity::generate().unwrap()));
    assert!(Client::connect(ClientOptions { auth: stolen, identity: thief, ..options(&gateway) }).await.is_err());
}

#[tokio::test]
async fn g19_who_may_not_grant_a_request_leaves_it_to_others() {
    let gateway = gateway().await;
    let identity = Some(Arc::new(Identity::generate().unwrap()));
    let reader = ClientOptions { scopes: vec![Scope::Read], identity, ..options(&gateway) };
    let (device, _events) = Client::connect(reader.clone()).await.unwrap();
    let auth = ConnectAuth { device_token: device.hello().auth.device_token.clone(), ..ConnectAuth::default() };
    let upgrade = ClientOptions { scopes: vec![Scope::Admin], auth, ..reader };
    let Err(ClientError::Rejected { details: Some(details), .. }) = Client::connect(upgrade).await else {
        panic!("a device gives itself no scopes");
    };
    let approval = json!({ "requestId": details.request_id });

    let clerk = ClientOptions { scopes: vec![Scope::Pairing], ..options(&gateway) };
    let (clerk, _events) = Client::connect(clerk).await.unwrap();
    let error = clerk.call("device.pair.approve", approval.clone()).await.unwrap_err();
    assert!(error.to_string().contains("missing scope: operator.admin"), "{error}");
    let (owner, _events) = Client::connect(options(&gateway)).await.unwrap();
    let approved = owner.call("device.pair.approve", approval.clone()).await.unwrap();
    assert_eq!(approved["device"]["scopes"], json!(["operator.admin"]));
    let error = owner.call("device.pair.approve", approval).await.unwrap_err();
    assert!(error.to_string().contains("unknown requestId"), "{error}");
}

#[tokio::test]
async fn a_stopping_gateway_ends_calls_and_events() {
    let gateway = gateway().await;
    let (client, mut events) = Client::connect(options(&gateway)).await.unwrap();
    gateway.running.stop("gateway stopping").await;
    let mut names = Vec::new();
    while let Some(event) = events.next().await {
        names.push(event.name);
    }
    assert!(names.iter().any(|name| name == "shutdown"), "{names:?}");
    let error = client.call("health", json!({})).await.unwrap_err();
    assert!(matches!(error, ClientError::Closed { .. }), "{error:?}");
}
