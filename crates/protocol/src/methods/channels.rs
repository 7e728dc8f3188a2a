//! `channels.*`: accounts on chat platforms, the people they let in, and replies that could not be delivered.
//!
//! `channels.status` and the requests of `channels.pairing.*` have the reference system's shapes; everything else of pairing and
//! dead letters is our own.

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
    /// Only this account of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
}

/// The first two are for our own clients, the rest is what the stock page reads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PairingListResult {
    /// Strangers who wait with a code.
    pub pending: Vec<PendingSender>,
    /// People who were let in.
    pub paired: Vec<PairedPerson>,
    /// Accounts that give strangers codes.
    pub accounts: Vec<PairingAccount>,
    /// `pending` in the reference system's shape.
    pub requests: Vec<PairingRequest>,
    /// Somebody is an owner already, so nobody becomes one by being let in.
    pub command_owner_configured: bool,
    pub limits: PairingLimits,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PairingAccount {
    pub channel: String,
    pub channel_label: String,
    pub account_id: String,
    /// Whether the person can be told that they were let in.
    pub notify_supported: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PairingRequest {
    /// Names it in `channels.pairing.approve` and `channels.pairing.dismiss`; the code.
    pub request_id: String,
    pub channel: String,
    pub channel_label: String,
    pub account_id: String,
    pub sender_id: String,
    /// What kind of id that is.
    pub sender_label: String,
    /// What the platform says of the person.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// RFC 3339, like the two below.
    pub created_at: String,
    /// The first message: later ones of somebody who waits are not kept.
    pub last_seen_at: String,
    pub expires_at: String,
    pub notify_supported: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PairingLimits {
    pub pending_per_account: usize,
    pub ttl_ms: i64,
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

/// Of `channels.pairing.approve`, `channels.pairing.reject` and `channels.pairing.dismiss`. A code is unique within its channel,
/// so that the `accountId` that stock clients send along decides nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PairingCodeParams {
    pub channel: String,
    #[serde(alias = "requestId")]
    pub code: String,
    /// Of `approve`: whether the person is told; yes when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify: Option<bool>,
    /// Of `approve`: whether the person may become the owner when there is none; yes when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bootstrap_command_owner: Option<bool>,
}

/// Of `channels.pairing.approve`: the person, and what the stock page reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PairingApprovedResult {
    #[serde(flatten)]
    pub person: PairedPerson,
    #[serde(flatten)]
    pub request: PairingDismissedResult,
    /// `sent` (the outbox has it) or `not-requested`.
    pub notification: String,
    /// `configured`, `already-configured` or `not-requested`.
    pub command_owner_bootstrap: String,
}

/// Of `channels.pairing.dismiss`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PairingDismissedResult {
    pub request_id: String,
    pub sender_id: String,
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
