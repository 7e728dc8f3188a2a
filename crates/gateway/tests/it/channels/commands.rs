//! Commands where people chat: what they show there, who may use them, and the platforms' own menus.

use chela_testkit::model::{FakeModel, Reply};
use chela_testkit::telegram::{FakeTelegram, TelegramOptions};
use serde_json::{Value, json};

use super::{ADA, BOB, discord, discord_section, said, telegram, telegram_section, texts, with_channels};
use crate::conversation::fake_model;
use crate::support::{Setup, TestGateway};

/// Ada's house: she is the owner, the model can think, and `more` stands in the configuration.
async fn house(model: &FakeModel, fake: &FakeTelegram, rules: Value, more: Value) -> TestGateway {
    let channels = json!({ "telegram": telegram_section(fake, rules) });
    let mut config = with_channels(model, channels, more);
    for entry in config["models"]["providers"]["fake"]["models"].as_array_mut().unwrap() {
        entry["reasoning"] = true.into();
        entry["cost"] = json!({ "input": 1, "output": 2, "cacheRead": 0, "cacheWrite": 0 });
    }
    config["commands"]["ownerAllowFrom"] = json!([format!("telegram:{ADA}")]);
    config["session"]["dmScope"] = "per-peer".into();
    Setup::default().config(config).start().await
}

/// A command as Telegram's clients send it in a group.
fn ours(command: &str) -> String {
    let (name, args) = command.split_once(' ').unwrap_or((command, ""));
    format!("/{name}@{} {args}", TelegramOptions::default().bot_username)
}

/// Says something in a chat and waits until the bot has said one thing more. Returns that.
async fn answer(fake: &FakeTelegram, chat: i64, who: i64, words: &str) -> String {
    let had = texts(fake, chat).len();
    fake.say(chat, who, words).send();
    fake.wait_for(words, |_| texts(fake, chat).get(had).cloned()).await
}

#[tokio::test]
async fn a_chat_is_shown_tools_thoughts_and_usage_where_it_was_chosen() {
    let model = fake_model([]).await;
    let fake = telegram().await;
    let _gateway = house(&model, &fake, json!({}), json!({})).await;
    for command in ["/verbose full", "/reasoning on", "/usage full"] {
        answer(&fake, ADA, ADA, command).await;
    }
    model.push(Reply::tools([("session_status", json!({}))]).thinking("Let me look.").into());
    model.push(Reply::text("All is well.").thinking("That was easy.\nMEDIA: /etc/passwd").into());
    fake.say(ADA, ADA, "how are you?").send();
    let last = |fake: &FakeTelegram| texts(fake, ADA).last().filter(|text| text.contains("Usage:")).cloned();
    fake.wait_for("the answer", last).await;
    let said = texts(&fake, ADA).split_off(3);
    let [call, result, thoughts, answer] = said.as_slice() else { panic!("{said:?}") };
    assert_eq!(call, "🛠️ session_status");
    assert!(result.starts_with("🛠️ session_status gave:"), "{result}");
    assert!(thoughts.contains("Let me look.") && thoughts.contains("MEDIA: /etc/passwd"), "{thoughts}");
    assert!(answer.starts_with("All is well.\n\nUsage: 200 in, 20 out · $0.0002 · fake/m"), "{answer}");

    for command in ["/verbose off", "/reasoning default", "/usage tokens"] {
        self::answer(&fake, ADA, ADA, command).await;
    }
    assert_eq!(self::answer(&fake, ADA, ADA, "again").await, "echo: again\n\nUsage: 100 in, 10 out");
    fake.assert_clean();
}

#[tokio::test]
async fn a_group_is_answered_always_or_when_mentioned_as_its_owner_chooses() {
    let model = fake_model([]).await;
    let fake = telegram().await;
    let group = fake.supergroup("Crew", &[ADA, BOB]);
    let _gateway = house(&model, &fake, json!({}), json!({})).await;
    fake.say(group, BOB, "among us").send();
    let refused = answer(&fake, group, BOB, &ours("activation always")).await;
    assert_eq!(refused, "Only the assistant's owner may use /activation.");
    answer(&fake, group, ADA, &ours("activation always")).await;
    let heard = answer(&fake, group, BOB, "is anybody there?").await;
    assert!(heard.contains("is anybody there?"), "{heard}");
    answer(&fake, group, ADA, &ours("activation mention")).await;
    fake.say(group, BOB, "among us again").send();
    let named = answer(&fake, group, ADA, &ours("status")).await;
    assert!(named.contains("activation mention"), "{named}");
    assert_eq!(answer(&fake, ADA, ADA, "/activation always").await.split(':').next(), Some("This works in groups"));
    assert_eq!(model.requests().len(), 1);
}

