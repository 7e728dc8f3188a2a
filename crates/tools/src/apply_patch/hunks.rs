//! Hunks put into a text. Pure.
//!
//! Lines are found by what they say, from top to bottom: first exactly, then without trailing whitespace, then without
//! any at both ends. Lines that stay are the file's own, so their whitespace and endings never change.

use super::parse::{Hunk, Line};

/// Characters of a line that an error quotes.
const QUOTED: usize = 100;

/// How two lines are compared, strictest first.
const COMPARISONS: [fn(&str, &str) -> bool; 3] =
    [|a, b| a == b, |a, b| a.trim_end() == b.trim_end(), |a, b| a.trim() == b.trim()];

/// The text after all hunks. It ends with a newline if the original does, or was empty.
pub(crate) fn apply(original: &str, hunks: &[Hunk]) -> Result<String, String> {
    let lines: Vec<&str> = original.split_inclusive('\n').collect();
    let newline = if lines.first().is_some_and(|line| line.ends_with("\r\n")) { "\r\n" } else { "\n" };
    let mut output: Vec<String> = Vec::with_capacity(lines.len());
    let mut cursor = 0;
    for (index, hunk) in hunks.iter().enumerate() {
        let number = index + 1;
        let (start, kept) = locate(&lines, cursor, hunk).map_err(|reason| format!("hunk {number}: {reason}"))?;
        output.extend(lines[cursor..start].iter().map(|line| (*line).to_owned()));
        cursor = start;
        for line in &hunk.lines[..kept] {
            match line {
                Line::Keep(_) => {
                    output.push(lines[cursor].to_owned());
                    cursor += 1;
                }
                Line::Remove(_) => cursor += 1,
                Line::Add(text) => output.push(format!("{text}{newline}")),
            }
        }
    }
    output.extend(lines[cursor..].iter().map(|line| (*line).to_owned()));
    Ok(join(output, newline, original.is_empty() || original.ends_with('\n')))
}

fn join(mut lines: Vec<String>, newline: &str, ends_with_newline: bool) -> String {
    let last = lines.len().saturating_sub(1);
    for (index, line) in lines.iter_mut().enumerate() {
        if index < last && !line.ends_with('\n') {
            line.push_str(newline);
        }
        if index == last && !ends_with_newline {
            line.truncate(bare(line).len());
        }
    }
    lines.concat()
}

/// A line without its ending.
fn bare(line: &str) -> &str {
    let line = line.strip_suffix('\n').unwrap_or(line);
    line.strip_suffix('\r').unwrap_or(line)
}

/// Where the hunk begins in the file, and how many of its lines count: blank context lines at its very end may be
/// only the patch's own layout.
fn locate(lines: &[&str], cursor: usize, hunk: &Hunk) -> Result<(usize, usize), String> {
    let mut from = cursor;
    for anchor in &hunk.anchors {
        let at = find(lines, from, &[anchor], false)
            .ok_or_else(|| format!("there is no line `{}` for its @@{}", quote(anchor), after(from)))?;
        from = at + 1;
    }
    let all = hunk.lines.len();
    let old = old_lines(&hunk.lines);
    if old.is_empty() {
        let start = if hunk.anchors.is_empty() || hunk.at_end { lines.len() } else { from };
        return Ok((start, all));
    }
    if let Some(at) = find(lines, from, &old, hunk.at_end) {
        return Ok((at, all));
    }
    // The anchor may itself be the first line of the context.
    if from > cursor
        && let Some(at) = find(lines, from - 1, &old, hunk.at_end)
    {
        return Ok((at, all));
    }
    let blank = hunk.lines.iter().rev().take_while(|line| **line == Line::Keep(String::new())).count();
    for left_out in 1..=blank.min(old.len() - 1) {
        if let Some(at) = find(lines, from, &old[..old.len() - left_out], hunk.at_end) {
            return Ok((at, all - left_out));
        }
    }
    Err(explain(lines, from, &old))
}

