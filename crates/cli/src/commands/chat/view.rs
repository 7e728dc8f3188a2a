//! A running turn on the terminal: the answer to standard output, everything else to standard error.

use std::collections::HashMap;

use serde_json::Value;

use crate::markdown::MarkdownStream;
use crate::output::{BAD, DIM, Output, printable};

/// Characters of a tool's arguments or result on its one line.
const SUMMARY_CHARS: usize = 72;

/// What has been shown of a turn.
pub(super) struct TurnView {
    output: Output,
    verbose: bool,
    markdown: MarkdownStream,
    /// The answer so far, as it was streamed.
    text: String,
    /// Standard output stands within a line.
    within_line: bool,
    usage: Option<String>,
    /// What running tools were called with, by the call's id.
    calls: HashMap<String, String>,
}

impl TurnView {
    pub(super) fn new(output: Output, verbose: bool) -> Self {
        let markdown = MarkdownStream::new(output.colour);
        Self { output, verbose, markdown, text: String::new(), within_line: false, usage: None, calls: HashMap::new() }
    }

    /// The next piece of the answer.
    pub(super) fn delta(&mut self, text: &str, replace: bool) {
        if replace {
            self.begin_anew();
        }
        self.text.push_str(text);
        let shown = self.markdown.push(text);
        self.print(&shown);
    }

    /// The whole answer: shows what of it was not streamed.
    pub(super) fn whole(&mut self, text: &str) {
        match text.strip_prefix(self.text.as_str()) {
            Some(rest) => self.delta(rest, false),
            // Text before a tool call was streamed too, and is not part of the last message.
            None if self.text.ends_with(text) => {}
            None => self.delta(text, true),
        }
    }

    /// A step of the turn besides its text.
    pub(super) fn agent(&mut self, stream: &str, data: &Value) {
        match (stream, data["phase"].as_str()) {
            ("tool", Some("start")) => {
                let call = tool_call(data);
                if self.verbose {
                    self.notice(&format!("{call} …"));
                }
                self.calls.insert(call_id(data), call);
            }
            ("tool", Some("result")) => {
                let call = self.calls.remove(&call_id(data)).unwrap_or_else(|| tool_call(data));
                let mark = if data["isError"] == true { "✗" } else { "✓" };
                self.notice(&format!("{mark} {call}: {}", summary(&data["result"])));
            }
            _ => {}
        }
    }

    pub(super) fn usage(&mut self, usage: Option<&Value>) {
        let Some(usage) = usage.filter(|usage| usage.is_object()) else { return };
        let count = |names: &[&str]| names.iter().find_map(|name| usage[*name].as_u64()).unwrap_or(0);
        let input = count(&["input", "inputTokens"]);
        let output = count(&["output", "outputTokens"]);
        let cached = count(&["cacheRead", "cacheReadTokens"]);
        self.usage = Some(format!("{input} tokens in, {cached} of them cached before, {output} out"));
    }

    /// A line of conversation between the lines of the answer.
    pub(super) fn notice(&mut self, text: &str) {
        self.end_line();
        self.output.note(self.output.style_err(DIM, &printable(text)));
    }

    pub(super) fn failed(&mut self, message: &str) {
        self.end_line();
        self.output.note(format!("{} {}", self.output.style_err(BAD, "error:"), printable(message)));
    }

    /// Ends the last line and, when asked for, tells what the turn cost.
    pub(super) fn close(&mut self) {
        self.end_line();
        if let (true, Some(usage)) = (self.verbose, self.usage.take()) {
            self.output.note(self.output.style_err(DIM, &usage));
        }
    }

    fn begin_anew(&mut self) {
        if !self.text.is_empty() {
            self.notice("(the answer begins anew)");
        }
        self.text.clear();
        self.markdown = MarkdownStream::new(self.output.colour);
    }

    fn end_line(&mut self) {
        let rest = self.markdown.finish();
        self.print(&rest);
        if self.within_line {
            self.output.write("\n");
            self.within_line = false;
        }
        self.markdown = MarkdownStream::new(self.output.colour);
    }

    fn print(&mut self, text: &str) {
        if !text.is_empty() {
            self.output.write(text);
            self.within_line = !text.ends_with('\n');
        }
    }
}

fn call_id(data: &Value) -> String {
    data["toolCallId"].as_str().unwrap_or_default().to_owned()
}

/// `read AGENTS.md`: the tool and the argument that says most.
fn tool_call(data: &Value) -> String {
    const TELLING: &[&str] = &["path", "file_path", "command", "url", "query", "pattern", "name"];
    let name = data["name"].as_str().unwrap_or("tool");
    let argument = TELLING.iter().find_map(|key| data["args"][*key].as_str()).unwrap_or_default();
    format!("{name} {}", first_line(argument)).trim_end().to_owned()
}

/// The first line of a result, and how many more there are.
fn summary(result: &Value) -> String {
    let text = match result {
        Value::String(text) => text.clone(),
        _ => crate::link::message_text(result),
    };
    let more = text.trim_end().lines().count().saturating_sub(1);
    match (text.trim().is_empty(), more) {
        (true, _) => "done".to_owned(),
        (false, 0) => first_line(&text),
        (false, more) => format!("{} (+{more} lines)", first_line(&text)),
    }
}

fn first_line(text: &str) -> String {
    let line = text.trim_start().lines().next().unwrap_or_default();
    let cut: String = line.chars().take(SUMMARY_CHARS).collect();
    if cut.len() < line.len() { format!("{cut}…") } else { cut }
}
