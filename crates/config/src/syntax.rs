//! Reading JSON5 text, with limits that the parser itself does not have.

use std::fmt::Write as _;

use serde_json::Value;
use sha2::{Digest, Sha256};

/// No hand-written configuration comes near; larger ones are a mistake (a log, a database).
pub(crate) const FILE_MAX_BYTES: u64 = 2 * 1024 * 1024;

/// The parser recurses for each level, so that a file of brackets would overflow the stack.
pub(crate) const DEPTH_MAX: usize = 128;

/// Text that is not JSON5. Never quotes the text: it may hold secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct SyntaxError {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    pub message: String,
}

/// Parses JSON5; empty or blank text counts as `{}`. Of a key written twice the last one holds.
pub fn parse(text: &str) -> Result<Value, SyntaxError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    check_depth(text)?;
    json5::from_str(text).map_err(|error| describe(&error))
}

/// SHA-256 of a file's bytes in lower-case hex: the `hash` and `baseHash` of the control protocol.
pub fn hash(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes in lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
        // Writing to a String can't fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn describe(error: &json5::Error) -> SyntaxError {
    use json5::ErrorCode::{
        EofParsingArray, EofParsingComment, EofParsingObject, EofParsingString, ExpectedClosingBrace,
        ExpectedClosingBracket, ExpectedColon, ExpectedComma, ExpectedIdentifier, ExpectedStringOrObject,
        ExpectedValue, InvalidEscapeSequence, LeadingZero, LineTerminatorInString, TrailingCharacters,
    };
    let message = match error.code() {
        Some(EofParsingObject | ExpectedClosingBrace) => "an object is not closed: `}` or `,` is missing".into(),
        Some(EofParsingArray | ExpectedClosingBracket) => "a list is not closed: `]` or `,` is missing".into(),
        Some(EofParsingString) => "a string is not closed".into(),
        Some(EofParsingComment) => "a comment is not closed: `*/` is missing".into(),
        Some(ExpectedColon) => "`:` is missing after the key".into(),
        Some(ExpectedComma) => "`,` is missing before this".into(),
        Some(ExpectedIdentifier | ExpectedStringOrObject) => "a key is expected here".into(),
        Some(ExpectedValue) => "a value is expected here; text needs quotes".into(),
        Some(InvalidEscapeSequence) => "unknown escape after `\\`; write `\\\\` for a backslash".into(),
        Some(LeadingZero) => "a number must not start with 0; write digits in quotes".into(),
        Some(LineTerminatorInString) => "a string must end on its line; write `\\n` for a line break".into(),
        Some(TrailingCharacters) => "there is more text after the end of the configuration".into(),
        Some(other) => other.to_string(),
        None => "this is not JSON5".into(),
    };
    let (line, column) = error.position().map_or((1, 1), |at| (at.line + 1, at.column + 1));
    SyntaxError { line, column, message }
}

/// Refuses text nested deeper than [`DEPTH_MAX`]. Brackets in strings and comments do not count.
fn check_depth(text: &str) -> Result<(), SyntaxError> {
    let (mut depth, mut line, mut column) = (0_usize, 1, 0);
    let mut inside = Inside::Plain;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        column += 1;
        if c == '\n' {
            (line, column) = (line + 1, 0);
        }
        inside = match (inside, c) {
            (Inside::Plain, '"' | '\'') => Inside::String(c),
            (Inside::Plain, '/') if chars.peek() == Some(&'/') => Inside::LineComment,
            (Inside::Plain, '/') if chars.next_if_eq(&'*').is_some() => Inside::BlockComment,
            (Inside::Plain, '{' | '[') => {
                depth += 1;
                Inside::Plain
            }
            (Inside::Plain, '}' | ']') => {
                depth = depth.saturating_sub(1);
                Inside::Plain
            }
            (Inside::String(_), '\\') => {
                chars.next();
                inside
            }
            (Inside::String(quote), _) if c == quote => Inside::Plain,
            // All that ends a line for the parser; a bracket missed here would not be counted.
            (Inside::LineComment, '\n' | '\r' | '\u{2028}' | '\u{2029}') => Inside::Plain,
            (Inside::BlockComment, '*') if chars.next_if_eq(&'/').is_some() => Inside::Plain,
            _ => inside,
        };
        if depth > DEPTH_MAX {
            return Err(SyntaxError { line, column, message: format!("nested deeper than {DEPTH_MAX} levels") });
        }
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum Inside {
    Plain,
    String(char),
    LineComment,
    BlockComment,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_json5() {
        let text = "\u{feff}{ // a comment\n port: 0x10, 'list': [1, 2,], text: \"a [ /* {\", /* [ */ }";
        assert_eq!(parse(text), Ok(json!({"port": 16, "list": [1, 2], "text": "a [ /* {"})));
        assert_eq!(parse(" \n"), Ok(json!({})));
    }

    #[test]
    fn names_line_and_column_and_never_the_text() {
        let error = parse("{\n  token: \"top-secret\"\n  port: 1\n}").expect_err("a comma is missing");
        assert_eq!((error.line, error.column), (3, 3));
        assert!(!error.to_string().contains("secret"), "{error}");
        assert!(parse("{a: tru}").is_err());
        assert!(parse("{a: 'x").is_err());
    }

    #[test]
    fn a_file_of_brackets_is_refused_and_does_not_overflow() {
        let error = parse(&"[".repeat(200_000)).expect_err("too deep");
        assert_eq!((error.line, error.column), (1, DEPTH_MAX + 1));
        for line_end in ["\n", "\r", "\r\n", "\u{2028}", "\u{2029}"] {
            let text = format!("// quiet{line_end}{}", "[".repeat(200_000));
            assert!(parse(&text).expect_err("too deep").message.starts_with("nested deeper"), "{line_end:?}");
        }
    }

    #[test]
    fn what_is_just_not_too_deep_is_read() {
        let text = format!("{}1{}", "{a:".repeat(DEPTH_MAX), "}".repeat(DEPTH_MAX));
        assert!(parse(&text).is_ok());
    }

    #[test]
    fn hashes_like_sha256sum() {
        assert_eq!(hash(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
