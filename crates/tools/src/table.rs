//! The table of built-in tools: what the model is told about each, and what `tools.catalog` shows.
//!
//! The descriptions are part of every prompt, so they are short; a test holds all definitions together under a limit.

use std::sync::Arc;

use chela_agent::{Effect, Tool, ToolDefinition};
use serde_json::Value;

use crate::{Kit, apply_patch, cron, edit, exec, find, grep, ls, process, read, session_status, web_fetch, write};

/// A tool's name, as the model calls it.
pub type ToolId = &'static str;

/// One built-in tool.
pub struct ToolRow {
    pub id: ToolId,
    pub group: Group,
    /// For the model and for people.
    pub description: &'static str,
    /// What a call changes at most.
    pub effect: Effect,
    parameters: fn() -> Value,
    new: fn(ToolDefinition, &Kit) -> Arc<dyn Tool>,
}

/// Tools that are allowed and denied together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    Fs,
    Runtime,
    Web,
    Sessions,
    Automation,
}

impl Group {
    /// The name in `allow` and `deny`.
    pub fn id(self) -> &'static str {
        match self {
            Self::Fs => "group:fs",
            Self::Runtime => "group:runtime",
            Self::Web => "group:web",
            Self::Sessions => "group:sessions",
            Self::Automation => "group:automation",
        }
    }

    /// The name for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Fs => "Files",
            Self::Runtime => "Runtime",
            Self::Web => "Web",
            Self::Sessions => "Sessions",
            Self::Automation => "Automations",
        }
    }
}

impl ToolRow {
    /// The tool as the model sees it.
    pub fn definition(&self) -> ToolDefinition {
        ToolDefinition {
            name: self.id.to_owned(),
            description: self.description.to_owned(),
            parameters: (self.parameters)(),
        }
    }

    pub(crate) fn make(&self, kit: &Kit) -> Arc<dyn Tool> {
        (self.new)(self.definition(), kit)
    }
}

/// Every built-in tool, in the order in which the model sees them.
pub static TOOLS: &[ToolRow] = &[
    ToolRow {
        id: "read",
        group: Group::Fs,
        description: "Read a text file (at most 2000 lines or 50 KB per call), image or PDF.",
        effect: Effect::Read,
        parameters: read::parameters,
        new: |definition, kit| Arc::new(read::Read::new(definition, kit)),
    },
    ToolRow {
        id: "write",
        group: Group::Fs,
        description: "Create or overwrite a file; makes parent folders.",
        effect: Effect::Write,
        parameters: write::parameters,
        new: |definition, kit| Arc::new(write::Write::new(definition, kit)),
    },
    ToolRow {
        id: "edit",
        group: Group::Fs,
        description: "Replace exact text in a file. Each oldText must occur exactly once and is matched against the original file.",
        effect: Effect::Write,
        parameters: edit::parameters,
        new: |definition, kit| Arc::new(edit::Edit::new(definition, kit)),
    },
    ToolRow {
        id: "apply_patch",
        group: Group::Fs,
        description: "Change several files at once, all or nothing.",
        effect: Effect::Write,
        parameters: apply_patch::parameters,
        new: |definition, kit| Arc::new(apply_patch::ApplyPatch::new(definition, kit)),
    },
    ToolRow {
        id: "ls",
        group: Group::Fs,
        description: "List a directory.",
        effect: Effect::Read,
        parameters: ls::parameters,
        new: |definition, kit| Arc::new(ls::Ls::new(definition, kit)),
    },
    ToolRow {
        id: "find",
        group: Group::Fs,
        description: "Find files by glob; respects .gitignore.",
        effect: Effect::Read,
        parameters: find::parameters,
        new: |definition, kit| Arc::new(find::Find::new(definition, kit)),
    },
    ToolRow {
        id: "grep",
        group: Group::Fs,
        description: "Search file contents by regex; respects .gitignore.",
        effect: Effect::Read,
        parameters: grep::parameters,
        new: |definition, kit| Arc::new(grep::Grep::new(definition, kit)),
    },
    ToolRow {
        id: "exec",
        group: Group::Runtime,
        description: "Run a shell command (/bin/sh -c). Long ones go on in the background and are watched with process.",
        effect: Effect::Write,
        parameters: exec::parameters,
        new: |definition, kit| Arc::new(exec::Exec::new(definition, kit)),
    },
    ToolRow {
        id: "process",
        group: Group::Runtime,
        description: "Manage background commands: poll for new output, read the log, type into them, kill.",
        effect: Effect::Write,
        parameters: process::parameters,
        new: |definition, kit| Arc::new(process::Process::new(definition, kit)),
    },
    ToolRow {
        id: "web_fetch",
        group: Group::Web,
        description: "Fetch a public URL (GET) as readable Markdown or text.",
        effect: Effect::External,
        parameters: web_fetch::parameters,
        new: |definition, kit| Arc::new(web_fetch::WebFetch::new(definition, kit)),
    },
    ToolRow {
        id: "session_status",
        group: Group::Sessions,
        description: "Show time, model, tokens and context of this session.",
        effect: Effect::Read,
        parameters: session_status::parameters,
        new: |definition, _| Arc::new(session_status::SessionStatusTool::new(definition)),
    },
    ToolRow {
        id: "cron",
        group: Group::Automation,
        description: "Reminders and recurring work: list, add, update, remove, run now, runs (what became of them).",
        effect: Effect::Write,
        parameters: cron::parameters,
        new: |definition, kit| Arc::new(cron::Cron::new(definition, kit)),
    },
];
