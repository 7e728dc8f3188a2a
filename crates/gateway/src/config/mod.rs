//! The root of the configuration: one struct of sections, each beside the code that it configures.

mod bindings;
mod gateway;
mod logging;
mod messages;

pub use bindings::{Binding, BindingMatch, BindingPeer};
use chela_agent::{AgentsConfig, SessionConfig, SkillsConfig};
pub use gateway::*;
pub use logging::{ConsoleStyle, Level, LoggingConfig};
pub use messages::{MessagesConfig, QueueConfig};

/// The configuration in force: every section parsed, wrong ones at their safe default.
#[derive(Debug, Clone, Default)]
pub struct Config {
    pub gateway: GatewayConfig,
    pub logging: LoggingConfig,
    pub bindings: Vec<Binding>,
    pub agents: AgentsConfig,
    pub skills: SkillsConfig,
    pub session: SessionConfig,
    pub messages: MessagesConfig,
}
