//! One opened account: what its worker, its webhook and its channel share. Owns the account's status and its small memory.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, OnceLock, PoisonError};

use serde_json::{Value, json};

use super::api::Api;
use super::config::{ButtonScope, CustomCommand};
use super::normalise::{Us, View};
use super::webhook::WebhookSetup;
use crate::ChannelContext;
use crate::status::{ConnectionState, Transport};

/// Messages of ours that reactions are recognised by. The Bot API never says who wrote the message that somebody reacts to.
const SENT_KEPT: usize = 512;

/// Groups that became supergroups; far more than a bot is in.
const MOVED_KEPT: usize = 200;

/// Where [`Bot::keep_moves`] keeps its list.
const MOVED_KEY: &str = "moved";

/// One opened account.
pub(super) struct Bot {
    pub(super) api: Api,
    pub(super) context: ChannelContext,
    pub(super) setup: Setup,
    /// Known once Telegram has told it.
    us: OnceLock<Us>,
    memory: Mutex<Memory>,
}

/// What the configuration says about the connection.
#[derive(Debug, Clone)]
pub(super) struct Setup {
    pub(super) shows_menu: bool,
    pub(super) custom_commands: Vec<CustomCommand>,
    pub(super) buttons: ButtonScope,
    /// A group is to be heard without a mention, which privacy mode prevents.
    pub(super) hears_everything: bool,
    pub(super) webhook: Option<WebhookSetup>,
}

#[derive(Default)]
struct Memory {
    sent: VecDeque<(i64, i32)>,
    /// From the new id of a group to the one it had.
    moved: HashMap<i64, i64>,
}

impl Bot {
    pub(super) fn new(api: Api, context: ChannelContext, setup: Setup) -> Self {
        Self { api, context, setup, us: OnceLock::new(), memory: Mutex::default() }
    }

    pub(super) fn us(&self) -> Option<&Us> {
        self.us.get()
    }

    /// The first one told stays: a token belongs to one bot.
    pub(super) fn set_us(&self, us: Us) {
        self.us.get_or_init(|| us);
    }

    /// Reads something with all that is known; `None` before the bot knows who it is.
    pub(super) fn with_view<T>(&self, read: impl FnOnce(View<'_>) -> T) -> Option<T> {
        let us = self.us()?;
        let is_ours = |chat: i64, message: i32| self.memory().sent.contains(&(chat, message));
        let former_id = |chat: i64| self.memory().moved.get(&chat).copied();
        Some(read(View { us, is_ours: &is_ours, former_id: &former_id, now_ms: self.now_ms() }))
    }

    pub(super) fn remember_sent(&self, chat: i64, message: i32) {
        let sent = &mut self.memory().sent;
        sent.push_back((chat, message));
        if sent.len() > SENT_KEPT {
            sent.pop_front();
        }
    }

    /// A group has another id from now on; rules that name the old one still hold for it.
    pub(super) fn note_move(&self, from: i64, to: i64) {
        let moved = &mut self.memory().moved;
        if moved.len() < MOVED_KEPT {
            moved.insert(to, from);
        }
    }

    /// Keeps what was noted over restarts.
    pub(super) async fn keep_moves(&self) {
        let moved = self.memory().moved.iter().map(|(to, from)| (to.to_string(), json!(from))).collect();
        if let Err(error) = self.context.state.put(MOVED_KEY, Value::Object(moved)).await {
            tracing::warn!(target: "telegram", account = self.context.account, %error, "the new id of a group is not kept");
        }
    }

    /// Takes up what was remembered before a restart.
    pub(super) async fn recall(&self) {
        let Ok(Some(Value::Object(list))) = self.context.state.get(MOVED_KEY).await else { return };
        let pairs = list.iter().filter_map(|(to, from)| Some((to.parse().ok()?, from.as_i64()?)));
        self.memory().moved.extend(pairs.take(MOVED_KEPT));
    }

    pub(super) fn now_ms(&self) -> i64 {
        (self.context.clock)()
    }

    pub(super) fn connecting(&self, transport: Transport) {
        self.context.status.update(|status| {
            status.transport = transport;
            status.state = ConnectionState::Connecting;
        });
    }

    /// The inbound side has proved itself.
    pub(super) fn alive(&self) {
        let now = self.now_ms();
        self.context.status.update(|status| {
            if status.state != ConnectionState::Connected {
                status.reconnects += u32::from(status.state == ConnectionState::Reconnecting);
                status.connected_at_ms = Some(now);
                status.state = ConnectionState::Connected;
            }
            status.alive_at_ms = Some(now);
            status.last_error = None;
        });
    }

    /// The inbound side is broken; `words` say how. The log hears of it once, however often it is tried again.
    pub(super) fn troubled(&self, words: &str) {
        let mut is_news = false;
        self.context.status.update(|status| {
            if status.state == ConnectionState::Connected {
                status.state = ConnectionState::Reconnecting;
            }
            is_news = status.last_error.as_deref() != Some(words);
            status.last_error = Some(words.to_owned());
        });
        if is_news {
            tracing::warn!(target: "telegram", account = self.context.account, "{words}. Trying again");
        } else {
            tracing::debug!(target: "telegram", account = self.context.account, "{words}");
        }
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
