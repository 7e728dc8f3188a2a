//! Telegram for the cases: its fake, in their words.

use chela_channels::{ChatKind, MediaKind, MessageId};
use chela_testkit::telegram::{FakeTelegram, TelegramFailure, TelegramOptions};
use serde_json::{Value, json};

use crate::conformance::platform::{Mentions, Person, Platform, Said, Shown, Spot, Told, Trouble, WrongMarkup};

const ADA: i64 = 1001;
const BOB: i64 = 1002;

/// The fake with its places.
pub(crate) struct TelegramPlatform {
    fake: FakeTelegram,
    group: i64,
    forum: i64,
    topic: i64,
}

impl Platform for TelegramPlatform {
    const KIND: &'static str = "telegram";

    async fn start() -> Self {
        let fake = FakeTelegram::start(TelegramOptions::default()).await;
        fake.user(ADA, "Ada Lovelace");
        fake.user(BOB, "Bob Kahn");
        fake.private_chat(ADA);
        let group = fake.supergroup("Crew", &[ADA, BOB]);
        let forum = fake.forum("Harbour", &[ADA, BOB]);
        let topic = fake.topic(forum, ADA, "Boats");
        // Reactions in groups are told to administrators alone.
        fake.promote(group);
        Self { fake, group, forum, topic }
    }

    fn account(&self) -> Value {
        json!({ "apiBase": self.fake.url(), "dmPolicy": "open", "allowFrom": ["*"], "groupPolicy": "open" })
    }

    fn token(&self) -> String {
        self.fake.token()
    }

    fn identity(&self) -> String {
        TelegramOptions::default().bot_username
    }

    fn person(&self) -> Person {
        Person { id: ADA.to_string(), name: "Ada Lovelace".to_owned() }
    }

    fn direct(&self) -> Spot {
        let chat = ADA.to_string();
        Spot { chat: chat.clone(), chat_id: chat, thread: None, kind: ChatKind::Direct, places: Vec::new() }
    }

    fn group(&self) -> Spot {
        let chat = self.group.to_string();
        let places = vec![(chat.clone(), Some("Crew".to_owned()))];
        Spot { chat: chat.clone(), chat_id: chat, thread: None, kind: ChatKind::Group, places }
    }

    fn thread(&self) -> Spot {
        let (chat, topic) = (self.forum.to_string(), self.topic.to_string());
        let places = vec![(chat.clone(), Some("Harbour".to_owned())), (topic.clone(), Some("Boats".to_owned()))];
        Spot { chat: format!("{chat}:{topic}"), chat_id: chat, thread: Some(topic), kind: ChatKind::Group, places }
    }

    fn say(&self, spot: &Spot, said: &Said) -> MessageId {
        let text = match said.mentions {
            Mentions::Nobody => said.text.clone(),
            Mentions::Us => format!("@{} {}", self.identity(), said.text),
            Mentions::SomebodyElse => format!("@bob_the_other {}", said.text),
        };
        let mut saying = self.fake.say(chat(spot), ADA, &text);
        if let Some(topic) = &spot.thread {
            saying = saying.topic(topic.parse().unwrap());
        }
        if let Some(answered) = &said.reply_to {
            saying = saying.reply_to(id(answered));
        }
        if let Some(file) = &said.file {
            let bytes = file.bytes.clone();
            saying = match file.kind {
                MediaKind::Image => saying.photo(bytes),
                MediaKind::Voice => saying.voice(bytes),
                MediaKind::Audio => saying.audio(file.name, bytes),
                MediaKind::Video => saying.video(bytes),
                MediaKind::Sticker => saying.sticker("👍", bytes),
                MediaKind::File => saying.document(file.name, file.mime, bytes),
            };
        }
        MessageId(saying.send().to_string())
    }

    fn edit(&self, spot: &Spot, message: &MessageId, text: &str) {
        self.fake.edit(chat(spot), id(message), text);
    }

    fn delete(&self, spot: &Spot, message: &MessageId) -> Told {
        self.fake.delete(chat(spot), id(message));
        Told::No
    }

