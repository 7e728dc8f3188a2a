//! `/config` and `/debug`: the configuration file, and settings that hold until the next start without it.
//!
//! What is shown holds no secret, and what is wrong is not taken. Both are switched off until the configuration allows them.

use chela_config::{KeyPath, edit, redact};
use serde_json::Value;

use super::Asked;
use crate::config;
use crate::config_write::{self, refuse_wrong};

/// Characters of a value that an answer shows; `config.get` and `chela config` show all of it.
const SHOWN_CHARS: usize = 3_000;

/// What `/config` and `/debug` are asked to do.
enum Change {
    Set(KeyPath, Value),
    Unset(KeyPath),
}

pub(super) async fn config(asked: &Asked<'_>) -> String {
    if asked.gateway.config.load().commands.config != Some(true) {
        return "`/config` is switched off; `commands.config: true` in the configuration allows it.".to_owned();
    }
    let (action, rest) = split(asked.args);
    match action.to_ascii_lowercase().as_str() {
        "" | "show" | "get" => match config_write::read(asked.gateway).await {
            Ok(loaded) => shown(&redact(&loaded.value, &config::schema()), rest),
            Err(error) => error.message,
        },
        "set" | "unset" => match change_of(action, rest) {
            Ok(change) => write(asked, change).await,
            Err(usage) => usage,
        },
        _ => usage("config", "show [path]`, `get path`, `set path=value` or `unset path"),
    }
}

pub(super) async fn debug(asked: &Asked<'_>) -> String {
    let gateway = asked.gateway;
    // What switched it on in the file counts: it must not be able to lock itself out.
    if gateway.config.load().commands.debug != Some(true) {
        return "`/debug` is switched off; `commands.debug: true` in the configuration allows it.".to_owned();
    }
    let (action, rest) = split(asked.args);
    let mut overrides = gateway.reloader.overrides();
    match action.to_ascii_lowercase().as_str() {
        "" | "show" => {
            let shown = redact(&overrides, &config::schema());
            return if overrides.as_object().is_some_and(serde_json::Map::is_empty) {
                "Nothing is set beside the configuration file.".to_owned()
            } else {
                format!("Set until the next start:\n```json\n{}\n```", pretty(&shown))
            };
        }
        "reset" => overrides = Value::Object(serde_json::Map::new()),
        "set" | "unset" => match change_of(action, rest) {
            Ok(change) => match applied(&overrides, change) {
                Ok(changed) => overrides = changed,
                Err(why) => return why,
            },
            Err(usage) => return usage,
        },
        _ => return usage("debug", "show`, `set path=value`, `unset path` or `reset"),
    }
    if let Err(error) = refuse_wrong(&overrides.to_string()) {
        return format!("{}. Nothing has changed.", error.message);
    }
    match gateway.reloader.replace_overrides(gateway, overrides).await {
        Ok(applied) => report(&applied.changed, &applied.requires_restart, "until the next start"),
        Err(problems) => {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            format!("The configuration could not be read again: {}.", problems.join("; "))
        }
    }
}

async fn write(asked: &Asked<'_>, change: Change) -> String {
    if !may_write(asked) {
        return format!("`channels.{}.configWrites` forbids changes from here.", asked.row.channel);
    }
    let changed = config_write::change(asked.gateway, None, |stored| match &change {
        Change::Set(path, value) => edit::set(&stored.raw, path, value),
        Change::Unset(path) => edit::unset(&stored.raw, path),
    });
    match changed.await {
        Ok(changed) => report(&changed.applied.changed, &changed.applied.requires_restart, "in the configuration file"),
        Err(error) => format!("{}. Nothing has changed.", error.message),
    }
}

/// Whether the channel on which it was typed may change the configuration; it may unless it says otherwise.
pub(super) fn may_write(asked: &Asked<'_>) -> bool {
    let loaded = asked.gateway.loaded.load();
    let Some(channel) = loaded.value.get("channels").and_then(|channels| channels.get(&asked.row.channel)) else {
        return true;
    };
    let own = channel.get("accounts").and_then(|accounts| accounts.get(&asked.row.account));
    let says = |place: Option<&Value>| place.and_then(|place| place.get("configWrites")).and_then(Value::as_bool);
    says(own).or_else(|| says(Some(channel))).unwrap_or(true)
}

