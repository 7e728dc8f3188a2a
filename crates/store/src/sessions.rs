//! Sessions: which conversation stands behind each key, and what was chosen for it.

use chela_protocol::{AgentId, SessionId, SessionKey};
use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::sql::{self, Count, Key};
use crate::{InboxState, Store, StoreError};

/// A session as it stands now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    pub key: SessionKey,
    pub id: SessionId,
    pub agent: AgentId,
    pub created_at_ms: i64,
    pub updated_at_ms: i64,
    /// When this conversation (this id) began.
    pub started_at_ms: i64,
    pub settings: SessionSettings,
    /// Items of this conversation.
    pub items: i64,
    /// Summaries of its older part that were ever written.
    pub summaries: u64,
    /// Sums over this conversation.
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub cache_read_tokens: u64,
    pub cache_write_tokens: u64,
    /// Whole input of the last call: what the context holds.
    pub context_tokens: u64,
    /// How the last turn ended, once there was one.
    pub last_state: Option<InboxState>,
}

/// What people chose for a session.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionSettings {
    pub label: Option<String>,
    /// `provider/model`.
    pub model: Option<String>,
    pub thinking_level: Option<String>,
    pub verbose_level: Option<String>,
    pub reasoning_level: Option<String>,
    /// `off`, `tokens` or `full`.
    pub response_usage: Option<String>,
    /// `allow` or `deny`.
    pub send_policy: Option<String>,
    /// `mention` or `always`.
    pub group_activation: Option<String>,
    pub queue: SessionQueue,
    pub expiry: SessionExpiry,
    pub category: Option<String>,
    pub archived: bool,
    pub pinned: bool,
    pub unread: bool,
}

/// What happens to messages of a session that come while a turn runs, as far as it was chosen.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionQueue {
    /// `steer`, `followup`, `collect` or `interrupt`.
    pub mode: Option<String>,
    pub debounce_ms: Option<i64>,
    pub cap: Option<i64>,
    /// `old`, `new` or `summarize`.
    pub drop: Option<String>,
}

/// When a session's conversation ends by itself, as far as it was chosen; 0 for never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionExpiry {
    /// After this silence.
    pub idle_minutes: Option<i64>,
    /// This long after it began.
    pub max_age_minutes: Option<i64>,
}

/// Changes to [`SessionSettings`]. `None` in a patch leaves a field, `Some(None)` clears it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SessionPatch {
    pub label: Option<Option<String>>,
    /// `provider/model`.
    pub model: Option<Option<String>>,
    pub thinking_level: Option<Option<String>>,
    pub verbose_level: Option<Option<String>>,
    pub reasoning_level: Option<Option<String>>,
    pub response_usage: Option<Option<String>>,
    pub send_policy: Option<Option<String>>,
    pub group_activation: Option<Option<String>>,
    pub queue: Option<SessionQueue>,
    pub expiry: Option<SessionExpiry>,
    pub category: Option<Option<String>>,
    pub archived: Option<bool>,
    pub pinned: Option<bool>,
    pub unread: Option<bool>,
}

/// Which sessions a list shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionFilter {
    pub agent: Option<AgentId>,
    /// Case-insensitive part of the key or label.
    pub search: Option<String>,
    /// `None`: both.
    pub archived: Option<bool>,
    pub updated_since_ms: Option<i64>,
    /// 0: no limit.
    pub limit: usize,
    pub offset: usize,
}

/// Every query of sessions: one row a key, with its current conversation.
macro_rules! select_sessions {
    ($($tail:expr),+) => {
        concat!(
            "SELECT s.*, c.id, c.started_at_ms, c.items, c.summaries, c.input_tokens, c.output_tokens,
                    c.cache_read_tokens, c.cache_write_tokens, c.context_tokens
             FROM sessions s JOIN conversations c ON c.number = s.conversation ",
            $($tail),+
        )
    };
}

