//! `cron`: reminders and recurring work. The tool only asks; whoever keeps the jobs stands at the other end of a line.

use std::path::Path;

use chela_agent::{
    AgentId, CallRisk, Clearance, Effect, ExecRule, Risk, RunId, SessionKey, Subject, Tool, ToolContext,
    ToolDefinition, ToolError, ToolFuture, ToolOutput,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use crate::Kit;
use crate::args::{parse, refuse};

/// Calls that may wait at the other end: each turn has one at a time.
const WAITING: usize = 64;

/// The way to whoever keeps automations. Clones share it; the default one leads nowhere.
#[derive(Clone, Default)]
pub struct CronLine(Option<mpsc::Sender<CronCall>>);

/// One call on its way.
pub struct CronCall {
    pub action: CronAction,
    pub agent: AgentId,
    pub session: SessionKey,
    pub run: RunId,
    pub clearance: Clearance,
    /// What the model is told; an error is worded for it as well.
    pub answer: oneshot::Sender<Result<String, String>>,
}

/// What a model wants of its automations. Jobs are in the words of the method `cron.add`.
#[derive(Debug, Clone, PartialEq)]
pub enum CronAction {
    List,
    Add { job: Value },
    Update { id: String, patch: Value },
    Remove { id: String },
    Run { id: String },
    Runs { id: Option<String> },
}

impl CronLine {
    /// A line and its other end.
    pub fn new() -> (Self, mpsc::Receiver<CronCall>) {
        let (line, calls) = mpsc::channel(WAITING);
        (Self(Some(line)), calls)
    }
}

pub(crate) fn parameters() -> Value {
    json!({
        "type": "object",
        "properties": {
            "action": {"enum": ["list", "add", "update", "remove", "run", "runs"]},
            "id": {"type": "string"},
            "job": {
                "type": "object",
                "description": "For add, or the changed fields for update: name; schedule {kind:\"at\",at:ISO time or \"+20m\"} | {kind:\"every\",everyMs} | {kind:\"cron\",expr,tz}; payload {kind:\"agentTurn\",message}: a turn of its own whose answer is sent here | {kind:\"systemEvent\",text}: told in the main conversation; delivery {mode:\"none\"}: not sent; enabled",
            },
        },
        "required": ["action"],
    })
}

pub(crate) struct Cron {
    definition: ToolDefinition,
    line: CronLine,
    rule: ExecRule,
}

#[derive(Deserialize)]
struct Args {
    action: Action,
    #[serde(default, alias = "jobId")]
    id: Option<String>,
    #[serde(default, alias = "patch")]
    job: Option<Value>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Action {
    List,
    Add,
    Update,
    Remove,
    Run,
    Runs,
}

impl Cron {
    pub(crate) fn new(definition: ToolDefinition, kit: &Kit) -> Self {
        Self { definition, line: kit.host.cron.clone(), rule: kit.rule }
    }
}

impl Tool for Cron {
    fn definition(&self) -> &ToolDefinition {
        &self.definition
    }

    fn effect(&self, args: &Value) -> Effect {
        match action_of(args.clone()) {
            Ok(CronAction::List | CronAction::Runs { .. }) => Effect::Read,
            Ok(_) | Err(_) => Effect::Write,
        }
    }

    /// A job speaks to later turns, as a file of instructions does; what there is of them is the owner's alone.
    fn risk(&self, args: &Value, _workspace: &Path) -> CallRisk {
        let private = |what: &str| CallRisk {
            risk: Risk::Private,
            subject: Subject::Paths(vec![what.to_owned()]),
            rule: self.rule,
        };
        let (what, text) = match action_of(args.clone()) {
            Ok(CronAction::List) => return private("list"),
            Ok(CronAction::Runs { .. }) => return private("runs"),
            Err(_) => return CallRisk::none(),
            Ok(CronAction::Add { job }) => ("add".to_owned(), in_lines(&job)),
            Ok(CronAction::Update { id, patch }) => (format!("update {id}"), in_lines(&patch)),
            Ok(CronAction::Remove { id }) => (format!("remove {id}"), String::new()),
            Ok(CronAction::Run { id }) => (format!("run {id}"), String::new()),
        };
        CallRisk { risk: Risk::Instructions, subject: Subject::Change { paths: vec![what], text }, rule: self.rule }
    }

    fn call(&self, args: Value, context: ToolContext) -> ToolFuture<'_> {
        Box::pin(async move {
            let action = action_of(args)?;
            if context.cancel.is_cancelled() {
                return Err(ToolError::Aborted);
            }
            let nobody = || refuse("No automations are kept here.");
            let line = self.line.0.as_ref().ok_or_else(nobody)?;
            let (answer, answered) = oneshot::channel();
            let ToolContext { agent, session, run, clearance, cancel, .. } = context;
            let asking = async {
                line.send(CronCall { action, agent, session, run, clearance, answer }).await.ok()?;
                answered.await.ok()
            };
            tokio::select! {
                biased;
                () = cancel.cancelled() => Err(ToolError::Aborted),
                answer = asking => match answer {
                    Some(Ok(text)) => Ok(ToolOutput::text(text)),
                    Some(Err(text)) => Err(refuse(text)),
                    None => Err(nobody()),
                },
            }
        })
    }
}

fn action_of(args: Value) -> Result<CronAction, ToolError> {
    let Args { action, id, job } = parse("cron", args)?;
    let named = |id: Option<String>| {
        id.filter(|id| !id.trim().is_empty()).ok_or_else(|| refuse("Which one? Give its `id`, as `list` shows it."))
    };
    let written = |job: Option<Value>| {
        job.filter(Value::is_object).ok_or_else(|| refuse("`job` is missing: an object with what it does and when."))
    };
    Ok(match action {
        Action::List => CronAction::List,
        Action::Add => CronAction::Add { job: written(job)? },
        Action::Update => CronAction::Update { id: named(id)?, patch: written(job)? },
        Action::Remove => CronAction::Remove { id: named(id)? },
        Action::Run => CronAction::Run { id: named(id)? },
        Action::Runs => CronAction::Runs { id },
    })
}

fn in_lines(job: &Value) -> String {
    serde_json::to_string_pretty(job).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(line: CronLine) -> Cron {
        let definition = ToolDefinition { name: "cron".into(), description: String::new(), parameters: parameters() };
        Cron { definition, line, rule: ExecRule::Auto }
    }

    #[test]
    fn g26_what_changes_jobs_outlives_the_turn_and_looking_does_not() {
        let tool = tool(CronLine::default());
        let risk = |args: Value| tool.risk(&args, Path::new("/"));
        for action in ["list", "runs"] {
            assert_eq!(risk(json!({"action": action})).risk, Risk::Private);
        }
        assert_eq!(risk(json!({"action": "add"})), CallRisk::none(), "it fails on what it lacks");
        let add = risk(json!({"action": "add", "job": {"name": "x"}}));
        assert_eq!(add.risk, Risk::Instructions);
        let Subject::Change { paths, text } = add.subject else { panic!("{:?}", add.subject) };
        assert_eq!((paths, text.as_str()), (vec!["add".to_owned()], "{\n  \"name\": \"x\"\n}"));
        for action in ["remove", "run"] {
            assert_eq!(risk(json!({"action": action, "id": "7"})).risk, Risk::Instructions);
        }
    }

    #[test]
    fn a_call_says_what_it_lacks() {
        let refused = |args: Value| action_of(args).unwrap_err().to_string();
        assert!(refused(json!({"action": "remove"})).contains("`id`"));
        assert!(refused(json!({"action": "update", "id": "1"})).contains("`job`"));
        assert!(refused(json!({"action": "sing"})).starts_with("Wrong arguments for cron"));
        let update = action_of(json!({"action": "update", "jobId": "1", "patch": {"enabled": false}})).unwrap();
        assert_eq!(update, CronAction::Update { id: "1".into(), patch: json!({"enabled": false}) });
    }
}
