//! The speaking side: sends, edits, reacts and fetches by REST. Keeps nothing but which reaction of ours a message has.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use url::Url;

use super::api::{Body, Call, Failure, root_cause};
use super::bot::Shared;
use super::failure::{Doing, is_stale_interaction, unserved};
use super::policy::CHARS_MAX;
use super::via::Via;
use super::wire::{self, made_at_ms, order};
use super::{KIND, find, outgoing, probe};
use crate::channel::{CALL_MAX, Capabilities, Channel, Effort, FetchedMedia, Pending, Probe, within};
use crate::inbound::{MediaRef, MessageId};
use crate::outbound::{OutboundPart, SendError, SendErrorKind, SentMessage};
use crate::render::{Dialect, Limits};

/// The least that every server takes.
const UPLOAD_BYTES_MAX: u64 = 10 * 1024 * 1024;

/// Hosts that serve the files of messages.
const FILE_HOSTS: &[&str] = &["cdn.discordapp.com", "media.discordapp.net"];

/// Messages whose reaction is remembered: those under way, many times over.
const REACTIONS_MAX: usize = 256;

/// See the module.
pub(super) struct DiscordChannel {
    shared: Arc<Shared>,
    capabilities: Capabilities,
    opened_at_ms: i64,
    reactions: Mutex<HashMap<MessageId, String>>,
}

