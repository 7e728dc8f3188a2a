//! The table of slash commands. What they do is the gateway's; what they are called and take stands here, once.

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
}

impl Category {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Options => "options",
            Self::Status => "status",
        }
    }
}

/// Which command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandId {
    New,
    Reset,
    Stop,
    Status,
    Context,
    Compact,
    Model,
    Approve,
    Help,
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
}

/// Every command, in the order in which help shows them.
pub const COMMANDS: &[Command] = &[
    Command {
        id: CommandId::New,
        name: "new",
        aliases: &[],
        description: "Begin a new conversation; a message after the command is its first one.",
        category: Category::Session,
        args: &[CommandArg {
            name: "message",
            description: "First message of the new conversation.",
            choices: ArgChoices::Any,
        }],
        access: Access::Sender,
    },
    Command {
        id: CommandId::Reset,
        name: "reset",
        aliases: &[],
        description: "Empty this conversation; what was said before can still be searched.",
        category: Category::Session,
        args: &[CommandArg {
            name: "message",
            description: "First message of the emptied conversation.",
            choices: ArgChoices::Any,
        }],
        access: Access::Sender,
    },
    Command {
        id: CommandId::Stop,
        name: "stop",
        aliases: &["abort", "cancel"],
        description: "Stop the running turn and drop what waits behind it.",
        category: Category::Session,
        args: &[],
        access: Access::Sender,
    },
    Command {
        id: CommandId::Status,
        name: "status",
        aliases: &[],
        description: "Show the model, the tokens used and how full the context is.",
        category: Category::Status,
        args: &[],
        access: Access::Sender,
    },
    Command {
        id: CommandId::Context,
        name: "context",
        aliases: &[],
        description: "Show what fills the model's context.",
        category: Category::Status,
        args: &[],
        access: Access::Sender,
    },
    Command {
        id: CommandId::Compact,
        name: "compact",
        aliases: &[],
        description: "Summarise the older part of this conversation, to make room.",
        category: Category::Session,
        args: &[CommandArg {
            name: "focus",
            description: "What the summary should dwell on.",
            choices: ArgChoices::Any,
        }],
        access: Access::Sender,
    },
    Command {
        id: CommandId::Model,
        name: "model",
        aliases: &["models"],
        description: "Show or choose the model of this conversation.",
        category: Category::Options,
        args: &[CommandArg {
            name: "model",
            description: "`provider/model`, an alias, or `default`.",
            choices: ArgChoices::Models,
        }],
        access: Access::Owner,
    },
    Command {
        id: CommandId::Approve,
        name: "approve",
        aliases: &[],
        description: "Decide on a call that waits for an owner.",
        category: Category::Options,
        args: &[
            CommandArg { name: "id", description: "The question's id.", choices: ArgChoices::Any },
            CommandArg {
                name: "decision",
                description: "What may happen.",
                choices: ArgChoices::Fixed(&["allow-once", "allow-always", "deny"]),
            },
        ],
        access: Access::Owner,
    },
    Command {
        id: CommandId::Help,
        name: "help",
        aliases: &["commands"],
        description: "List the commands.",
        category: Category::Status,
        args: &[],
        access: Access::Sender,
    },
];

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
    let name = head.split('@').next().unwrap_or(head).to_ascii_lowercase();
    let command = COMMANDS.iter().find(|row| row.name == name || row.aliases.contains(&name.as_str()))?;
    let args = tail.strip_prefix(':').unwrap_or(tail).trim().to_owned();
    Some(ParsedCommand { command, args })
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
}
