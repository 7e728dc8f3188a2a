//! Discord for the cases: its fake, in their words.

use std::sync::Mutex;
use std::time::Duration;

use chela_channels::{ChatKind, MediaKind, MessageId};
use chela_testkit::discord::{DiscordFailure, DiscordMessage, DiscordOptions, FakeDiscord, Snowflake};
use serde_json::{Value, json};

use crate::conformance::platform::{Mentions, Person, Platform, Said, Shown, Spot, Told, Trouble, WrongMarkup};

/// Often enough that a dead socket shows within a test, seldom enough that a busy machine is not taken for one.
const HEARTBEAT: Duration = Duration::from_millis(400);
const MESSAGES: &str = "/channels/*/messages";

/// The fake with its places.
pub(crate) struct DiscordPlatform {
    pub(crate) fake: FakeDiscord,
    pub(crate) ada: Snowflake,
    bob: Snowflake,
    direct: Snowflake,
    guild: Snowflake,
    channel: Snowflake,
    thread: Snowflake,
    newest: Mutex<Option<Snowflake>>,
}

impl DiscordPlatform {
    /// For what Discord alone has.
    pub(crate) fn fake(&self) -> &FakeDiscord {
        &self.fake
    }
}

impl Platform for DiscordPlatform {
    const KIND: &'static str = "discord";

    async fn start() -> Self {
        let fake = FakeDiscord::start(DiscordOptions { heartbeat: HEARTBEAT, ..DiscordOptions::default() }).await;
        let (ada, bob) = (fake.add_user("ada"), fake.add_user("bob"));
        fake.set_display_name(ada, "Ada Lovelace");
        let guild = fake.add_guild("Harbour");
        let channel = fake.add_channel(guild, "crew");
        let thread = fake.add_thread(channel, "Boats");
        let direct = fake.direct_chat(ada);
        Self { fake, ada, bob, direct, guild, channel, thread, newest: Mutex::new(None) }
    }

    fn account(&self) -> Value {
        json!({
            "apiBase": self.fake.url(), "gatewayUrl": self.fake.gateway_url(),
            "dmPolicy": "open", "allowFrom": ["*"], "groupPolicy": "open",
        })
    }

    fn token(&self) -> String {
        self.fake.token()
    }

    fn identity(&self) -> String {
        DiscordOptions::default().bot_name
    }

    fn person(&self) -> Person {
        Person { id: self.ada.to_string(), name: "Ada Lovelace".to_owned() }
    }

    fn direct(&self) -> Spot {
        let chat = self.direct.to_string();
        Spot { chat: chat.clone(), chat_id: chat, thread: None, kind: ChatKind::Direct, places: Vec::new() }
    }

    fn group(&self) -> Spot {
        let chat = self.channel.to_string();
        let places = vec![step(self.guild, "Harbour"), step(self.channel, "crew")];
        Spot { chat: chat.clone(), chat_id: chat, thread: None, kind: ChatKind::Channel, places }
    }

    fn thread(&self) -> Spot {
        let (chat, parent) = (self.thread.to_string(), self.group());
        let places = parent.places.into_iter().chain([step(self.thread, "Boats")]).collect();
        Spot { chat: chat.clone(), chat_id: parent.chat, thread: Some(chat), kind: ChatKind::Channel, places }
    }

    fn say(&self, spot: &Spot, said: &Said) -> MessageId {
        let text = match said.mentions {
            Mentions::Nobody => said.text.clone(),
            Mentions::Us => format!("{} {}", self.fake.mention(), said.text),
            Mentions::SomebodyElse => format!("<@{}> {}", self.bob, said.text),
        };
        let mut saying = self.fake.say(chat(spot), self.ada, &text);
        if let Some(answered) = &said.reply_to {
            saying = saying.reply_to(id(answered));
        }
        if let Some(file) = &said.file {
            saying = saying.attach(file.name, file.mime, &file.bytes);
            if file.kind == MediaKind::Voice {
                saying = saying.as_voice(2.5);
            }
        }
        let message = saying.send();
        *self.newest.lock().unwrap() = Some(message);
        MessageId(message.to_string())
    }

    fn edit(&self, _: &Spot, message: &MessageId, text: &str) {
        self.fake.edit(id(message), text);
    }

    fn delete(&self, _: &Spot, message: &MessageId) -> Told {
        self.fake.delete(id(message));
        Told::Yes
    }

    fn react(&self, _: &Spot, message: &MessageId, emoji: &str) {
        self.fake.react(id(message), self.ada, emoji);
    }

