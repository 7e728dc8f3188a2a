//! `chela cron`: work that the assistant does by the clock.

mod what;

use std::process::ExitCode;
use std::time::Duration;

use chela_protocol::methods::cron::{
    CronCompletion, CronIdParams, CronJob, CronListParams, CronListResult, CronRunEntry, CronRunMode, CronRunParams,
    CronRunResult, CronRunsParams, CronRunsResult, CronSchedule, CronStatus, CronStatusResult, CronUpdateParams,
};
use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use self::what::{What, duration, put};
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

fn named(id: String) -> CronIdParams {
    CronIdParams { id: Some(id), job_id: None }
}
