//! Opening an account: its token, its fingerprint, and what it is warned of.

use chela_channels::OpenError;
use chela_testkit::telegram::{GroupPrivacy, TelegramOptions};
use serde_json::{Value, json};

use super::{Gateway, account, fake_with};
use crate::conformance::world::IMPATIENT;

fn opened(keys: &Value, environment: Option<&str>) -> Result<(), OpenError> {
    let token = environment.map(|token| token.to_owned().into());
    Gateway::default().try_open(keys, token, IMPATIENT).map(|_| ())
}

#[test]
fn a_token_comes_from_one_of_three_places() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("token");
    std::fs::write(&path, "1:in_a-file\n").expect("it can be written");
    assert_eq!(opened(&json!({}), Some("1:environment")), Ok(()));
    assert_eq!(opened(&json!({"botToken": "1:written"}), None), Ok(()));
    assert_eq!(opened(&json!({"tokenFile": path}), None), Ok(()));
    let missing = OpenError::NoToken { channel: "telegram", variable: "TELEGRAM_BOT_TOKEN", key: "botToken" };
    assert_eq!(opened(&json!({}), None), Err(missing.clone()));
    assert_eq!(opened(&json!({"botToken": "  "}), None), Err(missing));
    assert!(matches!(opened(&json!({"tokenFile": folder.path().join("none")}), None), Err(OpenError::Secret(_))));
}

#[test]
fn a_token_that_is_none_is_refused_and_not_told() {
    for wrong in ["1:a/../getMe", "1:a b", "1:a?x", "https://t.me/x"] {
        let error = opened(&json!({"botToken": wrong}), None).expect_err("it would be another address");
        assert!(!error.to_string().contains(wrong), "{error}");
    }
}

#[test]
fn the_fingerprint_covers_the_connection_and_no_policy() {
    let fingerprint = |keys: Value| account(&keys).fingerprint();
    let base = fingerprint(json!({"botToken": "1:a"}));
    for same in [
        json!({"botToken": "1:a", "dmPolicy": "open", "allowFrom": ["*"], "historyLimit": 3}),
        json!({"botToken": "1:a", "streaming": {"mode": "off"}, "ackReaction": "👀"}),
    ] {
        assert_eq!(fingerprint(same.clone()), base, "{same}");
    }
    for other in [
        json!({"botToken": "1:b"}),
        json!({"botToken": "1:a", "apiBase": "http://localhost:1"}),
        json!({"botToken": "1:a", "apiRoot": "http://localhost:1"}),
        json!({"botToken": "1:a", "webhookUrl": "https://my.host"}),
        json!({"botToken": "1:a", "commands": {"native": false}}),
        json!({"botToken": {"source": "env", "id": "T"}}),
    ] {
        assert_ne!(fingerprint(other.clone()), base, "{other}");
    }
}

#[tokio::test]
async fn privacy_mode_is_told_where_it_is_in_the_way() {
    let fake = fake_with(TelegramOptions { privacy: GroupPrivacy::On, ..TelegramOptions::default() }).await;
    let gateway = Gateway::default();
    let quiet = gateway.open(&fake, json!({}));
    gateway.connected().await;
    assert_eq!(gateway.0.status.read().warnings, Vec::<String>::new());
    drop(quiet);
    let gateway = Gateway::default();
    let running = gateway.open(&fake, json!({"groups": {"*": {"requireMention": false}}}));
    gateway.connected().await;
    let warned = |warnings: &[String]| warnings.iter().any(|warning| warning.contains("/setprivacy"));
    assert!(warned(&gateway.0.status.read().warnings));
    assert!(warned(&running.channel.probe().await.expect("Telegram answers").warnings));
}
