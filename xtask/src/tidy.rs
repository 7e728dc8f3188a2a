//! House rules that no compiler knows: file headers, room names, who may read the environment, words that slip in.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::shell;

/// A file past this is probably two (STYLE.md); printed, not failed.
const LONG_FILE_LINES: usize = 500;

/// A function past this needs a reason (STYLE.md); printed, not failed.
const LONG_FUNCTION_LINES: usize = 70;

/// Names that say nothing about what is in the room.
const EMPTY_NAMES: &[&str] = &["common", "core", "helper", "helpers", "misc", "types_util", "util", "utils"];

/// Words that have a better one in the glossary of ARCHITECTURE.md.
const SLIPS: &[(&str, &str)] = &[
    ("chatroom", "chat"),
    ("dead letter queue", "dead-letter list"),
    ("inbound queue", "inbox"),
    ("llm provider plugin", "provider"),
    ("outbound queue", "outbox"),
    ("persona id", "agent"),
];

/// Marks of unfinished work. Split so that this file doesn't hold them itself.
const UNFINISHED: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX:"), concat!("to", "do!(")];

pub(crate) fn run() -> Result<()> {
    let root = shell::root();
    let mut files = Vec::new();
    for folder in ["crates", "xtask", "bench", "fuzz"] {
        collect(&root.join(folder), &mut files)?;
    }
    files.sort();
    let mut faults = Vec::new();
    let mut outliers = Vec::new();
    for path in &files {
        let text = fs::read_to_string(path)?;
        let name = path.strip_prefix(&root).unwrap_or(path).display().to_string();
        faults.extend(faults_of(&name, &text));
        outliers.extend(outliers_of(&name, &text));
    }
    if !outliers.is_empty() {
        eprintln!("larger than usual (no fault, but look):\n  {}", outliers.join("\n  "));
    }
    if !faults.is_empty() {
        bail!("house rules broken:\n  {}", faults.join("\n  "));
    }
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

fn faults_of(name: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if !text.starts_with("//!") {
        faults.push(format!("{name}: starts without `//!` (what does it own, what does it refuse?)"));
    }
    let stem = Path::new(name).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    if EMPTY_NAMES.contains(&stem.as_str()) {
        faults.push(format!("{name}: `{stem}` names no thing"));
    }
    let lower = text.to_lowercase();
    for (slip, word) in SLIPS {
        if lower.contains(slip) && !name.ends_with("tidy.rs") {
            faults.push(format!("{name}: says `{slip}`; the glossary's word is `{word}`"));
        }
    }
    for mark in UNFINISHED {
        if text.contains(mark) {
            faults.push(format!("{name}: holds `{mark}`"));
        }
    }
    if reads_environment(text) && !may_read_environment(name) {
        faults.push(format!("{name}: reads the environment; only config and cli do"));
    }
    faults
}

fn reads_environment(text: &str) -> bool {
    ["env::var", "env::vars", "env::home_dir"].iter().any(|call| text.contains(call))
}

fn may_read_environment(name: &str) -> bool {
    let rooms = ["crates/config/", "crates/cli/", "xtask/", "bench/", "fuzz/"];
    let is_of_build = name.ends_with("/build.rs");
    rooms.iter().any(|room| name.starts_with(room))
        || is_of_build
        || name.contains("/tests/")
        || name.contains("/examples/")
}

fn outliers_of(name: &str, text: &str) -> Vec<String> {
    let mut outliers = Vec::new();
    let lines: Vec<&str> = text.lines().collect();
    if lines.len() > LONG_FILE_LINES {
        outliers.push(format!("{name}: {} lines", lines.len()));
    }
    let mut start = None;
    for (number, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let word = line.trim_start();
        let opens = [
            "fn ",
            "pub fn ",
            "async fn ",
            "pub async fn ",
            "pub(crate) fn ",
            "pub(crate) async fn ",
            "pub(super) fn ",
        ];
        if opens.iter().any(|open| word.starts_with(open)) {
            start = Some((number, indent, word));
        } else if let Some((from, depth, head)) = start
            && word == "}"
            && indent == depth
        {
            if number - from > LONG_FUNCTION_LINES {
                let title = head.split(['(', '<']).next().unwrap_or(head);
                outliers.push(format!("{name}:{}: {title} has {} lines", from + 1, number - from));
            }
            start = None;
        }
    }
    outliers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tidy_file_passes() {
        assert!(faults_of("crates/agent/src/turn.rs", "//! Turns.\n\nfn begin() {}\n").is_empty());
    }

    #[test]
    fn each_rule_bites() {
        let check = |name: &str, text: &str| faults_of(name, text).len();
        assert_eq!(check("crates/agent/src/turn.rs", "fn begin() {}\n"), 1);
        assert_eq!(check("crates/agent/src/utils.rs", "//! x\n"), 1);
        assert_eq!(check("crates/agent/src/turn.rs", "//! The chatroom.\n"), 1);
        assert_eq!(check("crates/agent/src/turn.rs", "//! x\nstd::env::var(\"HOME\")\n"), 1);
        assert_eq!(check("crates/cli/src/main.rs", "//! x\nstd::env::var(\"HOME\")\n"), 0);
        assert_eq!(check("crates/agent/src/turn.rs", concat!("//! x\n// TO", "DO: later\n")), 1);
    }

    #[test]
    fn long_files_and_functions_are_named() {
        let body = "    x();\n".repeat(80);
        let text = format!("//! x\nfn long() {{\n{body}}}\n");
        assert_eq!(outliers_of("a.rs", &text), ["a.rs:2: fn long has 81 lines"]);
    }
}