/// The conditions of a [`SessionFilter`], as parameters 1 to 4.
macro_rules! matching {
    () => {
        "WHERE (?1 IS NULL OR s.agent = ?1) AND (?2 IS NULL OR instr(s.search_text, ?2) > 0)
           AND (?3 IS NULL OR s.archived = ?3) AND (?4 IS NULL OR s.updated_at_ms >= ?4) "
    };
}

impl Store {
    /// Finds or creates the session of a key.
    pub async fn ensure_session(&self, key: &SessionKey, agent: &AgentId, now_ms: i64) -> Result<Session, StoreError> {
        if let Some(session) = self.session(key).await? {
            return Ok(session);
        }
        let (key, agent) = (key.clone(), agent.clone());
        self.write(move |c| {
            ensure(c, &key, &agent, now_ms)?;
            existing(c, &key)
        })
        .await
    }

    pub async fn session(&self, key: &SessionKey) -> Result<Option<Session>, StoreError> {
        let key = key.clone();
        self.read(move |c| find(c, &key)).await
    }

    /// The session that a conversation belongs to, be it the current one or one before a reset; the answer's `id` is
    /// that of the current one.
    pub async fn session_by_id(&self, id: &SessionId) -> Result<Option<Session>, StoreError> {
        let id = id.to_string();
        self.read(move |c| {
            let owner = select_sessions!("WHERE s.key = (SELECT session_key FROM conversations WHERE id = ?1)");
            sql::first(c, owner, [id], read)
        })
        .await
    }

    /// The sessions that were used last, newest first.
    pub async fn recent_sessions(&self, limit: usize) -> Result<Vec<Session>, StoreError> {
        self.read(move |c| {
            let recent = select_sessions!("ORDER BY s.updated_at_ms DESC, s.key LIMIT ?1");
            sql::all(c, recent, [sql::limit(limit)], read)
        })
        .await
    }

    /// Newest first, with the number of sessions that match in all.
    pub async fn sessions(&self, filter: SessionFilter) -> Result<(Vec<Session>, usize), StoreError> {
        self.scan(move |c| {
            let agent = filter.agent.as_ref().map(AgentId::as_str);
            let search = filter.search.as_deref().map(str::to_lowercase);
            let limit = if filter.limit == 0 { usize::MAX } else { filter.limit };
            let count = concat!("SELECT count(*) FROM sessions s ", matching!());
            let params = params![agent, search, filter.archived, filter.updated_since_ms];
            let Count(total) = sql::only(c, count, params, |row| row.get(0))?;
            let page = select_sessions!(matching!(), "ORDER BY s.updated_at_ms DESC, s.key LIMIT ?5 OFFSET ?6");
            let (limit, offset) = (sql::limit(limit), sql::limit(filter.offset));
            let params = params![agent, search, filter.archived, filter.updated_since_ms, limit, offset];
            Ok((sql::all(c, page, params, read)?, usize::try_from(total).unwrap_or(usize::MAX)))
        })
        .await
    }

    /// Applies the fields that are set.
    pub async fn patch_session(
        &self,
        key: &SessionKey,
        patch: SessionPatch,
        now_ms: i64,
    ) -> Result<Session, StoreError> {
        let key = key.clone();
        self.write(move |c| {
            let mut session = existing(c, &key)?;
            patch.apply(&mut session.settings);
            session.updated_at_ms = session.updated_at_ms.max(now_ms);
            save_settings(c, &session)?;
            Ok(session)
        })
        .await
    }

    /// Gives the key a new, empty conversation; the old items stay and can be searched. Settings stay too. A key
    /// without a session gets one.
    pub async fn reset_session(&self, key: &SessionKey, now_ms: i64) -> Result<Session, StoreError> {
        let key = key.clone();
        self.write(move |c| {
            if !ensure(c, &key, &key.agent(), now_ms)? {
                let conversation = new_conversation(c, &key, now_ms)?;
                let reset = "UPDATE sessions SET conversation = ?2, updated_at_ms = max(updated_at_ms, ?3),
                                    last_state = NULL
                             WHERE key = ?1";
                sql::execute(c, reset, params![key.as_str(), conversation, now_ms])?;
            }
            existing(c, &key)
        })
        .await
    }

