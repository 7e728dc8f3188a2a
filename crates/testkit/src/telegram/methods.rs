//! The methods that the fake server has, each with the parameters that it knows.

use serde_json::{Value, json};

use super::params::Params;
use super::people::standing_name;
use super::state::{Answer, ApiError, ChatType, Standing, State};
use super::{ChatAction, edit, reactions, send, updates, wire};

/// A row of the table.
pub(super) struct Method {
    pub(super) name: &'static str,
    pub(super) fields: &'static [&'static str],
    pub(super) run: fn(&mut State, &Params) -> Answer,
}

/// What every sending method knows.
const SENDING: &[&str] = &[
    "business_connection_id",
    "chat_id",
    "message_thread_id",
    "direct_messages_topic_id",
    "disable_notification",
    "protect_content",
    "allow_paid_broadcast",
    "message_effect_id",
    "suggested_post_parameters",
    "reply_parameters",
    "reply_markup",
];
/// What every method with a caption knows.
const CAPTION: &[&str] = &["caption", "parse_mode", "caption_entities", "show_caption_above_media", "has_spoiler"];

/// All but `getUpdates`, which waits.
pub(super) const METHODS: &[Method] = &[
    Method { name: "getMe", fields: &[], run: get_me },
    Method {
        name: "setWebhook",
        fields: &[
            "url",
            "certificate",
            "ip_address",
            "max_connections",
            "allowed_updates",
            "drop_pending_updates",
            "secret_token",
        ],
        run: updates::set_webhook,
    },
    Method { name: "deleteWebhook", fields: &["drop_pending_updates"], run: updates::delete_webhook },
    Method { name: "getWebhookInfo", fields: &[], run: updates::webhook_info },
    Method {
        name: "sendMessage",
        fields: &["text", "parse_mode", "entities", "link_preview_options"],
        run: send::message,
    },
    Method { name: "sendPhoto", fields: &["photo"], run: |state, params| send::file(state, params, "photo") },
    Method {
        name: "sendDocument",
        fields: &["document", "thumbnail", "disable_content_type_detection"],
        run: |state, params| send::file(state, params, "document"),
    },
    Method {
        name: "sendVoice",
        fields: &["voice", "duration"],
        run: |state, params| send::file(state, params, "voice"),
    },
    Method {
        name: "sendAudio",
        fields: &["audio", "duration", "performer", "title", "thumbnail"],
        run: |state, params| send::file(state, params, "audio"),
    },
    Method {
        name: "sendVideo",
        fields: &[
            "video",
            "duration",
            "width",
            "height",
            "thumbnail",
            "cover",
            "start_timestamp",
            "supports_streaming",
        ],
        run: |state, params| send::file(state, params, "video"),
    },
    Method {
        name: "sendAnimation",
        fields: &["animation", "duration", "width", "height", "thumbnail"],
        run: |state, params| send::file(state, params, "animation"),
    },
    Method {
        name: "sendSticker",
        fields: &["sticker", "emoji"],
        run: |state, params| send::file(state, params, "sticker"),
    },
    Method { name: "sendMediaGroup", fields: &["media"], run: send::media_group },
    Method {
        name: "sendLocation",
        fields: &["latitude", "longitude", "horizontal_accuracy", "live_period", "heading", "proximity_alert_radius"],
        run: send::location,
    },
    Method {
        name: "editMessageText",
        fields: &[
            "business_connection_id",
            "chat_id",
            "message_id",
            "inline_message_id",
            "text",
            "parse_mode",
            "entities",
            "link_preview_options",
            "reply_markup",
        ],
        run: edit::text,
    },
    Method {
        name: "editMessageCaption",
        fields: &[
            "business_connection_id",
            "chat_id",
            "message_id",
            "inline_message_id",
            "caption",
            "parse_mode",
            "caption_entities",
            "show_caption_above_media",
            "reply_markup",
        ],
        run: edit::caption,
    },
    Method {
        name: "editMessageReplyMarkup",
        fields: &["business_connection_id", "chat_id", "message_id", "inline_message_id", "reply_markup"],
        run: edit::markup,
    },
    Method { name: "deleteMessage", fields: &["chat_id", "message_id"], run: edit::delete },
    Method { name: "deleteMessages", fields: &["chat_id", "message_ids"], run: edit::delete_many },
    Method {
        name: "setMessageReaction",
        fields: &["chat_id", "message_id", "reaction", "is_big"],
        run: reactions::set,
    },
    Method {
        name: "sendChatAction",
        fields: &["business_connection_id", "chat_id", "message_thread_id", "action"],
        run: chat_action,
    },
    Method {
        name: "answerCallbackQuery",
        fields: &["callback_query_id", "text", "show_alert", "url", "cache_time"],
        run: answer_press,
    },
    Method { name: "setMyCommands", fields: &["commands", "scope", "language_code"], run: set_commands },
    Method { name: "getMyCommands", fields: &["scope", "language_code"], run: get_commands },
    Method { name: "deleteMyCommands", fields: &["scope", "language_code"], run: delete_commands },
    Method { name: "getFile", fields: &["file_id"], run: get_file },
    Method { name: "getChat", fields: &["chat_id"], run: get_chat },
    Method { name: "getChatMember", fields: &["chat_id", "user_id"], run: get_chat_member },
];

/// What `sendChatAction` shows.
const ACTIONS: &[&str] = &[
    "typing",
    "upload_photo",
    "record_video",
    "upload_video",
    "record_voice",
    "upload_voice",
    "upload_document",
    "choose_sticker",
    "find_location",
    "record_video_note",
    "upload_video_note",
];
/// Largest file that a bot can fetch.
const DOWNLOAD_MAX: usize = 20 * 1024 * 1024;
/// Longest menu.
const COMMANDS_MAX: usize = 100;

