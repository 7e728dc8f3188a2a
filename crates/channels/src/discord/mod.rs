//! Discord: one bot per account, heard through the gateway's socket, answered by REST.
//!
//! Twilight drives the socket (`socket`), events become works (`dispatch`) that are given to the inbox in each chat's order
//! (`intake`, `work`), and `progress` remembers how far was read. `channel` speaks, through `api`, and `find` looks for what it may have
//! said. `bot` is what both sides share. Nothing of Discord is kept in memory but names.

mod api;
mod bot;
mod channel;
mod commands;
mod config;
mod dispatch;
mod failure;
mod find;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
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
use std::sync::Arc;

use chela_config::{Problem, Secret, inline_schema_of};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::sync::mpsc;

use self::api::Rest;
use self::bot::{Setup, Shared};
use self::channel::DiscordChannel;
use self::config::DiscordConfig;
use self::intake::Intake;
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

/// One account as the configuration has it.
struct DiscordAccount {
    token: Option<Secret>,
    setup: Setup,
    policy: AccountPolicy,
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
        let shared = Arc::new(Shared::new(rest, setup, context, token));
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
