//! Transcript items as clients read them: the messages of `chat.history` and `session.message`.

use chela_agent::{AssistantBody, Cut, InputOrigin, ItemBody, NoteBody, NoteKind, ToolResultEntry, UserBody};
use chela_llm::{Block, Media};
use chela_store::Item;
use serde_json::{Value, json};

use crate::turn_events::{stop_word, usage_value};

/// The messages that an item stands for: one, or one per tool result. A body that can't be read gives none.
pub(crate) fn messages_of(item: &Item) -> Vec<Value> {
    let Some(body) = ItemBody::of(item) else { return Vec::new() };
    let messages = match &body {
        ItemBody::User(user) => vec![user_message(item, user)],
        ItemBody::Assistant(assistant) => vec![assistant_message(assistant)],
        ItemBody::ToolResults(results) => results.results.iter().map(tool_message).collect(),
        ItemBody::Note(note) => vec![note_message(item, note)],
        ItemBody::Compaction(compaction) => {
            vec![json!({
                "role": "compactionSummary",
                "summary": compaction.summary,
                "content": compaction.summary,
                "tokensBefore": compaction.tokens_before,
                "tokensAfter": compaction.tokens_after,
            })]
        }
    };
    messages.into_iter().map(|message| stamped(item, message)).collect()
}

/// The words of an item for previews and titles; none for tool results and unreadable bodies.
pub(crate) fn spoken(item: &Item) -> Option<(&'static str, String)> {
    match ItemBody::of(item)? {
        ItemBody::User(user) => Some(("user", user.text)),
        body @ ItemBody::Assistant(_) => Some(("assistant", body.text())).filter(|(_, text)| !text.is_empty()),
        ItemBody::Note(note) if note.kind != NoteKind::Command => Some(("assistant", note.text)),
        _ => None,
    }
}

/// What a client recognises its own message by: the reference system's `<runId>:user`.
pub(crate) fn user_key(run: &str) -> String {
    format!("{run}:user")
}

fn user_message(item: &Item, user: &UserBody) -> Value {
    let content = if user.media.is_empty() {
        json!(user.text)
    } else {
        let text = json!({ "type": "text", "text": user.text });
        std::iter::once(text).chain(user.media.iter().map(media_part)).collect()
    };
    let mut message = json!({ "role": "user", "content": content });
    let key = user.client_key.as_deref().or(item.run.as_ref().map(chela_protocol::RunId::as_str));
    if let Some(key) = key {
        message["idempotencyKey"] = user_key(key).into();
    }
    message["__openclaw"] = json!({ "senderIsOwner": user.sender_is_owner });
    let InputOrigin { client_id, client_mode, sender_name, .. } = &user.origin;
    if let (Some(id), Some(mode)) = (client_id, client_mode) {
        message["__openclaw"]["transport"] = json!({ "clients": [{ "id": id, "mode": mode }] });
    }
    if let Some(name) = sender_name {
        message["senderLabel"] = name.as_str().into();
    }
    message
}

fn assistant_message(assistant: &AssistantBody) -> Value {
    let AssistantBody { blocks, provider, model, stop, usage, response_id, cut } = assistant;
    let stop_reason = match (cut, stop) {
        (Some(Cut::Aborted | Cut::Timeout), _) => "aborted",
        (Some(Cut::Failed), _) => "error",
        (None, stop) => stop.map_or("stop", stop_word),
    };
    let content: Vec<Value> = blocks.iter().filter_map(part).collect();
    let mut message = json!({
        "role": "assistant",
        "content": content,
        "provider": provider,
        "model": model,
        "usage": usage_value(usage),
        "stopReason": stop_reason,
    });
    if let Some(id) = response_id {
        message["responseId"] = id.as_str().into();
    }
    message
}

/// Thinking goes out as text only: signatures and encrypted blocks are the vendor's.
fn part(block: &Block) -> Option<Value> {
    Some(match block {
        Block::Text { text } => json!({ "type": "text", "text": text }),
        Block::Thinking(thinking) if thinking.redacted => return None,
        Block::Thinking(thinking) => json!({ "type": "thinking", "thinking": thinking.text }),
        Block::ToolUse(call) => {
            json!({ "type": "toolCall", "id": call.id, "name": call.name, "arguments": call.input })
        }
        Block::Media(media) => media_part(media),
        Block::ToolResult(_) => return None,
    })
}

fn tool_message(entry: &ToolResultEntry) -> Value {
    let result = &entry.result;
    let text = json!({ "type": "text", "text": result.text });
    let content: Vec<Value> = std::iter::once(text).chain(result.media.iter().map(media_part)).collect();
    let mut message = json!({
        "role": "toolResult",
        "toolCallId": result.tool_use_id,
        "toolName": result.name,
        "content": content,
        "isError": result.is_error,
    });
    if let Some(details) = &entry.details {
        message["details"] = details.clone();
    }
    message
}

fn note_message(item: &Item, note: &NoteBody) -> Value {
    let text = json!([{ "type": "text", "text": note.text }]);
    match note.kind {
        NoteKind::Command => {
            let mut message = json!({ "role": "user", "content": note.text });
            if let Some(run) = &item.run {
                message["idempotencyKey"] = user_key(run.as_str()).into();
            }
            message
        }
        NoteKind::Failure => {
            json!({ "role": "assistant", "content": text, "stopReason": "error", "errorMessage": note.text })
        }
        NoteKind::Injected | NoteKind::NotSummarised | NoteKind::Reply | NoteKind::Other => {
            json!({ "role": "assistant", "content": text, "stopReason": "stop", "model": "gateway-injected" })
        }
    }
}

/// Pictures are not sent with a history: their size stands in their place, as in the reference system's capped histories.
fn media_part(media: &Media) -> Value {
    let kind = if media.mime.starts_with("image/") { "image" } else { "file" };
    let bytes = base64::decoded_len_estimate(media.data.len());
    json!({ "type": kind, "mimeType": media.mime, "fileName": media.name, "omitted": true, "bytes": bytes })
}

fn stamped(item: &Item, mut message: Value) -> Value {
    message["timestamp"] = item.created_at_ms.into();
    let mut facts = message["__openclaw"].take();
    if !facts.is_object() {
        facts = json!({});
    }
    facts["id"] = item.id.as_str().into();
    facts["seq"] = item.seq.into();
    facts["recordTimestampMs"] = item.created_at_ms.into();
    facts["transcriptPosition"] = json!({ "source": "transcript", "rawSeq": item.seq });
    if let Some(run) = &item.run {
        facts["runId"] = run.as_str().into();
    }
    if let Some(key) = message.get("idempotencyKey") {
        facts["idempotencyKey"] = key.clone();
    }
    message["__openclaw"] = facts;
    message
}
