//! What Telegram alone can do: transports, offsets, groups that move, menus, tokens. Each case opens accounts with keys of its own.

mod account;
mod polling;
mod sending;
mod webhook;

use std::sync::Arc;

use chela_channels::{
    Account, CHANNELS, Channel, ChatKind, ConnectionState, InboundMessage, OpenChannel, OpenError, OutboundPart,
    Patience, Webhook,
};
use chela_testkit::telegram::{FakeTelegram, TelegramOptions};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::conformance::platform::Spot;
use crate::conformance::world::{self, Door, IMPATIENT, Surroundings, eventually};

const ADA: i64 = 1001;

/// The gateway's side: what outlives a worker.
#[derive(Default)]
struct Gateway(Surroundings);

/// A worker that runs, and what it opened.
struct Opened {
    channel: Arc<dyn Channel>,
    webhook: Option<Arc<dyn Webhook>>,
    worker: tokio::task::JoinHandle<()>,
}

impl Gateway {
    /// Opens an account with these keys at the fake, and lets its worker run.
    fn open(&self, fake: &FakeTelegram, keys: Value) -> Opened {
        self.open_with(fake, keys, IMPATIENT)
    }

    fn open_with(&self, fake: &FakeTelegram, mut keys: Value, patience: Patience) -> Opened {
        keys["apiBase"] = json!(fake.url());
        let opened = self.try_open(&keys, Some(fake.token().into()), patience);
        let OpenChannel { worker, channel, webhook } = opened.unwrap_or_else(|error| panic!("{error}"));
        let worker = tokio::spawn(async move {
            let _ = worker.await;
        });
        Opened { channel, webhook, worker }
    }

    fn try_open(
        &self,
        keys: &Value,
        token: Option<SecretString>,
        patience: Patience,
    ) -> Result<OpenChannel, OpenError> {
        let written = |secret: &chela_config::Secret| match secret {
            chela_config::Secret::Text(text) => Ok(text.clone()),
            chela_config::Secret::Reference(_) => Err("the test has no other secrets".to_owned()),
        };
        account(keys).open(token, &written, self.0.context(patience, CancellationToken::new()))
    }

    async fn connected(&self) {
        let is_connected = || self.0.status.read().state == ConnectionState::Connected;
        eventually("a connection", || is_connected().then_some(())).await;
    }

    /// The message with this text, once it has come.
    async fn heard(&self, text: &str) -> InboundMessage {
        eventually(text, || self.0.inbox.messages().into_iter().find(|message| message.text == text)).await
    }

    /// Tells Ada's chat that too much waits.
    fn set_busy(&self) {
        self.0.inbox.set_door(Door::Busy { chat: ADA.to_string(), times: usize::MAX });
    }

    fn set_free(&self) {
        self.0.inbox.set_door(Door::Open);
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.worker.abort();
    }
}

/// The account with these keys, which have to be right.
fn account(keys: &Value) -> Box<dyn Account> {
    let kind = CHANNELS.iter().find(|kind| kind.id == "telegram").expect("the table has it");
    let mut problems = Vec::new();
    let account = (kind.read)("channels.telegram", keys, &mut problems).expect("the keys are an object");
    assert!(problems.is_empty(), "{problems:?}");
    account
}

async fn fake() -> FakeTelegram {
    fake_with(TelegramOptions::default()).await
}

async fn fake_with(options: TelegramOptions) -> FakeTelegram {
    let fake = FakeTelegram::start(options).await;
    fake.user(ADA, "Ada Lovelace");
    fake.private_chat(ADA);
    fake
}

fn part(chat: i64, text: &str) -> OutboundPart {
    let chat = chat.to_string();
    let spot = Spot { chat: chat.clone(), chat_id: chat, thread: None, kind: ChatKind::Direct, places: Vec::new() };
    world::part(&spot, "run", text)
}
