//! `/allowlist`: who may speak on a channel. Lists stand in the configuration; people whom a pairing code let in stand in the store.

use chela_channels::{AccountConfig, Kind, prepare_of};
use chela_config::{Ids, KeyPath, edit};
use chela_store::StoreError;
use serde::Deserialize as _;
use serde_json::{Value, json};

use super::{Asked, settings};
use crate::config_write;

const USAGE: &str = "Say `/allowlist list`, or `/allowlist add dm <id>` and its like with `remove` and `group`; \
                     `channel=…` and `account=…` name another channel than this one.";

/// What is asked, in parts.
#[derive(Debug, PartialEq, Eq)]
struct Order<'a> {
    action: Action,
    scope: Option<Scope>,
    sender: Option<&'a str>,
    channel: &'a str,
    account: &'a str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    List,
    Add,
    Remove,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    Dm,
    Group,
}

impl Scope {
    fn key(self) -> &'static str {
        match self {
            Self::Dm => "allowFrom",
            Self::Group => "groupAllowFrom",
        }
    }
}

pub(super) async fn reply(asked: &Asked<'_>) -> Result<String, StoreError> {
    let Some(order) = parse(asked.args, &asked.row.channel, &asked.row.account) else { return Ok(USAGE.to_owned()) };
    let Some((kind, account)) = account_of(asked, &order) else {
        let place = format!("{}:{}", order.channel, order.account).replace('`', "'");
        return Ok(format!("No account `{place}` is configured. {USAGE}"));
    };
    match (order.action, order.scope, order.sender) {
        (Action::List, ..) => list(asked, &order, &account).await,
        (Action::Add | Action::Remove, Some(scope), Some(sender)) => {
            change(asked, &order, (kind, &account), scope, sender).await
        }
        (Action::Add | Action::Remove, ..) => Ok(USAGE.to_owned()),
    }
}

fn parse<'a>(args: &'a str, channel: &'a str, account: &'a str) -> Option<Order<'a>> {
    let mut order = Order { action: Action::List, scope: None, sender: None, channel, account };
    let mut words = args.split_whitespace();
    order.action = match words.next().map(str::to_ascii_lowercase).as_deref() {
        None | Some("list") => Action::List,
        Some("add") => Action::Add,
        Some("remove" | "rm") => Action::Remove,
        Some(_) => return None,
    };
    for word in words {
        if let Some(name) = word.strip_prefix("channel=") {
            // Another channel has accounts of its own.
            order.account = if name == order.channel { order.account } else { chela_channels::DEFAULT_ACCOUNT };
            order.channel = name;
        } else if let Some(name) = word.strip_prefix("account=") {
            order.account = name;
        } else if order.scope.is_none() && order.sender.is_none() && ["dm", "group"].contains(&word) {
            order.scope = Some(if word == "dm" { Scope::Dm } else { Scope::Group });
        } else if order.sender.is_none() {
            order.sender = Some(word);
        } else {
            return None;
        }
    }
    Some(order)
}

/// The account as it is written, without what variables stand for.
fn account_of(asked: &Asked<'_>, order: &Order<'_>) -> Option<(&'static Kind, AccountConfig)> {
    let loaded = asked.gateway.loaded.load();
    let section = loaded.written.get("channels")?.clone();
    let all = prepare_of(asked.gateway.outside.kinds, &section, &|_| false, &mut Vec::new());
    let found = all.into_iter().find(|one| one.kind.id == order.channel && one.config.account == order.account)?;
    Some((found.kind, found.config))
}

async fn list(asked: &Asked<'_>, order: &Order<'_>, account: &AccountConfig) -> Result<String, StoreError> {
    let shown = |scope: Scope| match listed(account, scope).1 {
        Some(ids) if ids.is_empty() => "nobody".to_owned(),
        Some(ids) => ids.iter().map(|id| format!("`{}`", id.replace('`', "'"))).collect::<Vec<_>>().join(", "),
        None => "not set".to_owned(),
    };
    let mut lines = vec![format!("Who may speak on {}:{}:", order.channel, order.account)];
    if order.scope != Some(Scope::Group) {
        let paired = asked.gateway.store.paired_senders().await?;
        let here = paired.iter().filter(|one| one.channel == order.channel && one.account == order.account);
        let people: Vec<_> = here
            .map(|one| {
                format!("`{}` {}{}", one.sender, one.name.replace('`', "'"), if one.owner { " (owner)" } else { "" })
            })
            .collect();
        lines.push(format!("- Direct messages, `allowFrom`: {}", shown(Scope::Dm)));
        lines.push(format!(
            "- Let in by a code: {}",
            if people.is_empty() { "nobody".to_owned() } else { people.join(", ") }
        ));
    }
    if order.scope != Some(Scope::Dm) {
        lines.push(format!("- Groups, `groupAllowFrom`: {}", shown(Scope::Group)));
    }
    Ok(lines.join("\n"))
}

