//! `edit`: exact pieces of a text file replaced by others.
//!
//! Never guesses: a piece that isn't there exactly once changes nothing, and the model is told where it might have meant.

use std::fmt::Write as _;

use std::path::Path;

use chela_agent::{CallRisk, Effect, ExecRule, Tool, ToolContext, ToolDefinition, ToolError, ToolFuture, ToolOutput};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Kit;
use crate::args::{parse, refuse};
use crate::files::{Access, Files, blocking, describe, read_text, replace};
use crate::risk;

/// Replacements of one call.
const EDITS_LIMIT: usize = 200;
/// Places that an error names.
const PLACES_SHOWN: usize = 10;
/// Lines of a near miss that an error quotes.
const LINES_QUOTED: usize = 20;
/// Bytes of the diff for the interface.
const DIFF_LIMIT: usize = 20_000;

pub(crate) fn parameters() -> Value {
    json!({
        "type": "object",
        "properties": {
            "path": {"type": "string"},
            "edits": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"oldText": {"type": "string"}, "newText": {"type": "string"}},
                    "required": ["oldText", "newText"],
                },
            },
        },
        "required": ["path", "edits"],
    })
}

pub(crate) struct Edit {
    definition: ToolDefinition,
    files: Files,
    rule: ExecRule,
}

/// Either `edits`, or a single replacement at the top as other agents' tools have it.
#[derive(Deserialize)]
struct Args {
    #[serde(alias = "file_path", alias = "filePath")]
    path: String,
    edits: Option<Vec<Replacement>>,
    #[serde(rename = "oldText", alias = "old_string", alias = "old_text", alias = "oldString")]
    old: Option<String>,
    #[serde(rename = "newText", alias = "new_string", alias = "new_text", alias = "newString")]
    new: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Replacement {
    #[serde(rename = "oldText", alias = "old_string", alias = "old_text", alias = "oldString")]
    pub(crate) old: String,
    #[serde(rename = "newText", alias = "new_string", alias = "new_text", alias = "newString")]
    pub(crate) new: String,
}

impl Edit {
    pub(crate) fn new(definition: ToolDefinition, kit: &Kit) -> Self {
        Self { definition, files: kit.files.clone(), rule: kit.rule }
    }
}

impl Tool for Edit {
    fn definition(&self) -> &ToolDefinition {
        &self.definition
    }

    fn effect(&self, _args: &Value) -> Effect {
        Effect::Write
    }

    fn risk(&self, args: &Value, workspace: &Path) -> CallRisk {
        match parse::<Args>("edit", args.clone()) {
            Ok(args) => risk::of_write(&self.files, self.rule, workspace, vec![args.path.clone()], || diff_of(args)),
            Err(_) => CallRisk::none(),
        }
    }

    fn call(&self, args: Value, context: ToolContext) -> ToolFuture<'_> {
        Box::pin(async move {
            let args: Args = parse("edit", args)?;
            let written = args.path.clone();
            let replacements = replacements(args)?;
            let files = self.files.clone();
            blocking(&context.cancel, move || {
                let path = files.judge(&context.workspace).resolve(&written, Access::Write)?;
                let original = read_text(&written, &path)?;
                let edited = apply(&original, &replacements)
                    .map_err(|reason| refuse(format!("{written} is unchanged: {reason}")))?;
                replace(&path, edited.text.as_bytes()).map_err(|error| describe(&written, &error))?;
                let text = format!("Replaced {} in {written}.", edited.describe());
                Ok(ToolOutput {
                    text,
                    details: Some(json!({"path": written, "diff": edited.diff})),
                    ..ToolOutput::default()
                })
            })
            .await
        })
    }
}

/// What an edit would take out and put in, whole, for a person who has to judge it.
fn diff_of(args: Args) -> String {
    let signed = |sign: char, text: &str| {
        text.lines().flat_map(|line| [sign.to_string(), line.to_owned(), "\n".to_owned()]).collect::<String>()
    };
    let edits = replacements(args).unwrap_or_default();
    edits.iter().map(|edit| signed('-', &edit.old) + &signed('+', &edit.new)).collect()
}

