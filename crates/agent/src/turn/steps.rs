//! The loop itself: model, tools, model, … until there is an answer or a reason to stop.

use chela_llm::{LlmError, LlmErrorKind, StopReason, ToolUse};
use chela_store::{Item, StoreError};

use super::begin::input_bodies;
use super::client::unanswered_calls;
use super::model::Answer;
use super::state::Turn;
use super::tools::unanswered;
use crate::transcript::{AssistantBody, ItemBody, ToolResultsBody};
use crate::{AbortReason, Effect, FailureKind, TurnEventKind};

/// How often a context that was too long after all is halved before the turn fails.
const SHRINKS: u32 = 3;
/// Refused calls (see `repeats`) after which a turn is going nowhere.
const REFUSALS: u32 = 5;

const CUT_BY_RESTART: &str =
    "Interrupted by a restart before the result was known. Check the state of things before repeating it.";

/// How the loop ended; nothing of it is durable yet.
pub(super) enum Outcome {
    /// The last answer of the model. Its calls, if it has any, are the client's.
    Answered(AssistantBody),
    /// The last answer is written already, since the agent had calls of its own in it; these are the client's.
    HandedOver(Vec<ToolUse>),
    Stopped {
        reason: AbortReason,
        partial: Option<AssistantBody>,
    },
    Failed {
        message: String,
        kind: FailureKind,
        partial: Option<AssistantBody>,
    },
}

impl Turn<'_> {
    pub(super) async fn run(&mut self) -> Result<Outcome, StoreError> {
        if let Some(outcome) = self.pick_up().await? {
            return Ok(outcome);
        }
        loop {
            self.take_steered().await?;
            if let Some(outcome) = self.over() {
                return Ok(outcome);
            }
            self.make_room().await?;
            if let Some(reason) = self.stop.now() {
                return Ok(Outcome::Stopped { reason, partial: None });
            }
            let shown = self.shown();
            let place = match self.reserve(&shown).await? {
                Ok(place) => place,
                Err(outcome) => return Ok(outcome),
            };
            let body = match self.call_model(place, &shown).await? {
                Answer::Whole(body) => body,
                Answer::Stopped(reason, partial) => return Ok(Outcome::Stopped { reason, partial }),
                Answer::Failed(error, _) if self.make_room_after(&error).await? => continue,
                Answer::Failed(error, _) if self.shrink(&error) || self.look_away(&error) => continue,
                Answer::Failed(error, partial) => return Ok(failed(&error, partial)),
            };
            self.emit(TurnEventKind::Usage(body.usage)).await;
            let text = body.text();
            if !text.trim().is_empty() {
                self.said = text;
            }
            let (handed, calls) = self.without_clients(body.tool_uses().cloned());
            if calls.is_empty() {
                return Ok(Outcome::Answered(body));
            }
            if let Some(reason) = self.act(body, &calls).await? {
                return Ok(Outcome::Stopped { reason, partial: None });
            }
            if !handed.is_empty() {
                return Ok(Outcome::HandedOver(handed));
            }
        }
    }

    /// Writes an answer with calls down, and runs them.
    async fn act(&mut self, body: AssistantBody, calls: &[ToolUse]) -> Result<Option<AbortReason>, StoreError> {
        let booking = self.booking(&body);
        let (written, booked) = tokio::join!(self.journal(vec![ItemBody::Assistant(body)]), booking);
        written.and(booked)?;
        self.tell_calls(calls).await?;
        self.run_tools(calls).await
    }

    /// Takes up a run that was cut off: calls without a result are repeated if that changes nothing, else answered.
    async fn pick_up(&mut self) -> Result<Option<Outcome>, StoreError> {
        let (handed, open) = self.without_clients(unanswered_calls(self.own_items()));
        if handed.is_empty() && open.is_empty() {
            return Ok(None);
        }
        let repeats = |call: &ToolUse| {
            self.world.tools.get(&call.name).is_some_and(|tool| tool.effect(&call.input) == Effect::Read)
        };
        let (again, lost): (Vec<_>, Vec<_>) = open.into_iter().partition(repeats);
        let results: Vec<_> = lost.iter().map(|call| unanswered(call, CUT_BY_RESTART)).collect();
        if !results.is_empty() {
            self.journal(vec![ItemBody::ToolResults(ToolResultsBody { results })]).await?;
        }
        if let Some(reason) = self.run_tools(&again).await? {
            return Ok(Some(Outcome::Stopped { reason, partial: None }));
        }
        Ok((!handed.is_empty()).then_some(Outcome::HandedOver(handed)))
    }

    /// Takes in what people said while the turn ran.
    async fn take_steered(&mut self) -> Result<(), StoreError> {
        let rows = self.steer.take();
        let now_ms = self.world.clock.now_ms();
        let mut bodies = Vec::new();
        for row in &rows {
            bodies.extend(input_bodies(self.world, row, now_ms).await);
        }
        for body in &bodies {
            self.trust.take_in(body);
        }
        self.journal(bodies).await?;
        self.also.extend(rows.iter().map(|row| row.id));
        Ok(())
    }

    /// Whether the turn has used up what it may.
    fn over(&self) -> Option<Outcome> {
        if let Some(reason) = self.stop.now() {
            return Some(Outcome::Stopped { reason, partial: None });
        }
        let limits = &self.world.limits;
        let message = if self.calls >= limits.model_calls {
            format!("stopped after {} calls to the model without a final answer", self.calls)
        } else if self.usage.output >= limits.output_tokens {
            format!("stopped after {} generated tokens without a final answer", self.usage.output)
        } else if self.repeats.refused() >= REFUSALS {
            "stopped: the model kept repeating the same tool call".to_owned()
        } else {
            return None;
        };
        Some(Outcome::Failed { message, kind: FailureKind::Unknown, partial: None })
    }

    /// Makes the context smaller after a model said that it is too long. Returns whether another call may help.
    fn shrink(&mut self, error: &LlmError) -> bool {
        let too_long = matches!(error.kind, LlmErrorKind::ContextLength { .. }) && !error.after_output;
        if !too_long || self.shrunk >= SHRINKS {
            return false;
        }
        self.shrunk += 1;
        // The estimate was too low, so half of what was sent is the next guess, whatever the window is said to be.
        self.room.history = self.shown().tokens / 2;
        true
    }

    /// Leaves pictures and documents out after a vendor refused the conversation: one that it can't read would make it refuse every
    /// turn from now on. Returns whether another call may help.
    fn look_away(&mut self, error: &LlmError) -> bool {
        let refused = matches!(error.kind, LlmErrorKind::InvalidRequest { .. }) && !error.after_output;
        let sees = self.model.images || self.model.documents;
        if !refused || !sees || !self.shows_media() {
            return false;
        }
        tracing::warn!(%error, session = %self.session.key, "the model refused the conversation; files are left out of it");
        self.model.images = false;
        self.model.documents = false;
        true
    }

    /// The items that this turn has written, oldest first.
    pub(super) fn own_items(&self) -> impl DoubleEndedIterator<Item = &Item> {
        self.history.items.iter().filter(|item| item.seq >= self.first_seq && item.run.as_ref() == Some(&self.row.run))
    }
}

