//! `logging`: how much is said, and where.

use serde::{Deserialize, Serialize};

/// Log settings.
#[derive(Debug, Clone, Default, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct LoggingConfig {
    /// Level of the log file.
    pub level: Option<Level>,
    /// Path of the log file; default `<state dir>/logs/chela-YYYY-MM-DD.log`.
    pub file: Option<String>,
    /// A file is moved aside when it has grown to this size.
    pub max_file_bytes: Option<u64>,
    /// Level of the console.
    pub console_level: Option<Level>,
    /// Form of console lines.
    pub console_style: Option<ConsoleStyle>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Silent,
    Fatal,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ConsoleStyle {
    Pretty,
    Compact,
    Json,
}
