//! `ls`: the names in a directory.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use chela_agent::{
    CallRisk, Effect, Provenance, Source, Tool, ToolContext, ToolDefinition, ToolError, ToolFuture, ToolOutput,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::Kit;
use crate::args::{count, parse};
use crate::files::{Access, Files, blocking, describe};

/// Names shown when the model asks for no other number.
const ENTRIES_DEFAULT: u64 = 500;
/// Names shown at most.
const ENTRIES_LIMIT: u64 = 5000;
/// Names read at most, so that a directory of millions can't fill the memory.
const SCAN_LIMIT: usize = 100_000;

pub(crate) fn parameters() -> Value {
    json!({
        "type": "object",
        "properties": {"path": {"type": "string"}, "limit": {"type": "integer"}},
    })
}

pub(crate) struct Ls {
    definition: ToolDefinition,
    files: Files,
}

#[derive(Deserialize)]
struct Args {
    path: Option<String>,
    #[serde(default, deserialize_with = "count")]
    limit: Option<u64>,
}

impl Ls {
    pub(crate) fn new(definition: ToolDefinition, kit: &Kit) -> Self {
        Self { definition, files: kit.files.clone() }
    }
}

impl Tool for Ls {
    fn definition(&self) -> &ToolDefinition {
        &self.definition
    }

    fn effect(&self, _args: &Value) -> Effect {
        Effect::Read
    }

    fn risk(&self, _args: &Value, _workspace: &Path) -> CallRisk {
        CallRisk::none()
    }

    fn call(&self, args: Value, context: ToolContext) -> ToolFuture<'_> {
        Box::pin(async move {
            let args: Args = parse("ls", args)?;
            let files = self.files.clone();
            let ToolContext { workspace, cancel, .. } = context;
            let inner = cancel.clone();
            blocking(&cancel, move || {
                let written = args.path.as_deref().unwrap_or(".");
                let path = files.judge(&workspace).resolve(written, Access::Read)?;
                let names = list(&path, &inner).map_err(|error| describe(written, &error))?;
                if inner.is_cancelled() {
                    return Err(ToolError::Aborted);
                }
                let output = ToolOutput::text(render(&names, args.limit));
                Ok(output.from_outside(Provenance::new(Source::File, written)))
            })
            .await
        })
    }
}

/// Sorted names; those of directories end in `/`, of links in `@`.
fn list(path: &Path, cancel: &CancellationToken) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path)?.take(SCAN_LIMIT) {
        if cancel.is_cancelled() {
            break;
        }
        let entry = entry?;
        let mark = match entry.file_type() {
            Ok(kind) if kind.is_dir() => "/",
            Ok(kind) if kind.is_symlink() => "@",
            _ => "",
        };
        names.push(format!("{}{mark}", entry.file_name().to_string_lossy()));
    }
    names.sort_unstable_by(|a, b| a.to_lowercase().cmp(&b.to_lowercase()).then_with(|| a.cmp(b)));
    Ok(names)
}

fn render(names: &[String], limit: Option<u64>) -> String {
    if names.is_empty() {
        return "[The directory is empty.]".to_owned();
    }
    let limit = limit.unwrap_or(ENTRIES_DEFAULT).clamp(1, ENTRIES_LIMIT);
    let shown = usize::try_from(limit).unwrap_or(usize::MAX).min(names.len());
    let mut text = names[..shown].join("\n");
    if shown < names.len() {
        let _ = write!(text, "\n[{shown} of {} names. Use find with a pattern, or a larger limit.]", names.len());
    }
    text
}
