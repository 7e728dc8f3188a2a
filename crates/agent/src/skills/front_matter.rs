//! The head of a `SKILL.md`: the small part of YAML that skills in the wild are written in, and JSON inside it.
//!
//! Tolerant: what can't be read is left out, and a file is refused only if it has no head or no name.

use serde_json::{Map, Value};

/// Deepest nesting that is read; metadata needs four.
const MAX_DEPTH: usize = 16;

/// Reads the fields between the two `---` lines at the start. `None` without such a head.
pub(super) fn parse(text: &str) -> Option<Map<String, Value>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = text.lines();
    if lines.next()?.trim_end() != "---" {
        return None;
    }
    let mut head = Vec::new();
    for line in lines {
        if line.trim_end() == "---" {
            return Some(mapping(&head, MAX_DEPTH));
        }
        head.push(line);
    }
    None
}

fn mapping(lines: &[&str], depth: usize) -> Map<String, Value> {
    let mut map = Map::new();
    if depth == 0 {
        return map;
    }
    let mut rest = lines;
    while let Some((line, after)) = rest.split_first() {
        let indent = indent_of(line);
        let end = after
            .iter()
            .position(|next| !is_blank(next) && indent_of(next) <= indent && !closes(next))
            .unwrap_or(after.len());
        let (block, next) = after.split_at(end);
        rest = next;
        if is_blank(line) {
            continue;
        }
        if let Some((key, inline)) = key_of(line) {
            map.insert(key.to_owned(), value(inline, block, depth - 1));
        }
    }
    map
}

/// A line that only closes brackets belongs to the block before it, however it is indented.
fn closes(line: &str) -> bool {
    line.trim_start().starts_with(['}', ']'])
}

fn key_of(line: &str) -> Option<(&str, &str)> {
    let (key, inline) = line.trim().split_once(':')?;
    let key = key.trim().trim_matches(['"', '\'']);
    let separated = inline.is_empty() || inline.starts_with([' ', '\t']);
    (separated && !key.is_empty()).then_some((key, inline.trim()))
}

fn value(inline: &str, block: &[&str], depth: usize) -> Value {
    let joined = || std::iter::once(inline).chain(block.iter().copied()).collect::<Vec<_>>().join("\n");
    match inline.chars().next() {
        Some('{' | '[') => flow(&joined()),
        Some('|') => Value::String(unindented(block).join("\n").trim_end().to_owned()),
        Some('>') => Value::String(folded(block.iter().copied())),
        Some(_) => scalar(&folded(std::iter::once(inline).chain(block.iter().copied()))),
        None => match block.iter().find(|line| !is_blank(line)).map(|line| line.trim()) {
            None => Value::Null,
            Some(first) if first.starts_with(['{', '[']) => flow(&joined()),
            Some(first) if first.starts_with("- ") || first == "-" => list(block),
            Some(first) if key_of(first).is_some() => Value::Object(mapping(block, depth)),
            Some(_) => scalar(&folded(block.iter().copied())),
        },
    }
}

fn list(block: &[&str]) -> Value {
    let entries = block.iter().filter_map(|line| line.trim().strip_prefix('-'));
    Value::Array(entries.map(|entry| scalar(entry.trim())).collect())
}

/// JSON, or YAML's way to write a list or map in one line without quotes.
fn flow(text: &str) -> Value {
    let text = without_trailing_commas(text.trim());
    if let Ok(value) = serde_json::from_str(&text) {
        return value;
    }
    match text.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
        Some(inner) => {
            let entries = inner.split(',').map(str::trim).filter(|entry| !entry.is_empty());
            Value::Array(entries.map(scalar).collect())
        }
        None => Value::Null,
    }
}

/// Drops a comma that stands before a closing bracket, outside of strings.
fn without_trailing_commas(text: &str) -> String {
    let mut output = String::with_capacity(text.len());
    let (mut in_string, mut escaped) = (false, false);
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if in_string => escaped = true,
            '"' => in_string = !in_string,
            '}' | ']' if !in_string => {
                let kept = output.trim_end().len();
                if output[..kept].ends_with(',') {
                    output.truncate(kept - 1);
                }
            }
            _ => {}
        }
        output.push(c);
    }
    output
}

fn scalar(text: &str) -> Value {
    let text = text.trim();
    let quoted = |quote: char| text.strip_prefix(quote).and_then(|inner| inner.strip_suffix(quote));
    if text.len() >= 2 && quoted('"').is_some() {
        return serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.trim_matches('"').to_owned()));
    }
    if text.len() >= 2
        && let Some(inner) = quoted('\'')
    {
        return Value::String(inner.replace("''", "'"));
    }
    let text = text.split(" #").next().unwrap_or(text).trim_end();
    match text {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        "" | "null" | "~" => Value::Null,
        _ => Value::String(text.to_owned()),
    }
}

fn folded<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    lines.map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

fn unindented<'a>(block: &[&'a str]) -> Vec<&'a str> {
    let indent = block.iter().filter(|line| !is_blank(line)).map(|line| indent_of(line)).min().unwrap_or(0);
    block.iter().map(|line| line.get(indent..).unwrap_or_default()).collect()
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

fn is_blank(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn parsed(head: &str) -> Value {
        Value::Object(parse(&format!("---\n{head}\n---\nbody")).unwrap())
    }

    #[test]
    fn scalars_quotes_and_comments() {
        assert_eq!(
            parsed(
                "name: github\n# note\ndescription: \"Use: `gh` \\\"now\\\".\"\nuser-invocable: false # no\nalias: 'it''s'"
            ),
            json!({"name": "github", "description": "Use: `gh` \"now\".", "user-invocable": false, "alias": "it's"})
        );
    }

    #[test]
    fn metadata_as_json_on_one_line_or_many() {
        let expected = json!({"metadata": {"openclaw": {"emoji": "🐙", "requires": {"bins": ["gh", "jq"]}}}});
        let one = r#"metadata: {"openclaw": {"emoji": "🐙", "requires": {"bins": ["gh", "jq"]}}}"#;
        let many = "metadata:\n  {\n    \"openclaw\":\n      {\n        \"emoji\": \"🐙\",\n        \"requires\": { \"bins\": [\"gh\", \"jq\",], },\n      },\n  }";
        assert_eq!((parsed(one), parsed(many)), (expected.clone(), expected));
    }

    #[test]
    fn metadata_as_yaml() {
        assert_eq!(
            parsed(
                "name: x\nmetadata:\n  openclaw:\n    always: true\n    requires:\n      bins:\n        - gh\n        - jq\n      env: [A, \"B\"]\nlicense: MIT"
            ),
            json!({"name": "x", "metadata": {"openclaw": {"always": true, "requires": {"bins": ["gh", "jq"], "env": ["A", "B"]}}}, "license": "MIT"})
        );
    }

    #[test]
    fn block_and_folded_texts() {
        assert_eq!(
            parsed("description: >\n  one\n  two\nnotes: |\n  a\n    b\nplain: starts\n  goes on"),
            json!({"description": "one two", "notes": "a\n  b", "plain": "starts goes on"})
        );
    }

    #[test]
    fn no_head_is_no_skill() {
        assert_eq!(parse("# Title"), None);
        assert_eq!(parse("---\nname: x\nnever closed"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "(---\n)?([ -~\n{}\\[\\]:,'\"|>éü-]{0,80}\n)*(---)?") {
            let _ = parse(&text);
        }
    }
}