    /// Removes up to `most` conversations, with every item, that began before this time and that no session is in any more; the
    /// oldest first. Returns how many went.
    pub async fn forget_past_conversations(&self, before_ms: i64, most: usize) -> Result<usize, StoreError> {
        self.write(move |c| {
            let past = "SELECT number FROM conversations WHERE started_at_ms < ?1
                        AND number NOT IN (SELECT conversation FROM sessions) ORDER BY started_at_ms, number LIMIT ?2";
            let numbers: Vec<i64> = sql::all(c, past, [before_ms, sql::limit(most)], |row| row.get(0))?;
            for number in &numbers {
                for delete in DELETE_CONVERSATION {
                    sql::execute(c, delete, [number])?;
                }
            }
            Ok(numbers.len())
        })
        .await
    }

    /// Removes what sessions of a kind, as `cron` in `agent:main:cron:7`, hold that is older than this time, with every item: their past
    /// conversations that began before it, and sessions in which nothing happened since. One that is pinned, has a label, or waits for
    /// an answer stays. Removes up to `most` of either, the oldest first, and returns how many went.
    pub async fn forget_sessions_of(&self, kind: &str, before_ms: i64, most: usize) -> Result<usize, StoreError> {
        let kind = format!(":{kind}:");
        self.write(move |c| {
            let past = "SELECT c.number FROM sessions s JOIN conversations c ON c.session_key = s.key
                        WHERE substr(s.key, 7 + length(s.agent), length(?1)) = ?1 AND c.number <> s.conversation
                        AND c.started_at_ms < ?2 ORDER BY c.started_at_ms, c.number LIMIT ?3";
            let limit = sql::limit(most);
            let values = params![kind, before_ms, limit];
            let past: Vec<i64> = sql::all(c, past, values, |row| row.get(0))?;
            for (number, part) in past.iter().flat_map(|number| DELETE_CONVERSATION.map(|part| (number, part))) {
                sql::execute(c, part, [number])?;
            }
            let still = "SELECT key FROM sessions WHERE substr(key, 7 + length(agent), length(?1)) = ?1
                         AND updated_at_ms < ?2 AND pinned = 0 AND label IS NULL
                         AND NOT EXISTS (SELECT 1 FROM inbox WHERE session_key = key AND closed_at_ms IS NULL)
                         ORDER BY updated_at_ms, key LIMIT ?3";
            let still: Vec<String> = sql::all(c, still, values, |row| row.get(0))?;
            for key in &still {
                sql::execute(c, "DELETE FROM sessions WHERE key = ?1", [key])?;
                for part in DELETE_TRANSCRIPT {
                    sql::execute(c, part, [key])?;
                }
            }
            Ok(past.len() + still.len())
        })
        .await
    }

    /// Forgets the key, and with `transcript` every item of its conversations too. Returns whether it existed.
    ///
    /// Messages of it that were not answered yet are closed as aborted: nothing may bring the session back.
    pub async fn delete_session(&self, key: &SessionKey, transcript: bool) -> Result<bool, StoreError> {
        let key = key.to_string();
        self.write(move |c| {
            let close = "UPDATE inbox SET state = ?2, closed_at_ms = received_at_ms
                         WHERE session_key = ?1 AND closed_at_ms IS NULL";
            sql::execute(c, close, params![key, InboxState::Aborted])?;
            let existed = sql::execute(c, "DELETE FROM sessions WHERE key = ?1", [&key])? > 0;
            if transcript {
                for part in DELETE_TRANSCRIPT {
                    sql::execute(c, part, [&key])?;
                }
            }
            Ok(existed)
        })
        .await
    }
}

/// What conversations hold, in the order in which rows refer to each other; the number of one is the parameter.
const DELETE_CONVERSATION: [&str; 3] = [
    "DELETE FROM items_fts WHERE rowid IN (SELECT number FROM items WHERE conversation = ?1)",
    "DELETE FROM items WHERE conversation = ?1",
    "DELETE FROM conversations WHERE number = ?1",
];

