//! A request as a Messages body. `messages` stands last, so that the next turn's body begins with this one's bytes, up to the
//! cache marks, which move on with the conversation (the vendor's cache does not count them).

use serde_json::{Map, Value, json};

use crate::models::ModelInfo;
use crate::types::{Block, Media, Request, Role, Thinking, ToolResult};
use crate::wire::endpoint::Endpoint;
use crate::wire::parts::{self, IdRule};

/// The vendor's smallest budget of thinking; also what is left of `max_tokens` for the answer at least.
const MIN_BUDGET: u32 = 1024;
/// With the system prompt's and the tools' mark these make the four that the vendor allows. The older one still hits when the
/// newest message is new.
const MARKED_MESSAGES: usize = 2;

pub(super) fn build(request: &Request, endpoint: &Endpoint) -> Value {
    let info = endpoint.info(&request.model);
    let max_tokens = request.max_output_tokens.unwrap_or(info.max_output_tokens);
    let messages = Transcript { info: &info, origin: endpoint.origin(&request.model) }.messages(request);
    let mut body = Map::new();
    body.insert("model".into(), json!(request.model));
    body.insert("max_tokens".into(), json!(max_tokens));
    body.insert("stream".into(), json!(true));
    let thinks = info.reasoning && insert_thinking(&mut body, request, max_tokens, &messages);
    // The vendor refuses a temperature beside thinking, and its newer models refuse it always.
    if let Some(temperature) = request.temperature.filter(|_| !thinks && thinks_by_budget(&request.model)) {
        body.insert("temperature".into(), json!(temperature));
    }
    let system = system(request);
    if !system.is_empty() {
        body.insert("system".into(), Value::Array(system));
    }
    if !request.tools.is_empty() {
        body.insert("tools".into(), tools(request));
    }
    body.insert("messages".into(), Value::Array(marked(messages)));
    Value::Object(body)
}

fn system(request: &Request) -> Vec<Value> {
    let blocks: Vec<_> = request.system.iter().filter(|block| !parts::is_blank(&block.text)).collect();
    let last_cached = blocks.iter().rposition(|block| block.cache);
    let told = blocks.iter().enumerate().map(|(position, block)| {
        let mut told = json!({"type": "text", "text": block.text});
        if Some(position) == last_cached {
            mark(&mut told);
        }
        told
    });
    told.collect()
}

fn tools(request: &Request) -> Value {
    let mut tools: Vec<Value> = request
        .tools
        .iter()
        .map(|tool| json!({"name": tool.name, "description": tool.description, "input_schema": tool.parameters}))
        .collect();
    tools.last_mut().map(mark);
    Value::Array(tools)
}

fn mark(block: &mut Value) {
    block["cache_control"] = json!({"type": "ephemeral"});
}

fn marked(mut messages: Vec<Value>) -> Vec<Value> {
    let users = messages.iter_mut().rev().filter(|message| message["role"] == "user");
    for message in users.take(MARKED_MESSAGES) {
        message["content"].as_array_mut().and_then(|blocks| blocks.last_mut()).map(mark);
    }
    messages
}

/// Asks for thinking; tells whether it did.
fn insert_thinking(body: &mut Map<String, Value>, request: &Request, max_tokens: u32, messages: &[Value]) -> bool {
    if request.thinking == Thinking::Off {
        return false;
    }
    if !thinks_by_budget(&request.model) {
        // Without the word the newer models keep their thoughts to themselves.
        body.insert("thinking".into(), json!({"type": "adaptive", "display": "summarized"}));
        if let Some(effort) = effort(&request.model, request.thinking) {
            body.insert("output_config".into(), json!({"effort": effort}));
        }
        return true;
    }
    let budget = budget(request.thinking).min(max_tokens.saturating_sub(MIN_BUDGET));
    if budget < MIN_BUDGET || continues_without_thought(messages) {
        return false;
    }
    body.insert("thinking".into(), json!({"type": "enabled", "budget_tokens": budget}));
    true
}

/// Models before the 4.6 generation, and other vendors' models on this wire, take a budget. Later ones judge for themselves.
fn thinks_by_budget(model: &str) -> bool {
    const OLDER: &[&str] = &["claude-3", "-4-0", "-4-1", "-4-5", "-4.1", "-4.5", "-4-2025"];
    !model.contains("claude") || OLDER.iter().any(|mark| model.contains(mark))
}

fn budget(thinking: Thinking) -> u32 {
    match thinking {
        Thinking::Off | Thinking::Minimal => MIN_BUDGET,
        Thinking::Low => 4096,
        Thinking::Medium | Thinking::Adaptive => 10_240,
        Thinking::High => 24_576,
        Thinking::Xhigh => 32_768,
        Thinking::Max => 63_999,
    }
}

