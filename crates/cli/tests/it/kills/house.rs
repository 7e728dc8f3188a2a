//! A home with a fake model that uses tools, and a client that sees what people see.

use std::path::PathBuf;

use chela_client::{Client, ClientError, ClientOptions, Event, Events};
use chela_protocol::Scope;
use chela_testkit::model::{FakeModel, Recorded, Reply, Step};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::{Home, PATIENCE, RunningGateway};

/// The session of every test that names none.
pub(crate) const MAIN: &str = "agent:main:main";

/// What the model is told of a call that a kill cut off.
pub(crate) const INTERRUPTED: &str = "Interrupted by a restart";

pub(crate) const TOKEN: &str = "a-token-for-tests";

/// How a kind of provider is configured.
pub(crate) const WIRES: [&str; 4] =
    ["openai-completions", "openai-responses", "anthropic-messages", "google-generative-ai"];

/// How often each kill from outside is repeated.
pub(crate) fn repeats() -> usize {
    std::env::var("CHELA_KILLS").map_or(2, |text| text.parse().unwrap())
}

/// A home whose only model is the fake one.
pub(crate) struct House {
    pub(crate) home: Home,
    pub(crate) model: FakeModel,
}

impl House {
    /// A model that does what [`answer`] says.
    pub(crate) async fn new(wire: &str) -> Self {
        Self::with_channels(wire, &json!({}), &[]).await
    }

    /// The same, with accounts on chat platforms: `channels` of the configuration, and who is an owner there.
    pub(crate) async fn with_channels(wire: &str, channels: &Value, owners: &[String]) -> Self {
        let house = Self { home: Home::new(), model: FakeModel::start([]).await };
        house.model.respond_with(answer);
        let provider = json!({
            "baseUrl": house.model.url(), "api": wire, "apiKey": "k",
            "models": [{ "id": "gemini-3-x", "contextWindow": 1_000_000, "maxTokens": 8_192, "reasoning": true }],
        });
        let config = json!({
            "gateway": { "mode": "local" },
            "models": { "providers": { "fake": provider } },
            "agents": { "defaults": {
                "model": { "primary": "fake/gemini-3-x" },
                "workspace": house.workspace(),
                "skipBootstrap": true,
            } },
            "channels": channels,
            "commands": { "ownerAllowFrom": owners },
        });
        house.home.write_config(&config.to_string());
        std::fs::create_dir_all(house.workspace()).unwrap();
        house
    }

    pub(crate) fn workspace(&self) -> PathBuf {
        self.home.path().join("workspace")
    }

    /// Writes the configuration anew, with another value for a key of a section, as in `/agents/defaults`.
    pub(crate) fn configure(&self, section: &str, key: &str, value: Value) {
        let mut config: Value = serde_json::from_str(&self.home.read_config()).unwrap();
        let place = config.pointer_mut(section).unwrap();
        place[key] = value;
        self.home.write_config(&config.to_string());
    }

    pub(crate) fn start(&self) -> RunningGateway {
        self.start_with(&[])
    }

    /// Dies at this point of [`chela_store::fault::POINTS`].
    pub(crate) fn start_to_die_at(&self, point: &str) -> RunningGateway {
        self.start_with(&[("CHELA_FAULT_POINT", point)])
    }

    pub(crate) fn start_with(&self, environment: &[(&str, &str)]) -> RunningGateway {
        let token = [("CHELA_GATEWAY_TOKEN", TOKEN)];
        RunningGateway::start_with(&self.home, &[], &[&token, environment].concat())
    }

    /// The same under a shell, as [`RunningGateway::start_under`] says.
    pub(crate) fn start_under(&self, script: &str) -> RunningGateway {
        RunningGateway::start_under(&self.home, script, &[("CHELA_GATEWAY_TOKEN", TOKEN)])
    }

    /// How often the tool of this message has done its work.
    pub(crate) fn written(&self, message: &str) -> usize {
        let lines = std::fs::read_to_string(self.workspace().join("written")).unwrap_or_default();
        lines.lines().filter(|line| *line == message).count()
    }

    /// The tool of this message has done its work so often; else shows what the model was told of it.
    #[track_caller]
    pub(crate) fn assert_written(&self, message: &str, times: &[usize], at: &str) {
        let written = self.written(message);
        if times.contains(&written) {
            return;
        }
        let requests = self.model.requests();
        let last = requests.iter().rev().find(|request| name_of(request) == message);
        let told = last.map_or("nothing", |request| &request.text);
        panic!("{at}: {message} is written {written} times, not {times:?}; the model was told {told}");
    }

    /// Whether the model was told that a call of this message was cut off.
    pub(crate) fn told(&self, message: &str) -> bool {
        let of_message = |request: &Recorded| name_of(request) == message;
        self.model.requests().iter().filter(|request| of_message(request)).any(|request| {
            let call = request.text.rfind(&command(message));
            call.is_some_and(|at| request.text[at..].contains(INTERRUPTED))
        })
    }
}

/// A message is one word. `text…` is answered at once; for any other, the model first runs a command that writes a line
/// and reads a file, and then answers.
pub(crate) fn answer(request: &Recorded) -> Step {
    let name = name_of(request);
    if name.starts_with("text") || request.text.contains(&command(&name)) {
        return Step::text(answer_to(&name));
    }
    let calls = [("exec", json!({ "command": command(&name) })), ("ls", json!({ "path": "." }))];
    Step::Reply(Reply::tools(calls).thinking("What would they want?"))
}

