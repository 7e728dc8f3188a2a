//! The fake Discord on its own, for trying a bot by hand. Prints how to reach it and then what the bot says, until it is
//! stopped; people speak by lines of its input.
//!
//! `dm TEXT` is said by Ada to the bot, `general TEXT` and `random TEXT` in two channels of a server; `@bot` in a text mentions
//! the bot, and a text that begins with `^ID ` quotes that message. `slash NAME [ARGUMENT=VALUE]…` chooses a command in
//! `#general`, `press LABEL` presses the newest button of that name, `drop` and `reconnect` end the gateway's connection, without
//! a word and with one, `forget` ends all sessions too, and `faults` lists what the bot did that a careful client never does.

use std::collections::BTreeMap;
use std::time::Duration;

use chela_testkit::FakeDiscord;
use chela_testkit::discord::{DiscordMessage, DiscordOptions, Snowflake};
use tokio::io::{AsyncBufReadExt, BufReader};

/// Between two looks at what the bot did.
const LOOK_PAUSE: Duration = Duration::from_millis(100);

struct Stage {
    fake: FakeDiscord,
    ada: Snowflake,
    /// By the word that stands for it.
    places: [(&'static str, Snowflake); 3],
    /// What was printed of each message.
    shown: BTreeMap<(Snowflake, Snowflake), String>,
    /// Commands that she chose, with what was printed of their answers, which may be for her eyes only.
    chosen: Vec<(Snowflake, String)>,
}

#[tokio::main]
async fn main() {
    let fake = FakeDiscord::start(DiscordOptions::default()).await;
    fake.forget_requests();
    let ada = fake.add_user("ada");
    let guild = fake.add_guild("Crabs");
    let places = [
        ("dm", fake.direct_chat(ada)),
        ("general", fake.add_channel(guild, "general")),
        ("random", fake.add_channel(guild, "random")),
    ];
    println!("apiBase {}/api/v10\ngatewayUrl {}\ntoken {}", fake.url(), fake.gateway_url(), fake.token());
    println!("guild {guild}\nada {ada}");
    for (name, id) in places {
        println!("{name} {id}");
    }
    let mut stage = Stage { fake, ada, places, shown: BTreeMap::new(), chosen: Vec::new() };
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
    fn act(&mut self, line: &str) {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb {
            "" => {}
            "slash" => self.slash(rest),
            "press" => self.press(rest),
            "drop" => self.fake.drop_gateway(),
            "reconnect" => self.fake.ask_reconnect(),
            "forget" => {
                self.fake.forget_sessions();
                self.fake.drop_gateway();
            }
            "faults" => println!("faults {:?}", self.fake.faults()),
            _ => match self.places.iter().find(|(name, _)| *name == verb) {
                Some((_, place)) => self.say(*place, rest),
                None => eprintln!(
                    "expected a place or one of slash, press, drop, reconnect, forget, faults; found \"{verb}\""
                ),
            },
        }
    }

    fn say(&self, place: Snowflake, text: &str) {
        let text = text.replace("@bot", &self.fake.mention());
        let quoted = text.strip_prefix('^').and_then(|rest| rest.split_once(' '));
        let said = match quoted.and_then(|(id, text)| Some((Snowflake(id.parse().ok()?), text))) {
            Some((id, text)) => self.fake.say(place, self.ada, text).reply_to(id),
            None => self.fake.say(place, self.ada, &text),
        };
        println!("said {}", said.send());
    }

    fn slash(&mut self, rest: &str) {
        let mut words = rest.split_whitespace();
        let name = words.next().unwrap_or_default();
        if !self.fake.commands().iter().any(|command| command["name"] == name) {
            eprintln!("the bot has no command \"{name}\"");
            return;
        }
        let options: Vec<(&str, &str)> = words.filter_map(|word| word.split_once('=')).collect();
        let chosen = self.fake.slash(self.places[1].1, self.ada, name, &options);
        println!("chose {chosen}");
        self.chosen.push((chosen, String::new()));
    }

    fn press(&self, label: &str) {
        let has = |place: Snowflake| {
            let mut own = self.fake.bot_messages(place).into_iter().rev();
            own.find(|message| message.buttons().iter().flatten().any(|button| button == label))
        };
        match self.places.iter().filter_map(|(_, place)| has(*place)).max_by_key(|message| message.id) {
            Some(message) => println!("pressed {}", self.fake.press(message.id, self.ada, label)),
            None => eprintln!("no message has a button \"{label}\""),
        }
    }

    /// Prints what is new or changed.
    fn show(&mut self) {
        for (interaction, shown) in &mut self.chosen {
            let answer = self.fake.response(*interaction).filter(DiscordMessage::is_ephemeral);
            if let Some(answer) = answer.filter(|answer| answer.content != *shown) {
                println!("answer {interaction} {:?}", answer.content);
                *shown = answer.content;
            }
        }
        for (name, place) in self.places {
            let mut now = BTreeMap::new();
            for message in self.fake.bot_messages(place) {
                let labels: Vec<String> = message.buttons().into_iter().flatten().collect();
                let buttons = if labels.is_empty() { String::new() } else { format!(" {labels:?}") };
                let files: Vec<_> = message.attachments.iter().map(|file| format!(" [{}]", file.name)).collect();
                now.insert((place, message.id), format!("{:?}{}{buttons}", message.content, files.concat()));
            }
            for (key, text) in &now {
                if self.shown.insert(*key, text.clone()).as_ref() != Some(text) {
                    println!("{name} {} {text}", key.1);
                }
            }
            let gone = |key: &(Snowflake, Snowflake)| key.0 == place && !now.contains_key(key);
            for key in self.shown.keys().copied().filter(gone).collect::<Vec<_>>() {
                self.shown.remove(&key);
                println!("{name} {} is gone", key.1);
            }
        }
    }
}