fn old_lines(lines: &[Line]) -> Vec<&str> {
    lines
        .iter()
        .filter_map(|line| match line {
            Line::Keep(text) | Line::Remove(text) => Some(text.as_str()),
            Line::Add(_) => None,
        })
        .collect()
}

fn find(lines: &[&str], from: usize, wanted: &[impl AsRef<str>], at_end: bool) -> Option<usize> {
    let last = lines.len().checked_sub(wanted.len())?;
    let matches = |at: usize, same: fn(&str, &str) -> bool| {
        lines[at..at + wanted.len()].iter().zip(wanted).all(|(line, wanted)| same(bare(line), wanted.as_ref()))
    };
    COMPARISONS.iter().find_map(|same| {
        if at_end && last >= from && matches(last, *same) {
            return Some(last);
        }
        (from..=last).find(|at| matches(*at, *same))
    })
}

/// Names the place where most of the wanted lines stand, and the first line that differs there.
fn explain(lines: &[&str], from: usize, old: &[&str]) -> String {
    let agreeing =
        |at: usize| lines[at..].iter().zip(old).take_while(|(line, old)| bare(line).trim() == old.trim()).count();
    let best = (from.min(lines.len())..lines.len()).map(|at| (agreeing(at), std::cmp::Reverse(at))).max();
    match best {
        Some((agreed, std::cmp::Reverse(at))) if agreed > 0 => {
            let wanted = quote(old[agreed.min(old.len() - 1)]);
            match lines.get(at + agreed) {
                Some(line) => format!(
                    "line {} of the file is `{}` where the patch has `{wanted}`",
                    at + agreed + 1,
                    quote(bare(line))
                ),
                None => format!("the file ends at line {} where the patch has `{wanted}`", lines.len()),
            }
        }
        _ => format!("the line `{}` is not in the file{}", quote(old[0]), after(from)),
    }
}

fn after(line: usize) -> String {
    if line == 0 { String::new() } else { format!(" after line {line}") }
}

