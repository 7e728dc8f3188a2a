//! A request as a Chat Completions body. `messages` stands last, so that the next turn's body begins with this one's bytes.

use serde_json::{Map, Value, json};

use crate::models::ModelInfo;
use crate::types::{Block, Media, Request, Role, Thinking, ToolResult, ToolUse};
use crate::vendors::Quirk;
use crate::wire::endpoint::Endpoint;
use crate::wire::parts::{self, IdRule};

pub(super) fn build(request: &Request, endpoint: &Endpoint) -> Value {
    let info = endpoint.info(&request.model);
    let mut body = Map::new();
    body.insert("model".into(), json!(request.model));
    body.insert("stream".into(), json!(true));
    if !endpoint.has(Quirk::NoStreamOptions) {
        body.insert("stream_options".into(), json!({"include_usage": true}));
    }
    if let Some(tokens) = request.max_output_tokens {
        let field = if endpoint.has(Quirk::MaxCompletionTokens) { "max_completion_tokens" } else { "max_tokens" };
        body.insert(field.into(), json!(tokens));
    }
    if let Some(temperature) = request.temperature {
        body.insert("temperature".into(), json!(temperature));
    }
    if info.reasoning {
        insert_thinking(&mut body, request, endpoint);
    }
    if let Some(key) = request.cache_key.as_ref().filter(|_| endpoint.has(Quirk::PromptCacheKey)) {
        body.insert("prompt_cache_key".into(), json!(key));
    }
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(|tool| {
            json!({"type": "function", "function": {
                "name": tool.name, "description": tool.description, "parameters": tool.parameters,
            }})
        });
        body.insert("tools".into(), tools.collect());
    }
    body.insert("messages".into(), Transcript::new(request, endpoint, &info).messages(request));
    Value::Object(body)
}

fn insert_thinking(body: &mut Map<String, Value>, request: &Request, endpoint: &Endpoint) {
    let thinks = request.thinking != Thinking::Off;
    for quirk in endpoint.quirks {
        match quirk {
            Quirk::ReasoningEffort => {
                if let Some(effort) = parts::effort(&request.model, request.thinking) {
                    body.insert("reasoning_effort".into(), json!(effort));
                }
            }
            Quirk::ReasoningObject if thinks => {
                body.insert("reasoning".into(), json!({"effort": parts::plain_effort(request.thinking)}));
            }
            Quirk::ThinkingSwitch => {
                let switch = if thinks { "enabled" } else { "disabled" };
                body.insert("thinking".into(), json!({"type": switch}));
            }
            Quirk::EnableThinking => {
                body.insert("enable_thinking".into(), json!(thinks));
            }
            _ => {}
        }
    }
}

/// What turns messages into the vendor's.
struct Transcript<'a> {
    info: &'a ModelInfo,
    origin: String,
    ids: IdRule,
    replays_reasoning: bool,
}

impl<'a> Transcript<'a> {
    fn new(request: &Request, endpoint: &Endpoint, info: &'a ModelInfo) -> Self {
        Self {
            info,
            origin: endpoint.origin(&request.model),
            ids: if endpoint.has(Quirk::NineLetterIds) { IdRule::Nine } else { IdRule::Plain },
            replays_reasoning: endpoint.has(Quirk::ReplayReasoning) && info.reasoning,
        }
    }

    fn messages(&self, request: &Request) -> Value {
        let mut messages = Vec::new();
        let system: Vec<&str> =
            request.system.iter().map(|block| block.text.as_str()).filter(|text| !parts::is_blank(text)).collect();
        if !system.is_empty() {
            messages.push(json!({"role": "system", "content": system.join("\n\n")}));
        }
        for (role, blocks) in parts::by_turns(&request.messages) {
            match role {
                Role::User => self.user(&blocks, &mut messages),
                Role::Assistant => messages.extend(self.assistant(&blocks)),
            }
        }
        Value::Array(messages)
    }

    /// Results go first, each in a message of its own, right behind the calls that they answer. A tool message holds text
    /// only, so what a tool shows follows in the user's message.
    fn user(&self, blocks: &[&Block], messages: &mut Vec<Value>) {
        let mut content = Vec::new();
        for block in blocks {
            if let Block::ToolResult(result) = block {
                messages.push(self.tool_result(result));
                content.extend(result.media.iter().filter(|media| parts::can_see(self.info, media)).map(media_part));
            }
        }
        for block in blocks {
            match block {
                Block::Text { text } if !parts::is_blank(text) => content.push(text_part(text)),
                Block::Media(media) if parts::can_see(self.info, media) => content.push(media_part(media)),
                Block::Media(media) => content.push(text_part(&parts::unseen(media))),
                Block::Text { .. } | Block::Thinking(_) | Block::ToolUse(_) | Block::ToolResult(_) => {}
            }
        }
        if !content.is_empty() {
            messages.push(json!({"role": "user", "content": plain_if_text(content)}));
        }
    }

    fn tool_result(&self, result: &ToolResult) -> Value {
        let unseen = result.media.iter().filter(|media| !parts::can_see(self.info, media)).map(parts::unseen);
        let texts: Vec<String> = std::iter::once(result.text.clone()).chain(unseen).collect();
        json!({"role": "tool", "tool_call_id": parts::call_id(&result.tool_use_id, self.ids), "content": texts.join("\n")})
    }

    fn assistant(&self, blocks: &[&Block]) -> Option<Value> {
        let (mut texts, mut calls, mut reasoning) = (Vec::new(), Vec::new(), String::new());
        for block in blocks {
            match block {
                Block::Text { text } if !parts::is_blank(text) => texts.push(text.as_str()),
                Block::ToolUse(call) => calls.push(self.tool_call(call)),
                Block::Thinking(thinking) if thinking.origin == self.origin => reasoning.push_str(&thinking.text),
                Block::Text { .. } | Block::Thinking(_) | Block::ToolResult(_) | Block::Media(_) => {}
            }
        }
        if texts.is_empty() && calls.is_empty() {
            return None;
        }
        let content = if texts.is_empty() { Value::Null } else { json!(texts.join("\n\n")) };
        let mut message = json!({"role": "assistant", "content": content});
        // These vendors refuse an answer without the field, even when another model gave it.
        if self.replays_reasoning {
            message["reasoning_content"] = json!(reasoning);
        }
        if !calls.is_empty() {
            message["tool_calls"] = Value::Array(calls);
        }
        Some(message)
    }

    fn tool_call(&self, call: &ToolUse) -> Value {
        json!({"id": parts::call_id(&call.id, self.ids), "type": "function", "function": {
            "name": call.name, "arguments": call.input.to_string(),
        }})
    }
}

fn text_part(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

fn media_part(media: &Media) -> Value {
    if parts::is_document(media) {
        json!({"type": "file", "file": {"filename": parts::file_name(media), "file_data": parts::data_url(media)}})
    } else {
        json!({"type": "image_url", "image_url": {"url": parts::data_url(media)}})
    }
}

/// Servers that know no parts still know a string.
fn plain_if_text(content: Vec<Value>) -> Value {
    let texts: Option<Vec<&str>> = content.iter().map(|part| part["text"].as_str()).collect();
    texts.map(|texts| json!(texts.join("\n\n"))).unwrap_or(Value::Array(content))
}
