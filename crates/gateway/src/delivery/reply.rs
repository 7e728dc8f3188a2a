//! One reply on its way: its parts are sent in order, each recorded before the next, until the platform has it whole.

use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::Arc;

use chela_agent::Reply;
use chela_channels::{
    Channel, DeliveryPolicy, MessageId, OutboundMedia, OutboundPart, PartKey, SendError, SendErrorKind,
};
use chela_protocol::RunId;
use chela_store::{OutboxRow, SentPart, StoreError, fault};
use chela_tools::{is_memory, looks_secret};
use futures_util::FutureExt as _;

use super::directives::Directives;
use super::files::NamedFiles;
use super::retry::{self, STORE_PAUSE, Verdict};
use super::whole::WholeAnswer;
use super::{call, plan};
use crate::app::Gateway;
use crate::channels::OpenAccount;

/// Longer texts take more than a few milliseconds to render, which would hold up everything else.
const RENDERED_HERE_BYTES: usize = 64 * 1024;

/// Messages of ours in a chat that [`Channel::find`] is told of, so that it takes none of them for the one it looks for.
const KNOWN: usize = 50;

/// A reply and the account that sends it.
pub(super) struct ReplyDelivery {
    pub gateway: Arc<Gateway>,
    pub account: Arc<OpenAccount>,
    pub channel: Arc<dyn Channel>,
    pub policy: DeliveryPolicy,
    pub row: OutboxRow,
    /// Somebody may have sent the next part already: it is looked for first.
    pub doubtful: bool,
    /// Stands for the time of one try.
    pub whole: Option<WholeAnswer>,
}

/// How a try ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// Delivered, given up, or put off to its time.
    Settled,
    /// The account's credentials are refused; everything of this account waits.
    AccountRefused,
    /// The store failed or the gateway stops; the row is as it was.
    Left,
}

/// What stops a delivery.
enum Stopped {
    Send(SendError),
    Store(StoreError),
    Closing,
}

impl ReplyDelivery {
    /// One try. What it comes to is durable when it returns; a panic counts as a failed try.
    pub(super) async fn run(mut self) -> Ended {
        let delivered = AssertUnwindSafe(self.deliver()).catch_unwind().await;
        if let Some(file) = self.whole.take() {
            file.remove(&self.gateway.outside).await;
        }
        let stopped = match delivered {
            Ok(Ok(())) => return self.close().await,
            Ok(Err(Stopped::Closing)) => return Ended::Left,
            Ok(Err(Stopped::Store(error))) => return self.left(&error).await,
            Ok(Err(Stopped::Send(error))) => error,
            Err(_) => SendError::new(SendErrorKind::Unknown, "sending it panicked; see the log"),
        };
        self.failed(&stopped).await
    }

    async fn deliver(&mut self) -> Result<(), Stopped> {
        let mut reply = Reply::from_body(&self.row.body);
        reply.text = self.gateway.logs.without_tokens(reply.text);
        let said = Directives::read(&reply.text);
        let had = self.row.parts_sent as usize;
        if had == 0 {
            // Nothing of the preview may still be under way when the answer takes its place.
            self.gateway.delivery.stage.settle(&reply.run).await;
            self.doubtful |= self.gateway.delivery.stage.is_doubtful(&reply.run);
        }
        let parts = self.parts(&reply, said).await;
        let mut earlier = self.gateway.store.sent_of_run(&reply.run).await?;
        earlier.retain(|sent| sent.account == self.row.account && sent.chat == self.row.chat);
        if had == 0 && earlier.is_empty() && !self.doubtful {
            self.doubtful = self.was_cut_off(&reply.run).await?;
        }
        for part in parts.iter().skip(had) {
            if self.gateway.delivery.is_closing() {
                return Err(Stopped::Closing);
            }
            let preview = earlier.iter().find(|sent| sent.part == part.key.part);
            let message = match preview {
                Some(preview) => self.replace(preview, part, &reply).await?,
                None => self.place(part, &reply).await?,
            };
            self.record(&reply.run, part.key.part, message).await?;
        }
        self.remove_leftovers(&earlier, parts.len()).await;
        Ok(())
    }

    async fn parts(&mut self, reply: &Reply, said: Directives) -> Vec<OutboundPart> {
        let agent = self.row.session.agent();
        let channel = self.channel.clone();
        let capabilities = channel.capabilities();
        let prefix = super::prefix(&self.gateway, &self.policy, &agent);
        let cap = capabilities.upload_max_bytes.min(self.policy.media_max_bytes);
        let text = plan::with_prefix(&prefix, &said.text);
        let words = self.words(plan::with_footer(text, reply.footer.as_deref())).await;
        let whole = if words.is_cut { self.write_whole(reply, said.text, cap).await } else { None };

        let agents = self.gateway.sessions.agents(&self.gateway);
        let workspace = agents.profile_or_default(&agent).workspace.clone();
        let (host, root) = (self.gateway.tools.clone(), workspace.clone());
        // Others than the owner may read a tainted answer.
        let tainted = reply.tainted;
        let is_kept = move |root: &Path, path: &Path| {
            tainted && root.canonicalize().is_ok_and(|root| path.strip_prefix(root).is_ok_and(is_memory))
        };
        let is_private = move |path: &Path| host.is_private(&root, path) || looks_secret(path) || is_kept(&root, path);
        let named = NamedFiles { files: said.files, workspace, max_bytes: cap, as_voice: said.as_voice };
        let files = named.resolve(&self.gateway.outside, is_private).await;
        let manner = plan::Manner { chat: &self.row.chat, policy: &self.policy, capabilities, prefix: &prefix };
        plan::parts(reply, said.quote.as_ref(), words, whole, files, &manner)
    }

