//! What a change of the configuration does to accounts that are open.

use serde_json::json;

use super::{ADA, BOB, put_in_force, said, telegram, telegram_section, texts, with_channels};
use crate::conversation::{Talker, fake_model};
use crate::support::Setup;

#[tokio::test]
async fn a_changed_policy_is_in_force_without_a_new_connection() {
    let (model, fake) = (fake_model([]).await, telegram().await);
    let with = |rules| with_channels(&model, json!({ "telegram": telegram_section(&fake, rules) }), json!({}));
    let gateway = Setup::default().config(with(json!({}))).start().await;
    let mut talker = Talker::new(&gateway).await;
    fake.say(ADA, ADA, "before").send();
    said(&fake, ADA, "echo: before").await;
    let opened = fake.calls("getMe").len();
    put_in_force(&gateway, &mut talker, &with(json!({ "dmPolicy": "allowlist", "allowFrom": [BOB] }))).await;
    fake.say(ADA, ADA, "now?").send();
    fake.say(BOB, BOB, "and me?").send();
    said(&fake, BOB, "echo: and me?").await;
    assert_eq!(texts(&fake, ADA), ["echo: before"]);
    assert_eq!(fake.calls("getMe").len(), opened, "the bot was not introduced again");
}

#[tokio::test]
async fn an_account_comes_and_goes_with_the_configuration() {
    let (model, fake) = (fake_model([]).await, telegram().await);
    let with = |channels| with_channels(&model, channels, json!({}));
    let open = json!({ "telegram": telegram_section(&fake, json!({})) });
    let closed = json!({ "telegram": telegram_section(&fake, json!({ "enabled": false })) });
    let gateway = Setup::default().config(with(json!({}))).start().await;
    let mut talker = Talker::new(&gateway).await;
    put_in_force(&gateway, &mut talker, &with(open.clone())).await;
    fake.say(ADA, ADA, "hello").send();
    said(&fake, ADA, "echo: hello").await;
    put_in_force(&gateway, &mut talker, &with(closed)).await;
    let status = talker.ok("channels.status", json!({})).await;
    let account = &status["channelAccounts"]["telegram"][0];
    assert_eq!((&account["enabled"], &account["healthState"]), (&json!(false), &json!("stopped")), "{status}");
    fake.say(ADA, ADA, "anybody?").send();
    put_in_force(&gateway, &mut talker, &with(open)).await;
    said(&fake, ADA, "echo: anybody?").await;
}

#[tokio::test]
async fn accounts_are_stopped_and_started_by_hand() {
    let (model, fake) = (fake_model([]).await, telegram().await);
    let gateway = super::telegram_house(&model, &fake, json!({})).await;
    let mut talker = Talker::new(&gateway).await;
    fake.say(ADA, ADA, "one").send();
    said(&fake, ADA, "echo: one").await;
    talker.ok("channels.stop", json!({ "channel": "telegram" })).await;
    let status = talker.ok("channels.status", json!({})).await;
    assert_eq!(status["channels"]["telegram"]["running"], false, "{status}");
    assert_eq!(
        status["warnings"].as_array().map_or(0, Vec::len),
        0,
        "what was stopped by hand is no trouble: {status}"
    );
    fake.say(ADA, ADA, "two").send();
    let started = talker.ok("channels.start", json!({ "channel": "telegram", "accountId": "default" })).await;
    assert_eq!(started["accountIds"], json!(["default"]));
    said(&fake, ADA, "echo: two").await;
    let unknown = talker.call("channels.start", json!({ "channel": "telegram", "accountId": "other" })).await;
    assert!(unknown["error"]["message"].as_str().unwrap().contains("no account telegram/other"), "{unknown}");
}
