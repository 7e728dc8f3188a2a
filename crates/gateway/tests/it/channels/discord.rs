//! Discord's messages through the whole house.

use serde_json::json;

use super::{discord, discord_section, with_channels};
use crate::conversation::fake_model;
use crate::support::{Setup, TestGateway};

async fn house(model: &chela_testkit::model::FakeModel, fake: &chela_testkit::discord::FakeDiscord) -> TestGateway {
    let channels = json!({ "discord": discord_section(fake, json!({})) });
    Setup::default().config(with_channels(model, channels, json!({}))).start().await
}

#[tokio::test]
async fn a_message_is_answered_in_its_chat() {
    let (model, fake) = (fake_model([]).await, discord().await);
    let ada = fake.add_user("ada");
    let chat = fake.direct_chat(ada);
    let _gateway = house(&model, &fake).await;
    fake.wait_until("the bot is there", |fake| fake.live_sessions() == 1).await;
    fake.say(chat, ada, "hello there").send();
    fake.wait_until("an answer", |fake| fake.bot_texts(chat) == ["echo: hello there"]).await;
    fake.assert_clean();
}

#[tokio::test]
async fn a_slash_command_is_answered_as_the_platform_wants_it() {
    let (model, fake) = (fake_model([]).await, discord().await);
    let ada = fake.add_user("ada");
    let guild = fake.add_guild("Harbour");
    let channel = fake.add_channel(guild, "general");
    let _gateway = house(&model, &fake).await;
    fake.wait_until("the commands are listed", |fake| fake.live_sessions() == 1 && !fake.commands().is_empty()).await;
    let interaction = fake.slash(channel, ada, "help", &[]);
    fake.wait_until("an answer", |fake| {
        fake.response(interaction).is_some_and(|answer| format!("{answer:?}").contains("Commands:"))
    })
    .await;
    assert!(model.requests().is_empty());
}
