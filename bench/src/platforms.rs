//! Both chat platforms on loopback, and the people there: they write to the bots, wait for the answers, and look at last whether
//! each message was answered once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use chela_testkit::discord::{DiscordOptions, Snowflake};
use chela_testkit::model::{FakeModel, Step};
use chela_testkit::telegram::TelegramOptions;
use chela_testkit::{FakeDiscord, FakeTelegram};
use serde_json::json;
use tokio::sync::oneshot;

/// Who has no answer by then has none.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the model says before the word that it was asked for: as long as a short answer of a real one, and with markup.
const ANSWER: &str = "echo of **your question**, in a few words. There are three things to say about it, of which `the first` is \
    the shortest:\n\n- The gateway keeps a message before it tells the platform that it has it.\n- An answer is kept before it is \
    sent, and each part of it is noted once it stands in the chat.\n- What nobody knows is looked up before it is sent again.\n\n\
    So much for this one, which was";

/// Both platforms, with a bot each.
pub(crate) struct Platforms {
    telegram: FakeTelegram,
    discord: FakeDiscord,
    waiting: Arc<Waiting>,
    last_word: AtomicU64,
    client: reqwest::Client,
}

/// A direct chat of a person with a bot, and what was asked in it so far.
pub(crate) struct Talk {
    place: Place,
    asked: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Platform {
    Telegram,
    Discord,
}

/// How many messages have no answer, and how many answers are one too many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Mistakes {
    pub(crate) lost: usize,
    pub(crate) surplus: usize,
}

#[derive(Clone, Copy)]
enum Place {
    Telegram { chat: i64, person: i64 },
    Discord { chat: Snowflake, person: Snowflake },
}

/// Who waits for the answer that ends with which word.
#[derive(Default)]
struct Waiting(Mutex<HashMap<String, oneshot::Sender<Instant>>>);

/// A model that answers with the word of the question.
pub(crate) async fn answering_model() -> FakeModel {
    let model = FakeModel::start([]).await;
    model.respond_with(|request| {
        let text = request.last_user_text();
        let word = text.split_whitespace().rfind(|word| word.starts_with("word-")).unwrap_or("none");
        Step::text(format!("{ANSWER} {word}"))
    });
    model.forget_requests();
    model
}

impl Platforms {
    pub(crate) async fn start() -> Result<Self> {
        let telegram = FakeTelegram::start(TelegramOptions::default()).await;
        let discord = FakeDiscord::start(DiscordOptions::default()).await;
        discord.forget_requests();
        let waiting = Arc::new(Waiting::default());
        let (mut on_telegram, at_telegram) = (telegram.hear_bot(), waiting.clone());
        tokio::spawn(async move {
            while let Some(message) = on_telegram.recv().await {
                at_telegram.answered(&message.text);
            }
        });
        let (mut on_discord, at_discord) = (discord.hear_bot(), waiting.clone());
        tokio::spawn(async move {
            while let Some(message) = on_discord.recv().await {
                at_discord.answered(&message.content);
            }
        });
        let client = reqwest::Client::builder().timeout(PATIENCE).tcp_nodelay(true).no_proxy().build()?;
        Ok(Self { telegram, discord, waiting, last_word: AtomicU64::new(0), client })
    }

    /// Keys of a configuration with an account on each, that answers everybody in a conversation of their own.
    pub(crate) fn config(&self) -> String {
        let open = r#"dmPolicy: "open", allowFrom: ["*"]"#;
        format!(
            r#"session: {{ dmScope: "per-channel-peer" }},
  channels: {{
    telegram: {{ botToken: "{}", apiBase: "{}", {open} }},
    discord: {{ token: "{}", apiBase: "{}", gatewayUrl: "{}", {open} }},
  }}"#,
            self.telegram.token(),
            self.telegram.url(),
            self.discord.token(),
            self.discord.url(),
            self.discord.gateway_url()
        )
    }

    /// Waits until both bots hear what is said; there must be one gateway at most.
    pub(crate) async fn connected(&self) {
        self.telegram.wait_for("an open poll", |telegram| (telegram.polls().open > 0).then_some(())).await;
        self.discord.wait_until("a session", |discord| discord.live_sessions() > 0).await;
    }

