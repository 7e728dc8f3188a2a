//! Messages: bodies as snapshots, answers from events written by hand after the public reference.

use super::body::build;
use super::stream::Assembler;
use crate::types::{Block, LlmErrorKind, Request, StopReason, StreamEvent, Thinking, ThinkingBlock, ToolUse, Usage};
use crate::wire::fixture::{body, decode, everything};

#[test]
fn a_body_with_one_of_everything() {
    insta::assert_snapshot!(body(build, &[], &everything()));
}

#[test]
fn newer_models_judge_for_themselves_and_older_ones_get_a_budget() {
    let thinking = |model: &str, thinking, max_output_tokens| {
        let messages = everything().messages.split_off(5);
        let request = Request {
            model: model.into(),
            messages,
            thinking,
            max_output_tokens,
            temperature: Some(0.5),
            ..Request::default()
        };
        let endpoint = crate::wire::fixture::endpoint("http://127.0.0.1:1", &[], std::time::Duration::from_secs(1));
        let mut able = endpoint.info("m");
        able.reference.model = model.into();
        let mut endpoint = endpoint;
        std::sync::Arc::get_mut(&mut endpoint).expect("sole owner").models.insert(model.into(), able);
        let body = build(&request, &endpoint);
        format!("{} {} {}", body["thinking"], body["output_config"], body["temperature"])
    };
    assert_eq!(
        thinking("claude-opus-4-6", Thinking::Max, None),
        r#"{"type":"adaptive","display":"summarized"} {"effort":"max"} null"#
    );
    assert_eq!(
        thinking("claude-opus-4-6", Thinking::Adaptive, None),
        r#"{"type":"adaptive","display":"summarized"} null null"#
    );
    assert_eq!(
        thinking("claude-opus-4-5", Thinking::Low, Some(8192)),
        r#"{"type":"enabled","budget_tokens":4096} null null"#
    );
    assert_eq!(
        thinking("claude-opus-4-5", Thinking::High, Some(8192)),
        r#"{"type":"enabled","budget_tokens":7168} null null"#
    );
    assert_eq!(thinking("claude-opus-4-5", Thinking::High, Some(2000)), "null null 0.5");
    assert_eq!(
        thinking("claude-opus-4-6", Thinking::Xhigh, None),
        r#"{"type":"adaptive","display":"summarized"} {"effort":"high"} null"#
    );
    assert_eq!(
        thinking("claude-opus-5-5", Thinking::Xhigh, None),
        r#"{"type":"adaptive","display":"summarized"} {"effort":"xhigh"} null"#
    );
    assert_eq!(thinking("claude-opus-5-5", Thinking::Off, None), "null null null");
    assert_eq!(thinking("claude-haiku-4-5", Thinking::Off, None), "null null 0.5");
}

const ANSWER: &str = r#"event: message_start
data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","content":[],"model":"m","stop_reason":null,"usage":{"input_tokens":25,"cache_creation_input_tokens":7,"cache_read_input_tokens":900,"output_tokens":1}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}

event: ping
data: {"type": "ping"}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Let me"}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"EqQB"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: content_block_start
data: {"type":"content_block_start","index":1,"content_block":{"type":"redacted_thinking","data":"EmwK"}}

event: content_block_start
data: {"type":"content_block_start","index":2,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":2,"delta":{"type":"text_delta","text":"Hi"}}

event: content_block_start
data: {"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"toolu_1","name":"read","input":{}}}

event: content_block_delta
data: {"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"{\"path\":"}}

event: content_block_delta
data: {"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":" \"a\"}"}}

event: something_new
data: {"type":"something_new"}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":42}}

event: message_stop
data: {"type":"message_stop"}

"#;

#[test]
fn an_answer_with_one_of_everything() {
    let (events, done) = decode(Assembler::new("acme/m".into()), ANSWER).expect("an answer");
    let thought = |text: &str, signature: &str, redacted| {
        let (text, signature) = (text.to_owned(), Some(signature.to_owned()));
        Block::Thinking(ThinkingBlock { text, signature, redacted, id: None, origin: "acme/m".into() })
    };
    let input = serde_json::json!({"path": "a"});
    let call = ToolUse { id: "toolu_1".into(), name: "read".into(), input, invalid: None, signature: None };
    let blocks = [
        thought("Let me", "EqQB", false),
        thought("", "EmwK", true),
        Block::Text { text: "Hi".into() },
        Block::ToolUse(call),
    ];
    assert_eq!(done.blocks, blocks);
    assert_eq!((done.stop, done.response_id.as_deref()), (StopReason::ToolUse, Some("msg_1")));
    assert_eq!(done.usage, Usage { input: 25, output: 42, cache_read: 900, cache_write: 7 });
    let delta = |partial: &str| StreamEvent::ToolUseDelta { id: "toolu_1".into(), partial_json: partial.into() };
    let expected = [
        StreamEvent::ThinkingDelta("Let me".into()),
        StreamEvent::TextDelta("Hi".into()),
        StreamEvent::ToolUseStart { id: "toolu_1".into(), name: "read".into() },
        delta("{\"path\":"),
        delta(" \"a\"}"),
    ];
    assert_eq!(events, expected);
}

#[test]
fn what_ends_early_or_makes_no_sense_is_no_answer() {
    let cut = ANSWER.split("event: message_stop").next().expect("a beginning");
    assert!(matches!(decode(Assembler::new("a/m".into()), cut), Err(LlmErrorKind::Network { .. })));
    let stray =
        "data: {\"type\":\"content_block_delta\",\"index\":9,\"delta\":{\"type\":\"text_delta\",\"text\":\"x\"}}\n\n";
    assert!(matches!(decode(Assembler::new("a/m".into()), stray), Err(LlmErrorKind::Protocol { .. })));
}
