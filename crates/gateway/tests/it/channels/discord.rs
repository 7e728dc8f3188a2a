//! Discord's messages through the whole house.

use std::sync::Arc;

use chela_testkit::model::Step;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::{discord, discord_section, put_in_force, with_channels};
use crate::conversation::{Talker, fake_model};
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

#[tokio::test]
async fn without_the_message_content_intent_mentions_are_answered_and_the_status_says_what_is_missing() {
    let (model, fake) = (fake_model([]).await, discord().await);
    fake.allow_message_content(false);
    let ada = fake.add_user("ada");
    let guild = fake.add_guild("Harbour");
    let channel = fake.add_channel(guild, "general");
    let gateway = house(&model, &fake).await;
    fake.wait_until("the bot is there", |fake| fake.live_sessions() == 1).await;
    fake.say(channel, ada, "among ourselves").send();
    fake.say(channel, ada, &format!("{} are you there?", fake.mention())).send();
    fake.wait_until("an answer", |fake| !fake.bot_texts(channel).is_empty()).await;
    assert_eq!(fake.bot_texts(channel).len(), 1, "{:?}", fake.bot_texts(channel));
    assert!(fake.bot_texts(channel)[0].contains("are you there?"), "{:?}", fake.bot_texts(channel));
    let status = Talker::new(&gateway).await.ok("channels.status", json!({})).await;
    assert_eq!(status["channels"]["discord"]["connected"], true, "{status}");
    assert!(status.to_string().contains("Message Content Intent"), "{status}");
}

#[tokio::test]
async fn a_changed_policy_is_in_force_without_a_new_identify() {
    let (model, fake) = (fake_model([]).await, discord().await);
    let (ada, bob) = (fake.add_user("ada"), fake.add_user("bob"));
    let [hers, his] = [ada, bob].map(|person| fake.direct_chat(person));
    let with = |rules| with_channels(&model, json!({ "discord": discord_section(&fake, rules) }), json!({}));
    let gateway = Setup::default().config(with(json!({}))).start().await;
    let mut talker = Talker::new(&gateway).await;
    fake.wait_until("the bot is there", |fake| fake.live_sessions() == 1).await;
    fake.say(hers, ada, "before").send();
    fake.wait_until("an answer", |fake| fake.bot_texts(hers) == ["echo: before"]).await;
    let only_bob = json!({ "dmPolicy": "allowlist", "allowFrom": [bob.0.to_string()] });
    put_in_force(&gateway, &mut talker, &with(only_bob)).await;
    fake.say(hers, ada, "now?").send();
    fake.say(his, bob, "and me?").send();
    fake.wait_until("an answer for Bob", |fake| fake.bot_texts(his) == ["echo: and me?"]).await;
    assert_eq!(fake.bot_texts(hers), ["echo: before"]);
    let stats = fake.gateway_stats();
    assert_eq!((stats.connections, stats.identifies), (1, 1), "{stats:?}");
}

#[tokio::test]
async fn reactions_say_that_a_message_was_seen_and_how_far_its_answer_is() {
    let gate = Arc::new(Notify::new());
    let (model, fake) = (fake_model([]).await, discord().await);
    let ada = fake.add_user("ada");
    let chat = fake.direct_chat(ada);
    let with = |messages: Value| {
        let channels = json!({ "discord": discord_section(&fake, json!({})) });
        with_channels(&model, channels, json!({ "messages": messages }))
    };
    let ack = json!({ "ackReactionScope": "all", "removeAckAfterReply": true });
    let gateway = Setup::default().config(with(ack)).start().await;
    let mut talker = Talker::new(&gateway).await;
    fake.wait_until("the bot is there", |fake| fake.live_sessions() == 1).await;
    model.push(Step::gated(&gate, Step::text("one")));
    let first = fake.say(chat, ada, "hello").send();
    fake.wait_until("it was seen", |fake| fake.bot_reactions(first) == ["👀"]).await;
    gate.notify_one();
    fake.wait_until("it is answered", |fake| fake.bot_texts(chat) == ["one"]).await;
    fake.wait_until("the reaction is gone", |fake| fake.bot_reactions(first).is_empty()).await;

    let status = json!({ "statusReactions": { "enabled": true, "emojis": { "done": "✅" } } });
    put_in_force(&gateway, &mut talker, &with(status)).await;
    model.push(Step::gated(&gate, Step::text("two")));
    let second = fake.say(chat, ada, "and now?").send();
    fake.wait_until("the model is at work", |fake| fake.bot_reactions(second) == ["🤔"]).await;
    gate.notify_one();
    fake.wait_until("it is done", |fake| fake.bot_reactions(second) == ["✅"]).await;
    fake.assert_clean();
}

