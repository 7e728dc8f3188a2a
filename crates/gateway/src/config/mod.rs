//! The root of the configuration: one struct of sections, each beside the code that it configures.

mod bindings;
mod gateway;
mod logging;

pub use bindings::{Binding, BindingMatch, BindingPeer};
pub use gateway::*;
pub use logging::{ConsoleStyle, Level, LoggingConfig};

/// The configuration in force: every section parsed, wrong ones at their safe default.
#[derive(Debug, Clone, Default)]
pub struct Config {
    pub gateway: GatewayConfig,
    pub logging: LoggingConfig,
    pub bindings: Vec<Binding>,
}
