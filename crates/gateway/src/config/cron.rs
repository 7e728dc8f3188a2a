//! `cron`: automations. Shape: OpenClaw's section of the same name.

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
