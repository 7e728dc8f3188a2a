//! Devices that are not what they say: forged, replayed, removed, too many.

use chela_client::Identity;
use chela_protocol::{CloseCode, DeviceClaim, SignatureVersion};
use serde_json::{Value, json};

use crate::support::{Setup, Socket, TOKEN, TestGateway, connect_params, gateway};

const SCOPES: [&str; 1] = ["operator.read"];

fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

/// What a device may lie about before it signs.
struct Claim<'a> {
    nonce: &'a str,
    signed_at_ms: i64,
    token: &'a str,
}

/// Parameters of a connect that the device has signed.
fn signed(identity: &Identity, claim: &Claim<'_>) -> Value {
    let scopes: Vec<String> = SCOPES.iter().map(ToString::to_string).collect();
    let signature = identity.sign(
        &DeviceClaim {
            device_id: identity.id().as_str(),
            client_id: "cli",
            client_mode: "cli",
            role: "operator",
            scopes: &scopes,
            signed_at_ms: claim.signed_at_ms,
            token: claim.token,
            nonce: claim.nonce,
            platform: Some("linux"),
            device_family: None,
        },
        SignatureVersion::V3,
    );
    let mut params = connect_params();
    params["auth"] = json!({"token": claim.token});
    params["device"] = json!({
        "id": identity.id(), "publicKey": identity.public_key(), "signature": signature,
        "signedAt": claim.signed_at_ms, "nonce": claim.nonce,
    });
    params
}

async fn connect(gateway: &TestGateway, identity: &Identity, token: &str) -> (Socket, Value) {
    let (mut socket, nonce) = gateway.socket().await;
    let answer = socket.connect(signed(identity, &Claim { nonce: &nonce, signed_at_ms: now_ms(), token })).await;
    (socket, answer)
}

#[tokio::test]
async fn a_device_that_signs_honestly_comes_in() {
    let gateway = gateway().await;
    let (_socket, answer) = connect(&gateway, &Identity::from_seed([1; 32]), TOKEN).await;
    assert_eq!(answer["ok"], true, "{answer}");
}

/// Changes signed parameters and checks why they are refused. The token is right in every case.
async fn forged(change: impl FnOnce(&mut Value, &str), code: &str) {
    let gateway = gateway().await;
    let (mut socket, nonce) = gateway.socket().await;
    let claim = Claim { nonce: &nonce, signed_at_ms: now_ms(), token: TOKEN };
    let mut params = signed(&Identity::from_seed([1; 32]), &claim);
    change(&mut params, &nonce);
    let answer = socket.connect(params).await;
    assert_eq!(answer["error"]["details"]["code"], code, "{answer}");
    assert_eq!(socket.closed().await.0, CloseCode::Policy.as_u16());
}

#[tokio::test]
async fn what_was_changed_after_signing_is_refused() {
    let invalid = "DEVICE_AUTH_SIGNATURE_INVALID";
    forged(|params, _| params["scopes"] = json!(["operator.admin"]), invalid).await;
    forged(|params, _| params["scopes"] = json!(["operator.read", "operator.admin"]), invalid).await;
    forged(|params, _| params["role"] = json!("node"), invalid).await;
    forged(|params, _| params["client"]["id"] = json!("openclaw-control-ui"), invalid).await;
    forged(|params, _| params["device"]["signedAt"] = json!(now_ms() + 1_000), invalid).await;
    forged(|params, _| params["device"]["signature"] = json!("AAAA"), invalid).await;
    forged(|params, _| params["device"]["signature"] = json!("!"), invalid).await;
}

#[tokio::test]
async fn somebody_elses_key_id_or_no_key_at_all_is_refused() {
    let other = Identity::from_seed([2; 32]);
    forged(|params, _| params["device"]["id"] = json!(other.id()), "DEVICE_AUTH_DEVICE_ID_MISMATCH").await;
    forged(|params, _| params["device"]["publicKey"] = json!(other.public_key()), "DEVICE_AUTH_DEVICE_ID_MISMATCH")
        .await;
    for key in ["", "AAAA", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----", "\u{0}"] {
        forged(|params, _| params["device"]["publicKey"] = json!(key), "DEVICE_AUTH_PUBLIC_KEY_INVALID").await;
    }
}

