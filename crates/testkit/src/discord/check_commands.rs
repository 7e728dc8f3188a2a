//! What the platform refuses in a list of commands: <https://docs.discord.com/developers/interactions/application-commands>.

use serde_json::Value;

use super::check::{fields, text};
use super::wire::{Refusal, items};

const COMMANDS_MAX: usize = 100;
const OPTIONS_MAX: usize = 25;
const NAME_MAX: usize = 32;
const DESCRIPTION_MAX: usize = 100;
/// Name, description and options of one command together.
const COMMAND_MAX: usize = 8000;

/// The body of a bulk PUT.
pub(super) fn commands(body: &Value) -> Result<(), Refusal> {
    let Some(commands) = body.as_array() else {
        return Err(Refusal::form("commands", "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType"));
    };
    if commands.len() > COMMANDS_MAX {
        return Err(Refusal::new(400, 30032, "Maximum number of application commands reached (100).").fault());
    }
    let mut names: Vec<&Value> = Vec::new();
    for (at, command) in commands.iter().enumerate() {
        self::command(&format!("{at}"), command)?;
        if names.contains(&&command["name"]) {
            let words = "Application command names must be unique";
            return Err(Refusal::form(&format!("{at}"), "APPLICATION_COMMANDS_DUPLICATE_NAME", words));
        }
        names.push(&command["name"]);
    }
    Ok(())
}

fn command(at: &str, command: &Value) -> Result<(), Refusal> {
    let known = [
        "id",
        "application_id",
        "version",
        "type",
        "name",
        "name_localizations",
        "description",
        "description_localizations",
        "options",
        "default_member_permissions",
        "dm_permission",
        "nsfw",
        "contexts",
        "integration_types",
        "guild_id",
    ];
    fields(&format!("{at}."), command, &known)?;
    if !(command["type"].is_null() || command["type"] == 1) {
        return Err(Refusal::form(&format!("{at}.type"), "BASE_TYPE_CHOICES", "the fake knows slash commands"));
    }
    named(at, command)?;
    if command.to_string().chars().count() > COMMAND_MAX {
        return Err(Refusal::form(at, "APPLICATION_COMMAND_TOO_LARGE", "Command exceeds maximum size (8000)"));
    }
    let options = items(&command["options"]);
    if options.len() > OPTIONS_MAX {
        return Err(Refusal::form(&format!("{at}.options"), "BASE_TYPE_BAD_LENGTH", "Must be 25 or fewer in length."));
    }
    let mut optional_seen = false;
    for (place, option) in options.iter().enumerate() {
        self::option(&format!("{at}.options.{place}"), option)?;
        if option["required"] == true && optional_seen {
            let words = "Required options must be placed before non-required options";
            let field = format!("{at}.options.{place}");
            return Err(Refusal::form(&field, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", words));
        }
        optional_seen |= option["required"] != true;
    }
    Ok(())
}

fn option(at: &str, option: &Value) -> Result<(), Refusal> {
    let known = [
        "type",
        "name",
        "name_localizations",
        "description",
        "description_localizations",
        "required",
        "choices",
        "channel_types",
        "min_value",
        "max_value",
        "min_length",
        "max_length",
        "autocomplete",
        "options",
    ];
    fields(&format!("{at}."), option, &known)?;
    if !matches!(option["type"].as_u64(), Some(3..=11)) {
        return Err(Refusal::form(&format!("{at}.type"), "BASE_TYPE_CHOICES", "the fake knows plain options"));
    }
    named(at, option)?;
    let choices = items(&option["choices"]);
    if choices.len() > OPTIONS_MAX {
        return Err(Refusal::form(&format!("{at}.choices"), "BASE_TYPE_BAD_LENGTH", "Must be 25 or fewer in length."));
    }
    if option["autocomplete"] == true && !choices.is_empty() {
        let words = "Autocomplete and choices can't both stand at an option";
        return Err(Refusal::form(&format!("{at}.autocomplete"), "APPLICATION_COMMAND_AUTOCOMPLETE", words));
    }
    Ok(())
}

/// Names are lowercase words, and every name has a description.
fn named(at: &str, thing: &Value) -> Result<(), Refusal> {
    let name = thing["name"].as_str().unwrap_or_default();
    let letters = |c: char| matches!(c, '-' | '_' | '\'') || (c.is_alphanumeric() && c.to_lowercase().eq([c]));
    if name.is_empty() || name.chars().count() > NAME_MAX || !name.chars().all(letters) {
        let words = "Command name is invalid";
        return Err(Refusal::form(&format!("{at}.name"), "APPLICATION_COMMAND_INVALID_NAME", words));
    }
    text(&format!("{at}.description"), &thing["description"], DESCRIPTION_MAX)?;
    if thing["description"].as_str().is_none_or(str::is_empty) {
        return Err(Refusal::form(&format!("{at}.description"), "BASE_TYPE_REQUIRED", "This field is required"));
    }
    Ok(())
}
