//! Patches over any bytes. See [`crate::fuzzing`].

#![allow(clippy::missing_panics_doc, reason = "to panic is how these say that a promise is broken")]

use std::fmt::Write as _;

use super::hunks;
use super::parse::{Line, Operation, parse};

/// A patch changes what it says and nothing else, and one that replaces everything gives exactly the new text. The bytes are a file
/// and a patch or another file, with a NUL between them.
pub fn patches(data: &[u8]) {
    let mut pieces = data.splitn(2, |byte| *byte == 0).map(String::from_utf8_lossy);
    let (file, patch) = (pieces.next().unwrap_or_default(), pieces.next().unwrap_or_default());
    if let Ok(operations) = parse(&patch) {
        assert!(operations.len() <= 200);
        for operation in operations {
            check(&file, operation);
        }
    }
    replace_all(&file, &patch);
}

fn check(file: &str, operation: Operation) {
    let Operation::Update { hunks, .. } = &operation else {
        assert!(operation.into_paths().iter().all(|path| !path.is_empty()));
        return;
    };
    let lines = || hunks.iter().flat_map(|hunk| &hunk.lines);
    let added = lines().filter(|line| matches!(line, Line::Add(_))).count();
    let removed = lines().filter(|line| matches!(line, Line::Remove(_))).count();
    if let Ok(after) = hunks::apply(file, hunks) {
        let count = |text: &str| text.lines().count();
        assert_eq!(count(&after) + removed, count(file) + added, "{file:?} {hunks:?} {after:?}");
    }
}

/// Every line of one text is taken out and every line of another put in.
fn replace_all(old: &str, new: &str) {
    let is_plain = |text: &str| text.ends_with('\n') && !text.contains('\r');
    if !is_plain(old) || !is_plain(new) {
        return;
    }
    let mut patch = "*** Begin Patch\n*** Update File: a\n@@\n".to_owned();
    for (mark, text) in [('-', old), ('+', new)] {
        for line in text.lines() {
            // Writing to a String can't fail.
            let _ = writeln!(patch, "{mark}{line}");
        }
    }
    patch.push_str("*** End Patch\n");
    let operations = parse(&patch).expect("the patch is well formed");
    let [Operation::Update { hunks, .. }] = &operations[..] else { panic!("one update: {operations:?}") };
    assert_eq!(hunks::apply(old, hunks).as_deref(), Ok(new), "{patch}");
}
