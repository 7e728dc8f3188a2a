//! Accounts that fail, platforms that fall silent, calls from outside: what the gateway says, and what goes on.

use chela_testkit::telegram::{FakeTelegram, TelegramFailure};
use serde_json::{Value, json};

use super::{ADA, discord, discord_section, said, telegram, telegram_section, with_channels};
use crate::conversation::{Talker, fake_model, http};
use crate::support::{Setup, TestGateway};

/// The lines of `/readyz` that speak of channels, once one does.
async fn degraded(gateway: &TestGateway, wanted: &str) -> String {
    loop {
        let (status, body) = gateway.get("/readyz", &[]).await;
        assert_eq!(status, 200, "a channel in trouble doesn't make the gateway unready: {body}");
        let body: Value = serde_json::from_str(&body).unwrap();
        let lines = body["degraded"].as_array().unwrap();
        if let Some(line) = lines.iter().filter_map(Value::as_str).find(|line| line.contains(wanted)) {
            return line.to_owned();
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn g14_an_account_with_a_refused_token_says_so_and_the_other_one_answers() {
    let (model, fake, other) = (fake_model([]).await, telegram().await, discord().await);
    let channels = json!({
        "telegram": telegram_section(&fake, json!({})),
        "discord": discord_section(&other, json!({ "token": "a-token-that-is-wrong" })),
    });
    let gateway = Setup::default().config(with_channels(&model, channels, json!({}))).start().await;
    fake.say(ADA, ADA, "hello").send();
    said(&fake, ADA, "echo: hello").await;
    let line = degraded(&gateway, "discord/default").await;
    assert!(!line.contains("a-token-that-is-wrong"), "{line}");
    let status = Talker::new(&gateway).await.ok("channels.status", json!({})).await;
    assert_eq!(status["channels"]["discord"]["healthState"], "failed", "{status}");
    assert_eq!(status["channels"]["telegram"]["connected"], true, "{status}");
}

#[tokio::test]
async fn g15_an_account_whose_rules_cannot_be_read_answers_nobody_and_the_rest_runs() {
    let (model, fake, other) = (fake_model([]).await, telegram().await, discord().await);
    let person = other.add_user("ada");
    let chat = other.direct_chat(person);
    let channels = json!({
        "telegram": telegram_section(&fake, json!({ "allowFrom": ["*", "${NOBODY_SETS_THIS}"] })),
        "discord": discord_section(&other, json!({})),
    });
    let gateway = Setup::default().config(with_channels(&model, channels, json!({}))).start().await;
    other.wait_until("the bot is there", |other| other.live_sessions() == 1).await;
    fake.say(ADA, ADA, "hello").send();
    other.say(chat, person, "hello").send();
    other.wait_until("an answer on Discord", |other| other.bot_texts(chat) == ["echo: hello"]).await;
    let line = degraded(&gateway, "telegram/default").await;
    assert!(line.contains("channels.telegram.allowFrom"), "{line}");
    assert!(fake.bot_messages(ADA).is_empty());
    assert!(fake.calls("getMe").is_empty(), "it was never opened");
}

#[tokio::test]
async fn g13_an_account_that_cannot_reach_its_platform_is_not_called_connected() {
    let (model, fake) = (fake_model([]).await, telegram().await);
    fake.fail_always("getMe", TelegramFailure::Page { status: 502 });
    let gateway = super::telegram_house(&model, &fake, json!({})).await;
    let mut talker = Talker::new(&gateway).await;
    fake.wait_for("a first try", |fake| (!fake.calls("getMe").is_empty()).then_some(())).await;
    let status = talker.ok("channels.status", json!({})).await;
    assert_eq!(status["channels"]["telegram"]["connected"], false, "{status}");
    let metrics = gateway.get("/metrics", &[]).await.1;
    assert!(
        metrics.contains("chela_channels_enabled 1\n") && metrics.contains("chela_channels_healthy 0\n"),
        "{metrics}"
    );
    fake.heal();
    fake.say(ADA, ADA, "back?").send();
    said(&fake, ADA, "echo: back?").await;
    let health = talker.ok("health", json!({})).await;
    assert_eq!(health["channelOrder"], json!(["telegram"]), "{health}");
    assert_eq!(health["channels"]["telegram"]["connected"], true, "{health}");
}

#[tokio::test]
async fn g11_a_webhook_is_called_on_the_main_port_and_a_wrong_secret_is_refused() {
    let model = fake_model([]).await;
    let fake = telegram().await;
    let rules = json!({ "webhookUrl": "https://bot.example.org/telegram/hidden-path", "webhookSecret": "a-secret-of-telegram" });
    let gateway = super::telegram_house(&model, &fake, rules).await;
    fake.wait_for("the webhook is set", FakeTelegram::webhook_url).await;
    let update = json!({ "update_id": 77, "message": {
        "message_id": 5, "date": 1_700_000_000, "text": "by webhook",
        "from": { "id": ADA, "is_bot": false, "first_name": "Ada" },
        "chat": { "id": ADA, "type": "private", "first_name": "Ada" },
    }});
    let path = "/telegram/hidden-path";
    assert_eq!(http(&gateway, "POST", "/telegram/other-path", &update, "").await.status, 404);
    assert_eq!(http(&gateway, "POST", path, &update, "").await.status, 401);
    let wrong = "X-Telegram-Bot-Api-Secret-Token: wrong\r\n";
    assert_eq!(http(&gateway, "POST", path, &update, wrong).await.status, 401);
    let right = "X-Telegram-Bot-Api-Secret-Token: a-secret-of-telegram\r\n";
    for _ in 0..3 {
        assert_eq!(http(&gateway, "POST", path, &update, right).await.status, 200);
    }
    said(&fake, ADA, "echo: by webhook").await;
    let large = json!({ "padding": "x".repeat(2 * 1024 * 1024) });
    assert_eq!(http(&gateway, "POST", path, &large, right).await.status, 413);
    assert_eq!(super::texts(&fake, ADA).len(), 1, "the same update is one message");
}

#[tokio::test]
async fn a_reply_that_cannot_be_delivered_stands_in_the_list_and_can_be_tried_again() {
    let (model, fake) = (fake_model([]).await, telegram().await);
    let gateway = super::telegram_house(&model, &fake, json!({})).await;
    let mut talker = Talker::new(&gateway).await;
    let blocked = "Forbidden: bot was blocked by the user".to_owned();
    fake.fail_next("sendMessage", TelegramFailure::Error { code: 403, description: blocked, retry_after: None });
    fake.say(ADA, ADA, "hello").send();
    let letters = loop {
        let list = talker.ok("channels.deadLetters.list", json!({})).await;
        if list["letters"].as_array().is_some_and(|letters| !letters.is_empty()) {
            break list;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(letters["letters"][0]["text"], "echo: hello", "{letters}");
    let retried = talker.ok("channels.deadLetters.retry", json!({})).await;
    assert_eq!(retried["ids"], json!([letters["letters"][0]["id"]]));
    said(&fake, ADA, "echo: hello").await;
    let none = talker.ok("channels.deadLetters.list", json!({})).await;
    assert_eq!(none["letters"], json!([]));
    let unknown = talker.call("channels.deadLetters.discard", json!({ "id": 999 })).await;
    assert!(unknown["error"]["message"].as_str().unwrap().contains("no dead letter has the number 999"), "{unknown}");
}
