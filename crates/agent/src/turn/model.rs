//! One call to a model: its stream becomes events, and at its end an answer.

use chela_llm::{Block, Completion, EventStream, LlmError, ModelRef, Price, Request, StreamEvent, Usage};
use chela_protocol::RunId;
use chela_store::{NewUsage, Session, StoreError, fault};
use futures_util::StreamExt;

use super::state::Turn;
use crate::shown::Shown;
use crate::transcript::{AssistantBody, Cut};
use crate::{AbortReason, Reservation, TurnEventKind, TurnWorld};

/// How a call to a model ended.
pub(super) enum Answer {
    Whole(AssistantBody),
    /// Cut off from outside, with what had come until then.
    Stopped(AbortReason, Option<AssistantBody>),
    Failed(LlmError, Option<AssistantBody>),
}

/// What has come of an answer.
#[derive(Default)]
struct Partial {
    provider: String,
    model: String,
    text: String,
    /// Any delta came.
    began: bool,
}

impl Partial {
    fn body(self, cut: Cut) -> Option<AssistantBody> {
        if self.text.trim().is_empty() {
            return None;
        }
        Some(AssistantBody {
            blocks: vec![Block::Text { text: self.text }],
            provider: self.provider,
            model: self.model,
            stop: None,
            usage: Usage::default(),
            response_id: None,
            cut: Some(cut),
        })
    }
}

impl Turn<'_> {
    pub(super) async fn call_model(&mut self, place: Reservation, shown: &Shown) -> Result<Answer, StoreError> {
        fault::point("turn.before_model");
        self.calls += 1;
        self.keep_shortened(shown).await;
        let mut stream = self.world.models.stream(&self.chain, self.request(shown));
        let mut partial = Partial::default();
        let ended = self.read(&mut stream, &mut partial).await;
        drop(stream);
        let has_begun = !partial.model.is_empty();
        let answer = match ended {
            ReadEnd::Done(completion) => {
                let body = self.whole(completion, partial);
                place.settle(self.spent(&body).spent());
                return Ok(Answer::Whole(body));
            }
            ReadEnd::Stopped(reason) => {
                let cut = if reason == AbortReason::Timeout { Cut::Timeout } else { Cut::Aborted };
                Answer::Stopped(reason, partial.body(cut))
            }
            ReadEnd::Failed(error) => Answer::Failed(error, partial.body(Cut::Failed)),
        };
        if has_begun {
            place.settle_unknown();
        }
        Ok(answer)
    }

    fn request(&self, shown: &Shown) -> Request {
        Request {
            model: String::new(),
            system: self.prefix.system.clone(),
            messages: shown.messages(&self.history, &self.model, &self.pruning()),
            tools: self.prefix.tools.clone(),
            thinking: self.thinking,
            max_output_tokens: self.max_output_tokens,
            temperature: self.temperature,
            cache_key: Some(self.session.id.to_string()),
        }
    }

    /// Whether a call carries files.
    pub(super) fn shows_media(&self) -> bool {
        let messages = self.shown().messages(&self.history, &self.model, &self.pruning());
        messages.iter().flat_map(|message| &message.blocks).any(|block| match block {
            Block::Media(_) => true,
            Block::ToolResult(result) => !result.media.is_empty(),
            Block::Text { .. } | Block::Thinking(_) | Block::ToolUse(_) => false,
        })
    }

    async fn read(&self, stream: &mut EventStream, partial: &mut Partial) -> ReadEnd {
        loop {
            let event = tokio::select! {
                biased;
                reason = self.stop.wait() => return ReadEnd::Stopped(reason),
                event = stream.next() => event,
            };
            match event {
                Some(Ok(StreamEvent::Done(completion))) => return ReadEnd::Done(completion),
                Some(Ok(event)) => self.pass_on(event, partial).await,
                Some(Err(error)) => return ReadEnd::Failed(error),
                None => return ReadEnd::Failed(Self::broken_off(partial)),
            }
        }
    }

    async fn pass_on(&self, event: StreamEvent, partial: &mut Partial) {
        match event {
            StreamEvent::Started { provider, model } => {
                (partial.provider, partial.model) = (provider.clone(), model.clone());
                self.emit(TurnEventKind::Model { provider, model }).await;
            }
            StreamEvent::Restart => {
                partial.text.clear();
                self.emit(TurnEventKind::TextDelta { text: String::new(), replace: true }).await;
            }
            StreamEvent::TextDelta(text) => {
                partial.text.push_str(&text);
                self.emit(TurnEventKind::TextDelta { text, replace: false }).await;
                partial.mark();
            }
            StreamEvent::ThinkingDelta(text) => {
                self.emit(TurnEventKind::ThinkingDelta { text }).await;
                partial.mark();
            }
            StreamEvent::ToolUseStart { .. } | StreamEvent::ToolUseDelta { .. } => partial.mark(),
            StreamEvent::Done(_) => {}
        }
    }

    fn broken_off(partial: &Partial) -> LlmError {
        LlmError {
            provider: partial.provider.clone(),
            model: partial.model.clone(),
            kind: chela_llm::LlmErrorKind::Protocol { message: "the answer broke off".to_owned() },
            status: None,
            after_output: partial.began,
        }
    }

    fn whole(&mut self, completion: Completion, partial: Partial) -> AssistantBody {
        let Completion { blocks, stop, usage, response_id } = completion;
        self.usage.add(&usage);
        self.context_tokens = usage.input + usage.cache_read + usage.cache_write;
        AssistantBody {
            blocks,
            provider: partial.provider,
            model: partial.model,
            stop: Some(stop),
            usage,
            response_id,
            cut: None,
        }
    }

    /// Books what a call used. Runs beside the write of its answer, so that both share one commit.
    pub(super) fn booking(&self, body: &AssistantBody) -> impl Future<Output = Result<(), StoreError>> + 'static {
        let (usage, store) = (self.spent(body), self.world.store.clone());
        async move { store.record_usage(usage).await }
    }

    /// What a call used, and what that costs.
    pub(super) fn spent(&self, body: &AssistantBody) -> NewUsage {
        let reference = ModelRef { provider: body.provider.clone(), model: body.model.clone() };
        NewUsage {
            agent: self.row.agent.clone(),
            tools: body.tool_uses().map(|call| call.name.clone()).collect(),
            ..usage_of(self.world, &self.session, &self.row.run, reference, &body.usage)
        }
    }
}

