//! What stands before the conversation in every call, the byte-stable prefix (system prompt and tools), and the room that it leaves.
//!
//! Nothing that changes from turn to turn stands in the prefix, so vendors' caches hit (G27): it changes only when the
//! configuration, a skill or a workspace file does.

use std::fmt::Write as _;

use chela_llm::{ModelInfo, SystemBlock, ToolDefinition};
use chela_protocol::SessionKey;

use crate::AgentProfile;
use crate::transcript::{json_bytes, tokens_of_bytes};
use crate::workspace::prompt_files;

/// Context of a model about which nothing is known.
const UNKNOWN_WINDOW: u64 = 128_000;
/// The prefix is counted in steps of this many tokens, so that a small edit of a workspace file doesn't move the cut.
const PREFIX_STEP: u64 = 4_096;
/// The least room that history gets, however small the window is.
const MIN_HISTORY: u64 = 2_048;

/// The part of every request that stays the same from turn to turn.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Prefix {
    pub system: Vec<SystemBlock>,
    pub tools: Vec<ToolDefinition>,
}

impl Prefix {
    pub(crate) fn new(
        profile: &AgentProfile,
        session: &SessionKey,
        skills: &str,
        tools: Vec<ToolDefinition>,
        extra: Option<&str>,
    ) -> Self {
        let mut system = vec![SystemBlock { text: system_prompt(profile, session, skills), cache: true }];
        if let Some(extra) = extra.map(str::trim).filter(|extra| !extra.is_empty()) {
            system.push(SystemBlock { text: extra.to_owned(), cache: false });
        }
        Self { system, tools }
    }

    pub(crate) fn tokens(&self) -> u64 {
        let system: usize = self.system.iter().map(|block| block.text.len()).sum();
        let tools =
            self.tools.iter().map(|tool| tool.name.len() + tool.description.len() + json_bytes(&tool.parameters));
        tokens_of_bytes(system + tools.sum::<usize>())
    }
}

fn system_prompt(profile: &AgentProfile, session: &SessionKey, skills: &str) -> String {
    let mut prompt = identity(profile);
    prompt.push_str(include_str!("prompt.md"));
    let _ = write!(
        prompt,
        "\n## Workspace\n\nYour folder is `{}`; relative paths start there. Keep what you make in it unless you are told otherwise.\n",
        profile.workspace.display()
    );
    if !skills.is_empty() {
        prompt.push_str("\n## Skills\n\nInstructions for kinds of tasks. When one fits, read its file before you begin, and only then.\n\n");
        prompt.push_str(skills);
    }
    let files = prompt_files(&profile.workspace, session.is_main(), profile.files);
    if !files.is_empty() {
        prompt.push_str("\n## Files of your workspace\n");
    }
    for (name, text) in files {
        let _ = write!(prompt, "\n<file name=\"{name}\">\n{text}\n</file>\n");
    }
    prompt
}

fn identity(profile: &AgentProfile) -> String {
    let mut text =
        format!("You are {}, a personal assistant", if profile.name == "main" { "Chela" } else { &profile.name });
    if let Some(emoji) = &profile.identity.emoji {
        let _ = write!(text, " {emoji}");
    }
    text.push_str(", running on your owner's machine and reached through their chats.");
    if let Some(theme) = &profile.identity.theme {
        let _ = write!(text, " Your manner: {theme}.");
    }
    text.push('\n');
    text
}

/// How much of a model's window a conversation may fill, in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    /// The whole window.
    pub window: u64,
    /// History that fits beside the prefix and the answer.
    pub history: u64,
    /// A longer history is summarised.
    pub compact_at: u64,
}

impl Room {
    pub(crate) fn of(profile: &AgentProfile, model: &ModelInfo, prefix: &Prefix) -> Self {
        let own = window_of(model);
        let window = profile.context_tokens.map_or(own, |cap| cap.min(own));
        let answer = u64::from(model.max_output_tokens).min(window / 4);
        let reserve = profile.compaction.reserve_tokens.min(window / 4).max(answer);
        let prefix = prefix.tokens().div_ceil(PREFIX_STEP) * PREFIX_STEP;
        let left = |taken: u64| window.saturating_sub(taken + prefix).max(MIN_HISTORY);
        Self { window, history: left(answer), compact_at: left(reserve) }
    }
}

/// What fits in one call of a model, input and output together.
pub(crate) fn window_of(model: &ModelInfo) -> u64 {
    if model.context_window == 0 { UNKNOWN_WINDOW } else { model.context_window }
}
