//! `usage.*` and `sessions.usage*`: tokens and money, by day, model, agent, channel and session.
//!
//! Shapes follow the reference system's answers. Money is in US dollars, times are Unix milliseconds, days are `YYYY-MM-DD` in the
//! time zone that the client asks for.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Parameters of `usage.cost` and `sessions.usage`.
///
/// `startDate` and `endDate` come together, and both days count; without them it is `range`, or `days` up to today.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UsageParams {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_date: Option<String>,
    /// A number, or one in quotes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<Value>,
    /// `7d`, `30d`, `90d`, `1y` or `all`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<String>,
    /// Whose days: `utc` (also without), `gateway`, or `specific` with one of the next two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// `UTC+5:30`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub utc_offset: Option<String>,
    /// Without it, and without `agentScope`: the default agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// `all`, or nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_scope: Option<String>,
    /// Only this session. For `sessions.usage`, as what follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Sessions of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// `instance`: a row a conversation; `family`: a row a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include_historical: Option<bool>,
    /// One of the answer's `creatorOptions`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creator_key: Option<String>,
}

/// Parameters of `sessions.usage.timeseries` and `sessions.usage.logs`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionUsageParams {
    pub key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// For `logs`: entries, newest kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// Tokens, and what they cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UsageTotals {
    pub input: u64,
    pub output: u64,
    pub cache_read: u64,
    pub cache_write: u64,
    pub total_tokens: u64,
    /// As it was booked, by the prices of that time.
    pub total_cost: f64,
    /// `totalCost` in parts, by how the prices of now stand to each other; 0 where a model has none any more.
    pub input_cost: f64,
    pub output_cost: f64,
    pub cache_read_cost: f64,
    pub cache_write_cost: f64,
    /// Calls whose price was not known.
    pub missing_cost_entries: u64,
}

/// A day's totals.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DatedTotals {
    pub date: String,
    #[serde(flatten)]
    pub totals: UsageTotals,
}

/// A day's totals within one session.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DatedBreakdown {
    pub date: String,
    pub tokens: u64,
    pub cost: f64,
    #[serde(flatten)]
    pub totals: UsageTotals,
}

/// Whether an answer is whole. Ours always is: nothing is summed up ahead of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageCacheStatus {
    /// `fresh`.
    pub status: String,
    pub cached_files: u64,
    pub pending_files: u64,
    pub stale_files: u64,
    pub refreshed_at: i64,
}

impl UsageCacheStatus {
    pub fn fresh(at_ms: i64) -> Self {
        Self { status: "fresh".to_owned(), cached_files: 0, pending_files: 0, stale_files: 0, refreshed_at: at_ms }
    }
}

/// The answer of `usage.cost`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageCostResult {
    pub updated_at: i64,
    /// Days from the first to the last, those without a call included.
    pub days: usize,
    /// Days with calls, oldest first.
    pub daily: Vec<DatedTotals>,
    pub totals: UsageTotals,
    pub cache_status: UsageCacheStatus,
}

/// The answer of `usage.status`: what vendors tell of a subscription's limits.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageStatusResult {
    pub updated_at: i64,
    pub providers: Vec<Value>,
}

/// How much was said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MessageCounts {
    /// `user` and `assistant` together.
    pub total: u64,
    /// Turns: inputs that a model answered.
    pub user: u64,
    /// Answers of models, one a call.
    pub assistant: u64,
    pub tool_calls: u64,
    /// Every call has one.
    pub tool_results: u64,
    /// Turns that failed; as far back as the inbox remembers.
    pub errors: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DatedCounts {
    pub date: String,
    #[serde(flatten)]
    pub counts: MessageCounts,
}

/// Calls of tools, the most used first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ToolUsage {
    pub total_calls: u64,
    pub unique_tools: usize,
    pub tools: Vec<ToolCount>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCount {
    pub name: String,
    pub count: u64,
}

