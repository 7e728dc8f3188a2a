//! From an update to the inbox, for both transports: read, accept, and tell Telegram what it waits for.

use serde_json::{Value, json};

use super::bot::Bot;
use super::normalise::{Meaning, ReadUpdate, read_update, update_id};
use crate::context::BackOff;
use crate::{InboxError, Receipt};

/// Reads an update. One that this version does not understand is passed over with a warning, so that it never holds up the rest.
pub(super) fn read(bot: &Bot, update: Value) -> Option<ReadUpdate> {
    let id = update_id(&update);
    match bot.with_view(|view| read_update(update, view))? {
        Ok(read) => {
            // At once, because the next updates are read before this one is accepted.
            if let Meaning::Moved { from, to } = read.meaning {
                bot.note_move(from, to);
            }
            Some(read)
        }
        Err(reason) => {
            tracing::warn!(target: "telegram", account = bot.context.account, update = id, reason, "an update can't be read and is passed over");
            None
        }
    }
}

/// Gives an update to the inbox. After an error it is to be given again: what was accepted is known there.
pub(super) async fn accept(bot: &Bot, meaning: &Meaning) -> Result<(), InboxError> {
    match meaning {
        Meaning::Events(events) => {
            for event in events {
                put(bot, event.clone()).await?;
            }
        }
        Meaning::Press { query, event } => {
            if let Some(event) = event {
                put(bot, event.clone()).await?;
            }
            answer_press(bot, query).await;
        }
        Meaning::Membership { chat, title, is_member } => {
            let account = &bot.context.account;
            if *is_member {
                tracing::info!(target: "telegram", account, chat, title, "the bot is in the chat");
            } else {
                tracing::warn!(target: "telegram", account, chat, title, "the bot was blocked or removed");
            }
        }
        Meaning::Moved { from, to } => {
            let account = &bot.context.account;
            tracing::warn!(target: "telegram", account, from, to, "a group became a supergroup with another id; name it in the configuration");
            bot.keep_moves().await;
        }
        Meaning::Nothing => {}
    }
    Ok(())
}

/// The same until it is accepted. Ends only so; whoever stops drops it.
pub(super) async fn accept_at_last(bot: &Bot, meaning: &Meaning) {
    let mut back_off = BackOff::new(bot.context.patience);
    while let Err(error) = accept(bot, meaning).await {
        tracing::debug!(target: "telegram", account = bot.context.account, %error, "an update waits");
        tokio::time::sleep(back_off.next_pause()).await;
    }
}

async fn put(bot: &Bot, event: crate::InboundEvent) -> Result<Receipt, InboxError> {
    let receipt = bot.context.inbox.accept(event).await?;
    let now = bot.now_ms();
    bot.context.status.update(|status| status.last_inbound_at_ms = Some(now));
    Ok(receipt)
}

/// Ends the waiting sign on the button. It is a courtesy: that it fails changes nothing.
async fn answer_press(bot: &Bot, query: &str) {
    let parameters = json!({ "callback_query_id": query });
    if let Err(error) = bot.api.call::<bool>("answerCallbackQuery", &parameters).await {
        tracing::debug!(target: "telegram", account = bot.context.account, %error, "a button is not answered");
    }
}
