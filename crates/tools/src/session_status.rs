//! `session_status`: what the session is and what it has used.

use std::path::Path;

use chela_agent::{
    CallRisk, Effect, SessionStatus, Tool, ToolContext, ToolDefinition, ToolError, ToolFuture, ToolOutput,
};
use serde_json::{Value, json};

pub(crate) fn parameters() -> Value {
    json!({"type": "object", "properties": {}})
}

pub(crate) struct SessionStatusTool {
    definition: ToolDefinition,
}

impl SessionStatusTool {
    pub(crate) fn new(definition: ToolDefinition) -> Self {
        Self { definition }
    }
}

impl Tool for SessionStatusTool {
    fn definition(&self) -> &ToolDefinition {
        &self.definition
    }

    fn effect(&self, _args: &Value) -> Effect {
        Effect::Read
    }

    fn risk(&self, _args: &Value, _workspace: &Path) -> CallRisk {
        CallRisk::none()
    }

    fn call(&self, _args: Value, context: ToolContext) -> ToolFuture<'_> {
        Box::pin(async move {
            if context.cancel.is_cancelled() {
                return Err(ToolError::Aborted);
            }
            Ok(ToolOutput::text(render(&context)))
        })
    }
}

fn render(context: &ToolContext) -> String {
    let SessionStatus {
        model,
        input_tokens,
        output_tokens,
        cache_read_tokens,
        context_window,
        context_tokens,
        items,
        ..
    } = &*context.status;
    let filled = (context_tokens * 100).checked_div(*context_window).unwrap_or(0);
    format!(
        "Time: {now}\nSession: {session} (agent {agent}), since {since}, {items} items\nModel: {model}\n\
         Context: {context_tokens} of {context_window} tokens ({filled} %)\n\
         Tokens used: {input_tokens} in, {output_tokens} out, {cache_read_tokens} read from cache\n\
         Workspace: {workspace}\nGateway: Chela {version}",
        now = time(context.status.now_ms),
        since = time(context.status.started_at_ms),
        session = context.session,
        agent = context.agent,
        workspace = context.workspace.display(),
        version = context.status.version,
    )
}

fn time(milliseconds: i64) -> String {
    match jiff::Timestamp::from_millisecond(milliseconds) {
        Ok(time) => time.strftime("%A %Y-%m-%d %H:%M:%S UTC").to_string(),
        Err(_) => "unknown".to_owned(),
    }
}