#[tokio::test]
async fn an_answer_that_would_be_a_flood_is_a_file() {
    let answer = (0..2_000).map(|line| format!("Line {line} of what there is to say.")).collect::<Vec<_>>().join("\n");
    let (model, fake) = (fake_model([Step::text(answer.clone())]).await, discord().await);
    let ada = fake.add_user("ada");
    let chat = fake.direct_chat(ada);
    let gateway = house(&model, &fake).await;
    fake.wait_until("the bot is there", |fake| fake.live_sessions() == 1).await;
    fake.say(chat, ada, "tell me everything").send();
    fake.wait_until("the file", |fake| {
        fake.bot_messages(chat).last().is_some_and(|message| !message.attachments.is_empty())
    })
    .await;
    fake.say(chat, ada, "and now?").send();
    fake.wait_until("the next answer", |fake| fake.bot_texts(chat).last().is_some_and(|text| text == "echo: and now?"))
        .await;
    let said = fake.bot_messages(chat);
    assert_eq!(said.len(), 21, "nineteen parts, the file, and the next answer");
    assert!(said[0].content.starts_with("Line 0 of what") && said[18].content.contains("of what there is to say."));
    assert!(said[..19].iter().all(|message| message.attachments.is_empty()));
    assert_eq!(said[19].content, "The answer goes on: this file holds the whole of it.");
    let [file] = said[19].attachments.as_slice() else { panic!("one file: {:?}", said[19]) };
    assert_eq!((file.name.as_str(), &file.bytes[..]), ("answer.md", answer.as_bytes()));
    let left = std::fs::read_dir(gateway.state_dir.path().join("media/outbound")).unwrap().count();
    assert_eq!(left, 0, "the file stands only while it is sent");
    fake.assert_clean();
}

#[tokio::test]
async fn progress_is_one_message_until_the_answer_takes_its_place() {
    let gate = Arc::new(Notify::new());
    let steps = [Step::tools([("exec", json!({ "command": "true" }))]), Step::gated(&gate, Step::text("It works."))];
    let (model, fake) = (fake_model(steps).await, discord().await);
    let ada = fake.add_user("ada");
    let chat = fake.direct_chat(ada);
    let channels = json!({ "discord": discord_section(&fake, json!({ "streaming": { "mode": "progress" } })) });
    let _gateway = Setup::default().config(with_channels(&model, channels, json!({}))).start().await;
    fake.wait_until("the bot is there", |fake| fake.live_sessions() == 1).await;
    fake.say(chat, ada, "try it").send();
    fake.wait_until("the progress", |fake| fake.bot_texts(chat) == ["Running a command…"]).await;
    let progress = fake.bot_messages(chat)[0].id;
    gate.notify_one();
    fake.wait_until("the answer", |fake| fake.bot_texts(chat) == ["It works."]).await;
    assert_eq!(fake.bot_messages(chat)[0].id, progress);
    fake.assert_clean();
}

#[tokio::test]
async fn g09_a_text_that_is_too_long_is_refused_once_with_the_reason() {
    let (model, fake) = (fake_model([]).await, discord().await);
    let ada = fake.add_user("ada");
    let chat = fake.direct_chat(ada);
    let _gateway = house(&model, &fake).await;
    fake.wait_until("the bot is there", |fake| fake.live_sessions() == 1).await;
    let long = fake.say(chat, ada, &"x".repeat(4 * 1024 * 1024 + 1)).send();
    fake.wait_until("the refusal", |fake| fake.bot_texts(chat).len() == 1).await;
    let refusal = fake.bot_texts(chat).remove(0);
    assert!(refusal.contains("4194305") && refusal.contains("send it as a file"), "{refusal}");
    fake.redeliver(long);
    fake.say(chat, ada, "short").send();
    fake.wait_until("the next answer", |fake| fake.bot_texts(chat).last().is_some_and(|text| text == "echo: short"))
        .await;
    assert_eq!(fake.bot_texts(chat), [refusal.as_str(), "echo: short"]);
    assert_eq!(model.requests().len(), 1, "the model saw nothing of it");
    fake.assert_clean();
}
