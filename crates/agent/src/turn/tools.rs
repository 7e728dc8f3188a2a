//! The tool calls of one answer: run side by side when none changes anything, else one after the other. Each result is
//! written to the transcript as soon as it is there.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use chela_llm::{ToolResult, ToolUse};
use chela_protocol::{AgentId, RunId, SessionKey};
use chela_store::{StoreError, fault};
use futures_util::FutureExt;
use futures_util::stream::{self, StreamExt};
use serde_json::{Map, Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::clearance::Cleared;
use super::output;
use super::state::{Stop, Turn, TurnTrust};
use crate::transcript::{ItemBody, ToolResultEntry, ToolResultsBody, UntrustedMark};
use crate::{
    AbortReason, Clearance, DeliveryRoute, Effect, Provenance, SessionStatus, Tool, ToolContext, ToolError, ToolOutput,
    ToolProgress, TurnEventKind, TurnEvents, TurnWorld,
};

/// Calls that run at once.
const PARALLEL: usize = 8;
/// Longest a call may take; what works longer belongs into the background.
const CALL_LIMIT: Duration = Duration::from_mins(30);
/// How long a call may take to stop after it was told to.
const STOP_GRACE: Duration = Duration::from_secs(2);
/// Output that waits for watchers; more is dropped.
const PROGRESS_QUEUE: usize = 32;

/// Whether a call may run.
enum Plan<'a> {
    Run(&'a dyn Tool, Effect),
    /// It can't, and the model is told why.
    Answer(String),
    /// It did so often enough.
    Refuse(String),
}

/// What became of one call.
enum Called {
    Ended(ToolResultEntry),
    /// Not run because it would only repeat itself.
    Refused(ToolResultEntry),
    Stopped(AbortReason),
}

/// A call that is over, on its way into the transcript.
struct Finished<'c> {
    call: &'c ToolUse,
    called: Called,
    /// Fires when the result is durable.
    written: oneshot::Sender<()>,
}

/// What a running call needs of its turn.
pub(super) struct Caller<'a> {
    pub(super) world: &'a TurnWorld,
    events: &'a TurnEvents,
    pub(super) stop: Stop<'a>,
    tool_stop: CancellationToken,
    pub(super) agent: AgentId,
    pub(super) session: SessionKey,
    pub(super) run: RunId,
    pub(super) route: Option<DeliveryRoute>,
    pub(super) trust: TurnTrust,
    /// Held while a person is asked: one question of a turn at a time.
    pub(super) asking: tokio::sync::Mutex<()>,
    status: Arc<SessionStatus>,
}

impl<'a> Turn<'a> {
    /// Runs calls until all have a result in the transcript. `Some` when the turn was stopped first: then some have none.
    pub(super) async fn run_tools(&mut self, calls: &[ToolUse]) -> Result<Option<AbortReason>, StoreError> {
        let plans: Vec<_> = calls.iter().map(|call| self.plan(call)).collect();
        let changes = |plan: &Plan<'_>| matches!(plan, Plan::Run(_, Effect::Write | Effect::External));
        let width = if plans.iter().any(changes) { 1 } else { PARALLEL };
        let caller = self.caller();
        let (finished, mut results) = mpsc::channel(PARALLEL);
        // Calls go on while results are written: were they only polled in between, a call that waits for room among the events
        // would keep the writer waiting behind it for ever.
        // They are made before the stream: a closure inside it would keep this future from being `Send`.
        let calls: Vec<_> = plans
            .into_iter()
            .zip(calls)
            .map(|(plan, call)| caller.call_and_wait(plan, call, finished.clone()))
            .collect();
        drop(finished);
        let working = stream::iter(calls).buffer_unordered(width).for_each(|()| std::future::ready(())).map(Ok);
        let writing = async {
            let mut stopped = None;
            while let Some(Finished { call, called, written }) = results.recv().await {
                match called {
                    Called::Stopped(reason) => stopped = stopped.or(Some(reason)),
                    Called::Refused(entry) => self.record(call, entry).await?,
                    Called::Ended(entry) => {
                        self.repeats.note(call, &entry.result.text);
                        self.record(call, entry).await?;
                    }
                }
                let _ = written.send(());
            }
            Ok::<_, StoreError>(stopped)
        };
        let ((), stopped) = tokio::try_join!(working, writing)?;
        Ok(stopped)
    }