#[tokio::test]
async fn answers_that_are_kept_back_stand_in_the_transcript_only() {
    let model = fake_model([]).await;
    let fake = telegram().await;
    let _gateway = house(&model, &fake, json!({}), json!({})).await;
    assert_eq!(answer(&fake, BOB, BOB, "/send off").await, "Only the assistant's owner may use /send.");
    answer(&fake, ADA, ADA, "/send off").await;
    fake.say(ADA, ADA, "a secret").send();
    model.wait_for_requests(1).await;
    let back = answer(&fake, ADA, ADA, "/send on").await;
    assert!(back.contains("allow"), "{back}");
    assert_eq!(answer(&fake, ADA, ADA, "what did I say?").await, "echo: what did I say?");
    assert!(!texts(&fake, ADA).iter().any(|text| text.contains("a secret")), "{:?}", texts(&fake, ADA));
    assert!(model.requests()[1].text.contains("echo: a secret"), "the model knows what it said");
}

#[tokio::test]
async fn the_configuration_says_whose_answers_are_sent_and_what_stands_under_them() {
    let model = fake_model([]).await;
    let fake = telegram().await;
    let rules = json!([{ "action": "deny", "match": { "channel": "telegram", "keyPrefix": format!("direct:{BOB}") } }]);
    let more = json!({ "session": { "sendPolicy": { "rules": rules } }, "messages": { "responseUsage": { "telegram": "tokens" } } });
    let _gateway = house(&model, &fake, json!({}), more).await;
    fake.say(BOB, BOB, "hello?").send();
    model.wait_for_requests(1).await;
    assert_eq!(answer(&fake, ADA, ADA, "hello").await, "echo: hello\n\nUsage: 100 in, 10 out");
    let who = answer(&fake, BOB, BOB, "/whoami").await;
    assert!(who.contains(&format!("Your id: {BOB}")) && who.contains("Owner: no"), "{who}");
    assert_eq!(texts(&fake, BOB).len(), 1, "{:?}", texts(&fake, BOB));
}

#[tokio::test]
async fn owners_change_who_may_speak() {
    let model = fake_model([]).await;
    let fake = telegram().await;
    let rules = json!({ "dmPolicy": "allowlist", "allowFrom": [BOB] });
    let gateway = house(&model, &fake, rules, json!({ "commands": { "config": true } })).await;
    assert_eq!(answer(&fake, BOB, BOB, "/allowlist add dm 7").await, "Only the assistant's owner may use /allowlist.");
    let listed = answer(&fake, ADA, ADA, "/allowlist").await;
    assert!(listed.contains(&format!("allowFrom: {BOB}")), "{listed}");
    answer(&fake, ADA, ADA, "/allowlist add dm 4711").await;
    let file = || std::fs::read_to_string(gateway.state_dir.path().join("chela.json")).unwrap();
    assert!(file().contains("4711"), "{}", file());
    answer(&fake, ADA, ADA, &format!("/allowlist remove dm {BOB}")).await;
    fake.say(BOB, BOB, "still there?").send();
    let again = answer(&fake, ADA, ADA, "/allowlist list dm").await;
    assert!(again.contains("4711") && !again.contains(&BOB.to_string()), "{again}");
    assert_eq!(texts(&fake, BOB).len(), 1, "{:?}", texts(&fake, BOB));
    assert!(answer(&fake, ADA, ADA, "/allowlist remove dm 99").await.contains("not in the list"));
    assert!(answer(&fake, ADA, ADA, "/allowlist add group 5").await.contains("groupAllowFrom"));
    assert!(answer(&fake, ADA, ADA, "/allowlist remove group 5").await.contains("the last one"));
}

