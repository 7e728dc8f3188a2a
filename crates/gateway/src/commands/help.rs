//! `/help`, `/commands`, `/whoami`, and the table as clients read it.

use chela_agent::{Access, ArgChoices, COMMANDS, Command, CommandArg, ReplyButton};
use chela_protocol::methods::chat::{ChatCommand, CommandArgRow, CommandChoice};

use super::{Answer, Asked};

/// Commands of one page: as many as a phone shows.
const PAGE: usize = 10;

/// The commands as `chat.metadata` and `commands.list` show them.
pub(crate) fn listed() -> Vec<ChatCommand> {
    let row = |command: &Command| ChatCommand {
        name: command.name.to_owned(),
        native_name: Some(command.name.to_owned()),
        text_aliases: std::iter::once(&command.name).chain(command.aliases).map(|name| format!("/{name}")).collect(),
        description: command.description.to_owned(),
        category: command.category.as_str().to_owned(),
        source: "native".to_owned(),
        scope: "both".to_owned(),
        accepts_args: !command.args.is_empty(),
        args: command.args.iter().map(arg_row).collect(),
    };
    COMMANDS.iter().map(row).collect()
}

/// What there is, in short.
pub(super) fn short() -> String {
    let names = |wanted: &[&str]| {
        let found = COMMANDS.iter().filter(|command| wanted.contains(&command.name));
        found.map(|command| format!("- {}", line(command))).collect::<Vec<_>>().join("\n")
    };
    format!(
        "Commands:\n{}\n\n`/commands` lists all {} of them.",
        names(&["new", "reset", "stop", "compact", "model", "think", "status", "whoami", "context", "skill", "help"]),
        COMMANDS.len()
    )
}

/// A page of all commands.
pub(super) fn all(args: &str) -> Answer {
    let pages = COMMANDS.len().div_ceil(PAGE);
    let page = args.parse::<usize>().unwrap_or(1).clamp(1, pages);
    let rows = COMMANDS.iter().skip((page - 1) * PAGE).take(PAGE);
    let lines = rows
        .map(|command| format!("- {}{}", line(command), if command.access == Access::Owner { " (owner)" } else { "" }));
    let head = format!("Commands, page {page} of {pages}:");
    let next = (page < pages).then(|| format!("`/commands {}` shows the next page.", page + 1));
    let text = std::iter::once(head).chain(lines).chain(next).collect::<Vec<_>>().join("\n");
    Answer { text, buttons: turning("/commands", page, pages), ..Answer::default() }
}

/// Buttons to the pages beside one.
pub(super) fn turning(command: &str, page: usize, pages: usize) -> Vec<Vec<ReplyButton>> {
    let to = |page: usize, label: &str| ReplyButton { label: label.to_owned(), command: format!("{command} {page}") };
    let back = (page > 1).then(|| to(page - 1, "◀ Back"));
    let on = (page < pages).then(|| to(page + 1, "Next ▶"));
    let row: Vec<_> = back.into_iter().chain(on).collect();
    if row.is_empty() { Vec::new() } else { vec![row] }
}

/// By which id the sender is known: what lists of people take.
pub(super) fn whoami(asked: &Asked<'_>) -> String {
    let (row, input) = (asked.row, asked.input);
    let origin = &input.origin;
    let plain = |text: &str| text.replace('`', "'");
    let mut lines = vec![format!("Channel: `{}`, account `{}`", row.channel, row.account)];
    if let Some(id) = &origin.sender_id {
        lines.push(format!("Your id: `{}` (in lists of owners also `{}:{}`)", plain(id), row.channel, plain(id)));
    }
    if let Some(name) = &origin.sender_name {
        lines.push(format!("Your name: {}", plain(name)));
    }
    if let Some(client) = &origin.client_id
        && origin.sender_id.is_none()
    {
        lines.push(format!(
            "Client: `{}` ({})",
            plain(client),
            plain(origin.client_mode.as_deref().unwrap_or("unknown"))
        ));
    }
    if let Some(route) = &input.deliver {
        lines.push(format!("Chat: `{}`", plain(&route.chat)));
    }
    lines.push(format!("Owner: {}", if input.sender_is_owner { "yes" } else { "no" }));
    lines.push(format!("Session: `{}`", row.session));
    lines.into_iter().map(|line| format!("- {line}")).collect::<Vec<_>>().join("\n")
}

fn line(command: &Command) -> String {
    let mut call = command.name.to_owned();
    for arg in command.args {
        call.extend([" [", arg.name, "]"]);
    }
    format!("`/{call}`: {}", command.description)
}

fn arg_row(arg: &CommandArg) -> CommandArgRow {
    let (choices, dynamic) = match arg.choices {
        ArgChoices::Any => (Vec::new(), None),
        ArgChoices::Fixed(words) => (words.iter().map(|word| choice(word)).collect(), None),
        ArgChoices::Models | ArgChoices::Providers | ArgChoices::Skills => (Vec::new(), Some(true)),
    };
    CommandArgRow {
        name: arg.name.to_owned(),
        description: arg.description.to_owned(),
        kind: "string".to_owned(),
        choices,
        dynamic,
    }
}

fn choice(word: &str) -> CommandChoice {
    CommandChoice { value: word.to_owned(), label: word.to_owned() }
}
