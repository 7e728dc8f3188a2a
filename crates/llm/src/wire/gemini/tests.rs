//! Gemini: bodies as snapshots, answers from events written by hand after the public reference.

use super::body::build;
use super::stream::Assembler;
use crate::types::{Block, LlmErrorKind, Request, StopReason, StreamEvent, Thinking, Usage};
use crate::wire::fixture::{body, decode, endpoint, everything};

#[test]
fn a_body_with_one_of_everything() {
    insta::assert_snapshot!(body(build, &[], &everything()));
}

#[test]
fn thinking_is_asked_for_as_the_generation_takes_it() {
    let thinking = |model: &str, thinking| {
        let mut endpoint = endpoint("http://127.0.0.1:1", &[], std::time::Duration::from_secs(1));
        let able = endpoint.info("m");
        std::sync::Arc::get_mut(&mut endpoint).expect("sole owner").models.insert(model.into(), able);
        let body = build(&Request { model: model.into(), thinking, ..Request::default() }, &endpoint);
        body["generationConfig"]["thinkingConfig"].to_string()
    };
    for (model, level, expected) in [
        ("gemini-2.5-flash", Thinking::Off, r#"{"includeThoughts":false,"thinkingBudget":0}"#),
        ("gemini-2.5-pro", Thinking::Off, r#"{"includeThoughts":false,"thinkingBudget":128}"#),
        ("gemini-2.5-pro", Thinking::Adaptive, r#"{"includeThoughts":true,"thinkingBudget":-1}"#),
        ("gemini-3-pro-preview", Thinking::Off, r#"{"includeThoughts":false,"thinkingLevel":"low"}"#),
        ("gemini-3-pro-preview", Thinking::Max, r#"{"includeThoughts":true,"thinkingLevel":"high"}"#),
        ("gemini-3-flash-preview", Thinking::Medium, r#"{"includeThoughts":true,"thinkingLevel":"medium"}"#),
    ] {
        assert_eq!(thinking(model, level), expected, "{model} {level:?}");
    }
}

const ANSWER: &str = r#"data: {"candidates":[{"content":{"parts":[{"text":"Let me","thought":true}],"role":"model"},"index":0}],"modelVersion":"m","responseId":"r1"}

data: {"candidates":[{"content":{"parts":[{"text":"H"}],"role":"model"},"index":0}],"responseId":"r1"}

data: {"candidates":[{"content":{"parts":[{"text":"i"},{"text":"","thoughtSignature":"c2ln"}],"role":"model"},"index":0}],"responseId":"r1"}

data: {"candidates":[{"content":{"parts":[{"functionCall":{"name":"read","args":{"path":"a"}},"thoughtSignature":"Y2FsbA=="},{"functionCall":{"name":"list"}}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":100,"candidatesTokenCount":8,"thoughtsTokenCount":30,"cachedContentTokenCount":64,"totalTokenCount":138},"responseId":"r1"}

"#;

#[test]
fn an_answer_with_one_of_everything() {
    let (events, done) = decode(Assembler::new("acme/m".into()), ANSWER).expect("an answer");
    let [
        Block::Thinking(thought),
        Block::Thinking(of_text),
        Block::Text { text },
        Block::ToolUse(read),
        Block::ToolUse(list),
    ] = &done.blocks[..]
    else {
        panic!("{:?}", done.blocks)
    };
    assert_eq!((thought.text.as_str(), thought.signature.as_deref()), ("Let me", None));
    assert_eq!((of_text.text.as_str(), of_text.signature.as_deref()), ("", Some("c2ln")));
    assert_eq!(text, "Hi");
    assert_eq!((&read.input, read.signature.as_deref()), (&serde_json::json!({"path": "a"}), Some("acme/m Y2FsbA==")));
    assert_eq!((&list.input, &list.signature), (&serde_json::json!({}), &None));
    assert_ne!(read.id, list.id);
    assert_eq!((done.stop, done.response_id.as_deref()), (StopReason::ToolUse, Some("r1")));
    assert_eq!(done.usage, Usage { input: 36, output: 38, cache_read: 64, cache_write: 0 });
    assert_eq!(events.iter().filter(|event| matches!(event, StreamEvent::ToolUseStart { .. })).count(), 2);
}

#[test]
fn a_blocked_prompt_is_refused_and_a_garbled_call_is_an_error() {
    let blocked = "data: {\"promptFeedback\":{\"blockReason\":\"PROHIBITED_CONTENT\"},\"usageMetadata\":{\"promptTokenCount\":4}}\n\n";
    let (_, done) = decode(Assembler::new("acme/m".into()), blocked).expect("an answer");
    assert_eq!((done.stop, done.blocks.len()), (StopReason::Refusal, 0));
    let garbled = "data: {\"candidates\":[{\"content\":{},\"finishReason\":\"MALFORMED_FUNCTION_CALL\"}]}\n\n";
    let outcome = decode(Assembler::new("acme/m".into()), garbled);
    assert!(matches!(outcome, Err(LlmErrorKind::Protocol { .. })), "{outcome:?}");
}

#[test]
fn a_thought_that_is_signed_itself_goes_back_as_it_came() {
    let text = "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hm\",\"thought\":true}]}}]}\n\n\
        data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\",\"thought\":true,\"thoughtSignature\":\"c2ln\"},\
        {\"text\":\"Yes\"}]},\"finishReason\":\"STOP\"}]}\n\n";
    let (_, done) = decode(Assembler::new("acme/m".into()), text).expect("an answer");
    let asked = Request {
        model: "m".into(),
        messages: vec![crate::Message { role: crate::Role::Assistant, blocks: done.blocks }],
        ..Request::default()
    };
    let body = build(&asked, &endpoint("http://127.0.0.1:1", &[], std::time::Duration::from_secs(1)));
    let parts = serde_json::json!([{"text": "Hm", "thought": true, "thoughtSignature": "c2ln"}, {"text": "Yes"}]);
    assert_eq!(body["contents"][0]["parts"], parts);
}
