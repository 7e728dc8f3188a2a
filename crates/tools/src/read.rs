//! `read`: a part of a text file, or a whole image or PDF.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _, Seek as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chela_agent::{
    CallRisk, Effect, ExecRule, Media, Tool, ToolContext, ToolDefinition, ToolError, ToolFuture, ToolOutput,
    proved_media_type,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::Kit;
use crate::args::{count, parse, refuse};
use crate::files::{Access, Files, blocking, describe, open};
use crate::risk;

/// Lines of one call: what a model takes in at once.
const LINES_LIMIT: u64 = 2000;
/// Bytes of one call, about 12,000 tokens.
const BYTES_LIMIT: usize = 50_000;
/// Largest image or PDF: 5 MB in base64 is what vendors take.
const MEDIA_LIMIT: u64 = 3_750_000;
/// Bytes looked at to tell what a file is.
const SNIFF_BYTES: usize = 8192;

pub(crate) fn parameters() -> Value {
    json!({
        "type": "object",
        "properties": {
            "path": {"type": "string"},
            "offset": {"type": "integer", "description": "first line, from 1"},
            "limit": {"type": "integer", "description": "lines"},
        },
        "required": ["path"],
    })
}

pub(crate) struct Read {
    definition: ToolDefinition,
    files: Files,
    rule: ExecRule,
}

#[derive(Deserialize)]
struct Args {
    #[serde(alias = "file_path", alias = "filePath")]
    path: String,
    #[serde(default, deserialize_with = "count")]
    offset: Option<u64>,
    #[serde(default, deserialize_with = "count")]
    limit: Option<u64>,
}

impl Read {
    pub(crate) fn new(definition: ToolDefinition, kit: &Kit) -> Self {
        Self { definition, files: kit.files.clone(), rule: kit.rule }
    }
}

impl Tool for Read {
    fn definition(&self) -> &ToolDefinition {
        &self.definition
    }

    fn effect(&self, _args: &Value) -> Effect {
        Effect::Read
    }

    fn risk(&self, args: &Value, workspace: &Path) -> CallRisk {
        match parse::<Args>("read", args.clone()) {
            Ok(args) => risk::of_read(&self.files, self.rule, workspace, &args.path),
            Err(_) => CallRisk::none(),
        }
    }

    fn call(&self, args: Value, context: ToolContext) -> ToolFuture<'_> {
        Box::pin(async move {
            let args: Args = parse("read", args)?;
            let files = self.files.clone();
            let ToolContext { workspace, cancel, .. } = context;
            let inner = cancel.clone();
            blocking(&cancel, move || {
                let judge = files.judge(&workspace);
                let path = judge.resolve(&args.path, Access::Read)?;
                let file = open(&args.path, &path)?;
                let output = read(&args, file, &inner)?;
                Ok(ToolOutput { untrusted: risk::provenance(&judge, &args.path, &path), ..output })
            })
            .await
        })
    }
}

fn read(args: &Args, mut file: File, cancel: &CancellationToken) -> Result<ToolOutput, ToolError> {
    let failed = |error: io::Error| describe(&args.path, &error);
    let mut head = Vec::with_capacity(SNIFF_BYTES);
    file.by_ref().take(SNIFF_BYTES as u64).read_to_end(&mut head).map_err(failed)?;
    file.rewind().map_err(failed)?;
    if let Some(mime) = proved_media_type(&head) {
        return read_media(args, file, mime);
    }
    if head.contains(&0) {
        let hint = "Use exec with a program that knows the format, or `xxd`.";
        return Err(refuse(format!("`{}` is a binary file, not text. {hint}", args.path)));
    }
    let first = args.offset.unwrap_or(1).max(1);
    let limit = args.limit.unwrap_or(LINES_LIMIT).clamp(1, LINES_LIMIT);
    let part = Part::read(&mut BufReader::new(file), first, limit, cancel).map_err(failed)?;
    if cancel.is_cancelled() {
        return Err(ToolError::Aborted);
    }
    part.render(&args.path)
}

fn read_media(args: &Args, file: File, mime: &str) -> Result<ToolOutput, ToolError> {
    let mut bytes = Vec::new();
    file.take(MEDIA_LIMIT + 1).read_to_end(&mut bytes).map_err(|error| describe(&args.path, &error))?;
    if bytes.len() as u64 > MEDIA_LIMIT {
        return Err(refuse(format!(
            "`{}` ({mime}) is larger than {MEDIA_LIMIT} bytes; make it smaller with exec first.",
            args.path
        )));
    }
    let name = args.path.rsplit('/').next().map(str::to_owned);
    let text = format!("Read `{}` ({mime}, {} bytes).", args.path, bytes.len());
    Ok(ToolOutput {
        text,
        media: vec![Media { mime: mime.to_owned(), data: STANDARD.encode(&bytes), name }],
        ..ToolOutput::default()
    })
}

