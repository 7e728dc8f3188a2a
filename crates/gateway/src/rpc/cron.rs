//! `cron.*`: automations. Lists and histories read the store and change nothing; whatever changes goes to the engine.

use std::cmp::Ordering;

use chela_protocol::methods::cron::{
    CRON_LIST_MAX, CronIdParams, CronJob, CronListParams, CronListResult, CronRemoveResult, CronRunEntry,
    CronRunParams, CronRunsParams, CronRunsResult, CronSchedule, CronSpec, CronStatus, CronStatusResult,
    CronUpdateParams,
};
use chela_protocol::{RpcError, Scope};
use chela_store::{CronRunFilter, CronRunStatus};
use serde::Deserialize as _;
use serde_json::{Map, json};

use super::{Access, Call, Method, RpcResult, answer_of};
use crate::cron::{self, CronError, Job, Made};
use crate::rpc_error;

/// Jobs or runs of an answer when the caller doesn't say.
const LIST_DEFAULT: usize = 50;

/// The methods of this noun.
pub(super) fn methods() -> Vec<Method> {
    let (read, admin) = (Access::Holding(Scope::Read), Access::Holding(Scope::Admin));
    vec![
        Method::new("cron.list", read, list),
        Method::new("cron.status", read, status),
        Method::new("cron.get", read, get),
        Method::new("cron.runs", read, runs),
        Method::new("cron.add", admin, add),
        Method::new("cron.update", admin, update),
        Method::new("cron.remove", admin, remove),
        Method::new("cron.run", admin, run),
    ]
}

async fn list(call: Call) -> RpcResult {
    let params: CronListParams = call.params()?;
    let gateway = &call.gateway;
    let jobs = cron::jobs(gateway).await.map_err(rpc_error::of_store)?;
    let mut found: Vec<(Job, CronJob)> = jobs
        .into_iter()
        .map(|job| {
            let shown = job.shown(gateway);
            (job, shown)
        })
        .filter(|(_, shown)| is_asked(shown, &params))
        .collect();
    found.sort_by(|(_, one), (_, other)| order(one, other, &params));
    let total = found.len();
    let snapshot_revision = revision(&found);
    let (limit, offset) = page(params.limit, params.offset);
    let mut previews = Map::new();
    let mut jobs = Vec::new();
    for (job, shown) in found.into_iter().skip(offset).take(limit) {
        let preview = cron::preview(gateway, &job).await.map_err(rpc_error::of_store)?;
        previews.insert(job.id, preview);
        jobs.push(shown);
    }
    let next = offset + jobs.len();
    let has_more = next < total;
    let next_offset = has_more.then_some(next);
    answer_of(&CronListResult {
        jobs,
        snapshot_revision,
        total,
        offset,
        limit,
        has_more,
        next_offset,
        delivery_previews: previews,
    })
}

async fn status(call: Call) -> RpcResult {
    let gateway = &call.gateway;
    let jobs = gateway.store.cron_jobs().await.map_err(rpc_error::of_store)?;
    let path = gateway.store.path().display().to_string();
    answer_of(&CronStatusResult {
        enabled: gateway.config.load().cron.is_enabled(),
        triggers_enabled: false,
        store_path: path.clone(),
        storage: "sqlite".to_owned(),
        sqlite_path: path,
        jobs: jobs.len(),
        next_wake_at_ms: gateway.store.next_cron_due().await.map_err(rpc_error::of_store)?,
    })
}

async fn get(call: Call) -> RpcResult {
    let id = named(&call, &call.params()?)?;
    let job = cron::job(&call.gateway, &id).await.map_err(rpc_error::of_store)?;
    answer_of(&job.ok_or(CronError::NotFound(id))?.shown(&call.gateway))
}

async fn runs(call: Call) -> RpcResult {
    let params: CronRunsParams = call.params()?;
    let (limit, offset) = page(params.limit, params.offset);
    let job_id = params.job.named().map(str::to_owned);
    if job_id.is_none() && params.scope.as_deref() == Some("job") {
        return Err(RpcError::invalid("invalid cron.runs params: missing id"));
    }
    let one = params.status.as_deref().and_then(status_named);
    let asked: Vec<CronStatus> = params.statuses.unwrap_or_default().into_iter().chain(one).collect();
    let delivery = params.delivery_statuses.unwrap_or_default().into_iter().chain(params.delivery_status);
    let filter = CronRunFilter {
        job_id,
        run: params.run_id,
        statuses: asked.iter().flat_map(|status| kept_as(*status)).copied().collect(),
        delivery: delivery.map(|status| status.as_str().to_owned()).collect(),
        text: params.query.filter(|query| !query.trim().is_empty()),
        oldest_first: params.sort_dir.as_deref() == Some("asc"),
        limit,
        offset,
    };
    let (found, total) = call.gateway.store.cron_runs(filter).await.map_err(rpc_error::of_store)?;
    let next = offset + found.len();
    let has_more = next < total;
    let entries = found.iter().filter_map(|run| CronRunEntry::deserialize(&run.record).ok()).collect();
    answer_of(&CronRunsResult { entries, total, offset, limit, has_more, next_offset: has_more.then_some(next) })
}

