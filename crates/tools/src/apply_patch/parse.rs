//! The patch format: what the model writes, turned into operations. Pure.
//!
//! Forgives what costs nothing to understand: carriage returns, blank lines around, unified-diff headers, and empty
//! context lines that lost their space.

/// Operations of one patch.
const OPERATIONS_LIMIT: usize = 200;

const BEGIN: &str = "*** Begin Patch";
const END: &str = "*** End Patch";
const ADD: &str = "*** Add File: ";
const DELETE: &str = "*** Delete File: ";
const UPDATE: &str = "*** Update File: ";
const MOVE: &str = "*** Move to: ";
const END_OF_FILE: &str = "*** End of File";

/// What happens to one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Operation {
    Add { path: String, text: String },
    Delete { path: String },
    Update { path: String, move_to: Option<String>, hunks: Vec<Hunk> },
}

impl Operation {
    /// The file that gets another name, if it is a move.
    pub(crate) fn moved_from(&self) -> Option<&str> {
        match self {
            Self::Update { path, move_to: Some(_), .. } => Some(path),
            _ => None,
        }
    }

    /// Every path that it touches.
    pub(crate) fn into_paths(self) -> Vec<String> {
        match self {
            Self::Add { path, .. } | Self::Delete { path } => vec![path],
            Self::Update { path, move_to, .. } => std::iter::once(path).chain(move_to).collect(),
        }
    }
}

/// A change at one place of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Hunk {
    /// Lines to pass first, in order; the change stands behind the last.
    pub(crate) anchors: Vec<String>,
    pub(crate) lines: Vec<Line>,
    /// The change stands at the end of the file.
    pub(crate) at_end: bool,
}

/// One line of a hunk, without its mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Line {
    Keep(String),
    Remove(String),
    Add(String),
}

/// Reads a whole patch. The error names the line of the patch.
pub(crate) fn parse(patch: &str) -> Result<Vec<Operation>, String> {
    let mut body = Body::new(patch)?;
    let mut operations = Vec::new();
    while let Some(line) = body.next() {
        if operations.len() == OPERATIONS_LIMIT {
            return Err(format!("a patch has at most {OPERATIONS_LIMIT} files"));
        }
        let named = [ADD, DELETE, UPDATE].iter().find_map(|header| line.strip_prefix(header));
        if named.is_some_and(|path| path.trim().is_empty()) {
            return Err(body.wrong(line, "a path behind it"));
        }
        let operation = if let Some(path) = line.strip_prefix(ADD) {
            Operation::Add { path: path.trim().to_owned(), text: added(&mut body)? }
        } else if let Some(path) = line.strip_prefix(DELETE) {
            Operation::Delete { path: path.trim().to_owned() }
        } else if let Some(path) = line.strip_prefix(UPDATE) {
            update(path.trim(), &mut body)?
        } else if line.trim().is_empty() {
            continue;
        } else {
            return Err(body.wrong(line, "`*** Add File: `, `*** Delete File: ` or `*** Update File: `"));
        };
        operations.push(operation);
    }
    if operations.is_empty() {
        return Err("the patch changes nothing".to_owned());
    }
    Ok(operations)
}

/// The lines between the first and the last, with their numbers.
struct Body<'a> {
    lines: Vec<&'a str>,
    next: usize,
    /// Number of the patch's line that `lines[0]` is.
    first: usize,
}

impl<'a> Body<'a> {
    fn new(patch: &'a str) -> Result<Self, String> {
        let all: Vec<&str> = patch.lines().map(|line| line.strip_suffix('\r').unwrap_or(line)).collect();
        let begin = all.iter().position(|line| !line.trim().is_empty()).filter(|at| all[*at].trim() == BEGIN);
        let end = all.iter().rposition(|line| !line.trim().is_empty()).filter(|at| all[*at].trim() == END);
        match (begin, end) {
            (None, _) => Err(format!("its first line is not `{BEGIN}`")),
            (_, None) => Err(format!("its last line is not `{END}`")),
            (Some(begin), Some(end)) => Ok(Self { lines: all[begin + 1..end].to_vec(), next: 0, first: begin + 2 }),
        }
    }

    fn next(&mut self) -> Option<&'a str> {
        let line = self.lines.get(self.next)?;
        self.next += 1;
        Some(line)
    }

    /// The next line, if it belongs to the current file.
    fn next_inside(&mut self) -> Option<&'a str> {
        let line = *self.lines.get(self.next)?;
        let is_header = [ADD, DELETE, UPDATE].iter().any(|header| line.starts_with(header));
        if is_header { None } else { self.next() }
    }

    fn next_if(&mut self, prefix: &str) -> Option<&'a str> {
        let rest = self.lines.get(self.next)?.strip_prefix(prefix)?;
        self.next += 1;
        Some(rest)
    }

    /// The line that was taken last is none of what was expected.
    fn wrong(&self, line: &str, expected: &str) -> String {
        let line: String = line.chars().take(80).collect();
        format!("line {} of the patch is `{line}` where {expected} is expected", self.first + self.next - 1)
    }
}

