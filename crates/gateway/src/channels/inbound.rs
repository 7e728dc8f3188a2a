//! What becomes of an event of a channel: answered, kept as context, given a code, or nothing. The channel's door into the house.
//!
//! An event is acknowledged when what it leads to is durable. The same event again finds the row that it made.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Arc, Weak};

use chela_agent::{Access, ArgChoices, COMMANDS, Command, GroupActivation, Reply, TurnInput, TurnTools};
use chela_channels::access::{
    AccessRules, AllowList, Facts, Granted, LoopVerdict, ToolRules, Verdict, decide, shows_quote,
};
use chela_channels::{
    ChatKind, Heard, InboundEvent, InboundMessage, Inbox, InboxError, MessageId, Pending, Reaction, ReactionNotice,
    Receipt,
};
use chela_protocol::{AgentId, RunId};
use chela_store::{InboxRow, NewOutbound, StoreError};

use super::{AccountName, OpenAccount, input, pairing, tame};
use crate::app::Gateway;
use crate::commands::{self, Reading, Typed};
use crate::config::Config;
use crate::intake::{Inbound, SubmitError, SubmitState};
use crate::route::{ChannelPlace, Target, channel_target};
use crate::sessions::{AbortTarget, Phase, Refused};

/// Completions that a platform shows at once.
const CHOICES_MAX: usize = 25;

/// Reactions that are kept of a chat, where it keeps no messages.
const REACTIONS_KEPT: usize = 5;

/// Where the body of a row has the chat: [`TurnInput::deliver`].
const CHAT_OF_ANSWER: &str = "$.deliver.chat";

/// One account's door. Holds the gateway weakly: a channel that outlives it keeps nothing open.
pub(crate) struct AccountInbox {
    gateway: Weak<Gateway>,
    account: Arc<OpenAccount>,
}

impl AccountInbox {
    pub(crate) fn new(gateway: &Arc<Gateway>, account: Arc<OpenAccount>) -> Self {
        Self { gateway: Arc::downgrade(gateway), account }
    }
}

impl Inbox for AccountInbox {
    fn accept(&self, event: InboundEvent) -> Pending<'_, Result<Receipt, InboxError>> {
        Box::pin(async move {
            let gateway = self.gateway.upgrade().ok_or(InboxError::Stopping)?;
            let door = Door { gateway: &gateway, account: &self.account };
            match event {
                InboundEvent::Message(message) => door.message(&message).await,
                InboundEvent::Edited(message) => door.edited(&message).await,
                InboundEvent::Deleted { chat, message } => door.deleted(&chat, &message).await,
                InboundEvent::Reaction(reaction) => door.reaction(&reaction).await,
            }
        })
    }

    fn choices<'a>(
        &'a self,
        asker: &'a InboundMessage,
        command: &'a str,
        arg: &'a str,
        typed: &'a str,
    ) -> Pending<'a, Vec<String>> {
        Box::pin(async move {
            let Some(gateway) = self.gateway.upgrade() else { return Vec::new() };
            let door = Door { gateway: &gateway, account: &self.account };
            let config = gateway.config.load_full();
            let Ok(Verdict::Answer(granted)) = door.verdict(&config, asker).await else { return Vec::new() };
            if !matches!(door.may_command(&config, asker, &granted).await, Ok(true)) {
                return Vec::new();
            }
            let agent = door.target(&config, asker, granted.agent.as_deref()).agent;
            choices(&gateway, Completing { granted: &granted, agent, command, arg, typed }).await
        })
    }
}

/// One event on its way in.
struct Door<'a> {
    gateway: &'a Arc<Gateway>,
    account: &'a Arc<OpenAccount>,
}

/// A message that is to be answered, and where.
struct Meant<'a> {
    message: &'a InboundMessage,
    granted: Granted,
    target: Target,
}

