//! Which agent and which session a message belongs to. Pure: configuration and facts in, a target out.

mod channel;

pub(crate) use channel::{ChannelPlace, channel_target};
use chela_protocol::{AgentId, ErrorCode, RpcError, SessionKey, SessionKeyError};
use serde_json::json;

use crate::sessions::{AgentBook, UnknownAgent};

/// Where a message goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub agent: AgentId,
    pub session: SessionKey,
}

/// Why a client's words name no target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RouteError {
    #[error(transparent)]
    Key(#[from] SessionKeyError),
    #[error(transparent)]
    Agent(#[from] UnknownAgent),
    #[error("the session `{session}` belongs to agent \"{owner}\", not to \"{asked}\"")]
    OtherAgent { session: SessionKey, owner: AgentId, asked: AgentId },
}

/// The target that a client names: a key, an agent, both or neither. Only agents that are configured can be named.
pub(crate) fn client_target(
    book: &AgentBook,
    session: Option<&str>,
    agent: Option<&str>,
) -> Result<Target, RouteError> {
    let asked = match agent {
        Some(agent) => Some(book.profile(&AgentId::new(agent))?.id.clone()),
        None => None,
    };
    let default = asked.clone().unwrap_or_else(|| book.default_agent().id.clone());
    let session = match session {
        Some(text) => SessionKey::parse(text, &default)?,
        None => SessionKey::main(&default),
    };
    let owner = session.agent();
    match asked {
        Some(asked) if asked != owner => Err(RouteError::OtherAgent { session, owner, asked }),
        _ => {
            book.profile(&owner)?;
            Ok(Target { agent: owner, session })
        }
    }
}

impl From<RouteError> for RpcError {
    fn from(error: RouteError) -> Self {
        let details = match &error {
            RouteError::Agent(UnknownAgent(agent)) => Some(json!({ "code": "UNKNOWN_AGENT_ID", "agentId": agent })),
            RouteError::Key(_) | RouteError::OtherAgent { .. } => None,
        };
        Self { details, ..Self::new(ErrorCode::InvalidRequest, error.to_string()) }
    }
}
