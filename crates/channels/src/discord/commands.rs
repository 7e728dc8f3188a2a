//! Registers our commands with Discord, all at once and only when they are not there: Discord counts registrations.

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{Call, Failure};
use super::bot::Shared;
use crate::context::{NativeArg, NativeCommand};
use crate::digest::digest;

/// Where the state keeps the name of what was registered last.
const STATE_KEY: &str = "commands";

/// Limits of Discord (<https://docs.discord.com/developers/interactions/application-commands>).
const COMMANDS_MAX: usize = 100;
const OPTIONS_MAX: usize = 25;
const CHOICES_MAX: usize = 25;
const NAME_CHARS_MAX: usize = 32;
const DESCRIPTION_CHARS_MAX: usize = 100;

/// Replaces all commands of the application if they are others. Those that were registered last are not asked for.
pub(super) async fn register(shared: &Shared, application: &str) -> Result<(), Failure> {
    let wanted = listing(&shared.context.commands);
    let mark = Value::from(mark(application, &wanted));
    if matches!(shared.context.state.get(STATE_KEY).await, Ok(Some(registered)) if registered == mark) {
        return Ok(());
    }
    let path = ["applications", application, "commands"];
    let registered: Value = shared.rest.ask(Call::get(&path)).await?;
    if entries(&registered) != entries(&wanted) {
        let count = wanted.as_array().map_or(0, Vec::len);
        shared.rest.tell(Call::new(Method::PUT, &path).json(wanted)).await?;
        tracing::info!(target: "discord", commands = count, "registered the slash commands");
    }
    if let Err(error) = shared.context.state.put(STATE_KEY, mark).await {
        tracing::warn!(target: "discord", %error, "the commands will be compared again at the next start");
    }
    Ok(())
}

/// A command in what makes it another one; Discord adds ids and leaves out what is usual.
#[derive(Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(default)]
struct Entry {
    name: String,
    description: String,
    options: Vec<Entry>,
    choices: Vec<Choice>,
    autocomplete: bool,
}

/// A value that an option may have.
#[derive(Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(default)]
struct Choice {
    name: String,
    value: String,
}

/// Sorted by name. What can't be read equals nothing that we list.
fn entries(listed: &Value) -> Option<Vec<Entry>> {
    let mut entries: Vec<Entry> = serde_json::from_value(listed.clone()).ok()?;
    entries.sort();
    Some(entries)
}

/// The commands as Discord takes them; a name that it would refuse leaves that command out.
fn listing(commands: &[NativeCommand]) -> Value {
    let listed = commands.iter().filter(|command| is_name(&command.name)).take(COMMANDS_MAX);
    listed
        .map(|command| {
            json!({
                "type": 1,
                "name": command.name,
                "description": description(&command.description, &command.name),
                "options": command.args.iter().filter(|arg| is_name(&arg.name)).take(OPTIONS_MAX).map(option).collect::<Vec<_>>(),
            })
        })
        .collect()
}

/// An argument. Discord takes either choices or completion.
fn option(arg: &NativeArg) -> Value {
    let choices: Vec<_> =
        arg.choices.iter().take(CHOICES_MAX).map(|choice| json!({ "name": choice, "value": choice })).collect();
    let mut option = json!({
        "type": 3,
        "name": arg.name,
        "description": description(&arg.description, &arg.name),
        "required": false,
        "autocomplete": arg.completes && choices.is_empty(),
    });
    if !choices.is_empty() {
        option["choices"] = choices.into();
    }
    option
}

fn is_name(name: &str) -> bool {
    let fits = |letter: char| letter == '-' || letter == '_' || (letter.is_alphanumeric() && !letter.is_uppercase());
    !name.is_empty() && name.chars().count() <= NAME_CHARS_MAX && name.chars().all(fits)
}

fn description(text: &str, name: &str) -> String {
    let text = if text.trim().is_empty() { name } else { text.trim() };
    text.chars().take(DESCRIPTION_CHARS_MAX).collect()
}

/// The name of a listing: the same in every version of this program, so that an update of it registers nothing anew.
fn mark(application: &str, listing: &Value) -> String {
    digest(&[application, &listing.to_string()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_of_a_listing_is_the_same_for_ever() {
        assert_eq!(mark("7", &json!([{ "name": "model" }])), "978f350bcc1e3870ffbef9941459de95");
        assert_ne!(mark("7", &json!([])), mark("8", &json!([])));
    }

    #[test]
    fn commands_are_listed_within_the_limits_of_discord() {
        let arg = |name: &str| NativeArg {
            name: name.into(),
            description: String::new(),
            choices: Vec::new(),
            completes: true,
        };
        let command = |name: &str, description: String| NativeCommand {
            name: name.into(),
            description,
            args: vec![arg("name"), arg("Not A Name")],
        };
        let listed =
            listing(&[command("model", "x".repeat(200)), command("Bad", String::new()), command("", String::new())]);
        assert_eq!(
            listed,
            json!([{
                "type": 1, "name": "model", "description": "x".repeat(100),
                "options": [{ "type": 3, "name": "name", "description": "name", "required": false, "autocomplete": true }],
            }])
        );
    }
}
