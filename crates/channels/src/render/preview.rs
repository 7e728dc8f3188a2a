//! An answer that is still being written: what its end will likely be, and the newest of it that fits.

use super::document::{Line, LineKind, Run};
use super::script::Script;
use super::sheet::Sheet;
use super::{Limits, split};

/// Says that older text is not shown.
const MORE: &str = "…";

/// The room that it takes, with its line break.
const MORE_CHARS: usize = 2;

/// Signs that come in pairs; the longer before what they begin with.
const PAIRS: [&str; 4] = ["**", "~~", CODE_PAIR, "*"];

const CODE_PAIR: &str = "`";

/// The text with what is not finished at its end closed or left out: a link, a pair of signs, a line that is only markup yet.
///
/// Guesses for people's eyes: a wrong guess shows a sign too many or too few until the next preview, and is never sent for good.
pub(super) fn mended(markdown: &str) -> String {
    let text = markdown.trim_end();
    let Some(code_end) = end_of_code(text) else {
        let line_start = text.rfind('\n').map_or(0, |newline| newline + 1);
        // The closing fence may have come in part.
        let last = text[line_start..].trim();
        let is_half_fence = line_start > 0 && !last.is_empty() && last.chars().all(|sign| matches!(sign, '`' | '~'));
        return if is_half_fence { text[..line_start].to_owned() } else { text.to_owned() };
    };
    let (code, prose) = text.split_at(code_end);
    let linked = without_half_link(prose);
    let mut mended = without_bare_markup(&linked).to_owned();
    close_pairs(&mut mended);
    format!("{code}{mended}")
}

/// The last lines that fit in one part, behind a sign for what is left out.
pub(super) fn newest(lines: Vec<Line>, script: &dyn Script, limits: Limits) -> Vec<Line> {
    let mut lines = lines;
    split::drop_empty(&mut lines);
    if fit(&mut Sheet::new(script), &lines, limits) {
        return lines;
    }
    // Fewer lines take less room: the first line from which all the rest fits.
    let (mut low, mut high) = (1, lines.len());
    while low < high {
        let middle = usize::midpoint(low, high);
        if fit(&mut Sheet::of(&[more(0)], script), &lines[middle..], limits) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    let mut newest = lines.split_off(low.min(lines.len()));
    if newest.is_empty() {
        // The last line alone is too long: its end.
        let last = lines.pop().into_iter().collect();
        let room = Limits { chars: limits.chars - MORE_CHARS, ..limits };
        newest = split::split(last, script, room).pop().unwrap_or_default();
    }
    let indent = newest.first().map_or(0, |line| line.indent);
    newest.insert(0, more(indent));
    newest
}

fn more(indent: usize) -> Line {
    let run = Run { text: MORE.to_owned(), style: Vec::new() };
    Line { quote: 0, indent, marker: None, kind: LineKind::Text, runs: vec![run] }
}

fn fit(sheet: &mut Sheet<'_>, lines: &[Line], limits: Limits) -> bool {
    lines.iter().all(|line| {
        sheet.push(line);
        sheet.fits(limits)
    })
}

/// Behind the last code block, or 0; `None` inside one.
fn end_of_code(text: &str) -> Option<usize> {
    let mut open: Option<&str> = None;
    let mut end = 0;
    let mut position = 0;
    for line in text.split_inclusive('\n') {
        position += line.len();
        let line = line.trim();
        let fence = ["```", "~~~"].into_iter().find(|fence| line.starts_with(fence));
        match (open, fence) {
            (None, Some(fence)) => open = Some(fence),
            (Some(before), Some(fence)) if before == fence && line.chars().all(|sign| fence.contains(sign)) => {
                open = None;
                end = position;
            }
            (None | Some(_), _) => {}
        }
    }
    open.is_none().then_some(end)
}

/// Takes away a last line of which only the markup is there: `-` would make a heading of the line before.
fn without_bare_markup(text: &str) -> &str {
    let line_start = text.rfind('\n').map_or(0, |newline| newline + 1);
    let is_markup = |sign: char| matches!(sign, '#' | '-' | '=' | '+' | '*' | '_' | '`' | '~' | '>' | '|' | ':' | ' ');
    let last = &text[line_start..];
    if last.chars().all(is_markup) { text[..line_start].trim_end() } else { text }
}

/// `see [the page](https://exam` becomes `see the page`.
fn without_half_link(text: &str) -> String {
    let last_line = &text[text.rfind('\n').map_or(0, |newline| newline + 1)..];
    let Some(open) = last_line.rfind('[') else { return text.to_owned() };
    let before = &text[..text.len() - last_line.len() + open];
    let before = before.strip_suffix('!').unwrap_or(before);
    let half = &last_line[open + 1..];
    match half.split_once(']') {
        None => format!("{before}{half}"),
        Some((name, address)) if address.starts_with('(') && !address.contains(')') => format!("{before}{name}"),
        Some(_) => text.to_owned(),
    }
}

/// Closes what the last paragraph opened and did not close yet. Signs with nothing behind them go.
fn close_pairs(text: &mut String) {
    let mut open: Vec<&str> = Vec::new();
    let mut at = text.rfind("\n\n").map_or(0, |empty_line| empty_line + 2);
    while let Some(sign) = text[at..].chars().next() {
        let Some(pair) = PAIRS.iter().copied().find(|pair| text[at..].starts_with(pair)) else {
            at += sign.len_utf8();
            if sign == '\\' {
                at += text[at..].chars().next().map_or(0, char::len_utf8);
            }
            continue;
        };
        let behind = &text[at + pair.len()..];
        if open.last() == Some(&pair) {
            open.pop();
        } else if open.last() == Some(&CODE_PAIR) {
            // In code nothing else is markup.
        } else if behind.is_empty() {
            text.truncate(at);
            break;
        } else if !behind.starts_with(char::is_whitespace) {
            open.push(pair);
        }
        at += pair.len();
    }
    text.truncate(text.trim_end().len());
    text.extend(open.into_iter().rev());
}
