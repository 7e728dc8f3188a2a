//! Chat platforms for the binary: a person who writes in a direct chat and in a group, and what is seen there.

use chela_testkit::discord::{DiscordOptions, FakeDiscord, Snowflake};
use chela_testkit::telegram::{FakeTelegram, TelegramOptions};
use serde_json::{Value, json};

/// Messages longer than this are cut into parts.
pub(crate) const PART_MAX: usize = 260;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Direct,
    Group,
}

/// How an answer shows before it is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Preview {
    Off,
    Partial,
}

/// A fake platform with one bot and one person.
pub(crate) trait Platform: Sized {
    /// Its name in the configuration.
    const CHANNEL: &'static str;

    async fn start() -> Self;

    /// What stands under its name in `channels`.
    fn account(&self, preview: Preview) -> Value;

    /// The person who speaks, as an owner is named.
    fn owner(&self) -> String;

    /// Waits until what is said now is heard at once.
    async fn connected(&self);

    fn say(&self, place: Place, text: &str);

    /// Asks for `/status` in the direct chat, in the platform's own way to give commands.
    fn command_status(&self);

    /// What the bot says in a place, as people see it now, oldest first.
    fn texts(&self, place: Place) -> Vec<String>;

    /// Answers to commands that stand in no chat.
    fn asides(&self) -> Vec<String>;

    async fn wait(&self, what: &str, holds: impl Fn(&Self) -> bool);

    /// Forgets what it would give again by itself to a bot that comes back, where bots can ask for it.
    fn forget_session(&self);

    fn assert_clean(&self);

    /// Everything but the answers to `/status`.
    fn answers(&self, place: Place) -> Vec<String> {
        self.texts(place).into_iter().filter(|text| !is_status(text)).collect()
    }

    /// How often `/status` was answered.
    fn statuses(&self) -> usize {
        let all = [self.texts(Place::Direct), self.texts(Place::Group), self.asides()];
        all.iter().flatten().filter(|text| is_status(text)).count()
    }
}

fn is_status(text: &str) -> bool {
    text.contains("Session: ") && text.contains("Turns: ")
}

pub(crate) struct Telegram {
    pub(crate) fake: FakeTelegram,
    person: i64,
    direct: i64,
    group: i64,
}

impl Telegram {
    fn chat(&self, place: Place) -> i64 {
        match place {
            Place::Direct => self.direct,
            Place::Group => self.group,
        }
    }
}

impl Platform for Telegram {
    const CHANNEL: &'static str = "telegram";

    async fn start() -> Self {
        let fake = FakeTelegram::start(TelegramOptions::default()).await;
        let person = fake.user(1001, "Ada Lovelace");
        let direct = fake.private_chat(person);
        // Its messages are counted together with those of the direct chat.
        let group = fake.group("Crew", &[person]);
        Self { fake, person, direct, group }
    }

    fn account(&self, preview: Preview) -> Value {
        json!({
            "botToken": self.fake.token(), "apiBase": self.fake.url(),
            "dmPolicy": "open", "allowFrom": ["*"], "groupPolicy": "open", "groups": { "*": { "requireMention": false } },
            "textChunkLimit": PART_MAX, "streaming": { "mode": word(preview) },
        })
    }

    fn owner(&self) -> String {
        format!("telegram:{}", self.person)
    }

    async fn connected(&self) {}

    fn say(&self, place: Place, text: &str) {
        self.fake.say(self.chat(place), self.person, text).send();
    }

    fn command_status(&self) {
        self.say(Place::Direct, "/status");
    }

    fn texts(&self, place: Place) -> Vec<String> {
        self.fake.bot_messages(self.chat(place)).into_iter().map(|message| message.text).collect()
    }

    fn asides(&self) -> Vec<String> {
        Vec::new()
    }

    async fn wait(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        self.fake.wait_for(what, |_| holds(self).then_some(())).await;
    }

    fn forget_session(&self) {}

    fn assert_clean(&self) {
        self.fake.assert_clean();
    }
}

pub(crate) struct Discord {
    pub(crate) fake: FakeDiscord,
    person: Snowflake,
    direct: Snowflake,
    channel: Snowflake,
    /// Commands that were chosen from the menu.
    commands: std::cell::RefCell<Vec<Snowflake>>,
}

impl Discord {
    fn chat(&self, place: Place) -> Snowflake {
        match place {
            Place::Direct => self.direct,
            Place::Group => self.channel,
        }
    }
}

impl Platform for Discord {
    const CHANNEL: &'static str = "discord";

    async fn start() -> Self {
        let fake = FakeDiscord::start(DiscordOptions::default()).await;
        let person = fake.add_user("ada");
        let channel = fake.add_channel(fake.add_guild("Harbour"), "crew");
        let direct = fake.direct_chat(person);
        Self { fake, person, direct, channel, commands: std::cell::RefCell::default() }
    }

    fn account(&self, preview: Preview) -> Value {
        json!({
            "token": self.fake.token(), "apiBase": self.fake.url(), "gatewayUrl": self.fake.gateway_url(),
            "dmPolicy": "open", "allowFrom": ["*"], "groupPolicy": "open", "guilds": { "*": { "requireMention": false } },
            "textChunkLimit": PART_MAX, "streaming": { "mode": word(preview) },
        })
    }

    fn owner(&self) -> String {
        format!("discord:{}", self.person.0)
    }

    async fn connected(&self) {
        let is_there = |fake: &FakeDiscord| fake.live_sessions() > 0 && !fake.commands().is_empty();
        self.fake.wait_until("the bot", is_there).await;
    }

    fn say(&self, place: Place, text: &str) {
        self.fake.say(self.chat(place), self.person, text).send();
    }

    fn command_status(&self) {
        self.commands.borrow_mut().push(self.fake.slash(self.direct, self.person, "status", &[]));
    }

    fn texts(&self, place: Place) -> Vec<String> {
        self.fake.bot_texts(self.chat(place))
    }

    fn asides(&self) -> Vec<String> {
        let answers = |command: &Snowflake| {
            let further = self.fake.interaction(*command).followups;
            let all = self
                .fake
                .response(*command)
                .into_iter()
                .chain(further.into_iter().filter_map(|id| self.fake.message(id)));
            all.filter(chela_testkit::discord::DiscordMessage::is_ephemeral)
                .map(|answer| answer.content)
                .collect::<Vec<_>>()
        };
        self.commands.borrow().iter().flat_map(answers).collect()
    }

    async fn wait(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        self.fake.wait_until(what, |_| holds(self)).await;
    }

    fn forget_session(&self) {
        self.fake.forget_sessions();
    }

    fn assert_clean(&self) {
        let mut faults = self.fake.take_faults();
        // Who was killed between the first word to a command and its record can't know that the word was heard.
        faults.retain(|fault| !fault.contains("Interaction has already been acknowledged"));
        assert!(faults.is_empty(), "Discord would have refused: {faults:#?}");
    }
}

fn word(preview: Preview) -> &'static str {
    match preview {
        Preview::Off => "off",
        Preview::Partial => "partial",
    }
}
