//! A house with a store in a temporary folder, a model that answers by a rule, and tools that are watched.

use std::path::Path;
use std::sync::{Arc, Mutex};

use chela_agent::{
    AgentProfile, AgentsConfig, Budget, CallRisk, Clock, DeliveryRoute, Effect, ItemBody, NoApprovals, SkillIndex,
    SteerQueue, Tool, ToolContext, ToolError, ToolFuture, ToolOutput, ToolSet, TurnCancel, TurnDefaults, TurnEnd,
    TurnEvent, TurnEvents, TurnInput, TurnJob, TurnLimits, TurnWorld, ensure_workspace, run_turn,
};
use chela_config::Environment;
use chela_llm::{
    Block, Completion, EventStream, LlmError, LlmErrorKind, Message, Models, ModelsBuild, ModelsConfig, Provider,
    Request, Role, StopReason, StreamEvent, ToolDefinition, ToolUse, Usage, http_client,
};
use chela_protocol::{AgentId, SessionKey};
use chela_store::{Accepted, DATABASE_FILE, InboxRow, Item, NewInbound, OpenOptions, Store, WriterMode};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::mpsc;

pub(crate) struct House {
    pub dir: TempDir,
    pub world: TurnWorld,
    pub model: Arc<Rule>,
    pub calls: Calls,
}

/// What tools were called with, in order.
pub(crate) type Calls = Arc<Mutex<Vec<String>>>;

impl House {
    /// A model that answers each request by `rule`.
    pub(crate) fn new(rule: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let model = Arc::new(Rule { rule: Box::new(rule), requests: Mutex::default() });
        let models = empty_models().with_provider("fake", "one", model.clone());
        Self::with_models(models, model)
    }

    pub(crate) fn with_models(models: Models, model: Arc<Rule>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let profile = profile(dir.path(), json!({"defaults": {"timeoutSeconds": 30}}));
        ensure_workspace(&profile.workspace, true).unwrap();
        let calls = Calls::default();
        let world = TurnWorld {
            defaults: TurnDefaults::default(),
            store: open(dir.path()),
            models: Arc::new(models),
            tools: tools(&calls),
            profile: Arc::new(profile),
            skills: Arc::new(SkillIndex::default()),
            clock: Clock::manual(1_795_000_000_000),
            limits: TurnLimits::default(),
            budget: Budget::default(),
            approvals: Arc::new(NoApprovals),
            version: "0.0.0-test".into(),
        };
        Self { dir, world, model, calls }
    }

    pub(crate) async fn accept(&self, key: &str, input: TurnInput) -> InboxRow {
        let message = NewInbound {
            channel: "webchat".into(),
            account: "default".into(),
            platform_id: key.into(),
            session: session(),
            agent: AgentId::new("main"),
            run: format!("run-{key}").into(),
            body: input.to_body(),
            received_at_ms: self.world.clock.now_ms(),
        };
        match self.world.store.accept(message).await.unwrap() {
            Accepted::New(row) | Accepted::Duplicate(row) => row,
        }
    }

    /// One turn on these words.
    pub(crate) async fn say(&self, text: &str) -> TurnEnd {
        let row = self.accept(text, TurnInput::text(text)).await;
        self.run(row).await
    }

    pub(crate) async fn run(&self, row: InboxRow) -> TurnEnd {
        self.run_job(TurnJob::new(row)).await
    }

    pub(crate) async fn run_job(&self, job: TurnJob) -> TurnEnd {
        // In a task of its own, as the gateway does it: the future must be `Send`.
        let world = self.world.clone();
        let turn = async move { run_turn(&world, job, TurnEvents::silent(), &TurnCancel::new()).await };
        tokio::spawn(turn).await.unwrap().unwrap()
    }

    pub(crate) async fn items(&self) -> Vec<Item> {
        let session = self.world.store.session(&session()).await.unwrap().unwrap();
        self.world.store.items_in_context(&session.id).await.unwrap()
    }

    pub(crate) async fn bodies(&self) -> Vec<ItemBody> {
        self.items().await.iter().map(|item| ItemBody::of(item).unwrap()).collect()
    }

    pub(crate) async fn open_rows(&self) -> Vec<InboxRow> {
        self.world.store.open_inbox().await.unwrap()
    }

