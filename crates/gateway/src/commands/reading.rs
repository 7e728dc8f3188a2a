//! What a message turns out to be: words for the model, words with settings for their turn, or commands.

use chela_agent::{CommandId, Directives, ParsedCommand, parse_command};
use chela_protocol::{AgentId, Scope};

use super::{model, queue};
use crate::app::Gateway;

/// A message as somebody typed it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Typed<'a> {
    pub text: &'a str,
    pub agent: &'a AgentId,
    /// Who chooses models is an owner.
    pub is_owner: bool,
    /// The configured words that begin a new conversation.
    pub triggers: &'a [String],
}

/// What a message turns out to be.
#[derive(Debug)]
pub(crate) enum Reading {
    /// Goes to the model as it is.
    Message,
    /// Goes to the model without what it says about its own turn.
    Directed(Directives),
    /// Runs now.
    Command(ParsedCommand),
    /// Empties the conversation; what follows is its first message.
    Afresh {
        message: String,
        /// Answers from then on.
        model: Option<String>,
    },
}

impl Reading {
    /// The words for the model, where they are others than what was typed.
    pub(crate) fn words(&self) -> Option<&str> {
        match self {
            Self::Message | Self::Command(_) => None,
            Self::Directed(directives) => Some(&directives.text),
            Self::Afresh { message, .. } => Some(message),
        }
    }

    pub(crate) fn command(&self) -> Option<CommandId> {
        match self {
            Self::Command(parsed) => Some(parsed.command.id),
            Self::Message | Self::Directed(_) | Self::Afresh { .. } => None,
        }
    }
}

/// Reads a message.
pub(crate) fn read(gateway: &Gateway, typed: Typed<'_>) -> Reading {
    let Typed { text, triggers, .. } = typed;
    if triggers.iter().any(|trigger| trigger.trim().eq_ignore_ascii_case(text.trim()) && !trigger.trim().is_empty()) {
        return parse_command("/new").map_or(Reading::Message, Reading::Command);
    }
    let parsed = parse_command(text);
    match &parsed {
        Some(new) if matches!(new.command.id, CommandId::New | CommandId::Reset) && !new.args.is_empty() => {
            return afresh(gateway, typed, new);
        }
        // Its options are words as well.
        Some(set) if set.command.id == CommandId::Queue && queue::reads(&set.args) => {}
        Some(other) if !other.command.id.is_directive() => {}
        _ => {
            let directives = Directives::take(text, |name| chosen_model(gateway, typed, name).is_some());
            if let Some(directives) = directives.filter(|directives| !directives.text.is_empty()) {
                return Reading::Directed(directives);
            }
        }
    }
    parsed.map_or(Reading::Message, Reading::Command)
}

/// The commands of an accepted message: one, or several settings that stand for themselves.
pub(super) fn commands_of(text: &str) -> Vec<ParsedCommand> {
    let Some(first) = parse_command(text) else { return Vec::new() };
    if !first.command.id.is_directive() || (first.command.id == CommandId::Queue && queue::reads(&first.args)) {
        return vec![first];
    }
    let mut texts: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match texts.last_mut() {
            Some(last) if !parse_command(word).is_some_and(|parsed| parsed.command.id.is_directive()) => {
                last.push(' ');
                last.push_str(word);
            }
            _ => texts.push(word.to_owned()),
        }
    }
    texts.iter().filter_map(|text| parse_command(text)).collect()
}

/// What a client of the control port must hold for a command, besides the right to write.
pub(crate) fn needed_scope(command: CommandId) -> Option<Scope> {
    match command {
        CommandId::Approve => Some(Scope::Approvals),
        CommandId::Allowlist | CommandId::Config | CommandId::Debug | CommandId::Restart => Some(Scope::Admin),
        CommandId::New
        | CommandId::Reset
        | CommandId::Stop
        | CommandId::Compact
        | CommandId::Session
        | CommandId::ExportSession
        | CommandId::Model
        | CommandId::Models
        | CommandId::Think
        | CommandId::Reasoning
        | CommandId::Verbose
        | CommandId::Usage
        | CommandId::Queue
        | CommandId::Activation
        | CommandId::Send
        | CommandId::Status
        | CommandId::Whoami
        | CommandId::Context
        | CommandId::Help
        | CommandId::Commands
        | CommandId::Skill => None,
    }
}

/// `/new` with words behind it: an owner may begin them with a model.
fn afresh(gateway: &Gateway, typed: Typed<'_>, parsed: &ParsedCommand) -> Reading {
    let (first, rest) = parsed.args.split_once(char::is_whitespace).unwrap_or((&parsed.args, ""));
    match chosen_model(gateway, typed, first) {
        Some(_) if rest.trim().is_empty() => Reading::Command(parsed.clone()),
        Some(model) => Reading::Afresh { message: rest.trim().to_owned(), model: Some(model) },
        None => Reading::Afresh { message: parsed.args.clone(), model: None },
    }
}

/// The model that an owner names.
fn chosen_model(gateway: &Gateway, typed: Typed<'_>, name: &str) -> Option<String> {
    if !typed.is_owner || name.is_empty() {
        return None;
    }
    let book = gateway.sessions.agents(gateway);
    let name = book.profile_or_default(typed.agent).model_text(name).to_owned();
    model::resolve(gateway, &name).ok().map(|model| model.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_stand_for_themselves_are_commands_each() {
        let named = |text: &str| -> Vec<(CommandId, String)> {
            commands_of(text).into_iter().map(|parsed| (parsed.command.id, parsed.args)).collect()
        };
        assert_eq!(
            named("/think high /v: full"),
            [(CommandId::Think, "high".into()), (CommandId::Verbose, "full".into())]
        );
        assert_eq!(named("/think:high"), [(CommandId::Think, "high".into())]);
        assert_eq!(named("/queue collect debounce:2s"), [(CommandId::Queue, "collect debounce:2s".into())]);
        assert_eq!(named("/compact what /think said"), [(CommandId::Compact, "what /think said".into())]);
        assert_eq!(named("fresh start"), []);
    }
}
