//! `grep`: lines by regular expression, without what `.gitignore` hides.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::Instant;

use chela_agent::{
    CallRisk, Clearance, Effect, ExecRule, Provenance, Source, Tool, ToolContext, ToolDefinition, ToolError,
    ToolFuture, ToolOutput, open_real,
};
use globset::GlobMatcher;
use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::Kit;
use crate::args::{count, parse, refuse};
use crate::files::{Access, Files, Judge, open, searching};
use crate::find::{SEARCH_TIME, TIME_NOTE, glob, matches, walk};
use crate::risk;

/// Matches shown when the model asks for no other number.
const MATCHES_DEFAULT: u64 = 100;
/// Matches shown at most.
const MATCHES_LIMIT: u64 = 1000;
/// Lines around a match at most.
const CONTEXT_LIMIT: u64 = 20;
/// Characters of a line that are shown.
const LINE_LIMIT: usize = 400;
/// Bytes of the whole answer.
const BYTES_LIMIT: usize = 50_000;
/// Larger files are passed over: they are logs or data, and are held in memory whole.
const FILE_LIMIT: u64 = 20_000_000;
/// Memory of the compiled expression.
const REGEX_LIMIT: usize = 2_000_000;

pub(crate) fn parameters() -> Value {
    json!({
        "type": "object",
        "properties": {
            "pattern": {"type": "string"},
            "path": {"type": "string"},
            "glob": {"type": "string", "description": "only these files"},
            "ignoreCase": {"type": "boolean"},
            "literal": {"type": "boolean"},
            "context": {"type": "integer"},
            "limit": {"type": "integer"},
        },
        "required": ["pattern"],
    })
}

pub(crate) struct Grep {
    definition: ToolDefinition,
    files: Files,
    rule: ExecRule,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Args {
    pattern: String,
    path: Option<String>,
    glob: Option<String>,
    ignore_case: Option<bool>,
    literal: Option<bool>,
    #[serde(default, deserialize_with = "count")]
    context: Option<u64>,
    #[serde(default, deserialize_with = "count")]
    limit: Option<u64>,
}

impl Grep {
    pub(crate) fn new(definition: ToolDefinition, kit: &Kit) -> Self {
        Self { definition, files: kit.files.clone(), rule: kit.rule }
    }
}

impl Tool for Grep {
    fn definition(&self) -> &ToolDefinition {
        &self.definition
    }

    fn effect(&self, _args: &Value) -> Effect {
        Effect::Read
    }

    fn risk(&self, args: &Value, workspace: &Path) -> CallRisk {
        match parse::<Args>("grep", args.clone()) {
            Ok(args) => risk::of_search(&self.files, self.rule, workspace, args.path.as_deref().unwrap_or(".")),
            Err(_) => CallRisk::none(),
        }
    }

    fn call(&self, args: Value, context: ToolContext) -> ToolFuture<'_> {
        Box::pin(async move {
            let args: Args = parse("grep", args)?;
            let files = self.files.clone();
            let ToolContext { session, workspace, cancel, clearance, .. } = context;
            let inner = cancel.clone();
            // Credentials are a question of their own (`risk`), and nobody was asked about what lies on the way.
            let closed = match clearance {
                Clearance::Trusted | Clearance::Approved => Closed::Nothing,
                Clearance::Tainted => Closed::Secrets,
                Clearance::Overheard => Closed::SecretsAndOthers,
            };
            searching(&session, &cancel, move || {
                let written = args.path.as_deref().unwrap_or(".");
                let output = grep(&args, &files.judge(&workspace), closed, &inner)?;
                Ok(output.from_outside(Provenance::new(Source::File, written)))
            })
            .await
        })
    }
}

/// What a search passes over on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Closed {
    Nothing,
    /// What looks like credentials.
    Secrets,
    /// That, and what the agent keeps for its owner or from other conversations.
    SecretsAndOthers,
}

impl Closed {
    fn holds(self, judge: &Judge, path: &Path) -> bool {
        let is_others = || {
            judge.within_workspace(path).is_some_and(|path| risk::is_memory(path) || risk::is_of_conversations(path))
        };
        match self {
            Self::Nothing => false,
            Self::Secrets => risk::looks_secret(path),
            Self::SecretsAndOthers => risk::looks_secret(path) || is_others(),
        }
    }
}

fn grep(args: &Args, judge: &Judge, closed: Closed, cancel: &CancellationToken) -> Result<ToolOutput, ToolError> {
    let written = args.path.as_deref().unwrap_or(".");
    let root = judge.resolve(written, Access::Read)?;
    let mut search = Search::new(args)?;
    if root.is_file() {
        let file = open(written, &root)?;
        search.file(written, file);
        return Ok(ToolOutput::text(search.render()));
    }
    let only: Option<GlobMatcher> = args.glob.as_deref().map(glob).transpose()?;
    if !root.exists() {
        return Err(refuse(format!("`{written}` does not exist.")));
    }
    let until = Instant::now() + SEARCH_TIME;
    for entry in walk(&root, judge.clone()).flatten() {
        if Instant::now() > until {
            return Ok(ToolOutput::text(search.render() + TIME_NOTE));
        }
        if cancel.is_cancelled() {
            return Err(ToolError::Aborted);
        }
        let Ok(relative) = entry.path().strip_prefix(&root) else { continue };
        let wanted = only.as_ref().is_none_or(|only| matches(only, relative));
        if !wanted || !entry.file_type().is_some_and(|kind| kind.is_file()) {
            continue;
        }
        if closed.holds(judge, entry.path()) {
            search.secret += 1;
            continue;
        }
        search_entry(&mut search, relative, entry.path());
        if search.is_full() {
            break;
        }
    }
    Ok(ToolOutput::text(search.render()))
}

