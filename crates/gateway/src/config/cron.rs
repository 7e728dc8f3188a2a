//! `cron`: automations. Shape: OpenClaw's section of the same name.

use std::time::Duration;

use chela_config::Secret;
use chela_protocol::methods::cron::CronAlertPlace;
use chela_tools::SsrfPolicy;
use jiff::{Span, SpanRelativeTo};
use schemars::JsonSchema;
use serde::Deserialize;

/// Runs at once when the configuration doesn't say: so that the jobs of one full hour don't take every place from people who write.
const RUNS_AT_ONCE: usize = 4;
/// What can be set.
const RUNS_AT_ONCE_MAX: usize = 64;
/// How long the conversations of automations are kept when the configuration doesn't say; the reference system's time.
const RETENTION: Duration = Duration::from_hours(24);

/// Work that the agents do by the clock.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CronConfig {
    /// `false` runs no automation by itself; by hand they still run. Default: true.
    pub enabled: Option<bool>,
    /// Automations that run at once; the others wait. Default: 4, at most 64.
    pub max_concurrent_runs: Option<usize>,
    /// `true` only notes what was missed while the gateway was off, and makes nothing up. Default: false.
    pub skip_missed_jobs: Option<bool>,
    /// What is told of automations that fail, besides what each failed run says where its answer would have gone.
    pub failure_alert: Option<CronAlertConfig>,
    /// How long the conversations are kept that automations begin for themselves, as in `24h` or `7d`; `false` keeps them. What came of
    /// each run stands in its history longer. Default: `24h`.
    pub session_retention: CronRetention,
    /// What receivers of webhooks are shown, in `Authorization: Bearer`.
    pub webhook_token: Option<Secret>,
    /// Which addresses webhooks may reach besides the public internet.
    pub webhook_ssrf_policy: SsrfPolicy,
}

/// How long the conversations of automations are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "RetentionText")]
#[schemars(with = "RetentionText")]
pub enum CronRetention {
    For(Duration),
    Forever,
}

/// As it is written.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum RetentionText {
    Never(bool),
    Span(String),
}

impl Default for CronRetention {
    fn default() -> Self {
        Self::For(RETENTION)
    }
}

impl TryFrom<RetentionText> for CronRetention {
    type Error = String;

    fn try_from(text: RetentionText) -> Result<Self, String> {
        let span = match text {
            RetentionText::Never(false) => return Ok(Self::Forever),
            RetentionText::Never(true) => return Err("`sessionRetention` is `false` or a span, as in `24h`".to_owned()),
            RetentionText::Span(span) => span,
        };
        let wrong = || format!("`{span}` is no span; write it as in 90m, 24h or 7d");
        let parsed = span.trim().parse::<Span>().map_err(|_| wrong())?;
        // A day is a day here, whatever the clocks do meanwhile.
        let length = parsed.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| wrong())?;
        let length = Duration::try_from(length).map_err(|_| wrong())?;
        Ok(if length.is_zero() { Self::Forever } else { Self::For(length) })
    }
}

/// When failures are told, and where. An automation's own `failureAlert` goes before it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CronAlertConfig {
    /// `false` tells nothing, but of automations that ask for it themselves, and that one is turned off. Default: true, where there is
    /// this section.
    pub enabled: Option<bool>,
    /// Failures in a row. Default: 2.
    #[schemars(range(min = 1))]
    pub after: Option<u32>,
    /// Least time between two alerts about an automation, in milliseconds. Default: 3600000.
    pub cooldown_ms: Option<u64>,
    /// Whether times count at which an automation was due and did not run. Default: false.
    pub include_skipped: bool,
    /// A channel's id, or `last`: where an owner last spoke with the agent. Default: where the answers go.
    pub channel: Option<String>,
    /// A chat of the channel.
    pub to: Option<String>,
    /// The account of the channel.
    pub account_id: Option<String>,
}

impl CronAlertConfig {
    /// Where they are told.
    pub(crate) fn place(&self) -> CronAlertPlace {
        let Self { channel, to, account_id, .. } = self.clone();
        CronAlertPlace { mode: None, channel, to, account_id }
    }
}

impl CronConfig {
    /// What stands in for a section that can't be read: whoever wrote it may have wanted them off.
    pub(crate) fn off() -> Self {
        Self { enabled: Some(false), ..Self::default() }
    }

    pub(crate) fn is_enabled(&self) -> bool {
        self.enabled != Some(false)
    }

    pub(crate) fn runs_at_once(&self) -> usize {
        self.max_concurrent_runs.unwrap_or(RUNS_AT_ONCE).clamp(1, RUNS_AT_ONCE_MAX)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_retention_is_a_span_or_false() {
        let read = |text: Value| serde_json::from_value::<CronConfig>(json!({ "sessionRetention": text }));
        let hours = |hours| CronRetention::For(Duration::from_hours(hours));
        for (text, wanted) in
            [("24h", hours(24)), ("7d", hours(7 * 24)), ("1d 12h", hours(36)), ("0h", CronRetention::Forever)]
        {
            assert_eq!(read(json!(text)).unwrap().session_retention, wanted, "{text}");
        }
        assert_eq!(read(json!(false)).unwrap().session_retention, CronRetention::Forever);
        assert_eq!(CronConfig::default().session_retention, hours(24));
        for wrong in [json!("soon"), json!("-1h"), json!(true), json!("1 month")] {
            let told = read(wrong.clone()).unwrap_err().to_string();
            assert!(told.contains("is no span") || told.contains("`false` or a span"), "{wrong}: {told}");
        }
    }
}