fn quote(line: &str) -> String {
    line.chars().take(QUOTED).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::parse::{Operation, parse};
    use super::*;

    fn hunks(body: &str) -> Vec<Hunk> {
        let patch = format!("*** Begin Patch\n*** Update File: f\n{body}\n*** End Patch");
        match parse(&patch).unwrap().remove(0) {
            Operation::Update { hunks, .. } => hunks,
            other => panic!("{other:?}"),
        }
    }

    fn check(original: &str, body: &str, expected: Result<&str, &str>) {
        match (apply(original, &hunks(body)), expected) {
            (Ok(text), Ok(expected)) => assert_eq!(text, expected, "{body}"),
            (Err(error), Err(part)) => assert!(error.contains(part), "`{error}` doesn't say `{part}`"),
            (result, expected) => panic!("{result:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn hunks_find_their_place() {
        check("a\nb\nc\n", "@@\n a\n-b\n+B", Ok("a\nB\nc\n"));
        check("a\nb\nc\n", "-b", Ok("a\nc\n"));
        check("a\n", "@@\n+b", Ok("a\nb\n"));
        check("", "@@\n+b", Ok("b\n"));
        check("f\nx\ng\nx\n", "@@ g\n-x\n+y", Ok("f\nx\ng\ny\n"));
        check("f\nx\ng\nx\n", "@@ g\n g\n-x\n+y", Ok("f\nx\ng\ny\n"));
        check("c\nf\nx\nd\nf\nx\n", "@@ d\n@@ f\n-x\n+y", Ok("c\nf\nx\nd\nf\ny\n"));
        check("x\na\nx\n", "@@\n-x\n+y\n*** End of File", Ok("x\na\ny\n"));
        check("g\nh\n", "@@ g\n+new", Ok("g\nnew\nh\n"));
        check("a\nb\na\nb\n", "@@\n-a\n@@\n-a", Ok("b\nb\n"));
        check("a\nb\n", "@@\n-a\n+A\n\n", Ok("A\nb\n"));
    }

    #[test]
    fn the_rest_of_the_file_keeps_its_bytes() {
        check("a\r\nb\r\n", "@@\n a\n-b\n+B\n+C", Ok("a\r\nB\r\nC\r\n"));
        check("  a \n\tb\n", "@@\n a\n-b\n+B", Ok("  a \nB\n"));
        check("a\nb", "@@\n-b\n+B\n+C", Ok("a\nB\nC"));
        check("a\nb", "@@\n b\n+c", Ok("a\nb\nc"));
        check("a\nb", "@@\n-b", Ok("a"));
        check("a", "@@\n-a", Ok(""));
    }

    #[test]
    fn what_does_not_fit_is_explained() {
        check("a\nb\nc\n", "@@\n a\n-x\n+y", Err("hunk 1: line 2 of the file is `b` where the patch has `x`"));
        check("a\n", "@@\n a\n-b", Err("the file ends at line 1 where the patch has `b`"));
        check("a\n", "@@\n-zz", Err("the line `zz` is not in the file"));
        check("a\n", "@@ fn f()\n-a", Err("there is no line `fn f()` for its @@"));
        check("a\nb\n", "@@\n-b\n@@\n-a", Err("hunk 2: the line `a` is not in the file after line 2"));
    }

    /// A diff of one hunk: the common beginning and end as context, cut to `context` lines.
    fn diff(old: &[String], new: &[String], context: usize) -> String {
        let same = |(a, b): &(&String, &String)| a == b;
        let head = old.iter().zip(new).take_while(same).count();
        let most = old.len().min(new.len()) - head;
        let tail = old.iter().rev().zip(new.iter().rev()).take_while(same).count().min(most);
        let (from, to) = (head.saturating_sub(context), (old.len() - tail + context).min(old.len()));
        let marked =
            |mark: &str, lines: &[String]| lines.iter().flat_map(|line| [mark, line, "\n"]).collect::<String>();
        [
            "@@\n".to_owned(),
            marked(" ", &old[from..head]),
            marked("-", &old[head..old.len() - tail]),
            marked("+", &new[head..new.len() - tail]),
            marked(" ", &old[old.len() - tail..to]),
        ]
        .concat()
    }

    fn text(lines: &[String]) -> String {
        lines.iter().flat_map(|line| [line, "\n"]).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Lines repeat, so the whole file is the context.
        #[test]
        fn a_diff_of_anything_gives_the_target(
            old in prop::collection::vec("[ab ]{0,2}", 1..12),
            new in prop::collection::vec("[ab ]{0,2}", 1..12),
        ) {
            prop_assume!(old != new);
            let body = diff(&old, &new, usize::MAX / 2);
            prop_assert_eq!(apply(&text(&old), &hunks(body.trim_end_matches('\n'))), Ok(text(&new)), "{}", body);
        }

        /// Lines are unique, so three lines around are enough.
        #[test]
        fn a_diff_with_little_context_gives_the_target(
            length in 1_usize..40, at in 0_usize..40, removed in 0_usize..5, added in prop::collection::vec("[xyz]{1,3}", 1..5),
        ) {
            let old: Vec<String> = (0..length).map(|number| format!("line {number}")).collect();
            let at = at.min(length);
            let new = [&old[..at], &added, &old[(at + removed).min(length)..]].concat();
            let body = diff(&old, &new, 3);
            prop_assert_eq!(apply(&text(&old), &hunks(body.trim_end_matches('\n'))), Ok(text(&new)), "{}", body);
        }

        #[test]
        fn no_patch_panics(original in "[ab\r\n ]{0,20}", body in "([ +@*-][ab ]{0,2}\n){0,8}") {
            if let Ok(operations) = parse(&format!("*** Begin Patch\n*** Update File: f\n{body}*** End Patch")) {
                for operation in operations {
                    if let Operation::Update { hunks, .. } = operation {
                        let _ = apply(&original, &hunks);
                    }
                }
            }
        }
    }
}
