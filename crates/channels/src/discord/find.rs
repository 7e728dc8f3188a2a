//! Looks for a message that may have been sent: where the interaction's answer stands, then among the newest of the chat.

use super::api::Call;
use super::bot::{PAGE_MAX, Shared};
use super::failure::Doing;
use super::outgoing;
use super::wire::{Message, order};
use crate::inbound::MessageId;
use crate::outbound::{OutboundPart, SendError, SentMessage};

/// Pages of messages that are looked through for one of ours: nobody writes more between a crash and the restart.
const FIND_PAGES: usize = 3;

pub(super) async fn find(
    shared: &Shared,
    part: &OutboundPart,
    since: Option<&MessageId>,
    known: &[MessageId],
) -> Result<Option<SentMessage>, SendError> {
    let us = shared.us().await.map_err(|failure| shared.explain(failure, &part.chat, Doing::Look))?;
    let is_it = |message: &Message| {
        let name = part.media.as_ref().map(|media| media.name.as_str());
        message.author.id == us.id
            && message.content.trim() == outgoing::text(part).trim()
            && message.attachments.first().and_then(|file| file.filename.as_deref()) == name
            && !known.iter().any(|known| known.0 == message.id)
    };
    if let Some(via) = shared.via(part).filter(|_| part.key.part == 0) {
        let path = ["webhooks", &via.application, &via.token, "messages", "@original"];
        if let Ok(message) = shared.rest.ask::<Message>(Call::get(&path)).await
            && is_it(&message)
        {
            return Ok(Some(SentMessage { message: MessageId(message.id) }));
        }
    }
    let mut after = since.map(|since| since.0.clone());
    for _ in 0..FIND_PAGES {
        let page = shared.messages(&part.chat, after.as_deref().map(|after| ("after", after)), PAGE_MAX).await;
        let page = page.map_err(|failure| shared.explain(failure, &part.chat, Doing::Read))?;
        if let Some(found) = page.iter().find(|message| is_it(message)) {
            return Ok(Some(SentMessage { message: MessageId(found.id.clone()) }));
        }
        let newest = page.iter().map(|message| &message.id).max_by_key(|id| order(id));
        let (Some(newest), Some(_)) = (newest, &after) else { break };
        after = Some(newest.clone());
    }
    Ok(None)
}
