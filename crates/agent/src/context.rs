//! What a model is sent: the byte-stable prefix (system prompt and tools), and as much of the transcript as fits.
//!
//! Nothing that changes from turn to turn stands in the prefix, so vendors' caches hit (G27): it changes only when the
//! configuration, a skill or a workspace file does.

use std::fmt::Write as _;

use chela_llm::{Message, ModelInfo, Role, SystemBlock, ToolDefinition};
use chela_protocol::SessionKey;
use chela_store::{Item, ItemKind, Tail};

use crate::transcript::{Sight, json_bytes, tokens_of_bytes, view};
use crate::workspace::prompt_files;
use crate::{AgentProfile, ToolSet};

/// Context of a model about which nothing is known.
const UNKNOWN_WINDOW: u64 = 128_000;
/// The prefix is counted in steps of this many tokens, so that a small edit of a workspace file doesn't move the cut.
const PREFIX_STEP: u64 = 4_096;
/// The least room that history gets, however small the window is.
const MIN_HISTORY: u64 = 2_048;

const LEFT_OUT: &str = "[Earlier turns of this conversation are left out: they no longer fit.]";

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
        tools: &ToolSet,
        extra: Option<&str>,
    ) -> Self {
        let mut system = vec![SystemBlock { text: system_prompt(profile, session, skills), cache: true }];
        if let Some(extra) = extra.map(str::trim).filter(|extra| !extra.is_empty()) {
            system.push(SystemBlock { text: extra.to_owned(), cache: false });
        }
        Self { system, tools: tools.definitions() }
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

/// How many tokens of history fit beside the prefix and the answer.
pub(crate) fn history_budget(profile: &AgentProfile, model: &ModelInfo, prefix: &Prefix) -> u64 {
    let own = if model.context_window == 0 { UNKNOWN_WINDOW } else { model.context_window };
    let window = profile.context_tokens.map_or(own, |cap| cap.min(own));
    let answer = u64::from(model.max_output_tokens).min(window / 4);
    let prefix = prefix.tokens().div_ceil(PREFIX_STEP) * PREFIX_STEP;
    window.saturating_sub(answer + prefix).max(MIN_HISTORY)
}

/// The messages of a call: the transcript, cut at the front where it doesn't fit, and ending with a user's message.
pub(crate) fn messages(history: &Tail, budget: u64, model: &ModelInfo) -> Vec<Message> {
    let first = first_that_fits(history, budget);
    let mut messages = view(&history.items[first..], Sight::of(model));
    if (first > 0 || !history.complete)
        && let Some(message) = messages.first_mut()
    {
        message.blocks.insert(0, chela_llm::Block::Text { text: LEFT_OUT.to_owned() });
    }
    if messages.last().is_none_or(|message| message.role == Role::Assistant) {
        let text = "[continue]".to_owned();
        messages.push(Message { role: Role::User, blocks: vec![chela_llm::Block::Text { text }] });
    }
    messages
}

/// Tokens of the part of the history that fits.
pub(crate) fn history_tokens(history: &Tail, budget: u64) -> u64 {
    tokens(&history.items[first_that_fits(history, budget)..])
}

/// Where the shown part begins: always at the start of a turn.
///
/// A history that is too long is cut at the first turn behind a mark. Marks lie half a budget apart, counted from the
/// beginning of the conversation, and the first one behind which everything fits is taken. So the cut stays where it is for
/// many turns, and is found from the end of a conversation alone.
fn first_that_fits(history: &Tail, budget: u64) -> usize {
    let items = &history.items;
    let end = history.tokens_before + tokens(items);
    if history.complete && end - history.tokens_before <= budget {
        return 0;
    }
    let step = (budget / 2).max(1);
    let mark = end.saturating_sub(budget).div_ceil(step) * step;
    let mut at = history.tokens_before;
    let mut last_start = 0;
    for (index, item) in items.iter().enumerate() {
        if starts_turn(items, index) {
            last_start = index;
            if at >= mark {
                break;
            }
        }
        at += item.tokens;
    }
    // A turn that is too long by itself is shown all the same: its own words must be there.
    last_start
}

fn starts_turn(items: &[Item], index: usize) -> bool {
    items[index].kind == ItemKind::User && (index == 0 || items[index - 1].run != items[index].run)
}

fn tokens(items: &[Item]) -> u64 {
    items.iter().map(|item| item.tokens).sum()
}
