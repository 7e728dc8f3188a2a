//! The WebSocket's framing over any bytes. See [`crate::fuzzing`].

#![allow(clippy::missing_panics_doc, reason = "to panic is how these say that a promise is broken")]

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::FutureExt as _;
use tokio::io::{AsyncRead, ReadBuf};

use super::wire::{Message, ReadError, Reader};

/// Largest message, small enough to be passed.
const LIMIT: usize = 4096;
/// Tells a text from what else a client may send.
const TEXT: &str = "text ";

/// However the bytes of a client are cut, the same messages come of them and the same refusal, and none is larger than it may be. The
/// first byte says how they are cut.
pub fn websocket(data: &[u8]) {
    let Some((step, stream)) = data.split_first() else { return };
    let (messages, refusal) = read(stream, usize::from(*step).max(1));
    for other in [1, stream.len().max(1)] {
        assert_eq!(read(stream, other), (messages.clone(), refusal.clone()));
    }
    let texts = || messages.iter().filter_map(|message| message.strip_prefix(TEXT));
    assert!(texts().all(|text| text.len() <= LIMIT));
    assert!(texts().map(str::len).sum::<usize>() <= stream.len(), "no more is said than came");
}

/// Each message as its text, and why nothing more can be read.
fn read(stream: &[u8], step: usize) -> (Vec<String>, String) {
    let early = &stream[..stream.len().min(step / 2)];
    let mut reader = Reader::new(Pieces { rest: &stream[early.len()..], step }, early, LIMIT);
    let mut messages = Vec::new();
    loop {
        // Bytes are there at once or never.
        match reader.next().now_or_never().unwrap_or(Err(ReadError::Ended)) {
            Ok(Message::Text(text)) => {
                let text = std::str::from_utf8(&text).expect("a text is UTF-8");
                messages.push(format!("{TEXT}{text}"));
            }
            Ok(other) => messages.push(format!("{other:?}")),
            Err(refusal) => return (messages, refusal.to_string()),
        }
    }
}

/// A connection on which bytes come in pieces of a size.
struct Pieces<'d> {
    rest: &'d [u8],
    step: usize,
}

impl AsyncRead for Pieces<'_> {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let count = self.step.min(self.rest.len()).min(buffer.remaining());
        let (piece, rest) = self.rest.split_at(count);
        buffer.put_slice(piece);
        self.rest = rest;
        Poll::Ready(Ok(()))
    }
}
