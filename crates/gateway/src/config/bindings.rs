//! `bindings[]`: which agent answers where. Shape: OpenClaw's route bindings.

use serde::{Deserialize, Serialize};

/// Sends what matches to an agent. The most specific match wins; the first among equals.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Binding {
    /// The agent that answers.
    pub agent_id: String,
    /// A note for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// What the binding applies to.
    #[serde(rename = "match")]
    pub matches: BindingMatch,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BindingMatch {
    /// The channel, for example `discord`.
    pub channel: String,
    /// One login on the channel; `*` for any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// One chat on the channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<BindingPeer>,
    /// A Discord server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guild_id: Option<String>,
    /// A Slack or Teams workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team_id: Option<String>,
    /// Discord roles, any of which the sender holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, schemars::JsonSchema)]
pub struct BindingPeer {
    /// `direct`, `group` or `channel`; January's `dm` means `direct`.
    pub kind: String,
    /// The platform's id of the chat.
    pub id: String,
}
