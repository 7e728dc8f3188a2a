//! Commands whose answers can be pressed: the choice of a model.

use chela_testkit::telegram::TelegramMessage;
use serde_json::{Value, json};

use super::{ADA, BOB, discord, discord_section, said, telegram, telegram_section, texts, with_channels};
use crate::conversation::{Talker, fake_model};
use crate::support::Setup;

const CHOSEN: &str = "This conversation uses fake/spare from the next message on.";

fn owned_by(owner: String) -> Value {
    json!({ "commands": { "ownerAllowFrom": [owner] } })
}

fn labels(message: &TelegramMessage) -> Vec<Vec<&str>> {
    message.buttons.iter().map(|row| row.iter().map(|button| button.label.as_str()).collect()).collect()
}

#[tokio::test]
async fn on_telegram_a_model_is_chosen_with_a_button_by_the_owner() {
    let (model, fake) = (fake_model([]).await, telegram().await);
    let group = fake.supergroup("Crew", &[ADA, BOB]);
    let channels =
        json!({ "telegram": telegram_section(&fake, json!({ "groups": { "*": { "requireMention": false } } })) });
    let setup = Setup::default().config(with_channels(&model, channels, owned_by(format!("telegram:{ADA}"))));
    let _gateway = setup.start().await;
    fake.say(group, ADA, "/model").send();
    let overview = |at: usize| {
        move |fake: &chela_testkit::telegram::FakeTelegram| {
            fake.bot_messages(group).into_iter().filter(|message| message.text.starts_with("Model: ")).nth(at)
        }
    };
    let first = fake.wait_for("the models", overview(0)).await;
    assert!(first.text.starts_with("Model: fake/m\n"), "{}", first.text);
    assert_eq!(labels(&first), [["fake/spare"]], "the current model is no choice");

    fake.press(group, first.id, BOB, "fake/spare");
    said(&fake, group, "Only the assistant's owner may use /model.").await;
    fake.press(group, first.id, ADA, "fake/spare");
    said(&fake, group, CHOSEN).await;
    fake.say(group, ADA, "who answers?").send();
    said(&fake, group, "echo: [Ada Lovelace] who answers?").await;
    assert_eq!(model.requests().iter().map(|request| request.model.as_str()).collect::<Vec<_>>(), ["spare"]);

    fake.say(group, ADA, "/model").send();
    let second = fake.wait_for("the models again", overview(1)).await;
    assert_eq!(labels(&second), [["fake/m"], ["default"]]);
    fake.press(group, second.id, ADA, "default");
    said(&fake, group, &CHOSEN.replace("spare", "m")).await;
    assert_eq!((texts(&fake, group).len(), second.edits), (6, 0), "{:?}", texts(&fake, group));
    assert_eq!(fake.bot_messages(group)[0].edits, 0, "a press changes nothing of what was pressed");
    fake.wait_for("every press is answered", |fake| fake.open_presses().is_empty().then_some(())).await;
    fake.assert_clean();
}

#[tokio::test]
async fn on_discord_a_model_is_chosen_with_a_button() {
    let (model, fake) = (fake_model([]).await, discord().await);
    let ada = fake.add_user("ada");
    let chat = fake.direct_chat(ada);
    let channels = json!({ "discord": discord_section(&fake, json!({})) });
    let setup = Setup::default().config(with_channels(&model, channels, owned_by(format!("discord:{}", ada.0))));
    let gateway = setup.start().await;
    fake.wait_until("the bot is there", |fake| fake.live_sessions() == 1).await;
    fake.say(chat, ada, "/model").send();
    let with_buttons = |fake: &chela_testkit::discord::FakeDiscord| {
        fake.bot_messages(chat).into_iter().find(|message| !message.buttons().is_empty())
    };
    let overview = fake.wait_for("the models", with_buttons).await;
    assert_eq!(overview.buttons(), [["fake/spare"]]);
    fake.press(overview.id, ada, "fake/spare");
    let chosen = CHOSEN.replace("fake/spare", "`fake/spare`");
    fake.wait_until("the choice", |fake| fake.bot_texts(chat).contains(&chosen)).await;
    assert_eq!(fake.bot_texts(chat).len(), 2, "{:?}", fake.bot_texts(chat));
    assert_eq!(fake.message(overview.id).unwrap().edits, 0, "a press changes nothing of what was pressed");

    // Clients of the gateway have the same words and no buttons.
    let mut talker = Talker::new(&gateway).await;
    talker.say("/model", "m").await;
    let end = talker.end_of("m").await;
    assert!(end.to_string().contains("Model: `fake/spare`") && !end.to_string().contains("\"label\""), "{end}");
    fake.assert_clean();
}
