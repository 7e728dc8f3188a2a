//! The menu of commands that Telegram shows: ours and the configuration's, sent only when it changed.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::bot::Bot;
use super::config::CustomCommand;
use crate::NativeCommand;
use crate::digest::digest;

/// Limits of `setMyCommands`. Source: <https://core.telegram.org/bots/api#botcommand>.
const COMMANDS_MAX: usize = 100;
const NAME_MAX: usize = 32;
const DESCRIPTION_MAX: usize = 256;

/// Telegram refuses a menu with more text than about this, without saying so in its documents (`BOT_COMMANDS_TOO_MUCH`).
const MENU_MAX_CHARS: usize = 5700;

const MENU_KEY: &str = "commands";

/// Puts the menu in place. A menu that fails is only a warning.
pub(super) async fn publish(bot: &Bot) {
    let account = &bot.context.account;
    let menu = if bot.setup.shows_menu { menu_of(&bot.context.commands, &bot.setup.custom_commands) } else { vec![] };
    let fingerprint = json!(fingerprint(bot, &menu));
    let kept = bot.context.state.get(MENU_KEY).await.ok().flatten();
    // Who never had a menu of ours may have one of his own.
    if kept.as_ref() == Some(&fingerprint) || (kept.is_none() && menu.is_empty()) {
        return;
    }
    let sent = if menu.is_empty() {
        bot.api.call::<bool>("deleteMyCommands", &json!({})).await
    } else {
        bot.api.call::<bool>("setMyCommands", &json!({ "commands": menu })).await
    };
    if let Err(error) = sent {
        tracing::warn!(target: "telegram", account, %error, "the menu of commands is not set");
        return;
    }
    if let Err(error) = bot.context.state.put(MENU_KEY, fingerprint).await {
        tracing::warn!(target: "telegram", account, %error, "that the menu is set is not kept");
    }
}

/// The entries that Telegram takes. What it would refuse is left out; the first of two with one name stays.
fn menu_of(commands: &[NativeCommand], custom: &[CustomCommand]) -> Vec<Value> {
    let own = commands.iter().map(|command| (command.name.as_str(), command.description.as_str()));
    let added = custom.iter().map(|command| (command.command.as_str(), command.description.as_str()));
    let mut names = BTreeSet::new();
    let mut chars = 0;
    let mut menu = Vec::new();
    for (name, description) in own.chain(added) {
        let Some(name) = menu_name(name).filter(|name| !names.contains(name)) else { continue };
        let description: String = description.trim().chars().take(DESCRIPTION_MAX).collect();
        let description = if description.is_empty() { name.clone() } else { description };
        chars += name.len() + description.chars().count();
        if menu.len() == COMMANDS_MAX || chars > MENU_MAX_CHARS {
            break;
        }
        menu.push(json!({ "command": name, "description": description }));
        names.insert(name);
    }
    menu
}

/// A name in Telegram's alphabet; `None` where it can't be one.
fn menu_name(name: &str) -> Option<String> {
    let name = name.trim().trim_start_matches('/').to_lowercase().replace('-', "_");
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    ((1..=NAME_MAX).contains(&name.len()) && name.bytes().all(fits)).then_some(name)
}

/// Names the menu of this bot, so that another bot under the same account gets its own.
fn fingerprint(bot: &Bot, menu: &[Value]) -> String {
    let whole = json!([bot.us().map(|us| us.id), menu]);
    digest(&[&whole.to_string()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_menu_holds_what_telegram_takes() {
        let command = |name: &str, description: &str| NativeCommand {
            name: name.to_owned(),
            description: description.to_owned(),
            args: Vec::new(),
        };
        let custom = |name: &str| CustomCommand { command: name.to_owned(), description: "mine".to_owned() };
        let ours = [command("status", "How it stands"), command("dock-telegram", ""), command("größe", "no")];
        let menu = menu_of(&ours, &[custom("/Backup"), custom("status"), custom("a b"), custom("")]);
        assert_eq!(
            menu,
            [
                json!({"command": "status", "description": "How it stands"}),
                json!({"command": "dock_telegram", "description": "dock_telegram"}),
                json!({"command": "backup", "description": "mine"}),
            ]
        );
    }

    #[test]
    fn a_long_menu_ends_before_telegram_refuses_it() {
        let commands: Vec<NativeCommand> = (0..150)
            .map(|at| NativeCommand { name: format!("c{at}"), description: "x".repeat(300), args: Vec::new() })
            .collect();
        let menu = menu_of(&commands, &[]);
        assert!((20..=22).contains(&menu.len()), "{}", menu.len());
    }
}
