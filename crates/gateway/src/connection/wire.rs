//! WebSocket framing for a server (RFC 6455), without a buffer while a client is idle.
//!
//! Own code because a library's connection keeps the buffers that one large message grew, for as long as the client stays,
//! and because the size limit changes at authentication.

use bytes::{Buf, Bytes, BytesMut};
use chela_protocol::CloseCode;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Read at once while nothing is buffered; it lives inside the connection's task, so it is kept small.
const IDLE_READ: usize = 512;
/// A message's buffer grows by this much ahead of what has arrived, whatever length its header claims.
const GROWTH: usize = 64 * 1024;
/// Largest payload of a control frame (RFC 6455 §5.5).
const CONTROL_MAX: usize = 125;

/// One complete message from the client, unmasked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// Valid UTF-8.
    Text(BytesMut),
    Ping(Bytes),
    Pong,
    Close(Option<u16>),
}

/// Why nothing more can be read. Each has the close code that the client should get.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("the connection ended")]
    Ended,
    #[error("{0}")]
    Protocol(&'static str),
    #[error("the message is larger than {0} bytes")]
    TooBig(usize),
    #[error("a text message is not UTF-8")]
    InvalidUtf8,
    #[error("binary messages are not understood")]
    Binary,
}

impl ReadError {
    pub(crate) fn close_code(&self) -> Option<CloseCode> {
        match self {
            Self::Ended => None,
            Self::Protocol(_) => Some(CloseCode::ProtocolError),
            Self::TooBig(_) => Some(CloseCode::TooBig),
            Self::InvalidUtf8 => Some(CloseCode::InvalidUtf8),
            Self::Binary => Some(CloseCode::Unsupported),
        }
    }
}

/// Reads messages. [`Reader::next`] may be cancelled and called again.
pub(crate) struct Reader<R> {
    io: R,
    buffer: BytesMut,
    /// Parts of a fragmented message so far.
    partial: Option<BytesMut>,
    limit: usize,
    received: u64,
}

impl<R: AsyncRead + Unpin> Reader<R> {
    /// `early` is what the HTTP side had read beyond the upgrade request.
    pub(crate) fn new(io: R, early: &[u8], limit: usize) -> Self {
        Self { io, buffer: BytesMut::from(early), partial: None, limit, received: 0 }
    }

    /// Sets the largest message from here on.
    pub(crate) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Bytes that have come so far.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    pub(crate) async fn next(&mut self) -> Result<Message, ReadError> {
        loop {
            match self.take_frame()? {
                Taken::Message(message) => return Ok(message),
                Taken::Fragment => {}
                Taken::Needs(missing) => self.fill(missing).await?,
            }
        }
    }

    async fn fill(&mut self, missing: usize) -> Result<(), ReadError> {
        let read = if self.buffer.is_empty() {
            let mut chunk = [0; IDLE_READ];
            let read = self.io.read(&mut chunk).await.map_err(|_| ReadError::Ended)?;
            self.buffer.extend_from_slice(&chunk[..read]);
            read
        } else {
            self.buffer.reserve(missing.min(GROWTH));
            self.io.read_buf(&mut self.buffer).await.map_err(|_| ReadError::Ended)?
        };
        self.received += read as u64;
        if read == 0 { Err(ReadError::Ended) } else { Ok(()) }
    }

    /// Takes one frame out of the buffer, or says how many bytes are missing at least.
    fn take_frame(&mut self) -> Result<Taken, ReadError> {
        let Some(head) = Head::parse(&self.buffer)? else {
            return Ok(Taken::Needs(1));
        };
        let so_far = self.partial.as_ref().map_or(0, BytesMut::len);
        if !head.opcode.is_control() && head.length.saturating_add(so_far as u64) > self.limit as u64 {
            return Err(ReadError::TooBig(self.limit));
        }
        let length = usize::try_from(head.length).map_err(|_| ReadError::TooBig(self.limit))?;
        if self.buffer.len() < head.size + length {
            return Ok(Taken::Needs(head.size + length - self.buffer.len()));
        }
        self.buffer.advance(head.size);
        let mut payload = self.buffer.split_to(length);
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
        unmask(&mut payload, head.mask);
        self.accept(&head, payload)
    }

    fn accept(&mut self, head: &Head, payload: BytesMut) -> Result<Taken, ReadError> {
        match head.opcode {
            Opcode::Ping => Ok(Taken::Message(Message::Ping(payload.freeze()))),
            Opcode::Pong => Ok(Taken::Message(Message::Pong)),
            Opcode::Close => close_message(&payload).map(Taken::Message),
            Opcode::Binary => Err(ReadError::Binary),
            Opcode::Text if self.partial.is_some() => Err(ReadError::Protocol("a message began inside another")),
            Opcode::Continuation if self.partial.is_none() => Err(ReadError::Protocol("a continuation of nothing")),
            Opcode::Text | Opcode::Continuation => {
                let whole = match self.partial.take() {
                    Some(mut parts) => {
                        parts.extend_from_slice(&payload);
                        parts
                    }
                    None => payload,
                };
                if !head.last {
                    self.partial = Some(whole);
                    return Ok(Taken::Fragment);
                }
                std::str::from_utf8(&whole).map_err(|_| ReadError::InvalidUtf8)?;
                Ok(Taken::Message(Message::Text(whole)))
            }
        }
    }
}

