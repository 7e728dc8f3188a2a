//! What the account can do: the methods of the Bot API behind the contract of every channel.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::api::ApiError;
use super::bot::Bot;
use super::chat::Chat;
use super::config::ButtonScope;
use super::failure::{is_deleted, is_unchanged, send_error};
use super::wire::File;
use super::{KIND, find, outgoing, policy, probe};
use crate::channel::{Capabilities, Channel, Effort, FetchedMedia, Pending, Probe, within};
use crate::inbound::{MediaKind, MediaRef, MessageId};
use crate::outbound::{OutboundMedia, OutboundPart, SendError, SendErrorKind, SentMessage};
use crate::render::{Dialect, Limits};

/// How long Telegram shows that somebody writes.
const TYPING_LASTS: Duration = Duration::from_secs(5);

/// Telegram asks for no more than about one message a second in a chat, and counts edits.
const EDIT_PAUSE: Duration = Duration::from_secs(1);

/// The speaking side of one account.
pub(super) struct TelegramChannel {
    bot: Arc<Bot>,
    capabilities: Capabilities,
}

/// The part of a sent message that matters.
#[derive(Deserialize)]
pub(super) struct Sent {
    message_id: i32,
}

impl TelegramChannel {
    pub(super) fn new(bot: Arc<Bot>) -> Self {
        let capabilities = Capabilities {
            dialect: Dialect::TelegramHtml,
            limits: Limits { chars: policy::TEXT_MAX, ..Limits::default() },
            edit: true,
            react: true,
            buttons: bot.setup.buttons != ButtonScope::Off,
            upload_max_bytes: outgoing::UPLOAD_MAX_BYTES,
            typing_lasts: TYPING_LASTS,
            edit_pause: EDIT_PAUSE,
        };
        Self { bot, capabilities }
    }

    /// Sends to where the chat is now: a group that became a supergroup has another id.
    async fn send_part(&self, part: &OutboundPart) -> Result<SentMessage, SendError> {
        let chat = Chat::parse(&part.chat)?;
        let sent = match self.send_to(&chat, part).await? {
            Err(ApiError::Refused { parameters, .. }) if parameters.migrate_to_chat_id.is_some() => {
                let id = parameters.migrate_to_chat_id.unwrap_or_default();
                // A group that has just become a supergroup has no topics yet.
                self.send_to(&Chat::with_id(id), part).await?
            }
            sent => sent,
        };
        let Sent { message_id } = sent.map_err(send_error)?;
        if let Some(id) = chat.number() {
            self.bot.remember_sent(id, message_id);
        }
        let now = self.bot.now_ms();
        self.bot.context.status.update(|status| status.last_outbound_at_ms = Some(now));
        Ok(SentMessage { message: MessageId(message_id.to_string()) })
    }

    async fn send_to(&self, chat: &Chat, part: &OutboundPart) -> Result<Result<Sent, ApiError>, SendError> {
        let Some(media) = &part.media else {
            let parameters = outgoing::text_message(chat, part, self.bot.setup.buttons);
            return Ok(self.bot.api.call("sendMessage", &parameters).await);
        };
        let size = outgoing::size_of(&media.path, &media.name).await?;
        let upload = outgoing::upload_of(media, size);
        let sent = self.upload(chat, part, media, upload).await?;
        match &sent {
            Err(ApiError::Refused { code: 400, description, .. }) if is_no_photo(description) => {
                self.upload(chat, part, media, outgoing::AS_DOCUMENT).await
            }
            _ => Ok(sent),
        }
    }

    async fn upload(
        &self,
        chat: &Chat,
        part: &OutboundPart,
        media: &OutboundMedia,
        upload: outgoing::Upload,
    ) -> Result<Result<Sent, ApiError>, SendError> {
        let form = outgoing::file_message(chat, part, media, upload, self.bot.setup.buttons).await?;
        Ok(self.bot.api.upload(upload.method, form).await)
    }

    async fn edit_message(&self, message: &MessageId, part: &OutboundPart) -> Result<(), SendError> {
        let chat = Chat::parse(&part.chat)?;
        let number = outgoing::number_of(message)?;
        let parameters = outgoing::edited_message(&chat, number, part, self.bot.setup.buttons);
        let method = if part.media.is_some() { "editMessageCaption" } else { "editMessageText" };
        match self.bot.api.call::<Value>(method, &parameters).await {
            Err(error) if !is_unchanged(&error) => Err(send_error(error)),
            _ => Ok(()),
        }
    }

