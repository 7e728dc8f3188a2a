//! `channels.*`: accounts on chat platforms, the people they let in, and replies that could not be delivered.
//!
//! `channels.status` has the reference system's shape; pairing and dead letters are our own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ChannelsStatusParams {
    /// Asks the platforms as well: who we are there, and what is missing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub probe: bool,
    /// Longest time for one platform, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Only this channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelsStatusResult {
    pub ts: i64,
    pub channel_order: Vec<String>,
    pub channel_labels: BTreeMap<String, String>,
    /// By channel: how its default account stands.
    pub channels: BTreeMap<String, ChannelAccountStatus>,
    pub channel_accounts: BTreeMap<String, Vec<ChannelAccountStatus>>,
    pub channel_default_account_id: BTreeMap<String, String>,
    /// What is not as it should be, one plain sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub status_issues: Vec<ChannelIssue>,
}

/// One account. Times are Unix milliseconds.
#[expect(clippy::struct_excessive_bools, reason = "the reference system's fields")]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelAccountStatus {
    pub account_id: String,
    /// Who we are there, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub enabled: bool,
    /// There is a token to try.
    pub configured: bool,
    /// Somebody keeps it open.
    pub running: bool,
    /// The inbound side has proved itself within 90 s.
    pub connected: bool,
    /// `stopped`, `connecting`, `connected`, `reconnecting`, `failed`, or `silent`: connected as it says, and not heard of.
    pub health_state: String,
    pub reconnect_attempts: u32,
    pub last_connected_at: Option<i64>,
    pub last_error: Option<String>,
    pub last_start_at: Option<i64>,
    pub last_inbound_at: Option<i64>,
    pub last_outbound_at: Option<i64>,
    /// Last proof that the inbound side lives.
    pub last_transport_activity_at: Option<i64>,
    /// `socket`, `polling` or `webhook`.
    pub mode: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dm_policy: Option<String>,
    /// `env` or `config`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_source: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_probe_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<ChannelProbe>,
}

/// What the platform said when it was asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelProbe {
    pub ok: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What is missing, one plain sentence each.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// Facts for people, in order.
    #[serde(default)]
    pub facts: Vec<(String, String)>,
    pub elapsed_ms: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelIssue {
    pub channel: String,
    pub account_id: String,
    /// `permissions`, `config` or `runtime`, of the reference system's words.
    pub kind: String,
    pub message: String,
}

/// Of `channels.start` and `channels.stop`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelParams {
    pub channel: String,
    /// All of the channel when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
}

/// Result of `channels.logout`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelLogoutResult {
    pub channel: String,
    pub account_id: String,
    /// Whether a stored login is gone. Never for a platform whose bots hold a token: that stands where its owner wrote it.
    pub cleared: bool,
    /// The account is stopped, and stays so until it is started or the gateway is.
    pub logged_out: bool,
    /// The token comes from the environment.
    pub env_token: bool,
    /// What is left to do, in words.
    pub message: String,
}

/// Of `web.login.start` and `web.login.wait`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WebLoginParams {
    pub channel: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelChangedResult {
    pub channel: String,
    pub account_ids: Vec<String>,
}

/// Of `channels.pairing.list`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PairingListParams {
    /// Only this channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PairingListResult {
    /// Strangers who wait with a code.
    pub pending: Vec<PendingSender>,
    /// People who were let in.
    pub paired: Vec<PairedPerson>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PendingSender {
    pub channel: String,
    pub account_id: String,
    pub sender: String,
    pub name: String,
    pub code: String,
    pub requested_at_ms: i64,
    pub expires_at_ms: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PairedPerson {
    pub channel: String,
    pub account_id: String,
    pub sender: String,
    pub name: String,
    pub owner: bool,
    pub approved_at_ms: i64,
}

/// Of `channels.pairing.approve` and `channels.pairing.reject`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairingCodeParams {
    pub channel: String,
    pub code: String,
}

/// Of `channels.pairing.remove`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PairedSenderParams {
    pub channel: String,
    /// On every account of the channel when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    pub sender: String,
}

/// Of `channels.deadLetters.list`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeadLettersParams {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLettersResult {
    /// Newest first.
    pub letters: Vec<DeadLetter>,
}

/// A reply that was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    pub id: i64,
    pub channel: String,
    pub account_id: String,
    pub chat: String,
    pub session_key: String,
    /// The beginning of what was to be said.
    pub text: String,
    pub attempts: u32,
    /// Parts of it that the platform has.
    pub parts_sent: u32,
    pub error: Option<String>,
    pub created_at_ms: i64,
}

/// Of `channels.deadLetters.retry` and `channels.deadLetters.discard`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetterParams {
    /// All of them when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLettersChangedResult {
    pub ids: Vec<i64>,
}

impl ChannelAccountStatus {
    /// As an entry of `health`.
    ///
    /// # Panics
    /// Never: every field serialises.
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self).expect("our own types serialise")
    }
}
