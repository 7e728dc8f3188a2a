//! Everything that the fake server knows, and the rules that several methods share.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::{
    ChatAction, GroupPrivacy, PollCounts, TelegramCall, TelegramFailure, TelegramMedia, TelegramMessage,
    TelegramOptions, wire,
};

/// Refusal of a call, as the server words it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ApiError {
    pub(super) code: u16,
    pub(super) description: String,
    pub(super) parameters: Option<Value>,
}

pub(super) type Answer = Result<Value, ApiError>;

pub(super) struct State {
    pub(super) options: TelegramOptions,
    pub(super) bot: i64,
    pub(super) users: HashMap<i64, User>,
    pub(super) chats: HashMap<i64, Chat>,
    pub(super) files: HashMap<String, StoredFile>,
    pub(super) calls: Vec<TelegramCall>,
    pub(super) actions: Vec<ChatAction>,
    /// Told of each message of the bot.
    pub(super) listeners: Vec<mpsc::UnboundedSender<TelegramMessage>>,
    pub(super) faults: Vec<String>,
    pub(super) failures: VecDeque<(String, TelegramFailure)>,
    pub(super) standing: HashMap<String, TelegramFailure>,
    pub(super) black_hole: bool,
    pub(super) down: bool,
    pub(super) updates: Updates,
    pub(super) polls: PollCounts,
    /// The newest poll; an older one that still waits is ended.
    pub(super) poll_number: u64,
    pub(super) webhook: Option<Hook>,
    /// Presses that nobody has answered.
    pub(super) open_presses: BTreeSet<String>,
    /// By scope and language.
    pub(super) commands: BTreeMap<String, Value>,
    /// When messages were sent, for the limits of speed.
    pub(super) sent_times: VecDeque<(i64, Instant)>,
    /// Ids of private chats and basic groups: one sequence for the bot.
    last_private_id: i64,
    last_number: u64,
}

pub(super) struct User {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) username: String,
    pub(super) is_bot: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChatType {
    Private,
    Group,
    Supergroup,
}

/// How the bot stands in a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Member,
    Administrator,
    /// Removed from a group, or blocked by the person.
    Out,
}

pub(super) struct Chat {
    pub(super) id: i64,
    pub(super) kind: ChatType,
    pub(super) title: String,
    pub(super) is_forum: bool,
    pub(super) members: BTreeSet<i64>,
    pub(super) standing: Standing,
    pub(super) topics: BTreeMap<i64, String>,
    pub(super) messages: BTreeMap<i64, TelegramMessage>,
    pub(super) migrated_to: Option<i64>,
    last_id: i64,
}

pub(super) struct StoredFile {
    pub(super) path: String,
    pub(super) bytes: Bytes,
}

/// What waits for the bot.
pub(super) struct Updates {
    pub(super) waiting: VecDeque<Update>,
    /// Confirmed ones, newest last, for giving one again.
    pub(super) confirmed: Vec<Update>,
    /// Given again whatever the offset says.
    pub(super) again: VecDeque<Update>,
    pub(super) allowed: Option<Vec<String>>,
    next_id: i64,
}

#[derive(Debug, Clone)]
pub(super) struct Update {
    pub(super) id: i64,
    pub(super) chat: i64,
    pub(super) wire: Value,
}

/// A webhook as it was set.
#[derive(Debug, Clone)]
pub(super) struct Hook {
    pub(super) url: String,
    pub(super) secret: Option<String>,
    pub(super) last_error: Option<(i64, String)>,
    pub(super) max_connections: i64,
    pub(super) calls: usize,
}

/// Updates that nobody gets without asking for them.
const ONLY_ON_DEMAND: &[&str] = &["chat_member", "message_reaction", "message_reaction_count"];

impl ApiError {
    pub(super) fn new(code: u16, description: impl Into<String>) -> Self {
        Self { code, description: description.into(), parameters: None }
    }

    pub(super) fn bad(description: impl Into<String>) -> Self {
        Self::new(400, description)
    }

    pub(super) fn flood(retry_after: u64) -> Self {
        let mut error = Self::new(429, format!("Too Many Requests: retry after {retry_after}"));
        error.parameters = Some(json!({ "retry_after": retry_after }));
        error
    }
}

impl State {
    pub(super) fn new(options: TelegramOptions) -> Self {
        let bot = options.token.split(':').next().and_then(|id| id.parse().ok()).unwrap_or(1);
        let user =
            User { id: bot, name: options.bot_name.clone(), username: options.bot_username.clone(), is_bot: true };
        Self {
            options,
            bot,
            users: HashMap::from([(bot, user)]),
            chats: HashMap::new(),
            files: HashMap::new(),
            calls: Vec::new(),
            actions: Vec::new(),
            listeners: Vec::new(),
            faults: Vec::new(),
            failures: VecDeque::new(),
            standing: HashMap::new(),
            black_hole: false,
            down: false,
            updates: Updates {
                waiting: VecDeque::new(),
                confirmed: Vec::new(),
                again: VecDeque::new(),
                allowed: None,
                next_id: 730_000_001,
            },
            polls: PollCounts::default(),
            poll_number: 0,
            webhook: None,
            open_presses: BTreeSet::new(),
            commands: BTreeMap::new(),
            sent_times: VecDeque::new(),
            last_private_id: 0,
            last_number: 0,
        }
    }

    pub(super) fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    pub(super) fn fault(&mut self, method: &str, what: impl std::fmt::Display) {
        self.faults.push(format!("{method}: {what}"));
    }

