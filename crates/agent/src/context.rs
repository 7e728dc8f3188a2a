//! What a model is sent: the byte-stable prefix (system prompt and tools), and as much of the transcript as fits.
//!
//! Nothing that changes from turn to turn stands in the prefix, so vendors' caches hit (G27): it changes only when the
//! configuration, a skill or a workspace file does.

use std::fmt::Write as _;
use std::io;

use chela_llm::{Message, ModelInfo, Role, SystemBlock, ToolDefinition};
use chela_protocol::SessionKey;
use chela_store::{Item, ItemKind};
use serde_json::Value;

use crate::transcript::{Sight, view};
use crate::workspace::prompt_files;
use crate::{AgentProfile, SkillIndex, ToolSet};

/// Bytes per token, times ten: English prose and JSON come out at 3.6, on the safe side for both.
const BYTES_PER_TEN_TOKENS: u64 = 36;
/// What vendors bill for an image or a page, at most, in tokens.
const MEDIA_TOKENS: u64 = 1_600;
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
        skills: &SkillIndex,
        tools: &ToolSet,
        extra: Option<&str>,
    ) -> Self {
        let mut system = vec![SystemBlock { text: system_prompt(profile, session, skills), cache: true }];
        if let Some(extra) = extra.map(str::trim).filter(|extra| !extra.is_empty()) {
            system.push(SystemBlock { text: extra.to_owned(), cache: false });
        }
        Self { system, tools: tools.definitions() }
    }

    fn tokens(&self) -> u64 {
        let system: usize = self.system.iter().map(|block| block.text.len()).sum();
        let tools = self.tools.iter().map(|tool| tool.name.len() + tool.description.len() + size(&tool.parameters));
        tokens(system + tools.sum::<usize>())
    }
}

fn system_prompt(profile: &AgentProfile, session: &SessionKey, skills: &SkillIndex) -> String {
    let mut prompt = identity(profile);
    prompt.push_str(include_str!("prompt.md"));
    let _ = write!(
        prompt,
        "\n## Workspace\n\nYour folder is `{}`; relative paths start there. Keep what you make in it unless you are told otherwise.\n",
        profile.workspace.display()
    );
    if !skills.prompt().is_empty() {
        prompt.push_str("\n## Skills\n\nInstructions for kinds of tasks. When one fits, read its file before you begin, and only then.\n\n");
        prompt.push_str(skills.prompt());
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
pub(crate) fn messages(items: &[Item], budget: u64, model: &ModelInfo) -> Vec<Message> {
    let first = first_that_fits(items, budget);
    let mut messages = view(&items[first..], Sight::of(model));
    if first > 0
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

/// Where the shown part begins: always at the start of a turn.
///
/// Walks forward as the conversation grew. Whenever the sum passes the budget, whole turns are dropped from the front until
/// half of it is free, so the cut stays where it is for many turns, and is the same for everybody who looks at the same items.
fn first_that_fits(items: &[Item], budget: u64) -> usize {
    let starts: Vec<usize> = (0..items.len()).filter(|index| starts_turn(items, *index)).collect();
    let ends = starts.iter().skip(1).copied().chain([items.len()]);
    let turns: Vec<u64> =
        starts.iter().zip(ends).map(|(start, end)| items[*start..end].iter().map(item_tokens).sum()).collect();
    let (mut first, mut sum) = (0, 0);
    for (last, turn) in turns.iter().enumerate() {
        sum += turn;
        if sum <= budget {
            continue;
        }
        while sum > budget / 2 && first < last {
            sum -= turns[first];
            first += 1;
        }
    }
    if first == 0 { 0 } else { starts[first] }
}

/// Tokens of the part of the transcript that fits.
pub(crate) fn history_tokens(items: &[Item], budget: u64) -> u64 {
    items[first_that_fits(items, budget)..].iter().map(item_tokens).sum()
}

fn starts_turn(items: &[Item], index: usize) -> bool {
    items[index].kind == ItemKind::User && (index == 0 || items[index - 1].run != items[index].run)
}

fn item_tokens(item: &Item) -> u64 {
    let (bytes, media) = weigh(&item.body);
    tokens(bytes) + media * MEDIA_TOKENS
}

/// Bytes of a body without its media, and how many media there are.
fn weigh(value: &Value) -> (usize, u64) {
    match value {
        Value::Object(map) if map.contains_key("mime") && map.contains_key("data") => (0, 1),
        Value::Object(map) => map.iter().fold((2, 0), |(bytes, media), (key, value)| {
            let (inner, more) = weigh(value);
            (bytes + key.len() + 4 + inner, media + more)
        }),
        Value::Array(list) => list.iter().map(weigh).fold((2, 0), |sum, one| (sum.0 + one.0 + 1, sum.1 + one.1)),
        Value::String(text) => (text.len() + 2, 0),
        Value::Null | Value::Bool(_) | Value::Number(_) => (5, 0),
    }
}

fn tokens(bytes: usize) -> u64 {
    (bytes as u64 * 10).div_ceil(BYTES_PER_TEN_TOKENS)
}

/// Length of a value as JSON.
fn size(value: &Value) -> usize {
    struct Count(usize);
    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    let _ = serde_json::to_writer(&mut count, value);
    count.0
}
