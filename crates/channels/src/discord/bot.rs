//! What the two sides of an open account share: its settings, who we are there, and the names that were learned.

use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard, PoisonError};

use secrecy::{ExposeSecret as _, SecretString};
use twilight_model::gateway::payload::outgoing::update_presence::UpdatePresencePayload;
use twilight_model::gateway::presence::{Activity, ActivityType, MinimalActivity, Status};

use super::api::{Call, Failure, Rest};
use super::config::{DiscordConfig, OnlineStatus};
use super::failure::{Doing, explain};
use super::names::Names;
use super::normalise::Us;
use super::via::Via;
use super::wire;
use crate::context::ChannelContext;
use crate::outbound::{OutboundPart, SendError};

/// Messages that Discord lists at once.
pub(super) const PAGE_MAX: usize = 100;

/// What the worker and the channel of an open account share.
pub(super) struct Shared {
    pub(super) rest: Rest,
    pub(super) names: Names,
    pub(super) setup: Setup,
    pub(super) context: ChannelContext,
    token: SecretString,
    us: Mutex<Option<Us>>,
    /// Whether this process has said who it is.
    pub(super) introduced: AtomicBool,
}

/// What a connection depends on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Setup {
    pub(super) api_base: Option<String>,
    pub(super) gateway_url: Option<String>,
    pub(super) intents: Asked,
    pub(super) native_commands: bool,
    /// The answer to a slash command is for one person only.
    pub(super) ephemeral: bool,
    pub(super) group_chats: bool,
    online: OnlineStatus,
    activity: Option<(u8, String, Option<String>)>,
}

/// The intents that have a switch in the Developer Portal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Asked {
    pub(super) message_content: bool,
    pub(super) presence: bool,
    pub(super) guild_members: bool,
}

impl Shared {
    pub(super) fn new(rest: Rest, setup: Setup, context: ChannelContext, token: SecretString) -> Self {
        let (names, us, introduced) = (Names::default(), Mutex::default(), AtomicBool::new(false));
        Self { rest, names, setup, context, token, us, introduced }
    }

    pub(super) fn token(&self) -> String {
        self.token.expose_secret().to_owned()
    }

    pub(super) fn known_us(&self) -> Option<Us> {
        self.us_cell().clone()
    }

    pub(super) fn know_us(&self, us: Us) {
        *self.us_cell() = Some(us);
    }

    /// Who we are; Discord is asked once where the gateway has not told yet.
    pub(super) async fn us(&self) -> Result<Us, Failure> {
        if let Some(us) = self.known_us() {
            return Ok(us);
        }
        let us = self.ask_who_we_are().await?;
        self.know_us(us.clone());
        Ok(us)
    }

    pub(super) async fn ask_who_we_are(&self) -> Result<Us, Failure> {
        let user: wire::User = self.rest.ask(Call::get(&["users", "@me"])).await?;
        let application: wire::Application = self.rest.ask(Call::get(&["applications", "@me"])).await?;
        Ok(Us { name: user.full_name(), application: application.id, id: user.id })
    }

    /// Messages of a chat before or after one, or the last ones, [`PAGE_MAX`] at most; in no certain order.
    pub(super) async fn messages(
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

    /// The interaction that a part answers, as long as Discord takes its token.
    pub(super) fn via(&self, part: &OutboundPart) -> Option<Via> {
        Via::live(part.via.as_deref()?, (self.context.clock)())
    }

    /// A failure as delivery and people need it.
    pub(super) fn explain(&self, failure: Failure, chat: &str, doing: Doing) -> SendError {
        explain(failure, &self.names.channel_for_people(chat), doing)
    }

    fn us_cell(&self) -> MutexGuard<'_, Option<Us>> {
        self.us.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Setup {
    pub(super) fn of(config: &DiscordConfig) -> Self {
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
    pub(super) fn presence_payload(&self) -> Option<UpdatePresencePayload> {
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
    pub(super) fn privileged(&self) -> String {
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