    /// # Panics
    /// When a test names a chat that it has not made.
    pub(super) fn chat(&self, id: i64) -> &Chat {
        self.chats.get(&id).unwrap_or_else(|| panic!("the test has made no chat {id}"))
    }

    /// # Panics
    /// When a test names a chat that it has not made.
    pub(super) fn chat_mut(&mut self, id: i64) -> &mut Chat {
        self.chats.get_mut(&id).unwrap_or_else(|| panic!("the test has made no chat {id}"))
    }

    pub(super) fn add_chat(&mut self, id: i64, kind: ChatType, title: &str, members: &[i64]) {
        let chat = Chat {
            id,
            kind,
            title: title.to_owned(),
            is_forum: false,
            members: members.iter().copied().chain([self.bot]).collect(),
            standing: Standing::Member,
            topics: BTreeMap::new(),
            messages: BTreeMap::new(),
            migrated_to: None,
            last_id: 0,
        };
        self.chats.insert(id, chat);
    }

    /// An empty message with the next id of its chat; it is kept only by [`State::keep`].
    pub(super) fn new_message(&mut self, chat: i64, from: i64) -> TelegramMessage {
        let id = self.next_message_id(chat);
        TelegramMessage { id, ..Self::draft(chat, from) }
    }

    /// Supergroups count on their own; private chats and basic groups share the bot's count.
    pub(super) fn next_message_id(&mut self, chat: i64) -> i64 {
        let place = self.chats.get_mut(&chat).expect("callers have found the chat");
        let last = match place.kind {
            ChatType::Supergroup => &mut place.last_id,
            ChatType::Private | ChatType::Group => &mut self.last_private_id,
        };
        *last += 1;
        *last
    }

    /// An empty message without an id.
    pub(super) fn draft(chat: i64, from: i64) -> TelegramMessage {
        TelegramMessage {
            id: 0,
            chat,
            from,
            topic: None,
            text: String::new(),
            entities: Vec::new(),
            media: None,
            reply_to: None,
            buttons: Vec::new(),
            silent: false,
            link_preview: true,
            edits: 0,
            sent_at: Instant::now(),
            reactions: BTreeMap::new(),
            date: unix_seconds(),
            markup: None,
            extra: Map::new(),
        }
    }

    /// Keeps the message and gives it as the wire shows it.
    pub(super) fn keep(&mut self, message: TelegramMessage) -> Value {
        let (chat, id) = (message.chat, message.id);
        if message.from == self.bot {
            self.listeners.retain(|listener| listener.send(message.clone()).is_ok());
        }
        self.chat_mut(chat).messages.insert(id, message);
        wire::message(self, chat, id)
    }

    pub(super) fn store_file(&mut self, folder: &str, extension: &str, bytes: Bytes) -> String {
        let number = self.next_number();
        let id = format!("AgACAgIAAxkBAAI{number:04}");
        let path = format!("{folder}/file_{number}{extension}");
        self.files.insert(id.clone(), StoredFile { path, bytes });
        id
    }

    pub(super) fn media(
        &mut self,
        kind: &str,
        (name, mime): (Option<String>, Option<String>),
        bytes: Bytes,
    ) -> TelegramMedia {
        let extension = wire::extension(kind, name.as_deref());
        let id = self.store_file(wire::folder(kind), &extension, bytes.clone());
        let wire = wire::media(kind, &id, (name.as_deref(), mime.as_deref()), bytes.len());
        TelegramMedia { kind: kind.to_owned(), file_name: name, mime, bytes, wire }
    }

    /// Puts an update into the bot's queue, if the bot asked for its kind.
    pub(super) fn push_update(&mut self, kind: &str, chat: i64, content: &Value) {
        let wanted = match &self.updates.allowed {
            Some(allowed) if !allowed.is_empty() => allowed.iter().any(|allowed| allowed == kind),
            _ => !ONLY_ON_DEMAND.contains(&kind),
        };
        if wanted {
            self.push_any_update(kind, chat, content);
        }
    }

    pub(super) fn push_any_update(&mut self, kind: &str, chat: i64, content: &Value) {
        let id = self.updates.next_id;
        self.updates.next_id += 1;
        self.updates.waiting.push_back(Update { id, chat, wire: json!({ "update_id": id, kind: content }) });
    }

    /// Whether the bot gets a message of a person in this chat.
    pub(super) fn is_heard(&self, message: &TelegramMessage) -> bool {
        let chat = self.chat(message.chat);
        if chat.standing == Standing::Out {
            return false;
        }
        let hears_all = chat.kind == ChatType::Private
            || chat.standing == Standing::Administrator
            || self.options.privacy == GroupPrivacy::Off;
        hears_all || self.is_for_bot(message)
    }

    fn is_for_bot(&self, message: &TelegramMessage) -> bool {
        let replied = message.reply_to.and_then(|id| self.chat(message.chat).messages.get(&id));
        if replied.is_some_and(|replied| replied.from == self.bot) {
            return true;
        }
        let at_bot = format!("@{}", self.options.bot_username);
        message.entities.iter().any(|entity| {
            let words: Vec<u16> = message.text.encode_utf16().skip(entity.offset).take(entity.length).collect();
            let words = String::from_utf16_lossy(&words);
            match entity.kind.as_str() {
                "mention" => words.eq_ignore_ascii_case(&at_bot),
                "text_mention" => entity.detail.as_deref() == Some(&self.bot.to_string()),
                "bot_command" => !words.contains('@') || words.to_lowercase().ends_with(&at_bot.to_lowercase()),
                _ => false,
            }
        })
    }
}

pub(super) fn unix_seconds() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}