enum Taken {
    Message(Message),
    Fragment,
    Needs(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Opcode {
    fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// A client's frame header.
struct Head {
    last: bool,
    opcode: Opcode,
    mask: [u8; 4],
    length: u64,
    /// Bytes of the header itself.
    size: usize,
}

impl Head {
    /// None when the header is not complete yet.
    fn parse(bytes: &[u8]) -> Result<Option<Self>, ReadError> {
        let [first, second, rest @ ..] = bytes else {
            return Ok(None);
        };
        if first & 0x70 != 0 {
            return Err(ReadError::Protocol("reserved bits are set"));
        }
        if second & 0x80 == 0 {
            return Err(ReadError::Protocol("a client's frame must be masked"));
        }
        let last = first & 0x80 != 0;
        let opcode = opcode(first & 0x0f)?;
        let short = second & 0x7f;
        let (length, extra) = match short {
            126 => match rest.first_chunk() {
                Some(bytes) => (u64::from(u16::from_be_bytes(*bytes)), 2),
                None => return Ok(None),
            },
            127 => match rest.first_chunk() {
                Some(bytes) => (u64::from_be_bytes(*bytes), 8),
                None => return Ok(None),
            },
            short => (u64::from(short), 0),
        };
        if opcode.is_control() && (!last || length > CONTROL_MAX as u64) {
            return Err(ReadError::Protocol("a control frame is fragmented or too long"));
        }
        let Some(&[a, b, c, d]) = rest.get(extra..extra + 4) else {
            return Ok(None);
        };
        Ok(Some(Self { last, opcode, mask: [a, b, c, d], length, size: 2 + extra + 4 }))
    }
}

fn opcode(bits: u8) -> Result<Opcode, ReadError> {
    match bits {
        0 => Ok(Opcode::Continuation),
        1 => Ok(Opcode::Text),
        2 => Ok(Opcode::Binary),
        8 => Ok(Opcode::Close),
        9 => Ok(Opcode::Ping),
        10 => Ok(Opcode::Pong),
        _ => Err(ReadError::Protocol("unknown opcode")),
    }
}

fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    for (byte, key) in payload.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
}

fn close_message(payload: &[u8]) -> Result<Message, ReadError> {
    match payload {
        [] => Ok(Message::Close(None)),
        [_] => Err(ReadError::Protocol("a close code has two bytes")),
        [high, low, reason @ ..] => {
            std::str::from_utf8(reason).map_err(|_| ReadError::InvalidUtf8)?;
            Ok(Message::Close(Some(u16::from_be_bytes([*high, *low]))))
        }
    }
}

/// What the server sends.
#[derive(Debug, Clone)]
pub(crate) enum Outgoing {
    Text(Bytes),
    Ping,
    Pong(Bytes),
    Close(CloseCode, String),
}

/// Writes one frame, in one packet where it fits.
pub(crate) async fn write<W: AsyncWrite + Unpin>(io: &mut W, frame: Outgoing) -> std::io::Result<()> {
    let (opcode, payload) = match frame {
        Outgoing::Text(text) => (1, text),
        Outgoing::Ping => (9, Bytes::new()),
        Outgoing::Pong(payload) => (10, payload),
        Outgoing::Close(code, reason) => (8, close_payload(code, &reason)),
    };
    io.write_all_buf(&mut head(opcode, payload.len()).chain(payload)).await?;
    io.flush().await
}

fn head(opcode: u8, length: usize) -> Bytes {
    let mut head = Vec::with_capacity(10);
    head.push(0x80 | opcode);
    match u16::try_from(length) {
        Ok(short @ 0..=125) => head.push(short.to_be_bytes()[1]),
        Ok(medium) => {
            head.push(126);
            head.extend_from_slice(&medium.to_be_bytes());
        }
        Err(_) => {
            head.push(127);
            head.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    head.into()
}

/// The reason is cut to what a control frame can carry.
fn close_payload(code: CloseCode, reason: &str) -> Bytes {
    let reason = &reason[..reason.floor_char_boundary(CONTROL_MAX - 2)];
    [&code.as_u16().to_be_bytes()[..], reason.as_bytes()].concat().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MASK: [u8; 4] = [7, 77, 177, 1];

    fn client_frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = head(first & 0x0f, payload.len()).to_vec();
        frame[0] = first;
        frame[1] |= 0x80;
        frame.extend_from_slice(&MASK);
        frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, key)| byte ^ key));
        frame
    }

