//! Where the agents' tool `cron` is answered. A turn reaches the jobs of its own agent only; what a tainted one may change, an
//! owner has allowed, and the job remembers where it came from.

use std::fmt::Write as _;
use std::sync::Arc;

use chela_agent::{Clearance, TurnInput};
use chela_protocol::methods::cron::{CronRunEntry, CronRunMode, CronSpec};
use chela_store::{CronRunFilter, StoreError};
use chela_tools::{CronAction, CronCall};
use serde::Deserialize as _;
use serde_json::{Value, json};

use super::job::{Job, Made};
use super::schedule::shown;
use crate::app::Gateway;

/// Runs that a model is shown: enough to see a pattern.
const RUNS_SHOWN: usize = 10;

/// What an answer holds leaves the house with it, so no words of a conversation choose where to.
const OWNERS_ADDRESSES: &str =
    "Where a webhook posts to is the owner's to say: `chela cron add --webhook <url>` or `chela cron edit`.";

/// Answers calls of the tool, until the gateway stops.
pub(crate) async fn serve(gateway: Arc<Gateway>) {
    let mut calls = gateway.cron.calls.lock().await;
    while let Some(call) = calls.recv().await {
        let result = answer(&gateway, &call).await;
        // A turn that was stopped meanwhile hears nothing.
        let _ = call.answer.send(result);
    }
}

async fn answer(gateway: &Gateway, call: &CronCall) -> Result<String, String> {
    let made = match call.clearance {
        Clearance::Trusted => Made::ByOwner,
        Clearance::Approved | Clearance::Tainted | Clearance::Overheard => Made::Tainted,
    };
    match &call.action {
        CronAction::List => list(gateway, call).await.map_err(in_words),
        CronAction::Runs { id } => runs(gateway, call, id.as_deref()).await,
        CronAction::Add { job } => {
            let spec = spec_of(gateway, call, job.clone()).await?;
            let job = gateway.cron.add(gateway, spec, made).await.map_err(in_words)?;
            Ok(format!("Added.\n{}", line(gateway, &job)))
        }
        CronAction::Update { id, patch } => {
            let job = own(gateway, call, id).await?;
            if patch.get("delivery").is_some_and(|delivery| job.webhook().is_some() || delivery["mode"] == "webhook") {
                return Err(OWNERS_ADDRESSES.to_owned());
            }
            let mut patch = patch.clone();
            for fixed in ["agentId", "sessionKey"] {
                patch.as_object_mut().map(|patch| patch.remove(fixed));
            }
            let job = gateway.cron.update(gateway, id, patch, made).await.map_err(in_words)?;
            Ok(format!("Changed.\n{}", line(gateway, &job)))
        }
        CronAction::Remove { id } => {
            own(gateway, call, id).await?;
            gateway.cron.remove(gateway, id).await.map_err(in_words)?;
            Ok("Removed.".to_owned())
        }
        CronAction::Run { id } => {
            own(gateway, call, id).await?;
            let result = gateway.cron.run_now(gateway, id, CronRunMode::Force).await.map_err(in_words)?;
            Ok(match result.reason {
                Some(reason) => format!("Not run: {reason}."),
                None => "It runs now, by itself; see `runs` later.".to_owned(),
            })
        }
    }
}

async fn list(gateway: &Gateway, call: &CronCall) -> Result<String, StoreError> {
    let mut text = String::new();
    for job in super::jobs(gateway).await?.iter().filter(|job| is_own(gateway, call, job)) {
        let _ = writeln!(text, "{}", line(gateway, job));
    }
    if text.is_empty() {
        text.push_str("There are none.");
    }
    Ok(text)
}

async fn runs(gateway: &Gateway, call: &CronCall, id: Option<&str>) -> Result<String, String> {
    let jobs = match id {
        Some(id) => vec![own(gateway, call, id).await?],
        None => super::jobs(gateway).await.map_err(in_words)?,
    };
    let mut text = String::new();
    for job in jobs.iter().filter(|job| is_own(gateway, call, job)) {
        let filter = CronRunFilter { job_id: Some(job.id.clone()), limit: RUNS_SHOWN, ..CronRunFilter::default() };
        let (runs, _) = gateway.store.cron_runs(filter).await.map_err(in_words)?;
        for entry in runs.iter().filter_map(|run| CronRunEntry::deserialize(&run.record).ok()) {
            let at = shown(entry.run_at_ms.unwrap_or(entry.ts), &job.zone(gateway));
            let status = entry.status.map_or_else(|| json!("running"), |status| json!(status));
            let said = entry.error.or(entry.summary).unwrap_or_default();
            let said: String = said.chars().take(200).collect();
            let _ = writeln!(text, "{at} {} {status}: {said}", job.spec.name);
        }
    }
    Ok(if text.is_empty() { "Nothing has run yet.".to_owned() } else { text })
}

/// A job of the agent that asks.
async fn own(gateway: &Gateway, call: &CronCall, id: &str) -> Result<Job, String> {
    let found = super::job(gateway, id).await.map_err(in_words)?;
    let found = found.filter(|job| is_own(gateway, call, job));
    found.ok_or_else(|| format!("There is no automation `{id}`; `list` shows them."))
}

fn is_own(gateway: &Gateway, call: &CronCall, job: &Job) -> bool {
    job.agent(gateway).is_ok_and(|agent| agent == call.agent)
}

/// The job that a turn wants: its agent's, made in its conversation, and answered where the turn is answered.
async fn spec_of(gateway: &Gateway, call: &CronCall, mut job: Value) -> Result<CronSpec, String> {
    let row = gateway.store.inbox_by_run(&call.run).await.map_err(in_words)?;
    let input = row.map(|row| TurnInput::from_body(&row.body)).unwrap_or_default();
    if !input.tools.is_empty() {
        // A job has all tools of its agent.
        return Err("In this conversation the tools are limited, so no automation can be made in it.".to_owned());
    }
    if job["delivery"]["mode"] == "webhook" {
        return Err(OWNERS_ADDRESSES.to_owned());
    }
    job["agentId"] = json!(call.agent);
    job["sessionKey"] = json!(call.session);
    if job.get("name").is_none_or(Value::is_null) {
        let text = job["payload"]["message"].as_str().or_else(|| job["payload"]["text"].as_str()).unwrap_or("job");
        job["name"] = json!(text.lines().next().unwrap_or("job").chars().take(40).collect::<String>());
    }
    let is_turn = job["payload"]["kind"] == "agentTurn";
    if let (Some(route), true, None) = (&input.deliver, is_turn, job.get("delivery").filter(|field| !field.is_null())) {
        job["delivery"] = json!({
            "mode": "announce", "channel": route.channel, "to": route.chat, "accountId": route.account,
        });
    }
    CronSpec::read(&job).map_err(in_words)
}

fn line(gateway: &Gateway, job: &Job) -> String {
    let zone = job.zone(gateway);
    let next = job.due_at_ms.map_or_else(|| "never".to_owned(), |due| shown(due, &zone));
    let schedule = serde_json::to_string(&job.spec.schedule).unwrap_or_default();
    let last = job.state.last_run_status.map_or_else(String::new, |status| format!(", last run {}", json!(status)));
    format!("{} \"{}\" {schedule}, next {next}{last}", job.id, job.spec.name)
}

fn in_words(error: impl std::fmt::Display) -> String {
    format!("{error}")
}