impl Method {
    pub(super) fn find(name: &str) -> Option<&'static Self> {
        METHODS.iter().find(|method| method.name.eq_ignore_ascii_case(name))
    }

    pub(super) fn knows(&self, field: &str) -> bool {
        let sends = self.name.starts_with("send") && self.name != "sendChatAction";
        let has_caption = !matches!(self.name, "sendMessage" | "sendSticker" | "sendLocation" | "sendMediaGroup");
        self.fields.contains(&field)
            || sends && SENDING.contains(&field)
            || sends && has_caption && CAPTION.contains(&field)
    }
}

#[expect(clippy::unnecessary_wraps, reason = "a row of the table")]
fn get_me(state: &mut State, _: &Params) -> Answer {
    let mut me = wire::user(&state.users[&state.bot]);
    me["can_join_groups"] = json!(true);
    me["can_read_all_group_messages"] = json!(state.options.privacy == super::GroupPrivacy::Off);
    me["supports_inline_queries"] = json!(false);
    me["can_connect_to_business"] = json!(false);
    me["has_main_web_app"] = json!(false);
    Ok(me)
}

fn chat_action(state: &mut State, params: &Params) -> Answer {
    let chat = send::target(state, params)?;
    let action = params.text("action").unwrap_or_default();
    if !ACTIONS.contains(&action.as_str()) {
        return Err(ApiError::bad("Bad Request: wrong parameter action in request"));
    }
    let topic = params.integer("message_thread_id")?;
    state.actions.push(ChatAction { chat, topic, action, at: tokio::time::Instant::now() });
    Ok(json!(true))
}

fn answer_press(state: &mut State, params: &Params) -> Answer {
    let id = params.text("callback_query_id").unwrap_or_default();
    if params.text("text").is_some_and(|text| text.chars().count() > 200) {
        return Err(ApiError::bad("Bad Request: MESSAGE_TOO_LONG"));
    }
    if state.open_presses.remove(&id) {
        return Ok(json!(true));
    }
    Err(ApiError::bad("Bad Request: query is too old and response timeout expired or query ID is invalid"))
}

fn set_commands(state: &mut State, params: &Params) -> Answer {
    let Some(Value::Array(commands)) = params.json("commands")? else {
        return Err(ApiError::bad("Bad Request: parameter \"commands\" is required"));
    };
    if commands.len() > COMMANDS_MAX {
        return Err(ApiError::bad("Bad Request: BOT_COMMANDS_TOO_MUCH"));
    }
    for command in &commands {
        let name = command["command"].as_str().unwrap_or_default();
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if name.is_empty() || name.len() > 32 || !name.chars().all(allowed) {
            return Err(ApiError::bad("Bad Request: BOT_COMMAND_INVALID"));
        }
        let description = command["description"].as_str().unwrap_or_default();
        if description.is_empty() || description.chars().count() > 256 {
            return Err(ApiError::bad("Bad Request: BOT_COMMAND_DESCRIPTION_INVALID"));
        }
    }
    let scope = command_scope(params)?;
    state.commands.insert(scope, Value::Array(commands));
    Ok(json!(true))
}

fn get_commands(state: &mut State, params: &Params) -> Answer {
    let scope = command_scope(params)?;
    Ok(state.commands.get(&scope).cloned().unwrap_or_else(|| json!([])))
}

fn delete_commands(state: &mut State, params: &Params) -> Answer {
    let scope = command_scope(params)?;
    state.commands.remove(&scope);
    Ok(json!(true))
}

fn command_scope(params: &Params) -> Result<String, ApiError> {
    let scope = params.json("scope")?.unwrap_or_else(|| json!({ "type": "default" }));
    let chat = scope.get("chat_id").map(Value::to_string).unwrap_or_default();
    let language = params.text("language_code").unwrap_or_default();
    Ok(format!("{}{chat}/{language}", scope["type"].as_str().unwrap_or("default")))
}

fn get_file(state: &mut State, params: &Params) -> Answer {
    let id = params.text("file_id").unwrap_or_default();
    let Some(file) = state.files.get(id.trim_end_matches("-small")) else {
        return Err(ApiError::bad("Bad Request: wrong file_id or the file is temporarily unavailable"));
    };
    if file.bytes.len() > DOWNLOAD_MAX {
        return Err(ApiError::bad("Bad Request: file is too big"));
    }
    Ok(
        json!({ "file_id": id, "file_unique_id": format!("u{id}"), "file_size": file.bytes.len(), "file_path": file.path }),
    )
}

fn get_chat(state: &mut State, params: &Params) -> Answer {
    let id = send::target(state, params)?;
    let mut chat = wire::chat(state, state.chat(id));
    chat["accent_color_id"] = json!(1);
    chat["max_reaction_count"] = json!(11);
    chat["accepted_gift_types"] = json!({ "unlimited_gifts": false, "limited_gifts": false, "unique_gifts": false,
        "premium_subscription": false, "gifts_from_channels": false });
    Ok(chat)
}

fn get_chat_member(state: &mut State, params: &Params) -> Answer {
    let chat = send::target(state, params)?;
    let user = params.integer("user_id")?.unwrap_or_default();
    let place = state.chat(chat);
    let Some(known) = state.users.get(&user) else {
        return Err(ApiError::bad("Bad Request: invalid user_id specified"));
    };
    let status = if user == state.bot {
        standing_name(place.standing, place.kind)
    } else if place.members.contains(&user) {
        "member"
    } else {
        standing_name(Standing::Out, ChatType::Group)
    };
    Ok(json!({ "status": status, "user": wire::user(known) }))
}
