//! Telegram's messages through the whole house.

use chela_testkit::model::Step;
use serde_json::json;

use super::{ADA, said, telegram, telegram_house, texts, until_active, with_channels};
use crate::conversation::{Talker, fake_model};
use crate::support::Setup;

#[tokio::test]
async fn a_message_is_answered_in_its_chat_and_stands_in_the_transcript() {
    let (model, fake) = (fake_model([]).await, telegram().await);
    let gateway = telegram_house(&model, &fake, json!({})).await;
    fake.say(ADA, ADA, "hello there").send();
    said(&fake, ADA, "echo: hello there").await;
    let transcript = Talker::new(&gateway).await.transcript().await;
    assert_eq!(transcript, ["user: hello there", "assistant: echo: hello there"]);
    fake.assert_clean();
}

#[tokio::test]
async fn g09_an_event_that_comes_ten_times_is_answered_once() {
    let (model, fake) = (fake_model([]).await, telegram().await);
    let _gateway = telegram_house(&model, &fake, json!({})).await;
    fake.say(ADA, ADA, "once").send();
    said(&fake, ADA, "echo: once").await;
    for _ in 0..10 {
        fake.redeliver_last();
    }
    fake.say(ADA, ADA, "after").send();
    said(&fake, ADA, "echo: after").await;
    assert_eq!(texts(&fake, ADA), ["echo: once", "echo: after"]);
}

#[tokio::test]
async fn the_token_of_the_environment_is_an_account_without_configuration() {
    let (model, fake) = (fake_model([]).await, telegram().await);
    let channels =
        json!({ "telegram": { "apiBase": fake.url(), "botToken": "1:wrong", "dmPolicy": "open", "allowFrom": ["*"] } });
    let mut setup = Setup::default().config(with_channels(&model, channels, json!({})));
    setup.environment.push(("TELEGRAM_BOT_TOKEN".to_owned(), fake.token()));
    let gateway = setup.start().await;
    fake.say(ADA, ADA, "hi").send();
    said(&fake, ADA, "echo: hi").await;
    let status = Talker::new(&gateway).await.ok("channels.status", json!({ "probe": true })).await;
    let account = &status["channelAccounts"]["telegram"][0];
    assert_eq!((&account["tokenSource"], &account["connected"]), (&json!("env"), &json!(true)), "{status}");
    assert_eq!(account["probe"]["ok"], true, "{status}");
    assert_eq!(status["channelOrder"], json!(["telegram"]));
    assert!(!status.to_string().contains(&fake.token()));
}

#[tokio::test]
async fn commands_are_answered_in_the_chat_and_those_of_the_owner_are_his() {
    let (model, fake) = (fake_model([]).await, telegram().await);
    let channels = json!({ "telegram": super::telegram_section(&fake, json!({})) });
    let more = json!({ "commands": { "ownerAllowFrom": [format!("telegram:{ADA}")] } });
    let _gateway = Setup::default().config(with_channels(&model, channels, more)).start().await;
    fake.say(ADA, ADA, "/model fake/spare").send();
    said(&fake, ADA, "This conversation uses fake/spare from the next message on.").await;
    fake.say(super::BOB, super::BOB, "/model fake/m").send();
    said(&fake, super::BOB, "Only the assistant's owner may use /model.").await;
    fake.say(super::BOB, super::BOB, "/help").send();
    fake.wait_for("help", |fake| texts(fake, super::BOB).into_iter().find(|text| text.starts_with("Commands:"))).await;
    assert!(model.requests().is_empty(), "no model is asked");
}

#[tokio::test]
async fn groups_are_answered_when_they_call_and_overheard_when_they_do_not() {
    let (model, fake) = (fake_model([]).await, telegram().await);
    let group = fake.supergroup("Crew", &[ADA, super::BOB]);
    let _gateway = telegram_house(&model, &fake, json!({})).await;
    fake.say(group, super::BOB, "we sail at nine").send();
    let bot = chela_testkit::telegram::TelegramOptions::default().bot_username;
    fake.say(group, ADA, &format!("@{bot} when?")).send();
    said(&fake, group, "echo: [Ada Lovelace] when?").await;
    let asked = model.requests().pop().unwrap().last_user_text();
    assert!(asked.contains("[Bob Kahn] we sail at nine"), "{asked}");
    fake.say(group, ADA, &format!("@{bot} and now?")).send();
    said(&fake, group, "echo: [Ada Lovelace] and now?").await;
    let asked = model.requests().pop().unwrap().last_user_text();
    assert!(!asked.contains("we sail at nine"), "what was told once is not told again: {asked}");
}

#[tokio::test]
async fn a_quote_of_somebody_who_may_not_speak_is_told_only_where_the_rules_say_so() {
    for (visibility, is_told) in [("allowlist", false), ("allowlist_quote", true)] {
        let (model, fake) = (fake_model([]).await, telegram().await);
        let group = fake.supergroup("Crew", &[ADA, super::BOB]);
        let rules = json!({
            "groupPolicy": "allowlist", "groups": { "*": {} }, "groupAllowFrom": [ADA], "contextVisibility": visibility,
        });
        let _gateway = telegram_house(&model, &fake, rules).await;
        let bot = chela_testkit::telegram::TelegramOptions::default().bot_username;
        let order = fake.say(group, super::BOB, "send me the keys").send();
        fake.say(group, ADA, &format!("@{bot} what is this?")).reply_to(order).send();
        fake.wait_for("an answer", |fake| texts(fake, group).pop()).await;
        let asked = model.requests().pop().unwrap().last_user_text();
        assert!(asked.contains("what is this?"), "{asked}");
        assert_eq!(asked.contains("send me the keys"), is_told, "{visibility}: {asked}");
    }
}

#[tokio::test]
async fn a_message_that_waits_is_answered_as_it_was_edited() {
    let fake = telegram().await;
    let gate = std::sync::Arc::new(tokio::sync::Notify::new());
    let first = chela_testkit::model::Reply::new([
        chela_testkit::model::Part::Gate(gate.clone()),
        chela_testkit::model::Part::Text("first".into()),
    ]);
    let model = fake_model([Step::Reply(first)]).await;
    let gateway = telegram_house(&model, &fake, json!({})).await;
    let mut talker = Talker::new(&gateway).await;
    fake.say(ADA, ADA, "one").send();
    until_active(&mut talker, 1).await;
    let second = fake.say(ADA, ADA, "tow").send();
    until_active(&mut talker, 2).await;
    fake.edit(ADA, second, "two");
    fake.wait_for("the edit is taken", |fake| (fake.waiting_updates() == 0).then_some(())).await;
    gate.notify_one();
    said(&fake, ADA, "echo: two").await;
    assert_eq!(texts(&fake, ADA), ["first", "echo: two"]);
}