    pub(crate) fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.model.requests.lock().unwrap().clone()
    }

    /// Forgets the process: what is not in the database is gone.
    pub(crate) async fn reopen(&mut self) {
        self.world.store.close().await.unwrap();
        self.world.store = open(self.dir.path());
    }
}

pub(crate) fn open(dir: &Path) -> Store {
    Store::open(OpenOptions { path: dir.join(DATABASE_FILE), writer: WriterMode::Inline }).unwrap()
}

pub(crate) fn session() -> SessionKey {
    SessionKey::main(&AgentId::new("main"))
}

pub(crate) fn profile(dir: &Path, config: Value) -> AgentProfile {
    let config: AgentsConfig = serde_json::from_value(config).unwrap();
    config.resolve(dir, None).remove(0)
}

pub(crate) fn empty_models() -> Models {
    models(json!({"mode": "replace"}))
}

pub(crate) fn models(config: Value) -> Models {
    let config: ModelsConfig = serde_json::from_value(config).unwrap();
    let (models, problems) = Models::build(ModelsBuild {
        config: &config,
        auth: &chela_llm::AuthConfig::default(),
        environment: &Environment::default(),
        resolve: &|secret| match secret {
            chela_config::Secret::Text(text) => Ok(text.clone()),
            chela_config::Secret::Reference(reference) => Err(format!("no secret {}", reference.id)),
        },
        http: http_client(None),
    });
    assert_eq!(problems, []);
    models
}

pub(crate) fn to_discord(text: &str) -> TurnInput {
    let route = DeliveryRoute {
        channel: "discord".into(),
        account: "default".into(),
        chat: "42".into(),
        reply_to: None,
        via: None,
    };
    TurnInput { deliver: Some(route), ..TurnInput::text(text) }
}

/// A model that answers by a rule, and remembers what it was asked.
pub(crate) struct Rule {
    rule: Box<dyn Fn(&Request) -> Answer + Send + Sync>,
    requests: Mutex<Vec<Request>>,
}

