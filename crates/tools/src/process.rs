//! `process`: the background commands of this session: what they say, what they are told, and their end.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chela_agent::{
    CallRisk, Effect, ExecRule, Risk, Subject, Tool, ToolContext, ToolDefinition, ToolError, ToolFuture, ToolOutput,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::args::{count, parse, refuse};
use crate::exec::spool::cut_middle;
use crate::exec::{Input, InputKind, Job, KILL_GRACE, TEXT_LIMIT, describe, details, provenance};
use crate::{Kit, Processes};

/// How long a poll waits for news when the model doesn't say.
const POLL_DEFAULT_MS: u64 = 5_000;
/// How long a poll may wait.
const POLL_LIMIT_MS: u64 = 120_000;
/// Lines of a log when the model doesn't say.
const LOG_LINES: usize = 200;
/// Bytes typed in one call; a pipe takes 64 KB without a reader.
const TYPED_LIMIT: usize = 60_000;
/// Characters of a command in the list.
const COMMAND_SHOWN: usize = 100;

pub(crate) fn parameters() -> Value {
    json!({
        "type": "object",
        "properties": {
            "action": {"type": "string", "enum": ["list", "poll", "log", "write", "submit", "send-keys", "kill", "remove"]},
            "sessionId": {"type": "string"},
            "data": {"type": "string", "description": "text for write or submit (adds Enter)"},
            "eof": {"type": "boolean"},
            "keys": {"type": "array", "items": {"type": "string"}, "description": "e.g. C-c, Up, Enter"},
            "offset": {"type": "integer"},
            "limit": {"type": "integer"},
            "timeout": {"type": "integer", "description": "ms a poll waits"},
        },
        "required": ["action"],
    })
}