#[tokio::test]
async fn commands_are_for_those_whom_a_list_names() {
    let model = fake_model([]).await;
    let fake = telegram().await;
    let more = json!({ "commands": { "allowFrom": { "telegram": ["4711"] } } });
    let _gateway = house(&model, &fake, json!({}), more).await;
    fake.say(BOB, BOB, "/status").send();
    assert_eq!(answer(&fake, BOB, BOB, "/think high is it so").await, "echo: /think high is it so");
    assert!(answer(&fake, ADA, ADA, "/status").await.contains("fake/m"), "owners always may");
    assert_eq!(texts(&fake, BOB).len(), 1, "{:?}", texts(&fake, BOB));
}

#[tokio::test]
async fn an_exported_conversation_comes_as_a_file() {
    let model = fake_model([]).await;
    let fake = telegram().await;
    let _gateway = house(&model, &fake, json!({}), json!({})).await;
    answer(&fake, ADA, ADA, "hello").await;
    fake.say(ADA, ADA, "/export_session talk.html").send();
    let file = |fake: &FakeTelegram| fake.calls("sendDocument").into_iter().next();
    fake.wait_for("the file", file).await;
    assert!(texts(&fake, ADA).iter().any(|text| text.contains("stands in talk.html")), "{:?}", texts(&fake, ADA));
}

#[tokio::test]
async fn platforms_menus_have_every_command() {
    let model = fake_model([]).await;
    let (fake, other) = (telegram().await, discord().await);
    let (ada, guild) = (other.add_user("ada"), other.add_guild("Harbour"));
    let channel = other.add_channel(guild, "general");
    let channels = json!({
        "telegram": telegram_section(&fake, json!({})),
        "discord": discord_section(&other, json!({})),
    });
    let owner = json!({ "commands": { "ownerAllowFrom": [format!("discord:{}", ada.0)] } });
    let _gateway = Setup::default().config(with_channels(&model, channels, owner)).start().await;
    other.wait_until("the commands", |fake| fake.live_sessions() == 1 && !fake.commands().is_empty()).await;
    let commands = other.commands();
    let find = |name: &str| commands.iter().find(|command| command["name"] == name).unwrap().clone();
    assert_eq!(find("think")["options"][0]["choices"][0], json!({ "name": "off", "value": "off" }));
    assert_eq!(find("skill")["options"][0]["autocomplete"], true);
    let menu = fake
        .wait_for("the menu", |fake| {
            Some(fake.commands()).filter(|menu| menu.as_array().is_some_and(|rows| !rows.is_empty()))
        })
        .await;
    let menu: Vec<&str> = menu.as_array().unwrap().iter().filter_map(|row| row["command"].as_str()).collect();
    assert_eq!(menu.len(), commands.len(), "{menu:?}");
    assert!(menu.contains(&"export_session"), "{menu:?}");

    let answered = |interaction, words: &'static str| {
        other.wait_until(words, move |fake| {
            fake.response(interaction).is_some_and(|answer| answer.content.contains(words))
        })
    };
    answered(other.slash(channel, ada, "think", &[("level", "high")]), "`high` from the next message on").await;
    let options = [("mode", "collect"), ("debounce", "2s"), ("cap", "9"), ("drop", "old")];
    answered(other.slash(channel, ada, "queue", &options), "`collect`, debounce 2000 ms, cap 9, drop `old`").await;
    let offered = other.autocomplete(channel, ada, "models", "provider", "fa");
    other.wait_until("the providers", |fake| format!("{:?}", fake.interaction(offered)).contains("fake")).await;
    said_nothing(&model);
    other.assert_clean();
    fake.assert_clean();
}

fn said_nothing(model: &FakeModel) {
    assert!(model.requests().is_empty(), "{:?}", model.requests().len());
}

#[tokio::test]
async fn thoughts_that_are_only_streamed_are_no_message_of_their_own() {
    let model = fake_model([]).await;
    let fake = telegram().await;
    let _gateway = house(&model, &fake, json!({ "streaming": { "mode": "partial" } }), json!({})).await;
    answer(&fake, ADA, ADA, "/reasoning stream").await;
    let thinking = "I wonder what they mean by that question of theirs.";
    model.push(Reply::text("It is blue.").thinking(thinking).into());
    fake.say(ADA, ADA, "what colour?").send();
    said(&fake, ADA, "It is blue.").await;
    assert!(!texts(&fake, ADA).iter().any(|text| text.contains("wonder")), "{:?}", texts(&fake, ADA));
}
