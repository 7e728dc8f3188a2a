//! Telegram, by its Bot API: long polling or a webhook, calls over our own HTTP client.
//!
//! ```text
//!   polling ─┐                                   ┌─ channel ── outgoing ──┐
//!            ├─► intake ─► normalise ─► inbox    │                        ├─► api ─► Telegram
//!   webhook ─┘                                   └─ find ─────────────────┘
//! ```
//!
//! `bot` is what both sides share. Source of all shapes: <https://core.telegram.org/bots/api>.

mod api;
mod bot;
mod channel;
mod chat;
mod commands;
mod config;
mod failure;
mod find;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod intake;
mod normalise;
mod outgoing;
mod policy;
mod polling;
mod probe;
mod webhook;
mod wire;
mod worker;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use api::{Api, DEFAULT_BASE};
use bot::{Bot, Setup};
use channel::TelegramChannel;
use chela_config::{Problem, inline_schema_of};
use config::TelegramConfig;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use webhook::{TelegramWebhook, WebhookSetup};

use crate::kind::hash_secret;
use crate::{Account, AccountPolicy, ChannelContext, Kind, OpenChannel, OpenError, SecretLookup, Webhook};

/// The row of the table.
pub(crate) const KIND: Kind = Kind {
    id: "telegram",
    label: "Telegram",
    token_variables: &[TOKEN_VARIABLE],
    schema: inline_schema_of::<TelegramConfig>,
    read,
};

const TOKEN_VARIABLE: &str = "TELEGRAM_BOT_TOKEN";

/// A token has about 46 characters; a file with more holds something else.
const TOKEN_FILE_MAX_BYTES: u64 = 4096;

struct TelegramAccount {
    config: TelegramConfig,
    policy: AccountPolicy,
}

fn read(path: &str, value: &Value, problems: &mut Vec<Problem>) -> Option<Box<dyn Account>> {
    let config = policy::read_config(path, value, problems)?;
    let policy = policy::policy_of(&config);
    Some(Box::new(TelegramAccount { config, policy }))
}

impl Account for TelegramAccount {
    fn policy(&self) -> &AccountPolicy {
        &self.policy
    }

    fn fingerprint(&self) -> u64 {
        let config = &self.config;
        let mut hasher = DefaultHasher::new();
        hash_secret(config.bot_token.as_ref(), &mut hasher);
        hash_secret(config.webhook_secret.as_ref(), &mut hasher);
        (&config.token_file, config.base(), &config.webhook_url, &config.webhook_path).hash(&mut hasher);
        (config.answers.shows_menu(), &config.custom_commands, config.buttons(), config.timeout_seconds)
            .hash(&mut hasher);
        // A rule, but one that needs a switch at Telegram: only a new login finds out whether it is set, and warns.
        self.hears_everything().hash(&mut hasher);
        hasher.finish()
    }

    fn open(
        &self,
        token: Option<SecretString>,
        secrets: SecretLookup<'_>,
        context: ChannelContext,
    ) -> Result<OpenChannel, OpenError> {
        let config = &self.config;
        let token = self.token(token, secrets)?;
        let secret = config.webhook_secret.as_ref().map(secrets).transpose().map_err(OpenError::Secret)?;
        let path = config.webhook_path.as_deref();
        let webhook = config.webhook_url.as_deref().filter(|url| !url.trim().is_empty());
        let webhook =
            webhook.map(|url| WebhookSetup::new(url.trim(), path, secret, &token, &context.account)).transpose()?;
        let base = config.base().unwrap_or(DEFAULT_BASE);
        let written = config.timeout_seconds.map_or(Duration::MAX, Duration::from_secs);
        let api = Api::new(base, token, Arc::clone(&context.http), written.min(context.patience.call));
        let setup = Setup {
            shows_menu: config.answers.shows_menu(),
            custom_commands: config.custom_commands.clone(),
            buttons: config.buttons(),
            hears_everything: self.hears_everything(),
            webhook: webhook.clone(),
        };
        let bot = Arc::new(Bot::new(api, context, setup));
        let door = webhook.map(|setup| Arc::new(TelegramWebhook { bot: Arc::clone(&bot), setup }) as Arc<dyn Webhook>);
        Ok(OpenChannel {
            worker: Box::pin(worker::run(Arc::clone(&bot))),
            channel: Arc::new(TelegramChannel::new(bot)),
            webhook: door,
        })
    }
}

impl TelegramAccount {
    /// The environment's token, else the one of the configuration, else the one of the file.
    fn token(&self, environment: Option<SecretString>, secrets: SecretLookup<'_>) -> Result<SecretString, OpenError> {
        let written = match (environment, &self.config.bot_token, &self.config.token_file) {
            (Some(token), _, _) => Some(token),
            (None, Some(token), _) => Some(secrets(token).map_err(OpenError::Secret)?),
            (None, None, Some(path)) => Some(token_in(path)?),
            (None, None, None) => None,
        };
        let token = written.map(|token| token.expose_secret().trim().to_owned()).filter(|token| !token.is_empty());
        let missing = || OpenError::NoToken { channel: KIND.id, variable: TOKEN_VARIABLE, key: "botToken" };
        let token = token.ok_or_else(missing)?;
        // It becomes a part of a URL; anything else would be another address.
        if !token.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'_' | b'-')) {
            let words = "the bot token holds characters that no token has; copy it again from @BotFather";
            return Err(OpenError::Setup(words.to_owned()));
        }
        Ok(token.into())
    }

    /// Whether a group is to be heard without a mention, for which privacy mode must be off.
    fn hears_everything(&self) -> bool {
        let places = self.policy.access.places.as_deref().unwrap_or_default();
        places.iter().any(|place| place.require_mention == Some(false))
    }
}

fn token_in(path: &str) -> Result<SecretString, OpenError> {
    let unreadable = |reason: String| OpenError::Secret(format!("the token file `{path}` can't be read: {reason}"));
    let found = std::fs::metadata(path).map_err(|error| unreadable(error.to_string()))?;
    if found.len() > TOKEN_FILE_MAX_BYTES {
        return Err(unreadable(format!("it has {} bytes and can't be a token", found.len())));
    }
    std::fs::read_to_string(path).map(SecretString::from).map_err(|error| unreadable(error.to_string()))
}