async fn change(
    asked: &Asked<'_>,
    order: &Order<'_>,
    (kind, account): (&Kind, &AccountConfig),
    scope: Scope,
    sender: &str,
) -> Result<String, StoreError> {
    if asked.gateway.config.load().commands.config != Some(true) {
        return Ok("Lists are changed only with `commands.config: true` in the configuration.".to_owned());
    }
    if !settings::may_write(asked) {
        return Ok(format!("`channels.{}.configWrites` forbids changes from here.", asked.row.channel));
    }
    if scope == Scope::Group && (kind.schema)()["properties"].get(scope.key()).is_none() {
        return Ok(format!(
            "{} lists people of groups by their place; `/config set {}…` changes it.",
            kind.label, account.path
        ));
    }
    let (key, ids) = listed(account, scope);
    let mut ids = ids.unwrap_or_default();
    let (had, name) = (ids.iter().any(|id| id == sender), sender.replace('`', "'"));
    let mut unpaired = false;
    match order.action {
        Action::Add if had => return Ok(format!("`{name}` is in the list already.")),
        Action::Add => ids.push(sender.to_owned()),
        Action::Remove | Action::List => {
            if scope == Scope::Group && had && ids.len() == 1 {
                return Ok("Nothing has changed: this is the last one, and an empty list would let everybody speak."
                    .to_owned());
            }
            ids.retain(|id| id != sender);
            if scope == Scope::Dm {
                unpaired = asked.gateway.store.unpair_sender(order.channel, order.account, sender).await?;
                asked.gateway.channels.people.changed();
            }
            if !had {
                return Ok(if unpaired {
                    format!("`{name}`, whom a code had let in, may not write any more.")
                } else {
                    format!("`{name}` is not in the list.")
                });
            }
        }
    }
    let Ok(path) = format!("{}.{key}", account.path).parse::<KeyPath>() else { return Ok(USAGE.to_owned()) };
    let changed = config_write::change(asked.gateway, None, |stored| edit::set(&stored.raw, &path, &json!(ids)));
    Ok(match (changed.await, order.action) {
        (Err(error), _) => format!("{}. The list has not changed.", error.message),
        (Ok(_), Action::Add) => format!("`{name}` is in `{path}` now."),
        (Ok(_), Action::Remove | Action::List) => format!("`{name}` is in `{path}` no more."),
    })
}

/// The list that counts, and its key below the account. Discord's direct messages had it in a section of their own.
fn listed(account: &AccountConfig, scope: Scope) -> (String, Option<Vec<String>>) {
    let read = |value: Option<&Value>| Ids::deserialize(value?).ok().map(|ids| ids.texts());
    let own = read(account.value.get(scope.key()));
    if own.is_none()
        && scope == Scope::Dm
        && let Some(older) = read(account.value.get("dm").and_then(|dm| dm.get(scope.key())))
    {
        return (format!("dm.{}", scope.key()), Some(older));
    }
    (scope.key().to_owned(), own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_read_with_its_parts_anywhere() {
        let order = |action, scope, sender, channel, account| Some(Order { action, scope, sender, channel, account });
        let read = |args| parse(args, "telegram", "work");
        assert_eq!(read(""), order(Action::List, None, None, "telegram", "work"));
        let added = order(Action::Add, Some(Scope::Dm), Some("123"), "telegram", "work");
        assert_eq!(read("add dm 123"), added);
        let elsewhere = order(Action::Remove, Some(Scope::Group), Some("@ann"), "discord", "default");
        assert_eq!(read("remove channel=discord group @ann"), elsewhere);
        assert_eq!((read("burn"), read("add dm 1 2")), (None, None));
    }
}
