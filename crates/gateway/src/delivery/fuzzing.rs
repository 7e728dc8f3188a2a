//! The marks of an answer over any text. See [`crate::fuzzing`].

#![allow(clippy::missing_panics_doc, reason = "to panic is how these say that a promise is broken")]

use super::directives::Directives;

/// An answer without its marks has none left outside of code, and is no longer than it was.
pub fn directives(data: &[u8]) {
    let answer = String::from_utf8_lossy(data);
    let read = Directives::read(&answer);
    assert_eq!(Directives::read(&answer), read);
    assert!(read.text.len() <= answer.len());
    assert!(read.files.len() <= 10 && read.files.iter().all(|file| !file.trim().is_empty()), "{:?}", read.files);
}
