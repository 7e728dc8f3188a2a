//! `tasks.list`: work that goes on beside conversations. Shape: OpenClaw's.

use serde::{Deserialize, Serialize};

/// Tasks of one page, when the client doesn't say and at most.
pub const TASKS_LIST_MAX: usize = 500;

/// Parameters of `tasks.list`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TasksListParams {
    /// One status or several; all when absent.
    pub status: Option<OneOrMany>,
    pub agent_id: Option<String>,
    pub session_key: Option<String>,
    pub limit: Option<usize>,
}

/// A text or a list of texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    /// Whether the text is among them.
    pub fn contains(&self, text: &str) -> bool {
        match self {
            Self::One(one) => one == text,
            Self::Many(many) => many.iter().any(|one| one == text),
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TasksListResult {
    /// Newest first.
    pub tasks: Vec<TaskRow>,
}

/// One task; times are Unix milliseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskRow {
    pub id: String,
    /// `exec`: a command that an agent left running.
    pub kind: String,
    pub runtime: String,
    /// `running`, `completed`, `failed`, `cancelled` or `timed_out`.
    pub status: String,
    pub title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    pub session_key: String,
    pub created_at: i64,
    pub started_at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<i64>,
    pub updated_at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
