//! What the fake vendor answers: steps, one for each request.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Notify;

/// The answer to one request.
#[derive(Debug, Clone)]
pub enum Step {
    /// A whole answer.
    Reply(Reply),
    /// An answer of which the connection breaks after so many bytes of the body.
    Cut { after_bytes: usize, reply: Reply },
    /// An error instead of an answer. `body` as it is; `None` is an error in the vendor's own form that fits the status.
    Fail { status: u16, body: Option<String>, retry_after: Option<Duration> },
    /// An error event after a good beginning.
    Break { reply: Reply, class: String, message: String },
    /// Nothing at all, for as long as the client waits.
    Hang,
    /// Holds the step back until somebody calls `notify_one`.
    Gate(Arc<Notify>, Box<Step>),
    /// A good status with these bytes as the event stream.
    Raw(String),
}

/// An answer, in the order in which the model says it.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    pub parts: Vec<Part>,
    pub stop: FakeStop,
    pub usage: FakeUsage,
}

#[derive(Debug, Clone)]
pub enum Part {
    Text(String),
    Thinking(String),
    /// A thought of which the vendor shows nothing (where the wire knows this; left out elsewhere).
    Redacted(String),
    ToolCall(FakeCall),
    /// The stream stands still until somebody calls `notify_one`.
    Gate(Arc<Notify>),
    Pause(Duration),
}

#[derive(Debug, Clone)]
pub struct FakeCall {
    /// `None` takes a fresh one in the vendor's form.
    pub id: Option<String>,
    pub name: String,
    /// As the model writes it: JSON, if it writes well.
    pub arguments: String,
}

/// Why the model stops. Tool calls are seen in the parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FakeStop {
    #[default]
    End,
    MaxTokens,
    Refusal,
}

/// Tokens that the vendor claims; `input` without what the cache saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FakeUsage {
    pub input: u64,
    pub output: u64,
    pub cache_read: u64,
    pub cache_write: u64,
}

impl Default for FakeUsage {
    fn default() -> Self {
        Self { input: 100, output: 10, cache_read: 0, cache_write: 0 }
    }
}

impl Step {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Reply(Reply::text(text))
    }

    /// Calls of tools, side by side.
    pub fn tools<N: Into<String>>(calls: impl IntoIterator<Item = (N, Value)>) -> Self {
        Self::Reply(Reply::tools(calls))
    }

    pub fn fail(status: u16) -> Self {
        Self::Fail { status, body: None, retry_after: None }
    }

    pub fn fail_with(status: u16, body: impl Into<String>) -> Self {
        Self::Fail { status, body: Some(body.into()), retry_after: None }
    }

    /// 429 with the vendor's wish.
    pub fn rate_limited(retry_after: Duration) -> Self {
        Self::Fail { status: 429, body: None, retry_after: Some(retry_after) }
    }

    pub fn gated(gate: &Arc<Notify>, step: Self) -> Self {
        Self::Gate(Arc::clone(gate), Box::new(step))
    }
}

impl From<Reply> for Step {
    fn from(reply: Reply) -> Self {
        Self::Reply(reply)
    }
}

impl Reply {
    pub fn new(parts: impl IntoIterator<Item = Part>) -> Self {
        Self { parts: parts.into_iter().collect(), ..Self::default() }
    }

    pub fn text(text: impl Into<String>) -> Self {
        Self::new([Part::Text(text.into())])
    }

    pub fn tools<N: Into<String>>(calls: impl IntoIterator<Item = (N, Value)>) -> Self {
        Self::new(calls.into_iter().map(|(name, arguments)| {
            Part::ToolCall(FakeCall { id: None, name: name.into(), arguments: arguments.to_string() })
        }))
    }

    /// Puts a thought in front.
    #[must_use]
    pub fn thinking(mut self, thought: impl Into<String>) -> Self {
        self.parts.insert(0, Part::Thinking(thought.into()));
        self
    }

    /// Puts text in front.
    #[must_use]
    pub fn saying(mut self, text: impl Into<String>) -> Self {
        self.parts.insert(0, Part::Text(text.into()));
        self
    }

    #[must_use]
    pub fn stopping(self, stop: FakeStop) -> Self {
        Self { stop, ..self }
    }

    #[must_use]
    pub fn costing(self, usage: FakeUsage) -> Self {
        Self { usage, ..self }
    }

    pub(super) fn has_calls(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::ToolCall(_)))
    }
}
