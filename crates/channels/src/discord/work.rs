//! What there is to do about one event: normalise it, give it to the inbox until that takes it, tell Discord what it waits for.

use std::collections::HashMap;
use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use super::api::{Call, Failure};
use super::bot::{PAGE_MAX, Shared};
use super::commands;
use super::names::Unknown;
use super::normalise::{self, Us};
use super::progress::{Progress, Ticket};
use super::via::Via;
use super::wire::{Channel, Deleted, Guild, Interaction, Member, Message, Reaction, first_id_at, order};
use crate::context::{BackOff, InboxError, Receipt};
use crate::inbound::{ChatKind, InboundEvent, MessageId};

/// Discord waits three seconds for the first word about an interaction.
const DEFER_TIMEOUT: Duration = Duration::from_millis(2500);

/// Attempts to fetch something from Discord that a message can't do without.
const FETCH_ATTEMPTS: u32 = 4;

/// Longest pause between two of them; what has to wait longer is done later, so that commands of the chat pass it by.
const FETCH_PAUSE_MAX: Duration = Duration::from_secs(5);

/// Missed messages of one chat, in pages, after which its commands have their turn.
const MISSED_PAGES: usize = 3;

/// Nobody waits for an answer to something older.
const MISSED_AGE_MAX_MS: i64 = 24 * 60 * 60 * 1000;

/// Discord's limits of completions.
const CHOICES_MAX: usize = 25;
const CHOICE_CHARS_MAX: usize = 100;

/// The flag of an answer that one person sees only.
const EPHEMERAL: u64 = 1 << 6;

/// Kinds of answers to interactions.
const DEFERRED_MESSAGE: u64 = 5;
const DEFERRED_UPDATE: u64 = 6;
const COMPLETIONS: u64 = 8;

/// What a person is told whose command nobody is to answer.
const NOT_FOR_YOU: &str = "This assistant does not take commands from you here.";

/// An event on its way to the inbox.
pub(super) struct Event {
    pub(super) ticket: Ticket,
    pub(super) work: Work,
}

pub(super) enum Work {
    Message(Box<Message>),
    Edited(Box<Message>),
    Deleted(Deleted),
    Reaction {
        event: String,
        reaction: Box<Reaction>,
        added: bool,
    },
    /// A command, a button or a menu.
    Interaction(Box<Interaction>),
    /// A command that is being typed.
    Completion(Box<Interaction>),
    /// What was said in a chat while nobody listened.
    CatchUp {
        chat: String,
        after: String,
    },
    /// A process listens for the first time: it says who it is, and Discord gets to know its commands.
    Introduce,
}

/// How a work ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    /// What was said in the chat after this message is still to be fetched. Nothing that is newer may be given before.
    Unfinished {
        after: String,
        pause: Pause,
    },
    /// The inbox takes nothing more; Discord gives the event again after the restart.
    Stopping,
}

/// When an unfinished work goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pause {
    /// After what else waits in the chat.
    None,
    /// Discord asks for this.
    Asked(Duration),
    /// Discord is in trouble.
    Growing,
}

impl Work {
    /// Not worth being given again after a crash: each process introduces itself, and a person types on.
    pub(super) fn is_fleeting(&self) -> bool {
        matches!(self, Self::Introduce | Self::Completion(_))
    }

    /// A command is told once and can't be fetched. Messages can be, in their newest words; what happened to one that is not
    /// known yet is worth nothing without it.
    pub(super) fn is_told_once(&self) -> bool {
        matches!(self, Self::Interaction(_))
    }

    /// What a look at the chat's messages brings as well.
    pub(super) fn is_fetched_again(&self) -> bool {
        matches!(self, Self::Message(_) | Self::CatchUp { .. })
    }

    /// Works of one chat are done in their order.
    pub(super) fn chat(&self) -> &str {
        match self {
            Self::Message(message) | Self::Edited(message) => &message.channel_id,
            Self::Deleted(deleted) => &deleted.channel_id,
            Self::Reaction { reaction, .. } => &reaction.channel_id,
            Self::Interaction(interaction) | Self::Completion(interaction) => {
                interaction.channel_id.as_deref().unwrap_or("")
            }
            Self::CatchUp { chat, .. } => chat,
            Self::Introduce => "",
        }
    }
}