pub(crate) fn answer_to(message: &str) -> String {
    format!("answer to {message}")
}

/// The message that a request is about, without what was added to it.
pub(crate) fn name_of(request: &Recorded) -> String {
    request.last_user_text().split_whitespace().next().unwrap_or_default().to_owned()
}

/// What writes the line of a message.
fn command(message: &str) -> String {
    format!("echo {message} >> written")
}

/// A client with every right that sees every event.
pub(crate) struct Talk {
    client: Client,
    events: Events,
}

impl Talk {
    pub(crate) async fn new(gateway: &RunningGateway) -> Self {
        let mut options = ClientOptions::new(&gateway.url, Some(TOKEN.to_owned()));
        options.caps = vec!["tool-events".to_owned()];
        options.scopes.extend([Scope::Approvals, Scope::Admin]);
        options.request_timeout = PATIENCE;
        let (client, events) = Client::connect(options).await.unwrap();
        Self { client, events }
    }

    /// Says something in the main session. The message is its own idempotency key.
    pub(crate) async fn say(&self, message: &str) -> Result<Value, ClientError> {
        self.say_in(MAIN, message).await
    }

    pub(crate) async fn say_in(&self, session: &str, message: &str) -> Result<Value, ClientError> {
        let params = json!({ "sessionKey": session, "message": message, "idempotencyKey": message });
        self.client.call("chat.send", params).await
    }

    /// What the gateway says of its limits.
    pub(crate) async fn limits(&self) -> Value {
        self.client.call("status", json!({})).await.unwrap()["limits"].clone()
    }

    /// Calls a method.
    pub(crate) async fn call(&self, method: &'static str, params: Value) -> Result<Value, ClientError> {
        self.client.call(method, params).await
    }

    /// The same through the other method, which gives the answer.
    pub(crate) async fn ask(&self, message: &str) -> Result<Value, ClientError> {
        let params = json!({ "sessionKey": MAIN, "message": message, "idempotencyKey": message });
        let (accepted, _) = tokio::sync::oneshot::channel();
        self.client.call_twice("agent", params, accepted, PATIENCE).await
    }

    /// The next event of this kind.
    pub(crate) async fn event(&mut self, wanted: impl Fn(&str, &Value) -> bool) -> Value {
        let mut seen = Vec::new();
        let found = async {
            loop {
                let Event { name, payload, .. } = self.events.next().await.expect("the gateway lives");
                if wanted(&name, &payload) {
                    return payload;
                }
                seen.push(format!("{name} {payload}"));
            }
        };
        if let Ok(payload) = timeout(PATIENCE, found).await {
            return payload;
        }
        panic!("the event does not come; these came: {seen:#?}\nhistory: {:#?}", self.history().await)
    }

    /// The main session in short: `role: text`.
    pub(crate) async fn history(&self) -> Vec<String> {
        self.history_of(MAIN).await
    }

    pub(crate) async fn history_of(&self, session: &str) -> Vec<String> {
        let params = json!({ "sessionKey": session, "limit": 1000 });
        let history = self.client.call("chat.history", params).await.unwrap();
        history["messages"].as_array().unwrap().iter().map(in_short).collect()
    }

    /// Waits until a message has its answer.
    pub(crate) async fn answered(&mut self, message: &str) {
        let line = format!("assistant: {}", answer_to(message));
        while !self.history().await.contains(&line) {
            // Whatever ends after that look is told to this client.
            self.event(|name, payload| name == "chat" && payload["state"] == "final").await;
        }
    }

    /// The message and its answer stand in the transcript, each once.
    pub(crate) async fn assert_once(&self, message: &str, at: &str) {
        let history = self.history().await;
        for line in [format!("user: {message}"), format!("assistant: {}", answer_to(message))] {
            let count = history.iter().filter(|known| **known == line).count();
            assert_eq!(count, 1, "{at}: `{line}` in {history:#?}");
        }
    }
}

fn in_short(message: &Value) -> String {
    let text = match &message["content"] {
        Value::String(text) => text.clone(),
        parts => parts.as_array().into_iter().flatten().filter_map(|part| part["text"].as_str()).collect(),
    };
    format!("{}: {text}", message["role"].as_str().unwrap_or_default())
}

/// A request to the OpenAI endpoint, in the main session and with the message as its idempotency key.
pub(crate) fn request_over_http(gateway: &RunningGateway, message: &str) -> reqwest::RequestBuilder {
    // Plain HTTP, but the client wants a provider all the same. It may be there already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url = format!("{}/v1/chat/completions", gateway.url.replace("ws:", "http:"));
    let request = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap().post(url);
    let body = json!({ "model": "chela", "messages": [{ "role": "user", "content": message }] });
    request.bearer_auth(TOKEN).header("idempotency-key", message).header("x-chela-session-key", MAIN).json(&body)
}

/// Asks through the OpenAI endpoint; `None` when the connection breaks.
pub(crate) async fn ask_over_http(gateway: &RunningGateway, message: &str) -> Option<Value> {
    let response = request_over_http(gateway, message).send().await.ok()?;
    assert_eq!(response.status(), 200);
    response.json().await.ok()
}