impl DiscordChannel {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let opened_at_ms = (shared.context.clock)();
        let limits = Limits { chars: CHARS_MAX, ..Limits::default() };
        let capabilities = Capabilities {
            dialect: Dialect::Discord,
            limits,
            edit: true,
            react: true,
            buttons: true,
            upload_max_bytes: UPLOAD_BYTES_MAX,
            typing_lasts: Duration::from_secs(10),
            // Five edits in five seconds are allowed; the answer itself needs one of them.
            edit_pause: Duration::from_millis(1200),
        };
        Self { shared, capabilities, opened_at_ms, reactions: Mutex::default() }
    }

    async fn send_part(&self, part: &OutboundPart) -> Result<SentMessage, SendError> {
        let file = self.file(part).await?;
        if let Some(via) = self.shared.via(part) {
            match self.answer(&via, part, file.clone()).await {
                Err(failure) if is_stale_interaction(&failure) => {}
                outcome => return self.sent(outcome, &part.chat),
            }
        }
        let path = ["channels", &part.chat, "messages"];
        let body = body(outgoing::create(part), file);
        let outcome = self.shared.rest.ask(Call::new(Method::POST, &path).body(body)).await;
        self.sent(outcome, &part.chat)
    }

    /// The first part takes the place of "is thinking", the others follow it.
    async fn answer(&self, via: &Via, part: &OutboundPart, file: Option<Body>) -> Result<wire::Message, Failure> {
        let body = body(outgoing::answer(part), file);
        let original = ["webhooks", &via.application, &via.token, "messages", "@original"];
        let (method, path) =
            if part.key.part == 0 { (Method::PATCH, &original[..]) } else { (Method::POST, &original[..3]) };
        self.shared.rest.ask(Call::new(method, path).query(&[("wait", "true")]).body(body)).await
    }

    async fn edit_message(&self, message: &MessageId, part: &OutboundPart) -> Result<(), SendError> {
        let file = self.file(part).await?;
        let body = body(outgoing::edit(part), file);
        if let Some(via) = self.shared.via(part) {
            let path = ["webhooks", &via.application, &via.token, "messages", &message.0];
            match self.shared.rest.tell(Call::new(Method::PATCH, &path).body(body.clone())).await {
                Err(failure) if is_stale_interaction(&failure) => {}
                outcome => return outcome.map_err(|failure| self.shared.explain(failure, &part.chat, Doing::Edit)),
            }
        }
        let path = ["channels", &part.chat, "messages", &message.0];
        let outcome = self.shared.rest.tell(Call::new(Method::PATCH, &path).body(body)).await;
        outcome.map_err(|failure| self.shared.explain(failure, &part.chat, Doing::Edit))
    }

    async fn delete_message(&self, chat: &str, message: &MessageId) -> Result<(), SendError> {
        let path = ["channels", chat, "messages", &message.0];
        match self.shared.rest.tell(Call::new(Method::DELETE, &path)).await {
            Ok(()) => Ok(()),
            Err(failure) => match self.shared.explain(failure, chat, Doing::Delete) {
                error if error.kind == SendErrorKind::Gone => Ok(()),
                error => Err(error),
            },
        }
    }

    async fn set_reaction(&self, chat: &str, message: &MessageId, emoji: Option<&str>) -> Result<(), SendError> {
        let explained = |failure| self.shared.explain(failure, chat, Doing::React);
        let emoji = emoji.map(emoji_address);
        for former in self.former_reactions(chat, message).await? {
            if Some(former.as_str()) != emoji {
                let path = ["channels", chat, "messages", &message.0, "reactions", &former, "@me"];
                self.shared.rest.tell(Call::new(Method::DELETE, &path)).await.map_err(explained)?;
            }
        }
        let Some(emoji) = emoji else {
            self.remember_reaction(message, None);
            return Ok(());
        };
        let path = ["channels", chat, "messages", &message.0, "reactions", emoji, "@me"];
        self.shared.rest.tell(Call::new(Method::PUT, &path)).await.map_err(explained)?;
        self.remember_reaction(message, Some(emoji));
        Ok(())
    }

    /// Our reactions on a message. One that is newer than this channel has only those that are remembered; of an older one, Discord
    /// is asked.
    async fn former_reactions(&self, chat: &str, message: &MessageId) -> Result<Vec<String>, SendError> {
        let remembered = self.reactions.lock().unwrap_or_else(PoisonError::into_inner).get(message).cloned();
        if remembered.is_some() || made_at_ms(&message.0) > self.opened_at_ms {
            return Ok(remembered.into_iter().collect());
        }
        let path = ["channels", chat, "messages", &message.0];
        let found: wire::Message = self
            .shared
            .rest
            .ask(Call::get(&path))
            .await
            .map_err(|failure| self.shared.explain(failure, chat, Doing::Read))?;
        Ok(found.reactions.iter().filter(|count| count.me).map(|count| count.emoji.address()).collect())
    }

    fn remember_reaction(&self, message: &MessageId, emoji: Option<&str>) {
        let mut reactions = self.reactions.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(emoji) = emoji else {
            reactions.remove(message);
            return;
        };
        if reactions.len() >= REACTIONS_MAX
            && let Some(oldest) = reactions.keys().min_by_key(|id| order(&id.0)).cloned()
        {
            reactions.remove(&oldest);
        }
        reactions.insert(message.clone(), emoji.to_owned());
    }

    async fn fetch_file(&self, media: &MediaRef, max_bytes: u64) -> Result<FetchedMedia, SendError> {
        let refused = |words: String| SendError::new(SendErrorKind::Refused, words);
        let url = Url::parse(&media.handle).map_err(|_| refused("the file's address can't be read".to_owned()))?;
        if !self.serves_files(&url) {
            return Err(refused(format!("{} is no server of Discord's files", url.host_str().unwrap_or("it"))));
        }
        let too_large = || refused(format!("the file is larger than {max_bytes} bytes"));
        let broken = |error: reqwest::Error| {
            // The address carries what lets anybody fetch the file.
            let words = format!("Discord's file server can't be reached: {}", root_cause(&error.without_url()));
            SendError::new(SendErrorKind::Unreachable, words)
        };
        let client = self.shared.rest.client().map_err(|words| SendError::new(SendErrorKind::Unreachable, words))?;
        let mut response = client.get(url).timeout(CALL_MAX).send().await.map_err(broken)?;
        if !response.status().is_success() {
            return Err(unserved(response.status(), response.headers()));
        }
        if response.content_length().is_some_and(|length| length > max_bytes) {
            return Err(too_large());
        }
        let header = response.headers().get(reqwest::header::CONTENT_TYPE).and_then(|mime| mime.to_str().ok());
        let told = header.and_then(|mime| mime.split(';').next()).map(str::to_owned);
        let mime = media.mime.clone().or(told).unwrap_or_else(|| "application/octet-stream".to_owned());
        let mut bytes = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(broken)? {
            if (bytes.len() + piece.len()) as u64 > max_bytes {
                return Err(too_large());
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(FetchedMedia { bytes, mime })
    }

    /// Discord's own hosts, and that of the API for those who run it elsewhere.
    fn serves_files(&self, url: &Url) -> bool {
        let base = self.shared.rest.base();
        let is_ours = (url.scheme(), url.host_str(), url.port_or_known_default())
            == (base.scheme(), base.host_str(), base.port_or_known_default());
        is_ours || (url.scheme() == "https" && url.host_str().is_some_and(|host| FILE_HOSTS.contains(&host)))
    }

    /// A file is opened before anything is sent, so that a missing one is told as such.
    async fn file(&self, part: &OutboundPart) -> Result<Option<Body>, SendError> {
        let Some(media) = &part.media else { return Ok(None) };
        let refused = |words: String| SendError::new(SendErrorKind::Refused, words);
        let unreadable = |error| refused(format!("the file {:?} can't be read: {error}", media.name));
        let length = tokio::fs::File::open(&media.path).await.map_err(unreadable)?;
        let length = length.metadata().await.map_err(unreadable)?.len();
        if length > UPLOAD_BYTES_MAX {
            let limit = UPLOAD_BYTES_MAX / 1024 / 1024;
            return Err(refused(format!("the file {:?} has {length} bytes; Discord takes {limit} MB", media.name)));
        }
        let (name, mime, path) = (media.name.clone(), media.mime.clone(), media.path.clone());
        Ok(Some(Body::File { payload: Value::Null, name, mime, path }))
    }

    fn within<'a, T: 'a>(
        &self,
        effort: Effort,
        call: impl Future<Output = Result<T, SendError>> + Send + 'a,
    ) -> Pending<'a, Result<T, SendError>> {
        within(KIND.label, effort.call_max(self.shared.context.patience), call)
    }

    fn sent(&self, outcome: Result<wire::Message, Failure>, chat: &str) -> Result<SentMessage, SendError> {
        match outcome {
            Ok(message) => {
                let now = (self.shared.context.clock)();
                self.shared.context.status.update(|status| status.last_outbound_at_ms = Some(now));
                Ok(SentMessage { message: MessageId(message.id) })
            }
            Err(failure) => Err(self.shared.explain(failure, chat, Doing::Send)),
        }
    }
}

