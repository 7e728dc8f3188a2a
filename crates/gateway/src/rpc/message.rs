//! `send` and `message.action`: words into a chat by hand, and what is done with messages there.

use chela_agent::DeliveryRoute;
use chela_channels::{MessageId, SendError};
use chela_protocol::methods::message::{MessageActionParams, SendActionResult, SendParams, SentResult};
use chela_protocol::{ErrorCode, RpcError, Scope};
use chela_store::SentPart;
use serde_json::{Map, Value, json};

use super::chat::run_id;
use super::{Access, Call, Method, RpcResult, answer_of};
use crate::channels::OpenAccount;
use crate::outgoing::{self, Outgoing, OutgoingError};
use crate::{cron, delivery, rpc_error};

/// Wishes for what is not sent this way. Passed over, they would lose somebody's file.
const REFUSED: &[&str] =
    &["media", "mediaUrl", "mediaUrls", "buffer", "attachments", "location", "presentation", "buttons", "card"];

/// The methods of this noun.
pub(super) fn methods() -> Vec<Method> {
    let write = Access::Holding(Scope::Write);
    vec![Method::new("send", write, send), Method::new("message.action", write, action)]
}

async fn send(call: Call) -> RpcResult {
    let params: SendParams = call.params()?;
    let place = Place {
        channel: params.channel,
        account: params.account_id,
        to: Some(params.to),
        thread: params.thread_id,
        reply_to: params.reply_to_id,
    };
    let speaker = Speaker { agent: params.agent_id, session: params.session_key };
    refuse_more(&call, &params.more)?;
    let (sent, route) = say(&call, &place, params.message, &params.idempotency_key, &speaker).await?;
    answer_of(&sent_result(&sent, &route, params.idempotency_key))
}

async fn action(call: Call) -> RpcResult {
    let MessageActionParams { channel, action, params, account_id, agent_id, session_key, idempotency_key } =
        call.params()?;
    let named = |names: &[&str]| names.iter().find_map(|name| params.get(*name)).filter(|value| !value.is_null());
    let text = |names: &[&str]| named(names).and_then(as_text);
    let place = Place {
        channel: Some(channel.clone()),
        account: account_id.or_else(|| text(&["accountId"])),
        to: text(&["to", "target", "chatId", "channelId"]),
        thread: named(&["threadId"]).cloned(),
        reply_to: named(&["replyTo", "replyToId"]).cloned(),
    };
    match action.as_str() {
        "send" => {
            refuse_more(&call, &params)?;
            let speaker = Speaker { agent: agent_id, session: session_key };
            let to = place.to.clone().unwrap_or_default();
            let (sent, route) = say(&call, &place, text(&["message", "text"]), &idempotency_key, &speaker).await?;
            let result = sent_result(&sent, &route, idempotency_key);
            answer_of(&SendActionResult {
                ok: true,
                channel,
                to,
                via: "gateway".to_owned(),
                delivery_status: "sent".to_owned(),
                message_id: result.message_id.clone(),
                result,
            })
        }
        "react" | "edit" | "delete" => {
            let message = text(&["messageId"])
                .map(MessageId)
                .ok_or_else(|| RpcError::invalid(format!("invalid message.action params: {action} needs messageId")))?;
            let (route, account) = place.find(&call)?;
            on_message(&call, &action, &account, &route.chat, &message, &params).await
        }
        other => Err(RpcError::invalid(format!(
            "Channel {channel} does not support action {other}: Chela can send, react, edit and delete"
        ))),
    }
}

/// Where somebody wants something said.
struct Place {
    channel: Option<String>,
    account: Option<String>,
    to: Option<String>,
    thread: Option<Value>,
    reply_to: Option<Value>,
}

/// In whose name.
struct Speaker {
    agent: Option<String>,
    session: Option<String>,
}

impl Place {
    /// The chat, and the account that speaks there.
    fn find(&self, call: &Call) -> Result<(DeliveryRoute, std::sync::Arc<OpenAccount>), RpcError> {
        let accounts = call.gateway.channels.all();
        let is_configured = |channel: &str| accounts.iter().any(|account| account.name.channel == channel);
        let to = given(self.to.as_deref()).ok_or_else(|| RpcError::invalid("no target was named: `to` is the chat"))?;
        let (prefix, to) = match to.split_once(':') {
            Some((prefix, rest)) if is_configured(prefix) => (Some(prefix), rest),
            _ => (None, to),
        };
        let channel = match (given(self.channel.as_deref()), prefix) {
            (Some(channel), Some(prefix)) if channel != prefix => {
                return Err(RpcError::invalid(format!("the target is on {prefix}, and the channel is {channel}")));
            }
            (Some(channel), _) | (None, Some(channel)) => channel.to_owned(),
            (None, None) => only_channel(call)?,
        };
        let first = || accounts.iter().find(|account| account.name.channel == channel);
        let account = match given(self.account.as_deref()) {
            Some(named) => call.gateway.channels.get(&channel, named),
            None => first().cloned(),
        };
        let account = account.ok_or_else(|| match given(self.account.as_deref()) {
            Some(named) if is_configured(&channel) => {
                RpcError::invalid(format!("the account {channel}/{named} is not configured"))
            }
            _ => RpcError::invalid(format!("unsupported channel: {channel}; no account of it is configured")),
        })?;
        let chat = cron::chat_of(&channel, to, self.thread.as_ref());
        let route = DeliveryRoute { channel, account: account.name.account.clone(), chat, reply_to: None, via: None };
        Ok((route, account))
    }
}

