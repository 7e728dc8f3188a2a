//! `write`: a whole file, replaced in one step.

use std::path::Path;

use chela_agent::{CallRisk, Effect, ExecRule, Tool, ToolContext, ToolDefinition, ToolFuture, ToolOutput};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Kit;
use crate::args::parse;
use crate::files::{Access, Files, blocking, describe, replace};
use crate::risk;

pub(crate) fn parameters() -> Value {
    json!({
        "type": "object",
        "properties": {"path": {"type": "string"}, "content": {"type": "string"}},
        "required": ["path", "content"],
    })
}

pub(crate) struct Write {
    definition: ToolDefinition,
    files: Files,
    rule: ExecRule,
}

#[derive(Deserialize)]
struct Args {
    #[serde(alias = "file_path", alias = "filePath")]
    path: String,
    content: String,
}

impl Write {
    pub(crate) fn new(definition: ToolDefinition, kit: &Kit) -> Self {
        Self { definition, files: kit.files.clone(), rule: kit.rule }
    }
}

impl Tool for Write {
    fn definition(&self) -> &ToolDefinition {
        &self.definition
    }

    fn effect(&self, _args: &Value) -> Effect {
        Effect::Write
    }

    fn risk(&self, args: &Value, workspace: &Path) -> CallRisk {
        match parse::<Args>("write", args.clone()) {
            Ok(args) => risk::of_write(&self.files, self.rule, workspace, vec![args.path], || args.content),
            Err(_) => CallRisk::none(),
        }
    }

    fn call(&self, args: Value, context: ToolContext) -> ToolFuture<'_> {
        Box::pin(async move {
            let Args { path: written, content } = parse("write", args)?;
            let files = self.files.clone();
            blocking(&context.cancel, move || {
                let path = files.judge(&context.workspace).resolve(&written, Access::Write)?;
                replace(&path, content.as_bytes()).map_err(|error| describe(&written, &error))?;
                let lines = content.lines().count();
                Ok(ToolOutput::text(format!("Wrote {} bytes ({lines} lines) to {written}.", content.len())))
            })
            .await
        })
    }
}
