//! Messages that are not answered one by one, just as they came: albums, what is taken back, what platforms slow down.

use std::sync::Arc;
use std::time::Duration;

use chela_testkit::discord::DiscordFailure;
use chela_testkit::model::Step;
use chela_testkit::telegram::TelegramFailure;
use serde_json::json;
use tokio::sync::Notify;

use super::{ADA, discord, discord_section, said, telegram, telegram_section, texts, until_active, with_channels};
use crate::conversation::{Talker, fake_model};
use crate::support::Setup;

/// The head of a PNG with one point; `mark` tells pictures apart.
fn picture(mark: u8) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01".to_vec();
    bytes.push(mark);
    bytes
}

#[tokio::test]
async fn the_pictures_of_an_album_are_answered_together() {
    let (model, fake) = (fake_model([Step::text("three boats")]).await, telegram().await);
    let mut config = with_channels(&model, json!({ "telegram": telegram_section(&fake, json!({})) }), json!({}));
    config["models"]["providers"]["fake"]["models"][0]["input"] = json!(["text", "image"]);
    let _gateway = Setup::default().config(config).start().await;
    for (mark, text) in ["what are these?", "", ""].into_iter().enumerate() {
        fake.say(ADA, ADA, text).photo(picture(u8::try_from(mark).unwrap())).album("boats").send();
    }
    said(&fake, ADA, "three boats").await;
    fake.say(ADA, ADA, "thanks").send();
    said(&fake, ADA, "echo: thanks").await;
    assert_eq!(texts(&fake, ADA), ["three boats", "echo: thanks"]);
    let asked = &model.requests()[0].text;
    assert_eq!(asked.matches("data:image/png;base64,").count(), 3, "{asked}");
    assert!(asked.contains("what are these?"), "{asked}");
}

#[tokio::test]
async fn a_message_that_is_taken_back_while_it_waits_is_not_answered() {
    let gate = Arc::new(Notify::new());
    let (model, fake) = (fake_model([Step::gated(&gate, Step::text("first"))]).await, discord().await);
    let ada = fake.add_user("ada");
    let chat = fake.direct_chat(ada);
    let channels = json!({ "discord": discord_section(&fake, json!({})) });
    let gateway = Setup::default().config(with_channels(&model, channels, json!({}))).start().await;
    fake.wait_until("the bot is there", |fake| fake.live_sessions() == 1).await;
    let mut talker = Talker::new(&gateway).await;
    fake.say(chat, ada, "one").send();
    until_active(&mut talker, 1).await;
    let second = fake.say(chat, ada, "never mind").send();
    until_active(&mut talker, 2).await;
    fake.delete(second);
    until_active(&mut talker, 1).await;
    fake.say(chat, ada, "three").send();
    until_active(&mut talker, 2).await;
    gate.notify_one();
    fake.wait_until("two answers", |fake| fake.bot_texts(chat) == ["first", "echo: three"]).await;
    assert!(model.requests().iter().all(|request| request.last_user_text() != "never mind"));
    fake.assert_clean();
}

#[tokio::test]
async fn what_a_platform_slows_down_arrives_once_and_not_before_its_time() {
    let (model, slow, other) = (fake_model([]).await, telegram().await, discord().await);
    let ada = other.add_user("ada");
    let chat = other.direct_chat(ada);
    let channels = json!({
        "telegram": telegram_section(&slow, json!({ "streaming": { "mode": "off" } })),
        "discord": discord_section(&other, json!({ "streaming": { "mode": "off" } })),
    });
    let gateway = Setup::default().config(with_channels(&model, channels, json!({}))).start().await;
    other.wait_until("the bot is there", |other| other.live_sessions() == 1).await;
    // Longer than a channel waits by itself: the row is put off.
    let after = Duration::from_millis(2_500);
    slow.fail_next("sendMessage", TelegramFailure::flood(3));
    other.fail_next("POST", "/channels/*/messages", DiscordFailure::RateLimited { after, global: false });
    let began = std::time::Instant::now();
    slow.say(ADA, ADA, "hello").send();
    other.say(chat, ada, "ahoy").send();
    other.wait_until("an answer on Discord", |other| other.bot_texts(chat) == ["echo: ahoy"]).await;
    assert!(began.elapsed() >= after, "{:?}", began.elapsed());
    said(&slow, ADA, "echo: hello").await;
    assert!(began.elapsed() >= Duration::from_secs(3), "{:?}", began.elapsed());
    assert_eq!((texts(&slow, ADA).len(), other.bot_texts(chat).len()), (1, 1));
    let letters = Talker::new(&gateway).await.ok("channels.deadLetters.list", json!({})).await;
    assert_eq!(letters["letters"], json!([]));
}
