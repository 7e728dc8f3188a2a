//! `messages`: what happens to messages on their way in.

use chela_protocol::methods::chat::QueueMode;
use serde::{Deserialize, Serialize};

/// Settings of incoming messages.
#[derive(Debug, Clone, Default, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct MessagesConfig {
    pub queue: QueueConfig,
}

/// `messages.queue`.
#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct QueueConfig {
    /// What happens to a message that arrives while a turn runs: `followup` gives it its own turn, `steer` puts it into the
    /// running one, `collect` answers all that wait together, `interrupt` stops the running one.
    #[schemars(with = "String")]
    pub mode: QueueMode,
}
