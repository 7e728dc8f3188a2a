//! Turns what happens in a run into protocol events: `chat` and `agent`, in OpenClaw's shapes.
//!
//! One [`RunEvents`] a run. Pure: it is told the time and returns what to publish. Text is sent at most every
//! [`DELTA_INTERVAL`], since each `chat` delta repeats the whole message so far; a long one less often, so that the traffic stays the same.

use std::time::Duration;

use chela_agent::{AbortReason, CompactionPhase, FailureKind, TurnEnd, TurnEvent, TurnEventKind};
use chela_llm::{StopReason, Usage};
use chela_protocol::{AgentEvent, AgentId, ChatErrorKind, ChatEvent, ChatState, RunId, Scope, SessionKey};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::events::{Audience, Event};

/// How often the text of a running turn is sent. The reference system's pace, which its clients are built for.
pub(crate) const DELTA_INTERVAL: Duration = Duration::from_millis(150);

/// Text that is sent at the full pace. Twice as much is sent half as often.
const FULL_PACE_BYTES: usize = 64 * 1024;

/// Clients with this capability get the tool calls of every run.
const TOOL_EVENTS: &str = "tool-events";

/// The moment of an event on both clocks: one for people, one for pacing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub unix_ms: i64,
    pub instant: Instant,
}

/// What has been told about one run.
pub(crate) struct RunEvents {
    session: SessionKey,
    agent: AgentId,
    run: RunId,
    /// Counts the payloads of this run from 1.
    seq: u64,
    answer: Stretch,
    thinking: Stretch,
    /// A tool ran since the last text: what comes next is a new paragraph.
    paragraph_due: bool,
    /// When text went out last.
    told_at: Option<Instant>,
    started_at_ms: i64,
}

/// Text that grows, and how much of it is out.
#[derive(Default)]
struct Stretch {
    text: String,
    /// Bytes of `text` that were sent.
    told: usize,
    /// Where the text of the current model call begins: a retried call starts again from here.
    call_start: usize,
    /// What was sent is void: the next delta carries everything.
    replaced: bool,
}

impl RunEvents {
    pub(crate) fn new(session: SessionKey, agent: AgentId, run: RunId) -> Self {
        Self {
            session,
            agent,
            run,
            seq: 0,
            answer: Stretch::default(),
            thinking: Stretch::default(),
            paragraph_due: false,
            told_at: None,
            started_at_ms: 0,
        }
    }

    /// The events that follow from this one. [`TurnEventKind::Item`] gives none: it needs the store (`session.message`).
    pub(crate) fn on(&mut self, event: &TurnEvent, now: Moment) -> Vec<Event> {
        match &event.kind {
            TurnEventKind::Started { at_ms, resumed } => {
                self.started_at_ms = *at_ms;
                let data = json!({ "phase": "start", "startedAt": at_ms, "resumed": resumed });
                vec![self.agent_event("lifecycle", data, now)]
            }
            TurnEventKind::Model { provider, model } => {
                let data = json!({ "phase": "model", "provider": provider, "model": model });
                vec![self.agent_event("lifecycle", data, now)]
            }
            TurnEventKind::TextDelta { text, replace } => {
                if std::mem::take(&mut self.paragraph_due) {
                    self.answer.begin_paragraph();
                }
                self.answer.push(text, *replace);
                self.paced(now)
            }
            TurnEventKind::ThinkingDelta { text } => {
                self.thinking.push(text, false);
                self.paced(now)
            }
            TurnEventKind::ToolStart { .. } | TurnEventKind::ToolUpdate { .. } | TurnEventKind::ToolEnd { .. } => {
                self.tool(&event.kind, now)
            }
            TurnEventKind::Item { .. } => Vec::new(),
            TurnEventKind::Usage(usage) => {
                vec![self.agent_event("usage", json!({ "outputTokens": usage.output }), now)]
            }
            TurnEventKind::Compaction(phase) => {
                let phase = match phase {
                    CompactionPhase::Start => "start",
                    CompactionPhase::End => "end",
                };
                vec![self.agent_event("compaction", json!({ "phase": phase, "willRetry": false }), now)]
            }
            TurnEventKind::Ended(end) => self.ended(end, now),
        }
    }