fn replacements(args: Args) -> Result<Vec<Replacement>, ToolError> {
    let mut all = args.edits.unwrap_or_default();
    match (args.old, args.new) {
        (Some(old), Some(new)) => all.push(Replacement { old, new }),
        (None, None) => {}
        _ => return Err(refuse("edit needs both oldText and newText.")),
    }
    if all.is_empty() {
        return Err(refuse("edit needs `edits`: a list of {oldText, newText}."));
    }
    if all.len() > EDITS_LIMIT {
        return Err(refuse(format!("{} edits are more than the {EDITS_LIMIT} of one call.", all.len())));
    }
    Ok(all)
}

/// A text after its replacements.
#[derive(Debug)]
pub(crate) struct Edited {
    pub(crate) text: String,
    /// Lines of the original at which replacements begin.
    lines: Vec<usize>,
    diff: String,
}

impl Edited {
    fn describe(&self) -> String {
        let lines: Vec<String> = self.lines.iter().map(usize::to_string).collect();
        match lines.as_slice() {
            [line] => format!("the text at line {line}"),
            lines => format!("{} texts, at lines {}", lines.len(), lines.join(", ")),
        }
    }
}

/// A replacement with its place in the original.
struct Placed {
    start: usize,
    end: usize,
    new: String,
}

/// Replaces all pieces or none. Each is looked for in the original, so their order doesn't matter and they can't overlap.
/// Line endings written by the model as `\n` take the file's form.
pub(crate) fn apply(original: &str, replacements: &[Replacement]) -> Result<Edited, String> {
    let ends_in_crlf = original.split_once('\n').is_some_and(|(first, _)| first.ends_with('\r'));
    let mut placed = Vec::with_capacity(replacements.len());
    for replacement in replacements {
        placed.push(place(original, replacement, ends_in_crlf)?);
    }
    placed.sort_by_key(|piece| piece.start);
    if let Some(pair) = placed.windows(2).find(|pair| pair[1].start < pair[0].end) {
        let line = line_of(original, pair[1].start);
        return Err(format!("two edits overlap at line {line}. Merge them into one."));
    }
    Ok(assemble(original, &placed))
}

fn place(original: &str, replacement: &Replacement, ends_in_crlf: bool) -> Result<Placed, String> {
    if replacement.old.is_empty() {
        return Err("an oldText is empty. Use write for a new file.".to_owned());
    }
    if replacement.old == replacement.new {
        return Err("an oldText and its newText are the same.".to_owned());
    }
    let mut old = replacement.old.clone();
    let mut places: Vec<usize> = occurrences(original, &old);
    if places.is_empty() && original.contains("\r\n") {
        old = with_crlf(&old);
        places = occurrences(original, &old);
    }
    let new = if ends_in_crlf { with_crlf(&replacement.new) } else { replacement.new.clone() };
    match places.as_slice() {
        [start] => Ok(Placed { start: *start, end: start + old.len(), new }),
        [] => Err(not_found(original, &replacement.old)),
        several => Err(ambiguous(original, several)),
    }
}

/// Where `piece` begins, overlapping occurrences included: `aa` stands twice in `aaa`, and either could be meant.
fn occurrences(text: &str, piece: &str) -> Vec<usize> {
    let step = piece.chars().next().map_or(1, char::len_utf8);
    let mut places = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].find(piece) {
        places.push(from + at);
        if places.len() > PLACES_SHOWN {
            break;
        }
        from += at + step;
    }
    places
}

fn with_crlf(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\n', "\r\n")
}

fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

fn ambiguous(original: &str, places: &[usize]) -> String {
    let lines: Vec<String> = places.iter().take(PLACES_SHOWN).map(|at| line_of(original, *at).to_string()).collect();
    let more = if places.len() > PLACES_SHOWN { " and more" } else { "" };
    format!(
        "an oldText occurs more than once, at lines {}{more}. Add lines around it until it is unique.",
        lines.join(", ")
    )
}

