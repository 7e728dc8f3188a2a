//! Discord: one bot per account, heard through the gateway's socket, answered by REST.
//!
//! Twilight drives the socket (`socket`), events become works (`dispatch`) that are given to the inbox in each chat's order
//! (`intake`, `work`), and `progress` remembers how far was read. `channel` speaks, through `api`. Nothing of Discord is kept in
//! memory but names.

mod api;
mod channel;
mod commands;
mod config;
mod dispatch;
mod failure;
mod intake;
mod names;
mod normalise;
mod outgoing;
mod policy;
mod probe;
mod progress;
mod socket;
#[cfg(test)]
mod tests;
mod via;
mod wire;

mod work;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chela_config::{Problem, Secret, inline_schema_of};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::sync::mpsc;
use twilight_model::gateway::payload::outgoing::update_presence::UpdatePresencePayload;
use twilight_model::gateway::presence::{Activity, ActivityType, MinimalActivity, Status};

use self::api::{Call, Failure, Rest};
use self::channel::DiscordChannel;
use self::config::{DiscordConfig, OnlineStatus};
use self::intake::Intake;
use self::names::Names;
use self::normalise::Us;
use self::progress::Progress;
use self::socket::{Socket, socket_url};
use crate::channel::OpenChannel;
use crate::context::{ChannelContext, ChannelFailure};
use crate::kind::{Account, Kind, OpenError, SecretLookup, hash_secret};
use crate::policy::AccountPolicy;

/// Discord's row of the table.
pub(crate) const KIND: Kind = Kind {
    id: "discord",
    label: "Discord",
    token_variables: &[TOKEN_VARIABLE],
    schema: inline_schema_of::<DiscordConfig>,
    read,
};

const TOKEN_VARIABLE: &str = "DISCORD_BOT_TOKEN";

/// Events between the socket and the intake, which takes them at once.
const EVENTS_MAX: usize = 256;

/// Messages that Discord lists at once.
const PAGE_MAX: usize = 100;

/// One account as the configuration has it.
struct DiscordAccount {
    token: Option<Secret>,
    setup: Setup,
    policy: AccountPolicy,
}

/// What a connection depends on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Setup {
    api_base: Option<String>,
    gateway_url: Option<String>,
    intents: Asked,
    native_commands: bool,
    /// The answer to a slash command is for one person only.
    ephemeral: bool,
    group_chats: bool,
    online: OnlineStatus,
    activity: Option<(u8, String, Option<String>)>,
}

/// The intents that have a switch in the Developer Portal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Asked {
    message_content: bool,
    presence: bool,
    guild_members: bool,
}

/// What the worker and the channel of an open account share.
struct Shared {
    rest: Rest,
    names: Names,
    setup: Setup,
    context: ChannelContext,
    token: SecretString,
    us: Mutex<Option<Us>>,
    /// Whether this process has said who it is.
    introduced: AtomicBool,
}

fn read(path: &str, value: &Value, problems: &mut Vec<Problem>) -> Option<Box<dyn Account>> {
    let reading = policy::read(path, value, problems);
    // Without its token or its server's address the account can't connect, and must not with those of somebody else.
    let cannot_run = ["token", "apiBase", "gatewayUrl"].iter().any(|key| reading.broken.contains(*key));
    if cannot_run || !value.is_object() {
        return None;
    }
    let policy = policy::policy(&reading);
    let setup = Setup::of(&reading.config);
    Some(Box::new(DiscordAccount { token: reading.config.token, setup, policy }))
}

impl Account for DiscordAccount {
    fn policy(&self) -> &AccountPolicy {
        &self.policy
    }

    fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.setup.hash(&mut hasher);
        hash_secret(self.token.as_ref(), &mut hasher);
        hasher.finish()
    }

    fn open(
        &self,
        token: Option<SecretString>,
        secrets: SecretLookup<'_>,
        context: ChannelContext,
    ) -> Result<OpenChannel, OpenError> {
        let token = match (token, &self.token) {
            (Some(token), _) => token,
            (None, Some(secret)) => secrets(secret).map_err(OpenError::Secret)?,
            (None, None) => return Err(no_token()),
        };
        let bare = token.expose_secret().trim();
        let bare = bare.strip_prefix("Bot ").unwrap_or(bare).trim();
        if bare.is_empty() {
            return Err(no_token());
        }
        let token = SecretString::from(bare.to_owned());
        let rest =
            Rest::new(self.setup.api_base.as_deref(), token.clone(), Arc::clone(&context.http), context.patience);
        let rest = rest.map_err(|words| OpenError::Setup(format!("channels.discord: {words}")))?;
        let mut setup = self.setup.clone();
        if let Some(written) = &setup.gateway_url {
            let wrong =
                || OpenError::Setup(format!("`channels.discord.gatewayUrl` is no address of a socket: {written:?}"));
            setup.gateway_url = Some(socket_url(written).ok_or_else(wrong)?);
        }
        let (names, us, introduced) = (Names::default(), Mutex::default(), AtomicBool::new(false));
        let shared = Arc::new(Shared { rest, names, setup, context, token, us, introduced });
        let channel = Arc::new(DiscordChannel::new(Arc::clone(&shared)));
        Ok(OpenChannel { worker: Box::pin(work(shared)), channel, webhook: None })
    }
}

