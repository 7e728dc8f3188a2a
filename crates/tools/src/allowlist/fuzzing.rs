//! Command lines over any bytes. See [`crate::fuzzing`].

#![allow(clippy::missing_panics_doc, reason = "to panic is how these say that a promise is broken")]

use std::path::PathBuf;

use super::argv::plain_words;
use super::{ListEntry, PlainCommand};

/// Signs that mean something to a shell outside of quotes.
const SHELL_SIGNS: &str = ";|&<>()$`\\*?[]{}~!#\n\r";

/// A plain command is one to every shell, reads the same when it is quoted whole, and is allowed only as itself.
pub fn command_lines(data: &[u8]) {
    let mut pieces = data.splitn(2, |byte| *byte == 0).map(String::from_utf8_lossy);
    let (command, pattern) = (pieces.next().unwrap_or_default(), pieces.next().unwrap_or_default());
    let Ok(words) = plain_words(&command) else { return };
    assert!(!words.is_empty() && !words[0].is_empty());
    let outside = outside_of_quotes(&command);
    assert!(!outside.contains(|sign| SHELL_SIGNS.contains(sign)), "{command:?}");
    assert!(words.iter().all(|word| !word.contains(char::is_control)), "{words:?}");
    if words.iter().all(|word| !word.contains('\'')) {
        let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
        assert_eq!(plain_words(&quoted.join(" ")).as_ref(), Ok(&words), "{command:?}");
    }
    check_list(words, &pattern);
}

/// What an "always" would store speaks for this command, and for none with another argument; a pattern of anybody's own is tried
/// without a panic.
fn check_list(argv: Vec<String>, pattern: &str) {
    let plain = PlainCommand { argv, program: PathBuf::from("/usr/bin/rg") };
    let of_somebody = ListEntry { pattern: pattern.to_owned(), arg_pattern: Some(pattern.to_owned()) };
    let _ = plain.is_listed(&of_somebody);
    let Some(entry) = plain.entry() else { return };
    assert!(plain.is_listed(&entry), "{plain:?} {entry:?}");
    let mut longer = plain.clone();
    longer.argv.push("more".to_owned());
    assert!(!longer.is_listed(&entry), "{longer:?} {entry:?}");
    for at in 1..plain.argv.len() {
        let mut other = plain.clone();
        other.argv[at].push('x');
        assert!(!other.is_listed(&entry), "{other:?} {entry:?}");
    }
}

fn outside_of_quotes(command: &str) -> String {
    let mut open = None;
    let outside = command.chars().filter(|sign| {
        let is_quote = matches!(sign, '\'' | '"');
        match open {
            None if is_quote => open = Some(*sign),
            Some(quote) if quote == *sign => open = None,
            _ => {}
        }
        open.is_none() && !is_quote
    });
    outside.collect()
}
