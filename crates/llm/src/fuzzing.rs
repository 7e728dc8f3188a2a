//! What must hold for any bytes of a vendor: entry points for the crate `fuzz`, in no shipped build.

#![allow(clippy::missing_panics_doc, reason = "to panic is how these say that a promise is broken")]

pub use crate::wire::fuzzing::{anthropic, errors, gemini, openai_chat, openai_responses};

use crate::sse::{Event, Reader, SseError};

/// However a stream is cut, the same events come of it, or the same complaint. The first byte says how it is cut.
pub fn sse(data: &[u8]) {
    let Some((step, stream)) = data.split_first() else { return };
    let whole = read([stream]);
    assert_eq!(read(stream.chunks(usize::from(*step).max(1))), whole);
    assert_eq!(read(stream.chunks(1)), whole);
    let (events, _) = whole;
    let said: usize = events.iter().map(|event| event.name.len() + event.data.len()).sum();
    assert!(said <= stream.len(), "events hold nothing that did not come");
}

pub(crate) fn read<'d>(pieces: impl IntoIterator<Item = &'d [u8]>) -> (Vec<Event>, Result<(), SseError>) {
    let (mut reader, mut events) = (Reader::default(), Vec::new());
    let outcome = pieces.into_iter().try_for_each(|piece| reader.push(piece, &mut events));
    (events, outcome)
}
