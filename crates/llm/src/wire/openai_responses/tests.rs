//! Responses: bodies as snapshots, answers from events written by hand after the public reference.

use super::body::build;
use super::stream::Assembler;
use crate::types::{Block, LlmErrorKind, Request, StopReason, StreamEvent, Thinking, ThinkingBlock, ToolUse, Usage};
use crate::vendors::Quirk;
use crate::wire::fixture::{body, decode, everything};

#[test]
fn a_body_with_one_of_everything() {
    insta::assert_snapshot!(body(build, &[Quirk::PromptCacheKey], &everything()));
}

#[test]
fn servers_that_only_speak_like_openai_get_no_cache_key() {
    assert!(!body(build, &[], &everything()).contains("prompt_cache_key"));
}

#[test]
fn efforts_follow_the_generation_of_the_model() {
    use crate::wire::parts::effort;
    for (model, thinking, expected) in [
        ("gpt-5", Thinking::Off, Some("minimal")),
        ("gpt-5.2", Thinking::Off, Some("none")),
        ("gpt-6-luna", Thinking::Off, Some("none")),
        ("gpt-6-luna", Thinking::Max, Some("xhigh")),
        ("gpt-5.5-pro", Thinking::Off, None),
        ("gpt-4o", Thinking::Off, None),
        ("o3", Thinking::Off, None),
        ("gpt-5", Thinking::Xhigh, Some("high")),
        ("gpt-5.2", Thinking::Xhigh, Some("xhigh")),
        ("gpt-5.1-codex-max", Thinking::Max, Some("xhigh")),
        ("gpt-5.2", Thinking::Minimal, Some("low")),
        ("o3", Thinking::Adaptive, Some("medium")),
    ] {
        assert_eq!(effort(model, thinking), expected, "{model} {thinking:?}");
    }
}

#[test]
fn a_model_that_cannot_think_is_not_asked_to() {
    let request = Request { model: "plain".into(), temperature: Some(0.5), ..everything() };
    let body = body(build, &[], &request);
    assert!(!body.contains("\"reasoning\"") && !body.contains("\"include\""), "{body}");
    assert!(body.contains("\"temperature\": 0.5"), "{body}");
}

const ANSWER: &str = r#"event: response.created
data: {"type":"response.created","sequence_number":0,"response":{"id":"resp_1","object":"response","status":"in_progress"}}

event: response.output_item.added
data: {"type":"response.output_item.added","output_index":0,"item":{"id":"rs_1","type":"reasoning","summary":[]}}

event: response.reasoning_summary_part.added
data: {"type":"response.reasoning_summary_part.added","output_index":0,"summary_index":0,"part":{"type":"summary_text","text":""}}

event: response.reasoning_summary_text.delta
data: {"type":"response.reasoning_summary_text.delta","output_index":0,"summary_index":0,"delta":"First."}

event: response.reasoning_summary_part.added
data: {"type":"response.reasoning_summary_part.added","output_index":0,"summary_index":1,"part":{"type":"summary_text","text":""}}

event: response.reasoning_summary_text.delta
data: {"type":"response.reasoning_summary_text.delta","output_index":0,"summary_index":1,"delta":"Second."}

event: response.output_item.done
data: {"type":"response.output_item.done","output_index":0,"item":{"id":"rs_1","type":"reasoning","summary":[{"type":"summary_text","text":"First."},{"type":"summary_text","text":"Second."}],"encrypted_content":"gAAA"}}

event: response.output_item.added
data: {"type":"response.output_item.added","output_index":1,"item":{"id":"msg_1","type":"message","status":"in_progress","role":"assistant","content":[]}}

event: response.output_text.delta
data: {"type":"response.output_text.delta","item_id":"msg_1","output_index":1,"content_index":0,"delta":"Hi"}

event: response.output_item.done
data: {"type":"response.output_item.done","output_index":1,"item":{"id":"msg_1","type":"message","role":"assistant","content":[{"type":"output_text","text":"Hi","annotations":[]}]}}

event: response.output_item.added
data: {"type":"response.output_item.added","output_index":2,"item":{"id":"fc_1","type":"function_call","call_id":"call_1","name":"read","arguments":""}}

event: response.function_call_arguments.delta
data: {"type":"response.function_call_arguments.delta","item_id":"fc_1","output_index":2,"delta":"{\"path\":\"a\"}"}

event: response.output_item.done
data: {"type":"response.output_item.done","output_index":2,"item":{"id":"fc_1","type":"function_call","call_id":"call_1","name":"read","arguments":"{\"path\":\"a\"}"}}

event: response.completed
data: {"type":"response.completed","response":{"id":"resp_1","status":"completed","usage":{"input_tokens":50,"input_tokens_details":{"cached_tokens":40},"output_tokens":12,"output_tokens_details":{"reasoning_tokens":5},"total_tokens":62}}}

"#;

#[test]
fn an_answer_with_one_of_everything() {
    let (events, done) = decode(Assembler::new("acme/m".into()), ANSWER).expect("an answer");
    let thought = ThinkingBlock {
        text: "First.\n\nSecond.".into(),
        signature: Some("gAAA".into()),
        redacted: false,
        id: Some("rs_1".into()),
        origin: "acme/m".into(),
    };
    let input = serde_json::json!({"path": "a"});
    let call = ToolUse { id: "call_1".into(), name: "read".into(), input, invalid: None, signature: None };
    assert_eq!(done.blocks, [Block::Thinking(thought), Block::Text { text: "Hi".into() }, Block::ToolUse(call)]);
    assert_eq!((done.stop, done.response_id.as_deref()), (StopReason::ToolUse, Some("resp_1")));
    assert_eq!(done.usage, Usage { input: 10, output: 12, cache_read: 40, cache_write: 0 });
    let thoughts = events.iter().filter_map(|event| match event {
        StreamEvent::ThinkingDelta(delta) => Some(delta.as_str()),
        _ => None,
    });
    assert_eq!(thoughts.collect::<String>(), "First.\n\nSecond.");
}

#[test]
fn a_failed_response_is_an_error_and_a_refusal_an_answer() {
    let failed = "data: {\"type\":\"response.failed\",\"response\":{\"status\":\"failed\",\"error\":{\"code\":\"rate_limit_exceeded\",\"message\":\"slow\"}}}\n\n";
    let outcome = decode(Assembler::new("acme/m".into()), failed);
    assert!(matches!(outcome, Err(LlmErrorKind::RateLimited { .. })), "{outcome:?}");
    let refused = "data: {\"type\":\"response.output_item.added\",\"output_index\":0,\"item\":{\"type\":\"message\"}}\n\n\
        data: {\"type\":\"response.refusal.delta\",\"output_index\":0,\"delta\":\"No.\"}\n\n\
        data: {\"type\":\"response.completed\",\"response\":{\"usage\":{}}}\n\n";
    let (_, done) = decode(Assembler::new("acme/m".into()), refused).expect("an answer");
    assert_eq!((done.stop, &done.blocks[..]), (StopReason::Refusal, &[Block::Text { text: "No.".into() }][..]));
}
