//! Deals lines out to parts that keep the limits.

use super::document::{Line, LineKind};
use super::script::Script;
use super::sheet::Sheet;
use super::{Cut, Limits, cut};

/// A part is at least this full (one third) before it ends at a good place only because the next line doesn't fit whole.
const FULL_ENOUGH: usize = 3;

pub(super) fn split(lines: Vec<Line>, script: &dyn Script, limits: Limits) -> Vec<Vec<Line>> {
    let mut parts = Vec::new();
    // From the end, so that taking from the front is cheap.
    let mut rest = lines;
    rest.reverse();
    while !rest.is_empty() {
        drop_empty(&mut rest);
        let count = fill(&mut rest, script, limits);
        let mut part: Vec<Line> = rest.drain(rest.len() - count..).rev().collect();
        drop_empty(&mut part);
        if !part.is_empty() {
            parts.push(part);
        }
    }
    parts
}

/// Drops lines from the end of the list in which nothing can be seen.
pub(super) fn drop_empty(lines: &mut Vec<Line>) {
    while lines.last().is_some_and(Line::is_empty) {
        lines.pop();
    }
}

/// A place where a part may end well: before this line, with so much in it.
#[derive(Clone, Copy)]
struct Ending {
    count: usize,
    size: usize,
    lines: usize,
}

/// How many lines the next part takes, at least one if there is one. A line that has to be cut is replaced by its two pieces.
fn fill(rest: &mut Vec<Line>, script: &dyn Script, limits: Limits) -> usize {
    let mut sheet = Sheet::new(script);
    let mut paragraph: Option<Ending> = None;
    for count in 0..rest.len() {
        let index = rest.len() - 1 - count;
        let line = &rest[index];
        let here = Ending { count, size: sheet.size(), lines: sheet.lines() };
        if count > 0 && ends_paragraph(rest, index) {
            if limits.cut == Cut::Newline && rest[index + 1].is_outer_blank() {
                return count;
            }
            paragraph = Some(here);
        }
        let before = sheet.position();
        sheet.push(line);
        if !sheet.fits(limits) {
            sheet.rewind(&before);
            let full_enough = |ending: &Ending| ending.size >= limits.chars / FULL_ENOUGH;
            let line_end = (count > 0 && !follows_heading(rest, index)).then_some(here);
            if let Some(ending) = paragraph.filter(full_enough).or(line_end.filter(full_enough)) {
                return ending.count;
            }
            return count + cut_line(rest, index, &mut sheet, limits);
        }
        if let Some(lines_max) = limits.lines
            && count > 0
            && sheet.lines() > lines_max
        {
            if let Some(ending) = paragraph.filter(|ending| ending.lines >= lines_max / FULL_ENOUGH) {
                return ending.count;
            }
            // A code block that was begun goes on to its end or to the hard limit.
            if !goes_on_in_code(&rest[index + 1], line) {
                return count;
            }
        }
    }
    rest.len()
}

/// Cuts the line so that its first piece fits onto the sheet. Answers how many lines more the part takes.
fn cut_line(rest: &mut Vec<Line>, index: usize, sheet: &mut Sheet<'_>, limits: Limits) -> usize {
    let Some(at) = cut::position(&rest[index], sheet, limits) else { return 0 };
    let (head, tail) = rest.remove(index).split_at(at);
    // Backwards: what comes later stands first.
    let pieces = if tail.runs.is_empty() { vec![head] } else { vec![tail, head] };
    rest.splice(index..index, pieces);
    1
}

/// Whether a paragraph ends before this line (the list runs backwards). A heading stays with what follows it.
fn ends_paragraph(rest: &[Line], index: usize) -> bool {
    let before = &rest[index + 1];
    match before.kind {
        LineKind::Blank => !follows_heading(rest, index),
        LineKind::Code { .. } => !goes_on_in_code(before, &rest[index]),
        LineKind::Text | LineKind::Heading(_) => false,
    }
}

fn follows_heading(rest: &[Line], index: usize) -> bool {
    rest[index + 1..].iter().find(|line| line.kind != LineKind::Blank).is_some_and(Line::is_heading)
}

fn goes_on_in_code(before: &Line, line: &Line) -> bool {
    line.is_code() && before.kind == line.kind
}
