//! Rows that are closed without an answer: the transcript and the sender are told why, in one transaction with the close.

use std::sync::Arc;

use chela_agent::{DeliveryRoute, FailureKind, ItemBody, NoteBody, NoteKind, Reply, TurnEnd};
use chela_protocol::ItemId;
use chela_store::{InboxId, InboxRow, InboxState, NewOutbound, StoreError, TurnFinish};

use super::observer;
use super::queue::route_of;
use super::runs::RowName;
use crate::app::Gateway;
use crate::rpc_error;

const TURNED_AWAY: &str =
    "Too many messages wait in this conversation, so this one was not taken. Please send it again in a while.";

/// Closes a row that found no room, and says so to its sender. If that can't be stored, the row stays open and is answered after all.
pub(crate) async fn turn_away(gateway: &Arc<Gateway>, row: &InboxRow) {
    let name = RowName::of(row);
    if let Err(error) = close(gateway, &name, Vec::new(), route_of(row).as_ref(), TURNED_AWAY).await {
        tracing::error!(%error, run = %row.run, "a message found no room, but its row could not be closed");
        return;
    }
    tracing::info!(run = %row.run, session = %row.session, "a message found no room and was turned away");
    gateway.delivery.wake();
    observer::announce_name(gateway, &name, &failed(TURNED_AWAY.to_owned()));
}

/// Closes a row as failed, and with it those that were to be answered together with it.
pub(super) async fn close(
    gateway: &Gateway,
    name: &RowName,
    also: Vec<InboxId>,
    route: Option<&DeliveryRoute>,
    message: &str,
) -> Result<(), StoreError> {
    let now_ms = gateway.now_ms();
    let session = gateway.store.ensure_session(&name.session, &name.agent, now_ms).await?;
    let note = ItemBody::Note(NoteBody { text: message.to_owned(), kind: NoteKind::Failure });
    let item = note.into_item(ItemId::new(format!("{}:given-up", name.run)), Some(&name.run), now_ms);
    let reply = |route: &DeliveryRoute| NewOutbound {
        channel: route.channel.clone(),
        account: route.account.clone(),
        chat: route.chat.clone(),
        session: name.session.clone(),
        body: Reply { is_error: true, ..Reply::to(route, name.run.as_str(), message) }.to_body(),
        created_at_ms: now_ms,
    };
    let finish = TurnFinish {
        inbox: name.id,
        also,
        session_id: session.id,
        items: vec![item],
        usage: None,
        outbox: route.map(reply).into_iter().collect(),
        state: InboxState::Failed,
        result: Some(message.to_owned()),
        now_ms,
    };
    gateway.store.finish_turn(finish).await
}

/// The end of a turn whose row the store could not close: whoever waits is told, and the next start answers it.
pub(super) fn left_open(error: StoreError) -> TurnEnd {
    let why = rpc_error::of_store(error).message;
    failed(format!(
        "This message could not be answered now: {why}. It is kept, and answered when the gateway starts again."
    ))
}

pub(super) fn failed(message: String) -> TurnEnd {
    TurnEnd::Failed { message, kind: FailureKind::Unknown }
}