impl Channel for DiscordChannel {
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
        self.within(Effort::Long, find::find(&self.shared, part, since, known))
    }

    fn edit<'a>(&'a self, message: &'a MessageId, part: &'a OutboundPart) -> Pending<'a, Result<(), SendError>> {
        self.within(Effort::of(part), self.edit_message(message, part))
    }

    fn delete<'a>(&'a self, chat: &'a str, message: &'a MessageId) -> Pending<'a, Result<(), SendError>> {
        self.within(Effort::Quick, self.delete_message(chat, message))
    }

    fn react<'a>(
        &'a self,
        chat: &'a str,
        message: &'a MessageId,
        emoji: Option<&'a str>,
    ) -> Pending<'a, Result<(), SendError>> {
        self.within(Effort::Quick, self.set_reaction(chat, message, emoji))
    }

    fn typing<'a>(&'a self, chat: &'a str) -> Pending<'a, Result<(), SendError>> {
        self.within(Effort::Quick, async move {
            let path = ["channels", chat, "typing"];
            let outcome = self.shared.rest.tell(Call::new(Method::POST, &path)).await;
            outcome.map_err(|failure| self.shared.explain(failure, chat, Doing::Send))
        })
    }

    fn fetch<'a>(&'a self, media: &'a MediaRef, max_bytes: u64) -> Pending<'a, Result<FetchedMedia, SendError>> {
        self.within(Effort::Long, self.fetch_file(media, max_bytes))
    }

    fn probe(&self) -> Pending<'_, Result<Probe, SendError>> {
        self.within(Effort::Quick, probe::probe(&self.shared))
    }
}

/// The body of a message, with its file where it has one.
fn body(payload: Value, file: Option<Body>) -> Body {
    match file {
        Some(Body::File { name, mime, path, .. }) => Body::File { payload, name, mime, path },
        _ => Body::Json(payload),
    }
}

/// `<:name:id>` and `<a:name:id>` are how a message writes a server's own emoji; addresses have neither brackets nor the mark.
fn emoji_address(emoji: &str) -> &str {
    let Some(inside) = emoji.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) else { return emoji };
    inside.strip_prefix("a:").or_else(|| inside.strip_prefix(':')).unwrap_or(inside)
}