    fn react(&self, spot: &Spot, message: &MessageId, emoji: &str) {
        self.fake.react(chat(spot), id(message), ADA, Some(emoji));
    }

    fn press(&self, spot: &Spot, message: &MessageId, label: &str) {
        self.fake.press(chat(spot), id(message), ADA, label);
    }

    fn open_presses(&self) -> usize {
        self.fake.open_presses().len()
    }

    fn choose(&self, spot: &Spot, command: &str) {
        // The menu types the command; in groups it adds whose command it is.
        let text = match spot.kind {
            ChatKind::Direct => format!("/{command}"),
            ChatKind::Group | ChatKind::Channel => format!("/{command}@{}", self.identity()),
        };
        self.say(spot, &Said::text(text));
    }

    fn redeliver(&self) {
        self.fake.redeliver_last();
    }

    fn shown(&self, spot: &Spot) -> Vec<Shown> {
        let topic = spot.thread.as_ref().map(|topic| topic.parse::<i64>().unwrap());
        let here = self.fake.bot_messages(chat(spot)).into_iter().filter(|message| message.topic == topic);
        let shown = here.map(|message| Shown {
            message: MessageId(message.id.to_string()),
            has_bold: message.entities.iter().any(|entity| entity.kind == "bold"),
            buttons: message.buttons.iter().flatten().map(|button| button.label.clone()).collect(),
            files: message
                .media
                .into_iter()
                .map(|media| (media.file_name.unwrap_or_default(), media.bytes.to_vec()))
                .collect(),
            reply_to: message.reply_to.map(|id| MessageId(id.to_string())),
            text: message.text,
        });
        shown.collect()
    }

    fn reactions(&self, spot: &Spot, message: &MessageId) -> Vec<String> {
        let bot = self.fake.bot_id();
        let all = self.fake.messages(chat(spot)).into_iter();
        let found = all.filter(|found| found.id == id(message));
        found.filter_map(|found| found.reactions.get(&bot).cloned()).collect()
    }

    fn typed(&self, spot: &Spot) -> usize {
        let topic = spot.thread.as_ref().map(|topic| topic.parse::<i64>().unwrap());
        let here = |action: &chela_testkit::telegram::ChatAction| action.chat == chat(spot) && action.topic == topic;
        self.fake.actions().iter().filter(|action| here(action) && action.action == "typing").count()
    }

    fn menu(&self) -> Vec<String> {
        let commands = self.fake.commands();
        let names = commands.as_array().into_iter().flatten().filter_map(|command| command["command"].as_str());
        names.map(str::to_owned).collect()
    }

    fn menu_writes(&self) -> usize {
        self.fake.calls("setMyCommands").len()
    }

    fn trouble(&self, trouble: Trouble) {
        let fake = &self.fake;
        // A message with a file has a method of its own; the cases send texts while there is trouble.
        let next = |failure| fake.fail_next("sendMessage", failure);
        match trouble {
            Trouble::Revoked => fake.revoke_token(),
            Trouble::InboundSilent => fake.fail_always("getUpdates", TelegramFailure::HangBefore),
            Trouble::AllSilent => fake.black_hole(),
            Trouble::Cut => fake.cut_connections(),
            Trouble::Down => fake.go_down(),
            Trouble::RateLimited(after) => next(TelegramFailure::flood(u32::try_from(after.as_secs()).unwrap())),
            Trouble::LostAfter => next(TelegramFailure::CutAfter),
            Trouble::LostBefore => next(TelegramFailure::CutBefore),
            Trouble::Unavailable => next(TelegramFailure::Page { status: 502 }),
            Trouble::Blocked => fake.kick(ADA),
        }
    }

    fn heal(&self) {
        self.fake.heal();
    }

    fn wrong_markup(&self) -> WrongMarkup {
        WrongMarkup::Refused("<h1>too large</h1>")
    }

    fn assert_clean(&self) {
        self.fake.assert_clean();
    }
}

fn chat(spot: &Spot) -> i64 {
    spot.chat_id.parse().unwrap()
}

fn id(message: &MessageId) -> i64 {
    message.0.parse().unwrap()
}
