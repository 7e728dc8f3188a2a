//! What a running turn tells whoever watches. Watching is optional: nothing that must survive travels here.

use chela_llm::{StopReason, ToolUse, Usage};
use chela_protocol::{ItemId, RunId, SessionKey};
use serde_json::Value;
use tokio::sync::mpsc;

/// How many events may wait for a slow watcher; the gateway's watcher only fans out, so a full queue is a bug there.
pub const EVENT_QUEUE: usize = 1024;

/// One thing that happened in a turn.
#[derive(Debug, Clone, PartialEq)]
pub struct TurnEvent {
    pub session: SessionKey,
    pub run: RunId,
    pub kind: TurnEventKind,
}

#[derive(Debug, Clone, PartialEq)]
pub enum TurnEventKind {
    /// The turn left the queue. `resumed` after a crash.
    Started {
        at_ms: i64,
        resumed: bool,
    },
    /// This model answers from here on.
    Model {
        provider: String,
        model: String,
    },
    /// Text since the last event; `replace` when what came before is void (a retried call).
    TextDelta {
        text: String,
        replace: bool,
    },
    ThinkingDelta {
        text: String,
    },
    ToolStart {
        call_id: String,
        name: String,
        args: Value,
    },
    ToolUpdate {
        call_id: String,
        name: String,
        partial: String,
    },
    ToolEnd {
        call_id: String,
        name: String,
        output: String,
        is_error: bool,
        details: Option<Value>,
    },
    /// An item is durable in the transcript.
    Item {
        id: ItemId,
        seq: i64,
    },
    Usage(Usage),
    /// The older part of the conversation is being summarised; the next call waits for it.
    Compaction(CompactionPhase),
    /// The turn is over and what it produced is durable.
    Ended(TurnEnd),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompactionPhase {
    Start,
    /// It is over, whatever came of it.
    End,
}

/// How a turn ended.
#[derive(Debug, Clone, PartialEq)]
pub enum TurnEnd {
    Final {
        text: String,
        stop: StopReason,
        usage: Usage,
        /// Calls of the client's own tools, with which the turn ended; the text may be empty then. What they gave comes with a later
        /// input.
        calls: Vec<ToolUse>,
    },
    /// Somebody stopped it; `text` is what had come until then, and it stays in the transcript.
    Aborted {
        text: String,
        reason: AbortReason,
    },
    Failed {
        message: String,
        kind: FailureKind,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AbortReason {
    /// `/stop`, `chat.abort` or a closed connection that owned the run.
    User,
    /// The turn reached its wall-time limit.
    Timeout,
    /// The gateway stops; the turn resumes at the next start.
    Shutdown,
}

/// In OpenClaw's words, as clients show them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    Refusal,
    Timeout,
    RateLimit,
    ContextLength,
    /// It fails again until somebody changes something: no key, no credit, no such model, a request that is never taken.
    Lasting,
    Unknown,
}

/// Where a turn sends its events.
#[derive(Clone)]
pub struct TurnEvents(Option<mpsc::Sender<TurnEvent>>);

impl TurnEvents {
    pub fn new(sender: mpsc::Sender<TurnEvent>) -> Self {
        Self(Some(sender))
    }

    /// Nobody watches.
    pub fn silent() -> Self {
        Self(None)
    }

    /// Waits when the watcher is behind, so that no delta is lost; a watcher that is gone is no error.
    pub async fn send(&self, session: &SessionKey, run: &RunId, kind: TurnEventKind) {
        if let Some(sender) = &self.0 {
            let _ = sender.send(TurnEvent { session: session.clone(), run: run.clone(), kind }).await;
        }
    }
}
