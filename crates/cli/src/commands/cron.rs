//! `chela cron`: work that the assistant does by the clock.

use std::process::ExitCode;
use std::time::Duration;

use chela_protocol::methods::cron::{
    CronCompletion, CronIdParams, CronJob, CronListParams, CronListResult, CronRunEntry, CronRunMode, CronRunParams,
    CronRunResult, CronRunsParams, CronRunsResult, CronSchedule, CronStatus, CronStatusResult, CronUpdateParams,
};
use clap::{Args, Subcommand, ValueEnum};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::Outcome;
use crate::context::Context;
use crate::failure::Failure;
use crate::link::decode;
use crate::output;

/// Between two looks at a run that is waited for.
const LOOK: Duration = Duration::from_millis(500);

#[derive(Debug, Args)]
pub(crate) struct CronArgs {
    #[command(subcommand)]
    command: CronCommand,
}

#[derive(Debug, Subcommand)]
enum CronCommand {
    /// List automations
    List {
        /// Those that are turned off as well
        #[arg(long)]
        all: bool,
        /// Only of this agent
        #[arg(long)]
        agent: Option<String>,
    },
    /// Show whether automations run, and when the next one does
    Status,
    /// Show one automation
    #[command(visible_alias = "show")]
    Get { id: String },
    /// Make an automation
    #[command(visible_alias = "create")]
    Add {
        /// Its name; short
        #[arg(long)]
        name: String,
        #[command(flatten)]
        what: Box<What>,
        /// Make it, but don't turn it on
        #[arg(long)]
        disabled: bool,
    },
    /// Change an automation; what isn't named stays
    Edit {
        id: String,
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        what: Box<What>,
    },
    /// Turn an automation on
    Enable { id: String },
    /// Turn an automation off
    Disable { id: String },
    /// Remove an automation; the history of its runs stays
    #[command(visible_aliases = ["remove", "delete"])]
    Rm { id: String },
    /// Run an automation now
    Run {
        id: String,
        /// Only if it is due
        #[arg(long)]
        due: bool,
        /// Wait until it is over; fails if it does
        #[arg(long)]
        wait: bool,
        /// With --wait: how long at most, as in 10m
        #[arg(long, default_value = "10m", value_parser = duration)]
        wait_timeout: SignedDuration,
    },
    /// List what became of an automation's runs, or of all
    Runs {
        id: Option<String>,
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
}

/// What an automation does, and when.
#[derive(Debug, Args)]
struct What {
    /// Once, at a time (2027-01-31T09:00:00+01:00) or after a while (20m)
    #[arg(long, conflicts_with_all = ["every", "cron"])]
    at: Option<String>,
    /// Again and again, as in 10m, 1h or 1d
    #[arg(long, value_parser = duration, conflicts_with = "cron")]
    every: Option<SignedDuration>,
    /// By a cron expression of five fields, or six with seconds first
    #[arg(long)]
    cron: Option<String>,
    /// Time zone of the expression, as in Europe/Berlin
    #[arg(long, requires = "cron")]
    tz: Option<String>,
    /// What the agent is to do, in a conversation of its own
    #[arg(long, short, conflicts_with = "system_event")]
    message: Option<String>,
    /// What the agent is told in its main conversation
    #[arg(long)]
    system_event: Option<String>,
    /// Where it runs: main, isolated, current or session:<key>
    #[arg(long)]
    session: Option<String>,
    /// Which agent; the default one if none is named
    #[arg(long)]
    agent: Option<String>,
    /// Which model, for this automation only
    #[arg(long)]
    model: Option<String>,
    /// How long it thinks: off, minimal, low, medium, high
    #[arg(long)]
    thinking: Option<String>,
    /// How long a run takes at most; 0 for as long as a turn may
    #[arg(long)]
    timeout_seconds: Option<u64>,
    /// Where the answer goes: to a chat, or only into its conversation
    #[arg(long)]
    delivery: Option<DeliveryArg>,
    /// The channel that it goes to; last is where you last wrote
    #[arg(long)]
    channel: Option<String>,
    /// The chat that it goes to
    #[arg(long)]
    to: Option<String>,
    /// The account of the channel
    #[arg(long)]
    account: Option<String>,
    #[arg(long)]
    description: Option<String>,
    /// Keep it after its only run
    #[arg(long)]
    keep_after_run: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DeliveryArg {
    Announce,
    None,
}

pub(crate) fn run(args: CronArgs, context: &Context) -> Outcome {
    match args.command {
        CronCommand::List { all, agent } => list(all, agent, context),
        CronCommand::Status => status(context),
        CronCommand::Get { id } => {
            context.output.document(&context.ask("cron.get", named(id))?);
            Ok(ExitCode::SUCCESS)
        }
        CronCommand::Add { name, what, disabled } => add(name, &what, disabled, context),
        CronCommand::Edit { id, name, what } => {
            let mut patch = what.fields()?;
            put(&mut patch, "name", name);
            if patch.is_empty() {
                return Err(Failure::usage("nothing to change was named"));
            }
            update(id, Value::Object(patch), "is changed", context)
        }
        CronCommand::Enable { id } => update(id, json!({ "enabled": true }), "is turned on", context),
        CronCommand::Disable { id } => update(id, json!({ "enabled": false }), "is turned off", context),
        CronCommand::Rm { id } => remove(id, context),
        CronCommand::Run { id, due, wait, wait_timeout } => run_now(id, due, wait.then_some(wait_timeout), context),
        CronCommand::Runs { id, limit } => runs(id, limit, context),
    }
}

fn list(all: bool, agent: Option<String>, context: &Context) -> Outcome {
    let output = context.output;
    let params =
        CronListParams { include_disabled: Some(all), agent_id: agent, limit: Some(200), ..CronListParams::default() };
    let value = context.ask("cron.list", params)?;
    if output.json {
        output.document(&value);
        return Ok(ExitCode::SUCCESS);
    }
    let result: CronListResult = decode("cron.list", value)?;
    if result.jobs.is_empty() {
        output.line("no automations; make one with `chela cron add`");
        return Ok(ExitCode::SUCCESS);
    }
    let now = output::now_ms();
    output.table(&["id", "name", "when", "next", "last", "agent"], result.jobs.iter().map(|job| row(job, now)));
    if result.has_more {
        output.note(format!("{} more", result.total - result.jobs.len()));
    }
    Ok(ExitCode::SUCCESS)
}

fn row(job: &CronJob, now_ms: i64) -> Vec<String> {
    let next = match job.next_run_at_ms {
        Some(at) if at <= now_ms => "now".to_owned(),
        Some(at) => format!("in {}", output::duration(u64::try_from(at - now_ms).unwrap_or(0))),
        None if job.state.running_at_ms.is_some() => "running".to_owned(),
        None => "off".to_owned(),
    };
    let went = job.last_run_status.map_or("-", word);
    let last = job.last_run_at_ms.map_or_else(|| went.to_owned(), |at| format!("{went}, {}", output::ago(at, now_ms)));
    let agent = job.effective_agent_id.clone().unwrap_or_else(|| "unknown".to_owned());
    let name = job.spec.display_name.as_ref().unwrap_or(&job.spec.name).clone();
    vec![job.id.clone(), name, when(&job.spec.schedule), next, last, agent]
}

fn when(schedule: &CronSchedule) -> String {
    match schedule {
        CronSchedule::At { at } => match at.parse::<i64>().ok().and_then(|at| Timestamp::from_millisecond(at).ok()) {
            Some(time) => format!("at {time}"),
            None => format!("at {at}"),
        },
        CronSchedule::Every { every_ms, .. } => {
            format!("every {}", output::duration(u64::try_from(*every_ms).unwrap_or(0)))
        }
        CronSchedule::Cron { expr, tz: Some(tz), .. } => format!("{expr} ({tz})"),
        CronSchedule::Cron { expr, tz: None, .. } => expr.clone(),
    }
}

fn word(status: CronStatus) -> &'static str {
    match status {
        CronStatus::Ok => "ok",
        CronStatus::Error => "error",
        CronStatus::Skipped => "skipped",
    }
}

fn status(context: &Context) -> Outcome {
    let output = context.output;
    let value = context.ask("cron.status", json!({}))?;
    if output.json {
        output.document(&value);
        return Ok(ExitCode::SUCCESS);
    }
    let result: CronStatusResult = decode("cron.status", value)?;
    output.line(if result.enabled { "automations run" } else { "automations are off (cron.enabled is false)" });
    output.line(format!("{} in all", result.jobs));
    if let Some(at) = result.next_wake_at_ms {
        let left = u64::try_from(at - output::now_ms()).unwrap_or(0);
        output.line(format!("the next one is due in {}", output::duration(left)));
    }
    Ok(ExitCode::SUCCESS)
}

fn add(name: String, what: &What, disabled: bool, context: &Context) -> Outcome {
    let mut spec = what.fields()?;
    if !spec.contains_key("schedule") {
        return Err(Failure::usage("say when: --at, --every or --cron"));
    }
    if !spec.contains_key("payload") {
        return Err(Failure::usage("say what: --message or --system-event"));
    }
    spec.insert("name".to_owned(), json!(name));
    spec.insert("enabled".to_owned(), json!(!disabled));
    let value = context.ask("cron.add", Value::Object(spec))?;
    if context.output.json {
        context.output.document(&value);
        return Ok(ExitCode::SUCCESS);
    }
    let job: CronJob = decode("cron.add", value)?;
    context.output.note(format!("made: {}", job.spec.name));
    context.output.line(job.id);
    Ok(ExitCode::SUCCESS)
}

fn update(id: String, patch: Value, said: &str, context: &Context) -> Outcome {
    let said = format!("{id} {said}");
    context.done(&context.ask("cron.update", CronUpdateParams { job: named(id), patch })?, &said);
    Ok(ExitCode::SUCCESS)
}

fn remove(id: String, context: &Context) -> Outcome {
    let value = context.ask("cron.remove", named(id.clone()))?;
    if value["removed"] != true {
        return Err(Failure::new("not-found", format!("there is no automation `{id}`")).hint("chela cron list --all"));
    }
    context.done(&value, &format!("{id} is removed"));
    Ok(ExitCode::SUCCESS)
}

fn run_now(id: String, due: bool, wait: Option<SignedDuration>, context: &Context) -> Outcome {
    let mode = if due { CronRunMode::Due } else { CronRunMode::Force };
    let value = context.ask("cron.run", CronRunParams { job: named(id.clone()), mode })?;
    let result: CronRunResult = decode("cron.run", value.clone())?;
    let (Some(run), Some(wait)) = (&result.run_id, wait) else {
        let said = match &result.reason {
            Some(reason) => format!("{id} was not run: {reason}"),
            None => format!("{id} runs; see `chela cron runs {id}`"),
        };
        context.done(&value, &said);
        return Ok(if result.run_id.is_some() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    };
    let entry = over(run, wait, context)?;
    if context.output.json {
        context.output.document(&entry);
    } else {
        context
            .output
            .line(output::printable(entry.summary.as_ref().or(entry.error.as_ref()).map_or("", String::as_str)));
    }
    let is_done = entry.completion_status == Some(CronCompletion::Succeeded);
    Ok(if is_done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Waits until a run is over.
#[expect(clippy::disallowed_methods, reason = "the command has nothing else to do until it looks again")]
fn over(run: &str, wait: SignedDuration, context: &Context) -> Result<CronRunEntry, Failure> {
    let until = Timestamp::now().checked_add(wait).unwrap_or(Timestamp::MAX);
    loop {
        let params = CronRunsParams { run_id: Some(run.to_owned()), ..CronRunsParams::default() };
        let result: CronRunsResult = decode("cron.runs", context.ask("cron.runs", params)?)?;
        if let Some(entry) = result.entries.into_iter().find(|entry| entry.action == "finished") {
            return Ok(entry);
        }
        if Timestamp::now() >= until {
            return Err(Failure::new("timeout", format!("the run {run} still goes on")).hint("chela cron runs"));
        }
        std::thread::sleep(LOOK);
    }
}

fn runs(id: Option<String>, limit: usize, context: &Context) -> Outcome {
    let output = context.output;
    let job = CronIdParams { id, job_id: None };
    let value = context.ask("cron.runs", CronRunsParams { job, limit: Some(limit), ..CronRunsParams::default() })?;
    if output.json {
        output.document(&value);
        return Ok(ExitCode::SUCCESS);
    }
    let result: CronRunsResult = decode("cron.runs", value)?;
    if result.entries.is_empty() {
        output.line("nothing has run yet");
        return Ok(ExitCode::SUCCESS);
    }
    let now = output::now_ms();
    let row = |entry: &CronRunEntry| {
        let status = entry.status.map_or("running", word).to_owned();
        let took = entry.duration_ms.map_or_else(String::new, |ms| output::duration(u64::try_from(ms).unwrap_or(0)));
        let said: String =
            entry.error.as_ref().or(entry.summary.as_ref()).map_or("", String::as_str).chars().take(80).collect();
        let said = said.replace('\n', " ");
        let delivery = entry.delivery_status.map_or("-", |delivery| delivery.as_str()).to_owned();
        vec![
            output::ago(entry.run_at_ms.unwrap_or(entry.ts), now),
            entry.job_name.clone().unwrap_or_default(),
            status,
            took,
            delivery,
            said,
        ]
    };
    output.table(&["when", "name", "status", "took", "delivery", "said"], result.entries.iter().map(row));
    Ok(ExitCode::SUCCESS)
}

impl What {
    /// The fields of a job that were named.
    fn fields(&self) -> Result<Map<String, Value>, Failure> {
        let mut fields = Map::new();
        put(&mut fields, "schedule", self.schedule()?);
        put(&mut fields, "payload", self.payload()?);
        put(&mut fields, "delivery", self.delivery());
        put(&mut fields, "sessionTarget", self.session.clone());
        put(&mut fields, "agentId", self.agent.clone());
        put(&mut fields, "description", self.description.clone());
        put(&mut fields, "deleteAfterRun", self.keep_after_run.then_some(false));
        Ok(fields)
    }

    fn schedule(&self) -> Result<Option<Value>, Failure> {
        if let Some(text) = &self.at {
            let at = match duration(text) {
                Ok(while_) => Timestamp::now()
                    .checked_add(while_)
                    .map_err(|_| Failure::usage(format!("--at {text} is too far away")))?
                    .to_string(),
                Err(_) => text.clone(),
            };
            return Ok(Some(json!({ "kind": "at", "at": at })));
        }
        if let Some(every) = self.every {
            let every_ms = i64::try_from(every.as_millis()).unwrap_or(i64::MAX);
            return Ok(Some(json!({ "kind": "every", "everyMs": every_ms })));
        }
        let Some(expr) = &self.cron else { return Ok(None) };
        let mut schedule = json!({ "kind": "cron", "expr": expr });
        if let Some(tz) = &self.tz {
            schedule["tz"] = json!(tz);
        }
        Ok(Some(schedule))
    }

    fn payload(&self) -> Result<Option<Value>, Failure> {
        if let Some(text) = &self.system_event {
            return Ok(Some(json!({ "kind": "systemEvent", "text": text })));
        }
        let mut payload = Map::new();
        put(&mut payload, "message", self.message.clone());
        put(&mut payload, "model", self.model.clone());
        put(&mut payload, "thinking", self.thinking.clone());
        put(&mut payload, "timeoutSeconds", self.timeout_seconds);
        if payload.is_empty() {
            return Ok(None);
        }
        payload.insert("kind".to_owned(), json!("agentTurn"));
        Ok(Some(Value::Object(payload)))
    }

    fn delivery(&self) -> Option<Value> {
        let mut delivery = Map::new();
        put(&mut delivery, "channel", self.channel.clone());
        put(&mut delivery, "to", self.to.clone());
        put(&mut delivery, "accountId", self.account.clone());
        let mode = match self.delivery {
            Some(DeliveryArg::None) => "none",
            None if delivery.is_empty() => return None,
            Some(DeliveryArg::Announce) | None => "announce",
        };
        delivery.insert("mode".to_owned(), json!(mode));
        Some(Value::Object(delivery))
    }
}

fn named(id: String) -> CronIdParams {
    CronIdParams { id: Some(id), job_id: None }
}

fn put(fields: &mut Map<String, Value>, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        fields.insert(key.to_owned(), value.into());
    }
}

/// `90s`, `10m`, `1h`, `1d`.
fn duration(text: &str) -> Result<SignedDuration, String> {
    let text = text.trim();
    let unit = text.chars().last().unwrap_or_default();
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => 0,
    };
    let count = text.strip_suffix(unit).and_then(|count| count.parse::<i64>().ok()).filter(|count| *count > 0);
    let total = count.and_then(|count| count.checked_mul(seconds)).filter(|total| *total > 0);
    total
        .map(SignedDuration::from_secs)
        .ok_or_else(|| format!("`{text}` is no duration; write it as in 90s, 10m, 1h or 1d"))
}
