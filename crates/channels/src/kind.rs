//! A kind of channel, and one configured account of it: the row that the table lists and the object that the supervisor opens.

use std::hash::{DefaultHasher, Hash as _};

use chela_config::{Problem, Secret};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use crate::{AccountPolicy, ChannelContext, OpenChannel};

/// One row of [`crate::CHANNELS`].
pub struct Kind {
    /// As in the configuration, in session keys and in log targets: `discord`.
    pub id: &'static str,
    /// For people: `Discord`.
    pub label: &'static str,
    /// Variables that hold the token of the account `default`; the environment wins over the file.
    pub token_variables: &'static [&'static str],
    /// The JSON Schema of one account's keys. It becomes part of the whole one, so it refers to nothing.
    pub schema: fn() -> Value,
    /// Reads one account's keys (top level and `accounts.<id>` already put together). What is wrong is reported with its path
    /// under `path`; an access rule that can't be read closes what it was to guard. `None` when it can't run at all, which a
    /// problem explains.
    pub read: ReadAccount,
}

/// See [`Kind::read`].
pub type ReadAccount = fn(path: &str, value: &Value, problems: &mut Vec<Problem>) -> Option<Box<dyn Account>>;

/// Looks a secret of the configuration up. The error is a sentence for people.
pub type SecretLookup<'a> = &'a dyn Fn(&Secret) -> Result<SecretString, String>;

/// A configured account.
pub trait Account: Send + Sync {
    /// Who may speak and how answers are given; read anew with each change of the configuration.
    fn policy(&self) -> &AccountPolicy;

    /// Two readings of one account with the same fingerprint need no new connection between them: it covers the token's
    /// source, addresses, intents and commands, and never a policy. Holds no secret.
    fn fingerprint(&self) -> u64;

    /// Opens the account. `token` is the environment's, which wins. Connects nothing yet: the worker does.
    fn open(
        &self,
        token: Option<SecretString>,
        secrets: SecretLookup<'_>,
        context: ChannelContext,
    ) -> Result<OpenChannel, OpenError>;
}

/// Why an account can't be opened; a sentence with the next step.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    #[error("no token; set {variable}, or `channels.{channel}.{key}`")]
    NoToken { channel: &'static str, variable: &'static str, key: &'static str },
    #[error("{0}")]
    Secret(String),
    #[error("{0}")]
    Setup(String),
}

/// Adds to a fingerprint where a secret comes from; of one that is written out, what it is.
pub(crate) fn hash_secret(secret: Option<&Secret>, hasher: &mut DefaultHasher) {
    match secret {
        None => 0.hash(hasher),
        Some(Secret::Text(text)) => text.expose_secret().hash(hasher),
        Some(Secret::Reference(reference)) => {
            (&reference.provider, &reference.id, format!("{:?}", reference.source)).hash(hasher);
        }
    }
}