fn search_entry(search: &mut Search, relative: &Path, path: &Path) {
    // A file that vanished or can't be read is no match.
    if let Ok(file) = open_real(path) {
        search.file(&relative.to_string_lossy(), file);
    }
}

/// A search under way.
struct Search {
    regex: Regex,
    context: usize,
    limit: usize,
    matches: usize,
    text: String,
    passed_over: usize,
    /// Files that were not searched because they look like credentials.
    secret: usize,
}

impl Search {
    fn new(args: &Args) -> Result<Self, ToolError> {
        let literal = args.literal.unwrap_or(false);
        let pattern = if literal { regex::escape(&args.pattern) } else { args.pattern.clone() };
        let regex = RegexBuilder::new(&pattern)
            .case_insensitive(args.ignore_case.unwrap_or(false))
            .multi_line(true)
            .crlf(true)
            .size_limit(REGEX_LIMIT)
            .build()
            .map_err(|error| {
                refuse(format!("Wrong regular expression: {error}. Set literal to search for plain text."))
            })?;
        let within = |number: Option<u64>, default: u64, most: u64| {
            usize::try_from(number.unwrap_or(default).min(most)).unwrap_or(0)
        };
        Ok(Self {
            regex,
            context: within(args.context, 0, CONTEXT_LIMIT),
            limit: within(args.limit, MATCHES_DEFAULT, MATCHES_LIMIT).max(1),
            matches: 0,
            text: String::new(),
            passed_over: 0,
            secret: 0,
        })
    }

    fn is_full(&self) -> bool {
        self.matches >= self.limit || self.text.len() >= BYTES_LIMIT
    }

    fn file(&mut self, name: &str, file: File) {
        let mut bytes = Vec::new();
        match file.take(FILE_LIMIT + 1).read_to_end(&mut bytes) {
            Ok(read) if read as u64 > FILE_LIMIT => self.passed_over += 1,
            Ok(_) if !bytes.contains(&0) => self.lines(name, &bytes),
            _ => {}
        }
    }

    fn lines(&mut self, name: &str, bytes: &[u8]) {
        // Most files have no match at all, and the whole is searched much faster than its lines.
        if !self.regex.is_match(bytes) {
            return;
        }
        let lines: Vec<&[u8]> =
            bytes.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line)).collect();
        // The piece behind the last newline is no line.
        let count = lines.len() - usize::from(lines.last().is_some_and(|line| line.is_empty()));
        let mut shown_to = 0;
        for index in 0..count {
            if self.is_full() {
                return;
            }
            if !self.regex.is_match(lines[index]) {
                continue;
            }
            self.matches += 1;
            let from = index.saturating_sub(self.context).max(shown_to);
            let to = (index + self.context + 1).min(count);
            if self.context > 0 && from > shown_to && !self.text.is_empty() {
                self.text.push_str("--\n");
            }
            for (number, line) in lines.iter().enumerate().take(to).skip(from) {
                self.line(name, number, line, number == index || self.regex.is_match(line));
            }
            shown_to = to.max(shown_to);
        }
    }

    fn line(&mut self, name: &str, number: usize, line: &[u8], is_match: bool) {
        let mark = if is_match { ':' } else { '-' };
        let line = String::from_utf8_lossy(line);
        let shown: String = line.chars().take(LINE_LIMIT).collect();
        let cut = if shown.len() < line.len() { " […]" } else { "" };
        let _ = writeln!(self.text, "{name}{mark}{}{mark} {shown}{cut}", number + 1);
    }

    fn render(mut self) -> String {
        let full = self.is_full();
        if self.matches == 0 {
            self.text.push_str("[No match.]\n");
        } else if full {
            let _ = writeln!(self.text, "[Stopped after {} matches. Narrow the pattern, path or glob.]", self.matches);
        }
        if self.passed_over > 0 {
            let _ =
                writeln!(self.text, "[{} files larger than {FILE_LIMIT} bytes were passed over.]", self.passed_over);
        }
        if self.secret > 0 {
            let _ = writeln!(
                self.text,
                "[{} files that look like credentials, or that are not for everybody here, were passed over; search each by its path, and an owner is asked.]",
                self.secret
            );
        }
        self.text.truncate(self.text.trim_end().len());
        self.text
    }
}

#[cfg(test)]
mod tests {
    use chela_agent::ToolContext;
    use serde_json::json;

    use super::*;
    use crate::tests::Bench;

    #[tokio::test]
    async fn g36_where_others_listen_the_owners_memory_is_passed_over() {
        let bench = Bench::new();
        for file in ["MEMORY.md", "memory/today.md", "media/inbound/a.txt", ".chela/results/b.txt", "notes.txt", ".env"]
        {
            bench.write(file, "needle");
        }
        // The state dir of this bench is `.chela` itself, which nobody searches.
        for (clearance, found) in [(Clearance::Trusted, 5), (Clearance::Tainted, 4), (Clearance::Overheard, 1)] {
            let context = ToolContext { clearance, ..bench.context() };
            let output = bench.tool("grep").call(json!({ "pattern": "needle" }), context).await.unwrap();
            assert_eq!(output.text.matches("needle").count(), found, "{clearance:?}: {}", output.text);
        }
    }
}
