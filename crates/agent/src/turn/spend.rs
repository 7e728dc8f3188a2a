//! Before each call to a model: is there room for it in the budgets?

use chela_llm::{ModelInfo, Usage};
use chela_store::{Spent, StoreError};

use super::model::cost_micros;
use super::state::Turn;
use super::steps::Outcome;
use crate::FailureKind;
use crate::budget::{Reservation, Spender};
use crate::shown::Shown;

/// What an answer is taken to have, where nobody set its length: most are shorter.
const ANSWER_TOKENS: u64 = 1_000;

impl Turn<'_> {
    /// A place in the budgets for the next call, or why there will be none.
    pub(super) async fn reserve(&self, shown: &Shown) -> Result<Result<Reservation, Outcome>, StoreError> {
        let world = self.world;
        let spender =
            Spender { agent: self.row.agent.clone(), key: self.row.session.clone(), session: self.session.id.clone() };
        let place = tokio::select! {
            biased;
            reason = self.stop.wait() => return Ok(Err(Outcome::Stopped { reason, partial: None })),
            place = world.budget.reserve(&world.store, &world.clock, &spender, self.estimate(shown)) => place?,
        };
        Ok(place.map_err(|reached| {
            tracing::warn!(session = %spender.key, agent = %spender.agent, reason = reached.message, "a budget is used up");
            Outcome::Failed { message: reached.message, kind: FailureKind::RateLimit, partial: None }
        }))
    }

    /// What the next call will use, as far as can be said before.
    fn estimate(&self, shown: &Shown) -> Spent {
        let input = self.prefix.tokens() + shown.tokens;
        let output = self.max_output_tokens.map_or(ANSWER_TOKENS, |most| ANSWER_TOKENS.min(u64::from(most)));
        estimate_of(&self.model, input, output)
    }
}

/// What a call of so many tokens will count as.
pub(crate) fn estimate_of(model: &ModelInfo, input: u64, output: u64) -> Spent {
    let usage = Usage { input, output, ..Usage::default() };
    Spent {
        tokens: usage.total(),
        cost_micros: model.price.map_or(0, |price| cost_micros(price, &usage)),
        unpriced: u64::from(model.price.is_none()),
    }
}