    fn press(&self, _: &Spot, message: &MessageId, label: &str) {
        self.fake.press(id(message), self.ada, label);
    }

    fn open_presses(&self) -> usize {
        self.fake.open_interactions().len()
    }

    fn choose(&self, spot: &Spot, command: &str) {
        self.fake.slash(chat(spot), self.ada, command, &[]);
    }

    fn redeliver(&self) {
        let newest = self.newest.lock().unwrap().expect("something was said");
        self.fake.redeliver(newest);
    }

    fn shown(&self, spot: &Spot) -> Vec<Shown> {
        self.fake.bot_messages(chat(spot)).into_iter().map(shown).collect()
    }

    fn reactions(&self, _: &Spot, message: &MessageId) -> Vec<String> {
        self.fake.bot_reactions(id(message))
    }

    fn typed(&self, spot: &Spot) -> usize {
        self.fake.typing(chat(spot)).len()
    }

    fn menu(&self) -> Vec<String> {
        self.fake.commands().iter().filter_map(|command| command["name"].as_str()).map(str::to_owned).collect()
    }

    fn menu_writes(&self) -> usize {
        self.fake.requests_of("PUT", "/applications/*/commands").len()
    }

    fn trouble(&self, trouble: Trouble) {
        let next = |failure| self.fake.fail_next("POST", MESSAGES, failure);
        match trouble {
            Trouble::Revoked => self.fake.revoke_token(),
            Trouble::InboundSilent => self.fake.silence_gateway(),
            Trouble::AllSilent => self.fake.silence(),
            Trouble::Cut => self.fake.cut_connections(),
            Trouble::Down => self.fake.go_down(),
            Trouble::RateLimited(after) => next(DiscordFailure::RateLimited { after, global: false }),
            Trouble::LostAfter => next(DiscordFailure::CutAfter),
            Trouble::LostBefore => next(DiscordFailure::CutBefore),
            Trouble::Unavailable => next(DiscordFailure::unavailable()),
            Trouble::Blocked => self.fake.close_dms(self.ada),
        }
    }

    fn heal(&self) {
        self.fake.heal();
    }

    /// Discord shows whatever it can't read as it stands.
    fn wrong_markup(&self) -> WrongMarkup {
        WrongMarkup::Shown("**never closed, ||neither is <@this or ```that")
    }

    fn assert_clean(&self) {
        self.fake.assert_clean();
    }
}

fn step(id: Snowflake, name: &str) -> (String, Option<String>) {
    (id.to_string(), Some(name.to_owned()))
}

fn chat(spot: &Spot) -> Snowflake {
    Snowflake(spot.chat.parse().unwrap())
}

fn id(message: &MessageId) -> Snowflake {
    Snowflake(message.0.parse().unwrap())
}

fn shown(message: DiscordMessage) -> Shown {
    let (text, has_bold) = read_markdown(&message.content);
    Shown {
        message: MessageId(message.id.to_string()),
        text,
        has_bold,
        buttons: message.buttons().into_iter().flatten().collect(),
        files: message.attachments.into_iter().map(|file| (file.name, file.bytes)).collect(),
        reply_to: message.reply_to.map(|id| MessageId(id.to_string())),
    }
}

/// A text as Discord's clients show it, as far as the cases need it: code as it stands, escapes, bold, links.
fn read_markdown(source: &str) -> (String, bool) {
    let (mut text, mut has_bold, mut rest) = (String::new(), false, source);
    while let Some(first) = rest.chars().next() {
        let verbatim = ["```", "`"].iter().find_map(|mark| {
            let (inside, after) = rest.strip_prefix(mark)?.split_once(mark)?;
            Some((inside, after))
        });
        if let Some((inside, after)) = verbatim {
            text.push_str(inside);
            rest = after;
        } else if let Some(escaped) = rest.strip_prefix('\\').and_then(|after| after.chars().next()) {
            text.push(escaped);
            rest = &rest[1 + escaped.len_utf8()..];
        } else if let Some((inside, after)) = rest.strip_prefix("**").and_then(|after| after.split_once("**")) {
            text.push_str(&read_markdown(inside).0);
            has_bold = true;
            rest = after;
        } else if let Some((label, after)) = link(rest) {
            text.push_str(&read_markdown(label).0);
            rest = after;
        } else {
            text.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    (text, has_bold)
}

/// `[label](address)` at the beginning: the label, and what comes after.
fn link(source: &str) -> Option<(&str, &str)> {
    let (label, after) = source.strip_prefix('[')?.split_once("](")?;
    let (_, after) = after.split_once(')')?;
    Some((label, after))
}
