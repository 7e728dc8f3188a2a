//! From a request to a reply: what to say, and which tool to ask for.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::Reply;
use super::intent::{Intent, intent};
use super::passages::{Passage, search};
use super::words::{is_chinese, stems, terms};
use crate::{Block, Message, Request, Role, ToolDefinition, ToolResult, ToolUse};

/// Most of a tool's output that the guide repeats, in characters.
const QUOTE_CHARS: usize = 4000;
/// How many other headings an answer names.
const RELATED: usize = 3;

const WHAT_I_AM: &str = "I am Chela's built-in guide, not a language model: no model is configured yet, so I answer from the documentation.";

const HOW_TO_GET_A_MODEL: &str = "\
To get a real model, give the gateway one key. While it runs:

```sh
chela config set models.providers.anthropic.apiKey -
```

or in its environment before it starts:

```sh
export ANTHROPIC_API_KEY=…
```

`OPENAI_API_KEY`, `GEMINI_API_KEY`, `OPENROUTER_API_KEY` and others work the same way.";

const WHAT_I_CAN: &str = "\
Until then, ask me how to set up a key, a channel or a deployment, or say \"list the files\", \"read AGENTS.md\" or \"status\".";

const CHINESE_WHAT_I_AM: &str = "我是 Chela 的内置向导，不是语言模型：目前还没有配置模型，我只能根据文档（英文）回答。";

const CHINESE_HOW_TO: &str = "\
要使用真正的模型，请给网关一个密钥：

```sh
chela config set models.providers.anthropic.apiKey -
```

或者在启动网关之前设置环境变量：

```sh
export ANTHROPIC_API_KEY=…
```

`OPENAI_API_KEY`、`GEMINI_API_KEY`、`OPENROUTER_API_KEY` 等也可以。您可以问我怎样设置密钥、频道或部署，也可以说“列出文件”、“读取 AGENTS.md”或“状态”。";

/// Decides what the guide says to a request.
pub(super) fn answer(request: &Request) -> Reply {
    let results = tool_results(&request.messages);
    if !results.is_empty() {
        return say(report(&results));
    }
    let said = user_texts(&request.messages);
    let (message, earlier) = match said.split_last() {
        Some((last, earlier)) => (last.as_str(), earlier),
        None => ("", &[] as &[String]),
    };
    match intent(message) {
        Intent::Introduction => say(introduction(message)),
        Intent::Recall => say(recall(message, earlier)),
        Intent::RecallFact(fact) => say(recall_fact(&fact, earlier)),
        Intent::Remember => say(noted(message)),
        Intent::List { path } => call(request, &["ls", "list"], &[("path", &path)]),
        Intent::Read { path } => call(request, &["read"], &[("path", &path)]),
        Intent::Status => call(request, &["session_status"], &[]),
        Intent::Question => say(from_documentation(message, is_first(&request.messages))),
    }
}

fn say(text: String) -> Reply {
    Reply { text, tool: None }
}

fn introduction(message: &str) -> String {
    if is_chinese(message) {
        return format!("{CHINESE_WHAT_I_AM}\n\n{CHINESE_HOW_TO}");
    }
    format!("{WHAT_I_AM}\n\n{HOW_TO_GET_A_MODEL}\n\n{WHAT_I_CAN}")
}

/// The best passage, where it stands, and what else may help.
fn from_documentation(message: &str, first: bool) -> String {
    let found = search(&terms(message), 1 + RELATED);
    let Some((best, related)) = found.split_first() else {
        return nothing_found(message);
    };
    let mut text = String::new();
    if is_chinese(message) {
        text.push_str("我是内置向导，不是语言模型。文档（英文）中的相关内容：\n\n");
    } else if first {
        text.push_str(WHAT_I_AM);
        text.push_str("\n\n");
    }
    text.push_str(&quote(best));
    if !related.is_empty() {
        text.push_str("\n\nSee also:\n");
        for passage in related {
            let _ = write!(text, "\n- {} ({})", passage.heading, passage.page);
        }
    }
    text
}

fn quote(passage: &Passage) -> String {
    format!("## {}\n\n{}\n\n*From {}.*", passage.heading, passage.text, passage.page)
}

fn nothing_found(message: &str) -> String {
    if is_chinese(message) {
        return format!("文档里没有找到答案。{CHINESE_WHAT_I_AM}\n\n{CHINESE_HOW_TO}");
    }
    format!("I can't answer that. {WHAT_I_AM}\n\n{HOW_TO_GET_A_MODEL}\n\n{WHAT_I_CAN}")
}

/// The user's last message, or the last one that speaks of the same thing.
fn recall(message: &str, earlier: &[String]) -> String {
    const ABOUT_RECALLING: &[&str] =
        &["say", "said", "ask", "write", "message", "last", "previou", "before", "earlier"];
    let about: Vec<String> = stems(message).filter(|word| !ABOUT_RECALLING.contains(&word.as_str())).collect();
    let speaks_of_it = |text: &&String| about.is_empty() || stems(text).any(|word| about.contains(&word));
    match earlier.iter().rev().find(speaks_of_it) {
        Some(text) if is_chinese(message) => format!("您说的是：\n\n> {}", indent(text)),
        Some(text) => format!("You said:\n\n> {}", indent(text)),
        None if earlier.is_empty() => "Nothing yet: this is the first message of our conversation.".to_owned(),
        None => "You have not said anything about that in this conversation.".to_owned(),
    }
}