    /// The turn broke and is tried again: all its text so far is void.
    pub(crate) fn restart(&mut self) {
        self.answer.restart();
        self.thinking = Stretch::default();
        self.paragraph_due = false;
    }

    /// When text that was held back must go out, if there is any.
    pub(crate) fn due(&self) -> Option<Instant> {
        let waiting = self.answer.has_news() || self.thinking.has_news();
        self.told_at.filter(|_| waiting).map(|told| told + self.interval())
    }

    /// Sends the text that was held back.
    pub(crate) fn flush(&mut self, now: Moment) -> Vec<Event> {
        let mut events = Vec::new();
        if let Some((delta, replaced)) = self.thinking.take_news() {
            let data = json!({ "text": self.thinking.text, "delta": delta, "replace": replaced });
            events.push(self.agent_event("thinking", data, now));
        }
        if let Some((delta, replaced)) = self.answer.take_news() {
            let data = json!({ "text": self.answer.text, "delta": delta, "replace": replaced });
            events.push(self.agent_event("assistant", data, now));
            let message = assistant_message(&self.answer.text, now.unix_ms);
            let state =
                ChatState::Delta { message: Some(message), delta_text: delta, replace: replaced.then_some(true) };
            events.push(self.chat_event(state));
        }
        if !events.is_empty() {
            self.told_at = Some(now.instant);
        }
        events
    }

    /// The first text goes out at once, later text at the pace.
    fn paced(&mut self, now: Moment) -> Vec<Event> {
        match self.told_at {
            Some(told) if now.instant < told + self.interval() => Vec::new(),
            _ => self.flush(now),
        }
    }

    fn interval(&self) -> Duration {
        let bytes = self.answer.text.len() + self.thinking.text.len();
        DELTA_INTERVAL * u32::try_from(bytes / FULL_PACE_BYTES + 1).unwrap_or(u32::MAX)
    }

    fn tool(&mut self, kind: &TurnEventKind, now: Moment) -> Vec<Event> {
        let data = match kind {
            TurnEventKind::ToolStart { call_id, name, args } => {
                json!({ "phase": "start", "name": name, "toolCallId": call_id, "args": args })
            }
            TurnEventKind::ToolUpdate { call_id, name, partial } => {
                json!({ "phase": "update", "name": name, "toolCallId": call_id, "partialResult": partial })
            }
            TurnEventKind::ToolEnd { call_id, name, output, is_error, details } => json!({
                "phase": "result",
                "name": name,
                "toolCallId": call_id,
                "isError": is_error,
                "result": { "content": [{ "type": "text", "text": output }], "details": details },
            }),
            _ => return Vec::new(),
        };
        let mut events = self.flush(now);
        self.paragraph_due = true;
        self.thinking = Stretch::default();
        let mut event = self.agent_event("tool", data, now);
        event.audience = Audience::Capable(TOOL_EVENTS);
        events.push(event);
        events
    }

    fn ended(&mut self, end: &TurnEnd, now: Moment) -> Vec<Event> {
        let mut events = self.flush(now);
        let (phase, state, mut data) = match end {
            TurnEnd::Final { text, stop, usage, .. } => {
                let stop = stop_word(*stop);
                let message = some_message(text, now.unix_ms);
                let reply = json!({ "disposition": "visible", "text": text });
                let data = json!({ "stopReason": stop, "aborted": false, "terminalReply": reply });
                let (usage, stop_reason) = (Some(usage_value(usage)), Some(stop.to_owned()));
                ("end", ChatState::Final { message, usage, stop_reason }, data)
            }
            TurnEnd::Aborted { text, reason } => {
                let stop = abort_word(*reason);
                let message = some_message(text, now.unix_ms);
                let data = json!({ "stopReason": stop, "aborted": true });
                let stop_reason = Some(stop.to_owned());
                ("end", ChatState::Aborted { message, error_message: None, stop_reason }, data)
            }
            TurnEnd::Failed { message, kind } => {
                let (error_message, error_kind) = (Some(message.clone()), Some(error_kind(*kind)));
                let state = ChatState::Error { message: None, error_message, error_kind };
                ("error", state, json!({ "error": message }))
            }
        };
        data["phase"] = phase.into();
        data["endedAt"] = now.unix_ms.into();
        data["startedAt"] = self.started_at_ms.into();
        events.push(self.agent_event("lifecycle", data, now));
        events.push(self.chat_event(state));
        events
    }

