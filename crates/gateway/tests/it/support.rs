//! A gateway in this process on a port of its own, and a bare WebSocket to talk to it.

use std::time::Duration;

use chela_config::{Environment, PlaceOverrides, Places};
use chela_gateway::{Bind, Options, Running, StartError};
use chela_protocol::CloseCode;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// The token of every test gateway.
pub(crate) const TOKEN: &str = "a-token-for-tests";

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Everything that a test may want to be different.
pub(crate) struct Setup {
    pub(crate) config: Option<String>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) options: Options,
}

impl Default for Setup {
    fn default() -> Self {
        let options = Options {
            port: Some(0),
            bind: Some(Bind::Loopback),
            token: Some(TOKEN.into()),
            allow_unconfigured: true,
            ..Options::default()
        };
        Self { config: None, environment: Vec::new(), options }
    }
}

/// A running gateway; its state dir goes with it.
pub(crate) struct TestGateway {
    pub(crate) running: Running,
    pub(crate) state_dir: tempfile::TempDir,
}

impl Setup {
    pub(crate) fn config(mut self, config: Value) -> Self {
        self.config = Some(config.to_string());
        self
    }

    pub(crate) async fn start(self) -> TestGateway {
        let (state_dir, started) = self.try_start().await;
        TestGateway { running: started.unwrap(), state_dir }
    }

    pub(crate) async fn try_start(self) -> (tempfile::TempDir, Result<Running, StartError>) {
        let state_dir = tempfile::tempdir().unwrap();
        let started = self.start_in(&state_dir).await;
        (state_dir, started)
    }

    pub(crate) async fn start_in(self, state_dir: &tempfile::TempDir) -> Result<Running, StartError> {
        if let Some(config) = &self.config {
            std::fs::write(state_dir.path().join("chela.json"), config).unwrap();
        }
        let own =
            [("CHELA_STATE_DIR", state_dir.path().to_str().unwrap()), ("HOME", state_dir.path().to_str().unwrap())];
        let own = own.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        let environment = Environment::from_pairs(own.chain(self.environment));
        let places = Places::locate(&environment, &PlaceOverrides::default()).unwrap();
        chela_gateway::start(Options { environment, places: Some(places), ..self.options }).await
    }
}

/// The usual one.
pub(crate) async fn gateway() -> TestGateway {
    Setup::default().start().await
}

impl TestGateway {
    pub(crate) fn url(&self) -> String {
        format!("ws://127.0.0.1:{}/", self.running.port)
    }

    /// A socket on which nothing was said yet, except by the gateway: its challenge's nonce comes along.
    pub(crate) async fn socket(&self) -> (Socket, String) {
        self.socket_with(&[]).await
    }