fn effort(model: &str, thinking: Thinking) -> Option<&'static str> {
    match thinking {
        Thinking::Off | Thinking::Adaptive => None,
        Thinking::Minimal | Thinking::Low => Some("low"),
        Thinking::Medium => Some("medium"),
        // The first generation with efforts knows no level between high and max.
        Thinking::Xhigh if !model.contains("-4-6") => Some("xhigh"),
        Thinking::High | Thinking::Xhigh => Some("high"),
        Thinking::Max => Some("max"),
    }
}

/// In the middle of a tool loop the vendor wants the loop's first thought back. Where another model made the calls, there is
/// none, and only a call without thinking goes through.
fn continues_without_thought(messages: &[Value]) -> bool {
    let first_type = |message: &Value| message["content"][0]["type"].clone();
    let in_loop = messages.last().is_some_and(|last| first_type(last) == "tool_result");
    let answer = messages.iter().rev().find(|message| message["role"] == "assistant").map(first_type);
    in_loop && !answer.is_some_and(|kind| kind == "thinking" || kind == "redacted_thinking")
}

/// What turns messages into the vendor's.
struct Transcript<'a> {
    info: &'a ModelInfo,
    origin: String,
}

impl Transcript<'_> {
    fn messages(&self, request: &Request) -> Vec<Value> {
        let mut messages: Vec<Value> = Vec::new();
        for (role, blocks) in parts::by_turns(&request.messages) {
            let (role, content) = match role {
                Role::User => ("user", self.user(&blocks)),
                Role::Assistant => ("assistant", self.assistant(&blocks)),
            };
            if content.is_empty() {
                continue;
            }
            // An answer of which nothing is left leaves two neighbours of one role.
            match messages
                .last_mut()
                .filter(|last| last["role"] == role)
                .and_then(|last| last["content"].as_array_mut())
            {
                Some(last) => last.extend(content),
                None => messages.push(json!({"role": role, "content": content})),
            }
        }
        messages
    }

    /// Results go first, as the vendor wants them.
    fn user(&self, blocks: &[&Block]) -> Vec<Value> {
        let (mut results, mut rest) = (Vec::new(), Vec::new());
        for block in blocks {
            match block {
                Block::ToolResult(result) => results.push(self.tool_result(result)),
                Block::Text { text } if !parts::is_blank(text) => rest.push(text_block(text)),
                Block::Media(media) => rest.push(self.media(media)),
                Block::Text { .. } | Block::Thinking(_) | Block::ToolUse(_) => {}
            }
        }
        results.append(&mut rest);
        results
    }

    fn tool_result(&self, result: &ToolResult) -> Value {
        let mut content = Vec::new();
        if !parts::is_blank(&result.text) {
            content.push(text_block(&result.text));
        } else if result.media.is_empty() {
            content.push(text_block("(no output)"));
        }
        content.extend(result.media.iter().map(|media| self.media(media)));
        let id = parts::call_id(&result.tool_use_id, IdRule::Plain);
        let mut told = json!({"type": "tool_result", "tool_use_id": id, "content": content});
        if result.is_error {
            told["is_error"] = json!(true);
        }
        told
    }

    fn media(&self, media: &Media) -> Value {
        if !parts::can_see(self.info, media) {
            return text_block(&parts::unseen(media));
        }
        let kind = if parts::is_document(media) { "document" } else { "image" };
        let mut told =
            json!({"type": kind, "source": {"type": "base64", "media_type": media.mime, "data": media.data}});
        if let Some(name) = media.name.as_ref().filter(|_| parts::is_document(media)) {
            told["title"] = json!(name);
        }
        told
    }

    /// A thought that led to nothing (the answer was stopped) is left out: the vendor refuses it at the end of a message.
    fn assistant(&self, blocks: &[&Block]) -> Vec<Value> {
        let mut told: Vec<Value> = blocks.iter().filter_map(|block| self.assistant_block(block)).collect();
        let led_somewhere = told.iter().rposition(|block| block["type"] == "text" || block["type"] == "tool_use");
        told.truncate(led_somewhere.map_or(0, |last| last + 1));
        told
    }

    fn assistant_block(&self, block: &Block) -> Option<Value> {
        match block {
            Block::Text { text } => (!parts::is_blank(text)).then(|| text_block(text)),
            Block::ToolUse(call) => {
                let id = parts::call_id(&call.id, IdRule::Plain);
                Some(json!({"type": "tool_use", "id": id, "name": call.name, "input": call.input}))
            }
            Block::Thinking(thought) if thought.origin == self.origin => {
                let signature = thought.signature.as_ref()?;
                Some(if thought.redacted {
                    json!({"type": "redacted_thinking", "data": signature})
                } else {
                    json!({"type": "thinking", "thinking": thought.text, "signature": signature})
                })
            }
            Block::Thinking(_) | Block::ToolResult(_) | Block::Media(_) => None,
        }
    }
}

fn text_block(text: &str) -> Value {
    json!({"type": "text", "text": text})
}
