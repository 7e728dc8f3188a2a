//! A model vendor on loopback: all four APIs on one port, answering from a script.
//!
//! Strict on purpose: it refuses what the real vendors refuse (results without calls, wrong order, forged signatures) with
//! their status and remembers it as a violation, so that a test which never looks still fails on `assert_clean`.

mod anthropic;
mod embed;
mod gemini;
mod openai_chat;
mod openai_responses;
mod script;
mod serve;
mod speech;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::serve::ListenerExt as _;
pub use embed::FakeEmbedding;
pub use script::{FakeCall, FakeStop, FakeUsage, Part, Reply, Step};
use serde_json::Value;
pub use speech::FakeRecording;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
pub use wire::FakeWire;

/// Longest that a test waits for a request that does not come.
const PATIENCE: Duration = Duration::from_secs(10);

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Recorded {
    pub wire: FakeWire,
    pub path: String,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: Value,
    /// The body's bytes, for comparing prefixes.
    pub text: String,
    /// The vendor's own name of the model.
    pub model: String,
}

impl Recorded {
    /// The text of the newest message of the user, as far as it has one.
    pub fn last_user_text(&self) -> String {
        wire::last_user_text(self.wire, &self.body)
    }
}

/// The fake vendor. Stops when dropped.
pub struct FakeModel {
    shared: Arc<Shared>,
    address: SocketAddr,
    server: JoinHandle<()>,
}

type Responder = Box<dyn Fn(&Recorded) -> Step + Send + Sync>;

struct Shared {
    state: Mutex<State>,
    arrived: watch::Sender<usize>,
}

struct State {
    steps: VecDeque<Step>,
    responder: Arc<Responder>,
    requests: Vec<Recorded>,
    recordings: Vec<FakeRecording>,
    embeddings: Vec<FakeEmbedding>,
    /// A server that runs for hours must not keep what it was sent.
    forgets: bool,
    violations: Vec<String>,
    /// Text of each signature that was handed out.
    issued: HashMap<String, String>,
    /// For ids; never reused.
    counter: u64,
}

impl FakeModel {
    /// Serves the steps in order, one per request, then echoes what the user says.
    ///
    /// # Panics
    /// When loopback can't be bound.
    pub async fn start(steps: impl IntoIterator<Item = Step>) -> Self {
        Self::start_on(0, steps).await
    }

    /// As [`FakeModel::start`], on a port of choice (0 takes a free one).
    ///
    /// # Panics
    /// When the port can't be bound.
    pub async fn start_on(port: u16, steps: impl IntoIterator<Item = Step>) -> Self {
        let responder: Responder = Box::new(|request| Step::text(format!("echo: {}", request.last_user_text())));
        let state = State {
            steps: steps.into_iter().collect(),
            responder: Arc::new(responder),
            requests: Vec::new(),
            recordings: Vec::new(),
            embeddings: Vec::new(),
            forgets: false,
            violations: Vec::new(),
            issued: HashMap::new(),
            counter: 0,
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), arrived: watch::Sender::new(0) });
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("loopback can be bound");
        let address = listener.local_addr().expect("a bound socket has an address");
        // Events go out as they are written: the kernel would hold the second one back until the first is acknowledged, 40 ms.
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        let router = serve::router(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            // Serving ends with the task; an accept error of a test's own socket has nobody to tell.
            let _ = axum::serve(listener, router).await;
        });
        Self { shared, address, server }
    }

    /// Requests for vectors, oldest first. Each text's vector begins with its number of bytes.
    pub fn embeddings(&self) -> Vec<FakeEmbedding> {
        self.shared.lock().embeddings.clone()
    }

    /// Recordings that were sent to be put into words, oldest first. Each is answered with `words of <n> bytes`.
    pub fn recordings(&self) -> Vec<FakeRecording> {
        self.shared.lock().recordings.clone()
    }

    /// Without a version: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Appends a step.
    pub fn push(&self, step: Step) {
        self.shared.lock().steps.push_back(step);
    }

    /// Who answers once the script is over.
    pub fn respond_with(&self, responder: impl Fn(&Recorded) -> Step + Send + Sync + 'static) {
        self.shared.lock().responder = Arc::new(Box::new(responder));
    }

    /// Keeps no requests from here on, for servers that run long.
    pub fn forget_requests(&self) {
        self.shared.lock().forgets = true;
    }

    /// Everything that came, refused requests too.
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.lock().requests.clone()
    }

    /// Waits until so many requests have come in all.
    ///
    /// # Panics
    /// When they don't come within ten seconds.
    pub async fn wait_for_requests(&self, count: usize) -> Vec<Recorded> {
        let mut arrived = self.shared.arrived.subscribe();
        let waiting = arrived.wait_for(|arrived| *arrived >= count);
        tokio::time::timeout(PATIENCE, waiting)
            .await
            .unwrap_or_else(|_| panic!("{count} requests were to come, {} came", self.requests().len()))
            .expect("the sender lives as long as self");
        self.requests()
    }

    /// Steps of the script that nobody has asked for.
    pub fn steps_left(&self) -> usize {
        self.shared.lock().steps.len()
    }

    /// What a vendor would have refused.
    pub fn violations(&self) -> Vec<String> {
        self.shared.lock().violations.clone()
    }

    /// # Panics
    /// When a request broke a vendor's rules.
    pub fn assert_clean(&self) {
        let violations = self.violations();
        assert!(violations.is_empty(), "a vendor would have refused: {violations:#?}");
    }
}

impl Drop for FakeModel {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A test that panicked while holding the lock has failed already.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn next_number(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// Makes a signature for a thought; a request may later replay exactly this pair.
    fn sign(&mut self, text: &str) -> String {
        let signature = format!("sig-{:04}", self.next_number());
        self.issued.insert(signature.clone(), text.to_owned());
        signature
    }

    fn is_signed(&self, text: &str, signature: &str) -> bool {
        self.issued.get(signature).is_some_and(|issued| issued == text)
    }
}
