//! Makes any sequence of messages one that every provider accepts (G30). Pure, deterministic, and a no-op on what is valid:
//! crashes and aborts are mended when a transcript is read, never by rewriting it.

use std::collections::{HashMap, HashSet, VecDeque};

use chela_llm::{Block, Message, Role, ToolResult, ToolUse};
use serde_json::Value;

/// Stands for what came before, where the first words would otherwise be the assistant's.
const NOTHING_BEFORE: &str = "[earlier messages are not shown]";
/// Answers a call whose result is nowhere in the transcript.
const NO_RESULT: &str = "[no result: the call was cut off; check the state of things before repeating it]";
const EMPTY_RESULT: &str = "(no output)";
/// The narrowest form of a call's id among the vendors: `[A-Za-z0-9_-]`, at most 40 bytes.
const CALL_ID_MAX_BYTES: usize = 40;

/// The narrowest form of a tool's name among the vendors: `[A-Za-z0-9_-]`, at most 64 bytes.
const NAME_MAX_BYTES: usize = 64;

/// Gives back messages for which holds: the first is a user's; roles alternate; none is empty; every tool call is answered in
/// the message right after it, in the order of the calls and before anything else; nothing answers a call that wasn't made;
/// ids of calls are unique and plain, names of tools plain; no message ends in thinking.
///
/// Applying it twice is the same as applying it once.
pub fn repair(messages: Vec<Message>) -> Vec<Message> {
    let mut output = Vec::<Message>::with_capacity(messages.len());
    let mut ids = HashSet::new();
    let mut answers = answers_by_caller(&messages);
    for (index, message) in messages.into_iter().enumerate() {
        match message.role {
            Role::User => push(&mut output, Role::User, user_blocks(message.blocks)),
            Role::Assistant => {
                let blocks = assistant_blocks(message.blocks);
                let (blocks, results) = answer(blocks, answers.remove(&index).unwrap_or_default(), &mut ids);
                push(&mut output, Role::Assistant, blocks);
                push(&mut output, Role::User, results);
            }
        }
    }
    if output.first().is_some_and(|message| message.role == Role::Assistant) {
        output.insert(0, Message { role: Role::User, blocks: vec![text(NOTHING_BEFORE)] });
    }
    output
}

/// The results that stand between one message with calls and the next, by the place of the caller.
fn answers_by_caller(messages: &[Message]) -> HashMap<usize, VecDeque<ToolResult>> {
    let mut answers = HashMap::<usize, VecDeque<ToolResult>>::new();
    let mut caller = None;
    for (index, message) in messages.iter().enumerate() {
        for block in &message.blocks {
            match (message.role, block) {
                (Role::Assistant, Block::ToolUse(_)) => caller = Some(index),
                (Role::User, Block::ToolResult(result)) => {
                    if let Some(caller) = caller {
                        answers.entry(caller).or_default().push_back(result.clone());
                    }
                }
                _ => {}
            }
        }
    }
    answers
}

/// Results are put back by [`answer`]; thinking and calls are not a user's.
fn user_blocks(blocks: Vec<Block>) -> Vec<Block> {
    let keep = |block: &Block| matches!(block, Block::Media(_)) || is_text(block);
    blocks.into_iter().filter(keep).collect()
}

fn assistant_blocks(blocks: Vec<Block>) -> Vec<Block> {
    let keep = |block: &Block| matches!(block, Block::Thinking(_) | Block::ToolUse(_)) || is_text(block);
    let mut blocks: Vec<_> = blocks.into_iter().filter(keep).collect();
    while matches!(blocks.last(), Some(Block::Thinking(_))) {
        blocks.pop();
    }
    blocks
}

/// Gives every call an id of its own and its result.
fn answer(
    mut blocks: Vec<Block>,
    mut answers: VecDeque<ToolResult>,
    ids: &mut HashSet<String>,
) -> (Vec<Block>, Vec<Block>) {
    let mut results = Vec::new();
    for block in &mut blocks {
        let Block::ToolUse(call) = block else { continue };
        if !call.input.is_object() {
            call.input = Value::Object(serde_json::Map::new());
        }
        let found = answers.iter().position(|result| result.tool_use_id == call.id);
        let mut result = found.and_then(|at| answers.remove(at)).unwrap_or_else(|| missing(call));
        call.id = unique_id(&call.id, ids);
        call.name = plain_name(&call.name);
        result.tool_use_id.clone_from(&call.id);
        result.name.clone_from(&call.name);
        if result.text.trim().is_empty() && result.media.is_empty() {
            EMPTY_RESULT.clone_into(&mut result.text);
        }
        results.push(Block::ToolResult(result));
    }
    (blocks, results)
}

fn missing(call: &ToolUse) -> ToolResult {
    ToolResult {
        tool_use_id: call.id.clone(),
        name: call.name.clone(),
        text: NO_RESULT.to_owned(),
        media: Vec::new(),
        is_error: true,
    }
}

/// A name that the model made up, so that the vendor takes it back.
fn plain_name(name: &str) -> String {
    let plain = name.bytes().take(NAME_MAX_BYTES).map(|byte| if is_plain(byte) { char::from(byte) } else { '_' });
    if name.is_empty() { "unnamed".to_owned() } else { plain.collect() }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

fn unique_id(id: &str, taken: &mut HashSet<String>) -> String {
    let base = if !id.is_empty() && id.len() <= CALL_ID_MAX_BYTES && id.bytes().all(is_plain) {
        id.to_owned()
    } else {
        format!("call_{:016x}", fnv1a(id.as_bytes()))
    };
    let mut candidate = base.clone();
    let mut number = 2_u32;
    while !taken.insert(candidate.clone()) {
        let suffix = format!("-{number}");
        candidate = format!("{}{suffix}", &base[..base.len().min(CALL_ID_MAX_BYTES - suffix.len())]);
        number += 1;
    }
    candidate
}

/// The 64-bit FNV-1a hash: the same on every machine and in every version.
pub(crate) fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Adds blocks to the last message if it is of the same role. Thinking that would come to stand inside a message is kept: it
/// belongs to the calls that follow it.
fn push(output: &mut Vec<Message>, role: Role, blocks: Vec<Block>) {
    if blocks.is_empty() {
        return;
    }
    match output.last_mut() {
        Some(last) if last.role == role => last.blocks.extend(blocks),
        _ => output.push(Message { role, blocks }),
    }
}

fn is_text(block: &Block) -> bool {
    matches!(block, Block::Text { text } if !text.trim().is_empty())
}

fn text(text: &str) -> Block {
    Block::Text { text: text.to_owned() }
}
