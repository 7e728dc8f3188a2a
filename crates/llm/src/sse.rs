//! Server-sent events: a reader over bytes as they arrive, split anywhere.
//!
//! Follows the WHATWG event-stream grammar (LF, CR and CRLF line ends, one leading BOM, comments, several `data` lines per
//! event). Ignores `id` and `retry`: a model's answer is never resumed.

/// One event. `name` is empty when the server gave none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) data: String,
}

/// Largest event or line. A vendor's biggest event carries one whole answer again (Responses' `response.completed`).
pub(crate) const MAX_EVENT_BYTES: usize = 8 * 1024 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SseError {
    #[error("an event is larger than {MAX_EVENT_BYTES} bytes")]
    TooLarge,
    #[error("an event is not UTF-8")]
    NotUtf8,
}

/// Cuts bytes into events. Keeps at most one unfinished event.
#[derive(Default)]
pub(crate) struct Reader {
    line: Vec<u8>,
    name: String,
    data: String,
    has_data: bool,
    /// The last byte was CR: a LF that follows belongs to the same line end.
    after_cr: bool,
    past_first_line: bool,
}

impl Reader {
    /// Takes the next bytes and appends the events that they complete.
    pub(crate) fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) -> Result<(), SseError> {
        let mut rest = bytes;
        while !rest.is_empty() {
            if std::mem::take(&mut self.after_cr) && rest[0] == b'\n' {
                rest = &rest[1..];
                continue;
            }
            let Some(end) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
                return self.extend_line(rest);
            };
            self.extend_line(&rest[..end])?;
            self.after_cr = rest[end] == b'\r';
            rest = &rest[end + 1..];
            self.end_line(events)?;
        }
        Ok(())
    }

    fn extend_line(&mut self, bytes: &[u8]) -> Result<(), SseError> {
        if self.line.len() + self.data.len() + bytes.len() > MAX_EVENT_BYTES {
            return Err(SseError::TooLarge);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_line(&mut self, events: &mut Vec<Event>) -> Result<(), SseError> {
        let line = std::mem::take(&mut self.line);
        let text = std::str::from_utf8(&line).map_err(|_| SseError::NotUtf8)?;
        let text = if self.past_first_line { text } else { text.strip_prefix('\u{feff}').unwrap_or(text) };
        self.past_first_line = true;
        if text.is_empty() {
            self.end_event(events);
            return Ok(());
        }
        let (field, value) = text.split_once(':').unwrap_or((text, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.data.push('\n');
                }
                self.data.push_str(value);
            }
            // A comment (empty field name), `id`, `retry`, or something newer than this reader.
            _ => {}
        }
        Ok(())
    }

    fn end_event(&mut self, events: &mut Vec<Event>) {
        let name = std::mem::take(&mut self.name);
        let data = std::mem::take(&mut self.data);
        if std::mem::take(&mut self.has_data) {
            events.push(Event { name, data });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(chunks: &[&[u8]]) -> Vec<Event> {
        let (mut reader, mut events) = (Reader::default(), Vec::new());
        for chunk in chunks {
            reader.push(chunk, &mut events).expect("within limits");
        }
        events
    }

    fn event(name: &str, data: &str) -> Event {
        Event { name: name.into(), data: data.into() }
    }

    #[test]
    fn reads_names_comments_and_several_data_lines() {
        let text = "\u{feff}: hello\nevent: a\ndata: one\ndata:two\nid: 7\n\ndata\n\nevent: lost\n\ndata:  x\n\n";
        assert_eq!(read(&[text.as_bytes()]), [event("a", "one\ntwo"), event("", ""), event("", " x")]);
    }

    #[test]
    fn takes_every_kind_of_line_end() {
        assert_eq!(read(&[b"data: a\r\n\r\ndata: b\r\rdata: c\n\n"]), [event("", "a"), event("", "b"), event("", "c")]);
    }

    #[test]
    fn an_unfinished_event_is_not_an_event() {
        assert_eq!(read(&[b"data: a\n"]), []);
    }

    #[test]
    fn refuses_what_would_fill_the_memory() {
        let mut reader = Reader::default();
        let chunk = vec![b'x'; MAX_EVENT_BYTES / 2 + 1];
        reader.push(&chunk, &mut Vec::new()).expect("half fits");
        assert_eq!(reader.push(&chunk, &mut Vec::new()), Err(SseError::TooLarge));
    }

    #[test]
    fn many_data_lines_count_together() {
        let mut reader = Reader::default();
        let line = format!("data: {}\n", "x".repeat(1024 * 1024 - 6));
        let outcome = (0..9).try_for_each(|_| reader.push(line.as_bytes(), &mut Vec::new()));
        assert_eq!(outcome, Err(SseError::TooLarge));
    }

    #[test]
    fn says_when_bytes_are_no_text() {
        assert_eq!(Reader::default().push(b"data: \xff\n", &mut Vec::new()), Err(SseError::NotUtf8));
    }

    proptest! {
        /// Where the network cuts makes no difference, inside a line end or a character neither.
        #[test]
        fn splits_do_not_matter(
            parts in proptest::collection::vec("(event: [a-zé]{0,4}|data: [ -~é漢🦀]{0,12}|: ?|)(\n|\r\n|\r)", 0..24),
            cuts in proptest::collection::vec(0usize..400, 0..12),
        ) {
            let bytes = parts.concat().into_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let chunks: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            prop_assert_eq!(read(&chunks), read(&[&bytes]));
        }
    }
}
