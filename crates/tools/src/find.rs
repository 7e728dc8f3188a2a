//! `find`: files by glob, without what `.gitignore` hides.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use chela_agent::{
    CallRisk, Effect, Provenance, Source, Tool, ToolContext, ToolDefinition, ToolError, ToolFuture, ToolOutput,
};
use globset::{GlobBuilder, GlobMatcher};
use ignore::{Walk, WalkBuilder};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::Kit;
use crate::args::{count, parse, refuse};
use crate::files::{Access, Files, Judge, searching};

/// Paths shown when the model asks for no other number.
const RESULTS_DEFAULT: u64 = 500;
/// Paths shown at most.
const RESULTS_LIMIT: u64 = 5000;
/// How long `find` and `grep` look: a whole disk can take minutes.
pub(crate) const SEARCH_TIME: Duration = Duration::from_secs(20);
/// Folders of the kernel: no files to be found, and some that never end.
const KERNEL_FOLDERS: [&str; 2] = ["/dev", "/sys"];

pub(crate) fn parameters() -> Value {
    json!({
        "type": "object",
        "properties": {
            "pattern": {"type": "string", "description": "glob, e.g. **/*.rs"},
            "path": {"type": "string"},
            "limit": {"type": "integer"},
        },
        "required": ["pattern"],
    })
}

pub(crate) struct Find {
    definition: ToolDefinition,
    files: Files,
}

#[derive(Deserialize)]
struct Args {
    pattern: String,
    path: Option<String>,
    #[serde(default, deserialize_with = "count")]
    limit: Option<u64>,
}

impl Find {
    pub(crate) fn new(definition: ToolDefinition, kit: &Kit) -> Self {
        Self { definition, files: kit.files.clone() }
    }
}

impl Tool for Find {
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
            let args: Args = parse("find", args)?;
            let files = self.files.clone();
            let ToolContext { session, workspace, cancel, .. } = context;
            let inner = cancel.clone();
            searching(&session, &cancel, move || {
                let written = args.path.clone().unwrap_or_else(|| ".".to_owned());
                let output = find(&args, files.judge(&workspace), &inner)?;
                Ok(output.from_outside(Provenance::new(Source::File, written)))
            })
            .await
        })
    }
}

fn find(args: &Args, judge: Judge, cancel: &CancellationToken) -> Result<ToolOutput, ToolError> {
    let root = judge.resolve(args.path.as_deref().unwrap_or("."), Access::Read)?;
    if !root.is_dir() {
        return Err(refuse(format!("`{}` is not a directory.", args.path.as_deref().unwrap_or("."))));
    }
    let matcher = glob(&args.pattern)?;
    let limit = args.limit.unwrap_or(RESULTS_DEFAULT).clamp(1, RESULTS_LIMIT);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let until = Instant::now() + SEARCH_TIME;
    let mut found = Vec::new();
    let mut out_of_time = false;
    for entry in walk(&root, judge).flatten() {
        if cancel.is_cancelled() {
            return Err(ToolError::Aborted);
        }
        out_of_time = Instant::now() > until;
        if out_of_time {
            break;
        }
        let Ok(relative) = entry.path().strip_prefix(&root) else { continue };
        if relative.as_os_str().is_empty() || !matches(&matcher, relative) {
            continue;
        }
        let mark = if entry.file_type().is_some_and(|kind| kind.is_dir()) { "/" } else { "" };
        found.push(format!("{}{mark}", relative.display()));
        if found.len() > limit {
            break;
        }
    }
    let note = if out_of_time { TIME_NOTE } else { "" };
    Ok(ToolOutput::text(render(found, limit) + note))
}

/// What an answer ends with when there was not time for everything.
pub(crate) const TIME_NOTE: &str = "\n[Stopped after 20 s; not everything was searched. Narrow the path.]";

fn render(mut found: Vec<String>, limit: usize) -> String {
    if found.is_empty() {
        return "[No file matches.]".to_owned();
    }
    let cut = found.len() > limit;
    found.truncate(limit);
    let mut text = found.join("\n");
    if cut {
        let _ = write!(text, "\n[The first {limit}; there are more. Narrow the pattern or the path.]");
    }
    text
}

/// A glob as models write it: `*` stays within a folder, and a pattern without `/` is for the name alone.
pub(crate) fn glob(pattern: &str) -> Result<GlobMatcher, ToolError> {
    let pattern = pattern.trim_start_matches("./");
    let anywhere = if pattern.contains('/') { pattern.to_owned() } else { format!("**/{pattern}") };
    GlobBuilder::new(&anywhere)
        .literal_separator(true)
        .build()
        .map(|glob| glob.compile_matcher())
        .map_err(|error| refuse(format!("Wrong glob: {error}.")))
}

pub(crate) fn matches(matcher: &GlobMatcher, relative: &Path) -> bool {
    matcher.is_match(relative)
}

/// Everything below `root`, in order of name, without `.git`, what ignore files hide, and what is private to the gateway.
/// Links are not followed.
pub(crate) fn walk(root: &Path, judge: Judge) -> Walk {
    WalkBuilder::new(root)
        .hidden(false)
        .require_git(false)
        .git_global(false)
        .parents(false)
        .sort_by_file_name(std::ffi::OsStr::cmp)
        .filter_entry(move |entry| {
            let is_kernel = KERNEL_FOLDERS.iter().any(|folder| entry.path() == Path::new(folder));
            entry.file_name() != ".git" && !is_kernel && !judge.is_private(entry.path(), Access::Read)
        })
        .build()
}
