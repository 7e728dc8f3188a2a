//! The gateway between a platform and a model: messages in, answers out, who may speak, what a reload does.

mod access;
mod approvals;
mod buttons;
mod by_hand;
mod commands;
mod discord;
mod reload;
mod telegram;
mod trouble;
mod waiting;

use chela_testkit::discord::{DiscordOptions, FakeDiscord};
use chela_testkit::model::FakeModel;
use chela_testkit::telegram::{FakeTelegram, TelegramMessage, TelegramOptions};
use serde_json::{Value, json};

use crate::conversation::{Talker, config};
use crate::support::{Setup, TestGateway};

/// Somebody on Telegram.
pub(crate) const ADA: i64 = 1001;
/// Somebody else.
pub(crate) const BOB: i64 = 1002;

/// A Telegram on which Ada has begun a chat with the bot.
pub(crate) async fn telegram() -> FakeTelegram {
    let fake = FakeTelegram::start(TelegramOptions::default()).await;
    fake.user(ADA, "Ada Lovelace");
    fake.user(BOB, "Bob Kahn");
    fake.private_chat(ADA);
    fake.private_chat(BOB);
    fake
}

pub(crate) async fn discord() -> FakeDiscord {
    FakeDiscord::start(DiscordOptions::default()).await
}

/// The section of a Telegram account; `rules` stand over an account that answers everybody everywhere.
pub(crate) fn telegram_section(fake: &FakeTelegram, rules: Value) -> Value {
    let open = json!({ "apiBase": fake.url(), "botToken": fake.token(), "dmPolicy": "open", "allowFrom": ["*"], "groupPolicy": "open" });
    over(open, rules)
}

/// The same for Discord.
pub(crate) fn discord_section(fake: &FakeDiscord, rules: Value) -> Value {
    let open = json!({
        "apiBase": fake.url(), "gatewayUrl": fake.gateway_url(), "token": fake.token(),
        "dmPolicy": "open", "allowFrom": ["*"], "groupPolicy": "open",
    });
    over(open, rules)
}

/// The whole configuration: the model, these channels, and what else `more` says.
pub(crate) fn with_channels(model: &FakeModel, channels: Value, more: Value) -> Value {
    let mut whole = over(config(model), more);
    whole["channels"] = channels;
    whole["gateway"]["reload"]["debounceMs"] = 10.into();
    whole
}

/// A gateway with this Telegram account.
pub(crate) async fn telegram_house(model: &FakeModel, fake: &FakeTelegram, rules: Value) -> TestGateway {
    let channels = json!({ "telegram": telegram_section(fake, rules) });
    Setup::default().config(with_channels(model, channels, json!({}))).start().await
}

/// Replaces the configuration of a running gateway and waits until it is in force.
pub(crate) async fn put_in_force(gateway: &TestGateway, talker: &mut Talker, config: &Value) {
    std::fs::write(gateway.state_dir.path().join("chela.json"), config.to_string()).unwrap();
    talker.event(|name, _| name == "config.changed").await;
}

/// Waits until the bot has said this in a chat.
pub(crate) async fn said(fake: &FakeTelegram, chat: i64, text: &str) -> TelegramMessage {
    fake.wait_for(text, |fake| fake.bot_messages(chat).into_iter().find(|message| message.text == text)).await
}

/// What the bot said in a chat.
pub(crate) fn texts(fake: &FakeTelegram, chat: i64) -> Vec<String> {
    fake.bot_messages(chat).into_iter().map(|message| message.text).collect()
}

/// Waits until so many messages of the main session wait or are being answered.
pub(crate) async fn until_active(talker: &mut Talker, wanted: usize) {
    loop {
        let listed = talker.ok("sessions.list", json!({})).await;
        let runs =
            listed["sessions"].as_array().and_then(|rows| rows.first()?["activeRunIds"].as_array().map(Vec::len));
        if runs == Some(wanted) {
            return;
        }
        tokio::task::yield_now().await;
    }
}

fn over(mut base: Value, rules: Value) -> Value {
    let (Some(base_map), Value::Object(rules)) = (base.as_object_mut(), rules) else { return base };
    base_map.extend(rules);
    base
}
