//! Looks for a message that may have been sent. The Bot API has no key against doubles and can't read messages.
//!
//! What it can do is to refuse an edit, and its reason tells what stands at an id. An edit of nothing but the keyboard, to
//! what the part has anyway, changes nothing: "message is not modified" says that the message is ours and just so, "message to
//! edit not found" or "can't be edited" that it is not. Ids grow by one for each message of a supergroup; in private chats and
//! small groups they are counted over the whole bot, so that the ids after `since` may belong to other chats, where they look
//! like messages that are not there. Hence the probe ends after a fixed number of ids that it knows nothing of, and a message
//! that was sent into a storm of others may not be found.

use serde::Deserialize;
use serde_json::{Value, json};

use super::bot::Bot;
use super::chat::Chat;
use super::failure::{is_not_ours, is_unchanged, send_error};
use super::outgoing::{keyboard, number_of};
use crate::inbound::MessageId;
use crate::outbound::{OutboundPart, SendError, SentMessage};

/// Ids that are looked at. Each is a call, and a chat takes about one a second for long.
const PROBES_MAX: usize = 20;

/// What an edit that changed something returns.
#[derive(Deserialize)]
struct Edited {
    text: Option<String>,
    caption: Option<String>,
}

pub(super) async fn find(
    bot: &Bot,
    part: &OutboundPart,
    since: Option<&MessageId>,
    known: &[MessageId],
) -> Result<Option<SentMessage>, SendError> {
    // Without a message to begin at there is nowhere to look.
    let Some(since) = since else { return Ok(None) };
    let chat = Chat::parse(&part.chat)?;
    let first = number_of(since)?.saturating_add(1);
    let unknown = (first..i32::MAX).filter(|id| !known.contains(&MessageId(id.to_string())));
    for id in unknown.take(PROBES_MAX) {
        if is_there(bot, &chat, id, part).await? {
            return Ok(Some(SentMessage { message: MessageId(id.to_string()) }));
        }
    }
    Ok(None)
}

async fn is_there(bot: &Bot, chat: &Chat, id: i32, part: &OutboundPart) -> Result<bool, SendError> {
    let mut parameters = chat.id_parameters();
    parameters.insert("message_id".to_owned(), json!(id));
    if let Some(keyboard) = keyboard(chat, part, bot.setup.buttons) {
        parameters.insert("reply_markup".to_owned(), keyboard);
    }
    match bot.api.call::<Edited>("editMessageReplyMarkup", &Value::Object(parameters)).await {
        Err(error) if is_unchanged(&error) => Ok(true),
        Err(error) if is_not_ours(&error) => Ok(false),
        Err(error) => Err(send_error(error)),
        // A message of ours with another keyboard. Its text says whether it is the part.
        Ok(edited) => {
            let text = edited.text.or(edited.caption).unwrap_or_default();
            Ok(text.trim() == part.content.plain.trim())
        }
    }
}
