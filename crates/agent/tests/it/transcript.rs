//! Whatever stands in a transcript, what goes to a model is valid for every vendor (G30).

use std::collections::HashSet;

use chela_agent::repair;
use chela_llm::{Block, Media, Message, Role, ThinkingBlock, ToolResult, ToolUse};
use proptest::prelude::*;
use serde_json::{Value, json};

/// The rules of Anthropic's Messages, OpenAI's Chat Completions and Responses, and Gemini, all at once.
pub(crate) fn assert_valid(messages: &[Message], at: &str) {
    let complain = |index: usize, what: &str| panic!("{at}: message {index}: {what}\n{messages:#?}");
    let mut ids = HashSet::new();
    let mut waiting: Vec<&ToolUse> = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        if message.role != if index % 2 == 0 { Role::User } else { Role::Assistant } {
            complain(index, "roles must alternate, beginning with the user");
        }
        if message.blocks.is_empty() {
            complain(index, "a message can't be empty");
        }
        let results: Vec<_> = message.blocks.iter().filter_map(as_result).collect();
        let answered: Vec<_> = results.iter().map(|result| (&result.tool_use_id, &result.name)).collect();
        let asked: Vec<_> = waiting.iter().map(|call| (&call.id, &call.name)).collect();
        if asked != answered {
            complain(index, "results must answer the calls before, all of them, in order");
        }
        if message.blocks.iter().take(results.len()).any(|block| as_result(block).is_none()) {
            complain(index, "results come before anything else");
        }
        waiting.clear();
        for block in &message.blocks {
            match (message.role, block) {
                (_, Block::Text { text }) if text.trim().is_empty() => complain(index, "a text can't be blank"),
                (Role::User, Block::ToolResult(result)) if result.text.is_empty() && result.media.is_empty() => {
                    complain(index, "a result can't be empty");
                }
                (_, Block::Text { .. })
                | (Role::User, Block::Media(_) | Block::ToolResult(_))
                | (Role::Assistant, Block::Thinking(_)) => {}
                (Role::Assistant, Block::ToolUse(call)) => {
                    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
                    if call.id.is_empty() || call.id.len() > 40 || !call.id.chars().all(plain) {
                        complain(index, "ids are short and plain");
                    }
                    if !ids.insert(&call.id) || !call.input.is_object() {
                        complain(index, "ids are unique, and arguments are an object");
                    }
                    waiting.push(call);
                }
                _ => complain(index, "a block that this role can't have"),
            }
        }
        if matches!(message.blocks.last(), Some(Block::Thinking(_))) {
            complain(index, "a message can't end in thinking");
        }
    }
    if !waiting.is_empty() {
        complain(messages.len(), "calls without results at the end");
    }
}

fn as_result(block: &Block) -> Option<&ToolResult> {
    match block {
        Block::ToolResult(result) => Some(result),
        _ => None,
    }
}

fn call(id: &str, input: Value) -> Block {
    Block::ToolUse(ToolUse { id: id.into(), name: format!("tool-{}", id.len()), input, invalid: None, signature: None })
}

fn result(id: &str, text: &str) -> Block {
    Block::ToolResult(ToolResult {
        tool_use_id: id.into(),
        name: format!("tool-{}", id.len()),
        text: text.into(),
        media: Vec::new(),
        is_error: false,
    })
}

fn words(text: &str) -> Block {
    Block::Text { text: text.into() }
}

fn thought(text: &str) -> Block {
    let (signature, origin) = (Some("sig".into()), "anthropic/x".into());
    Block::Thinking(ThinkingBlock { text: text.into(), signature, redacted: false, id: None, origin })
}

fn user(blocks: Vec<Block>) -> Message {
    Message { role: Role::User, blocks }
}

fn assistant(blocks: Vec<Block>) -> Message {
    Message { role: Role::Assistant, blocks }
}

fn any_block() -> impl Strategy<Value = Block> {
    // Few ids, so that they collide.
    let id = prop_oneof![
        Just("a".to_owned()),
        Just("bb".to_owned()),
        Just("bb-2".to_owned()),
        Just(String::new()),
        Just("odd id/é".to_owned()),
        Just("x".repeat(70)),
    ];
    prop_oneof![
        3 => prop_oneof![Just("hello"), Just("  \n"), Just("")].prop_map(words),
        2 => Just(thought("hm")),
        4 => (id.clone(), prop_oneof![Just(json!({"n": 1})), Just(json!("no object"))]).prop_map(|(id, input)| call(&id, input)),
        4 => (id, prop_oneof![Just("ok"), Just("")]).prop_map(|(id, text)| result(&id, text)),
        1 => Just(Block::Media(Media { mime: "image/png".into(), data: "AA==".into(), name: None })),
    ]
}

fn any_messages() -> impl Strategy<Value = Vec<Message>> {
    let message = (any::<bool>(), proptest::collection::vec(any_block(), 0..5));
    let role = |is_user| if is_user { Role::User } else { Role::Assistant };
    let message = message.prop_map(move |(is_user, blocks)| Message { role: role(is_user), blocks });
    proptest::collection::vec(message, 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn g30_any_wreck_is_mended_and_mending_twice_changes_nothing(wreck in any_messages()) {
        let mended = repair(wreck);
        assert_valid(&mended, "mended");
        prop_assert_eq!(repair(mended.clone()), mended);
    }

    #[test]
    fn g30_a_cut_anywhere_leaves_what_was_said_before_it(cut in 0_usize..7) {
        let mut whole = conversation();
        whole.truncate(cut);
        let mended = repair(whole.clone());
        assert_valid(&mended, "cut");
        prop_assert_eq!(&mended[..whole.len()], &whole[..], "nothing of it is changed or dropped");
    }
}

fn conversation() -> Vec<Message> {
    vec![
        user(vec![words("hi")]),
        assistant(vec![thought("hm"), words("let me see"), call("c1", json!({})), call("c2", json!({"n": 1}))]),
        user(vec![result("c1", "one"), result("c2", "two")]),
        assistant(vec![call("c3", json!({}))]),
        user(vec![result("c3", "three"), words("and hurry")]),
        assistant(vec![words("done")]),
    ]
}

#[test]
fn g30_what_is_valid_stays_as_it_is() {
    assert_eq!(repair(conversation()), conversation());
}

#[test]
fn g30_results_are_put_in_order_and_orphans_dropped() {
    let mended = repair(vec![
        user(vec![words("hi"), result("ghost", "boo")]),
        assistant(vec![call("c1", json!({})), call("c2", json!({}))]),
        assistant(vec![words("(a note in between)")]),
        user(vec![result("c2", "two")]),
        user(vec![words("more"), result("c1", "one"), result("c1", "again")]),
    ]);
    assert_eq!(
        mended,
        [
            user(vec![words("hi")]),
            assistant(vec![call("c1", json!({})), call("c2", json!({}))]),
            user(vec![result("c1", "one"), result("c2", "two")]),
            assistant(vec![words("(a note in between)")]),
            user(vec![words("more")]),
        ]
    );
}