#[tokio::test]
async fn old_and_future_signatures_are_refused() {
    for signed_at_ms in [now_ms() - 130_000, now_ms() + 130_000, 0, i64::MIN, i64::MAX] {
        let again = |params: &mut Value, nonce: &str| {
            *params = signed(&Identity::from_seed([1; 32]), &Claim { nonce, signed_at_ms, token: TOKEN });
        };
        forged(again, "DEVICE_AUTH_SIGNATURE_EXPIRED").await;
    }
}

#[tokio::test]
async fn a_signature_is_good_for_the_socket_that_it_was_made_for() {
    let gateway = gateway().await;
    let identity = Identity::from_seed([1; 32]);
    let (mut first, nonce) = gateway.socket().await;
    let recorded = signed(&identity, &Claim { nonce: &nonce, signed_at_ms: now_ms(), token: TOKEN });
    assert_eq!(first.connect(recorded.clone()).await["ok"], true);
    let (mut second, _) = gateway.socket().await;
    let replayed = second.connect(recorded.clone()).await;
    assert_eq!(replayed["error"]["details"]["code"], "DEVICE_AUTH_NONCE_MISMATCH");
    let (mut third, nonce) = gateway.socket().await;
    let mut renamed = recorded.clone();
    renamed["device"]["nonce"] = json!(nonce);
    assert_eq!(third.connect(renamed).await["error"]["details"]["code"], "DEVICE_AUTH_SIGNATURE_INVALID");
    let (mut proxied, _) = gateway.socket_with(&[("x-forwarded-for", "127.0.0.1")]).await;
    let mut without = recorded;
    without["device"].as_object_mut().unwrap().remove("nonce");
    assert_eq!(proxied.connect(without).await["error"]["details"]["code"], "DEVICE_AUTH_NONCE_REQUIRED");
}

#[tokio::test]
async fn a_removed_device_is_out_at_once_and_its_token_dead() {
    let gateway = gateway().await;
    let identity = Identity::from_seed([1; 32]);
    let (mut socket, hello) = connect(&gateway, &identity, TOKEN).await;
    let token = hello["payload"]["auth"]["deviceToken"].as_str().unwrap().to_owned();
    let (_, answer) = connect(&gateway, &identity, &token).await;
    assert_eq!(answer["payload"]["auth"]["method"], "device-token");
    let mut owner = gateway.client().await;
    let removed = owner.call("device.pair.remove", json!({"deviceId": identity.id()})).await;
    assert_eq!(removed["ok"], true, "{removed}");
    socket.closed().await;
    let (_, refused) = connect(&gateway, &identity, &token).await;
    assert_eq!(refused["error"]["details"]["code"], "AUTH_TOKEN_MISMATCH", "{refused}");
}

#[tokio::test]
async fn a_flood_of_new_devices_waits_in_a_bounded_list() {
    let config = json!({"gateway": {"mode": "local", "pairing": {"mode": "approve"}}});
    let gateway = Setup::default().config(config).start().await;
    for n in 0..70_u8 {
        let (mut socket, nonce) = gateway.socket_with(&[("x-forwarded-for", "203.0.113.9")]).await;
        let claim = Claim { nonce: &nonce, signed_at_ms: now_ms(), token: TOKEN };
        let answer = socket.connect(signed(&Identity::from_seed([n; 32]), &claim)).await;
        assert_eq!(answer["error"]["details"]["code"], "PAIRING_REQUIRED", "{answer}");
    }
    let list = gateway.client().await.call("device.pair.list", json!({})).await;
    let pending = list["payload"]["pending"].as_array().unwrap();
    assert_eq!(pending.len(), 64);
    let newest = Identity::from_seed([69; 32]);
    assert!(pending.iter().any(|request| request["deviceId"] == json!(newest.id())));
}
