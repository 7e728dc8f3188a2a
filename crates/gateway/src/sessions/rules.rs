//! What the configuration says about the answers of a session, and what was chosen for the session itself.

use std::sync::Arc;

use chela_agent::{ReasoningLevel, SendPolicy, TurnDefaults, VerboseLevel};
use chela_protocol::SessionKey;
use chela_store::{InboxRow, SessionSettings};

use super::row::kind_of;
use crate::app::Gateway;
use crate::config::Config;

/// What holds for turns of a session where neither the message nor the session says otherwise.
pub(crate) fn defaults_of(config: &Config, session: &SessionKey, channel: &str) -> TurnDefaults {
    TurnDefaults {
        response_usage: config.messages.response_usage.of(channel),
        send_policy: config.session.send_policy.of(channel, kind_of(session), session),
    }
}

/// What was chosen for a session; nothing where it can't be read, since an answer is worth more than its manner.
pub(super) async fn chosen_for(gateway: &Arc<Gateway>, session: &SessionKey) -> SessionSettings {
    match gateway.store.session(session).await {
        Ok(stored) => stored.map(|stored| stored.settings).unwrap_or_default(),
        Err(error) => {
            tracing::warn!(%error, %session, "what was chosen for a session can't be read; this turn goes by the configuration");
            SessionSettings::default()
        }
    }
}

/// What a chat is shown of a turn while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Showing {
    /// The answer goes to the chat at all.
    pub(crate) sends: bool,
    pub(crate) reasoning: ReasoningLevel,
    pub(crate) verbose: VerboseLevel,
}

impl Showing {
    pub(super) fn of(row: &InboxRow, chosen: &SessionSettings, defaults: TurnDefaults) -> Self {
        // The rest of a body may be megabytes.
        let own = |field: &str| row.body.get(field).and_then(serde_json::Value::as_str);
        let send = chosen.send_policy.as_deref().and_then(SendPolicy::parse).unwrap_or(defaults.send_policy);
        let reasoning = own("reasoning").or(chosen.reasoning_level.as_deref());
        let verbose = own("verbose").or(chosen.verbose_level.as_deref());
        Self {
            sends: send == SendPolicy::Allow,
            reasoning: reasoning.and_then(ReasoningLevel::parse).unwrap_or_default(),
            verbose: verbose.and_then(VerboseLevel::parse).unwrap_or_default(),
        }
    }

    /// Messages of their own come before the answer: a preview would stand above them.
    pub(crate) fn is_told_in_messages(self) -> bool {
        self.reasoning == ReasoningLevel::On || self.verbose != VerboseLevel::Off
    }
}
