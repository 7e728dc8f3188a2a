//! `logs.tail`.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogsTailParams {
    /// Where the last answer ended; the file's end minus `maxBytes` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<u64>,
    /// Lines, 1 to 5,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Bytes, 1 to 1,000,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogsTailResult {
    pub file: String,
    /// Pass it with the next call.
    pub cursor: u64,
    pub size: u64,
    pub lines: Vec<String>,
    /// Older lines were left out.
    #[serde(default)]
    pub truncated: bool,
    /// The file is another one than the cursor's (it rotated).
    #[serde(default)]
    pub reset: bool,
}