fn added(body: &mut Body<'_>) -> Result<String, String> {
    let mut text = String::new();
    while let Some(line) = body.next_inside() {
        let is_blank_end = line.is_empty() && body.lines.get(body.next).is_none_or(|next| next.starts_with("*** "));
        match line.strip_prefix('+') {
            Some(line) => {
                text.push_str(line);
                text.push('\n');
            }
            None if is_blank_end => {}
            None => return Err(body.wrong(line, "a line of the new file, with `+` before it,")),
        }
    }
    Ok(text)
}

fn update(path: &str, body: &mut Body<'_>) -> Result<Operation, String> {
    let move_to = body.next_if(MOVE).map(|path| path.trim().to_owned());
    if move_to.as_deref() == Some("") {
        return Err(body.wrong(MOVE, "a path behind it"));
    }
    let mut hunks: Vec<Hunk> = Vec::new();
    let mut current = Hunk::default();
    while let Some(line) = body.next_inside() {
        if let Some(header) = line.strip_prefix("@@") {
            if !current.lines.is_empty() {
                hunks.push(std::mem::take(&mut current));
            }
            current.anchors.extend(anchor(header));
        } else if line == END_OF_FILE {
            current.at_end = true;
        } else {
            let line =
                hunk_line(line).ok_or_else(|| body.wrong(line, "a line that begins with space, `+`, `-` or `@@`"))?;
            current.lines.push(line);
        }
    }
    if !current.lines.is_empty() {
        hunks.push(current);
    }
    if hunks.is_empty() && move_to.is_none() {
        return Err(format!("the update of `{path}` has no changes"));
    }
    Ok(Operation::Update { path: path.to_owned(), move_to, hunks })
}

/// The text behind `@@`. Line numbers of a unified diff are no anchor.
fn anchor(header: &str) -> Option<String> {
    let text = header.strip_prefix(' ').unwrap_or(header);
    let is_numbers = text.starts_with('-') && text.contains(" +") && text.contains("@@");
    (!text.trim().is_empty() && !is_numbers).then(|| text.to_owned())
}

fn hunk_line(line: &str) -> Option<Line> {
    let Some(mark) = line.chars().next() else { return Some(Line::Keep(String::new())) };
    let rest = line[mark.len_utf8()..].to_owned();
    match mark {
        ' ' => Some(Line::Keep(rest)),
        '-' => Some(Line::Remove(rest)),
        '+' => Some(Line::Add(rest)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_operation_is_read() {
        let patch = "\n*** Begin Patch\r\n*** Add File: a\n+one\n+\n*** Update File: b\n*** Move to: c\n@@ fn f()\n x\n\n-y\n+z\n\
                     @@ -1,2 +3,4 @@ fn g()\n+w\n*** End of File\n*** Delete File: d\n*** End Patch\n\n";
        let keep = |text: &str| Line::Keep(text.into());
        let first = Hunk {
            anchors: vec!["fn f()".into()],
            lines: vec![keep("x"), keep(""), Line::Remove("y".into()), Line::Add("z".into())],
            at_end: false,
        };
        let second = Hunk { anchors: vec![], lines: vec![Line::Add("w".into())], at_end: true };
        let expected = vec![
            Operation::Add { path: "a".into(), text: "one\n\n".into() },
            Operation::Update { path: "b".into(), move_to: Some("c".into()), hunks: vec![first, second] },
            Operation::Delete { path: "d".into() },
        ];
        assert_eq!(parse(patch), Ok(expected));
    }

    #[test]
    fn errors_name_the_line() {
        for (patch, part) in [
            ("", "first line is not `*** Begin Patch`"),
            ("*** Begin Patch\n*** Delete File: a", "last line is not `*** End Patch`"),
            ("*** Begin Patch\n*** End Patch", "changes nothing"),
            ("*** Begin Patch\nhello\n*** End Patch", "line 2 of the patch is `hello`"),
            ("*** Begin Patch\n*** Add File: a\n+x\ny\n*** End Patch", "line 4 of the patch is `y`"),
            ("*** Begin Patch\n*** Update File: a\n@@\nzzz\n*** End Patch", "line 4 of the patch is `zzz`"),
            ("*** Begin Patch\n*** Update File: a\n@@\n*** End Patch", "has no changes"),
        ] {
            let error = parse(patch).unwrap_err();
            assert!(error.contains(part), "{patch}: {error}");
        }
    }
}