/// What a call used, as it is booked.
pub(crate) fn usage_of(world: &TurnWorld, session: &Session, run: &RunId, model: ModelRef, usage: &Usage) -> NewUsage {
    NewUsage {
        session_id: session.id.clone(),
        agent: session.agent.clone(),
        run: run.clone(),
        input: usage.input,
        output: usage.output,
        cache_read: usage.cache_read,
        cache_write: usage.cache_write,
        cost_micros: world.models.info(&model).price.map(|price| cost_micros(price, usage)),
        provider: model.provider,
        model: model.model,
        tools: Vec::new(),
        at_ms: world.clock.now_ms(),
    }
}

enum ReadEnd {
    Done(Completion),
    Stopped(AbortReason),
    Failed(LlmError),
}

impl Partial {
    /// Marks the first output of a call.
    fn mark(&mut self) {
        if !std::mem::replace(&mut self.began, true) {
            fault::point("turn.in_stream");
        }
    }
}

/// A price in dollars per million tokens is a price in millionths of a dollar per token.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "token counts are far below 2^52, and prices are never negative"
)]
pub(super) fn cost_micros(price: Price, usage: &Usage) -> u64 {
    let cost = price.input * usage.input as f64
        + price.output * usage.output as f64
        + price.cache_read * usage.cache_read as f64
        + price.cache_write * usage.cache_write as f64;
    cost.round().max(0.0) as u64
}
