//! `cron`: automations. Shape: OpenClaw's section of the same name.

use chela_protocol::methods::cron::CronAlertPlace;
use schemars::JsonSchema;
use serde::Deserialize;

/// Runs at once when the configuration doesn't say: so that the jobs of one full hour don't take every place from people who write.
const RUNS_AT_ONCE: usize = 4;
/// What can be set.
const RUNS_AT_ONCE_MAX: usize = 64;

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