pub(super) async fn run(shared: &Shared, progress: &Progress, work: Work) -> Outcome {
    let Some(us) = know_us(shared).await else { return Outcome::Stopping };
    match work {
        Work::Message(message) => said(shared, progress, &us, &message).await,
        Work::Edited(message) => {
            know_place(shared, &message.channel_id, message.guild_id.as_deref()).await;
            let edited = normalise::edited(&us, &shared.names, &message);
            give_some(shared, edited.map(|message| InboundEvent::Edited(Box::new(message)))).await
        }
        Work::Deleted(deleted) => {
            let event = InboundEvent::Deleted { chat: deleted.channel_id, message: MessageId(deleted.id) };
            give_some(shared, Some(event)).await
        }
        Work::Reaction { event, reaction, added } => {
            know_place(shared, &reaction.channel_id, reaction.guild_id.as_deref()).await;
            let reaction = normalise::reaction(&us, &shared.names, event, &reaction, added);
            give_some(shared, reaction.map(InboundEvent::Reaction)).await
        }
        Work::Interaction(interaction) => ordered(shared, &interaction).await,
        Work::CatchUp { chat, after } => catch_up(shared, progress, &us, &chat, &after).await,
        Work::Completion(_) | Work::Introduce => Outcome::Done,
    }
}

/// Says who we are and registers our commands; failing costs the menu only.
pub(super) async fn introduce(shared: &Shared) {
    let Some(us) = know_us(shared).await else { return };
    tracing::info!(target: "discord", "logged in to discord as {}", us.name);
    shared.context.status.update(|status| status.identity = Some(us.name.clone()));
    if !shared.setup.native_commands {
        return;
    }
    if let Err(failure) = commands::register(shared, &us.application).await {
        tracing::warn!(target: "discord", ?failure, "the slash commands are not registered; typed commands work");
    }
}

/// Tells Discord within its three seconds that the answer comes later. Too late or refused, the answer is a plain message.
pub(super) async fn defer(shared: &Shared, interaction: &Interaction) {
    let body = if interaction.kind == Interaction::COMMAND {
        let flags = if shared.setup.ephemeral { EPHEMERAL } else { 0 };
        json!({ "type": DEFERRED_MESSAGE, "data": { "flags": flags } })
    } else {
        json!({ "type": DEFERRED_UPDATE })
    };
    call_back(shared, interaction, body).await;
}

/// Offers what may stand in the argument that is being typed.
pub(super) async fn complete(shared: &Shared, interaction: &Interaction) {
    let Some(option) = interaction.data.options.iter().find(|option| option.focused) else { return };
    if let Some(channel) = &interaction.channel {
        shared.names.learn_channel(channel, interaction.guild_id.as_deref());
    }
    let asker = normalise::interaction(&shared.names, interaction, &shared.context.commands);
    let Some(asker) = asker else { return };
    let typed = option.value.as_str().unwrap_or_default();
    let found = shared.context.inbox.choices(&asker, &interaction.data.name, &option.name, typed);
    let found = tokio::time::timeout(DEFER_TIMEOUT, found).await.unwrap_or_default();
    let fits = |choice: &&String| !choice.is_empty() && choice.chars().count() <= CHOICE_CHARS_MAX;
    let choices = found.iter().filter(fits).take(CHOICES_MAX);
    let choices: Vec<_> = choices.map(|choice| json!({ "name": choice, "value": choice })).collect();
    call_back(shared, interaction, json!({ "type": COMPLETIONS, "data": { "choices": choices } })).await;
}

/// Who we are: READY told, but a process that resumed a session has to ask. `None` with a token that is refused, which the socket
/// finds out as well.
async fn know_us(shared: &Shared) -> Option<Us> {
    let mut back_off = BackOff::new(shared.context.patience);
    loop {
        match shared.us().await {
            Ok(us) => return Some(us),
            Err(Failure::Unauthorized) => return None,
            Err(failure) => {
                tracing::debug!(target: "discord", ?failure, "Discord does not say who we are");
                tokio::time::sleep(back_off.next_pause()).await;
            }
        }
    }
}