/// What a key's conversations hold, in the order in which rows refer to each other.
const DELETE_TRANSCRIPT: [&str; 3] = [
    "DELETE FROM items_fts WHERE rowid IN (SELECT number FROM items WHERE conversation IN
        (SELECT number FROM conversations WHERE session_key = ?1))",
    "DELETE FROM items WHERE conversation IN (SELECT number FROM conversations WHERE session_key = ?1)",
    "DELETE FROM conversations WHERE session_key = ?1",
];

impl SessionPatch {
    /// Writes the fields that are set over `settings`.
    pub fn apply(self, settings: &mut SessionSettings) {
        set(&mut settings.label, self.label);
        set(&mut settings.model, self.model);
        set(&mut settings.thinking_level, self.thinking_level);
        set(&mut settings.verbose_level, self.verbose_level);
        set(&mut settings.reasoning_level, self.reasoning_level);
        set(&mut settings.response_usage, self.response_usage);
        set(&mut settings.send_policy, self.send_policy);
        set(&mut settings.group_activation, self.group_activation);
        set(&mut settings.queue, self.queue);
        set(&mut settings.expiry, self.expiry);
        set(&mut settings.category, self.category);
        set(&mut settings.archived, self.archived);
        set(&mut settings.pinned, self.pinned);
        set(&mut settings.unread, self.unread);
    }
}

fn set<T>(field: &mut T, change: Option<T>) {
    if let Some(value) = change {
        *field = value;
    }
}

/// Creates the session of a key if there is none. Returns whether it did.
pub(crate) fn ensure(
    connection: &Connection,
    key: &SessionKey,
    agent: &AgentId,
    now_ms: i64,
) -> Result<bool, StoreError> {
    let known = "SELECT 1 FROM sessions WHERE key = ?1";
    if sql::first(connection, known, [key.as_str()], |_| Ok(()))?.is_some() {
        return Ok(false);
    }
    let conversation = new_conversation(connection, key, now_ms)?;
    insert(connection, key, agent, conversation, [now_ms, now_ms])?;
    Ok(true)
}

/// The session of a key that has none, with a conversation that is there; when it began and when something last happened in it.
pub(crate) fn insert(
    connection: &Connection,
    key: &SessionKey,
    agent: &AgentId,
    conversation: i64,
    [created_at_ms, updated_at_ms]: [i64; 2],
) -> Result<(), StoreError> {
    let insert = "INSERT INTO sessions (key, agent, conversation, created_at_ms, updated_at_ms, search_text)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let text = search_text(key, None);
    let params = params![key.as_str(), agent.as_str(), conversation, created_at_ms, updated_at_ms, text];
    sql::execute(connection, insert, params).map(drop)
}

/// Puts these choices in the place of those that a session has.
pub(crate) fn choose(connection: &Connection, key: &SessionKey, settings: &SessionSettings) -> Result<(), StoreError> {
    let session = existing(connection, key)?;
    save_settings(connection, &Session { settings: settings.clone(), ..session })
}

/// Notes that something happened in the session whose current conversation this is, and how its turn ended if one did.
pub(crate) fn touch(
    connection: &Connection,
    conversation: i64,
    last_state: Option<InboxState>,
    now_ms: i64,
) -> Result<(), StoreError> {
    let touch = "UPDATE sessions SET updated_at_ms = max(updated_at_ms, ?2), last_state = coalesce(?3, last_state)
                 WHERE conversation = ?1";
    sql::execute(connection, touch, params![conversation, now_ms, last_state]).map(drop)
}

fn new_conversation(connection: &Connection, key: &SessionKey, now_ms: i64) -> Result<i64, StoreError> {
    conversation_with_id(connection, &SessionId::new(Uuid::new_v4().to_string()), key, now_ms)
}

/// An empty conversation of a key, and its number.
pub(crate) fn conversation_with_id(
    connection: &Connection,
    id: &SessionId,
    key: &SessionKey,
    now_ms: i64,
) -> Result<i64, StoreError> {
    let insert = "INSERT INTO conversations (id, session_key, started_at_ms) VALUES (?1, ?2, ?3)";
    sql::execute(connection, insert, params![id.as_str(), key.as_str(), now_ms])?;
    Ok(connection.last_insert_rowid())
}

