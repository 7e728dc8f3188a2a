//! Chat Completions: bodies as snapshots, answers from events written by hand after the public reference.

use super::body::build;
use super::stream::Assembler;
use crate::types::{Block, LlmErrorKind, Request, StopReason, StreamEvent, Thinking, ToolUse, Usage};
use crate::vendors::Quirk;
use crate::wire::fixture::{body, decode, everything};

#[test]
fn a_body_with_one_of_everything() {
    insta::assert_snapshot!(body(build, &[], &everything()));
}

#[test]
fn quirks_change_the_body_where_they_say() {
    const QUIRKS: &[Quirk] = &[
        Quirk::MaxCompletionTokens,
        Quirk::NoStreamOptions,
        Quirk::PromptCacheKey,
        Quirk::ReasoningEffort,
        Quirk::ReasoningObject,
        Quirk::ThinkingSwitch,
        Quirk::EnableThinking,
        Quirk::ReplayReasoning,
        Quirk::NineLetterIds,
    ];
    insta::assert_snapshot!(body(build, QUIRKS, &everything()));
}

#[test]
fn thinking_can_be_switched_off_where_it_has_a_switch() {
    let request = Request { thinking: Thinking::Off, messages: Vec::new(), tools: Vec::new(), ..everything() };
    let off = body(build, &[Quirk::ThinkingSwitch, Quirk::EnableThinking, Quirk::ReasoningObject], &request);
    assert!(off.contains("\"type\": \"disabled\"") && off.contains("\"enable_thinking\": false"), "{off}");
    assert!(!off.contains("\"reasoning\""), "{off}");
}

const ANSWER: &str = r#"data: {"id":"chatcmpl-1","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}

data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{"reasoning_content":"Let me"},"finish_reason":null}]}

: keep-alive

data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}

data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_a","type":"function","function":{"name":"read","arguments":""}}]},"finish_reason":null}]}

data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"call_b","type":"function","function":{"name":"list","arguments":""}}]},"finish_reason":null}]}

data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"path\":\"a\"}"}}]},"finish_reason":null}]}

data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}

data: {"id":"chatcmpl-1","choices":[],"usage":{"prompt_tokens":120,"completion_tokens":17,"total_tokens":137,"prompt_tokens_details":{"cached_tokens":100}}}

data: [DONE]

"#;

fn call(id: &str, name: &str, input: serde_json::Value) -> Block {
    Block::ToolUse(ToolUse { id: id.into(), name: name.into(), input, invalid: None, signature: None })
}

#[test]
fn an_answer_with_one_of_everything() {
    let (events, done) = decode(Assembler::new("acme/m".into()), ANSWER).expect("an answer");
    let Block::Thinking(thought) = &done.blocks[0] else { panic!("{:?}", done.blocks) };
    assert_eq!((thought.text.as_str(), thought.origin.as_str()), ("Let me", "acme/m"));
    let rest = [
        Block::Text { text: "Hi".into() },
        call("call_a", "read", serde_json::json!({"path": "a"})),
        call("call_b", "list", serde_json::json!({})),
    ];
    assert_eq!(done.blocks[1..], rest);
    assert_eq!((done.stop, done.response_id.as_deref()), (StopReason::ToolUse, Some("chatcmpl-1")));
    assert_eq!(done.usage, Usage { input: 20, output: 17, cache_read: 100, cache_write: 0 });
    assert_eq!(events.len(), 5);
    assert_eq!(events[4], StreamEvent::ToolUseDelta { id: "call_a".into(), partial_json: "{\"path\":\"a\"}".into() });
}

/// Servers that number every call 0, or none at all, and say `stop`.
#[test]
fn badly_numbered_calls_stay_apart() {
    for number in ["\"index\":0,", ""] {
        let chunk = |id: &str| {
            format!(
                "data: {{\"choices\":[{{\"delta\":{{\"tool_calls\":[{{{number}\"id\":\"{id}\",\"function\":\
                 {{\"name\":\"read\",\"arguments\":\"{{}}\"}}}}]}}}}]}}\n\n"
            )
        };
        let end = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
        let text = format!("{}{}{end}", chunk("a"), chunk("b"));
        let (_, done) = decode(Assembler::new("acme/m".into()), &text).expect("an answer");
        assert_eq!(done.blocks, [call("a", "read", serde_json::json!({})), call("b", "read", serde_json::json!({}))]);
        assert_eq!(done.stop, StopReason::ToolUse);
    }
}

#[test]
fn a_reason_without_done_is_an_end_and_the_reverse_too() {
    let text = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
    for end in ["data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"length\"}]}\n\n", "data: [DONE]\n\n"] {
        decode(Assembler::new("acme/m".into()), &format!("{text}{end}")).expect("an answer");
    }
    assert!(matches!(decode(Assembler::new("acme/m".into()), text), Err(LlmErrorKind::Network { .. })));
}

#[test]
fn thoughts_and_counts_of_other_vendors_are_understood() {
    let text = "data: {\"choices\":[{\"delta\":{\"reasoning\":\"Hm\"}}]}\n\n\
        data: {\"choices\":[{\"delta\":{\"content\":[{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":\"m.\"}]},\
        {\"type\":\"text\",\"text\":\"Yes\"}]}}]}\n\n\
        data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\
        \"usage\":{\"prompt_tokens\":10,\"completion_tokens\":2,\"prompt_cache_hit_tokens\":6}}\n\n";
    let (_, done) = decode(Assembler::new("acme/m".into()), text).expect("an answer");
    assert!(matches!(&done.blocks[0], Block::Thinking(thought) if thought.text == "Hmm."));
    assert_eq!(done.blocks[1], Block::Text { text: "Yes".into() });
    assert_eq!((done.usage.input, done.usage.cache_read), (4, 6));
}

#[test]
fn a_vendor_that_gives_up_has_failed() {
    for reason in ["error", "insufficient_system_resource"] {
        let text = format!("data: {{\"choices\":[{{\"delta\":{{}},\"finish_reason\":\"{reason}\"}}]}}\n\n");
        let outcome = decode(Assembler::new("acme/m".into()), &text);
        assert!(matches!(outcome, Err(LlmErrorKind::Server { .. })), "{outcome:?}");
    }
}
