//! Accepted inbound messages, from the moment their sender may forget them until they are answered.

use chela_protocol::{AgentId, RunId, SessionKey};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Store, StoreError};

/// Row number; grows with each accept, so it orders the inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InboxId(pub i64);

/// A message to accept. `(channel, account, platform_id)` names it for ever: the same triple is accepted once.
#[derive(Debug, Clone, PartialEq)]
pub struct NewInbound {
    /// `webchat` for WebSocket clients, `http` for the OpenAI endpoints, else the channel's id.
    pub channel: String,
    pub account: String,
    /// The platform's id of the message; a client's idempotency key.
    pub platform_id: String,
    pub session: SessionKey,
    pub agent: AgentId,
    pub run: RunId,
    /// Everything the turn needs to run it again after a crash; the agent crate owns its shape.
    pub body: Value,
    pub received_at_ms: i64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct InboxRow {
    pub id: InboxId,
    pub channel: String,
    pub account: String,
    pub platform_id: String,
    pub session: SessionKey,
    pub agent: AgentId,
    pub run: RunId,
    pub body: Value,
    pub state: InboxState,
    /// How often a turn was begun for it; more than once only after crashes.
    pub attempts: u32,
    pub received_at_ms: i64,
    pub closed_at_ms: Option<i64>,
    /// How it ended, for `agent.wait` and for repeated requests: final text or error message.
    pub result: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InboxState {
    Queued,
    Running,
    Done,
    Failed,
    Aborted,
}

impl InboxState {
    pub fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::Running)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Accepted {
    New(InboxRow),
    /// The triple was accepted before; the row says how far it came.
    Duplicate(InboxRow),
}

impl Store {
    /// Makes a message durable, or finds the one that has its triple. Creates the session if the key is new.
    pub async fn accept(&self, message: NewInbound) -> Result<Accepted, StoreError> {
        todo!()
    }

    /// Every open row, oldest first: what a start must run again.
    pub async fn open_inbox(&self) -> Result<Vec<InboxRow>, StoreError> {
        todo!()
    }

    /// Open rows of one session, oldest first.
    pub async fn open_inbox_of(&self, session: &SessionKey) -> Result<Vec<InboxRow>, StoreError> {
        todo!()
    }

    /// The newest row of this run.
    pub async fn inbox_by_run(&self, run: &RunId) -> Result<Option<InboxRow>, StoreError> {
        todo!()
    }

    /// Closes an open row without a turn (aborted while queued, or refused). No-op when it is closed already.
    pub async fn close_inbox(
        &self,
        id: InboxId,
        state: InboxState,
        result: Option<String>,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        todo!()
    }
}
