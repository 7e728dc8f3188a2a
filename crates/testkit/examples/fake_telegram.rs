//! The fake Telegram on its own, for trying a bot by hand. Prints how to reach it and then what the bot says, until it is
//! stopped; people speak by lines of its input.
//!
//! `dm TEXT` is said by Ada to the bot, `group TEXT` by Ada in a group; a text that begins with `^ID ` quotes that message.
//! `edit ID TEXT` changes a message of hers, `press LABEL` presses the newest button of that name, `redeliver` gives the last
//! update once more, and `faults` lists what the bot did that the documentation forbids.

use std::collections::BTreeMap;
use std::time::Duration;

use chela_testkit::FakeTelegram;
use chela_testkit::telegram::TelegramOptions;
use tokio::io::{AsyncBufReadExt, BufReader};

/// Between two looks at what the bot did.
const LOOK_PAUSE: Duration = Duration::from_millis(100);

const ADA: i64 = 100_200_300;

struct Stage {
    fake: FakeTelegram,
    /// By the word that stands for it.
    chats: [(&'static str, i64); 2],
    /// What was printed of each message.
    shown: BTreeMap<(i64, i64), String>,
}

#[tokio::main]
async fn main() {
    let fake = FakeTelegram::start(TelegramOptions::default()).await;
    fake.user(ADA, "Ada Lovelace");
    let dm = fake.private_chat(ADA);
    let group = fake.supergroup("Crabs", &[ADA]);
    println!("apiBase {}\ntoken {}\ndm {dm}\ngroup {group}", fake.url(), fake.token());
    let mut stage = Stage { fake, chats: [("dm", dm), ("group", group)], shown: BTreeMap::new() };
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut look = tokio::time::interval(LOOK_PAUSE);
    let mut is_listening = true;
    loop {
        tokio::select! {
            line = lines.next_line(), if is_listening => match line {
                Ok(Some(line)) => stage.act(line.trim()),
                Ok(None) | Err(_) => is_listening = false,
            },
            _ = look.tick() => stage.show(),
        }
    }
}

impl Stage {
    fn act(&self, line: &str) {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb {
            "" => {}
            "edit" => self.edit(rest),
            "press" => self.press(rest),
            "redeliver" => self.fake.redeliver_last(),
            "faults" => println!("faults {:?}", self.fake.faults()),
            _ => match self.chats.iter().find(|(name, _)| *name == verb) {
                Some((_, chat)) => self.say(*chat, rest),
                None => eprintln!("expected dm, group, edit, press, redeliver or faults, found \"{verb}\""),
            },
        }
    }

    fn say(&self, chat: i64, text: &str) {
        let quoted = text.strip_prefix('^').and_then(|rest| rest.split_once(' '));
        let said = match quoted.and_then(|(id, text)| Some((id.parse().ok()?, text))) {
            Some((id, text)) => self.fake.say(chat, ADA, text).reply_to(id),
            None => self.fake.say(chat, ADA, text),
        };
        println!("said {}", said.send());
    }

    fn edit(&self, rest: &str) {
        let wanted = rest.split_once(' ').and_then(|(id, text)| Some((id.parse::<i64>().ok()?, text)));
        let found = wanted.and_then(|(id, text)| {
            let of_ada =
                |chat: i64| self.fake.messages(chat).iter().any(|message| message.id == id && message.from == ADA);
            self.chats.iter().find(|(_, chat)| of_ada(*chat)).map(|(_, chat)| (*chat, id, text))
        });
        match found {
            Some((chat, id, text)) => self.fake.edit(chat, id, text),
            None => eprintln!("expected the id of a message of Ada's and a text, found \"{rest}\""),
        }
    }

    fn press(&self, label: &str) {
        let has = |chat: i64| {
            let mut own = self.fake.bot_messages(chat).into_iter().rev();
            own.find(|message| message.buttons.iter().flatten().any(|button| button.label == label))
        };
        match self.chats.iter().filter_map(|(_, chat)| has(*chat)).max_by_key(|message| message.sent_at) {
            Some(message) => println!("pressed {}", self.fake.press(message.chat, message.id, ADA, label)),
            None => eprintln!("no message has a button \"{label}\""),
        }
    }

    /// Prints what is new or changed.
    fn show(&mut self) {
        for (name, chat) in self.chats {
            let mut now = BTreeMap::new();
            for message in self.fake.bot_messages(chat) {
                let file = message.media.as_ref().map(|media| format!(" [{}]", media.kind)).unwrap_or_default();
                let labels: Vec<_> = message.buttons.iter().flatten().map(|button| button.label.clone()).collect();
                let buttons = if labels.is_empty() { String::new() } else { format!(" {labels:?}") };
                now.insert((chat, message.id), format!("{:?}{file}{buttons}", message.text));
            }
            for (key, text) in &now {
                if self.shown.insert(*key, text.clone()).as_ref() != Some(text) {
                    println!("{name} {} {text}", key.1);
                }
            }
            let gone = |key: &(i64, i64)| key.0 == chat && !now.contains_key(key);
            for key in self.shown.keys().copied().filter(gone).collect::<Vec<_>>() {
                self.shown.remove(&key);
                println!("{name} {} is gone", key.1);
            }
        }
    }
}