/// Says where the same words stand with other whitespace, if they do.
fn not_found(original: &str, old: &str) -> String {
    let lines: Vec<&str> = original.lines().collect();
    let wanted: Vec<String> = old.trim_matches(['\n', '\r']).lines().map(squeeze).collect();
    let first = wanted.first().map_or("", |line| line.as_str());
    let near = (!first.is_empty() && wanted.len() <= lines.len())
        .then(|| {
            lines
                .windows(wanted.len())
                .position(|window| window.iter().zip(&wanted).all(|(line, wanted)| squeeze(line) == *wanted))
        })
        .flatten();
    match near {
        Some(at) => {
            let quoted = lines[at..at + wanted.len()].iter().take(LINES_QUOTED).copied().collect::<Vec<_>>().join("\n");
            format!("an oldText differs from the file in whitespace. At line {} the file says:\n{quoted}", at + 1)
        }
        None => "an oldText does not occur in it. Read the file and copy the text exactly.".to_owned(),
    }
}

fn squeeze(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn assemble(original: &str, placed: &[Placed]) -> Edited {
    let mut text = String::with_capacity(original.len());
    let mut diff = String::new();
    let mut from = 0;
    for piece in placed {
        text.push_str(&original[from..piece.start]);
        text.push_str(&piece.new);
        from = piece.end;
        if diff.len() < DIFF_LIMIT {
            let _ = writeln!(diff, "@@ line {} @@", line_of(original, piece.start));
            marked(&mut diff, '-', &original[piece.start..piece.end]);
            marked(&mut diff, '+', &piece.new);
        }
    }
    text.push_str(&original[from..]);
    Edited { text, lines: placed.iter().map(|piece| line_of(original, piece.start)).collect(), diff }
}

fn marked(diff: &mut String, mark: char, text: &str) {
    for line in text.lines() {
        if diff.len() >= DIFF_LIMIT {
            return;
        }
        let _ = writeln!(diff, "{mark}{}", line.chars().take(DIFF_LIMIT).collect::<String>());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(original: &str, edits: &[(&str, &str)], expected: Result<&str, &str>) {
        let edits: Vec<_> =
            edits.iter().map(|(old, new)| Replacement { old: (*old).into(), new: (*new).into() }).collect();
        match (apply(original, &edits).map(|edited| edited.text), expected) {
            (Ok(text), Ok(expected)) => assert_eq!(text, expected),
            (Err(error), Err(part)) => assert!(error.contains(part), "`{error}` doesn't say `{part}`"),
            (result, expected) => panic!("{result:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn exact_and_unique_texts_are_replaced() {
        check("one two three", &[("two", "2")], Ok("one 2 three"));
        check("a\nb\nc\n", &[("c\n", "C\n"), ("a", "A")], Ok("A\nb\nC\n"));
        check("a\nb\n", &[("b\n", "")], Ok("a\n"));
        check("ab", &[("a", "b"), ("b", "a")], Ok("ba"));
        check("grüße\n", &[("ü", "ue")], Ok("grueße\n"));
    }

    #[test]
    fn line_endings_and_byte_order_marks_are_kept() {
        check("\u{feff}a\r\nb\r\nc\r\n", &[("a\nb", "x\ny\nz")], Ok("\u{feff}x\r\ny\r\nz\r\nc\r\n"));
        check("a\r\nb\r\n", &[("b", "b\nc")], Ok("a\r\nb\r\nc\r\n"));
        check("a\nb\r\nc\n", &[("b\nc", "d\ne")], Ok("a\nd\ne\n"));
        check("a\r\nb\r\n", &[("a\r\nb", "a\r\nc")], Ok("a\r\nc\r\n"));
    }

    #[test]
    fn anything_in_doubt_changes_nothing_and_says_why() {
        check("x\ny\nx\n", &[("x", "z")], Err("at lines 1, 3."));
        check("aaa", &[("aa", "b")], Err("more than once"));
        check("abcd", &[("abc", "1"), ("cd", "2")], Err("overlap at line 1"));
        check("a", &[("", "x")], Err("is empty"));
        check("a", &[("a", "a")], Err("the same"));
        check("a", &[("b", "c")], Err("does not occur"));
        check(
            "fn f() {\n\tlet x = 1;\n}\n",
            &[("fn f() {\n    let x = 1;", "")],
            Err("At line 1 the file says:\nfn f() {\n\tlet x = 1;"),
        );
        check("a b", &[("\n \n", "c")], Err("does not occur"));
        check("äää", &[("ä", "a")], Err("more than once"));
    }
}