    fn agent_event(&mut self, stream: &'static str, data: Value, now: Moment) -> Event {
        self.seq += 1;
        let payload = AgentEvent {
            run_id: self.run.clone(),
            seq: self.seq,
            stream: stream.to_owned(),
            ts: now.unix_ms,
            data,
            session_key: Some(self.session.clone()),
            session_id: None,
            agent_id: Some(self.agent.clone()),
        };
        Event::new("agent", Audience::Holding(Scope::Read), &payload)
    }

    fn chat_event(&mut self, state: ChatState) -> Event {
        self.seq += 1;
        let payload = ChatEvent {
            run_id: self.run.clone(),
            session_key: self.session.clone(),
            agent_id: Some(self.agent.clone()),
            seq: self.seq,
            state,
        };
        Event::new("chat", Audience::Holding(Scope::Read), &payload)
    }
}

impl Stretch {
    fn push(&mut self, text: &str, replace: bool) {
        if replace {
            self.text.truncate(self.call_start);
            self.replaced |= self.told > self.call_start;
            self.told = self.told.min(self.call_start);
        }
        self.text.push_str(text);
    }

    fn restart(&mut self) {
        self.call_start = 0;
        self.push("", true);
    }

    fn begin_paragraph(&mut self) {
        if !self.text.is_empty() {
            self.text.push_str("\n\n");
        }
        self.call_start = self.text.len();
    }

    fn has_news(&self) -> bool {
        self.replaced || self.told < self.text.len()
    }

    /// The text that is not out yet (all of it after a replacement), now taken as sent.
    fn take_news(&mut self) -> Option<(String, bool)> {
        if !self.has_news() {
            return None;
        }
        let replaced = std::mem::take(&mut self.replaced);
        let from = if replaced { 0 } else { self.told };
        self.told = self.text.len();
        Some((self.text[from..].to_owned(), replaced))
    }
}

/// A message of the assistant as `chat` events and histories carry it.
pub(crate) fn assistant_message(text: &str, at_ms: i64) -> Value {
    json!({ "role": "assistant", "content": [{ "type": "text", "text": text }], "timestamp": at_ms })
}

/// Tokens in OpenClaw's names.
pub(crate) fn usage_value(usage: &Usage) -> Value {
    json!({
        "input": usage.input,
        "output": usage.output,
        "cacheRead": usage.cache_read,
        "cacheWrite": usage.cache_write,
        "totalTokens": usage.total(),
    })
}

pub(crate) fn stop_word(stop: StopReason) -> &'static str {
    match stop {
        StopReason::EndTurn => "stop",
        StopReason::ToolUse => "toolUse",
        StopReason::MaxTokens => "length",
        StopReason::Refusal => "refusal",
    }
}

pub(crate) fn abort_word(reason: AbortReason) -> &'static str {
    match reason {
        AbortReason::User => "rpc",
        AbortReason::Timeout => "timeout",
        AbortReason::Shutdown => "restart",
    }
}

fn error_kind(kind: FailureKind) -> ChatErrorKind {
    match kind {
        FailureKind::Refusal => ChatErrorKind::Refusal,
        FailureKind::Timeout => ChatErrorKind::Timeout,
        FailureKind::RateLimit => ChatErrorKind::RateLimit,
        FailureKind::ContextLength => ChatErrorKind::ContextLength,
        FailureKind::Lasting | FailureKind::Unknown => ChatErrorKind::Unknown,
    }
}

fn some_message(text: &str, at_ms: i64) -> Option<Value> {
    (!text.is_empty()).then(|| assistant_message(text, at_ms))
}