    fn plan(&mut self, call: &ToolUse) -> Plan<'a> {
        let tools = &self.world.tools;
        if let Some(text) = &call.invalid {
            let start: String = text.chars().take(200).collect();
            let name = &call.name;
            return Plan::Answer(format!(
                "The arguments were not a JSON object, so `{name}` was not run. Got: {start}"
            ));
        }
        let Some(tool) = tools.get(&call.name) else {
            let names: Vec<_> = tools.iter().map(|tool| tool.definition().name.as_str()).collect();
            return Plan::Answer(format!("There is no tool `{}`. The tools are: {}.", call.name, names.join(", ")));
        };
        if let Some(times) = self.repeats.refuse(call, self.world.limits.identical_calls) {
            return Plan::Refuse(format!(
                "Not run: this very call gave the same result {times} times in a row. Do something else, or say what is in the way."
            ));
        }
        Plan::Run(tool.as_ref(), tool.effect(&call.input))
    }

    fn caller(&self) -> Caller<'a> {
        Caller {
            world: self.world,
            events: self.events,
            stop: self.stop.clone(),
            tool_stop: self.tool_stop.clone(),
            agent: self.row.agent.clone(),
            session: self.row.session.clone(),
            run: self.row.run.clone(),
            route: self.deliver.clone(),
            trust: self.trust.clone(),
            asking: tokio::sync::Mutex::default(),
            status: Arc::new(self.status()),
        }
    }

    async fn record(&mut self, call: &ToolUse, entry: ToolResultEntry) -> Result<(), StoreError> {
        let ended = TurnEventKind::ToolEnd {
            call_id: call.id.clone(),
            name: call.name.clone(),
            output: entry.result.text.clone(),
            is_error: entry.result.is_error,
            details: entry.details.clone(),
        };
        let shown = entry.result.text.clone();
        self.journal(vec![ItemBody::ToolResults(ToolResultsBody { results: vec![entry] })]).await?;
        self.tell_result(call, &shown).await?;
        fault::point("turn.after_tool");
        self.emit(ended).await;
        Ok(())
    }
}

