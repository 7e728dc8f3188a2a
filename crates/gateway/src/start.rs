//! From options to a listening gateway, and from a signal back to nothing.

use std::path::PathBuf;

use chela_config::Environment;

/// What the command line decided.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub environment: Environment,
    pub state_dir: PathBuf,
    pub config_path: PathBuf,
    /// Beats the environment and the file. 0 lets the system choose.
    pub port: Option<u16>,
    pub bind: Option<Bind>,
    pub token: Option<String>,
    pub password: Option<String>,
    /// Start without a configuration, and write a minimal one.
    pub allow_unconfigured: bool,
    pub verbose: bool,
    pub log_format: LogFormat,
    /// Stop whatever holds the port first.
    pub force: bool,
}

/// Which addresses to listen on, as the command line names them.
pub type Bind = crate::config::BindMode;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    #[default]
    Pretty,
    Json,
}

/// How a gateway that had started came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// SIGTERM or SIGINT; everything is on disk.
    Stopped,
}

/// Why the gateway did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("{0}")]
    Refused(String),
    #[error("{0}")]
    Failed(String),
}

impl StartError {
    /// 78 when the configuration or the security rules refuse, and another try changes nothing; else 1.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Refused(_) => 78,
            Self::Failed(_) => 1,
        }
    }
}

/// A gateway that listens.
pub struct Running {
    /// The port that is really bound.
    pub port: u16,
}

/// Starts, serves until a signal, and stops. Logs to the console and the log file.
pub async fn run(options: Options) -> Result<Exit, StartError> {
    let _ = start(options).await?;
    Ok(Exit::Stopped)
}

/// Starts without touching signals or the process's logging: for tests and for embedding.
pub async fn start(options: Options) -> Result<Running, StartError> {
    let _ = options;
    todo!("lands with the listener")
}
