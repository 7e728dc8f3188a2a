//! Words that somebody has the gateway say in a chat: through the same outbox as answers, so that they survive a crash, keep their
//! place behind what is said there already, and are sent once however often they are asked for.

use std::sync::Arc;
use std::time::Duration;

use chela_agent::{DeliveryRoute, Reply};
use chela_protocol::SessionKey;
use chela_store::{NewOutbound, OutboundState, SentPart, StoreError};

use crate::app::Gateway;

/// How long whoever asks waits for the platform: shorter than the reference system's clients do.
const PATIENCE: Duration = Duration::from_secs(20);

/// A message on its way out.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    pub route: DeliveryRoute,
    pub session: SessionKey,
    /// Markdown.
    pub text: String,
    /// Names it for ever within its chat.
    pub name: String,
}

/// Why nobody can say yet that it arrived.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutgoingError {
    #[error("{0}; it stands in the list of dead letters (`chela channels dead-letters`)")]
    Dead(String),
    #[error("the message waits in the outbox and is sent as soon as it can be{}", last_error.as_ref().map(|error| format!(": {error}")).unwrap_or_default())]
    Waiting { last_error: Option<String> },
    #[error("nothing of the message is visible, so that nothing was sent")]
    Empty,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Sends a message and waits for the platform to have it. The same one again, by its name, only waits.
pub(crate) async fn send(gateway: &Arc<Gateway>, outgoing: Outgoing) -> Result<Vec<SentPart>, OutgoingError> {
    let Outgoing { route, session, text, name } = outgoing;
    let DeliveryRoute { channel, account, chat, .. } = &route;
    // The name holds for this chat: another caller may have given another chat's message the same one.
    let run = format!("send:{channel}:{account}:{chat}:{name}");
    let reply = NewOutbound {
        channel: channel.clone(),
        account: account.clone(),
        chat: chat.clone(),
        session,
        body: Reply::to(&route, run.clone(), text).to_body(),
        created_at_ms: gateway.now_ms(),
    };
    gateway.store.enqueue_once(reply, &run).await?;
    gateway.delivery.wake();
    let through = tokio::time::timeout(PATIENCE, gateway.delivery.is_through(gateway, &route)).await;
    if let Ok(failed) = through {
        failed?;
    }
    match gateway.store.outbound_state(channel, account, chat, &run).await? {
        Some(OutboundState::Waiting { last_error }) => Err(OutgoingError::Waiting { last_error }),
        Some(OutboundState::Dead { error }) => Err(OutgoingError::Dead(error)),
        None => {
            let mut sent = gateway.store.sent_of_run(&run).await?;
            sent.retain(|part| part.account == *account && part.chat == *chat);
            if sent.is_empty() { Err(OutgoingError::Empty) } else { Ok(sent) }
        }
    }
}
