//! Moves automations in. Their shapes, of both forms, are read by the protocol's own types; what became of them there stays there.

use chela_protocol::methods::cron::{CronSchedule, CronSpec};
use chela_store::{CronAdded, CronRow, OpenclawTable, Store};
use serde_json::{Value, json};

use crate::databases::Databases;
use crate::report::{FileTold, Ledger};
use crate::source::document;
use crate::{ImportError, ImportRequest};

/// Where the older form keeps them.
const FILE: &str = "cron/jobs.json";

/// How the keys begin of automations that the other program keeps for itself: it has its own words for them, which say nothing here.
const HOUSEKEEPING: &[&str] = &["heartbeat:", "memory-core:", "skill-collection-review:"];

pub(crate) async fn move_in(
    request: &ImportRequest<'_>,
    databases: &Databases,
    store: Option<&Store>,
    ledger: &mut Ledger,
) -> Result<(), ImportError> {
    let path = request.source.dir.join(FILE);
    match document(&path) {
        Ok(Some(found)) => {
            ledger.claim(&path);
            let jobs = found.get("jobs").unwrap_or(&found).as_array().cloned().unwrap_or_default();
            take(FILE, &jobs, request.now_ms, store, ledger).await?;
        }
        Ok(None) => {}
        Err(why) => {
            ledger.fault(&path, None, why);
            ledger.file(&path, FileTold::ignored("it can't be read", 1));
        }
    }
    let rows = databases.shared(OpenclawTable::CronJobs, ledger);
    let Some(opened) = &databases.state else { return Ok(()) };
    let name = opened.table(OpenclawTable::CronJobs.name(), ledger);
    let jobs: Vec<Value> = rows.iter().map(job_of_row).collect();
    take(&name, &jobs, request.now_ms, store, ledger).await
}

/// The document of a row. Whether it is switched on, and how it went, stands beside it.
fn job_of_row(row: &serde_json::Map<String, Value>) -> Value {
    let document = row.get("job_json").and_then(Value::as_str).and_then(|json| serde_json::from_str(json).ok());
    let mut job: Value = document.unwrap_or_default();
    let Some(fields) = job.as_object_mut() else { return job };
    if let Some(enabled) = row.get("enabled").and_then(Value::as_i64) {
        fields.insert("enabled".to_owned(), json!(enabled != 0));
    }
    if let Some(state) = row.get("state_json").and_then(Value::as_str).and_then(|json| serde_json::from_str(json).ok())
    {
        fields.insert("state".to_owned(), state);
    }
    job
}

async fn take(
    name: &str,
    jobs: &[Value],
    now_ms: i64,
    store: Option<&Store>,
    ledger: &mut Ledger,
) -> Result<(), ImportError> {
    let (mut taken, mut new) = (0, 0);
    for job in jobs {
        match read(job, now_ms) {
            Ok(row) => {
                let added = match store {
                    Some(store) => store.add_cron_job(row).await?,
                    None => CronAdded::Added,
                };
                if added == CronAdded::Full {
                    let why = "there are as many automations here as there can be";
                    ledger.named(name.to_owned(), FileTold::ignored(why, 1));
                    continue;
                }
                taken += 1;
                new += usize::from(added == CronAdded::Added);
            }
            Err(why) => ledger.named(name.to_owned(), FileTold::ignored(why, 1)),
        }
    }
    ledger.counts().automations += new;
    if taken > 0 {
        ledger.named(name.to_owned(), FileTold::mapped("automations", taken, new));
    }
    Ok(())
}

/// The error says why it is left, and which it is.
fn read(job: &Value, now_ms: i64) -> Result<CronRow, String> {
    let called = job.get("name").and_then(Value::as_str).unwrap_or("without a name");
    let called: String = called.chars().filter(|letter| !letter.is_control()).take(60).collect();
    let key = job.get("declarationKey").and_then(Value::as_str).unwrap_or_default();
    if HOUSEKEEPING.iter().any(|begin| key.starts_with(begin)) {
        return Err(format!("`{called}` is an automation that the other program keeps for itself"));
    }
    let id = job.get("id").or_else(|| job.get("jobId")).and_then(Value::as_str).filter(|id| !id.is_empty());
    let Some(id) = id else { return Err(format!("`{called}` has no id")) };
    let spec = CronSpec::read(job).map_err(|error| format!("`{called}`: {error}"))?;
    let time = |name: &str| job.get(name).and_then(Value::as_i64).filter(|ms| *ms > 0);
    let created_at_ms = time("createdAtMs").unwrap_or(now_ms);
    // What is due once and was done is not done again.
    let is_done = job.pointer("/state/lastRunAtMs").is_some_and(Value::is_number);
    let is_once = matches!(spec.schedule, CronSchedule::At { .. });
    let spec = CronSpec { enabled: spec.enabled && !(is_once && is_done), ..spec };
    Ok(CronRow {
        id: id.to_owned(),
        job: serde_json::to_value(&spec).map_err(|error| format!("`{called}`: {error}"))?,
        state: json!({}),
        // The gateway finds it when it starts.
        due_at_ms: None,
        created_at_ms,
        updated_at_ms: time("updatedAtMs").unwrap_or(created_at_ms),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn automations_of_both_forms_are_read() {
        let january = json!({"id": "a", "name": "once", "enabled": true, "createdAtMs": 7,
            "schedule": {"kind": "at", "atMs": 1_893_492_000_000_i64}, "sessionTarget": "main",
            "wakeMode": "next-heartbeat", "payload": {"kind": "systemEvent", "text": "Happy new decade"},
            "state": {"nextRunAtMs": 1}});
        let row = read(&january, 9).unwrap();
        assert_eq!((row.id.as_str(), row.job["enabled"].as_bool(), row.created_at_ms), ("a", Some(true), 7));
        let mut done = january;
        done["state"] = json!({"lastRunAtMs": 5});
        assert_eq!(read(&done, 9).unwrap().job["enabled"], false, "what was done once is not done again");
        let september = json!({"id": "b", "name": "daily", "enabled": true,
            "schedule": {"kind": "cron", "expr": "0 9 * * *", "tz": "Europe/Berlin"}, "sessionTarget": "isolated",
            "wakeMode": "now", "payload": {"kind": "agentTurn", "message": "Good morning", "toolsAllow": ["*"]},
            "delivery": {"mode": "announce", "channel": "last"}, "state": {}});
        let row = read(&september, 9).unwrap();
        assert_eq!((row.due_at_ms, &row.job["schedule"]["tz"]), (None, &json!("Europe/Berlin")));
        let own = json!({"id": "c", "declarationKey": "heartbeat:main", "name": "heartbeat-main"});
        assert!(read(&own, 9).unwrap_err().contains("heartbeat-main"));
        assert!(read(&json!({"name": "x"}), 9).unwrap_err().contains("no id"));
    }
}
