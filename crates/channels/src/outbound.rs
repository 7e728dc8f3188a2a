//! What a channel is given to say, and how saying it can fail.

use std::path::PathBuf;
use std::time::Duration;

use crate::inbound::MessageId;
use crate::render::Rendered;

/// One message of the platform: a reply is one or more of these.
#[derive(Debug, Clone, PartialEq)]
pub struct OutboundPart {
    pub key: PartKey,
    /// As [`crate::InboundMessage::chat`] named it.
    pub chat: String,
    pub content: Rendered,
    pub media: Option<OutboundMedia>,
    pub reply_to: Option<MessageId>,
    /// See [`crate::InboundMessage::via`]; when the platform no longer takes it, the part goes to the chat as usual.
    pub via: Option<String>,
    /// Rows of buttons under the message; pressing one is like typing its command.
    pub buttons: Vec<Vec<Button>>,
    /// No sound for the people there.
    pub silent: bool,
    /// Shows a preview of the first link.
    pub link_preview: bool,
}

/// Names a part for ever, over restarts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PartKey {
    /// The run that speaks, or the name of a notice.
    pub run: String,
    pub part: u32,
}

impl PartKey {
    /// Short and stable, for platforms with an idempotency key: 22 hexadecimal digits.
    pub fn nonce(&self) -> String {
        use std::fmt::Write as _;
        // FNV-1a, twice with different seeds: a name, not a secret.
        let hash = |seed: u64| {
            let bytes = self.run.bytes().chain([0]).chain(self.part.to_le_bytes());
            bytes.fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
        };
        let mut nonce = String::with_capacity(22);
        let _ = write!(nonce, "{:016x}", hash(0xcbf2_9ce4_8422_2325));
        let _ = write!(nonce, "{:06x}", hash(0x6c62_272e_07bb_0142) & 0x00ff_ffff);
        nonce
    }
}

/// A file to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboundMedia {
    pub path: PathBuf,
    pub name: String,
    pub mime: String,
    /// A voice message rather than a file, where the platform has both.
    pub voice: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Button {
    pub label: String,
    /// What pressing it says, with its slash: `/model openai/gpt-4o`. One that is too long for the platform is left out.
    pub command: String,
}

/// The platform has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentMessage {
    pub message: MessageId,
}

/// The platform does not have it, or nobody knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SendError {
    pub kind: SendErrorKind,
    /// For people: the thing, the value, the next step. No secret.
    pub message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendErrorKind {
    /// To be tried again after this time, not before.
    RateLimited { after: Duration },
    /// It surely did not arrive; worth another try.
    Unreachable,
    /// It may have arrived: look with [`crate::Channel::find`] before trying again.
    Unknown,
    /// The markup was refused; the plain text may pass.
    Markup,
    /// Never again: no permission, chat gone, file too large, blocked by the person.
    Refused,
    /// The credentials are refused: kept until the account works again.
    Auth,
    /// The message that was to be edited, deleted or reacted to is gone.
    Gone,
}

/// What to do with a part that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryClass {
    After(Duration),
    BackOff,
    /// Only once the account is open again.
    WhenBack,
    Never,
}

impl SendError {
    pub fn new(kind: SendErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    pub fn retry(&self) -> RetryClass {
        match self.kind {
            SendErrorKind::RateLimited { after } => RetryClass::After(after),
            SendErrorKind::Unreachable | SendErrorKind::Unknown | SendErrorKind::Markup => RetryClass::BackOff,
            SendErrorKind::Auth => RetryClass::WhenBack,
            SendErrorKind::Refused | SendErrorKind::Gone => RetryClass::Never,
        }
    }
}
