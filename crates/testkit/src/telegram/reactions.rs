//! `setMessageReaction`, with the reactions that bots may set.

use serde_json::{Value, json};

use super::params::Params;
use super::send::target;
use super::state::{Answer, ApiError, State};

/// What <https://core.telegram.org/bots/api#reactiontypeemoji> lists.
const ALLOWED: &[&str] = &[
    "❤",
    "👍",
    "👎",
    "🔥",
    "🥰",
    "👏",
    "😁",
    "🤔",
    "🤯",
    "😱",
    "🤬",
    "😢",
    "🎉",
    "🤩",
    "🤮",
    "💩",
    "🙏",
    "👌",
    "🕊",
    "🤡",
    "🥱",
    "🥴",
    "😍",
    "🐳",
    "❤‍🔥",
    "🌚",
    "🌭",
    "💯",
    "🤣",
    "⚡",
    "🍌",
    "🏆",
    "💔",
    "🤨",
    "😐",
    "🍓",
    "🍾",
    "💋",
    "🖕",
    "😈",
    "😴",
    "😭",
    "🤓",
    "👻",
    "👨‍💻",
    "👀",
    "🎃",
    "🙈",
    "😇",
    "😨",
    "🤝",
    "✍",
    "🤗",
    "🫡",
    "🎅",
    "🎄",
    "☃",
    "💅",
    "🤪",
    "🗿",
    "🆒",
    "💘",
    "🙉",
    "🦄",
    "😘",
    "💊",
    "🙊",
    "😎",
    "👾",
    "🤷‍♂",
    "🤷",
    "🤷‍♀",
    "😡",
];

pub(super) fn set(state: &mut State, params: &Params) -> Answer {
    let chat = target(state, params)?;
    let id = params.integer("message_id")?.unwrap_or_default();
    let bot = state.bot;
    let Some(message) = state.chat_mut(chat).messages.get_mut(&id) else {
        return Err(ApiError::bad("Bad Request: message to react not found"));
    };
    let Value::Array(wanted) = params.json("reaction")?.unwrap_or_else(|| json!([])) else {
        return Err(ApiError::bad("Bad Request: can't parse reaction types JSON object"));
    };
    match wanted.as_slice() {
        [] => {
            message.reactions.remove(&bot);
        }
        [one] => {
            let emoji = one["emoji"].as_str().filter(|_| one["type"] == "emoji").unwrap_or_default();
            if !ALLOWED.contains(&emoji) {
                return Err(ApiError::bad("Bad Request: REACTION_INVALID"));
            }
            message.reactions.insert(bot, emoji.to_owned());
        }
        _ => return Err(ApiError::bad("Bad Request: REACTIONS_TOO_MANY")),
    }
    Ok(json!(true))
}
