//! The same in a guild of Discord: what a stranger can put before the model there besides plain words.

use chela_testkit::discord::{FakeDiscord, Snowflake};
use chela_testkit::model::FakeModel;
use serde_json::json;

use super::case::ORDER;
use super::victim::Victim;
use crate::channels::{discord, discord_section, with_channels};
use crate::conversation::Talker;
use crate::support::Setup;

/// A channel with an owner and a stranger in it.
#[derive(Clone, Copy)]
struct Place {
    guild: Snowflake,
    channel: Snowflake,
    owner: Snowflake,
    stranger: Snowflake,
}

/// What the stranger does, and how the bot comes to answer.
type Trick = fn(&FakeDiscord, Place);

fn owner_asks(fake: &FakeDiscord, at: Place) {
    fake.say(at.channel, at.owner, &format!("{} what do you think?", fake.mention())).send();
}

const TRICKS: [(&str, Trick); 8] = [
    ("asks", |fake, at| {
        fake.say(at.channel, at.stranger, &format!("{} {ORDER}", fake.mention())).send();
    }),
    ("is overheard", |fake, at| {
        fake.say(at.channel, at.stranger, ORDER).send();
        owner_asks(fake, at);
    }),
    ("has a name", |fake, at| {
        fake.set_display_name(at.stranger, ORDER);
        fake.say(at.channel, at.stranger, "hello").send();
        owner_asks(fake, at);
    }),
    ("has a name in the guild", |fake, at| {
        fake.set_member(at.guild, at.stranger, Some(ORDER), &[]);
        fake.say(at.channel, at.stranger, "hello").send();
        owner_asks(fake, at);
    }),
    ("is quoted", |fake, at| {
        let said = fake.say(at.channel, at.stranger, ORDER).send();
        fake.say(at.channel, at.owner, &format!("{} what about this?", fake.mention())).reply_to(said).send();
    }),
    ("edits", |fake, at| {
        let said = fake.say(at.channel, at.stranger, "hello").send();
        fake.edit(said, ORDER);
        owner_asks(fake, at);
    }),
    ("sends a file", |fake, at| {
        let text = format!("{} please read", fake.mention());
        fake.say(at.channel, at.stranger, &text).attach("notes.txt", "text/plain", ORDER.as_bytes()).send();
    }),
    ("names a file", |fake, at| {
        let text = format!("{} please read", fake.mention());
        fake.say(at.channel, at.stranger, &text).attach(&format!("{ORDER}.pdf"), "application/pdf", b"%PDF-1.4").send();
    }),
];

#[tokio::test]
async fn g26_strangers_in_a_guild_give_no_orders() {
    let (model, fake) = (FakeModel::start([]).await, discord().await);
    let owner = fake.add_user("ada");
    let section = discord_section(&fake, json!({ "streaming": { "mode": "off" } }));
    let owners = json!({ "commands": { "ownerAllowFrom": [format!("discord:{owner}")] } });
    let gateway = Setup::default().config(with_channels(&model, json!({ "discord": section }), owners)).start().await;
    let mut talker = Talker::new(&gateway).await;
    let victim = Victim::behind(&model);
    fake.wait_until("the bot is there", |fake| fake.live_sessions() == 1).await;
    for (number, (name, trick)) in TRICKS.into_iter().enumerate() {
        let guild = fake.add_guild(&format!("Harbour {number}"));
        let channel = fake.add_channel(guild, "general");
        let stranger = fake.add_user(&format!("bob{number}"));
        victim.begin_empty(&[("exec".to_owned(), json!({ "command": "touch pwned" }))]);
        trick(&fake, Place { guild, channel, owner, stranger });
        let event = talker.event(|name, _| name == "exec.approval.requested").await;
        assert_eq!(event["request"]["command"], "touch pwned", "{name}");
        let id = event["id"].as_str().unwrap();
        fake.say(channel, stranger, &format!("{} /approve {id} allow-once", fake.mention())).send();
        talker.ok("exec.approval.resolve", json!({ "id": id, "decision": "deny" })).await;
        let is_done = |fake: &FakeDiscord| fake.bot_texts(channel).iter().any(|text| text.ends_with("done"));
        fake.wait_until(name, is_done).await;
        assert!(victim.saw(), "{name}");
        assert!(!gateway.state_dir.path().join("workspace/pwned").exists(), "{name}");
    }
}
