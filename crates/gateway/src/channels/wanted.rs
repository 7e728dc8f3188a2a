//! What the configuration asks for: every account, whether it may be opened, and with what.

use std::sync::Arc;

use chela_channels::{Account, AccountConfig, AccountPolicy, DEFAULT_ACCOUNT, Kind, Prepared, prepare_of};
use chela_config::{Environment, Loaded, Problem, Severity};
use secrecy::{ExposeSecret as _, SecretString};

use super::AccountName;

/// One account of the configuration.
#[derive(Clone)]
pub(super) struct Wanted {
    pub(super) kind: &'static Kind,
    pub(super) config: AccountConfig,
    /// The environment's token, which wins over the file's.
    pub(super) token: Option<SecretString>,
    pub(super) state: WantedState,
}

#[derive(Clone)]
pub(super) enum WantedState {
    /// To be opened.
    Open(Arc<dyn Account>),
    /// Switched off.
    Disabled,
    /// It must not be opened, for this reason.
    Closed(String),
}

/// Every account of the configuration and the environment, in the table's order.
pub(super) fn all(kinds: &'static [Kind], loaded: &Loaded, environment: &Environment) -> Vec<Wanted> {
    let empty = serde_json::json!({});
    let section = loaded.value.get("channels").unwrap_or(&empty);
    let mut problems = Vec::new();
    let prepared = prepare_of(kinds, section, &|kind| token_of(kind, environment).is_some(), &mut problems);
    prepared.into_iter().map(|one| wanted(one, loaded, environment, &problems)).collect()
}

fn wanted(one: Prepared, loaded: &Loaded, environment: &Environment, problems: &[Problem]) -> Wanted {
    let Prepared { kind, config, account } = one;
    let token = if config.account == DEFAULT_ACCOUNT { token_of(kind, environment) } else { None };
    let state = match account {
        _ if !config.enabled => WantedState::Disabled,
        _ if loaded.safe_mode => WantedState::Closed("the configuration can't be read".to_owned()),
        None => WantedState::Closed(why_refused(&config, problems)),
        Some(account) => match left_out(&config, loaded) {
            Some(reason) => WantedState::Closed(reason),
            None => WantedState::Open(Arc::from(account)),
        },
    };
    Wanted { kind, config, token, state }
}

fn token_of(kind: &Kind, environment: &Environment) -> Option<SecretString> {
    kind.token_variables.iter().find_map(|name| environment.get(name)).map(|token| SecretString::from(token.trim()))
}

fn why_refused(config: &AccountConfig, problems: &[Problem]) -> String {
    let own =
        problems.iter().find(|problem| problem.severity == Severity::Error && is_within(&problem.path, &config.path));
    own.map_or_else(|| format!("`{}` can't be read", config.path), ToString::to_string)
}

/// An account from whose configuration something was left out answers nobody: it may have been what kept people out. A missing
/// token keeps nobody out, and is told by itself.
fn left_out(config: &AccountConfig, loaded: &Loaded) -> Option<String> {
    let shared = format!("channels.{}", config.channel);
    let others = format!("{shared}.accounts");
    let mine = |path: &String| !is_within(path, &others) || is_within(path, &config.path);
    let is_token = |path: &String| path.to_ascii_lowercase().ends_with("token");
    let gone =
        loaded.left_out_at(&shared).iter().map(ToString::to_string).find(|path| mine(path) && !is_token(path))?;
    Some(format!("`{gone}` can't be read, so nobody is answered here; `chela doctor` says why"))
}

/// Whether a path of the configuration is this one or below it: `accounts.work2` is not below `accounts.work`.
fn is_within(path: &str, of: &str) -> bool {
    path.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

impl Wanted {
    pub(super) fn name(&self) -> AccountName {
        AccountName { channel: self.config.channel.to_owned(), account: self.config.account.clone() }
    }

    /// How people may speak and answers are given; nobody may where it is not to be opened.
    pub(super) fn policy(&self) -> AccountPolicy {
        match &self.state {
            WantedState::Open(account) => account.policy().clone(),
            WantedState::Disabled | WantedState::Closed(_) => AccountPolicy::default(),
        }
    }

    /// Whether a connection of `other` serves this one as well.
    pub(super) fn needs_no_new_connection(&self, other: &Self) -> bool {
        match (&self.state, &other.state) {
            (WantedState::Open(one), WantedState::Open(two)) => {
                let token = |wanted: &Self| wanted.token.as_ref().map(|token| token.expose_secret().to_owned());
                one.fingerprint() == two.fingerprint() && token(self) == token(other)
            }
            (WantedState::Closed(one), WantedState::Closed(two)) => one == two,
            (WantedState::Disabled, WantedState::Disabled) => true,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_answers_for_its_own_keys_only() {
        let rows = [
            ("channels.x.accounts.work", true),
            ("channels.x.accounts.work.allowFrom[0]", true),
            ("channels.x.accounts.work[0]", true),
            ("channels.x.accounts.work2.allowFrom", false),
            ("channels.x.accounts", false),
        ];
        for (path, expected) in rows {
            assert_eq!(is_within(path, "channels.x.accounts.work"), expected, "{path}");
        }
    }
}
