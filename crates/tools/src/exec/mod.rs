//! `exec`: a shell command, in the foreground for as long as the model cares to wait, then in the background.
//!
//! The command gets an environment built from nothing, a process group of its own, and the sandbox (`crate::sandbox`).

mod environment;
mod guard;
mod job;
mod processes;
pub(crate) mod spool;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chela_agent::{
    CallRisk, Clearance, Effect, ExecConfig, Provenance, Risk, Source, Subject, Tool, ToolContext, ToolDefinition,
    ToolError, ToolFuture, ToolOutput,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::sleep;

pub use self::processes::{BackgroundCommand, CommandState, Processes};

use self::environment::Environment;
use self::job::Spec;
pub(crate) use self::job::{Cause, Ending, Input, InputKind, Job, KILL_GRACE};
use self::spool::cut_middle;
use crate::args::{count, parse, refuse};
use crate::files::{Access, Files, blocking};
use crate::sandbox::{Ask, Confinement, Network, SandboxConfig, Stdin};
use crate::{Kit, ToolHost};

/// How long a command may run when nothing else is said.
const TIMEOUT_DEFAULT_S: u64 = 1800;
/// How long a command may run at most.
const TIMEOUT_LIMIT_S: u64 = 24 * 3600;
/// How long a call waits before the command goes to the background.
const YIELD_DEFAULT_MS: u64 = 10_000;
/// How long a call may wait at most: a turn should not hang on one command.
const YIELD_LIMIT_MS: u64 = 600_000;
/// Bytes of output that one call gives to the model.
pub(crate) const TEXT_LIMIT: usize = 50_000;
/// Characters of a command that say which one it was.
const COMMAND_NAMED: usize = 80;

pub(crate) fn parameters() -> Value {
    json!({
        "type": "object",
        "properties": {
            "command": {"type": "string"},
            "workdir": {"type": "string"},
            "env": {"type": "object"},
            "timeout": {"type": "integer", "description": "seconds"},
            "yieldMs": {"type": "integer", "description": "wait before going on in the background, default 10000"},
            "background": {"type": "boolean"},
            "pty": {"type": "boolean", "description": "run in a terminal"},
        },
        "required": ["command"],
    })
}

pub(crate) struct Exec {
    definition: ToolDefinition,
    files: Files,
    host: ToolHost,
    config: ExecConfig,
    sandbox: SandboxConfig,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Args {
    #[serde(alias = "cmd")]
    command: String,
    #[serde(alias = "cwd")]
    workdir: Option<String>,
    env: Option<BTreeMap<String, String>>,
    #[serde(default, alias = "timeoutSeconds", deserialize_with = "count")]
    timeout: Option<u64>,
    #[serde(default, deserialize_with = "count")]
    yield_ms: Option<u64>,
    background: Option<bool>,
    pty: Option<bool>,
}

impl Exec {
    pub(crate) fn new(definition: ToolDefinition, kit: &Kit) -> Self {
        Self {
            definition,
            files: kit.files.clone(),
            host: kit.host.clone(),
            config: kit.config.exec.clone(),
            sandbox: kit.config.sandbox.clone(),
        }
    }
}

impl Tool for Exec {
    fn definition(&self) -> &ToolDefinition {
        &self.definition
    }

    fn effect(&self, _args: &Value) -> Effect {
        Effect::Write
    }

    fn risk(&self, args: &Value, workspace: &Path) -> CallRisk {
        let Ok(args) = parse::<Args>("exec", args.clone()) else { return CallRisk::none() };
        let written = args.workdir.as_deref().unwrap_or(".");
        let workdir = self.files.judge(workspace).real(written).unwrap_or_else(|| workspace.join(written));
        let variables = args.env.unwrap_or_default().into_iter().collect();
        let path = environment::path(&self.host, &self.config.path_prepend);
        let subject = Subject::Command { command: args.command, workdir, variables, path };
        CallRisk { risk: Risk::Exec, subject, rule: self.config.rule() }
    }