    async fn fetch_file(&self, media: &MediaRef, max_bytes: u64) -> Result<FetchedMedia, SendError> {
        let refused = |words: String| SendError::new(SendErrorKind::Refused, words);
        let name = media.name.as_deref().unwrap_or("the file");
        let too_large = || refused(format!("{name} is larger than {max_bytes} bytes"));
        let file: File =
            self.bot.api.call("getFile", &json!({ "file_id": media.handle })).await.map_err(|error| match error {
                ApiError::Refused { ref description, .. } if description.contains("file is too big") => {
                    refused(format!("{name} is larger than Telegram gives to bots (20 MB)"))
                }
                error => send_error(error),
            })?;
        if media.bytes.or(file.file_size).is_some_and(|bytes| bytes > max_bytes) {
            return Err(too_large());
        }
        let path = file.file_path.ok_or_else(|| refused(format!("Telegram has no address for {name}")))?;
        if path.starts_with('/') || path.contains("..") {
            // A Bot API server in local mode names files on its own disk.
            return Err(refused(
                "the Bot API server runs in local mode and gives paths instead of files; start it without --local"
                    .to_owned(),
            ));
        }
        let bytes = self.bot.api.download(&path, max_bytes).await.map_err(send_error)?.ok_or_else(too_large)?;
        let mime = media.mime.clone().unwrap_or_else(|| usual_type(media.kind).to_owned());
        Ok(FetchedMedia { bytes, mime })
    }

    fn within<'a, T: 'a>(
        &self,
        effort: Effort,
        call: impl Future<Output = Result<T, SendError>> + Send + 'a,
    ) -> Pending<'a, Result<T, SendError>> {
        within(KIND.label, effort.call_max(self.bot.context.patience), call)
    }

    /// Calls a method whose answer says nothing more.
    async fn order(&self, method: &str, parameters: &Value) -> Result<(), ApiError> {
        self.bot.api.call::<Value>(method, parameters).await.map(|_| ())
    }
}

impl Channel for TelegramChannel {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn send<'a>(&'a self, part: &'a OutboundPart) -> Pending<'a, Result<SentMessage, SendError>> {
        self.within(Effort::of(part), self.send_part(part))
    }

    fn find<'a>(
        &'a self,
        part: &'a OutboundPart,
        since: Option<&'a MessageId>,
        known: &'a [MessageId],
    ) -> Pending<'a, Result<Option<SentMessage>, SendError>> {
        self.within(Effort::Long, find::find(&self.bot, part, since, known))
    }

    fn edit<'a>(&'a self, message: &'a MessageId, part: &'a OutboundPart) -> Pending<'a, Result<(), SendError>> {
        self.within(Effort::Quick, self.edit_message(message, part))
    }

    fn delete<'a>(&'a self, chat: &'a str, message: &'a MessageId) -> Pending<'a, Result<(), SendError>> {
        self.within(Effort::Quick, async move {
            match self.order("deleteMessage", &message_parameters(chat, message)?).await {
                Err(error) if !is_deleted(&error) => Err(send_error(error)),
                _ => Ok(()),
            }
        })
    }

    fn react<'a>(
        &'a self,
        chat: &'a str,
        message: &'a MessageId,
        emoji: Option<&'a str>,
    ) -> Pending<'a, Result<(), SendError>> {
        self.within(Effort::Quick, async move {
            let mut parameters = message_parameters(chat, message)?;
            let reaction = emoji.map(|emoji| json!({ "type": "emoji", "emoji": emoji }));
            parameters["reaction"] = Value::Array(reaction.into_iter().collect());
            self.order("setMessageReaction", &parameters).await.map_err(send_error)
        })
    }

    fn typing<'a>(&'a self, chat: &'a str) -> Pending<'a, Result<(), SendError>> {
        self.within(Effort::Quick, async move {
            let mut parameters = Chat::parse(chat)?.place_parameters();
            parameters.insert("action".to_owned(), json!("typing"));
            self.order("sendChatAction", &Value::Object(parameters)).await.map_err(send_error)
        })
    }

    fn fetch<'a>(&'a self, media: &'a MediaRef, max_bytes: u64) -> Pending<'a, Result<FetchedMedia, SendError>> {
        self.within(Effort::Long, self.fetch_file(media, max_bytes))
    }

    fn probe(&self) -> Pending<'_, Result<Probe, SendError>> {
        self.within(Effort::Quick, probe::probe(&self.bot))
    }
}

fn message_parameters(chat: &str, message: &MessageId) -> Result<Value, SendError> {
    let mut parameters = Chat::parse(chat)?.id_parameters();
    parameters.insert("message_id".to_owned(), json!(outgoing::number_of(message)?));
    Ok(Value::Object(parameters))
}

/// Whether Telegram can't make a picture of the file, which it then takes as a file.
fn is_no_photo(description: &str) -> bool {
    ["PHOTO_", "IMAGE_PROCESS_FAILED"].iter().any(|phrase| description.contains(phrase))
}

/// What Telegram makes of a kind of file for which it names no type. Source: Bot API, `PhotoSize`, `Voice` and `VideoNote`.
fn usual_type(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Image => "image/jpeg",
        MediaKind::Voice => "audio/ogg",
        MediaKind::Video => "video/mp4",
        MediaKind::Audio | MediaKind::Sticker | MediaKind::File => "application/octet-stream",
    }
}
