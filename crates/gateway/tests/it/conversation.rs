//! A gateway in front of a fake model, and a client that keeps every event it passes over.

use std::time::Duration;

use chela_testkit::model::{FakeModel, Step};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{Setup, Socket, TOKEN, TestGateway, connect_params};

/// Longer than anything here takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The session of every test that names none.
pub(crate) const MAIN: &str = "agent:main:main";

/// A model that plays the steps, and then repeats the last line that it is told, without the date.
pub(crate) async fn fake_model(steps: impl IntoIterator<Item = Step>) -> FakeModel {
    let model = FakeModel::start(steps).await;
    model.respond_with(|request| {
        let text = request.last_user_text();
        let mut said = text.lines().map(|line| line.split("[today is").next().unwrap_or_default().trim());
        Step::text(format!("echo: {}", said.rfind(|line| !line.is_empty()).unwrap_or_default()))
    });
    model
}

/// A configuration whose only models are those of the fake vendor.
pub(crate) fn config(model: &FakeModel) -> Value {
    let one = |id: &str| json!({ "id": id, "name": id, "contextWindow": 100_000, "maxTokens": 4_096 });
    json!({
        "models": { "providers": { "fake": {
            "baseUrl": format!("{}/v1", model.url()),
            "api": "openai-completions",
            "apiKey": "x",
            "models": [one("m"), one("spare")],
        } } },
        "agents": { "defaults": { "model": { "primary": "fake/m" }, "skipBootstrap": true } },
    })
}

pub(crate) async fn house(model: &FakeModel) -> TestGateway {
    Setup::default().config(config(model)).start().await
}

/// A client with every right that watches the list of sessions and the main session.
pub(crate) struct Talker {
    socket: Socket,
    /// Events that were passed over, oldest first.
    pub(crate) seen: Vec<Value>,
    calls: u32,
}

impl Talker {
    pub(crate) async fn new(gateway: &TestGateway) -> Self {
        let (mut socket, _) = gateway.socket().await;
        let mut params = connect_params();
        params["scopes"] = json!(["operator.admin"]);
        params["caps"] = json!(["tool-events"]);
        let hello = socket.connect(params).await;
        assert_eq!(hello["ok"], true, "{hello}");
        let mut talker = Self { socket, seen: Vec::new(), calls: 0 };
        talker.ok("sessions.subscribe", json!({})).await;
        talker
    }

    /// Calls a method and returns its answer.
    pub(crate) async fn call(&mut self, method: &str, params: Value) -> Value {
        let id = self.send(method, params).await;
        self.answer(&id).await
    }

    /// Calls a method that must succeed and returns what it gives.
    pub(crate) async fn ok(&mut self, method: &str, params: Value) -> Value {
        let answer = self.call(method, params).await;
        assert_eq!(answer["ok"], true, "{method}: {answer}");
        answer["payload"].clone()
    }

    /// Sends a request and doesn't wait. Returns its id.
    pub(crate) async fn send(&mut self, method: &str, params: Value) -> String {
        self.calls += 1;
        let id = self.calls.to_string();
        self.socket.send(json!({ "type": "req", "id": id, "method": method, "params": params })).await;
        id
    }

    /// The next answer to a request.
    pub(crate) async fn answer(&mut self, id: &str) -> Value {
        loop {
            let frame = self.socket.next().await;
            if frame["type"] == "res" && frame["id"] == id {
                return frame;
            }
            self.seen.push(frame);
        }
    }

    /// Says something in the main session.
    pub(crate) async fn say(&mut self, text: &str, key: &str) -> Value {
        self.ok("chat.send", json!({ "sessionKey": MAIN, "message": text, "idempotencyKey": key })).await
    }

    /// The first event, seen already or still to come, for which `wanted` holds; it is taken out of those seen.
    pub(crate) async fn event(&mut self, wanted: impl Fn(&str, &Value) -> bool) -> Value {
        let holds = |frame: &Value| wanted(frame["event"].as_str().unwrap_or_default(), &frame["payload"]);
        if let Some(at) = self.seen.iter().position(holds) {
            return self.seen.remove(at)["payload"].clone();
        }
        loop {
            let frame = self.socket.next().await;
            if holds(&frame) {
                return frame["payload"].clone();
            }
            self.seen.push(frame);
        }
    }

    /// The `chat` event with which a run ends.
    pub(crate) async fn end_of(&mut self, run: &str) -> Value {
        self.event(|name, payload| {
            name == "chat"
                && payload["runId"] == run
                && matches!(payload["state"].as_str(), Some("final" | "aborted" | "error"))
        })
        .await
    }

    pub(crate) async fn history(&mut self) -> Vec<Value> {
        let history = self.ok("chat.history", json!({ "sessionKey": MAIN })).await;
        history["messages"].as_array().unwrap().clone()
    }

    /// The transcript in short: `role: text`.
    pub(crate) async fn transcript(&mut self) -> Vec<String> {
        self.history().await.iter().map(in_short).collect()
    }

    /// Waits until the session list says that nothing runs in the main session.
    pub(crate) async fn quiet(&mut self) -> Value {
        self.event(|name, payload| {
            name == "sessions.changed"
                && payload["sessionKey"] == MAIN
                && payload["hasActiveRun"] == false
                && payload["phase"] != "start"
        })
        .await
    }
}

pub(crate) fn in_short(message: &Value) -> String {
    format!("{}: {}", message["role"].as_str().unwrap_or_default(), text_of(message))
}

pub(crate) fn text_of(message: &Value) -> String {
    match &message["content"] {
        Value::String(text) => text.clone(),
        parts => parts
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|part| part["text"].as_str())
            .collect::<Vec<_>>()
            .join("\n"),
    }
}

/// An HTTP answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The `data:` lines of a stream; comments and event names are passed over.
    pub(crate) fn data(&self) -> Vec<String> {
        let lines = self.body.lines().filter_map(|line| line.strip_prefix("data: "));
        lines.map(str::to_owned).collect()
    }
}

/// Sends a request with the right token and reads the whole answer.
pub(crate) async fn http(gateway: &TestGateway, method: &str, path: &str, body: &Value, headers: &str) -> Answer {
    answer_of(request(gateway, method, path, body, headers).await).await
}

/// Reads the whole answer.
pub(crate) async fn answer_of(mut stream: TcpStream) -> Answer {
    let mut answer = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap().unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let body = if head.to_lowercase().contains("transfer-encoding: chunked") { dechunked(body) } else { body.into() };
    Answer { status: head.split(' ').nth(1).unwrap().parse().unwrap(), head: head.to_lowercase(), body }
}

/// Sends a request and leaves the answer to the caller.
pub(crate) async fn request(gateway: &TestGateway, method: &str, path: &str, body: &Value, headers: &str) -> TcpStream {
    request_as(gateway, TOKEN, method, path, body, headers).await
}

/// The same with any token.
pub(crate) async fn request_as(
    gateway: &TestGateway,
    token: &str,
    method: &str,
    path: &str,
    body: &Value,
    headers: &str,
) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", gateway.running.port)).await.unwrap();
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n{headers}\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

fn dechunked(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap();
        if size == 0 {
            break;
        }
        whole.push_str(&rest[..size]);
        body = rest[size..].trim_start_matches("\r\n");
    }
    whole
}
