//! The command line's shape: what holds for every command, and the table of commands.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};
use secrecy::SecretString;

use crate::commands;

/// A personal AI assistant gateway in one program.
///
/// Start the gateway with `chela gateway --allow-unconfigured`, then talk to it with `chela chat`.
#[derive(Debug, Parser)]
#[command(name = "chela", version, max_term_width = 100, subcommand_required = true, arg_required_else_help = true)]
#[command(
    after_help = "Start here: chela gateway --allow-unconfigured, then chela chat in a second terminal.\nSomething wrong? chela doctor"
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub global: GlobalArgs,
    #[command(subcommand)]
    pub command: Command,
}

/// Flags that every command takes.
// Help texts are read in a terminal, where backticks are noise.
#[allow(clippy::doc_markdown)]
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct GlobalArgs {
    /// Address of the gateway to talk to, for example wss://my.example.org [env: CHELA_GATEWAY_URL]
    #[arg(long, global = true, value_name = "URL", help_heading = "Gateway")]
    pub url: Option<String>,
    /// The gateway's token; visible to other users of this machine, so prefer --token-file [env: CHELA_GATEWAY_TOKEN]
    #[arg(long, global = true, value_name = "TOKEN", help_heading = "Gateway", conflicts_with = "token_file")]
    pub token: Option<SecretString>,
    /// File whose first line is the gateway's token
    #[arg(long, global = true, value_name = "FILE", help_heading = "Gateway")]
    pub token_file: Option<PathBuf>,
    /// The gateway's password; visible to other users of this machine, so prefer --password-file
    #[arg(long, global = true, value_name = "PASSWORD", help_heading = "Gateway", conflicts_with = "password_file")]
    pub password: Option<SecretString>,
    /// File whose first line is the gateway's password [env: CHELA_GATEWAY_PASSWORD]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Gateway")]
    pub password_file: Option<PathBuf>,
    /// Use a state dir of its own, ~/.chela-<NAME>
    #[arg(long, global = true, value_name = "NAME", help_heading = "Global")]
    pub profile: Option<String>,
    /// The profile `dev`, with port 19001
    #[arg(long, global = true, help_heading = "Global", conflicts_with = "profile")]
    pub dev: bool,
    /// Print one JSON document instead of text
    #[arg(long, global = true, help_heading = "Global")]
    pub json: bool,
    /// Print without colours; NO_COLOR does the same
    #[arg(long, global = true, help_heading = "Global")]
    pub no_color: bool,
}

/// Every command, in the order of the help.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the gateway, or ask a running one
    #[command(visible_alias = "daemon")]
    Gateway(commands::gateway::GatewayArgs),
    /// Talk to the assistant in the terminal
    #[command(visible_alias = "tui")]
    Chat(commands::chat::ChatArgs),
    /// Print a link that logs a browser in, once
    Open(commands::open::OpenArgs),
    /// Send one message and print the answer
    Agent(commands::agent::AgentArgs),
    /// Show what the gateway is doing
    Status(commands::status::StatusArgs),
    /// Ask the gateway whether it is well
    Health(commands::health::HealthArgs),
    /// Show the gateway's log
    Logs(commands::logs::LogsArgs),
    /// Look for problems on this machine and name their mends
    Doctor(commands::doctor::DoctorArgs),
    /// Read and edit the configuration file
    Config(commands::config::ConfigArgs),
    /// List models, and which have a key
    Models(commands::models::ModelsArgs),
    /// List, make and change agents and their instruction files
    Agents(commands::agents::AgentsArgs),
    /// List and manage conversations
    Sessions(commands::sessions::SessionsArgs),
    /// List, install, check and scan the assistant's skills
    Skills(commands::skills::SkillsArgs),
    /// Show, start and stop chat channels; see replies that could not be delivered
    Channels(commands::channels::ChannelsArgs),
    /// Let people in who write to the assistant on a chat channel
    Pairing(commands::pairing::PairingArgs),
    /// Decide on calls that wait for a person; manage the list of allowed commands
    Approvals(commands::approvals::ApprovalsArgs),
    /// Manage work that the assistant does by the clock
    #[command(visible_alias = "automations")]
    Cron(commands::cron::CronArgs),
    /// Say something in a chat, or change what was said there
    Message(commands::message::MessageArgs),
    /// Show what models used and what it cost
    Usage(commands::usage::UsageArgs),
    /// Manage paired devices
    Devices(commands::devices::DevicesArgs),
    /// Manage the state dir
    State(commands::state::StateArgs),
    /// Move the state dir of OpenClaw, Clawdbot or KrabKrab in
    Import(commands::import::ImportArgs),
    /// Print shell completions
    #[command(visible_alias = "completion")]
    Completions(commands::completions::CompletionsArgs),
    /// Print the manual page
    Man(commands::man::ManArgs),
    /// Write the generated reference pages
    #[command(name = "__reference", hide = true)]
    Reference(commands::reference::ReferenceArgs),
}

/// Start scripts of the gateway that was here before: what stands before its arguments when it is called through Node.
const SCRIPTS: &[&str] = &["dist/index.js", "dist/index.mjs", "dist/entry.js", "openclaw.mjs", "clawdbot.mjs"];

/// The arguments without the script of a command line such as `node dist/index.js gateway --port 3000`, where this program
/// stands in the place of Node: deployments keep their command.
pub(crate) fn without_script(args: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut args: Vec<OsString> = args.collect();
    let is_node = args.first().is_some_and(|name| Path::new(name).file_name() == Some(OsStr::new("node")));
    let is_script = |text: &OsString| SCRIPTS.iter().any(|script| Path::new(text).ends_with(script));
    if is_node && args.get(1).is_some_and(is_script) {
        args.remove(1);
        args[0] = "chela".into();
    }
    args
}
