//! `tools.sandbox`: how tightly commands are held.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Processes and threads that one command may have at once: a build with all its workers, not a fork bomb.
const PROCESSES: u32 = 512;
/// Memory of one process in megabytes; half of the machine's if that is less.
const MEMORY_MB: u64 = 4096;
/// Size of one file in megabytes.
const FILE_MB: u64 = 2048;

/// The sandbox around commands.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SandboxConfig {
    /// `auto` runs commands in what this machine offers, and refuses them if files can't be kept from them. `required` refuses
    /// them unless everything holds that `chela doctor` lists. `off` runs them with all rights of the gateway's user. Default: `auto`.
    pub mode: Option<SandboxMode>,
    /// Whether commands reach the network. Default: `allow`.
    pub network: Option<NetworkRule>,
    /// Files and folders that commands may read besides the workspace and the system's programs. What is private to the gateway,
    /// and names in the home folder that begin with a dot, stay closed even inside; name such a one itself to open it. Default: `[]`.
    pub readable: Vec<String>,
    /// Files and folders that commands may change besides the workspace. Default: `[]`.
    pub writable: Vec<String>,
    /// Processes and threads that a command may have at once. Default: 512.
    pub processes: Option<u32>,
    /// Memory of one process, in megabytes. Default: 4096, or half of the machine's if that is less.
    pub memory_mb: Option<u64>,
    /// Size of one file that a command writes, in megabytes. Default: 2048.
    pub file_mb: Option<u64>,
}

/// How much is asked of the machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SandboxMode {
    Off,
    #[default]
    Auto,
    Required,
}

/// Whether commands reach the network.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NetworkRule {
    #[default]
    Allow,
    Deny,
}

/// The network of one command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Network {
    Open,
    /// No socket but those between processes of the command.
    Closed,
}

/// What one command may use up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Limits {
    pub(crate) processes: u32,
    pub(crate) memory_bytes: u64,
    pub(crate) file_bytes: u64,
}

impl SandboxConfig {
    /// The network of a command of which nothing else is known.
    pub fn network(&self) -> Network {
        match self.network.unwrap_or_default() {
            NetworkRule::Allow => Network::Open,
            NetworkRule::Deny => Network::Closed,
        }
    }

    pub(crate) fn limits(&self) -> Limits {
        const MB: u64 = 1024 * 1024;
        let machine = rustix::system::sysinfo();
        let half = (machine.totalram as u64).saturating_mul(u64::from(machine.mem_unit)) / 2;
        Limits {
            processes: self.processes.unwrap_or(PROCESSES),
            memory_bytes: self.memory_mb.map_or((MEMORY_MB * MB).min(half), |megabytes| megabytes.saturating_mul(MB)),
            file_bytes: self.file_mb.unwrap_or(FILE_MB).saturating_mul(MB),
        }
    }
}