async fn add(call: Call) -> RpcResult {
    let gateway = &call.gateway;
    let spec = CronSpec::read(&call.params).map_err(CronError::from)?;
    // Who holds the admin scope speaks for the owner.
    answer_of(&gateway.cron.add(gateway, spec, Made::ByOwner).await?.shown(gateway))
}

async fn update(call: Call) -> RpcResult {
    let gateway = &call.gateway;
    let CronUpdateParams { job, patch } = call.params()?;
    let id = named(&call, &job)?;
    answer_of(&gateway.cron.update(gateway, &id, patch, Made::ByOwner).await?.shown(gateway))
}

async fn remove(call: Call) -> RpcResult {
    let id = named(&call, &call.params()?)?;
    let removed = call.gateway.cron.remove(&call.gateway, &id).await?;
    answer_of(&CronRemoveResult { ok: true, removed })
}

async fn run(call: Call) -> RpcResult {
    let CronRunParams { job, mode } = call.params()?;
    let id = named(&call, &job)?;
    answer_of(&call.gateway.cron.run_now(&call.gateway, &id, mode).await?)
}

fn named(call: &Call, params: &CronIdParams) -> Result<String, RpcError> {
    let missing = || RpcError::invalid(format!("invalid {} params: missing id", call.method));
    params.named().map(str::to_owned).ok_or_else(missing)
}

fn page(limit: Option<usize>, offset: Option<usize>) -> (usize, usize) {
    (limit.unwrap_or(LIST_DEFAULT).clamp(1, CRON_LIST_MAX), offset.unwrap_or(0))
}

/// Names what a whole list shows.
fn revision(found: &[(Job, CronJob)]) -> String {
    let jobs: Vec<_> = found.iter().map(|(_, job)| job).collect();
    chela_config::hash(&serde_json::to_vec(&jobs).unwrap_or_default())
}

fn status_named(word: &str) -> Option<CronStatus> {
    match word {
        "ok" => Some(CronStatus::Ok),
        "error" => Some(CronStatus::Error),
        "skipped" => Some(CronStatus::Skipped),
        _ => None,
    }
}

fn kept_as(status: CronStatus) -> &'static [CronRunStatus] {
    match status {
        CronStatus::Ok => &[CronRunStatus::Ok],
        CronStatus::Error => &[CronRunStatus::Error],
        // The reference system has no word for what was missed.
        CronStatus::Skipped => &[CronRunStatus::Skipped, CronRunStatus::Missed],
    }
}

fn is_asked(job: &CronJob, params: &CronListParams) -> bool {
    let all = |word: &&str| *word != "all";
    let enabled = match params.enabled.as_deref() {
        Some("all") => true,
        Some("disabled") => !job.spec.enabled,
        Some("enabled") => job.spec.enabled,
        _ => job.spec.enabled || params.include_disabled == Some(true),
    };
    let kind = match job.spec.schedule {
        CronSchedule::At { .. } => "at",
        CronSchedule::Every { .. } => "every",
        CronSchedule::Cron { .. } => "cron",
    };
    let of_kind = params.schedule_kind.as_deref().filter(all).is_none_or(|asked| asked == kind);
    let went = params.last_run_status.as_deref().filter(all);
    let went = went.is_none_or(|asked| status_named(asked) == job.last_run_status);
    let of_agent = params.agent_id.as_ref().is_none_or(|asked| job.effective_agent_id.as_ref() == Some(asked));
    let of_session = params.session_key.as_ref().is_none_or(|asked| job.spec.session_key.as_ref() == Some(asked));
    let query = params.query.as_deref().unwrap_or_default().trim().to_lowercase();
    let spec = &job.spec;
    let words = [
        Some(spec.name.as_str()),
        spec.display_name.as_deref(),
        spec.description.as_deref(),
        Some(spec.payload.text()),
    ];
    let speaks = query.is_empty() || words.into_iter().flatten().any(|text| text.to_lowercase().contains(&query));
    enabled && of_kind && went && of_agent && of_session && speaks
}

fn order(one: &CronJob, other: &CronJob, params: &CronListParams) -> Ordering {
    // What is never due comes last.
    let due = |job: &CronJob| job.next_run_at_ms.unwrap_or(i64::MAX);
    let order = match params.sort_by.as_deref() {
        Some("name") => one.spec.name.cmp(&other.spec.name),
        Some("updatedAtMs") => one.updated_at_ms.cmp(&other.updated_at_ms),
        _ => due(one).cmp(&due(other)),
    };
    let order = if params.sort_dir.as_deref() == Some("desc") { order.reverse() } else { order };
    order.then_with(|| one.id.cmp(&other.id))
}

impl From<CronError> for RpcError {
    fn from(error: CronError) -> Self {
        match error {
            CronError::NotFound(ref id) => {
                Self::invalid(error.to_string()).with_details(json!({ "code": "CRON_JOB_NOT_FOUND", "jobId": id }))
            }
            CronError::Store(error) => rpc_error::of_store(error),
            CronError::Refused(refused) => crate::intake::SubmitError::Refused(refused).into(),
            CronError::Agent(unknown) => crate::route::RouteError::Agent(unknown).into(),
            CronError::Spec(_)
            | CronError::Schedule(_)
            | CronError::Webhook(_)
            | CronError::NeverDue
            | CronError::Full => Self::invalid(error.to_string()),
        }
    }
}
