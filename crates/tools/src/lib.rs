//! What the model can do: files, commands, web pages and a look at its own session.
//!
//! One file or folder per tool, all alike, and one row each in [`TOOLS`]. Owns the `tools` section of the configuration and
//! the commands that run in the background. Reads no environment; refuses the gateway's own files.

mod allowlist;
mod apply_patch;
mod args;
mod config;
mod cron;
mod edit;
mod exec;
mod files;
mod find;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod grep;
mod ls;
mod off_thread;
mod policy;
mod process;
mod read;
mod risk;
pub mod sandbox;
mod session_status;
mod table;
#[cfg(test)]
mod tests;
mod web_fetch;
mod webhook;
mod write;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chela_agent::{AgentTools, ExecRule, ToolSet};

pub use crate::allowlist::{ListEntry, NotPlain, PlainCommand};
pub use crate::config::{AudioConfig, AudioModel, FetchConfig, MediaConfig, SsrfPolicy, ToolsConfig, WebConfig};
pub use crate::cron::{CronAction, CronCall, CronLine};
pub use crate::exec::{BackgroundCommand, CommandState, Processes};
pub use crate::policy::{ExecRefusal, effective, exec_refusal, in_profile, narrowed};
pub use crate::risk::{is_memory, looks_secret};
pub use crate::table::{Group, TOOLS, ToolId, ToolRow};
pub use crate::webhook::{Posting, Webhook, WebhookError};

use crate::files::{Access, Files};
use crate::sandbox::{Ground, Sandbox};

/// What the tools know of the machine. Made once by the gateway and cloned for each agent.
#[derive(Clone)]
pub struct ToolHost {
    /// What `~` means, and `HOME` of commands.
    pub home: PathBuf,
    /// `PATH` of commands.
    pub path: String,
    /// Where commands take `LANG`, `TERM`, `TZ`, `USER`, `SHELL` and `TMPDIR` from; every other name is passed over.
    pub variables: BTreeMap<String, String>,
    /// Holds the store and secrets: closed to file tools, but for an agent's workspace inside and `readable`.
    pub state_dir: PathBuf,
    /// Closed to file tools wherever they stand: the configuration, `.env` files.
    pub secret_files: Vec<PathBuf>,
    /// Folders that may always be read, for example those of skills.
    pub readable: Vec<PathBuf>,
    /// `User-Agent` of `web_fetch` when the configuration names none.
    pub user_agent: String,
    /// TLS of `web_fetch`, with its roots and crypto provider.
    pub tls: rustls::ClientConfig,
    /// What commands run in. Clones share what was found out about the machine.
    pub sandbox: Sandbox,
    /// Commands that run in the background. They outlive a reload of the configuration.
    pub processes: Processes,
    /// The way to whoever keeps automations.
    pub cron: CronLine,
}

/// The built-in tools that `config` leaves.
pub fn builtin(config: &ToolsConfig, host: ToolHost) -> ToolSet {
    builtin_for_agent(config, &AgentTools::default(), host)
}

/// The built-in tools that `config` and the agent's own section leave, in the order of [`TOOLS`].
pub fn builtin_for_agent(config: &ToolsConfig, agent: &AgentTools, host: ToolHost) -> ToolSet {
    let allowed = effective(config, agent);
    let kit = Kit::new(config.for_agent(agent), host);
    ToolSet::new(TOOLS.iter().filter(|row| allowed.contains(&row.id)).map(|row| row.make(&kit)).collect())
}

/// What a tool is made from.
pub(crate) struct Kit {
    pub(crate) config: ToolsConfig,
    pub(crate) host: ToolHost,
    pub(crate) files: Files,
    /// When a person is asked about a call.
    pub(crate) rule: ExecRule,
}

impl ToolHost {
    /// Whether a file is closed to the tools of every agent, and so must not leave the house in any other way. `path` is the real
    /// one, without links. Blocking.
    pub fn is_private(&self, workspace: &Path, path: &Path) -> bool {
        self.files(false).judge(workspace).is_private(path, Access::Read)
    }

    /// What the sandbox of a command in `workspace` has to know.
    pub(crate) fn ground<'a>(&'a self, workspace: &'a Path) -> Ground<'a> {
        Ground {
            home: &self.home,
            workspace,
            state_dir: &self.state_dir,
            secret_files: &self.secret_files,
            readable: &self.readable,
            temporary: self.variables.get("TMPDIR").map_or(Path::new("/tmp"), Path::new),
        }
    }

    pub(crate) fn files(&self, workspace_only: bool) -> Files {
        Files {
            home: self.home.clone(),
            state_dir: self.state_dir.clone(),
            secrets: self.secret_files.clone(),
            readable: self.readable.clone(),
            workspace_only,
        }
    }
}

impl Kit {
    fn new(config: ToolsConfig, host: ToolHost) -> Self {
        let files = host.files(config.fs.workspace_only.unwrap_or(false));
        let rule = config.exec.rule();
        Self { config, host, files, rule }
    }
}