async fn call_back(shared: &Shared, interaction: &Interaction, body: serde_json::Value) {
    let path = ["interactions", &interaction.id, &interaction.token, "callback"];
    let call = shared.rest.tell(Call::new(Method::POST, &path).json(body));
    match tokio::time::timeout(DEFER_TIMEOUT, call).await {
        Ok(Ok(())) => {}
        Ok(Err(failure)) => tracing::debug!(target: "discord", ?failure, "an interaction was not answered in time"),
        Err(_) => tracing::debug!(target: "discord", "an interaction was not answered in time"),
    }
}

async fn said(shared: &Shared, progress: &Progress, us: &Us, message: &Message) -> Outcome {
    if let Some(pause) = know_place(shared, &message.channel_id, message.guild_id.as_deref()).await {
        return Outcome::Unfinished { after: order(&message.id).saturating_sub(1).to_string(), pause };
    }
    let mut direct = false;
    if let Some(inbound) = normalise::message(us, &shared.names, message) {
        direct = inbound.chat_kind == ChatKind::Direct;
        let is_closed = inbound.chat_kind == ChatKind::Group && !shared.setup.group_chats;
        if !is_closed && give(shared, InboundEvent::Message(Box::new(inbound))).await.is_none() {
            return Outcome::Stopping;
        }
    }
    progress.saw(&message.channel_id, &message.id, direct);
    Outcome::Done
}

/// A command, or what a button says.
async fn ordered(shared: &Shared, interaction: &Interaction) -> Outcome {
    if let Some(channel) = &interaction.channel {
        shared.names.learn_channel(channel, interaction.guild_id.as_deref());
        know_place(shared, &channel.id, interaction.guild_id.as_deref()).await;
    }
    let Some(mut inbound) = normalise::interaction(&shared.names, interaction, &shared.context.commands) else {
        return Outcome::Done;
    };
    let is_command = interaction.kind == Interaction::COMMAND;
    if is_command {
        inbound.via = Some(Via::of(interaction).write());
    }
    let receipt = give(shared, InboundEvent::Message(Box::new(inbound))).await;
    if is_command && receipt == Some(Receipt::Ignored) {
        // Without a word, "is thinking" would stand there for a quarter of an hour.
        let path = ["webhooks", &interaction.application_id, &interaction.token, "messages", "@original"];
        let outcome = shared.rest.tell(Call::new(Method::PATCH, &path).json(json!({ "content": NOT_FOR_YOU }))).await;
        if let Err(failure) = outcome {
            tracing::debug!(target: "discord", ?failure, "an ignored command was left without a word");
        }
    }
    if receipt.is_some() { Outcome::Done } else { Outcome::Stopping }
}

async fn give_some(shared: &Shared, event: Option<InboundEvent>) -> Outcome {
    let Some(event) = event else { return Outcome::Done };
    if give(shared, event).await.is_some() { Outcome::Done } else { Outcome::Stopping }
}

/// Gives an event to the inbox until it takes it; `None` when the gateway stops first.
async fn give(shared: &Shared, event: InboundEvent) -> Option<Receipt> {
    let context = &shared.context;
    let now = (context.clock)();
    context.status.update(|status| status.last_inbound_at_ms = Some(now));
    let mut back_off = BackOff::new(context.patience);
    loop {
        match context.inbox.accept(event.clone()).await {
            Ok(receipt) => return Some(receipt),
            Err(InboxError::Stopping) => return None,
            Err(error @ (InboxError::Busy | InboxError::Store(_))) => {
                tracing::debug!(target: "discord", account = context.account, %error, "an event waits");
                tokio::time::sleep(back_off.next_pause()).await;
            }
        }
    }
}

/// Rules name servers and channels, so that a message waits for names that are not known: of a thread that was asleep, or of all
/// places after a restart that resumed the session. `Some` where Discord may tell them later; where it refuses to, rules that name
/// the place don't fit.
async fn know_place(shared: &Shared, channel: &str, guild: Option<&str>) -> Option<Pause> {
    let guild = guild?;
    // A server, its channel and the channel around a thread.
    for _ in 0..3 {
        let found = match shared.names.unknown_of(channel, guild)? {
            Unknown::Guild(id) => learn_guild(shared, &id).await,
            Unknown::Channel(id) => learn_channel(shared, &id, guild).await,
        };
        if let Err(failure) = found {
            tracing::debug!(target: "discord", channel, ?failure, "a place can't be named");
            return pause_after(&failure);
        }
    }
    None
}