impl Caller<'_> {
    /// Runs a call and waits until its result is durable, so that the next one of a row begins only then.
    async fn call_and_wait<'c>(&self, plan: Plan<'_>, call: &'c ToolUse, finished: mpsc::Sender<Finished<'c>>) {
        let called = self.call(plan, call).await;
        let (written, durable) = oneshot::channel();
        if finished.send(Finished { call, called, written }).await.is_ok() {
            let _ = durable.await;
        }
    }

    async fn call(&self, plan: Plan<'_>, call: &ToolUse) -> Called {
        if let Some(reason) = self.stop.now() {
            return Called::Stopped(reason);
        }
        let (call_id, name, args) = (call.id.clone(), call.name.clone(), call.input.clone());
        self.emit(TurnEventKind::ToolStart { call_id, name, args }).await;
        match plan {
            Plan::Answer(text) => Called::Ended(unanswered(call, text)),
            Plan::Refuse(text) => Called::Refused(unanswered(call, text)),
            Plan::Run(tool, _) => {
                let clearance = match self.clear(tool, call).await {
                    Cleared::Run(clearance) => clearance,
                    Cleared::Answer(text) => return Called::Ended(unanswered(call, text)),
                    Cleared::Stopped(reason) => return Called::Stopped(reason),
                };
                fault::point("turn.before_tool");
                let called = self.run(tool, call, clearance).await;
                fault::point("turn.in_tool");
                called
            }
        }
    }

    async fn run(&self, tool: &dyn Tool, call: &ToolUse, clearance: Clearance) -> Called {
        let (progress, mut shown) = mpsc::channel(PROGRESS_QUEUE);
        let cancel = self.tool_stop.child_token();
        let context = ToolContext {
            agent: self.agent.clone(),
            session: self.session.clone(),
            run: self.run.clone(),
            call_id: call.id.clone(),
            workspace: self.world.profile.workspace.clone(),
            cancel: cancel.clone(),
            progress: ToolProgress::new(progress),
            status: self.status.clone(),
            clearance,
        };
        let working = tool.call(call.input.clone(), context);
        let guarded =
            AssertUnwindSafe(working).catch_unwind().map(|ended| ended.unwrap_or_else(|_| Err(panicked(call))));
        let limited = tokio::time::timeout(CALL_LIMIT, guarded);
        tokio::pin!(limited);
        loop {
            tokio::select! {
                biased;
                ended = &mut limited => {
                    let ended = ended.unwrap_or_else(|_| {
                        // What it does on another thread ends only if it is told.
                        cancel.cancel();
                        Err(too_long())
                    });
                    return self.ended(call, ended).await;
                }
                Some(partial) = shown.recv() => {
                    let (call_id, name) = (call.id.clone(), call.name.clone());
                    self.emit(TurnEventKind::ToolUpdate { call_id, name, partial }).await;
                }
                reason = self.stop.wait() => {
                    self.tool_stop.cancel();
                    return match tokio::time::timeout(STOP_GRACE, &mut limited).await {
                        Ok(Ok(Ok(output))) => self.ended(call, Ok(output)).await,
                        Ok(_) | Err(_) => Called::Stopped(reason),
                    };
                }
            }
        }
    }

    async fn ended(&self, call: &ToolUse, ended: Result<ToolOutput, ToolError>) -> Called {
        if matches!(ended, Err(ToolError::Aborted))
            && let Some(reason) = self.stop.now()
        {
            return Called::Stopped(reason);
        }
        let ended = match ended {
            Ok(output) => Ok(output::bounded(output, &self.world.profile.workspace, &call.id).await),
            Err(error) => Err(error),
        };
        let mut ended = entry(call, ended);
        if let Some(mark) = &mut ended.untrusted {
            mark.mark = self.trust.mark.to_string();
            self.trust.taint(mark.provenance.clone());
        }
        Called::Ended(ended)
    }

    async fn emit(&self, kind: TurnEventKind) {
        self.events.send(&self.session, &self.run, kind).await;
    }
}

fn panicked(call: &ToolUse) -> ToolError {
    tracing::error!(tool = call.name, "a tool panicked");
    ToolError::ToModel(format!("`{}` broke down inside. This is a fault of the program, not of the call.", call.name))
}

fn too_long() -> ToolError {
    ToolError::ToModel(format!("Stopped after {} minutes. Run long work in the background.", CALL_LIMIT.as_secs() / 60))
}

fn entry(call: &ToolUse, ended: Result<ToolOutput, ToolError>) -> ToolResultEntry {
    let is_error = ended.is_err();
    let output = ended.unwrap_or_else(|error| match error {
        ToolError::FromOutside { text, provenance } => ToolOutput::text(text).from_outside(provenance),
        ToolError::ToModel(_) | ToolError::Aborted => ToolOutput::text(error.to_string()),
    });
    let ToolOutput { text, media, details, untrusted } = output;
    let details = match &untrusted {
        Some(provenance) => Some(with_provenance(details, provenance)),
        None => details,
    };
    let untrusted = untrusted.map(|provenance| UntrustedMark { provenance, mark: String::new() });
    let result = ToolResult { tool_use_id: call.id.clone(), name: call.name.clone(), text, media, is_error };
    ToolResultEntry { result, details, untrusted }
}

/// Interfaces show what tainted the turn.
fn with_provenance(details: Option<Value>, provenance: &Provenance) -> Value {
    let mut details = match details {
        Some(Value::Object(details)) => details,
        Some(other) => Map::from_iter([("value".to_owned(), other)]),
        None => Map::new(),
    };
    details.insert("untrusted".to_owned(), json!(provenance));
    details.into()
}

/// The answer to a call that never got a result of its own.
pub(super) fn unanswered(call: &ToolUse, why: impl Into<String>) -> ToolResultEntry {
    entry(call, Err(ToolError::ToModel(why.into())))
}
