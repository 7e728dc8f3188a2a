//! Sessions: which conversation stands behind each key, and what was chosen for it.

use chela_protocol::{AgentId, SessionId, SessionKey};
use serde::{Deserialize, Serialize};

use crate::{Store, StoreError};

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
    /// Sums over this conversation.
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub cache_read_tokens: u64,
    pub cache_write_tokens: u64,
    /// Whole input of the last call: what the context holds.
    pub context_tokens: u64,
    /// How the last turn ended, once there was one.
    pub last_state: Option<crate::InboxState>,
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
    pub category: Option<String>,
    pub archived: bool,
    pub pinned: bool,
    pub unread: bool,
}

/// Changes to [`SessionSettings`]. `None` in a patch leaves a field, `Some(None)` clears it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionPatch {
    #[serde(skip_serializing_if = "Option::is_none", with = "double_option")]
    pub label: Option<Option<String>>,
    /// `provider/model`.
    #[serde(skip_serializing_if = "Option::is_none", with = "double_option")]
    pub model: Option<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none", with = "double_option")]
    pub thinking_level: Option<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none", with = "double_option")]
    pub verbose_level: Option<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none", with = "double_option")]
    pub reasoning_level: Option<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none", with = "double_option")]
    pub category: Option<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archived: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unread: Option<bool>,
}

/// Tells an absent field from `null`.
mod double_option {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::option_option, reason = "absent and null differ in a patch")]
    pub(super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Option<T>>, D::Error> {
        Option::deserialize(deserializer).map(Some)
    }

    #[expect(clippy::option_option, clippy::ref_option, reason = "serde's signature")]
    pub(super) fn serialize<T: Serialize, S: Serializer>(
        value: &Option<Option<T>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_ref().and_then(Option::as_ref).serialize(serializer)
    }
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
    pub limit: usize,
    pub offset: usize,
}

impl Store {
    /// Finds or creates the session of a key.
    pub async fn ensure_session(&self, key: &SessionKey, agent: &AgentId, now_ms: i64) -> Result<Session, StoreError> {
        todo!()
    }

    pub async fn session(&self, key: &SessionKey) -> Result<Option<Session>, StoreError> {
        todo!()
    }

    /// Newest first, with the number of sessions that match in all.
    pub async fn sessions(&self, filter: SessionFilter) -> Result<(Vec<Session>, usize), StoreError> {
        todo!()
    }

    /// Applies the fields that are set.
    pub async fn patch_session(
        &self,
        key: &SessionKey,
        patch: SessionPatch,
        now_ms: i64,
    ) -> Result<Session, StoreError> {
        todo!()
    }

    /// Gives the key a new, empty conversation; the old items stay and can be searched.
    pub async fn reset_session(&self, key: &SessionKey, now_ms: i64) -> Result<Session, StoreError> {
        todo!()
    }

    /// Forgets the key, and with `transcript` every item of its conversations too. Returns whether it existed.
    pub async fn delete_session(&self, key: &SessionKey, transcript: bool) -> Result<bool, StoreError> {
        todo!()
    }
}