impl Door<'_> {
    async fn message(&self, message: &InboundMessage) -> Result<Receipt, InboxError> {
        if message.event.is_empty() || is_empty(message) {
            return Ok(Receipt::Ignored);
        }
        let config = self.gateway.config.load_full();
        let verdict = self.verdict(&config, message).await?;
        let verdict = self.account.albums().with_the_others(message, verdict);
        match verdict {
            Verdict::Ignore(reason) => {
                self.tell_ignored(message, reason);
                Ok(Receipt::Ignored)
            }
            Verdict::Overheard => {
                let limit = self.account.policy.load().delivery.history_limit;
                if let Some(heard) = input::heard(message) {
                    self.account.heard().note(&message.chat, heard, limit);
                }
                Ok(Receipt::Ignored)
            }
            // Its sender was let in then and is not now: words that are answered already get no code as well.
            Verdict::Pair if self.is_known(message).await? => Ok(Receipt::Duplicate),
            Verdict::Pair => {
                let target = self.target(&config, message, None);
                pairing::ask(self.gateway, self.account, target.session, message).await.map_err(of_store)?;
                Ok(Receipt::Ignored)
            }
            Verdict::Answer(_) if self.is_looping(message) => Ok(Receipt::Ignored),
            Verdict::Answer(granted) => {
                let target = self.target(&config, message, granted.agent.as_deref());
                let message = &*self.in_sight(&config, message).await?;
                self.answer(&config, Meant { message, granted, target }).await
            }
        }
    }

    /// Whether this very event was accepted before.
    async fn is_known(&self, message: &InboundMessage) -> Result<bool, InboxError> {
        let AccountName { channel, account } = &self.account.name;
        let row = self.gateway.store.inbox_by_platform_id(channel, account, &message.event).await;
        Ok(row.map_err(of_store)?.is_some())
    }

    /// Who mentions the bot expects an answer, so the log names a place that is closed; once, since strangers may go on.
    fn tell_ignored(&self, message: &InboundMessage, reason: &str) {
        let name = &self.account.name;
        if message.mention.us && message.chat_kind != ChatKind::Direct && self.account.is_first_refusal(&message.chat) {
            let places = input::shown_places(message);
            tracing::info!(target: "channels", "{name}: the bot is mentioned in {places} and does not answer: {reason}");
        } else {
            tracing::debug!(target: "channels", account = %name, event = %message.event, reason, "not answered");
        }
    }

    /// What the rules say; in a group, with what was chosen for its session (`/activation`).
    async fn verdict(&self, config: &Config, message: &InboundMessage) -> Result<Verdict, InboxError> {
        let verdict = self.ask_rules(config, message, None, decide).await?;
        if message.chat_kind == ChatKind::Direct {
            return Ok(verdict);
        }
        // A choice counts only where somebody may be answered at all.
        let always = self.ask_rules(config, message, Some(true), decide).await?;
        let Verdict::Answer(granted) = &always else { return Ok(verdict) };
        let session = self.target(config, message, granted.agent.as_deref()).session;
        let stored = self.gateway.store.session(&session).await.map_err(of_store)?;
        let chosen = stored.and_then(|stored| stored.settings.group_activation);
        match chosen.as_deref().and_then(GroupActivation::parse) {
            None => Ok(verdict),
            Some(GroupActivation::Always) => Ok(always),
            Some(GroupActivation::Mention) => self.ask_rules(config, message, Some(false), decide).await,
        }
    }

    /// Whether the sender may use commands (`commands.allowFrom`); owners always may.
    async fn may_command(
        &self,
        config: &Config,
        message: &InboundMessage,
        granted: &Granted,
    ) -> Result<bool, InboxError> {
        match config.commands.users(&self.account.name.channel) {
            Some(users) if !granted.is_owner => {
                self.ask_rules(config, message, None, |_, facts, message| users.names(&message.sender, facts)).await
            }
            Some(_) | None => Ok(true),
        }
    }

    /// The message without what it quotes, where that is not to be told.
    async fn in_sight<'m>(
        &self,
        config: &Config,
        message: &'m InboundMessage,
    ) -> Result<Cow<'m, InboundMessage>, InboxError> {
        if message.reply_to.is_none() || self.ask_rules(config, message, None, shows_quote).await? {
            return Ok(Cow::Borrowed(message));
        }
        Ok(Cow::Owned(InboundMessage { reply_to: None, ..message.clone() }))
    }

    async fn ask_rules<T>(
        &self,
        config: &Config,
        message: &InboundMessage,
        always_active: Option<bool>,
        question: impl FnOnce(&AccessRules, Facts<'_>, &InboundMessage) -> T,
    ) -> Result<T, InboxError> {
        let name = &self.account.name;
        let paired = self.gateway.channels.people.paired(&self.gateway.store).await.map_err(of_store)?;
        let mut owners = config.commands.owners();
        owners.0.extend(paired.owners(&name.channel, &name.account));
        let policy = self.account.policy.load();
        let rule_of = |rule: &TurnTools| {
            let TurnTools { allow, also_allow, deny } = rule.clone();
            ToolRules { allow, also_allow, deny }
        };
        let tools_by_sender =
            config.tools.tools_by_sender.iter().map(|(sender, rule)| (sender.clone(), rule_of(rule))).collect();
        let facts = Facts {
            channel: &name.channel,
            paired: &|sender| paired.holds(&name.channel, &name.account, sender),
            access_groups: &|group| config.access_groups.members(group, &name.channel),
            called_by_name: message.chat_kind != ChatKind::Direct && self.is_called(config, message),
            always_active,
            owners: &AllowList(owners.0),
            tools_by_sender: &tools_by_sender,
        };
        Ok(question(&policy.access, facts, message))
    }

    /// Whether the text calls the agent that would answer by a name of its own.
    fn is_called(&self, config: &Config, message: &InboundMessage) -> bool {
        let agent = self.target(config, message, None).agent;
        let book = self.gateway.sessions.agents(self.gateway);
        let profile = book.profile_or_default(&agent);
        let own = profile.mention_patterns.as_deref();
        let patterns = own.or(config.messages.group_chat.mention_patterns.as_deref());
        self.gateway.channels.callings.of(&agent, patterns, &profile.name).called_by_name(&message.text)
    }

    /// Whether this is one message too many of a bot that may be answering us.
    fn is_looping(&self, message: &InboundMessage) -> bool {
        if !message.sender.is_bot {
            return false;
        }
        let rule = self.account.policy.load().access.loop_protection;
        let seen = self.account.loops().observe(&message.chat, &message.sender.id, rule, self.gateway.now_ms());
        if seen == LoopVerdict::Tripped {
            tracing::warn!(
                target: "channels",
                "{}: the bot {} and this assistant seem to answer each other; it is not answered for {} s",
                self.account.name,
                input::shown_name(message),
                rule.cooldown_secs
            );
        }
        seen != LoopVerdict::Pass
    }

    fn target(&self, config: &Config, message: &InboundMessage, chosen: Option<&str>) -> Target {
        let name = &self.account.name;
        let book = self.gateway.sessions.agents(self.gateway);
        let place = ChannelPlace::of(name, message, &config.session.identity_links);
        let chosen = chosen.map(AgentId::new);
        let target =
            channel_target(&config.bindings, &config.session, &book.default_agent().id, chosen.as_ref(), &place);
        if book.profile(&target.agent).is_ok() {
            return target;
        }
        tracing::warn!(target: "channels", "{name}: agent \"{}\" is not configured; the default one answers", target.agent);
        let default = book.default_agent().id.clone();
        channel_target(&[], &config.session, &default, Some(&default), &place)
    }

    async fn answer(&self, config: &Config, meant: Meant<'_>) -> Result<Receipt, InboxError> {
        let Meant { message, granted, target } = meant;
        let name = &self.account.name;
        let reads_commands = message.is_native_command || config.commands.are_typed();
        let mut reading = Reading::Message;
        if reads_commands {
            let (text, is_owner) = (message.text.as_str(), granted.is_owner);
            let typed = Typed { text, agent: &target.agent, is_owner, triggers: &config.session.reset_triggers };
            reading = commands::read(self.gateway, typed);
        }
        if !matches!(reading, Reading::Message) && !self.may_command(config, message, &granted).await? {
            match reading {
                // As in the reference system: their settings are words, their commands nothing.
                Reading::Directed(_) | Reading::Message => reading = Reading::Message,
                Reading::Command(_) | Reading::Afresh { .. } => return Ok(Receipt::Ignored),
            }
        }
        let heard =
            if matches!(reading, Reading::Command(_)) { Vec::new() } else { self.account.heard().of(&message.chat) };
        let input = match &reading {
            Reading::Command(_) => input::of_command(name, message, granted),
            Reading::Message => input::of(name, message, granted, &heard),
            Reading::Afresh { message: words, .. } => {
                input::of(name, &InboundMessage { text: words.clone(), ..message.clone() }, granted, &[])
            }
            Reading::Directed(directives) => {
                let words = directives.text.clone();
                input::of(name, &InboundMessage { text: words, ..message.clone() }, granted, &heard)
            }
        };
        if message.chat_kind == ChatKind::Direct && input.sender_is_owner {
            self.gateway.cron.last_places.note(self.gateway, &target.agent, &input::route(name, message));
        }
        let inbound = Inbound {
            channel: name.channel.clone(),
            account: name.account.clone(),
            platform_id: message.event.clone(),
            run: RunId::new(format!("{}:{}:{}", name.channel, name.account, message.event)),
            session: target.session.clone(),
            agent: target.agent.clone(),
            input,
            mode: None,
            watcher: None,
        };
        match commands::submit_reading(self.gateway, reading, inbound).await {
            Ok(submitted) => {
                self.account.heard().taken(&message.chat, &heard);
                self.account.status.update(|status| status.last_inbound_at_ms = Some(self.gateway.now_ms()));
                Ok(match submitted.state {
                    SubmitState::Started => Receipt::Accepted,
                    SubmitState::InFlight | SubmitState::Done(_) => Receipt::Duplicate,
                })
            }
            Err(SubmitError::TooLong { bytes }) => self.too_long(message, &target, bytes).await,
            Err(SubmitError::Refused(Refused::Stopping)) => Err(InboxError::Stopping),
            Err(SubmitError::Refused(Refused::Busy | Refused::Scarce(_))) => Err(InboxError::Busy),
            Err(SubmitError::Store(error)) => Err(of_store(error)),
        }
    }

    /// The sender is told, instead of being given the same message back for ever.
    async fn too_long(&self, message: &InboundMessage, target: &Target, bytes: usize) -> Result<Receipt, InboxError> {
        let name = &self.account.name;
        let text = format!("{}. Please send it as a file.", SubmitError::TooLong { bytes });
        let run = format!("{}:{}:{}:too-long", name.channel, name.account, message.event);
        let reply = NewOutbound {
            channel: name.channel.clone(),
            account: name.account.clone(),
            chat: message.chat.clone(),
            session: target.session.clone(),
            body: Reply { is_error: true, ..Reply::to(&input::route(name, message), run, text) }.to_body(),
            created_at_ms: self.gateway.now_ms(),
        };
        self.gateway.store.enqueue(reply).await.map_err(of_store)?;
        self.gateway.delivery.wake();
        Ok(Receipt::Ignored)
    }

    /// A message that still waits is answered as it stands now. One whose turn began was answered as it stood then.
    async fn edited(&self, message: &InboundMessage) -> Result<Receipt, InboxError> {
        let config = self.gateway.config.load_full();
        // Who is not even listened to must not make us look through everything that waits.
        if matches!(self.verdict(&config, message).await?, Verdict::Ignore(_) | Verdict::Pair) {
            return Ok(Receipt::Ignored);
        }
        if let Some(heard) = input::heard(message) {
            self.account.heard().edit(&message.chat, &message.message, &heard.text);
        }
        let Some(row) = self.waiting(&message.chat, &message.message).await? else { return Ok(Receipt::Ignored) };
        if commands::is_command(&row.body) || is_empty(message) {
            return Ok(Receipt::Ignored);
        }
        let message = self.in_sight(&config, message).await?;
        let body = input::edited(TurnInput::from_body(&row.body), &self.account.name, &message).to_body();
        if !self.gateway.sessions.edit(&row.run, &body) {
            return Ok(Receipt::Ignored);
        }
        let replaced = self.gateway.store.replace_inbox_body(row.id, body).await.map_err(of_store)?;
        Ok(if replaced { Receipt::Accepted } else { Receipt::Ignored })
    }

    /// Nobody wants an answer to a message that they took back before its turn began.
    async fn deleted(&self, chat: &str, message: &MessageId) -> Result<Receipt, InboxError> {
        self.account.heard().delete(chat, message);
        let Some(row) = self.waiting(chat, message).await? else { return Ok(Receipt::Ignored) };
        let sessions = &self.gateway.sessions;
        let is_queued = |active: &crate::sessions::RunSummary| active.run == row.run && active.phase == Phase::Queued;
        if sessions.active(&row.session).iter().any(is_queued) {
            sessions.abort(self.gateway, &AbortTarget::Run(row.run)).await;
        }
        Ok(Receipt::Ignored)
    }

    /// The open row of a message of this account.
    async fn waiting(&self, chat: &str, message: &MessageId) -> Result<Option<InboxRow>, InboxError> {
        let name = &self.account.name;
        let open = self.gateway.store.open_inbox_where(&name.channel, &name.account, CHAT_OF_ANSWER, chat).await;
        let answers = |row: &InboxRow| row.body.pointer("/deliver/replyTo").is_some_and(|id| *id == *message.0);
        Ok(open.map_err(of_store)?.into_iter().find(answers))
    }

    /// Whether the message is one of ours that the store remembers. A platform that doesn't say whose it is knows less, above all
    /// after a restart.
    async fn is_ours(&self, place: &InboundMessage) -> Result<bool, InboxError> {
        let name = &self.account.name;
        let sent = self.gateway.store.sent_message(&name.channel, &name.account, &place.chat, &place.message.0);
        Ok(sent.await.map_err(of_store)?.is_some())
    }

    /// What people think of a message is context of the next turn, where the account wants to know.
    async fn reaction(&self, reaction: &Reaction) -> Result<Receipt, InboxError> {
        let Reaction { place, emoji, added, on_ours, .. } = reaction;
        let policy = self.account.policy.load_full();
        let on_ours = *on_ours || self.is_ours(place).await?;
        let is_wanted = match policy.delivery.reactions {
            ReactionNotice::Off => false,
            ReactionNotice::Own => on_ours,
            ReactionNotice::All | ReactionNotice::Allowlist => true,
        };
        if !is_wanted || place.sender.is_bot {
            return Ok(Receipt::Ignored);
        }
        let config = self.gateway.config.load_full();
        match self.verdict(&config, place).await? {
            Verdict::Answer(_) => {}
            Verdict::Overheard if policy.delivery.reactions != ReactionNotice::Allowlist => {}
            Verdict::Overheard | Verdict::Pair | Verdict::Ignore(_) => return Ok(Receipt::Ignored),
        }
        let emoji = tame::name(emoji);
        let what = if *added { "reacted with" } else { "took back the reaction" };
        let whose = if on_ours { "your message" } else { "a message" };
        let heard = Heard {
            message: MessageId(format!("reaction:{}", reaction.event)),
            sender_name: input::shown_name(place),
            text: format!("({what} {emoji} on {whose})"),
            sent_at_ms: place.sent_at_ms,
        };
        let limit = policy.delivery.history_limit.max(REACTIONS_KEPT);
        self.account.heard().note(&place.chat, heard, limit);
        Ok(Receipt::Ignored)
    }
}

