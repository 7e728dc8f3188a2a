//! Secrets that change where they are kept (G21): the new one is in force at once, the old one is dead, and what it let in is closed.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use chela_protocol::CloseCode;
use chela_testkit::model::Step;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::channels::{ADA, said, telegram, telegram_section, with_channels};
use crate::conversation::{MAIN, Talker, config, fake_model, text_of};
use crate::support::{Setup, Socket, TestGateway, connect_params};

/// A gateway that was given no token but by what stands in its state dir.
async fn house(config: Value, files: &[(&str, &str)]) -> TestGateway {
    let mut setup = Setup::default().config(config);
    setup.options.token = None;
    let state_dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(state_dir.path().join(name), text).unwrap();
    }
    let running = setup.start_in(&state_dir).await.unwrap();
    TestGateway { running, state_dir }
}

/// Puts a file in the place of another, as tools that rotate secrets do.
fn replace(gateway: &TestGateway, name: &str, text: &str) {
    let place: &Path = gateway.state_dir.path();
    fs::write(place.join("new"), text).unwrap();
    fs::rename(place.join("new"), place.join(name)).unwrap();
}

async fn try_token(gateway: &TestGateway, token: &str) -> (Socket, bool) {
    let (mut socket, _) = gateway.socket().await;
    let mut params = connect_params();
    params["auth"] = json!({ "token": token });
    params["scopes"] = json!(["operator.admin"]);
    let is_in = socket.connect(params).await["ok"] == true;
    (socket, is_in)
}

fn gateway_section(more: Value) -> Value {
    let mut section = json!({"mode": "local", "reload": {"debounceMs": 10}});
    section.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "gateway": section })
}

async fn rotates(config: Value, name: &str, text_of: impl Fn(&str) -> String) {
    let gateway = house(config, &[(name, &text_of("the-old-token"))]).await;
    let (mut socket, is_in) = try_token(&gateway, "the-old-token").await;
    assert!(is_in, "{name}");
    replace(&gateway, name, &text_of("the-new-token"));
    socket.assert_closed(CloseCode::AuthChanged, "gateway auth changed").await;
    assert!(!try_token(&gateway, "the-old-token").await.1, "{name}: the old token is dead");
    assert!(try_token(&gateway, "the-new-token").await.1, "{name}: the new one lives");
}

#[tokio::test]
async fn g21_the_gateways_token_rotates_wherever_it_stands() {
    let in_dotenv = |token: &str| format!("OTHER=x\nCHELA_GATEWAY_TOKEN={token}\n");
    rotates(gateway_section(json!({})), ".env", in_dotenv).await;
    rotates(gateway_section(json!({})), "gateway-token", str::to_owned).await;
    let by_variable = gateway_section(json!({"auth": {"token": "${MY_TOKEN}"}}));
    rotates(by_variable, ".env", |token| format!("MY_TOKEN={token}")).await;
    let reference = json!({"auth": {"token": {"source": "file", "provider": "vault", "id": "/gateway"}}});
    let mut by_file = gateway_section(reference);
    by_file["secrets"] = json!({"providers": {"vault": {"source": "file", "path": "vault.json"}}});
    rotates(by_file, "vault.json", |token| json!({ "gateway": token }).to_string()).await;
}

#[tokio::test]
async fn g21_a_program_is_asked_again_when_somebody_says_so() {
    let mut config = gateway_section(json!({"auth": {"token": {"source": "exec", "provider": "safe", "id": "token"}}}));
    let dir = tempfile::tempdir().unwrap();
    let kept = dir.path().join("kept");
    fs::write(&kept, "the-old-token").unwrap();
    let print = format!("cat {}", kept.display());
    config["secrets"] = json!({"providers": {"safe": {"source": "exec", "command": "/bin/sh", "args": ["-c", print]}}});
    let gateway = house(config, &[]).await;
    let (mut socket, is_in) = try_token(&gateway, "the-old-token").await;
    assert!(is_in);
    fs::write(&kept, "the-new-token").unwrap();
    socket.send(json!({"type": "req", "id": "s", "method": "secrets.reload"})).await;
    socket.assert_closed(CloseCode::AuthChanged, "gateway auth changed").await;
    assert!(!try_token(&gateway, "the-old-token").await.1);
    let (mut socket, is_in) = try_token(&gateway, "the-new-token").await;
    assert!(is_in);
    let again = socket.call("secrets.reload", json!({})).await;
    assert_eq!(again["payload"]["ok"], true, "{again}");
}

#[tokio::test]
async fn g21_a_models_key_rotates_under_a_running_turn() {
    let gate = Arc::new(Notify::new());
    let model = fake_model([Step::gated(&gate, Step::text("with the old key"))]).await;
    let mut config = config(&model);
    let providers = config["models"]["providers"].as_object_mut().unwrap();
    for provider in providers.values_mut() {
        provider["apiKey"] = json!({"source": "file", "provider": "vault", "id": "value"});
    }
    config["secrets"] = json!({"providers": {"vault": {"source": "file", "path": "key", "mode": "singleValue"}}});
    config["gateway"] = json!({"reload": {"debounceMs": 10}});
    let state_dir = tempfile::tempdir().unwrap();
    fs::write(state_dir.path().join("key"), "the-old-key").unwrap();
    let running = Setup::default().config(config).start_in(&state_dir).await.unwrap();
    let gateway = TestGateway { running, state_dir };
    let mut talker = Talker::new(&gateway).await;

    talker.ok("chat.send", json!({"sessionKey": MAIN, "message": "one", "idempotencyKey": "one"})).await;
    model.wait_for_requests(1).await;
    replace(&gateway, "key", "the-new-key");
    talker.event(|name, _| name == "config.changed").await;
    gate.notify_one();
    assert_eq!(text_of(&talker.end_of("one").await["message"]), "with the old key");
    talker.ok("chat.send", json!({"sessionKey": MAIN, "message": "two", "idempotencyKey": "two"})).await;
    assert_eq!(text_of(&talker.end_of("two").await["message"]), "echo: two");

    let keys: Vec<String> = model.requests().iter().map(|request| request.headers["authorization"].clone()).collect();
    assert_eq!(keys, ["Bearer the-old-key", "Bearer the-new-key"]);
    model.assert_clean();
}

#[tokio::test]
async fn g21_a_channels_token_rotates_and_the_account_is_opened_again() {
    let model = fake_model([]).await;
    let fake = telegram().await;
    let token = json!({"botToken": {"source": "file", "provider": "vault", "id": "value"}});
    let mut config = with_channels(&model, json!({ "telegram": telegram_section(&fake, token) }), json!({}));
    config["secrets"] = json!({"providers": {"vault": {"source": "file", "path": "bot", "mode": "singleValue"}}});
    let state_dir = tempfile::tempdir().unwrap();
    fs::write(state_dir.path().join("bot"), "1:a-token-that-is-not-the-bots").unwrap();
    let running = Setup::default().config(config).start_in(&state_dir).await.unwrap();
    let gateway = TestGateway { running, state_dir };
    let mut talker = Talker::new(&gateway).await;
    loop {
        let status = talker.ok("channels.status", json!({})).await;
        if status.to_string().contains("does not know this bot token") {
            break;
        }
        tokio::task::yield_now().await;
    }
    replace(&gateway, "bot", &fake.token());
    fake.say(ADA, ADA, "are you there?").send();
    said(&fake, ADA, "echo: are you there?").await;
}