fn failed(error: &LlmError, partial: Option<AssistantBody>) -> Outcome {
    let kind = match error.kind {
        LlmErrorKind::RateLimited { .. } | LlmErrorKind::Overloaded { .. } => FailureKind::RateLimit,
        LlmErrorKind::ContextLength { .. } => FailureKind::ContextLength,
        LlmErrorKind::Timeout(_) => FailureKind::Timeout,
        LlmErrorKind::NoKey { .. }
        | LlmErrorKind::Unauthorized { .. }
        | LlmErrorKind::Billing { .. }
        | LlmErrorKind::UnknownModel { .. }
        | LlmErrorKind::InvalidRequest { .. } => FailureKind::Lasting,
        LlmErrorKind::Server { .. } | LlmErrorKind::Network { .. } | LlmErrorKind::Protocol { .. } => {
            FailureKind::Unknown
        }
    };
    Outcome::Failed { message: error.to_string(), kind, partial }
}

/// A refusal without a word, or an answer that is nothing at all, is no answer.
pub(super) fn empty_answer(stop: Option<StopReason>) -> (String, FailureKind) {
    match stop {
        Some(StopReason::Refusal) => ("the model refused to answer".to_owned(), FailureKind::Refusal),
        Some(StopReason::MaxTokens) => {
            ("the model used all its tokens before it said anything".to_owned(), FailureKind::Unknown)
        }
        Some(StopReason::EndTurn | StopReason::ToolUse) | None => {
            ("the model gave an empty answer".to_owned(), FailureKind::Unknown)
        }
    }
}