/// Whether there is nothing to read and nothing to fetch.
fn is_empty(message: &InboundMessage) -> bool {
    message.media.is_empty() && tame::visible(&message.text).trim().is_empty()
}

/// What a person is typing into an argument of a command.
struct Completing<'a> {
    granted: &'a Granted,
    agent: AgentId,
    command: &'a str,
    arg: &'a str,
    typed: &'a str,
}

/// What an argument of a command may be, as far as it begins with or holds what is typed; nothing of another one's command.
async fn choices(gateway: &Gateway, completing: Completing<'_>) -> Vec<String> {
    let Completing { granted, agent, command, arg, typed } = completing;
    let may = |row: &&Command| row.name == command && (granted.is_owner || row.access == Access::Sender);
    let command = COMMANDS.iter().find(may);
    let Some(arg) = command.and_then(|command| command.args.iter().find(|known| known.name == arg)) else {
        return Vec::new();
    };
    let reachable = || gateway.models.load().list().into_iter().filter(|model| model.available);
    let all: Vec<String> = match arg.choices {
        ArgChoices::Any => Vec::new(),
        ArgChoices::Fixed(words) => words.iter().map(|word| (*word).to_owned()).collect(),
        ArgChoices::Models => reachable().map(|model| model.reference.to_string()).collect(),
        ArgChoices::Providers => {
            reachable().map(|model| model.reference.provider).collect::<BTreeSet<_>>().into_iter().collect()
        }
        ArgChoices::Skills => {
            let skills = commands::callable_skills(gateway, &agent, granted.skills.as_deref()).await;
            skills.into_iter().map(|skill| skill.name).collect()
        }
    };
    let typed = typed.trim().to_lowercase();
    all.into_iter().filter(|choice| choice.to_lowercase().contains(&typed)).take(CHOICES_MAX).collect()
}

fn of_store(error: StoreError) -> InboxError {
    match error {
        StoreError::Closed => InboxError::Stopping,
        error => InboxError::Store(error.to_string()),
    }
}