    pub(crate) async fn socket_with(&self, headers: &[(&'static str, &str)]) -> (Socket, String) {
        self.open("", headers).await
    }

    /// A socket that was opened at this path and query.
    pub(crate) async fn socket_at(&self, path: &str) -> (Socket, String) {
        self.open(path.trim_start_matches('/'), &[]).await
    }

    async fn open(&self, path: &str, headers: &[(&'static str, &str)]) -> (Socket, String) {
        let mut request = format!("{}{path}", self.url()).into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let (stream, _) = connect_async(request).await.unwrap();
        let mut socket = Socket { stream };
        let challenge = socket.next().await;
        assert_eq!(challenge["event"], "connect.challenge");
        let nonce = challenge["payload"]["nonce"].as_str().unwrap().to_owned();
        (socket, nonce)
    }

    /// A client with every right.
    pub(crate) async fn client(&self) -> Socket {
        self.client_with(json!(["operator.admin"])).await
    }

    pub(crate) async fn client_with(&self, scopes: Value) -> Socket {
        let (mut socket, _) = self.socket().await;
        let mut params = connect_params();
        params["scopes"] = scopes;
        let hello = socket.connect(params).await;
        assert_eq!(hello["ok"], true, "{hello}");
        socket
    }

    /// The body and status of a plain GET.
    pub(crate) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
        let answer = self.exchange("GET", path, headers).await;
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        let body = answer.split_once("\r\n\r\n").unwrap().1.to_owned();
        (status, body)
    }

    /// The whole answer to a request without a body, as it came.
    pub(crate) async fn exchange(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> String {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let mut stream = TcpStream::connect(("127.0.0.1", self.running.port)).await.unwrap();
        let headers: String = headers.iter().flat_map(|(name, value)| [*name, ": ", *value, "\r\n"]).collect();
        let request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
        answer
    }
}

/// Sends bytes as they are and reads until the gateway has nothing more to say or closes.
pub(crate) async fn raw(gateway: &TestGateway, request: &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = TcpStream::connect(("127.0.0.1", gateway.running.port)).await.unwrap();
    // A gateway that refuses early does not read on.
    let _ = stream.write_all(request.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("the gateway closes");
    String::from_utf8_lossy(&answer).into_owned()
}

/// A bare socket, so that a test can say anything.
pub(crate) struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Socket {
    pub(crate) async fn send(&mut self, frame: Value) {
        self.send_text(&frame.to_string()).await;
    }

    pub(crate) async fn send_text(&mut self, text: &str) {
        // A socket that the gateway has closed already shows in what is read next.
        let _ = self.stream.send(Message::text(text)).await;
    }

    pub(crate) async fn send_message(&mut self, message: Message) {
        let _ = self.stream.send(message).await;
    }

    /// Bytes past the library, to break the framing.
    pub(crate) async fn send_raw(&mut self, bytes: &[u8]) {
        use tokio::io::AsyncWriteExt as _;
        let _ = self.stream.get_mut().write_all(bytes).await;
    }

    /// The next frame.
    pub(crate) async fn next(&mut self) -> Value {
        match self.next_or_close().await {
            Ok(frame) => frame,
            Err((code, reason)) => panic!("closed with {code}: {reason}"),
        }
    }

    /// The close code and reason; frames before it are passed over.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        loop {
            if let Err(close) = self.next_or_close().await {
                return close;
            }
        }
    }

    pub(crate) async fn next_or_close(&mut self) -> Result<Value, (u16, String)> {
        loop {
            let message = timeout(PATIENCE, self.stream.next()).await.expect("the gateway says something");
            match message {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(Some(frame)))) => return Err((frame.code.into(), frame.reason.to_string())),
                Some(Ok(Message::Close(None))) | None => return Err((1005, String::new())),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err((1006, error.to_string())),
            }
        }
    }

    /// Sends `connect` and returns its answer.
    pub(crate) async fn connect(&mut self, params: Value) -> Value {
        self.send(json!({"type": "req", "id": "c", "method": "connect", "params": params})).await;
        self.next().await
    }

    /// Calls a method and returns its answer; events in between are passed over.
    pub(crate) async fn call(&mut self, method: &str, params: Value) -> Value {
        self.send(json!({"type": "req", "id": method, "method": method, "params": params})).await;
        loop {
            let frame = self.next().await;
            if frame["type"] == "res" && frame["id"] == method {
                return frame;
            }
        }
    }

    /// The next event of this name.
    pub(crate) async fn event(&mut self, name: &str) -> Value {
        loop {
            let frame = self.next().await;
            if frame["event"] == name {
                return frame;
            }
        }
    }

    /// Asserts that the gateway closes now.
    pub(crate) async fn assert_closed(&mut self, code: CloseCode, reason: &str) {
        assert_eq!(self.closed().await, (code.as_u16(), reason.to_owned()));
    }
}

/// Parameters of a stock command line client with the right token.
pub(crate) fn connect_params() -> Value {
    json!({
        "minProtocol": 3, "maxProtocol": 4,
        "client": {"id": "cli", "version": "2026.9.6", "platform": "linux", "mode": "cli"},
        "role": "operator", "scopes": ["operator.read"], "caps": [],
        "auth": {"token": TOKEN}
    })
}