    fn call(&self, args: Value, context: ToolContext) -> ToolFuture<'_> {
        Box::pin(async move { self.run(parse("exec", args)?, context).await })
    }
}

impl Exec {
    async fn run(&self, args: Args, context: ToolContext) -> Result<ToolOutput, ToolError> {
        if args.command.trim().is_empty() {
            return Err(refuse("The command is empty."));
        }
        let workdir = self.workdir(args.workdir.clone(), &context).await?;
        let yield_after = self.yield_after(&args);
        let confinement = self.confine(&args, workdir.clone(), &context).await?;
        let (spec, refused) = self.spec(args, workdir, confinement, &context);
        let job = self.host.processes.start(spec)?;
        // Whatever drops this call ends the command, until it goes to the background.
        let stop_on_drop = job.stop.clone().drop_guard();
        tokio::select! {
            biased;
            () = context.cancel.cancelled() => return Err(ToolError::Aborted),
            () = job.ended() => {}
            () = sleep(yield_after) => {}
        }
        stop_on_drop.disarm();
        let mut output = match job.ending() {
            Some(ending) => self.ended(&job, ending),
            None => in_background(&job),
        };
        if !refused.is_empty() {
            let _ = write!(output.text, "\n[These names can't be set by env: {}]", refused.join(", "));
        }
        Ok(output)
    }

    /// Where the command runs: a directory that exists.
    async fn workdir(&self, written: Option<String>, context: &ToolContext) -> Result<PathBuf, ToolError> {
        let files = self.files.clone();
        let workspace = context.workspace.clone();
        blocking(&context.cancel, move || {
            let written = written.as_deref().unwrap_or(".");
            let path = files.judge(&workspace).resolve(written, Access::Read)?;
            if path.is_dir() { Ok(path) } else { Err(refuse(format!("The workdir `{written}` is not a directory."))) }
        })
        .await
    }

    /// The sandbox of a command, with the network that its turn may have.
    async fn confine(
        &self,
        args: &Args,
        workdir: PathBuf,
        context: &ToolContext,
    ) -> Result<Option<Confinement>, ToolError> {
        let (host, config) = (self.host.clone(), self.sandbox.clone());
        let (agent, workspace) = (context.agent.clone(), context.workspace.clone());
        let input = match input_kind(args) {
            InputKind::Null => Stdin::Null,
            InputKind::Pipe => Stdin::Rest,
            InputKind::Terminal => Stdin::Terminal,
        };
        // What may have been talked into the turn doesn't get out by a command that nobody allowed.
        let network = match context.clearance {
            Clearance::Trusted | Clearance::Approved => config.network(),
            Clearance::Tainted | Clearance::Overheard => Network::Closed,
        };
        blocking(&context.cancel, move || {
            let ground = host.ground(&workspace);
            let ask = Ask { config: &config, ground, agent: agent.as_str(), workdir, network, input };
            host.sandbox.confine(ask).map_err(|refusal| refuse(refusal.to_string()))
        })
        .await
    }

    fn yield_after(&self, args: &Args) -> Duration {
        if args.background == Some(true) {
            return Duration::ZERO;
        }
        let asked = args.yield_ms.or(self.config.background_ms).unwrap_or(YIELD_DEFAULT_MS);
        Duration::from_millis(asked.min(YIELD_LIMIT_MS))
    }

    fn spec(
        &self,
        args: Args,
        workdir: PathBuf,
        mut confinement: Option<Confinement>,
        context: &ToolContext,
    ) -> (Spec, Vec<String>) {
        let input = input_kind(&args);
        let limit = args.timeout.or(self.config.timeout_seconds).unwrap_or(TIMEOUT_DEFAULT_S).clamp(1, TIMEOUT_LIMIT_S);
        let mut environment = Environment::new(&self.host, &self.config.path_prepend, args.env.unwrap_or_default());
        if let Some(confinement) = &mut confinement {
            environment.variables.append(&mut confinement.variables);
        }
        let spec = Spec {
            command: args.command,
            workdir,
            variables: environment.variables,
            confinement,
            input,
            timeout: Duration::from_secs(limit),
            owner: context.session.clone(),
            progress: context.progress.clone(),
        };
        (spec, environment.refused)
    }

