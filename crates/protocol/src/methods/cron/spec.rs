//! What a job does and when, as clients write it and the store keeps it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a job does and when: the parameters of `cron.add`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CronSpec {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declaration_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whose job it is; the default agent's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// The conversation in which it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_key: Option<String>,
    pub enabled: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_after_run: Option<bool>,
    pub schedule: CronSchedule,
    pub session_target: CronTarget,
    pub wake_mode: CronWake,
    pub payload: CronPayload,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<CronDelivery>,
    /// What is told of its failures; the configuration's rule when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_alert: Option<CronAlertChoice>,
}

/// When a job is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub enum CronSchedule {
    /// Once.
    At {
        /// RFC 3339 with a zone or offset; without one it is UTC.
        at: String,
    },
    Every {
        every_ms: i64,
        /// A time from which it is counted; the time of its making when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        anchor_ms: Option<i64>,
    },
    Cron {
        /// Five fields, or six with seconds first.
        expr: String,
        /// IANA name of a time zone; the agents' one when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tz: Option<String>,
        /// The job comes later by a part of this that is its own; zero for the very time. When absent, what is due each hour at its
        /// full has five minutes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stagger_ms: Option<i64>,
    },
}

/// In which conversation a job runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum CronTarget {
    /// The direct conversation with the agent's owner.
    Main,
    /// One of its own, which begins anew with each run.
    Isolated,
    /// The one in which it was made.
    Current,
    /// The one of this key.
    Session(String),
}

impl From<String> for CronTarget {
    fn from(text: String) -> Self {
        match text.as_str() {
            "main" => Self::Main,
            "current" => Self::Current,
            other => match other.strip_prefix("session:") {
                Some(key) => Self::Session(key.to_owned()),
                None => Self::Isolated,
            },
        }
    }
}

impl From<CronTarget> for String {
    fn from(target: CronTarget) -> Self {
        match target {
            CronTarget::Main => "main".to_owned(),
            CronTarget::Isolated => "isolated".to_owned(),
            CronTarget::Current => "current".to_owned(),
            CronTarget::Session(key) => format!("session:{key}"),
        }
    }
}

/// Whether a job waits for a heartbeat. Where no heartbeat beats, both mean now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CronWake {
    NextHeartbeat,
    Now,
}

/// What a job says to the agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum CronPayload {
    /// A word of the house, for the main conversation.
    SystemEvent { text: String },
    /// A turn.
    AgentTurn {
        message: String,
        /// `provider/model` or an alias; the agent's own when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        thinking: Option<String>,
        /// Zero: as long as a turn may at most.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout_seconds: Option<u64>,
        /// The only tools that it may use.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tools_allow: Option<Vec<String>>,
    },
}

impl CronPayload {
    /// What the agent is told.
    pub fn text(&self) -> &str {
        match self {
            Self::SystemEvent { text } => text,
            Self::AgentTurn { message, .. } => message,
        }
    }
}

/// Where the answer of a job goes besides its conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CronDelivery {
    pub mode: CronDeliveryMode,
    /// A channel's id, or `last`: where an owner last spoke with the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// A chat of the channel, or an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// A topic of the chat: a text or a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread_id: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// A run whose answer could not be delivered is no failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_effort: Option<bool>,
    /// Where failures are told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_destination: Option<CronAlertPlace>,
}

impl CronDelivery {
    /// To a chat, where nothing says which.
    pub fn announce() -> Self {
        Self {
            mode: CronDeliveryMode::Announce,
            channel: None,
            to: None,
            thread_id: None,
            account_id: None,
            best_effort: None,
            failure_destination: None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CronDeliveryMode {
    None,
    /// To a chat.
    Announce,
    /// By a POST of the event `finished` to the address in `to`.
    Webhook,
}

/// `failureAlert` of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum CronAlertChoice {
    /// `false`: nothing is told. The reader refuses `true`.
    Never(bool),
    When(CronFailureAlert),
}

/// When failures of a job are told, and where; what is absent is as the configuration says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CronFailureAlert {
    /// Failures in a row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<u32>,
    /// Least time between two alerts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cooldown_ms: Option<u64>,
    /// Whether times count at which it was due and did not run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include_skipped: Option<bool>,
    #[serde(flatten)]
    pub place: CronAlertPlace,
}

/// Where failures are told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CronAlertPlace {
    /// `announce`, the only one there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<CronDeliveryMode>,
    /// A channel's id, or `last`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// A chat of the channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
}

impl CronAlertPlace {
    /// Whether it names any part of a place.
    pub fn is_named(&self) -> bool {
        self.channel.is_some() || self.to.is_some() || self.account_id.is_some()
    }
}