/// `set path=value`, `set path value` or `unset path`. A value that is no JSON is a text.
fn change_of(action: &str, rest: &str) -> Result<Change, String> {
    let is_set = action.eq_ignore_ascii_case("set");
    let (path, value) = match rest.find(|c: char| c == '=' || c.is_whitespace()) {
        Some(end) if is_set => (&rest[..end], rest[end..].trim_start().trim_start_matches('=').trim()),
        None if is_set => return Err("Say what it is to be: `set path=value`.".to_owned()),
        _ => (rest, ""),
    };
    let path: KeyPath = match path.parse() {
        Ok(path) if !path_is_root(&path) => path,
        Ok(_) => return Err(format!("Say which setting: `{action} gateway.port`, for example.")),
        Err(error) => return Err(format!("{error}.")),
    };
    if !is_set {
        return Ok(Change::Unset(path));
    }
    let value = chela_config::parse(value).unwrap_or_else(|_| Value::String(value.to_owned()));
    Ok(Change::Set(path, value))
}

fn path_is_root(path: &KeyPath) -> bool {
    path.segments().is_empty()
}

/// The settings with one more, or one less.
fn applied(overrides: &Value, change: Change) -> Result<Value, String> {
    let text = overrides.to_string();
    let text = match change {
        Change::Set(path, value) => edit::set(&text, &path, &value),
        Change::Unset(path) => edit::unset(&text, &path),
    };
    let failed = |why: String| format!("{why}. Nothing has changed.");
    let text = text.map_err(|error| failed(error.to_string()))?;
    chela_config::parse(&text).map_err(|error| failed(error.to_string()))
}

fn shown(config: &Value, path: &str) -> String {
    let path = match path.parse::<KeyPath>() {
        Ok(path) => path,
        Err(error) => return format!("{error}."),
    };
    match path.get(config) {
        Some(value) => format!("```json\n{}\n```", pretty(value)),
        None => format!("`{path}` is not set in the configuration file."),
    }
}

fn pretty(value: &Value) -> String {
    let text = serde_json::to_string_pretty(value).unwrap_or_default().replace("```", "'''");
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}\n… (name a path to see its part)", &text[..end]),
        None => text,
    }
}

fn report(changed: &[String], requires_restart: &[String], place: &str) -> String {
    let paths = |paths: &[String]| paths.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join(", ");
    match (changed, requires_restart) {
        ([], _) => "It says that already; nothing has changed.".to_owned(),
        (changed, []) => format!("Changed {place}, and in force: {}.", paths(changed)),
        (changed, restart) => {
            format!("Changed {place}: {}. Needs a restart: {}.", paths(changed), paths(restart))
        }
    }
}

fn usage(command: &str, forms: &str) -> String {
    format!("Say what to do, after `/{command}`: `{forms}`.")
}

fn split(args: &str) -> (&str, &str) {
    let (action, rest) = args.split_once(char::is_whitespace).unwrap_or((args, ""));
    (action, rest.trim())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_change_is_read_in_every_form() {
        let set = |text: &str| match change_of("set", text) {
            Ok(Change::Set(path, value)) => (path.to_string(), value),
            Ok(Change::Unset(path)) => (path.to_string(), Value::Null),
            Err(why) => (why, Value::Null),
        };
        assert_eq!(set("gateway.port=1"), ("gateway.port".into(), json!(1)));
        assert_eq!(set("messages.responsePrefix = [x"), ("messages.responsePrefix".into(), json!("[x")));
        assert_eq!(set("a.b [\"x\"]"), ("a.b".into(), json!(["x"])));
        assert!(
            change_of("set", "a.b").is_err() && change_of("set", "a..b=1").is_err() && change_of("unset", "").is_err()
        );
        assert!(matches!(change_of("unset", "a.b"), Ok(Change::Unset(_))));
    }
}
