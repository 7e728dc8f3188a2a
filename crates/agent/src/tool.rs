//! The contract between the agent loop and its tools.
//!
//! A tool acts only through its [`ToolContext`]; it never sees the store, a channel or the configuration's root.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

// The words of the contract: a tool needs no other crate of the house.
pub use chela_llm::{Media, ToolDefinition};
pub use chela_protocol::{AgentId, RunId, SessionKey};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{CallRisk, Clearance, Provenance};

/// What a call changes, which decides what happens to it after a crash. Who must approve it is told by its [`CallRisk`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Changes nothing: repeated when a crash cut it off.
    Read,
    /// Changes files or processes of this machine.
    Write,
    /// Reaches beyond this machine.
    External,
}

/// The whole world of one tool call.
#[derive(Clone)]
pub struct ToolContext {
    pub agent: AgentId,
    pub session: SessionKey,
    pub run: RunId,
    /// The vendor's id of the call.
    pub call_id: String,
    /// The agent's folder: relative paths start here.
    pub workspace: PathBuf,
    /// Fires when the turn is aborted; a tool then stops what it started and returns soon.
    pub cancel: CancellationToken,
    /// Output as it comes, for people who watch; bounded, and dropped when nobody reads fast enough.
    pub progress: ToolProgress,
    /// What `session_status` reports: a snapshot taken when the call began.
    pub status: Arc<SessionStatus>,
    /// How the call came to run. A tool that can do with less of the world (the network) gives it only to what was cleared.
    pub clearance: Clearance,
}

/// Where a tool shows what it has so far.
#[derive(Clone)]
pub struct ToolProgress(Option<mpsc::Sender<String>>);

impl ToolProgress {
    pub fn new(sender: mpsc::Sender<String>) -> Self {
        Self(Some(sender))
    }

    /// Nobody watches.
    pub fn silent() -> Self {
        Self(None)
    }

    pub fn show(&self, text: impl Into<String>) {
        if let Some(sender) = &self.0 {
            let _ = sender.try_send(text.into());
        }
    }
}

/// Facts about the running session that the model may ask for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionStatus {
    /// `provider/model`.
    pub model: String,
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub cache_read_tokens: u64,
    pub context_window: u64,
    /// Tokens of the context at the last call, as the vendor counted them.
    pub context_tokens: u64,
    /// Items of the conversation.
    pub items: u64,
    pub started_at_ms: i64,
    pub now_ms: i64,
    pub version: String,
}

/// What a call gives back to the model.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ToolOutput {
    pub text: String,
    pub media: Vec<Media>,
    /// Facts for the interface (exit code, diff, …) that the model doesn't see.
    pub details: Option<Value>,
    /// Where the text came from, if anybody may have written it. It taints the turn, and the model sees it between marks.
    pub untrusted: Option<Provenance>,
}

impl ToolOutput {
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Marks the text as something that anybody may have written.
    #[must_use]
    pub fn from_outside(self, provenance: Provenance) -> Self {
        Self { untrusted: Some(provenance), ..self }
    }
}

/// Why a call gave no output.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// The model reads this and may try otherwise: worded for it, with the value and the next step.
    #[error("{0}")]
    ToModel(String),
    /// The same, holding words that anybody may have chosen (an address that a page leads to): as untrusted as an output of this
    /// provenance.
    #[error("{text}")]
    FromOutside { text: String, provenance: Provenance },
    /// The turn was aborted.
    #[error("aborted")]
    Aborted,
}

pub type ToolFuture<'a> = Pin<Box<dyn Future<Output = Result<ToolOutput, ToolError>> + Send + 'a>>;

/// Something that the model can call.
pub trait Tool: Send + Sync {
    /// Byte-stable for the life of the process: it is part of the cached prompt prefix.
    fn definition(&self) -> &ToolDefinition;

    /// What a call with these arguments changes.
    fn effect(&self, args: &Value) -> Effect;

    /// What a call with these arguments could do in the wrong hands. Looks at files, but only for as long as it takes to follow
    /// a path. Arguments that make no sense carry no risk: the call fails on them.
    fn risk(&self, args: &Value, workspace: &Path) -> CallRisk;

    /// Runs the call. `args` is always a JSON object and may hold anything: it was written by a model.
    fn call(&self, args: Value, context: ToolContext) -> ToolFuture<'_>;
}

/// The tools of one agent, in the order in which the model sees them.
#[derive(Clone, Default)]
pub struct ToolSet(Vec<Arc<dyn Tool>>);

impl ToolSet {
    pub fn new(tools: Vec<Arc<dyn Tool>>) -> Self {
        Self(tools)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Tool>> {
        self.0.iter()
    }

    pub fn get(&self, name: &str) -> Option<&Arc<dyn Tool>> {
        self.0.iter().find(|tool| tool.definition().name == name)
    }

    pub fn definitions(&self) -> Vec<ToolDefinition> {
        self.0.iter().map(|tool| tool.definition().clone()).collect()
    }
}
