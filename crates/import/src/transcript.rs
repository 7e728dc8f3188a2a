//! Where the entries of a conversation stand, and how they are read one by one: lines of a file, plain or compressed, or rows.

use std::fs::File;
use std::io::{self, BufReader, Read as _};
use std::path::PathBuf;
use std::sync::PoisonError;

use chela_store::{OpenclawEvent, StoreError};
use ruzstd::decoding::StreamingDecoder;

use crate::databases::Opened;
use crate::lines::{LINE_MAX_BYTES, Line, each_line};

/// The entries of one conversation.
#[derive(Clone)]
pub(crate) enum Transcript {
    /// One entry a line.
    Lines(PathBuf),
    /// The same, compressed with zstd.
    CompressedLines(PathBuf),
    Rows {
        opened: Opened,
        session: String,
    },
}

/// An entry's text, or why there is none.
pub(crate) type EntryText<'t> = Result<&'t str, &'static str>;

const TOO_LONG: &str = "longer than 64 MB";
const NOT_TEXT: &str = "not UTF-8";
const NOT_DECOMPRESSED: &str = "can't be decompressed";

impl Transcript {
    /// Shows each entry with its number: of the line, or of the row, from 1. The error says why reading ended early.
    pub(crate) fn each(&self, mut visit: impl FnMut(u64, EntryText<'_>)) -> Result<(), String> {
        let mut visit_line = |number, line: Line<'_>| {
            visit(
                number,
                match line {
                    Line::Text(text) => Ok(text),
                    Line::TooLong => Err(TOO_LONG),
                    Line::NotText => Err(NOT_TEXT),
                },
            );
            Ok(())
        };
        let in_words = |error: io::Error| error.to_string();
        match self {
            Self::Lines(path) => {
                let file = File::open(path).map_err(in_words)?;
                each_line(BufReader::new(file), visit_line).map_err(in_words)
            }
            Self::CompressedLines(path) => {
                let file = File::open(path).map_err(in_words)?;
                let decoder = StreamingDecoder::new(BufReader::new(file)).map_err(|error| error.to_string())?;
                each_line(BufReader::new(decoder), &mut visit_line).map_err(in_words)
            }
            Self::Rows { opened, session } => {
                let database = opened.database.lock().unwrap_or_else(PoisonError::into_inner);
                let rows = database.events(session, |seq, event| {
                    let number = u64::try_from(seq).unwrap_or(0) + 1;
                    match event {
                        OpenclawEvent::Text(text) => visit(number, Ok(&text)),
                        OpenclawEvent::Zstd { data, bytes } => match decompressed(&data, bytes) {
                            Some(text) => visit(number, Ok(&text)),
                            None => visit(number, Err(NOT_DECOMPRESSED)),
                        },
                    }
                    Ok(())
                });
                rows.map_err(|error: StoreError| error.to_string())
            }
        }
    }

    /// Shows the first entry only.
    pub(crate) fn first<T>(&self, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let (mut read, mut found) = (Some(read), None);
        let Self::CompressedLines(path) = self else { return None };
        let decoder = StreamingDecoder::new(BufReader::new(File::open(path).ok()?)).ok()?;
        // Whatever the visit says, the rest is not read.
        let _ = each_line(BufReader::new(decoder), |_, line| {
            if let (Line::Text(text), Some(read)) = (line, read.take()) {
                found = read(text);
            }
            Err(io::Error::other("seen enough"))
        });
        found
    }
}

/// A compressed entry; `bytes` is how long it says that it is.
fn decompressed(data: &[u8], bytes: u64) -> Option<String> {
    let most = usize::try_from(bytes).ok().filter(|bytes| *bytes <= LINE_MAX_BYTES)?;
    let decoder = StreamingDecoder::new(data).ok()?;
    let mut text = Vec::with_capacity(most);
    decoder.take(bytes + 1).read_to_end(&mut text).ok()?;
    (text.len() == most).then(|| String::from_utf8(text).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `zstd -c` of `{"a":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}`, stored as one run-length block and raw ones.
    fn frame(text: &[u8]) -> Vec<u8> {
        let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x20, u8::try_from(text.len()).unwrap()];
        let header = (u32::try_from(text.len()).unwrap() << 3) | 1;
        frame.extend_from_slice(&header.to_le_bytes()[..3]);
        frame.extend_from_slice(text);
        frame
    }

    #[test]
    fn compressed_entries_are_read_and_lies_about_their_length_are_not() {
        let text = br#"{"type":"session"}"#;
        let bytes = text.len() as u64;
        assert_eq!(decompressed(&frame(text), bytes).as_deref(), Some(r#"{"type":"session"}"#));
        assert_eq!(decompressed(&frame(text), bytes - 1), None);
        assert_eq!(decompressed(&frame(text), bytes + 1), None);
        assert_eq!(decompressed(b"nothing of the kind", 5), None);
    }
}