    async fn words(&self, text: String) -> plan::Words {
        let capabilities = self.channel.capabilities();
        let (dialect, limits) = (capabilities.dialect, plan::limits(capabilities, &self.policy));
        if text.len() <= RENDERED_HERE_BYTES {
            return plan::words(&text, dialect, limits);
        }
        let rendering = self.gateway.outside.off_thread(move || plan::words(&text, dialect, limits)).await;
        rendering.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }

    /// The whole text as a file; `None` where the platform takes none so large, or none could be written.
    async fn write_whole(&mut self, reply: &Reply, text: String, max_bytes: u64) -> Option<OutboundMedia> {
        if text.len() as u64 > max_bytes {
            return None;
        }
        let file = WholeAnswer::of(&self.gateway.facts.state_dir, self.row.id);
        match file.write(&self.gateway.outside, text).await {
            Ok(()) => Some(self.whole.insert(file).media()),
            Err(error) => {
                tracing::warn!(%error, run = reply.run, "a long answer can't be written to a file; its beginning is sent");
                None
            }
        }
    }

    /// Whether the run was begun more than once: then its preview may have been sent and never recorded.
    async fn was_cut_off(&self, run: &str) -> Result<bool, StoreError> {
        let row = self.gateway.store.inbox_by_run(&RunId::new(run)).await?;
        Ok(row.is_some_and(|row| row.attempts > 1))
    }

    /// Puts a part where its preview stands.
    async fn replace(&mut self, preview: &SentPart, part: &OutboundPart, reply: &Reply) -> Result<MessageId, Stopped> {
        let message = MessageId(preview.message.clone());
        if self.channel.capabilities().edit && part.media.is_none() {
            match call::edit(&*self.channel, &message, part).await {
                Ok(()) => {
                    self.doubtful = false;
                    return Ok(message);
                }
                Err(error) if !matches!(error.kind, SendErrorKind::Gone | SendErrorKind::Refused) => {
                    return Err(error.into());
                }
                Err(error) => tracing::debug!(%error, run = %part.key.run, "a preview can't be edited; sending anew"),
            }
        }
        self.remove(&message, part).await?;
        let sent = self.place(&anew(part), reply).await?;
        self.gateway.store.forget_sent(preview).await?;
        Ok(sent)
    }

    /// What can't become the answer goes first, so that nothing is said twice. In the row's last try, or where the platform
    /// refuses, it stays: an answer is worth more than tidiness.
    async fn remove(&self, message: &MessageId, part: &OutboundPart) -> Result<(), SendError> {
        let Err(error) = call::within(self.channel.delete(&self.row.chat, message)).await else { return Ok(()) };
        match retry::verdict(&error, &self.row, self.gateway.now_ms()) {
            Verdict::TryAt(_) | Verdict::WhenBack => Err(error),
            Verdict::GiveUp => {
                tracing::debug!(%error, run = %part.key.run, "a preview could not be removed");
                Ok(())
            }
        }
    }

    /// Sends a part, unless the platform has it already.
    async fn place(&mut self, part: &OutboundPart, reply: &Reply) -> Result<MessageId, Stopped> {
        if !std::mem::take(&mut self.doubtful) {
            return Ok(self.send(part).await?);
        }
        // Until this is clear the row stays in doubt, also when finding out fails.
        self.gateway.delivery.doubt(self.row.id);
        let found = self.find(part, reply).await?;
        let first = part.key.part == 0;
        let message = match &found {
            Some(found) => found.clone(),
            None => self.send(part).await?,
        };
        let may_differ = first || found.is_some();
        if !may_differ || !self.channel.capabilities().edit || part.media.is_some() {
            return Ok(message);
        }
        // It may be the preview of a run that was cut off, found by its place or by its nonce, and not this text.
        match call::edit(&*self.channel, &message, part).await {
            Ok(()) => Ok(message),
            Err(error) if error.kind == SendErrorKind::Gone => Ok(self.send(&anew(part)).await?),
            Err(error) if error.kind == SendErrorKind::Refused && first => {
                self.remove(&message, part).await?;
                Ok(self.send(&anew(part)).await?)
            }
            // Only the first part has a preview: this one was found as it is.
            Err(error) if error.kind == SendErrorKind::Refused => Ok(message),
            Err(error) => Err(error.into()),
        }
    }