/// Some lines of a text.
struct Part {
    first: u64,
    /// Lines shown.
    lines: u64,
    /// Lines that were passed before `first`, which tells how long a too short file is.
    skipped: u64,
    bytes: Vec<u8>,
    more: bool,
    /// The last line is only begun: it alone is longer than the cap.
    cut: bool,
}

impl Part {
    fn read(reader: &mut impl BufRead, first: u64, limit: u64, cancel: &CancellationToken) -> io::Result<Self> {
        let mut part = Self { first, lines: 0, skipped: 0, bytes: Vec::new(), more: false, cut: false };
        while part.skipped + 1 < first && !cancel.is_cancelled() {
            if !skip_line(reader, cancel)? {
                return Ok(part);
            }
            part.skipped += 1;
        }
        while part.lines < limit && !cancel.is_cancelled() {
            let before = part.bytes.len();
            let room = BYTES_LIMIT - before;
            // One byte more than fits tells a full line from a cut one.
            let read = reader.by_ref().take(room as u64 + 1).read_until(b'\n', &mut part.bytes)?;
            if read == 0 {
                return Ok(part);
            }
            if read > room {
                part.more = true;
                part.cut = part.lines == 0;
                part.bytes.truncate(if part.cut { BYTES_LIMIT } else { before });
                part.lines += u64::from(part.cut);
                return Ok(part);
            }
            part.lines += 1;
        }
        part.more = !reader.fill_buf()?.is_empty();
        Ok(part)
    }

    fn render(self, written: &str) -> Result<ToolOutput, ToolError> {
        if self.lines == 0 && self.first > 1 {
            return Err(refuse(format!(
                "`{written}` has only {} lines; offset {} is past its end.",
                self.skipped, self.first
            )));
        }
        if self.lines == 0 {
            return Ok(ToolOutput::text("[The file is empty.]"));
        }
        let mut text = String::from_utf8_lossy(&self.bytes).into_owned();
        let last = self.first + self.lines - 1;
        if self.cut {
            let rest = format!("use exec: sed -n {last}p FILE | cut -c{BYTES_LIMIT}-");
            let _ = write!(text, "\n[Line {last} is longer than {BYTES_LIMIT} bytes and is cut. For its rest {rest}]");
        } else if self.more {
            let _ = write!(
                text,
                "\n[Lines {} to {last}; the file goes on. Continue with offset={}.]",
                self.first,
                last + 1
            );
        }
        Ok(ToolOutput::text(text))
    }
}

/// Passes over one line without holding it. False at the end of the file.
fn skip_line(reader: &mut impl BufRead, cancel: &CancellationToken) -> io::Result<bool> {
    let mut any = false;
    while !cancel.is_cancelled() {
        let buffer = reader.fill_buf()?;
        if buffer.is_empty() {
            return Ok(any);
        }
        any = true;
        if let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
            reader.consume(end + 1);
            return Ok(true);
        }
        let length = buffer.len();
        reader.consume(length);
    }
    Ok(any)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(text: &str, first: u64, limit: u64) -> Result<String, String> {
        Part::read(&mut text.as_bytes(), first, limit, &CancellationToken::new())
            .unwrap()
            .render("f")
            .map(|output| output.text)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn parts_say_how_to_go_on() {
        assert_eq!(part("a\nb\nc\n", 1, 9).unwrap(), "a\nb\nc\n");
        assert_eq!(part("a\nb\nc\n", 2, 1).unwrap(), "b\n\n[Lines 2 to 2; the file goes on. Continue with offset=3.]");
        assert_eq!(part("a\nb", 2, 1).unwrap(), "b");
        assert_eq!(part("", 1, 9).unwrap(), "[The file is empty.]");
        assert_eq!(part("a\nb\n", 4, 9).unwrap_err(), "`f` has only 2 lines; offset 4 is past its end.");
    }

    #[test]
    fn long_lines_stay_within_the_cap() {
        let long = "x".repeat(BYTES_LIMIT - 10);
        let text = format!("{long}\nsecond line that no longer fits\n");
        assert!(part(&text, 1, 9).unwrap().ends_with("x\n\n[Lines 1 to 1; the file goes on. Continue with offset=2.]"));
        let endless = "y".repeat(BYTES_LIMIT * 3);
        let shown = part(&endless, 1, 9).unwrap();
        assert!(
            shown.len() < BYTES_LIMIT + 200 && shown.contains("[Line 1 is longer than"),
            "{}",
            &shown[BYTES_LIMIT..]
        );
    }
}
