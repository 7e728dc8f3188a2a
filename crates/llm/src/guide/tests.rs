//! What people ask the guide, and what they get.

use futures_util::StreamExt;
use serde_json::json;

use super::Guide;
use crate::{
    Block, Completion, Message, Provider, Request, Role, StopReason, StreamEvent, ToolDefinition, ToolResult, ToolUse,
};

fn user(text: &str) -> Message {
    Message { role: Role::User, blocks: vec![Block::Text { text: text.to_owned() }] }
}

fn assistant(text: &str) -> Message {
    Message { role: Role::Assistant, blocks: vec![Block::Text { text: text.to_owned() }] }
}

fn tool(name: &str, argument: &str) -> ToolDefinition {
    let parameters = json!({"type": "object", "properties": {argument: {"type": "string"}}, "required": [argument]});
    ToolDefinition { name: name.to_owned(), description: String::new(), parameters }
}

fn tools() -> Vec<ToolDefinition> {
    vec![tool("ls", "path"), tool("read", "path"), tool("session_status", "detail"), tool("exec", "command")]
}

fn events(request: Request) -> Vec<StreamEvent> {
    let mut stream = Guide::new().stream(request);
    let mut events = Vec::new();
    while let Some(event) = futures_util::FutureExt::now_or_never(stream.next()).expect("the guide never waits") {
        events.push(event.expect("the guide never fails"));
    }
    events
}

fn complete(messages: Vec<Message>) -> Completion {
    match events(Request { messages, tools: tools(), ..Request::default() }).pop() {
        Some(StreamEvent::Done(completion)) => completion,
        other => panic!("the last event is {other:?}"),
    }
}

fn ask(messages: Vec<Message>) -> String {
    let completion = complete(messages);
    assert_eq!(completion.stop, StopReason::EndTurn);
    match completion.blocks.as_slice() {
        [Block::Text { text }] => text.clone(),
        other => panic!("expected one text, got {other:?}"),
    }
}

fn asked_tool(message: &str) -> ToolUse {
    match complete(vec![user(message)]) {
        Completion { blocks, stop: StopReason::ToolUse, .. } => match blocks.as_slice() {
            [Block::ToolUse(call)] => call.clone(),
            other => panic!("expected one tool call, got {other:?}"),
        },
        other => panic!("expected a tool call, got {other:?}"),
    }
}

#[test]
fn a_greeting_is_told_what_answers_and_how_to_get_a_model() {
    let text = ask(vec![user("hi")]);
    assert!(text.contains("not a language model"), "{text}");
    assert!(text.contains("chela config set models.providers.anthropic.apiKey -"), "{text}");
    assert!(text.contains("ANTHROPIC_API_KEY"), "{text}");
}

#[test]
fn notes_of_the_gateway_are_not_the_question() {
    let greeting = ask(vec![user("hi")]);
    assert_eq!(ask(vec![user("hi\n\n[today is Friday 2026-11-20]")]), greeting);
    assert_eq!(ask(vec![user("[earlier messages are left out]\nhi")]), greeting);
    let told = vec![user("the password is blue\n\n[today is Friday]"), assistant("…"), user("what did I just say?")];
    assert_eq!(ask(told), "You said:\n\n> the password is blue");
}

#[test]
fn questions_about_the_product_find_their_passage() {
    let cases = [
        ("How do I set up an API key?", "Set a model key"),
        ("where do I put my Claude key", "key"),
        ("can I use Ollama?", "Local models: Ollama, LM Studio, vLLM"),
        ("how do fallbacks work", "Fallbacks"),
        ("How can I connect Discord?", "Connect Discord"),
        ("which channels are supported", "Which channels work in this version"),
        ("how do I deploy it", "Deployments that work in this version"),
        ("run it in docker", "A container"),
        ("deploy to fly.io", "Fly.io"),
        ("systemd unit", "A Linux box with systemd"),
        ("where is the config file", "Where the configuration file is"),
        ("what is my gateway token?", "Find the gateway token"),
        ("it says already running", "The gateway does not start: already running"),
        ("migrate from clawdbot", "Move from OpenClaw, Clawdbot or KrabKrab"),
        ("use it with the OpenAI API", "The OpenAI-compatible API"),
        ("怎么设置密钥", "key"),
        ("如何部署", "systemd"),
        ("怎样连接 Telegram 频道", "Connect Telegram"),
    ];
    for (question, heading) in cases {
        let text = ask(vec![user(question)]);
        let title = text.lines().find(|line| line.starts_with("## ")).unwrap_or_default();
        assert!(title.contains(heading), "{question:?} found {title:?} instead of {heading:?}");
    }
}