pub(crate) struct Process {
    definition: ToolDefinition,
    processes: Processes,
    rule: ExecRule,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Args {
    action: Action,
    #[serde(alias = "session_id", alias = "id")]
    session_id: Option<String>,
    #[serde(alias = "text")]
    data: Option<String>,
    eof: Option<bool>,
    keys: Option<Vec<String>>,
    #[serde(default, deserialize_with = "count")]
    offset: Option<u64>,
    #[serde(default, deserialize_with = "count")]
    limit: Option<u64>,
    #[serde(default, deserialize_with = "count")]
    timeout: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Action {
    List,
    Poll,
    Log,
    Write,
    Submit,
    #[serde(alias = "send_keys")]
    SendKeys,
    Kill,
    #[serde(alias = "clear")]
    Remove,
}

impl Process {
    pub(crate) fn new(definition: ToolDefinition, kit: &Kit) -> Self {
        Self { definition, processes: kit.host.processes.clone(), rule: kit.rule }
    }
}

impl Tool for Process {
    fn definition(&self) -> &ToolDefinition {
        &self.definition
    }

    fn effect(&self, args: &Value) -> Effect {
        match args.get("action").and_then(Value::as_str) {
            Some("list" | "log") => Effect::Read,
            // A poll moves the mark of what was seen.
            _ => Effect::Write,
        }
    }

    fn risk(&self, args: &Value, _workspace: &Path) -> CallRisk {
        let Ok(args) = parse::<Args>("process", args.clone()) else { return CallRisk::none() };
        match args.action {
            Action::Write | Action::Submit | Action::SendKeys => {}
            Action::List | Action::Poll | Action::Log | Action::Kill | Action::Remove => return CallRisk::none(),
        }
        let text = [args.data.unwrap_or_default(), args.keys.unwrap_or_default().join(" ")].concat();
        let subject = Subject::Typing { session: args.session_id.unwrap_or_default(), text };
        CallRisk { risk: Risk::Exec, subject, rule: self.rule }
    }

    fn call(&self, args: Value, context: ToolContext) -> ToolFuture<'_> {
        Box::pin(async move {
            let args: Args = parse("process", args)?;
            tokio::select! {
                biased;
                () = context.cancel.cancelled() => Err(ToolError::Aborted),
                output = self.run(args, &context) => output,
            }
        })
    }
}

impl Process {
    async fn run(&self, args: Args, context: &ToolContext) -> Result<ToolOutput, ToolError> {
        if args.action == Action::List {
            return Ok(ToolOutput::text(list(&self.processes.of(&context.session))));
        }
        let Some(id) = args.session_id.as_deref() else {
            return Err(refuse("This action needs a sessionId; the action list shows them."));
        };
        let Some(job) = self.processes.get(id, &context.session) else {
            return Err(refuse(format!("There is no command `{id}`; the action list shows those that there are.")));
        };
        let text = match args.action {
            Action::List | Action::Poll => poll(&job, args.timeout).await,
            Action::Log => log(&job, &args),
            Action::Write | Action::Submit | Action::SendKeys => type_in(&job, &args)?,
            Action::Kill => kill(&job).await,
            Action::Remove => {
                let text = kill(&job).await;
                self.processes.forget(&job.id);
                format!("{text} Removed.")
            }
        };
        // What is listed and typed are the agent's own words; the rest is a command's.
        let output = ToolOutput { text, details: Some(details(&job)), ..ToolOutput::default() };
        Ok(match args.action {
            Action::Poll | Action::Log => output.from_outside(provenance(&job)),
            _ => output,
        })
    }
}

fn list(jobs: &[Arc<Job>]) -> String {
    if jobs.is_empty() {
        return "[No commands.]".to_owned();
    }
    let mut text = String::new();
    for job in jobs {
        let command: String = job.command.chars().take(COMMAND_SHOWN).collect();
        let _ = writeln!(text, "{} {}: {}", job.id, standing(job), command.replace('\n', " "));
    }
    text
}

fn standing(job: &Job) -> String {
    match job.ending() {
        Some(ending) => describe(job, ending),
        None => format!("running for {} s", job.running_for().as_secs()),
    }
}

async fn poll(job: &Job, wait_ms: Option<u64>) -> String {
    let wait = Duration::from_millis(wait_ms.unwrap_or(POLL_DEFAULT_MS).min(POLL_LIMIT_MS));
    tokio::select! {
        () = job.news() => {}
        () = sleep(wait) => {}
    }
    let news = job.poll();
    let news = cut_middle(news.trim_end(), TEXT_LIMIT);
    let news = if news.is_empty() { "[no new output]".to_owned() } else { news };
    format!("{news}\n[{}]", standing(job))
}

/// Lines from `offset` (from 1), or the last ones.
fn log(job: &Job, args: &Args) -> String {
    let output = job.output();
    let lines: Vec<&str> = output.lines().collect();
    let limit = args.limit.map_or(LOG_LINES, |limit| usize::try_from(limit).unwrap_or(usize::MAX)).max(1);
    let from = match args.offset {
        Some(offset) => usize::try_from(offset).unwrap_or(usize::MAX).saturating_sub(1).min(lines.len()),
        None => lines.len().saturating_sub(limit),
    };
    let to = from.saturating_add(limit).min(lines.len());
    let text = cut_middle(&lines[from..to].join("\n"), TEXT_LIMIT);
    format!("{text}\n[Lines {} to {to} of {}; {}]", (from + 1).min(to), lines.len(), standing(job))
}

fn type_in(job: &Job, args: &Args) -> Result<String, ToolError> {
    if job.ending().is_some() {
        return Err(refuse(format!("The command is over: {}.", standing(job))));
    }
    if job.input == InputKind::Null {
        return Err(refuse("This command has no input. Start commands that read with background or pty."));
    }
    let bytes = typed(job, args)?;
    if bytes.len() > TYPED_LIMIT {
        return Err(refuse(format!("{} bytes are more than the {TYPED_LIMIT} of one call.", bytes.len())));
    }
    let length = bytes.len();
    let sent = length == 0 || job.type_in(Input::Bytes(bytes));
    let closed = args.eof != Some(true) || job.type_in(Input::Close);
    if !sent || !closed {
        return Err(refuse("The command doesn't read its input, or it is closed. Poll it to see what it does."));
    }
    Ok(format!("Typed {length} bytes{}.", if args.eof == Some(true) { " and closed the input" } else { "" }))
}

fn typed(job: &Job, args: &Args) -> Result<Vec<u8>, ToolError> {
    let mut bytes = args.data.clone().unwrap_or_default().into_bytes();
    match args.action {
        Action::Submit => bytes.push(if job.input == InputKind::Terminal { b'\r' } else { b'\n' }),
        Action::SendKeys if job.input != InputKind::Terminal => {
            return Err(refuse("send-keys needs a terminal. Start the command with pty, or use write."));
        }
        Action::SendKeys => {
            for key in args.keys.as_deref().unwrap_or_default() {
                bytes.extend(key_bytes(key).ok_or_else(|| unknown_key(key))?);
            }
        }
        _ => {}
    }
    Ok(bytes)
}

fn unknown_key(key: &str) -> ToolError {
    refuse(format!(
        "Unknown key `{key}`. Keys are single characters, C-<letter>, M-<letter>, Enter, Tab, Escape, Space, Backspace, Delete, \
         Up, Down, Left, Right, Home, End, PageUp and PageDown; use data for text."
    ))
}

/// What a terminal sends for a key, named as in tmux.
fn key_bytes(key: &str) -> Option<Vec<u8>> {
    let mut characters = key.chars();
    let named: &[u8] = match (characters.next()?, characters.as_str()) {
        (single, "") => return Some(single.to_string().into_bytes()),
        ('C' | 'c', rest) if rest.starts_with('-') => return control(&rest[1..]),
        ('^', rest) => return control(rest),
        ('M' | 'm', rest) if rest.starts_with('-') => {
            return key_bytes(&rest[1..]).map(|bytes| [vec![0x1b], bytes].concat());
        }
        _ => match key.to_ascii_lowercase().as_str() {
            "enter" | "return" => b"\r",
            "tab" => b"\t",
            "escape" | "esc" => b"\x1b",
            "space" => b" ",
            "backspace" | "bspace" => b"\x7f",
            "delete" => b"\x1b[3~",
            "up" => b"\x1b[A",
            "down" => b"\x1b[B",
            "right" => b"\x1b[C",
            "left" => b"\x1b[D",
            "home" => b"\x1b[H",
            "end" => b"\x1b[F",
            "pageup" => b"\x1b[5~",
            "pagedown" => b"\x1b[6~",
            _ => return None,
        },
    };
    Some(named.to_vec())
}

fn control(letter: &str) -> Option<Vec<u8>> {
    match letter.as_bytes() {
        [letter @ (b'@'..=b'_' | b'a'..=b'z')] => Some(vec![letter.to_ascii_uppercase() & 0x1f]),
        _ => None,
    }
}

async fn kill(job: &Job) -> String {
    job.stop.cancel();
    match timeout(KILL_GRACE * 2, job.ended()).await {
        Ok(()) => format!("The command is over: {}.", standing(job)),
        Err(_) => "The command was sent SIGKILL and has not ended yet.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_what_a_terminal_sends() {
        for (key, bytes) in [
            ("C-c", &b"\x03"[..]),
            ("^D", b"\x04"),
            ("M-x", b"\x1bx"),
            ("M-Up", b"\x1b\x1b[A"),
            ("Enter", b"\r"),
            ("é", "é".as_bytes()),
            ("^", b"^"),
            ("C", b"C"),
        ] {
            assert_eq!(key_bytes(key).as_deref(), Some(bytes), "{key}");
        }
        for key in ["", "C-", "C-é", "Hyper", "M-"] {
            assert_eq!(key_bytes(key), None, "{key}");
        }
    }
}
