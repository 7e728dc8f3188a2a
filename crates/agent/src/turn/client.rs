//! Tools that the client runs itself. The model is offered them behind the agent's own; a call of one ends the turn, and what it gave
//! comes with a later input and stands where the result of any tool stands.
//!
//! Nobody knows where a client has its results from, so they are as untrusted as a web page. That keeps the taint of a conversation in
//! which a tainted turn handed over and the next one goes on.

use std::path::Path;

use chela_llm::{ToolDefinition, ToolResult, ToolUse};
use chela_store::{Item, ItemKind};

use super::output;
use super::state::Turn;
use crate::transcript::{ItemBody, ToolResultEntry, ToolResultsBody, UntrustedMark};
use crate::untrusted::mark_id;
use crate::{Provenance, Source, ToolOutput, ToolSet};

/// The tools of the client that the model is offered: no two of one name, and the agent's own first.
pub(super) fn offered(tools: Vec<ToolDefinition>, own: &ToolSet) -> Vec<ToolDefinition> {
    let mut offered = Vec::<ToolDefinition>::with_capacity(tools.len());
    for tool in tools {
        if own.get(&tool.name).is_none() && offered.iter().all(|other| other.name != tool.name) {
            offered.push(tool);
        }
    }
    offered
}

/// Results as they stand in the transcript, cut like those of any tool.
pub(super) async fn results_body(results: Vec<ToolResult>, workspace: &Path) -> ToolResultsBody {
    let mark = mark_id();
    let mut entries = Vec::with_capacity(results.len());
    for ToolResult { tool_use_id, name, text, media, is_error } in results {
        let output = ToolOutput { text, media, ..ToolOutput::default() };
        let ToolOutput { text, media, .. } = output::bounded(output, workspace, &tool_use_id).await;
        let provenance = Provenance::new(Source::ClientTool, name.clone());
        entries.push(ToolResultEntry {
            result: ToolResult { tool_use_id, name, text, media, is_error },
            details: None,
            untrusted: Some(UntrustedMark { provenance, mark: mark.clone() }),
        });
    }
    ToolResultsBody { results: entries }
}

/// The calls of the last answer that has any, as far as they have no result yet. Items are oldest first.
pub fn unanswered_calls<'i>(items: impl DoubleEndedIterator<Item = &'i Item>) -> Vec<ToolUse> {
    let mut answered = Vec::new();
    for item in items.rev() {
        match (item.kind, ItemBody::of(item)) {
            (ItemKind::ToolResults, Some(ItemBody::ToolResults(body))) => {
                answered.extend(body.results.into_iter().map(|entry| entry.result.tool_use_id));
            }
            // The calls of an answer that was cut off count for nothing.
            (ItemKind::Assistant, Some(ItemBody::Assistant(body))) if body.cut.is_none() => {
                let calls: Vec<_> = body.tool_uses().cloned().collect();
                if !calls.is_empty() {
                    return calls.into_iter().filter(|call| !answered.contains(&call.id)).collect();
                }
            }
            _ => {}
        }
    }
    Vec::new()
}

impl Turn<'_> {
    /// The calls that are the client's, and the agent's own.
    pub(super) fn without_clients(&self, calls: impl IntoIterator<Item = ToolUse>) -> (Vec<ToolUse>, Vec<ToolUse>) {
        calls.into_iter().partition(|call| self.client_tools.contains(&call.name))
    }
}
