//! How a turn ends: its last items, the reply to deliver and the closed inbox rows in one transaction.

use chela_llm::{StopReason, ToolUse};
use chela_store::{InboxState, NewOutbound, NewUsage, StoreError, TurnFinish};

use super::client::unanswered_calls;
use super::state::Turn;
use super::steps::{Outcome, empty_answer};
use super::tools::unanswered;
use crate::transcript::{AssistantBody, ItemBody, NoteBody, NoteKind, ToolResultsBody};
use crate::{AbortReason, FailureKind, Reply, TurnEnd, TurnEventKind};

/// What is written, and what the turn then says about itself.
struct Ending {
    items: Vec<ItemBody>,
    usage: Option<NewUsage>,
    state: InboxState,
    end: TurnEnd,
}

impl Turn<'_> {
    pub(super) async fn finish(mut self, outcome: Outcome) -> Result<TurnEnd, StoreError> {
        let ending = match outcome {
            Outcome::Answered(body) => self.answered(body),
            Outcome::HandedOver(calls) => {
                let end = self.final_end(StopReason::ToolUse, calls);
                Ending { items: Vec::new(), usage: None, state: InboxState::Done, end }
            }
            // Nothing is written: the row stays open and the next start resumes here.
            Outcome::Stopped { reason: reason @ AbortReason::Shutdown, partial } => {
                let text = partial.map(|body| body.text()).unwrap_or_default();
                let end = TurnEnd::Aborted { text, reason };
                self.emit(TurnEventKind::Ended(end.clone())).await;
                return Ok(end);
            }
            Outcome::Stopped { reason, partial } => self.stopped(reason, partial),
            Outcome::Failed { message, kind, partial } => {
                tracing::warn!(session = %self.row.session, run = %self.row.run, %message, "a turn failed");
                failed(message, kind, partial)
            }
        };
        self.write(ending).await
    }

    fn answered(&mut self, body: AssistantBody) -> Ending {
        let (stop, usage) = (body.stop, Some(self.spent(&body)));
        let calls: Vec<_> = body.tool_uses().cloned().collect();
        if calls.is_empty() && self.said.trim().is_empty() {
            let (message, kind) = empty_answer(stop);
            return Ending { usage, ..failed(message, kind, None) };
        }
        let end = self.final_end(stop.unwrap_or(StopReason::EndTurn), calls);
        let items = if body.blocks.is_empty() { Vec::new() } else { vec![ItemBody::Assistant(body)] };
        Ending { items, usage, state: InboxState::Done, end }
    }

    fn final_end(&self, stop: StopReason, calls: Vec<ToolUse>) -> TurnEnd {
        TurnEnd::Final { text: self.said.clone(), stop, usage: self.usage, calls }
    }

    fn stopped(&self, reason: AbortReason, partial: Option<AssistantBody>) -> Ending {
        let why = match reason {
            AbortReason::Timeout => "Not finished: the turn reached its time limit.",
            AbortReason::User | AbortReason::Shutdown => "Not finished: the turn was aborted.",
        };
        let text = partial.as_ref().map_or_else(String::new, AssistantBody::text);
        let results: Vec<_> = unanswered_calls(self.own_items()).iter().map(|call| unanswered(call, why)).collect();
        let results = (!results.is_empty()).then_some(ItemBody::ToolResults(ToolResultsBody { results }));
        let items = results.into_iter().chain(partial.map(ItemBody::Assistant)).collect();
        Ending { items, usage: None, state: InboxState::Aborted, end: TurnEnd::Aborted { text, reason } }
    }

    async fn write(&mut self, ending: Ending) -> Result<TurnEnd, StoreError> {
        let now_ms = self.world.clock.now_ms();
        let reasoning = self.reasoning(&ending.items);
        let items = self.new_items(ending.items, now_ms);
        let ids: Vec<_> = items.iter().map(|item| item.id.clone()).collect();
        let result = match &ending.end {
            TurnEnd::Final { text, .. } | TurnEnd::Aborted { text, .. } => text.clone(),
            TurnEnd::Failed { message, .. } => message.clone(),
        };
        let outbox = self.reply(&ending.end, reasoning, now_ms);
        let finish = TurnFinish {
            inbox: self.row.id,
            also: std::mem::take(&mut self.also),
            session_id: self.session.id.clone(),
            items,
            usage: ending.usage,
            outbox,
            state: ending.state,
            result: Some(result),
            now_ms,
        };
        self.world.store.finish_turn(finish).await?;
        let first = self.history.items.last().map_or(0, |item| item.seq) + 1;
        for (id, seq) in ids.into_iter().zip(first..) {
            self.emit(TurnEventKind::Item { id, seq }).await;
        }
        self.emit(TurnEventKind::Ended(ending.end.clone())).await;
        Ok(ending.end)
    }

    /// What goes out to the sender's chat. Someone who aborted gets nothing more; someone who waits is told of a failure.
    fn reply(&self, end: &TurnEnd, reasoning: Option<Reply>, now_ms: i64) -> Vec<NewOutbound> {
        let text = match end {
            TurnEnd::Final { text, .. } => text.clone(),
            TurnEnd::Aborted { text, reason: AbortReason::Timeout } => {
                format!("{text}\n\n(Stopped: the time limit of a turn was reached.)").trim_start().to_owned()
            }
            TurnEnd::Aborted { .. } => return Vec::new(),
            TurnEnd::Failed { message, .. } => format!("I could not answer: {message}."),
        };
        let Some(route) = self.route() else { return Vec::new() };
        let batched = !self.also.is_empty();
        let is_error = matches!(end, TurnEnd::Failed { .. });
        let tainted = self.trust.now().is_tainted();
        let footer = if is_error { None } else { self.footer() };
        let answer = Reply { footer, is_error, tainted, batched, ..Reply::to(route, self.row.run.as_str(), text) };
        // A name of its own, since parts are known by it; and no answer to a message, which has its answer.
        let notice =
            self.notice().map(|text| Reply { run: format!("{}:notice", self.row.run), text, ..Reply::default() });
        let told = reasoning.into_iter().chain([answer]).chain(notice);
        told.map(|reply| self.outbound(route, &reply, now_ms)).collect()
    }
}

fn failed(message: String, kind: FailureKind, partial: Option<AssistantBody>) -> Ending {
    let note = ItemBody::Note(NoteBody { text: message.clone(), kind: NoteKind::Failure });
    let items = partial.map(ItemBody::Assistant).into_iter().chain([note]).collect();
    Ending { items, usage: None, state: InboxState::Failed, end: TurnEnd::Failed { message, kind } }
}
