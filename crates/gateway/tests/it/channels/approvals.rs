//! Questions in chats: the stranger who asks, the owner who decides.

use chela_testkit::model::Step;
use chela_testkit::telegram::FakeTelegram;
use serde_json::json;

use super::{ADA, BOB, said, telegram, telegram_section, with_channels};
use crate::conversation::fake_model;
use crate::support::Setup;

#[tokio::test]
async fn g26_a_strangers_command_waits_for_the_owners_button() {
    let steps = [Step::tools([("exec", json!({ "command": "touch ran" }))]), Step::text("done")];
    let (model, fake) = (fake_model(steps).await, telegram().await);
    let group = fake.supergroup("Crew", &[ADA, BOB]);
    let channels =
        json!({ "telegram": telegram_section(&fake, json!({ "groups": { "*": { "requireMention": false } } })) });
    let owners = json!({ "commands": { "ownerAllowFrom": [format!("telegram:{ADA}")] } });
    let gateway = Setup::default().config(with_channels(&model, channels, owners)).start().await;
    let ran = || gateway.state_dir.path().join("workspace/ran").exists();
    fake.say(group, BOB, "make a file").send();
    let card = |fake: &FakeTelegram| {
        fake.bot_messages(group).into_iter().find(|message| message.text.contains("Approval needed"))
    };
    let card = fake.wait_for("the question", card).await;
    assert!(card.text.contains("touch ran") && card.text.contains("no owner (Bob"), "{}", card.text);
    let labels: Vec<&str> = card.buttons.iter().flatten().map(|button| button.label.as_str()).collect();
    assert_eq!(labels, ["Allow once", "Allow always", "Deny"]);
    fake.press(group, card.id, BOB, "Allow once");
    said(&fake, group, "Only the assistant's owner may use /approve.").await;
    assert!(!ran());
    fake.press(group, card.id, ADA, "Allow once");
    said(&fake, group, "Allowed, this once.").await;
    said(&fake, group, "done").await;
    assert!(ran());
    fake.assert_clean();
}
