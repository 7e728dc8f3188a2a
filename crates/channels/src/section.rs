//! The section `channels`: one object per kind, with one account at its top level or several under `accounts`.

use chela_config::Problem;
use serde_json::{Map, Value, json};

use crate::kind::{Account, Kind};
use crate::table::CHANNELS;

/// One account as it stands in the configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct AccountConfig {
    /// The kind's id.
    pub channel: &'static str,
    pub account: String,
    pub enabled: bool,
    /// Where it stands, for problems: `channels.discord` or `channels.discord.accounts.work`.
    pub path: String,
    /// Its own keys over those of the top level.
    pub value: Value,
}

/// An account of a known kind.
pub struct Prepared {
    pub kind: &'static Kind,
    pub config: AccountConfig,
    /// `None` when it can't run at all, which a problem at its path explains.
    pub account: Option<Box<dyn Account>>,
}

/// The account's name where `accounts` names none: the one to which the environment's token belongs.
pub const DEFAULT_ACCOUNT: &str = "default";

/// Keys of the section that name no channel.
const SHARED_KEYS: &[&str] = &["defaults", "modelByChannel"];

/// Every account of every known kind, in the order of the table; disabled ones too. `from_environment` says whether a kind
/// without any configuration has its token in the environment: then it has one account with nothing set.
pub fn prepare(
    section: &Value,
    from_environment: &dyn Fn(&Kind) -> bool,
    problems: &mut Vec<Problem>,
) -> Vec<Prepared> {
    prepare_of(CHANNELS, section, from_environment, problems)
}

/// [`prepare`] for another table than the program's: simulations bring their own platforms.
pub fn prepare_of(
    kinds: &'static [Kind],
    section: &Value,
    from_environment: &dyn Fn(&Kind) -> bool,
    problems: &mut Vec<Problem>,
) -> Vec<Prepared> {
    let mut prepared = Vec::new();
    for kind in kinds {
        let written = section.get(kind.id);
        let Some(value) = written.cloned().or_else(|| from_environment(kind).then(|| json!({}))) else { continue };
        for config in accounts(kind.id, &value) {
            let account = (kind.read)(&config.path, &config.value, problems);
            prepared.push(Prepared { kind, config, account });
        }
    }
    prepared
}

/// The JSON Schema of the whole section. Channels that this version has not are kept as they are.
pub fn channels_schema() -> Value {
    let mut properties = Map::new();
    for kind in CHANNELS {
        let mut schema = (kind.schema)();
        let account = schema.clone();
        if let Some(known) = schema.get_mut("properties").and_then(Value::as_object_mut) {
            known.insert(
                "accounts".to_owned(),
                json!({ "type": "object", "description": "Several logins, by name; each has the keys of this object, which it may leave out.", "additionalProperties": account }),
            );
            known.insert(
                "defaultAccount".to_owned(),
                json!({ "type": "string", "description": "Known and kept: each login answers for itself. No effect in this version.", "x-reload": "none" }),
            );
        }
        properties.insert(kind.id.to_owned(), schema);
    }
    for key in SHARED_KEYS {
        properties.insert(
            (*key).to_owned(),
            json!({ "description": "Known and kept. No effect in this version.", "x-reload": "none" }),
        );
    }
    json!({ "type": "object", "description": "Chat channels.", "properties": properties, "additionalProperties": true })
}

fn accounts(channel: &'static str, value: &Value) -> Vec<AccountConfig> {
    let path = format!("channels.{channel}");
    let Some(object) = value.as_object() else {
        // What is no object is read as one, so that its problem is told in one place.
        return vec![account(channel, DEFAULT_ACCOUNT, path, value.clone())];
    };
    let mut shared = object.clone();
    shared.remove("defaultAccount");
    match shared.remove("accounts") {
        Some(Value::Object(named)) if !named.is_empty() => {
            let one = |(name, own): (String, Value)| {
                // What is no object stays what it is: with the shared keys alone it would be another account.
                let value = match own {
                    Value::Object(own) => Value::Object(shared.clone().into_iter().chain(own).collect()),
                    wrong => wrong,
                };
                account(channel, &name, format!("{path}.accounts.{name}"), value)
            };
            named.into_iter().map(one).collect()
        }
        _ => vec![account(channel, DEFAULT_ACCOUNT, path, Value::Object(shared))],
    }
}

fn account(channel: &'static str, name: &str, path: String, value: Value) -> AccountConfig {
    let enabled = value.get("enabled").and_then(Value::as_bool).unwrap_or(true);
    AccountConfig { channel, account: name.to_owned(), enabled, path, value }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(section: &Value) -> (Vec<(String, Value, bool)>, Vec<String>) {
        let mut problems = Vec::new();
        let prepared = prepare(section, &|_| false, &mut problems);
        let accounts = prepared.into_iter().map(|one| (one.config.path, one.config.value, one.account.is_some()));
        (accounts.collect(), problems.into_iter().map(|problem| problem.path).collect())
    }

    #[test]
    fn accounts_take_over_the_shared_keys_that_they_leave_out() {
        let (accounts, problems) = read(&json!({ "telegram": {
            "historyLimit": 5, "defaultAccount": "work",
            "accounts": { "home": {}, "work": { "historyLimit": 7 } },
        } }));
        assert_eq!(problems, Vec::<String>::new());
        let account = |name: &str, limit: u64| {
            (format!("channels.telegram.accounts.{name}"), json!({ "historyLimit": limit }), true)
        };
        assert_eq!(accounts, [account("home", 5), account("work", 7)]);
    }

    #[test]
    fn an_account_that_is_no_object_does_not_run_with_the_shared_keys() {
        for kind in CHANNELS {
            let (accounts, problems) = read(&json!({ kind.id: { "enabled": true, "accounts": { "work": "yes" } } }));
            let path = format!("channels.{}.accounts.work", kind.id);
            assert_eq!(accounts, [(path.clone(), json!("yes"), false)]);
            assert_eq!(problems, [path]);
        }
    }

    #[test]
    fn the_schema_refers_to_nothing_outside_of_it() {
        let schema = channels_schema().to_string();
        assert!(!schema.contains("\"$ref\"") && !schema.contains("\"$defs\""));
    }
}
