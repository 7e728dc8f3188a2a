//! How much models may use: limits a day, an agent and a conversation, in tokens and in money, checked before each call (G29).
//!
//! The sums are the store's; here they are kept as they grow, so that a check costs nothing, and calls under way count with what
//! they will probably use. Where a limit is near, calls wait for each other instead of passing it together.

mod ledger;
mod limits;

use std::sync::Arc;

use chela_store::{Spent, Store, StoreError};
use jiff::Timestamp;
use serde::Serialize;

pub use self::ledger::{BudgetLedger, Reservation};
pub use self::limits::{BudgetLimits, BudgetRules, BudgetsConfig};
use crate::{AgentId, Clock, SessionKey};
use chela_protocol::SessionId;

/// What a limit is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum BudgetScope {
    /// All agents together, from midnight to midnight.
    Day,
    /// One agent, from midnight to midnight.
    Agent(AgentId),
    /// One conversation, from its beginning.
    Session(SessionId),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BudgetUnit {
    Tokens,
    /// Counted in millionths of a dollar.
    Usd,
}

/// One limit, and how much of it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetState {
    pub scope: BudgetScope,
    pub unit: BudgetUnit,
    /// Tokens, or millionths of a dollar.
    pub limit: u64,
    pub used: u64,
    /// Calls whose price is not known: in a budget of money they don't count.
    pub unpriced: u64,
    /// When the sum begins anew; `None` with a new conversation.
    pub resets_at_ms: Option<i64>,
}

/// Who is about to make a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spender {
    pub agent: AgentId,
    pub key: SessionKey,
    pub session: SessionId,
}

/// A limit is used up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetReached {
    pub state: BudgetState,
    /// Whose call was not made.
    pub spender: Spender,
    /// Says so in the chat: without amounts, which are nobody's business but the owner's.
    pub message: String,
}

/// The budget of a turn's world.
#[derive(Clone, Default)]
pub struct Budget {
    pub ledger: Arc<BudgetLedger>,
    pub rules: Arc<BudgetRules>,
}

impl Budget {
    /// Waits for room, and takes `estimate` out of every budget that the call counts against. Dropping the future gives up the place.
    pub async fn reserve(
        &self,
        store: &Store,
        clock: &Clock,
        spender: &Spender,
        estimate: Spent,
    ) -> Result<Result<Reservation, Box<BudgetReached>>, StoreError> {
        BudgetLedger::reserve(&self.ledger, &self.rules, store, clock, spender, estimate).await
    }

    /// Every limit that counts for a conversation, as it stands.
    pub async fn of(&self, store: &Store, clock: &Clock, spender: &Spender) -> Result<Vec<BudgetState>, StoreError> {
        let scopes = self.rules.of(&spender.agent, Some(&spender.session));
        self.ledger.states(&self.rules, store, clock, scopes).await
    }

    /// The limits of the day: everybody's, and each agent's.
    pub async fn of_day(
        &self,
        store: &Store,
        clock: &Clock,
        agents: &[AgentId],
    ) -> Result<Vec<BudgetState>, StoreError> {
        let mut scopes = Vec::new();
        for (scope, unit, limit) in agents.iter().flat_map(|agent| self.rules.of(agent, None)) {
            if !scopes.contains(&(scope.clone(), unit, limit)) {
                scopes.push((scope, unit, limit));
            }
        }
        self.ledger.states(&self.rules, store, clock, scopes).await
    }
}

impl BudgetUnit {
    pub(crate) fn of(self, spent: Spent) -> u64 {
        match self {
            Self::Tokens => spent.tokens,
            Self::Usd => spent.cost_micros,
        }
    }
}

impl BudgetReached {
    fn new(state: BudgetState, spender: &Spender, rules: &BudgetRules) -> Self {
        let what = match state.unit {
            BudgetUnit::Tokens => "token budget",
            BudgetUnit::Usd => "budget",
        };
        let whose = match &state.scope {
            BudgetScope::Day => "of today",
            BudgetScope::Agent(_) => "of this agent for today",
            BudgetScope::Session(_) => "of this conversation",
        };
        let then = match state.resets_at_ms.and_then(|ms| Timestamp::from_millisecond(ms).ok()) {
            Some(at) => {
                let at = at.to_zoned(rules.timezone.clone());
                let zone = rules.timezone.iana_name().unwrap_or("UTC");
                format!("it opens again on {} ({zone})", at.strftime("%A at %H:%M"))
            }
            None => "`/new` begins another one".to_owned(),
        };
        let message = format!("the {what} {whose} is used up; {then}");
        Self { state, spender: spender.clone(), message }
    }
}
