//! What is worth knowing about the channels of a configuration before anything is opened: for `chela doctor`.

use chela_channels::CHANNELS;
use chela_channels::access::{AccessRules, DmPolicy, GroupPolicy};
use chela_config::{Environment, Loaded};
use serde_json::Value;

use super::wanted::{self, Wanted, WantedState};

/// One finding about an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelCheck {
    pub weight: CheckWeight,
    pub message: String,
    /// The next step, where there is one.
    pub mend: Option<String>,
}

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckWeight {
    /// As it should be.
    Fine,
    /// It works, perhaps not as it was meant.
    Warning,
    /// The account will not be opened.
    Error,
}

/// Looks at every account of the configuration and the environment.
pub fn check_channels(loaded: &Loaded, environment: &Environment) -> Vec<ChannelCheck> {
    wanted::all(CHANNELS, loaded, environment).iter().flat_map(of_account).collect()
}

fn of_account(wanted: &Wanted) -> Vec<ChannelCheck> {
    let name = wanted.name();
    let account = match &wanted.state {
        WantedState::Disabled => return vec![fine(format!("{name} is disabled"))],
        WantedState::Closed(reason) => {
            let message = format!("{name} stays closed: {reason}");
            let mend = format!("mend what stands under `{}`", wanted.config.path);
            return vec![ChannelCheck { weight: CheckWeight::Error, message, mend: Some(mend) }];
        }
        WantedState::Open(account) => account,
    };
    let mut found = Vec::new();
    if wanted.token.is_none() && !names_a_token(&wanted.config.value) {
        let variable = wanted.kind.token_variables.first().copied().unwrap_or("its token's variable");
        found.push(ChannelCheck {
            weight: CheckWeight::Error,
            message: format!(
                "{name} has no token: {variable} is not set here, and `{}` holds none",
                wanted.config.path
            ),
            mend: Some(format!("set {variable} where the gateway starts, or the token under `{}`", wanted.config.path)),
        });
    }
    found.extend(of_rules(&name.to_string(), &wanted.config.path, &account.policy().access));
    if found.is_empty() {
        found.push(fine(format!("{name} has a token, and its rules can be read")));
    }
    found
}

fn of_rules(name: &str, path: &str, rules: &AccessRules) -> Vec<ChannelCheck> {
    let names_all = rules.allow_from.0.iter().any(|entry| entry.trim() == "*");
    let mut found = Vec::new();
    match rules.dm {
        DmPolicy::Open if names_all => found.push(warning(
            format!("{name}: everybody on the platform may use the assistant and its tools (dmPolicy is open)"),
            format!("set {path}.dmPolicy to pairing, unless that is what you want"),
        )),
        DmPolicy::Open => found.push(warning(
            format!("{name}: dmPolicy is open, but allowFrom doesn't hold \"*\", so only those in it may write"),
            format!("add \"*\" to {path}.allowFrom, or set {path}.dmPolicy to pairing"),
        )),
        DmPolicy::Allowlist if rules.allow_from.0.is_empty() => found.push(warning(
            format!("{name}: nobody but the owners may write directly (dmPolicy is allowlist, and allowFrom is empty)"),
            format!("add people to {path}.allowFrom, or set {path}.dmPolicy to pairing"),
        )),
        DmPolicy::Allowlist | DmPolicy::Pairing | DmPolicy::Disabled => {}
    }
    match rules.groups {
        GroupPolicy::Open => found.push(warning(
            format!("{name}: everybody in every group may use the assistant (groupPolicy is open)"),
            format!("set {path}.groupPolicy to allowlist and list the groups, unless that is what you want"),
        )),
        GroupPolicy::Allowlist if rules.places.is_none() && rules.group_allow_from.0.is_empty() => {
            found.push(fine(format!("{name} answers in no group: none is listed under `{path}`")));
        }
        GroupPolicy::Allowlist | GroupPolicy::Disabled => {}
    }
    found
}

/// Whether a key of the account's own says where its token is.
fn names_a_token(value: &Value) -> bool {
    let is_token = |(key, value): (&String, &Value)| {
        let key = key.to_ascii_lowercase();
        (key.ends_with("token") || key.ends_with("tokenfile"))
            && value.as_str().is_none_or(|text| !text.trim().is_empty())
    };
    value.as_object().is_some_and(|object| object.iter().any(is_token))
}

fn fine(message: String) -> ChannelCheck {
    ChannelCheck { weight: CheckWeight::Fine, message, mend: None }
}

fn warning(message: String, mend: String) -> ChannelCheck {
    ChannelCheck { weight: CheckWeight::Warning, message, mend: Some(mend) }
}
