//! The rows themselves, by category.

use super::{Access, ArgChoices, Category, Command, CommandArg, CommandId};

/// Every command, in the order in which help shows them.
pub const COMMANDS: &[Command] = &[
    // The conversation.
    row(
        CommandId::New,
        "new",
        Category::Session,
        "Begin a new conversation; a message after the command is its first one.",
    )
    .with(&[arg("message", "First message of the new conversation; it may begin with a model.")]),
    row(
        CommandId::Reset,
        "reset",
        Category::Session,
        "Empty this conversation; what was said before can still be searched.",
    )
    .with(&[arg("message", "First message of the emptied conversation; it may begin with a model.")]),
    row(CommandId::Stop, "stop", Category::Session, "Stop the running turn and drop what waits behind it.")
        .or(&["abort", "cancel"]),
    row(
        CommandId::Compact,
        "compact",
        Category::Session,
        "Summarise the older part of this conversation, to make room.",
    )
    .with(&[arg("focus", "What the summary should dwell on.")]),
    row(
        CommandId::Session,
        "session",
        Category::Session,
        "Show this session, or say when its conversation ends by itself.",
    )
    .with(&[
        fixed("setting", "After a silence, or at an age.", &["idle", "max-age"]),
        arg("time", "`90m`, `24h`, `7d`; `off` for never; `default` for what the configuration says."),
    ]),
    row(
        CommandId::ExportSession,
        "export-session",
        Category::Session,
        "Write this conversation into a file of the workspace.",
    )
    .or(&["export"])
    .with(&[arg("path", "Where in the workspace; `.md` for Markdown, else it is a page.")])
    .of_owner(),
    // What answers, and how.
    row(CommandId::Model, "model", Category::Options, "Show or choose the model of this conversation.")
        .with(&[choice("model", "`provider/model`, an alias, or `default`.", ArgChoices::Models)])
        .of_owner(),
    row(CommandId::Models, "models", Category::Options, "List the providers and their models.")
        .with(&[choice("provider", "Only its models.", ArgChoices::Providers), arg("page", "Which page of them.")]),
    row(CommandId::Think, "think", Category::Options, "Show or choose how hard the model thinks.")
        .or(&["thinking", "t"])
        .with(&[fixed(
            "level",
            "How hard.",
            &["off", "minimal", "low", "medium", "high", "xhigh", "adaptive", "max", "default"],
        )]),
    row(
        CommandId::Reasoning,
        "reasoning",
        Category::Options,
        "Show what the model thinks in the chat, or keep it back.",
    )
    .or(&["reason"])
    .with(&[fixed("mode", "`stream` shows it only while it is thought.", &["off", "on", "stream", "default"])]),
    row(CommandId::Verbose, "verbose", Category::Options, "Show in the chat which tools are used.")
        .or(&["v"])
        .with(&[fixed("level", "`full` shows what they gave as well.", &["off", "on", "full", "default"])]),
    row(
        CommandId::Usage,
        "usage",
        Category::Options,
        "Say under each answer what it used, or show what was used so far.",
    )
    .with(&[fixed(
        "mode",
        "`full` names price and model; `cost` shows the sums.",
        &["off", "tokens", "full", "default", "cost"],
    )]),
    row(CommandId::Queue, "queue", Category::Options, "Say what happens to a message that comes while a turn runs.")
        .with(&[
            fixed("mode", "What happens to it.", &["steer", "followup", "collect", "interrupt", "default"]),
            arg("debounce", "How long it must be quiet before what waits is answered, for example `debounce:2s`."),
            arg("cap", "How many may wait, for example `cap:25`."),
            fixed("drop", "What happens to those above.", &["old", "new", "summarize"]),
        ]),
    row(
        CommandId::Activation,
        "activation",
        Category::Management,
        "In a group: answer only when mentioned, or always.",
    )
    .with(&[fixed("mode", "When to answer.", &["mention", "always", "default"])])
    .of_owner(),
    row(CommandId::Send, "send", Category::Management, "Send this session's answers to its chat, or keep them back.")
        .with(&[fixed("mode", "`inherit` is what the configuration says.", &["on", "off", "inherit"])])
        .of_owner(),
    // How it stands.
    row(CommandId::Status, "status", Category::Status, "Show the model, the tokens used and how full the context is."),
    row(CommandId::Whoami, "whoami", Category::Status, "Show by which id you are known here.").or(&["id"]),
    row(CommandId::Context, "context", Category::Status, "Show what fills the model's context.").with(&[fixed(
        "form",
        "`detail` names every tool and skill.",
        &["list", "detail", "json"],
    )]),
    row(CommandId::Help, "help", Category::Status, "Say in short what there is."),
    row(CommandId::Commands, "commands", Category::Status, "List all commands.")
        .with(&[arg("page", "Which page of them.")]),
    // What acts.
    row(CommandId::Skill, "skill", Category::Tools, "Have a skill used, or list those that you may call.")
        .with(&[choice("name", "Which skill.", ArgChoices::Skills), arg("input", "What it is to do.")]),
    row(CommandId::Approve, "approve", Category::Management, "Decide on a call that waits for an owner.")
        .with(&[
            arg("id", "The question's id."),
            fixed("decision", "What may happen.", &["allow-once", "allow-always", "deny"]),
        ])
        .of_owner(),
    row(CommandId::Allowlist, "allowlist", Category::Management, "Show or change who may speak on a channel.")
        .with(&[
            fixed("action", "What to do.", &["list", "add", "remove"]),
            fixed("scope", "Direct messages or groups.", &["dm", "group"]),
            arg("sender", "Their id. `channel=…` and `account=…` name another channel than this one."),
        ])
        .of_owner(),
    row(CommandId::Config, "config", Category::Management, "Show or change the configuration file.")
        .with(&[
            fixed("action", "What to do.", &["show", "get", "set", "unset"]),
            arg("change", "A path, or for `set` a `path=value`."),
        ])
        .of_owner(),
    row(
        CommandId::Debug,
        "debug",
        Category::Management,
        "Show or change settings until the next start, without the file.",
    )
    .with(&[
        fixed("action", "What to do.", &["show", "set", "unset", "reset"]),
        arg("change", "A path, or for `set` a `path=value`."),
    ])
    .of_owner(),
    row(
        CommandId::Restart,
        "restart",
        Category::Management,
        "Start the gateway again; what is open goes on afterwards.",
    )
    .of_owner(),
];

const fn row(id: CommandId, name: &'static str, category: Category, description: &'static str) -> Command {
    Command { id, name, aliases: &[], description, category, args: &[], access: Access::Sender }
}

impl Command {
    const fn or(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    const fn with(mut self, args: &'static [CommandArg]) -> Self {
        self.args = args;
        self
    }

    const fn of_owner(mut self) -> Self {
        self.access = Access::Owner;
        self
    }
}

const fn arg(name: &'static str, description: &'static str) -> CommandArg {
    choice(name, description, ArgChoices::Any)
}

const fn fixed(name: &'static str, description: &'static str, words: &'static [&'static str]) -> CommandArg {
    choice(name, description, ArgChoices::Fixed(words))
}

const fn choice(name: &'static str, description: &'static str, choices: ArgChoices) -> CommandArg {
    CommandArg { name, description, choices }
}