    /// People who write to the bot, each for themselves. To be called once for each platform.
    pub(crate) fn talks(&self, platform: Platform, count: u32) -> Vec<Talk> {
        let place = |number: u32| match platform {
            Platform::Telegram => {
                let person = self.telegram.user(1_000_000 + i64::from(number), &format!("Ada{number}"));
                Place::Telegram { chat: self.telegram.private_chat(person), person }
            }
            Platform::Discord => {
                let person = self.discord.add_user(&format!("ada{number}"));
                Place::Discord { chat: self.discord.direct_chat(person), person }
            }
        };
        (0..count).map(|number| Talk { place: place(number), asked: Vec::new() }).collect()
    }

    /// Asks, and waits until the whole answer stands in the chat: the time from the one to the other, or none.
    pub(crate) async fn ask(&self, talk: &mut Talk) -> Option<Duration> {
        let word = format!("word-{}", self.last_word.fetch_add(1, Ordering::Relaxed));
        let (tell, answered) = oneshot::channel();
        self.waiting.lock().insert(word.clone(), tell);
        let text = format!("Please tell me in a few words what you know of {word}");
        talk.asked.push(word);
        let asked = Instant::now();
        match talk.place {
            Place::Telegram { chat, person } => {
                self.telegram.say(chat, person, &text).send();
            }
            Place::Discord { chat, person } => {
                self.discord.say(chat, person, &text).send();
            }
        }
        let answered = tokio::time::timeout(PATIENCE, answered).await.ok()?.ok()?;
        Some(answered - asked)
    }

    /// Sends what a bot sends, without a gateway between: what the platform itself takes.
    pub(crate) async fn answer_directly(&self, talk: &Talk) -> Result<()> {
        let number = self.last_word.fetch_add(1, Ordering::Relaxed);
        let text = format!("{ANSWER} word-{number}");
        let request = match talk.place {
            Place::Telegram { chat, .. } => {
                let url = format!("{}/bot{}/sendMessage", self.telegram.url(), self.telegram.token());
                self.client.post(url).json(&json!({ "chat_id": chat, "text": text }))
            }
            Place::Discord { chat, .. } => {
                let url = format!("{}/api/v10/channels/{chat}/messages", self.discord.url());
                let message = json!({ "content": text, "nonce": number.to_string(), "enforce_nonce": true });
                let agent = "DiscordBot (https://example.invalid, 1)";
                let authorization = format!("Bot {}", self.discord.token());
                self.client.post(url).header("authorization", authorization).header("user-agent", agent).json(&message)
            }
        };
        let response = request.send().await?;
        if !response.status().is_success() {
            bail!("the platform answered {}: {}", response.status(), response.text().await?);
        }
        response.bytes().await.context("an answer has a body")?;
        Ok(())
    }

    /// Looks at everything that stands in these chats now.
    pub(crate) fn mistakes(&self, talks: &[Talk]) -> Mistakes {
        let mut mistakes = Mistakes::default();
        for talk in talks {
            let texts: Vec<String> = match talk.place {
                Place::Telegram { chat, .. } => {
                    self.telegram.bot_messages(chat).into_iter().map(|message| message.text).collect()
                }
                Place::Discord { chat, .. } => self.discord.bot_texts(chat),
            };
            let words: Vec<&str> = texts.iter().filter_map(|text| last_word(text)).collect();
            let answered = talk.asked.iter().filter(|asked| words.contains(&asked.as_str())).count();
            mistakes.lost += talk.asked.len() - answered;
            mistakes.surplus += texts.len() - answered;
        }
        mistakes
    }

    /// What a real platform would have refused or regretted.
    pub(crate) fn assert_clean(&self) {
        self.telegram.assert_clean();
        self.discord.assert_clean();
    }
}

impl Waiting {
    fn answered(&self, text: &str) {
        let now = Instant::now();
        // A preview of an answer has not its last word yet.
        if let Some(waiting) = last_word(text).and_then(|word| self.lock().remove(word)) {
            let _ = waiting.send(now);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, oneshot::Sender<Instant>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn last_word(text: &str) -> Option<&str> {
    text.split_whitespace().next_back()
}