    async fn send(&self, part: &OutboundPart) -> Result<MessageId, SendError> {
        fault::point("outbox.before_send");
        let sent = call::send(&*self.channel, part).await?;
        fault::point("outbox.after_send");
        Ok(sent.message)
    }

    async fn find(&self, part: &OutboundPart, reply: &Reply) -> Result<Option<MessageId>, Stopped> {
        let OutboxRow { channel, account, chat, .. } = &self.row;
        let ours = self.gateway.store.sent_in_chat(channel, account, chat, KNOWN).await?;
        let since = older(&ours, part, reply, self.row.created_at_ms);
        let known: Vec<_> = ours.into_iter().map(|sent| MessageId(sent.message)).collect();
        let found = call::within(self.channel.find(part, since.as_ref(), &known)).await?;
        Ok(found.map(|sent| sent.message))
    }

    async fn record(&mut self, run: &str, part: u32, message: MessageId) -> Result<(), StoreError> {
        let sent_at_ms = self.gateway.now_ms();
        let OutboxRow { channel, account, chat, .. } = self.row.clone();
        let sent = SentPart { channel, account, chat, message: message.0, run: run.to_owned(), part, sent_at_ms };
        self.gateway.store.record_sent(sent, Some(self.row.id)).await?;
        self.gateway.delivery.settled(self.row.id);
        self.gateway.delivery.stage.clear(run);
        self.account.status.update(|status| status.last_outbound_at_ms = Some(sent_at_ms));
        fault::point("outbox.after_record");
        Ok(())
    }

    /// A preview of an answer that came to nothing visible goes.
    async fn remove_leftovers(&self, earlier: &[SentPart], parts: usize) {
        for left in earlier.iter().filter(|sent| sent.part as usize >= parts) {
            let removed = call::within(self.channel.delete(&left.chat, &MessageId(left.message.clone()))).await;
            if let Err(error) = removed {
                tracing::debug!(%error, run = %left.run, "a preview could not be removed");
            }
        }
    }

    async fn close(&self) -> Ended {
        fault::point("outbox.before_close");
        match self.gateway.store.outbox_delivered(self.row.id, self.gateway.now_ms()).await {
            Ok(()) => self.ended(),
            Err(error) => self.left(&error).await,
        }
    }

    /// If the reply is closed, what was to come behind it may come now.
    fn ended(&self) -> Ended {
        self.gateway.delivery.row_ended.notify_waiters();
        Ended::Settled
    }

    async fn failed(&self, error: &SendError) -> Ended {
        let OutboxRow { id, channel, account, chat, session, .. } = &self.row;
        let now_ms = self.gateway.now_ms();
        if error.kind == SendErrorKind::Unknown {
            self.gateway.delivery.doubt(*id);
        }
        let settled = match retry::verdict(error, &self.row, now_ms) {
            Verdict::WhenBack => {
                tracing::warn!(channel, account, %error, "replies wait until the account works again");
                return Ended::AccountRefused;
            }
            Verdict::TryAt(due_at_ms) => {
                tracing::info!(channel, account, chat, %session, %error, wait_ms = due_at_ms - now_ms, "a reply waits for its next try");
                self.gateway.store.outbox_retry(*id, &error.message, due_at_ms).await
            }
            Verdict::GiveUp => {
                tracing::error!(channel, account, chat, %session, %error, "a reply is given up; it stands among the dead letters");
                self.gateway.store.outbox_dead(*id, &error.message, now_ms).await
            }
        };
        match settled {
            Ok(()) => self.ended(),
            Err(error) => self.left(&error).await,
        }
    }

    /// The store failed. The chat stays taken for a moment, so that a full disk makes no storm.
    async fn left(&self, error: &StoreError) -> Ended {
        tracing::error!(%error, chat = %self.row.chat, "how a delivery went could not be stored; it is tried again");
        // It may be sent by now.
        self.gateway.delivery.doubt(self.row.id);
        tokio::time::sleep(STORE_PAUSE).await;
        Ended::Left
    }
}

/// The last message of the chat that is surely older than the part that is looked for.
fn older(ours: &[SentPart], part: &OutboundPart, reply: &Reply, written_at_ms: i64) -> Option<MessageId> {
    let before = ours.iter().find(|sent| sent.run == reply.run && sent.part < part.key.part);
    if let Some(before) = before {
        return Some(MessageId(before.message.clone()));
    }
    // The run may have shown a preview at any time since it was asked, before or after what others said meanwhile.
    if let Some(question) = &reply.reply_to {
        return Some(MessageId(question.clone()));
    }
    let last = ours.iter().find(|sent| sent.run != reply.run && sent.sent_at_ms < written_at_ms);
    last.map(|sent| MessageId(sent.message.clone()))
}

/// The same part under another name: the platform still knows the first one, whose message is gone.
fn anew(part: &OutboundPart) -> OutboundPart {
    OutboundPart { key: PartKey { run: format!("{}:anew", part.key.run), part: part.key.part }, ..part.clone() }
}

impl From<SendError> for Stopped {
    fn from(error: SendError) -> Self {
        Self::Send(error)
    }
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