/// Calls of one model, or of all models of one provider.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ModelUsage {
    pub provider: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    pub count: u64,
    pub totals: UsageTotals,
}

/// Calls of one model in one day.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DatedModelUsage {
    pub date: String,
    pub provider: String,
    pub model: String,
    pub tokens: u64,
    pub cost: f64,
    pub count: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AgentUsage {
    pub agent_id: String,
    pub totals: UsageTotals,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ChannelUsage {
    pub channel: String,
    pub totals: UsageTotals,
}

/// A day in a few numbers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DayInShort {
    pub date: String,
    pub tokens: u64,
    pub cost: f64,
    pub messages: u64,
    pub tool_calls: u64,
    pub errors: u64,
}

/// Everything of the answer's days, whatever sessions it shows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UsageAggregates {
    pub session_count: usize,
    pub messages: MessageCounts,
    pub tools: ToolUsage,
    pub by_model: Vec<ModelUsage>,
    pub by_provider: Vec<ModelUsage>,
    pub by_agent: Vec<AgentUsage>,
    /// Of sessions that still exist, since the key says the channel.
    pub by_channel: Vec<ChannelUsage>,
    /// Empty: nobody's name stands at a session here.
    pub by_creator: Vec<Value>,
    pub cost_daily: Vec<DatedTotals>,
    /// Empty: how long calls took is not booked.
    pub daily_latency: Vec<Value>,
    pub model_daily: Vec<DatedModelUsage>,
    pub daily: Vec<DayInShort>,
}

/// What one session used in the answer's days.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionUsageDetail {
    #[serde(flatten)]
    pub totals: UsageTotals,
    /// Of its first and last call.
    pub first_activity: i64,
    pub last_activity: i64,
    pub duration_ms: i64,
    pub activity_dates: Vec<String>,
    pub daily_breakdown: Vec<DatedBreakdown>,
    pub daily_message_counts: Vec<DatedCounts>,
    pub daily_model_usage: Vec<DatedModelUsage>,
    pub message_counts: MessageCounts,
    pub tool_usage: ToolUsage,
    pub model_usage: Vec<ModelUsage>,
}

/// One session of `sessions.usage`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionUsageRow {
    pub key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    pub session_id: String,
    /// As `groupBy` of the parameters.
    pub scope: String,
    pub updated_at: i64,
    pub agent_id: String,
    pub creator_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chat_type: Option<String>,
    /// Of the model that was used most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_provider: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    pub usage: Option<SessionUsageDetail>,
    /// `false`: what a context is made of is not booked.
    pub has_context_weight: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatorOption {
    pub key: String,
}

/// The answer of `sessions.usage`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionsUsageResult {
    pub updated_at: i64,
    pub start_date: String,
    pub end_date: String,
    /// Those that were used last first.
    pub sessions: Vec<SessionUsageRow>,
    pub totals: UsageTotals,
    pub aggregates: UsageAggregates,
    pub creator_options: Vec<CreatorOption>,
    pub cache_status: UsageCacheStatus,
}

/// One or more calls that follow each other.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UsageTimePoint {
    pub timestamp: i64,
    pub input: u64,
    pub output: u64,
    pub cache_read: u64,
    pub cache_write: u64,
    pub total_tokens: u64,
    pub cost: f64,
    /// Up to and with this one.
    pub cumulative_tokens: u64,
    pub cumulative_cost: f64,
}

/// The answer of `sessions.usage.timeseries`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageTimeseriesResult {
    pub session_id: String,
    pub points: Vec<UsageTimePoint>,
}

/// One message of `sessions.usage.logs`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UsageLogEntry {
    pub timestamp: i64,
    /// `user`, `assistant` or `toolResult`.
    pub role: String,
    pub content: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
}

/// The answer of `sessions.usage.logs`, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct UsageLogsResult {
    pub logs: Vec<UsageLogEntry>,
}
