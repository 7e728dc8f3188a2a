//! Reads long files line by line, with a bound on each line: a transcript may be larger than the memory.

use std::io::{self, BufRead};

/// Longest line, in bytes. An entry with a few pictures in it has some ten megabytes.
pub(crate) const LINE_MAX_BYTES: usize = 64 << 20;

/// One line as it was found.
pub(crate) enum Line<'l> {
    Text(&'l str),
    /// Longer than [`LINE_MAX_BYTES`].
    TooLong,
    NotText,
}

/// Shows each line that isn't blank with its number, from 1.
pub(crate) fn each_line(
    mut reader: impl BufRead,
    mut visit: impl FnMut(u64, Line<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let mut line = Vec::new();
    let mut number = 0;
    loop {
        line.clear();
        let Some(whole) = read_line(&mut reader, &mut line)? else { return Ok(()) };
        number += 1;
        let found = match std::str::from_utf8(&line) {
            _ if !whole => Line::TooLong,
            Ok(text) if text.trim().is_empty() => continue,
            Ok(text) => Line::Text(text.trim()),
            Err(_) => Line::NotText,
        };
        visit(number, found)?;
    }
}

/// Reads to the end of a line. `Some(false)`: it was too long, and its rest is skipped. `None`: there is no more.
fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<bool>> {
    let (mut began, mut whole) = (false, true);
    loop {
        let buffer = match reader.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        if buffer.is_empty() {
            return Ok(began.then_some(whole));
        }
        began = true;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let part = &buffer[..end.unwrap_or(buffer.len())];
        if line.len() + part.len() > LINE_MAX_BYTES {
            whole = false;
            line.clear();
        } else if whole {
            line.extend_from_slice(part);
        }
        let used = end.map_or(buffer.len(), |end| end + 1);
        reader.consume(used);
        if end.is_some() {
            return Ok(Some(whole));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_bounded_and_numbered() {
        let mut text = b"first\n\n".to_vec();
        text.resize(text.len() + LINE_MAX_BYTES + 1, b'x');
        text.extend_from_slice(b"\n\xff\xfe\nlast");
        let mut seen = Vec::new();
        each_line(io::BufReader::with_capacity(64, text.as_slice()), |number, line| {
            seen.push(match line {
                Line::Text(text) => format!("{number} {text}"),
                Line::TooLong => format!("{number} too long"),
                Line::NotText => format!("{number} no text"),
            });
            Ok(())
        })
        .unwrap();
        assert_eq!(seen, ["1 first", "3 too long", "4 no text", "5 last"]);
    }
}
