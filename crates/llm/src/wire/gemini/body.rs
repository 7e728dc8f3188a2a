//! A request as a `streamGenerateContent` body. `contents` stands last, so that the next turn's body begins with this one's
//! bytes.

use serde_json::{Map, Value, json};

use super::unseal;
use crate::models::ModelInfo;
use crate::types::{Block, Media, Request, Role, Thinking, ToolResult, ToolUse};
use crate::wire::endpoint::Endpoint;
use crate::wire::parts;

/// What Google documents in place of a signature for calls that another model made.
const FOREIGN_CALL: &str = "skip_thought_signature_validator";
/// The model decides how long it thinks.
const DYNAMIC_BUDGET: i32 = -1;

pub(super) fn build(request: &Request, endpoint: &Endpoint) -> Value {
    let info = endpoint.info(&request.model);
    let mut body = Map::new();
    let system = request.system.iter().filter(|block| !parts::is_blank(&block.text));
    let system: Vec<Value> = system.map(|block| json!({"text": block.text})).collect();
    if !system.is_empty() {
        body.insert("systemInstruction".into(), json!({"parts": system}));
    }
    if !request.tools.is_empty() {
        let declarations = request.tools.iter().map(
            |tool| json!({"name": tool.name, "description": tool.description, "parametersJsonSchema": tool.parameters}),
        );
        body.insert("tools".into(), json!([{"functionDeclarations": declarations.collect::<Vec<_>>()}]));
    }
    let generation = generation(request, &info);
    if !generation.is_empty() {
        body.insert("generationConfig".into(), Value::Object(generation));
    }
    let transcript = Transcript { info: &info, origin: endpoint.origin(&request.model) };
    body.insert("contents".into(), Value::Array(transcript.contents(request)));
    Value::Object(body)
}

fn generation(request: &Request, info: &ModelInfo) -> Map<String, Value> {
    let mut generation = Map::new();
    if let Some(tokens) = request.max_output_tokens {
        generation.insert("maxOutputTokens".into(), json!(tokens));
    }
    if let Some(temperature) = request.temperature {
        generation.insert("temperature".into(), json!(temperature));
    }
    if info.reasoning {
        generation.insert("thinkingConfig".into(), thinking(&request.model, request.thinking));
    }
    generation
}

/// Since the third generation a level, before that a budget. Only small models of the older kind can be kept from thinking.
fn thinking(model: &str, thinking: Thinking) -> Value {
    let small = model.contains("flash");
    let shown = thinking != Thinking::Off;
    if takes_level(model) {
        let level = match thinking {
            Thinking::Medium if small => "medium",
            // There is a smaller one, but not for every model.
            Thinking::Off | Thinking::Minimal | Thinking::Low => "low",
            Thinking::Medium | Thinking::High | Thinking::Xhigh | Thinking::Adaptive | Thinking::Max => "high",
        };
        return json!({"includeThoughts": shown, "thinkingLevel": level});
    }
    let budget = match thinking {
        Thinking::Off if small => 0,
        // The smallest budget of the larger models.
        Thinking::Off => 128,
        Thinking::Minimal => 1024,
        Thinking::Low => 4096,
        Thinking::Medium => 8192,
        Thinking::High | Thinking::Xhigh | Thinking::Max => 24_576,
        Thinking::Adaptive => DYNAMIC_BUDGET,
    };
    json!({"includeThoughts": shown, "thinkingBudget": budget})
}

fn takes_level(model: &str) -> bool {
    model.starts_with("gemini") && !model.starts_with("gemini-1") && !model.starts_with("gemini-2")
}

/// What turns messages into the vendor's.
struct Transcript<'a> {
    info: &'a ModelInfo,
    origin: String,
}

impl Transcript<'_> {
    fn contents(&self, request: &Request) -> Vec<Value> {
        let signs_calls = takes_level(&request.model);
        let mut contents: Vec<Value> = Vec::new();
        for (role, blocks) in parts::by_turns(&request.messages) {
            let (role, parts) = match role {
                Role::User => ("user", self.user(&blocks)),
                Role::Assistant => ("model", self.model(&blocks, signs_calls)),
            };
            if parts.is_empty() {
                continue;
            }
            // An answer of which nothing is left leaves two neighbours of one role.
            match contents.last_mut().filter(|last| last["role"] == role).and_then(|last| last["parts"].as_array_mut())
            {
                Some(last) => last.extend(parts),
                None => contents.push(json!({"role": role, "parts": parts})),
            }
        }
        contents
    }

    /// Results go first; what a tool shows follows them.
    fn user(&self, blocks: &[&Block]) -> Vec<Value> {
        let (mut results, mut rest) = (Vec::new(), Vec::new());
        for block in blocks {
            match block {
                Block::ToolResult(result) => {
                    results.push(tool_result(result));
                    rest.extend(result.media.iter().map(|media| self.media(media)));
                }
                Block::Text { text } if !parts::is_blank(text) => rest.push(json!({"text": text})),
                Block::Media(media) => rest.push(self.media(media)),
                Block::Text { .. } | Block::Thinking(_) | Block::ToolUse(_) => {}
            }
        }
        results.append(&mut rest);
        results
    }

    fn media(&self, media: &Media) -> Value {
        if parts::can_see(self.info, media) {
            json!({"inlineData": {"mimeType": media.mime, "data": media.data}})
        } else {
            json!({"text": parts::unseen(media)})
        }
    }

    /// A signed thought goes back as it came, an unsigned one is only words. A signature without words belongs to the text
    /// behind it.
    fn model(&self, blocks: &[&Block], signs_calls: bool) -> Vec<Value> {
        let mut told = Vec::new();
        let mut signature = None;
        let mut called = false;
        for block in blocks {
            match block {
                Block::Thinking(thought) if thought.origin == self.origin => match thought.signature.as_deref() {
                    Some(own) if !thought.text.is_empty() => {
                        told.push(json!({"text": thought.text, "thought": true, "thoughtSignature": own}));
                    }
                    of_text => signature = of_text,
                },
                Block::Text { text } if !parts::is_blank(text) => {
                    let mut part = json!({"text": text});
                    if let Some(signature) = signature.take() {
                        part["thoughtSignature"] = json!(signature);
                    }
                    told.push(part);
                }
                Block::ToolUse(call) => {
                    let needs_signature = signs_calls && !std::mem::replace(&mut called, true);
                    told.push(self.call(call, needs_signature));
                }
                Block::Text { .. } | Block::Thinking(_) | Block::ToolResult(_) | Block::Media(_) => {}
            }
        }
        // Thoughts that led to nothing (the answer was stopped) are no turn of the model.
        let led_somewhere = told.iter().rposition(|part| part["thought"] != true);
        told.truncate(led_somewhere.map_or(0, |last| last + 1));
        told
    }

    fn call(&self, call: &ToolUse, needs_signature: bool) -> Value {
        let mut part = json!({"functionCall": {"name": call.name, "args": call.input}});
        let own = call.signature.as_deref().and_then(|sealed| unseal(&self.origin, sealed));
        if let Some(signature) = own.or(needs_signature.then_some(FOREIGN_CALL)) {
            part["thoughtSignature"] = json!(signature);
        }
        part
    }
}

fn tool_result(result: &ToolResult) -> Value {
    let field = if result.is_error { "error" } else { "output" };
    json!({"functionResponse": {"name": result.name, "response": {field: result.text}}})
}