    /// Everything that comes out of the given bytes, which arrive in pieces of `step`.
    async fn read_all(bytes: &[u8], step: usize, limit: usize) -> (Vec<Message>, ReadError) {
        let (mut client, server) = tokio::io::duplex(step);
        let mut reader = Reader::new(server, &[], limit);
        let bytes = bytes.to_vec();
        let writer = tokio::spawn(async move { client.write_all(&bytes).await });
        let mut messages = Vec::new();
        let error = loop {
            match reader.next().await {
                Ok(message) => messages.push(message),
                Err(error) => break error,
            }
        };
        drop(reader);
        let _ = writer.await;
        (messages, error)
    }

    fn text(text: &str) -> Message {
        Message::Text(BytesMut::from(text))
    }

    #[tokio::test]
    async fn messages_come_out_whole_however_they_are_cut() {
        let long = "é".repeat(40_000);
        let bytes = [
            client_frame(0x81, b"one"),
            client_frame(0x01, b"tw"),
            client_frame(0x89, b"are you there"),
            client_frame(0x80, b"o"),
            client_frame(0x81, long.as_bytes()),
            client_frame(0x88, &1000_u16.to_be_bytes()),
        ]
        .concat();
        for step in [1, 7, 1024, 1 << 20] {
            let (messages, error) = read_all(&bytes, step, 100_000).await;
            let ping = Message::Ping(Bytes::from_static(b"are you there"));
            assert_eq!(messages, [text("one"), ping, text("two"), text(&long), Message::Close(Some(1000))]);
            assert_eq!(error, ReadError::Ended);
        }
    }

    #[tokio::test]
    async fn what_breaks_the_rules_is_refused() {
        let unmasked = vec![0x81, 0x01, b'x'];
        let huge_claim = [vec![0x81, 0xff], u64::MAX.to_be_bytes().to_vec(), MASK.to_vec()].concat();
        let cases: Vec<(Vec<u8>, CloseCode)> = vec![
            (unmasked, CloseCode::ProtocolError),
            (client_frame(0xc1, b"x"), CloseCode::ProtocolError),
            (client_frame(0x83, b"x"), CloseCode::ProtocolError),
            (client_frame(0x80, b"x"), CloseCode::ProtocolError),
            (client_frame(0x09, b"x"), CloseCode::ProtocolError),
            (client_frame(0x89, &[0; 126]), CloseCode::ProtocolError),
            (client_frame(0x88, b"x"), CloseCode::ProtocolError),
            ([client_frame(0x01, b"x"), client_frame(0x81, b"y")].concat(), CloseCode::ProtocolError),
            (client_frame(0x82, b"x"), CloseCode::Unsupported),
            (client_frame(0x81, &[0xff, 0xfe]), CloseCode::InvalidUtf8),
            (client_frame(0x81, &[b'x'; 65]), CloseCode::TooBig),
            ([client_frame(0x01, &[b'x'; 40]), client_frame(0x80, &[b'x'; 40])].concat(), CloseCode::TooBig),
            (huge_claim, CloseCode::TooBig),
        ];
        for (bytes, code) in cases {
            let (messages, error) = read_all(&bytes, 1024, 64).await;
            assert_eq!((messages.len(), error.close_code()), (0, Some(code)), "{bytes:x?}");
        }
    }

    #[tokio::test]
    async fn nothing_is_kept_after_a_large_message() {
        let (mut client, server) = tokio::io::duplex(1 << 20);
        let mut reader = Reader::new(server, &[], 1 << 20);
        client.write_all(&client_frame(0x81, &vec![b'x'; 200_000])).await.unwrap();
        drop(reader.next().await.unwrap());
        assert_eq!(reader.buffer.capacity(), 0);
    }

    #[tokio::test]
    async fn frames_are_written_in_every_length_class() {
        for length in [0, 125, 126, 65_535, 65_536] {
            let mut out = Vec::new();
            write(&mut out, Outgoing::Text(vec![b'x'; length].into())).await.unwrap();
            let mut read = tokio_tungstenite::WebSocketStream::from_raw_socket(
                std::io::Cursor::new(out),
                tokio_tungstenite::tungstenite::protocol::Role::Client,
                None,
            )
            .await;
            let message = futures_util::StreamExt::next(&mut read).await.unwrap().unwrap();
            assert_eq!(message.len(), length);
        }
    }

    #[test]
    fn a_long_reason_is_cut_at_a_character() {
        let payload = close_payload(CloseCode::Policy, &"é".repeat(100));
        assert_eq!(payload.len(), 124);
        assert!(std::str::from_utf8(&payload[2..]).is_ok());
    }
}