/// The worker: socket, intake and progress beside each other, until the socket ends for good.
async fn work(shared: Arc<Shared>) -> Result<(), ChannelFailure> {
    let progress = Arc::new(Progress::load(shared.context.state.as_ref()).await);
    let (events, heard) = mpsc::channel(EVENTS_MAX);
    let socket = Socket::new(Arc::clone(&shared), Arc::clone(&progress), events).run();
    let intake = Intake::new(Arc::clone(&shared), Arc::clone(&progress)).run(heard);
    let outcome = tokio::select! {
        outcome = socket => outcome,
        never = intake => match never {},
        never = progress.keep(shared.context.state.as_ref()) => match never {},
    };
    progress.write(shared.context.state.as_ref()).await;
    outcome
}

fn no_token() -> OpenError {
    OpenError::NoToken { channel: KIND.id, variable: TOKEN_VARIABLE, key: "token" }
}

impl Setup {
    fn of(config: &DiscordConfig) -> Self {
        let activity = config.activity.clone().filter(|text| !text.trim().is_empty());
        Self {
            api_base: config.api_base.clone(),
            gateway_url: config.gateway_url.clone(),
            intents: Asked {
                message_content: config.intents.message_content != Some(false),
                presence: config.intents.presence == Some(true),
                guild_members: config.intents.guild_members == Some(true),
            },
            native_commands: config.answers.shows_menu(),
            ephemeral: config.slash_command.ephemeral != Some(false),
            group_chats: config.dm.group_enabled == Some(true),
            online: config.status.unwrap_or_default(),
            // 4 is a custom one, which shows the text alone.
            activity: activity.map(|text| (config.activity_type.unwrap_or(4), text, config.activity_url.clone())),
        }
    }

    /// What is shown under the bot's name; `None` for the usual.
    fn presence_payload(&self) -> Option<UpdatePresencePayload> {
        let status = match self.online {
            OnlineStatus::Online => Status::Online,
            OnlineStatus::Dnd => Status::DoNotDisturb,
            OnlineStatus::Idle => Status::Idle,
            OnlineStatus::Invisible => Status::Invisible,
        };
        if self.activity.is_none() && status == Status::Online {
            return None;
        }
        let activities = self.activity.iter().map(activity).collect();
        Some(UpdatePresencePayload { activities, afk: false, since: None, status })
    }
}

impl Asked {
    /// For people: those that are asked for besides the text of messages.
    fn privileged(&self) -> String {
        let asked = [(self.presence, "\"Presence Intent\""), (self.guild_members, "\"Server Members Intent\"")];
        let asked: Vec<&str> = asked.iter().filter(|(asked, _)| *asked).map(|(_, name)| *name).collect();
        if asked.is_empty() { "the privileged intents".to_owned() } else { asked.join(" and ") }
    }
}

fn activity((kind, text, url): &(u8, String, Option<String>)) -> Activity {
    let is_custom = *kind == 4;
    let name = if is_custom { "Custom Status".to_owned() } else { text.clone() };
    let mut activity: Activity = MinimalActivity { kind: ActivityType::from(*kind), name, url: url.clone() }.into();
    activity.state = is_custom.then(|| text.clone());
    activity
}

impl Shared {
    fn token(&self) -> String {
        self.token.expose_secret().to_owned()
    }

    fn known_us(&self) -> Option<Us> {
        self.us_cell().clone()
    }

    fn know_us(&self, us: Us) {
        *self.us_cell() = Some(us);
    }

    /// Who we are; Discord is asked once where the gateway has not told yet.
    async fn us(&self) -> Result<Us, Failure> {
        if let Some(us) = self.known_us() {
            return Ok(us);
        }
        let us = self.ask_who_we_are().await?;
        self.know_us(us.clone());
        Ok(us)
    }

    async fn ask_who_we_are(&self) -> Result<Us, Failure> {
        let user: wire::User = self.rest.ask(Call::get(&["users", "@me"])).await?;
        let application: wire::Application = self.rest.ask(Call::get(&["applications", "@me"])).await?;
        Ok(Us { name: user.full_name(), application: application.id, id: user.id })
    }

    /// Messages of a chat before or after one, or the last ones, [`PAGE_MAX`] at most; in no certain order.
    async fn messages(
        &self,
        chat: &str,
        bound: Option<(&str, &str)>,
        limit: usize,
    ) -> Result<Vec<wire::Message>, Failure> {
        let path = ["channels", chat, "messages"];
        let limit = limit.clamp(1, PAGE_MAX).to_string();
        let query: Vec<(&str, &str)> = [("limit", limit.as_str())].into_iter().chain(bound).collect();
        self.rest.ask(Call::get(&path).query(&query)).await
    }

    fn us_cell(&self) -> MutexGuard<'_, Option<Us>> {
        self.us.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