    fn ended(&self, job: &Job, ending: Ending) -> ToolOutput {
        let full = job.output();
        let shown = cut_middle(full.trim_end(), TEXT_LIMIT);
        let untrusted = (!shown.is_empty()).then(|| provenance(job));
        let is_cut = full.trim_end().len() > TEXT_LIMIT;
        let mut text = if shown.is_empty() { "[no output]".to_owned() } else { shown };
        let _ = write!(text, "\n[{}]", describe(job, ending));
        if is_cut {
            let _ = write!(text, "\n[More of the output: process log, sessionId {}]", job.id);
        } else {
            self.host.processes.forget(&job.id);
        }
        ToolOutput { text, details: Some(details(job)), untrusted, ..ToolOutput::default() }
    }
}

fn input_kind(args: &Args) -> InputKind {
    match (args.pty, args.background) {
        (Some(true), _) => InputKind::Terminal,
        (_, Some(true)) => InputKind::Pipe,
        _ => InputKind::Null,
    }
}

fn in_background(job: &Job) -> ToolOutput {
    let mut text = cut_middle(job.poll().trim_end(), TEXT_LIMIT);
    let untrusted = (!text.is_empty()).then(|| provenance(job));
    if !text.is_empty() {
        text.push('\n');
    }
    let _ = write!(
        text,
        "[Still running in the background: sessionId {}, pid {}. Use process to poll, type or kill.]",
        job.id, job.pid
    );
    ToolOutput { text, details: Some(details(job)), untrusted, ..ToolOutput::default() }
}

/// What a command says may come from anywhere: it has the network, and reads files.
pub(crate) fn provenance(job: &Job) -> Provenance {
    Provenance::new(Source::Command, job.command.chars().take(COMMAND_NAMED).collect::<String>())
}

/// How a command ended, in one line.
pub(crate) fn describe(job: &Job, ending: Ending) -> String {
    let seconds = job.running_for().as_secs_f64();
    let mut text = match (ending.cause, ending.code, ending.signal) {
        (Cause::TimedOut, ..) => format!("timed out after {seconds:.1} s and was ended with its children"),
        (Cause::Killed, ..) => format!("killed after {seconds:.1} s"),
        (Cause::Exited, Some(code), _) => format!("exit code {code} after {seconds:.1} s"),
        (Cause::Exited, None, Some(signal)) => format!("ended by signal {signal} after {seconds:.1} s"),
        (Cause::Exited, None, None) => format!("ended after {seconds:.1} s, exit code unknown"),
    };
    if ending.left_children {
        text.push_str("; a child of it still runs, and its output is lost: start such commands with background");
    }
    text
}

/// Facts of a command for the interface.
pub(crate) fn details(job: &Job) -> Value {
    let ending = job.ending();
    let status = match ending.map(|ending| (ending.cause, ending.code)) {
        None => "running",
        Some((Cause::Exited, Some(0))) => "completed",
        Some((Cause::Exited, _)) => "failed",
        Some((Cause::TimedOut, _)) => "timeout",
        Some((Cause::Killed, _)) => "killed",
    };
    json!({
        "status": status,
        "sessionId": job.id,
        "pid": job.pid,
        "cwd": job.workdir,
        "exitCode": ending.and_then(|ending| ending.code),
        "signal": ending.and_then(|ending| ending.signal),
        "durationMs": u64::try_from(job.running_for().as_millis()).unwrap_or(u64::MAX),
    })
}