fn recall_fact(fact: &str, earlier: &[String]) -> String {
    let asked: Vec<String> = stems(fact).collect();
    let tells = |text: &&String| {
        let introductions = ["call me", "i am ", "i'm ", "我叫"];
        let named = fact == "name" && introductions.iter().any(|start| text.to_lowercase().contains(start));
        let question = text.trim_end().ends_with(['?', '？']);
        !question && (named || stems(text).any(|word| asked.contains(&word)))
    };
    match earlier.iter().rev().find(tells) {
        Some(text) => format!("You told me:\n\n> {}", indent(text)),
        None => format!("You have not told me your {fact} in this conversation."),
    }
}

fn noted(message: &str) -> String {
    if is_chinese(message) {
        return "好的，这句话会保存在本次对话中，之后可以问我。".to_owned();
    }
    "That is kept in this conversation; ask me for it later. As a guide I only look it up. A real model will read it too.".to_owned()
}

/// Asks for a tool, or says that the gateway does not offer it.
fn call(request: &Request, names: &[&str], arguments: &[(&str, &str)]) -> Reply {
    let Some(tool) = request.tools.iter().find(|tool| names.contains(&tool.name.as_str())) else {
        return say(format!("The tool `{}` is switched off for this agent, so I can't look.", names[0]));
    };
    let mut input = json!({});
    for (name, value) in arguments {
        input[argument_name(tool, name)] = Value::from(*value);
    }
    let id = format!("guide_{}", request.messages.len());
    Reply {
        text: String::new(),
        tool: Some(ToolUse { id, name: tool.name.clone(), input, invalid: None, signature: None }),
    }
}

/// The tool's own word for an argument: its first required one when it doesn't know ours.
fn argument_name<'a>(tool: &'a ToolDefinition, name: &'a str) -> &'a str {
    if tool.parameters["properties"].get(name).is_some() {
        return name;
    }
    tool.parameters["required"][0].as_str().unwrap_or(name)
}

fn report(results: &[&ToolResult]) -> String {
    let mut text = String::new();
    for result in results {
        if !text.is_empty() {
            text.push_str("\n\n");
        }
        let opening = if result.is_error { "did not work" } else { "says" };
        let shown: String = result.text.chars().take(QUOTE_CHARS).collect();
        let cut = if shown.len() < result.text.len() { "\n\n(The rest is left out.)" } else { "" };
        let fence = fence_for(&shown);
        let _ = write!(text, "`{}` {opening}:\n\n{fence}\n{}\n{fence}{cut}", result.name, shown.trim_end());
    }
    text
}

/// A fence that is longer than any within the text.
fn fence_for(text: &str) -> String {
    let longest = text.lines().map(|line| line.chars().take_while(|letter| *letter == '`').count()).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

/// Results at the very end of the conversation: the answer to the guide's own calls.
fn tool_results(messages: &[Message]) -> Vec<&ToolResult> {
    let Some(last) = messages.last().filter(|message| message.role == Role::User) else { return Vec::new() };
    if last.blocks.iter().any(|block| matches!(block, Block::Text { .. })) {
        return Vec::new();
    }
    last.blocks
        .iter()
        .filter_map(|block| match block {
            Block::ToolResult(result) => Some(result),
            Block::Text { .. } | Block::Thinking(_) | Block::ToolUse(_) | Block::Media(_) => None,
        })
        .collect()
}

/// What the user wrote, one entry per message.
fn user_texts(messages: &[Message]) -> Vec<String> {
    messages.iter().filter(|message| message.role == Role::User).filter_map(text_of).collect()
}

fn text_of(message: &Message) -> Option<String> {
    let texts: Vec<&str> = message
        .blocks
        .iter()
        .filter_map(|block| match block {
            Block::Text { text } => Some(own_words(text)),
            Block::Thinking(_) | Block::ToolUse(_) | Block::ToolResult(_) | Block::Media(_) => None,
        })
        .collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

/// What the person wrote: the gateway adds notes of its own in brackets, such as `[today is …]`, on lines before or after it.
fn own_words(text: &str) -> &str {
    let is_note = |line: &str| line.starts_with('[') && line.ends_with(']');
    let mut words = text.trim();
    while let Some((rest, _)) = words.rsplit_once('\n').filter(|(_, last)| is_note(last)) {
        words = rest.trim_end();
    }
    while let Some((_, rest)) = words.split_once('\n').filter(|(first, _)| is_note(first)) {
        words = rest.trim_start();
    }
    words
}

fn is_first(messages: &[Message]) -> bool {
    !messages.iter().any(|message| message.role == Role::Assistant)
}

/// Keeps a quotation together over several lines.
fn indent(text: &str) -> String {
    text.replace('\n', "\n> ")
}