#[test]
fn what_the_documentation_does_not_know_is_admitted() {
    for question in ["what is the capital of France?", "write a poem about autumn", "2+2", "法国的首都是哪里"] {
        let text = ask(vec![user(question)]);
        assert!(text.contains("not a language model") || text.contains("不是语言模型"), "{question}: {text}");
        assert!(!text.contains("## "), "{question}: {text}");
    }
}

#[test]
fn chinese_gets_chinese_words() {
    assert!(ask(vec![user("你好")]).contains("不是语言模型"));
    assert!(ask(vec![user("怎么设置密钥？")]).starts_with("我是内置向导"));
}

#[test]
fn files_and_status_are_looked_up_with_tools() {
    let cases = [
        ("list the files", "ls", json!({"path": "."})),
        ("List the files in docs/", "ls", json!({"path": "docs/"})),
        ("read AGENTS.md", "read", json!({"path": "AGENTS.md"})),
        ("Please read `notes/todo.txt`.", "read", json!({"path": "notes/todo.txt"})),
        ("读取 AGENTS.md", "read", json!({"path": "AGENTS.md"})),
        ("列出文件", "ls", json!({"path": "."})),
        ("status", "session_status", json!({})),
    ];
    for (message, name, input) in cases {
        let call = asked_tool(message);
        assert_eq!((call.name.as_str(), call.input), (name, input), "{message}");
    }
}

#[test]
fn tool_results_are_repeated_and_errors_named() {
    let call = asked_tool("read AGENTS.md");
    let result = |text: &str, is_error| {
        let result = ToolResult {
            tool_use_id: call.id.clone(),
            name: "read".into(),
            text: text.into(),
            media: Vec::new(),
            is_error,
        };
        vec![
            user("read AGENTS.md"),
            Message { role: Role::Assistant, blocks: vec![Block::ToolUse(call.clone())] },
            Message { role: Role::User, blocks: vec![Block::ToolResult(result)] },
        ]
    };
    assert_eq!(ask(result("Be kind.\n", false)), "`read` says:\n\n```\nBe kind.\n```");
    assert!(ask(result("no such file", true)).starts_with("`read` did not work:"));
    assert!(ask(result(&"x".repeat(9000), false)).ends_with("(The rest is left out.)"));
    assert!(ask(result("```\ncode\n```", false)).contains("````\n```"));
}

#[test]
fn a_tool_that_is_switched_off_is_not_called() {
    let request = Request { messages: vec![user("list the files")], ..Request::default() };
    let Some(StreamEvent::Done(completion)) = events(request).pop() else { panic!("no end") };
    assert_eq!(completion.stop, StopReason::EndTurn);
}

#[test]
fn two_calls_of_one_conversation_have_different_ids() {
    let first = asked_tool("list the files");
    let later = complete(vec![user("hi"), assistant("…"), user("list the files")]);
    let [Block::ToolUse(second)] = later.blocks.as_slice() else { panic!("{later:?}") };
    assert_ne!(first.id, second.id);
}

#[test]
fn it_remembers_the_conversation() {
    let told = || vec![user("My name is Ada"), assistant("…"), user("the deploy day is Friday"), assistant("…")];
    let with = |question: &str| ask([told(), vec![user(question)]].concat());
    assert!(with("What did I just say?").contains("the deploy day is Friday"));
    assert!(with("what is my name?").contains("My name is Ada"));
    assert!(with("what did I say about my name?").contains("My name is Ada"));
    assert!(with("我刚才说了什么？").contains("the deploy day is Friday"));
    assert!(with("what is my shoe size?").contains("have not told me"));
    assert!(ask(vec![user("what did I just say?")]).contains("first message"));
}

#[test]
fn the_deltas_are_the_answer_and_never_differ() {
    let request = || Request { messages: vec![user("how do I deploy it")], ..Request::default() };
    let once = events(request());
    assert_eq!(once, events(request()));
    let streamed: String = once
        .iter()
        .filter_map(|event| match event {
            StreamEvent::TextDelta(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    let Some(StreamEvent::Done(completion)) = once.last() else { panic!("no end") };
    assert_eq!(completion.blocks, [Block::Text { text: streamed }]);
    assert!(once.len() > 5, "the answer comes in pieces");
}