/// What was named, if anything was.
fn given(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

/// The channel that is meant when none is named.
fn only_channel(call: &Call) -> Result<String, RpcError> {
    let mut channels: Vec<String> =
        call.gateway.channels.all().iter().map(|account| account.name.channel.clone()).collect();
    channels.dedup();
    match channels.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(RpcError::invalid("no channel is configured; `chela channels list` shows those there are")),
        several => {
            Err(RpcError::invalid(format!("several channels are configured ({}); name one", several.join(", "))))
        }
    }
}

async fn say(
    call: &Call,
    place: &Place,
    message: Option<String>,
    key: &str,
    speaker: &Speaker,
) -> Result<(Vec<SentPart>, DeliveryRoute), RpcError> {
    if key.trim().is_empty() {
        return Err(RpcError::invalid(format!("invalid {} params: idempotencyKey is required", call.method)));
    }
    let name = run_id(Some(key))?.to_string();
    let mut text = message
        .filter(|text| !text.trim().is_empty())
        .ok_or_else(|| RpcError::invalid(format!("invalid {} params: text is required", call.method)))?;
    let (route, _) = place.find(call)?;
    // Asked for by name, it holds whatever the account does with its answers.
    if let Some(quoted) = place.reply_to.as_ref().and_then(as_text) {
        if !quoted.chars().all(|char| char.is_ascii_alphanumeric()) {
            return Err(RpcError::invalid(format!("`{quoted}` is no id of a message")));
        }
        text = format!("[[reply_to:{quoted}]]{text}");
    }
    let book = call.gateway.sessions.agents(&call.gateway);
    let session = crate::route::client_target(&book, speaker.session.as_deref(), speaker.agent.as_deref())?.session;
    let sent = outgoing::send(&call.gateway, Outgoing { route: route.clone(), session, text, name }).await;
    Ok((sent.map_err(|error| failed(call.method, error))?, route))
}

async fn on_message(
    call: &Call,
    action: &str,
    account: &OpenAccount,
    chat: &str,
    message: &MessageId,
    params: &Map<String, Value>,
) -> RpcResult {
    let channel = account.speaker().ok_or_else(|| {
        RpcError::unavailable(format!("{} is not connected now; `chela channels status` says why", account.name))
    })?;
    let can = channel.capabilities();
    let text = |name: &str| params.get(name).and_then(as_text).filter(|text| !text.trim().is_empty());
    let unable = || RpcError::invalid(format!("Channel {} does not support action {action}.", account.name.channel));
    let done = match action {
        "react" if can.react => {
            let emoji = text("emoji").filter(|_| params.get("remove") != Some(&Value::Bool(true)));
            delivery::within(channel.react(chat, message, emoji.as_deref())).await.map(|()| match emoji {
                Some(emoji) => json!({ "ok": true, "added": emoji }),
                None => json!({ "ok": true, "removed": true }),
            })
        }
        "edit" if can.edit => {
            let text = text("message").ok_or_else(|| RpcError::invalid("edit needs message"))?;
            let part =
                delivery::single(channel.as_ref(), &account.policy.load().delivery, chat, &text).ok_or_else(|| {
                    RpcError::invalid("the text is too long for one message, or nothing of it is visible")
                })?;
            let edited = delivery::within(channel.edit(message, &part)).await;
            edited.map(|()| json!({ "ok": true, "messageId": message.0 }))
        }
        "delete" => {
            let deleted = delivery::within(channel.delete(chat, message)).await;
            deleted.map(|()| json!({ "ok": true, "deleted": true, "messageId": message.0 }))
        }
        _ => return Err(unable()),
    };
    done.map_err(|error: SendError| refused(call.method, error.to_string()))
}

fn refuse_more(call: &Call, params: &Map<String, Value>) -> Result<(), RpcError> {
    let is_wish = |value: &Value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        _ => true,
    };
    match REFUSED.iter().find(|name| params.get(**name).is_some_and(is_wish)) {
        None => Ok(()),
        Some(name) => Err(RpcError::invalid(format!(
            "invalid {} params: `{name}` can't be sent this way; send text",
            call.method
        ))),
    }
}

fn sent_result(sent: &[SentPart], route: &DeliveryRoute, run_id: String) -> SentResult {
    let message_ids: Vec<String> = sent.iter().map(|part| part.message.clone()).collect();
    SentResult {
        run_id,
        message_id: message_ids.last().cloned().unwrap_or_default(),
        message_ids,
        channel: route.channel.clone(),
        account_id: route.account.clone(),
        chat_id: route.chat.clone(),
    }
}

fn failed(method: &str, error: OutgoingError) -> RpcError {
    match error {
        OutgoingError::Store(error) => rpc_error::of_store(error),
        OutgoingError::Empty => RpcError::invalid(error.to_string()),
        OutgoingError::Dead(_) => refused(method, error.to_string()),
        OutgoingError::Waiting { .. } => RpcError::new(ErrorCode::Unavailable, error.to_string())
            .with_details(json!({ "code": "OUTBOUND_DELIVERY_QUEUED" })),
    }
}

/// What the platform did not do; the detail tells the reference system's clients that it surely did not.
fn refused(method: &str, why: String) -> RpcError {
    RpcError::new(ErrorCode::Unavailable, why).with_details(json!({ "method": method }))
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