pub(crate) enum Answer {
    Whole(Completion),
    /// These words, and then nothing for ever.
    Hang(&'static str),
    Fail(LlmErrorKind),
}

impl Provider for Rule {
    fn stream(&self, request: Request) -> EventStream {
        let answer = (self.rule)(&request);
        let model = request.model.clone();
        self.requests.lock().unwrap().push(request);
        let started = StreamEvent::Started { provider: "fake".into(), model: model.clone() };
        let first = stream::iter([Ok(started)]);
        match answer {
            Answer::Whole(completion) => Box::pin(first.chain(stream::iter(deltas(completion)))),
            Answer::Hang(text) => {
                let words = stream::iter([Ok(StreamEvent::TextDelta(text.into()))]);
                Box::pin(first.chain(words).chain(stream::pending()))
            }
            Answer::Fail(kind) => {
                let error = LlmError { provider: "fake".into(), model, kind, status: None, after_output: false };
                Box::pin(stream::iter([Err(error)]))
            }
        }
    }
}

fn deltas(completion: Completion) -> Vec<Result<StreamEvent, LlmError>> {
    let mut events = Vec::new();
    for block in &completion.blocks {
        match block {
            Block::Text { text } => {
                let (one, two) = text.split_at(text.char_indices().nth(2).map_or(0, |(at, _)| at));
                events.extend([one, two].map(|part| Ok(StreamEvent::TextDelta(part.to_owned()))));
            }
            Block::ToolUse(call) => {
                events.push(Ok(StreamEvent::ToolUseStart { id: call.id.clone(), name: call.name.clone() }));
            }
            _ => {}
        }
    }
    events.push(Ok(StreamEvent::Done(completion)));
    events
}

pub(crate) fn text(text: &str) -> Answer {
    Answer::Whole(completion(vec![Block::Text { text: text.into() }], StopReason::EndTurn))
}

/// Words before calls, and the calls: `(id, tool, args)`.
pub(crate) fn tools_after(words: &str, calls: &[(&str, &str, Value)]) -> Answer {
    let calls = calls.iter().map(|(id, name, input)| {
        Block::ToolUse(ToolUse {
            id: (*id).to_owned(),
            name: (*name).to_owned(),
            input: input.clone(),
            invalid: None,
            signature: None,
        })
    });
    let words = Block::Text { text: words.to_owned() };
    Answer::Whole(completion(std::iter::once(words).chain(calls).collect(), StopReason::ToolUse))
}

pub(crate) fn completion(blocks: Vec<Block>, stop: StopReason) -> Completion {
    let usage = Usage { input: 100, output: 10, cache_read: 50, cache_write: 0 };
    Completion { blocks, stop, usage, response_id: None }
}

/// How many results of tools stand after the last words of the user.
pub(crate) fn results_so_far(request: &Request) -> usize {
    let is_words = |message: &Message| {
        message.role == Role::User && message.blocks.iter().any(|block| matches!(block, Block::Text { .. }))
    };
    let last = request.messages.iter().rposition(is_words).unwrap_or(0);
    let blocks = request.messages[last + 1..].iter().flat_map(|message| &message.blocks);
    blocks.filter(|block| matches!(block, Block::ToolResult(_))).count()
}

/// Every result in a request, oldest first.
pub(crate) fn results(request: &Request) -> Vec<String> {
    let blocks = request.messages.iter().flat_map(|message| &message.blocks);
    let results = blocks.filter_map(|block| match block {
        Block::ToolResult(result) => Some(result.text.clone()),
        _ => None,
    });
    results.collect()
}

type Work = Box<dyn Fn(Value, ToolContext) -> ToolFuture<'static> + Send + Sync>;

pub(crate) struct Watched {
    definition: ToolDefinition,
    effect: Effect,
    calls: Calls,
    work: Work,
}

impl Watched {
    pub(crate) fn tool<F>(
        calls: &Calls,
        name: &str,
        effect: Effect,
        work: impl Fn(Value, ToolContext) -> F + Send + Sync + 'static,
    ) -> Arc<dyn Tool>
    where
        F: Future<Output = Result<ToolOutput, ToolError>> + Send + 'static,
    {
        let definition = ToolDefinition {
            name: name.into(),
            description: format!("Does {name}."),
            parameters: json!({"type": "object", "properties": {"n": {"type": "integer"}}}),
        };
        let work: Work = Box::new(move |args, context| Box::pin(work(args, context)));
        Arc::new(Self { definition, effect, calls: calls.clone(), work })
    }
}

impl Tool for Watched {
    fn definition(&self) -> &ToolDefinition {
        &self.definition
    }

    fn effect(&self, _: &Value) -> Effect {
        self.effect
    }

    fn risk(&self, _: &Value, _: &Path) -> CallRisk {
        CallRisk::none()
    }

    fn call(&self, args: Value, context: ToolContext) -> ToolFuture<'_> {
        self.calls.lock().unwrap().push(format!("{} {}", self.definition.name, args["n"]));
        (self.work)(args, context)
    }
}

fn tools(calls: &Calls) -> ToolSet {
    ToolSet::new(vec![
        Watched::tool(calls, "look", Effect::Read, |args, _| async move {
            tokio::task::yield_now().await;
            Ok(ToolOutput::text(format!("saw {}", args["n"])))
        }),
        Watched::tool(calls, "make", Effect::Write, |args, context| async move {
            context.progress.show("half");
            tokio::task::yield_now().await;
            Ok(ToolOutput::text(format!("made {}", args["n"])))
        }),
        Watched::tool(calls, "wait", Effect::Write, |_, context| async move {
            context.cancel.cancelled().await;
            Err(ToolError::Aborted)
        }),
        Watched::tool(calls, "break", Effect::Read, |_, _| async { panic!("broken on purpose") }),
        Watched::tool(calls, "flood", Effect::Read, |_, _| async { Ok(ToolOutput::text("é".repeat(250_000))) }),
    ])
}

/// Events of a turn, as they come.
pub(crate) fn watched(capacity: usize) -> (TurnEvents, mpsc::Receiver<TurnEvent>) {
    let (sender, receiver) = mpsc::channel(capacity);
    (TurnEvents::new(sender), receiver)
}

pub(crate) fn steer(rows: impl IntoIterator<Item = InboxRow>) -> SteerQueue {
    let queue = SteerQueue::default();
    rows.into_iter().for_each(|row| queue.push(row));
    queue
}
