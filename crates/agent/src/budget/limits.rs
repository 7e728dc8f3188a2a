//! The section `budgets`, and which limits count for whom.

use std::collections::BTreeMap;

use chela_protocol::SessionId;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{BudgetScope, BudgetUnit};
use crate::AgentId;
use crate::profile::agent_id;

const MICROS: f64 = 1_000_000.0;

/// Hard limits of what models may use, checked before each call. A turn that reaches one stops and says so.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct BudgetsConfig {
    /// All agents together, from midnight to midnight.
    pub daily: BudgetLimits,
    /// Each agent by itself, from midnight to midnight.
    pub agent: BudgetLimits,
    /// Single agents by id, in the place of `agent`.
    pub agents: BTreeMap<String, BudgetLimits>,
    /// Each conversation, from its beginning until `/new` or a reset.
    pub session: BudgetLimits,
    /// Whose midnight begins a day, as in `Europe/Paris`. Default: `agents.defaults.userTimezone`, else UTC.
    pub timezone: Option<String>,
}

/// What may be used. Nothing given: no limit.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct BudgetLimits {
    /// Tokens of every kind: in, out, and those from a vendor's cache. 0 allows no call.
    pub tokens: Option<u64>,
    /// US dollars, by the prices of the models. Calls whose price is not known don't count here. 0 allows calls of such models only.
    #[schemars(range(min = 0.0))]
    pub usd: Option<f64>,
}

/// The section, ready to be asked.
#[derive(Debug, Clone, PartialEq)]
pub struct BudgetRules {
    config: BudgetsConfig,
    pub(super) timezone: TimeZone,
}

/// One limit: of what, in what, how much (tokens or millionths of a dollar).
pub(super) type Limit = (BudgetScope, BudgetUnit, u64);

impl Default for BudgetRules {
    /// No limits.
    fn default() -> Self {
        Self::new(&BudgetsConfig::default(), TimeZone::UTC)
    }
}

impl BudgetsConfig {
    /// What stands in for a section that can't be read: no calls, since nobody knows how many were wanted.
    pub fn closed() -> Self {
        Self { daily: BudgetLimits { tokens: Some(0), usd: None }, ..Self::default() }
    }
}

impl BudgetRules {
    /// `timezone` counts where the section names none, or one that nobody knows.
    pub fn new(config: &BudgetsConfig, timezone: TimeZone) -> Self {
        let named = config.timezone.as_deref().and_then(|name| TimeZone::get(name.trim()).ok());
        let agents = config.agents.iter().map(|(id, limits)| (agent_id(id).to_string(), limits.clone()));
        let config = BudgetsConfig { agents: agents.collect(), ..config.clone() };
        Self { config, timezone: named.unwrap_or(timezone) }
    }

    /// The limits that count for a call.
    pub(super) fn of(&self, agent: &AgentId, session: Option<&SessionId>) -> Vec<Limit> {
        let of_agent = self.config.agents.get(agent.as_str()).unwrap_or(&self.config.agent);
        let of_session = session.map(|session| (BudgetScope::Session(session.clone()), &self.config.session));
        let scopes = [(BudgetScope::Day, &self.config.daily), (BudgetScope::Agent(agent.clone()), of_agent)];
        let scopes = scopes.into_iter().chain(of_session);
        scopes
            .flat_map(|(scope, limits)| limits.listed().map(move |(unit, limit)| (scope.clone(), unit, limit)))
            .collect()
    }

    /// From when to when the day of this moment goes, in Unix milliseconds.
    pub(super) fn day(&self, now_ms: i64) -> (i64, i64) {
        let now = Timestamp::from_millisecond(now_ms).unwrap_or_default().to_zoned(self.timezone.clone());
        let start = now.start_of_day().ok();
        let end = start.as_ref().and_then(|start| start.checked_add(1.day()).ok()?.start_of_day().ok());
        match (start, end) {
            (Some(start), Some(end)) => (start.timestamp().as_millisecond(), end.timestamp().as_millisecond()),
            // Only at the end of time.
            _ => (i64::MIN, i64::MAX),
        }
    }
}

impl BudgetLimits {
    fn listed(&self) -> impl Iterator<Item = (BudgetUnit, u64)> {
        let tokens = self.tokens.map(|tokens| (BudgetUnit::Tokens, tokens));
        tokens.into_iter().chain(self.usd.map(|usd| (BudgetUnit::Usd, micros(usd))))
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "casts of floats stop at the integer's ends"
)]
fn micros(usd: f64) -> u64 {
    (usd * MICROS).round() as u64
}
