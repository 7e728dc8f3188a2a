//! The table of slash commands. What they do is the gateway's; what they are called and take stands here, once.

mod directives;
mod table;

pub use directives::{Directives, parse_queue_mode};
pub use table::COMMANDS;

/// Who may use a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody who may talk to the agent.
    Sender,
    /// Only an owner.
    Owner,
}

/// In OpenClaw's words (`commands.list`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Category {
    Session,
    Options,
    Status,
    Management,
    Tools,
}

impl Category {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Options => "options",
            Self::Status => "status",
            Self::Management => "management",
            Self::Tools => "tools",
        }
    }
}

/// Which command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandId {
    New,
    Reset,
    Stop,
    Compact,
    Session,
    ExportSession,
    Model,
    Models,
    Think,
    Reasoning,
    Verbose,
    Usage,
    Queue,
    Activation,
    Send,
    Status,
    Whoami,
    Context,
    Help,
    Commands,
    Skill,
    Approve,
    Allowlist,
    Config,
    Debug,
    Restart,
}

impl CommandId {
    /// Whether it can also stand inside a message, for that message only.
    pub fn is_directive(self) -> bool {
        matches!(self, Self::Model | Self::Think | Self::Reasoning | Self::Verbose | Self::Queue)
    }
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command {
    pub id: CommandId,
    /// Without the slash.
    pub name: &'static str,
    /// Other names, without the slash.
    pub aliases: &'static [&'static str],
    pub description: &'static str,
    pub category: Category,
    pub args: &'static [CommandArg],
    pub access: Access,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandArg {
    pub name: &'static str,
    pub description: &'static str,
    pub choices: ArgChoices,
}

/// What an argument may be. All arguments are optional texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArgChoices {
    Any,
    Fixed(&'static [&'static str]),
    /// The models that can be reached now.
    Models,
    /// Providers with a model that can be reached now.
    Providers,
    /// The skills that people may call.
    Skills,
}

/// A command as somebody typed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedCommand {
    pub command: &'static Command,
    /// What followed the name, trimmed; empty when nothing did.
    pub args: String,
}

/// Reads a message that is a command. Text that starts with a slash but names no command (a path, say) is a plain message.
pub fn parse_command(text: &str) -> Option<ParsedCommand> {
    let rest = text.trim().strip_prefix('/')?;
    let end = rest.find(|c: char| c.is_whitespace() || c == ':').unwrap_or(rest.len());
    let (head, tail) = rest.split_at(end);
    // Telegram appends the bot's name in groups: `/status@my_bot`.
    let command = named(head.split('@').next().unwrap_or(head))?;
    let args = tail.strip_prefix(':').unwrap_or(tail).trim().to_owned();
    Some(ParsedCommand { command, args })
}

/// The command of a name without its slash. Telegram's menus know no hyphens.
fn named(name: &str) -> Option<&'static Command> {
    let name = name.to_ascii_lowercase().replace('_', "-");
    COMMANDS.iter().find(|row| row.name == name || row.aliases.contains(&name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<(CommandId, String)> {
        parse_command(text).map(|parsed| (parsed.command.id, parsed.args))
    }

    #[test]
    fn commands_are_recognised_as_people_type_them() {
        assert_eq!(parsed(" /New  hello there "), Some((CommandId::New, "hello there".into())));
        assert_eq!(parsed("/model: openai/gpt-4o"), Some((CommandId::Model, "openai/gpt-4o".into())));
        assert_eq!(parsed("/status@chela_bot"), Some((CommandId::Status, String::new())));
        assert_eq!(parsed("/abort"), Some((CommandId::Stop, String::new())));
        assert_eq!(parsed("/export_session a.md"), Some((CommandId::ExportSession, "a.md".into())));
        assert_eq!(parsed("/t:high"), Some((CommandId::Think, "high".into())));
    }

    #[test]
    fn other_text_is_no_command() {
        for text in ["hi", "/etc/passwd is what?", "/", "/newer", "say /new", ""] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = COMMANDS.iter().flat_map(|row| row.aliases.iter().chain([&row.name])).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    /// Discord takes no longer ones, and shows a description as it stands here.
    #[test]
    fn descriptions_fit_where_they_are_shown() {
        for row in COMMANDS {
            let args = row.args.iter().map(|arg| arg.description);
            for text in args.chain([row.description]) {
                assert!((1..=100).contains(&text.chars().count()), "{}: {text}", row.name);
            }
        }
    }
}
