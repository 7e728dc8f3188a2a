//! A request as a Responses body. `input` stands last, so that the next turn's body begins with this one's bytes.

use serde_json::{Map, Value, json};

use crate::models::ModelInfo;
use crate::types::{Block, Media, Request, Role, Thinking, ThinkingBlock, ToolResult};
use crate::vendors::Quirk;
use crate::wire::endpoint::Endpoint;
use crate::wire::parts::{self, IdRule};

/// The vendor takes no smaller cap.
const MIN_OUTPUT_TOKENS: u32 = 16;

pub(super) fn build(request: &Request, endpoint: &Endpoint) -> Value {
    let info = endpoint.info(&request.model);
    let mut body = Map::new();
    body.insert("model".into(), json!(request.model));
    body.insert("stream".into(), json!(true));
    body.insert("store".into(), json!(false));
    if let Some(tokens) = request.max_output_tokens {
        body.insert("max_output_tokens".into(), json!(tokens.max(MIN_OUTPUT_TOKENS)));
    }
    if info.reasoning {
        if let Some(reasoning) = reasoning(request) {
            body.insert("reasoning".into(), reasoning);
        }
        body.insert("include".into(), json!(["reasoning.encrypted_content"]));
    } else if let Some(temperature) = request.temperature {
        // Reasoning models refuse it.
        body.insert("temperature".into(), json!(temperature));
    }
    if let Some(key) = request.cache_key.as_ref().filter(|_| endpoint.has(Quirk::PromptCacheKey)) {
        body.insert("prompt_cache_key".into(), json!(key));
    }
    let system: Vec<&str> =
        request.system.iter().map(|block| block.text.as_str()).filter(|text| !parts::is_blank(text)).collect();
    if !system.is_empty() {
        body.insert("instructions".into(), json!(system.join("\n\n")));
    }
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(|tool| {
            json!({"type": "function", "name": tool.name, "description": tool.description,
                "parameters": tool.parameters, "strict": false})
        });
        body.insert("tools".into(), tools.collect());
    }
    let transcript = Transcript { info: &info, origin: endpoint.origin(&request.model) };
    body.insert("input".into(), Value::Array(transcript.items(request)));
    Value::Object(body)
}

fn reasoning(request: &Request) -> Option<Value> {
    let effort = parts::effort(&request.model, request.thinking)?;
    Some(match request.thinking {
        Thinking::Off => json!({"effort": effort}),
        _ => json!({"effort": effort, "summary": "auto"}),
    })
}

/// What turns messages into the vendor's items.
struct Transcript<'a> {
    info: &'a ModelInfo,
    origin: String,
}

impl Transcript<'_> {
    fn items(&self, request: &Request) -> Vec<Value> {
        let mut items = Vec::new();
        for (role, blocks) in parts::by_turns(&request.messages) {
            match role {
                Role::User => self.user(&blocks, &mut items),
                Role::Assistant => self.assistant(&blocks, &mut items),
            }
        }
        items
    }

    fn user(&self, blocks: &[&Block], items: &mut Vec<Value>) {
        let mut content = Vec::new();
        for block in blocks {
            match block {
                Block::ToolResult(result) => items.push(self.tool_result(result)),
                Block::Text { text } if !parts::is_blank(text) => content.push(text_part(text)),
                Block::Media(media) => content.push(self.media(media)),
                Block::Text { .. } | Block::Thinking(_) | Block::ToolUse(_) => {}
            }
        }
        if !content.is_empty() {
            items.push(json!({"type": "message", "role": "user", "content": content}));
        }
    }

    fn tool_result(&self, result: &ToolResult) -> Value {
        let output = if result.media.is_empty() {
            json!(result.text)
        } else {
            let text = (!parts::is_blank(&result.text)).then(|| text_part(&result.text));
            text.into_iter().chain(result.media.iter().map(|media| self.media(media))).collect()
        };
        let id = parts::call_id(&result.tool_use_id, IdRule::Plain);
        json!({"type": "function_call_output", "call_id": id, "output": output})
    }

    fn media(&self, media: &Media) -> Value {
        if !parts::can_see(self.info, media) {
            text_part(&parts::unseen(media))
        } else if parts::is_document(media) {
            json!({"type": "input_file", "filename": parts::file_name(media), "file_data": parts::data_url(media)})
        } else {
            json!({"type": "input_image", "detail": "auto", "image_url": parts::data_url(media)})
        }
    }

    /// The vendor refuses reasoning behind which nothing follows (an answer that was stopped while it thought), so thoughts
    /// wait for what they led to.
    fn assistant(&self, blocks: &[&Block], items: &mut Vec<Value>) {
        let mut thoughts = Vec::new();
        for block in blocks {
            let item = match block {
                Block::Thinking(thought) => {
                    thoughts.extend(self.thought(thought));
                    continue;
                }
                // As parts it would need the id that only the vendor's stored messages have; strict servers ask for it.
                Block::Text { text } if !parts::is_blank(text) => {
                    json!({"type": "message", "role": "assistant", "content": text})
                }
                Block::ToolUse(call) => {
                    let (id, arguments) = (parts::call_id(&call.id, IdRule::Plain), call.input.to_string());
                    json!({"type": "function_call", "call_id": id, "name": call.name, "arguments": arguments})
                }
                Block::Text { .. } | Block::ToolResult(_) | Block::Media(_) => continue,
            };
            items.append(&mut thoughts);
            items.push(item);
        }
    }

    /// Goes without its id: the vendor stores nothing, and would look for an item of that name.
    fn thought(&self, thought: &ThinkingBlock) -> Option<Value> {
        let content = thought.signature.as_ref()?;
        let summary = match thought.text.as_str() {
            "" => json!([]),
            text => json!([{"type": "summary_text", "text": text}]),
        };
        (thought.origin == self.origin)
            .then(|| json!({"type": "reasoning", "summary": summary, "encrypted_content": content}))
    }
}

fn text_part(text: &str) -> Value {
    json!({"type": "input_text", "text": text})
}
