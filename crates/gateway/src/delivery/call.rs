//! One call of a channel: never waited for without end, and tried once more as plain text where the platform refuses the markup.

use std::time::Duration;

use chela_channels::render::Rendered;
use chela_channels::{Channel, MessageId, OutboundPart, Pending, SendError, SendErrorKind, SentMessage};

/// A channel ends its calls by itself after 30 s; one that doesn't is not waited for.
pub(super) const CALL_MAX: Duration = Duration::from_secs(45);

/// A call that hangs in spite of its own timeout is one with an unknown outcome.
pub(crate) async fn within<T>(call: Pending<'_, Result<T, SendError>>) -> Result<T, SendError> {
    let late = || SendError::new(SendErrorKind::Unknown, "the platform did not answer in time");
    tokio::time::timeout(CALL_MAX, call).await.unwrap_or_else(|_| Err(late()))
}

/// Sends a part, without its markup if that is refused.
pub(super) async fn send(channel: &dyn Channel, part: &OutboundPart) -> Result<SentMessage, SendError> {
    match within(channel.send(part)).await {
        Err(error) if error.kind == SendErrorKind::Markup => within(channel.send(&plain(part, &error))).await,
        sent => sent,
    }
}

/// Puts a part where the message stands, without its markup if that is refused.
pub(super) async fn edit(channel: &dyn Channel, message: &MessageId, part: &OutboundPart) -> Result<(), SendError> {
    match within(channel.edit(message, part)).await {
        Err(error) if error.kind == SendErrorKind::Markup => within(channel.edit(message, &plain(part, &error))).await,
        edited => edited,
    }
}

/// The same part without markup.
fn plain(part: &OutboundPart, refused: &SendError) -> OutboundPart {
    tracing::debug!(error = %refused, run = part.key.run, "the markup was refused; sending plain text");
    OutboundPart { content: Rendered { markup: String::new(), plain: part.content.plain.clone() }, ..part.clone() }
}
