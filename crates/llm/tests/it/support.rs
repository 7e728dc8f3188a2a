//! Models over the fake vendor, and answers read to their end.

use chela_config::{Environment, Problem, Secret};
use chela_llm::{
    AuthConfig, Block, Completion, EventStream, LlmError, Message, ModelRef, Models, ModelsBuild, ModelsConfig,
    Request, Role, StreamEvent, ToolDefinition, ToolResult, ToolUse, http_client,
};
use chela_testkit::FakeModel;
use futures_util::StreamExt;
use secrecy::SecretString;
use serde_json::{Value, json};

/// The `api` of each wire.
pub(crate) const WIRES: &[&str] =
    &["openai-completions", "openai-responses", "anthropic-messages", "google-generative-ai"];
pub(crate) const KEY: &str = "k-1234567890";

pub(crate) fn build(config: Value, environment: &Environment) -> (Models, Vec<Problem>) {
    build_with(config, json!({}), environment)
}

pub(crate) fn build_with(config: Value, auth: Value, environment: &Environment) -> (Models, Vec<Problem>) {
    let config: ModelsConfig = serde_json::from_value(config).expect("a section");
    let auth: AuthConfig = serde_json::from_value(auth).expect("a section");
    Models::build(ModelsBuild { config: &config, auth: &auth, environment, resolve: &resolve, http: http_client(None) })
}

fn resolve(secret: &Secret) -> Result<SecretString, String> {
    match secret {
        Secret::Text(text) => Ok(text.clone()),
        Secret::Reference(reference) => Err(format!("no secret {}", reference.id)),
    }
}

/// Provider `mock` over the fake; its models think and see.
pub(crate) fn mock(api: &str, fake: &FakeModel) -> Models {
    let model =
        |id: &str| json!({"id": id, "reasoning": true, "input": ["text", "image", "document"], "maxTokens": 32_000});
    let provider = json!({
        "baseUrl": fake.url(), "api": api, "apiKey": KEY, "models": [model("m1"), model("m2"), model("gemini-3-x")],
    });
    let (models, problems) =
        build(json!({"mode": "replace", "providers": {"mock": provider}}), &Environment::default());
    assert_eq!(problems, []);
    models
}

pub(crate) fn chain(names: &[&str]) -> Vec<ModelRef> {
    names.iter().map(|name| format!("mock/{name}").parse().expect("a model's name")).collect()
}

pub(crate) fn says(text: &str) -> Message {
    Message { role: Role::User, blocks: vec![Block::Text { text: text.into() }] }
}

pub(crate) fn answered(completion: &Completion) -> Message {
    Message { role: Role::Assistant, blocks: completion.blocks.clone() }
}

/// Results of all calls of an answer, each `done <name>`.
pub(crate) fn results(completion: &Completion) -> Message {
    let blocks = calls(completion).into_iter().map(|call| {
        Block::ToolResult(ToolResult {
            tool_use_id: call.id,
            text: format!("done {}", call.name),
            name: call.name,
            media: Vec::new(),
            is_error: false,
        })
    });
    Message { role: Role::User, blocks: blocks.collect() }
}

pub(crate) fn calls(completion: &Completion) -> Vec<ToolUse> {
    let calls = completion.blocks.iter().filter_map(|block| match block {
        Block::ToolUse(call) => Some(call.clone()),
        _ => None,
    });
    calls.collect()
}

pub(crate) fn request(messages: Vec<Message>) -> Request {
    let tool = |name: &str| ToolDefinition {
        name: name.into(),
        description: format!("does {name}"),
        parameters: json!({"type": "object", "properties": {"path": {"type": "string"}}}),
    };
    Request {
        system: vec![chela_llm::SystemBlock { text: "You help.".into(), cache: true }],
        messages,
        tools: vec![tool("read"), tool("list")],
        ..Request::default()
    }
}

/// Everything that a stream said, and how it ended.
pub(crate) struct Heard {
    pub(crate) events: Vec<StreamEvent>,
    pub(crate) error: Option<LlmError>,
}

pub(crate) async fn hear(mut stream: EventStream) -> Heard {
    let mut heard = Heard { events: Vec::new(), error: None };
    while let Some(item) = stream.next().await {
        match item {
            Ok(event) => heard.events.push(event),
            Err(error) => heard.error = Some(error),
        }
    }
    heard
}

impl Heard {
    #[track_caller]
    pub(crate) fn done(&self) -> Completion {
        assert_eq!(self.error, None);
        match self.events.last() {
            Some(StreamEvent::Done(completion)) => completion.clone(),
            other => panic!("the stream ended with {other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn failed(&self) -> LlmError {
        self.error.clone().unwrap_or_else(|| panic!("it did not fail: {:?}", self.events))
    }

    /// What a reader holds who follows the deltas.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for event in &self.events {
            match event {
                StreamEvent::TextDelta(delta) => text.push_str(delta),
                StreamEvent::Restart => text.clear(),
                _ => {}
            }
        }
        text
    }
}

pub(crate) fn text_of(completion: &Completion) -> String {
    let texts = completion.blocks.iter().filter_map(|block| match block {
        Block::Text { text } => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}