fn find(connection: &Connection, key: &SessionKey) -> Result<Option<Session>, StoreError> {
    sql::first(connection, select_sessions!("WHERE s.key = ?1"), [key.as_str()], read)
}

fn existing(connection: &Connection, key: &SessionKey) -> Result<Session, StoreError> {
    find(connection, key)?.ok_or_else(|| StoreError::NotFound { thing: "session", id: key.to_string() })
}

fn save_settings(connection: &Connection, session: &Session) -> Result<(), StoreError> {
    let save =
        "UPDATE sessions SET updated_at_ms = ?2, label = ?3, model = ?4, thinking_level = ?5, verbose_level = ?6,
                       reasoning_level = ?7, category = ?8, archived = ?9, pinned = ?10, unread = ?11, search_text = ?12,
                       response_usage = ?13, send_policy = ?14, group_activation = ?15, queue_mode = ?16,
                       queue_debounce_ms = ?17, queue_cap = ?18, queue_drop = ?19, idle_minutes = ?20,
                       max_age_minutes = ?21
                WHERE key = ?1";
    let settings = &session.settings;
    let params = params![
        session.key.as_str(),
        session.updated_at_ms,
        settings.label,
        settings.model,
        settings.thinking_level,
        settings.verbose_level,
        settings.reasoning_level,
        settings.category,
        settings.archived,
        settings.pinned,
        settings.unread,
        search_text(&session.key, settings.label.as_deref()),
        settings.response_usage,
        settings.send_policy,
        settings.group_activation,
        settings.queue.mode,
        settings.queue.debounce_ms,
        settings.queue.cap,
        settings.queue.drop,
        settings.expiry.idle_minutes,
        settings.expiry.max_age_minutes,
    ];
    sql::execute(connection, save, params).map(drop)
}

fn search_text(key: &SessionKey, label: Option<&str>) -> String {
    format!("{key}\n{}", label.unwrap_or_default()).to_lowercase()
}

fn read(row: &Row<'_>) -> rusqlite::Result<Session> {
    let Key(key) = row.get("key")?;
    let count = |column: &str| row.get(column).map(|Count(count)| count);
    Ok(Session {
        key,
        id: sql::id(row, "id")?,
        agent: sql::id(row, "agent")?,
        created_at_ms: row.get("created_at_ms")?,
        updated_at_ms: row.get("updated_at_ms")?,
        started_at_ms: row.get("started_at_ms")?,
        settings: read_settings(row)?,
        items: row.get("items")?,
        summaries: count("summaries")?,
        input_tokens: count("input_tokens")?,
        output_tokens: count("output_tokens")?,
        cache_read_tokens: count("cache_read_tokens")?,
        cache_write_tokens: count("cache_write_tokens")?,
        context_tokens: count("context_tokens")?,
        last_state: row.get("last_state")?,
    })
}

fn read_settings(row: &Row<'_>) -> rusqlite::Result<SessionSettings> {
    Ok(SessionSettings {
        label: row.get("label")?,
        model: row.get("model")?,
        thinking_level: row.get("thinking_level")?,
        verbose_level: row.get("verbose_level")?,
        reasoning_level: row.get("reasoning_level")?,
        response_usage: row.get("response_usage")?,
        send_policy: row.get("send_policy")?,
        group_activation: row.get("group_activation")?,
        queue: SessionQueue {
            mode: row.get("queue_mode")?,
            debounce_ms: row.get("queue_debounce_ms")?,
            cap: row.get("queue_cap")?,
            drop: row.get("queue_drop")?,
        },
        expiry: SessionExpiry { idle_minutes: row.get("idle_minutes")?, max_age_minutes: row.get("max_age_minutes")? },
        category: row.get("category")?,
        archived: row.get("archived")?,
        pinned: row.get("pinned")?,
        unread: row.get("unread")?,
    })
}