async fn learn_guild(shared: &Shared, id: &str) -> Result<(), Failure> {
    let path = ["guilds", id];
    let found: Guild = fetch(shared, || shared.rest.ask(Call::get(&path))).await?;
    shared.names.learn_guild(&found, &shared.known_us().map(|us| us.id).unwrap_or_default());
    Ok(())
}

async fn learn_channel(shared: &Shared, id: &str, guild: &str) -> Result<(), Failure> {
    let path = ["channels", id];
    let found: Channel = fetch(shared, || shared.rest.ask(Call::get(&path))).await?;
    shared.names.learn_channel(&found, Some(guild));
    Ok(())
}

/// Gives what was said in a chat after this message, as if it was said now: the oldest first, and nothing that is too old. Ends early
/// where Discord can't answer, or after some pages, and says from where to go on.
async fn catch_up(shared: &Shared, progress: &Progress, us: &Us, chat: &str, after: &str) -> Outcome {
    let guild = shared.names.guild_of(chat);
    let oldest = first_id_at((shared.context.clock)() - MISSED_AGE_MAX_MS);
    let mut members = HashMap::new();
    // Pages are counted from here, so that none is spent on what is passed over.
    let mut after = order(after).max(oldest).to_string();
    for _ in 0..MISSED_PAGES {
        let mut page = match fetch(shared, || shared.messages(chat, Some(("after", &after)), PAGE_MAX)).await {
            Ok(page) => page,
            Err(failure) => {
                tracing::warn!(target: "discord", chat, ?failure, "missed messages can't be fetched");
                return pause_after(&failure).map_or(Outcome::Done, |pause| Outcome::Unfinished { after, pause });
            }
        };
        page.sort_by_key(|message| order(&message.id));
        for message in &mut page {
            message.guild_id.clone_from(&guild);
            message.member = match member(shared, &mut members, message).await {
                Ok(member) => member,
                Err(pause) => return Outcome::Unfinished { after, pause },
            };
            match said(shared, progress, us, message).await {
                Outcome::Done => message.id.clone_into(&mut after),
                unfinished => return unfinished,
            }
        }
        if page.len() < PAGE_MAX {
            return Outcome::Done;
        }
    }
    Outcome::Unfinished { after, pause: Pause::None }
}

/// Who wrote it, as a member of the server: a list of messages doesn't say, and rules may ask for roles. The error says when Discord
/// may tell.
async fn member(
    shared: &Shared,
    known: &mut HashMap<String, Option<Member>>,
    message: &Message,
) -> Result<Option<Member>, Pause> {
    let Some(guild) = message.guild_id.as_deref() else { return Ok(None) };
    let author = &message.author.id;
    if let Some(member) = known.get(author) {
        return Ok(member.clone());
    }
    let path = ["guilds", guild, "members", author];
    let member = match fetch(shared, || shared.rest.ask::<Member>(Call::get(&path))).await {
        Ok(member) => Some(member),
        Err(failure) => pause_after(&failure).map_or(Ok(None), Err)?,
    };
    known.insert(author.clone(), member.clone());
    Ok(member)
}

/// Asks Discord again where it could not answer, for as long as a chat may wait for it.
async fn fetch<T, F: Future<Output = Result<T, Failure>>>(shared: &Shared, call: impl Fn() -> F) -> Result<T, Failure> {
    let mut back_off = BackOff::new(shared.context.patience);
    let mut outcome = call().await;
    for _ in 1..FETCH_ATTEMPTS {
        let Err(failure) = &outcome else { break };
        let pause = match pause_after(failure) {
            Some(Pause::Asked(asked)) if asked <= FETCH_PAUSE_MAX => asked,
            Some(Pause::Growing) => back_off.next_pause().min(FETCH_PAUSE_MAX),
            Some(Pause::Asked(_) | Pause::None) | None => break,
        };
        tokio::time::sleep(pause).await;
        outcome = call().await;
    }
    outcome
}

/// When the same question may be answered; `None` where it never will be.
fn pause_after(failure: &Failure) -> Option<Pause> {
    match failure {
        Failure::RateLimited { after } => Some(Pause::Asked(*after)),
        // A token that is refused ends the worker; until then nothing is given up.
        Failure::NotSent(_) | Failure::Unknown(_) | Failure::Unauthorized => Some(Pause::Growing),
        Failure::Refused { .. } | Failure::Unreadable(_) => None,
    }
}
