//! Budgets in the gateway: owners are told once when one is used up, and what is left is shown.

use std::sync::Arc;

use chela_agent::{AgentId, Budget, BudgetReached, BudgetRules, BudgetScope, BudgetState, BudgetUnit, Spender};
use chela_config::{Problem, Severity};
use chela_protocol::methods::status::BudgetRow;
use chela_protocol::{BudgetReachedEvent, Scope};
use chela_store::StoreError;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::app::Gateway;
use crate::config::Config;
use crate::events::{Audience, Event};

/// Where the store keeps whom it was told about: a restart tells nobody twice.
const NAMESPACE: &str = "budgets";
const TOLD: &str = "told";
/// Notices that are remembered: those of the day, and of as many conversations as reach their limit at a time.
const TOLD_MAX: usize = 200;

/// The budget of every turn under the configuration in force.
pub(crate) fn budget(gateway: &Gateway, config: &Config) -> Budget {
    let timezone = config.agents.defaults.user_timezone.as_deref();
    let timezone = timezone.and_then(|name| TimeZone::get(name.trim()).ok()).unwrap_or(TimeZone::UTC);
    Budget { ledger: gateway.budgets.clone(), rules: Arc::new(BudgetRules::new(&config.budgets, timezone)) }
}

/// A time zone that nobody knows.
pub(crate) fn problems(config: &Config) -> Vec<Problem> {
    let named = config.budgets.timezone.iter().filter(|name| TimeZone::get(name.trim()).is_err());
    let problem = |name: &String| Problem {
        path: "budgets.timezone".to_owned(),
        severity: Severity::Warning,
        message: format!("no time zone is called `{name}`; the agents' one counts"),
        hint: Some("write it as in Europe/Paris".to_owned()),
    };
    named.map(problem).collect()
}

/// Tells owners of budgets that are used up. Ends with the gateway.
pub(crate) async fn tell(gateway: Arc<Gateway>) {
    loop {
        let reached = gateway.budgets.reached().await;
        match remember(&gateway, &reached).await {
            Ok(true) => {}
            Ok(false) => continue,
            // Told twice is better than not at all.
            Err(error) => tracing::warn!(%error, "can't write down that an owner was told of a budget"),
        }
        tracing::warn!(target: "budgets", agent = %reached.spender.agent, session = %reached.spender.key, "{}", reached.message);
        let event = BudgetReachedEvent {
            ts: gateway.now_ms(),
            budget: row(&reached.state),
            agent_id: reached.spender.agent.clone(),
            session_key: reached.spender.key.clone(),
            message: reached.message,
        };
        gateway.events.publish(&Event::new("budget.reached", Audience::Holding(Scope::Admin), &event));
    }
}

/// The limits of the day, as clients see them.
pub(crate) async fn of_day(gateway: &Gateway) -> Result<Vec<BudgetRow>, StoreError> {
    let agents: Vec<AgentId> = gateway.agents().into_iter().map(|agent| agent.id).collect();
    let budget = budget(gateway, &gateway.config.load());
    let states = budget.of_day(&gateway.store, &gateway.outside.clock, &agents).await?;
    Ok(states.iter().map(row).collect())
}

/// The limits that count for a conversation, one line each.
pub(crate) async fn lines(gateway: &Gateway, spender: &Spender) -> Result<Vec<String>, StoreError> {
    let budget = budget(gateway, &gateway.config.load());
    let states = budget.of(&gateway.store, &gateway.outside.clock, spender).await?;
    Ok(states.iter().map(|state| row(state).to_string()).collect())
}

fn row(state: &BudgetState) -> BudgetRow {
    let (scope, id) = match &state.scope {
        BudgetScope::Day => ("day", None),
        BudgetScope::Agent(agent) => ("agent", Some(agent.to_string())),
        BudgetScope::Session(session) => ("session", Some(session.to_string())),
    };
    let unit = match state.unit {
        BudgetUnit::Tokens => "tokens",
        BudgetUnit::Usd => "usd",
    };
    #[expect(clippy::cast_precision_loss, reason = "sums of money and tokens are far below 2^52")]
    let amount = |amount: u64| match state.unit {
        BudgetUnit::Tokens => amount as f64,
        BudgetUnit::Usd => amount as f64 / 1_000_000.0,
    };
    BudgetRow {
        scope: scope.to_owned(),
        id,
        unit: unit.to_owned(),
        used: amount(state.used),
        limit: amount(state.limit),
        unpriced_calls: if state.unit == BudgetUnit::Usd { state.unpriced } else { 0 },
        resets_at: state.resets_at_ms,
    }
}

/// Writes down that an owner is told. Returns whether it is the first time in this period.
async fn remember(gateway: &Gateway, reached: &BudgetReached) -> Result<bool, StoreError> {
    let state = &reached.state;
    // The end of a period names it; a conversation is a period of its own.
    let notice = json!([format!("{:?}", state.scope), state.unit, state.resets_at_ms]);
    let mut told = match gateway.store.kv_get(NAMESPACE, TOLD).await? {
        Some(Value::Array(told)) => told,
        _ => Vec::new(),
    };
    if told.contains(&notice) {
        return Ok(false);
    }
    told.push(notice);
    let old = told.len().saturating_sub(TOLD_MAX);
    gateway.store.kv_put(NAMESPACE, TOLD, Value::Array(told.split_off(old))).await?;
    Ok(true)
}
