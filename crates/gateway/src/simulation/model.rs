//! The model of the simulation: answers with the names of the messages that it was asked, calls harmless tools, and fails in
//! every way that a vendor has. Strict about what it is sent, as vendors are (G30).

use std::collections::{BTreeSet, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chela_agent::{CallRisk, Effect, Tool, ToolContext, ToolDefinition, ToolFuture, ToolOutput, ToolSet};
use chela_llm::{
    Block, Completion, EventStream, LlmError, LlmErrorKind, Message, Provider, Request, Role, StopReason, StreamEvent,
    ToolUse, Usage,
};
use serde_json::{Value, json};

use super::dice::Dice;
use super::stage::{Stage, locked, pass};

pub(super) const PROVIDER: &str = "script";
pub(super) const MODEL: &str = "one";

/// How every answer ends, so that a missing end shows.
pub(super) const END: &str = "END";

/// Tool calls in one turn, after which the model makes up its mind.
const CALLS_MAX: usize = 3;

/// A provider whose answers come from the seed.
pub(super) struct ScriptedModel {
    stage: Arc<Stage>,
    state: Mutex<State>,
}

struct State {
    dice: Dice,
    calls: u64,
}

/// One thing that the stream yields, after a pause.
struct Beat {
    pause: Duration,
    event: Result<StreamEvent, LlmErrorKind>,
}

impl ScriptedModel {
    pub(super) fn new(stage: Arc<Stage>) -> Self {
        let dice = Dice::new(stage.seed, "model");
        Self { stage, state: Mutex::new(State { dice, calls: 0 }) }
    }

    fn plan(&self, request: &Request) -> VecDeque<Beat> {
        let asked = asked(&request.messages);
        let mut state = locked(&self.state);
        let calm = self.stage.is_calm();
        let luck = if calm { 100 } else { state.dice.below(100) };
        let started = StreamEvent::Started { provider: PROVIDER.to_owned(), model: MODEL.to_owned() };
        let mut beats = VecDeque::from([Beat { pause: state.dice.millis(300), event: Ok(started) }]);
        match luck {
            0..4 => beats = VecDeque::from([state.failure()]),
            4..7 => {
                beats.push_back(state.delta("so far "));
                beats.push_back(Beat { pause: state.dice.millis(500), event: Err(network()) });
            }
            7..9 => {
                let late = Duration::from_secs(30 + state.dice.below(60));
                beats.push_back(Beat { pause: late, event: Err(LlmErrorKind::Timeout(late)) });
            }
            9..10 => beats.push_back(Beat { pause: Duration::ZERO, event: Ok(done(Vec::new(), StopReason::EndTurn)) }),
            10..26 if asked.results < CALLS_MAX => state.call(&mut beats),
            _ => state.answer(&asked.names, &mut beats),
        }
        self.stage.note(format!("model: asked {} with {} results", asked.names.join(""), asked.results));
        beats
    }
}

impl Provider for ScriptedModel {
    fn stream(&self, request: Request) -> EventStream {
        if let Err(why) = acceptable(&request.messages) {
            self.stage.complain(format!("G30: a provider would refuse the transcript: {why}"));
        }
        let beats = self.plan(&request);
        Box::pin(futures_util::stream::unfold(beats, |mut beats| async move {
            let Beat { pause, event } = beats.pop_front()?;
            pass(pause).await;
            let failed = |kind| LlmError {
                provider: PROVIDER.to_owned(),
                model: MODEL.to_owned(),
                kind,
                status: None,
                after_output: false,
            };
            Some((event.map_err(failed), beats))
        }))
    }
}

impl State {
    fn failure(&mut self) -> Beat {
        let (message, retry_after) = ("scripted".to_owned(), Some(Duration::from_secs(1 + self.dice.below(40))));
        let kind = match self.dice.below(4) {
            0 => LlmErrorKind::RateLimited { message, retry_after },
            1 => LlmErrorKind::Overloaded { message, retry_after: None },
            2 => LlmErrorKind::Server { message },
            _ => LlmErrorKind::InvalidRequest { message },
        };
        Beat { pause: self.dice.millis(2_000), event: Err(kind) }
    }

    fn delta(&mut self, text: &str) -> Beat {
        Beat { pause: self.dice.millis(900), event: Ok(StreamEvent::TextDelta(text.to_owned())) }
    }

    fn call(&mut self, beats: &mut VecDeque<Beat>) {
        let mut blocks = Vec::new();
        for _ in 0..=self.dice.below(2) {
            self.calls += 1;
            let (id, name) = (format!("call-{}", self.calls), self.dice.pick(&["look", "change"]));
            let start = StreamEvent::ToolUseStart { id: id.clone(), name: name.to_owned() };
            beats.push_back(Beat { pause: self.dice.millis(400), event: Ok(start) });
            let input = json!({ "wait": self.dice.below(3_000), "id": id });
            blocks.push(Block::ToolUse(ToolUse { id, name: name.to_owned(), input, invalid: None, signature: None }));
        }
        beats.push_back(Beat { pause: Duration::ZERO, event: Ok(done(blocks, StopReason::ToolUse)) });
    }

    fn answer(&mut self, names: &[String], beats: &mut VecDeque<Beat>) {
        let mut text = format!("About {}", names.join(""));
        beats.push_back(self.delta(&text));
        for _ in 0..self.dice.pick(&[0, 0, 0, 1, 2, 8]) {
            let more =
                format!("\n\nThought {} of a longer answer, long enough to fill a line.", self.dice.below(1_000));
            beats.push_back(self.delta(&more));
            text.push_str(&more);
        }
        let end = format!("\n\n{END}");
        beats.push_back(self.delta(&end));
        text.push_str(&end);
        let blocks = vec![Block::Text { text }];
        beats.push_back(Beat { pause: Duration::ZERO, event: Ok(done(blocks, StopReason::EndTurn)) });
    }
}

/// What a request asks: the names of the messages since the last answer, and how many tool results stand behind them.
struct Asked {
    names: Vec<String>,
    results: usize,
}

fn asked(messages: &[Message]) -> Asked {
    let mut asked = Asked { names: Vec::new(), results: 0 };
    for message in messages {
        let calls = message.blocks.iter().any(|block| matches!(block, Block::ToolUse(_)));
        if message.role == Role::Assistant && !calls {
            asked = Asked { names: Vec::new(), results: 0 };
        }
        for block in &message.blocks {
            match block {
                Block::Text { text } if message.role == Role::User => asked.names.extend(names_in(text)),
                Block::ToolResult(_) => asked.results += 1,
                _ => {}
            }
        }
    }
    asked
}

/// Names of messages, `[m17]`, in the order in which they stand in a text.
pub(super) fn names_in(text: &str) -> Vec<String> {
    let pieces = text.split("[m").skip(1);
    pieces.filter_map(|piece| piece.split_once(']')).map(|(name, _)| format!("[m{name}]")).collect()
}

fn done(blocks: Vec<Block>, stop: StopReason) -> StreamEvent {
    let usage = Usage { input: 10, output: 5, ..Usage::default() };
    StreamEvent::Done(Completion { blocks, stop, usage, response_id: None })
}

fn network() -> LlmErrorKind {
    LlmErrorKind::Network { message: "scripted".to_owned() }
}

/// What every vendor asks of a conversation.
fn acceptable(messages: &[Message]) -> Result<(), String> {
    let mut open = BTreeSet::new();
    let mut before = Role::Assistant;
    for (at, message) in messages.iter().enumerate() {
        if message.role == before {
            return Err(format!("message {at} does not alternate"));
        }
        before = message.role;
        if message.blocks.is_empty() {
            return Err(format!("message {at} is empty"));
        }
        let mut answered = BTreeSet::new();
        for block in &message.blocks {
            if let Block::ToolResult(result) = block {
                answered.insert(result.tool_use_id.clone());
            }
        }
        if answered != open {
            return Err(format!("message {at} answers the calls {answered:?}, and {open:?} were made"));
        }
        open.clear();
        for block in &message.blocks {
            if let Block::ToolUse(call) = block
                && !open.insert(call.id.clone())
            {
                return Err(format!("the call {} is there twice", call.id));
            }
        }
    }
    match before {
        Role::User => Ok(()),
        Role::Assistant => Err("nobody asks anything".to_owned()),
    }
}

/// The tools of the simulation.
pub(super) fn tools(stage: &Arc<Stage>) -> ToolSet {
    let tool = |name: &str, effect| -> Arc<dyn Tool> {
        let definition = ToolDefinition {
            name: name.to_owned(),
            description: name.to_owned(),
            parameters: json!({"type": "object"}),
        };
        Arc::new(Harmless { definition, effect, stage: stage.clone() })
    };
    ToolSet::new(vec![tool("look", Effect::Read), tool("change", Effect::Write)])
}

/// Takes some time and does nothing; one that changes something notices when the same call comes twice.
struct Harmless {
    definition: ToolDefinition,
    effect: Effect,
    stage: Arc<Stage>,
}

impl Tool for Harmless {
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
        Box::pin(async move {
            let wait = args["wait"].as_u64().unwrap_or_default();
            self.stage.note(format!("tool: {} {}", self.definition.name, context.call_id));
            if self.effect == Effect::Write {
                self.stage.changed(&context.call_id);
            }
            pass(Duration::from_millis(wait)).await;
            Ok(ToolOutput::text("done"))
        })
    }
}
