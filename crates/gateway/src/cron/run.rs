//! One run of a job: what its turn is told, and what became of it.

use std::sync::Arc;
use std::time::Duration;

use chela_agent::{
    AbortReason, DeliveryRoute, FailureKind, InputOrigin, OriginKind, Provenance, Source, TURN_MAX, TurnEnd, TurnInput,
    parse_thinking,
};
use chela_protocol::methods::cron::{
    CronCompletion, CronDelivered, CronPayload, CronPlace, CronRunDelivery, CronRunEntry, CronStatus,
};
use chela_protocol::{AgentId, RunId, SessionKey};
use chela_store::{CronRunRow, CronRunStatus, InboxRow, InboxState, NewInbound, OutboundState, StoreError};
use serde_json::{Value, json};

use super::course::Failure;
use super::job::{Job, Made};
use super::news::finished;
use super::places::{Destination, Hearers, destination_of};
use super::schedule::{Missed, shown};
use super::webhook;
use crate::app::Gateway;
use crate::sessions::Outcome;

/// Where the rows of automations are said to come from.
pub(super) const CHANNEL: &str = "cron";
const ACCOUNT: &str = "default";

/// Characters of an answer that a run's entry keeps; the whole of it is in the conversation.
const SUMMARY_MAX: usize = 2_000;

/// How long a run waits until its answer is delivered; what takes longer goes on by itself.
const DELIVERY_PATIENCE: Duration = Duration::from_secs(30);

/// A run that goes on.
#[derive(Debug, Clone)]
pub(super) struct GoingOn {
    pub job_id: String,
    pub run: String,
    pub started_at_ms: i64,
    /// What is known of it so far.
    pub entry: CronRunEntry,
    pub is_best_effort: bool,
}

/// A run that is over.
#[derive(Debug, Clone)]
pub(super) struct Ended {
    pub going_on: GoingOn,
    /// `None`: it went well.
    pub failure: Option<Failure>,
    pub error: Option<String>,
    pub summary: Option<String>,
    pub delivery: CronDelivered,
    pub delivery_error: Option<String>,
    pub at_ms: i64,
    pub session_id: Option<String>,
    /// Provider and model.
    pub model: Option<(String, String)>,
}

/// The name of the run for a due time: the same for ever, so that no restart makes two of it.
pub(super) fn run_name(job: &Job, due_ms: i64) -> String {
    format!("cron:{}:{due_ms}", job.id)
}

/// Where a run goes.
#[derive(Debug, Clone)]
pub(super) struct Address {
    pub agent: AgentId,
    pub session: SessionKey,
    pub route: Option<DeliveryRoute>,
    pub hearers: Hearers,
}

/// The message of a run.
pub(super) fn inbound(gateway: &Gateway, job: &Job, run: &str, due_ms: i64, address: Address) -> NewInbound {
    let body = input(gateway, job, due_ms, &address).to_body();
    NewInbound {
        channel: CHANNEL.to_owned(),
        account: ACCOUNT.to_owned(),
        platform_id: run.to_owned(),
        session: address.session,
        agent: address.agent,
        run: RunId::new(run),
        body,
        received_at_ms: gateway.now_ms(),
    }
}

fn input(gateway: &Gateway, job: &Job, due_ms: i64, address: &Address) -> TurnInput {
    let due = shown(due_ms, &job.zone(gateway));
    let text = format!("[automation \"{}\", due {due}]\n{}", job.spec.name.trim(), job.spec.payload.text());
    let is_owners = job.made == Made::ByOwner;
    // In a shared place this says whether the bot was called by name; that it says anything makes the place a shared one.
    let mentioned = (address.hearers == Hearers::Others).then_some(true);
    let mut input = TurnInput {
        text,
        origin: InputOrigin { kind: OriginKind::InternalSystem, mentioned, ..InputOrigin::default() },
        deliver: address.route.clone(),
        sender_is_owner: is_owners,
        tools: job.tools(),
        ..TurnInput::default()
    };
    if !is_owners {
        input.untrusted.push(Provenance::new(Source::Other, format!("the automation {}", job.spec.name.trim())));
    }
    if let CronPayload::AgentTurn { model, thinking, timeout_seconds, .. } = &job.spec.payload {
        input.model.clone_from(model);
        input.thinking = thinking.as_deref().and_then(parse_thinking);
        input.timeout_ms = timeout_seconds.map(|seconds| {
            let longest = u64::try_from(TURN_MAX.as_millis()).unwrap_or(u64::MAX);
            if seconds == 0 { longest } else { seconds.saturating_mul(1_000).min(longest) }
        });
    }
    input
}

/// The entry of a run that begins.
pub(super) fn entry_of(job: &Job, run: &str, at_ms: i64) -> CronRunEntry {
    CronRunEntry {
        ts: at_ms,
        job_id: job.id.clone(),
        action: "started".to_owned(),
        status: None,
        completion_status: None,
        error: None,
        summary: None,
        delivered: None,
        delivery_status: None,
        delivery_error: None,
        delivery: None,
        session_id: None,
        session_key: None,
        run_id: Some(run.to_owned()),
        run_at_ms: Some(at_ms),
        duration_ms: None,
        next_run_at_ms: None,
        model: None,
        provider: None,
        job_name: Some(job.spec.name.clone()),
        missed: None,
    }
}

/// The entry of a due time that led to no turn.
pub(super) fn without_turn(job: &Job, run: String, at_ms: i64, status: CronRunStatus, why: String) -> CronRunRow {
    let failed = status == CronRunStatus::Error;
    let entry = CronRunEntry {
        action: "finished".to_owned(),
        status: Some(if failed { CronStatus::Error } else { CronStatus::Skipped }),
        completion_status: failed.then_some(CronCompletion::Failed),
        error: Some(why),
        duration_ms: Some(0),
        delivery_status: Some(CronDelivered::NotRequested),
        ..entry_of(job, &run, at_ms)
    };
    row(job.id.clone(), run, status, at_ms, Some(at_ms), &entry)
}

/// The entry of times that went by while nothing ran.
pub(super) fn missed_row(
    job: &Job,
    missed: Missed,
    made_up: bool,
    now_ms: i64,
    zone: &jiff::tz::TimeZone,
) -> CronRunRow {
    let Missed { first_ms, count } = missed;
    let since = shown(first_ms, zone);
    let times = if count == 1 { "it was due once".to_owned() } else { format!("it was due {count} times") };
    let then = if made_up { "; it is made up now" } else { "" };
    let why = format!("missed: {times} since {since} while the gateway did not run it{then}");
    let run = format!("{}:missed", run_name(job, first_ms));
    let mut row = without_turn(job, run, now_ms, CronRunStatus::Missed, why);
    row.record["missed"] = json!(count);
    row.record["runAtMs"] = json!(first_ms);
    row
}

pub(super) fn row(
    job_id: String,
    run: String,
    status: CronRunStatus,
    started_at_ms: i64,
    ended_at_ms: Option<i64>,
    entry: &CronRunEntry,
) -> CronRunRow {
    let record = serde_json::to_value(entry).unwrap_or(Value::Null);
    CronRunRow { job_id, run, status, started_at_ms, ended_at_ms, record }
}

impl Ended {
    pub(super) fn status(&self) -> CronStatus {
        if self.failure.is_some() { CronStatus::Error } else { CronStatus::Ok }
    }

    /// What is kept of it.
    pub(super) fn entry(&self, next_run_at_ms: Option<i64>) -> CronRunEntry {
        let delivered = match self.delivery {
            CronDelivered::Delivered => Some(true),
            CronDelivered::NotDelivered => Some(false),
            CronDelivered::Unknown | CronDelivered::NotRequested => None,
        };
        let (provider, model) = self.model.clone().unzip();
        CronRunEntry {
            ts: self.at_ms,
            action: "finished".to_owned(),
            status: Some(self.status()),
            completion_status: Some(self.completion()),
            error: self.error.clone(),
            summary: self.summary.clone(),
            delivered,
            delivery_status: Some(self.delivery),
            delivery_error: self.delivery_error.clone(),
            session_id: self.session_id.clone(),
            duration_ms: Some(self.at_ms - self.going_on.started_at_ms),
            next_run_at_ms,
            provider,
            model,
            ..self.going_on.entry.clone()
        }
    }

    pub(super) fn row_status(&self) -> CronRunStatus {
        if self.failure.is_some() { CronRunStatus::Error } else { CronRunStatus::Ok }
    }

    pub(super) fn completion(&self) -> CronCompletion {
        if self.failure.is_some() {
            return CronCompletion::Failed;
        }
        match self.delivery {
            CronDelivered::Delivered | CronDelivered::NotRequested => CronCompletion::Succeeded,
            CronDelivered::NotDelivered | CronDelivered::Unknown if self.going_on.is_best_effort => {
                CronCompletion::Succeeded
            }
            CronDelivered::NotDelivered => CronCompletion::Failed,
            CronDelivered::Unknown => CronCompletion::Unknown,
        }
    }
}

/// Waits until a run is over and its answer delivered. `None` when the store is closed first.
pub(super) async fn watch(gateway: Arc<Gateway>, going_on: GoingOn) -> Option<Ended> {
    let run = RunId::new(going_on.run.as_str());
    let mut outcome = None;
    let closed = loop {
        if let Some(mut watched) = gateway.sessions.outcome(&run)
            && let Ok(ended) = watched.wait_for(Option::is_some).await
        {
            outcome = ended.clone().or(outcome);
        }
        match gateway.store.inbox_by_run(&run).await {
            Ok(Some(row)) if row.state.is_open() => {}
            Ok(row) => break row,
            Err(StoreError::Closed) => return None,
            Err(error) => tracing::warn!(%error, %run, "the run of an automation can't be read; trying again"),
        }
        // Between its commit and its queue, or left open by a turn that broke: it is taken up again.
        gateway.sessions.until_handed_over(&run).await;
    };
    Some(ended(&gateway, going_on, closed, outcome.as_deref()).await)
}

async fn ended(gateway: &Arc<Gateway>, going_on: GoingOn, row: Option<InboxRow>, outcome: Option<&Outcome>) -> Ended {
    let end = outcome.map(|outcome| &outcome.end);
    let (failure, text, session) = match row {
        Some(InboxRow { state: InboxState::Done, result, session, .. }) => (None, result, Some(session)),
        Some(InboxRow { state: InboxState::Aborted, session, .. }) => {
            let (failure, why) = stopped(end);
            (Some(failure), Some(why.to_owned()), Some(session))
        }
        Some(InboxRow { result, session, .. }) => {
            (Some(failed(end)), result.or_else(|| Some("it failed".to_owned())), Some(session))
        }
        None => (Some(Failure::Lasting), Some("nobody knows how it ended: its message is gone".to_owned()), None),
    };
    let text = text.map(|text| text.chars().take(SUMMARY_MAX).collect::<String>());
    let (summary, error) = if failure.is_none() { (text, None) } else { (None, text) };
    let at_ms = gateway.now_ms();
    let session_id = match session {
        Some(session) => gateway.store.session(&session).await.ok().flatten().map(|session| session.id.to_string()),
        None => None,
    };
    let model = outcome.and_then(|outcome| outcome.model.clone());
    let (delivery, delivery_error) = (CronDelivered::NotRequested, None);
    let mut ended = Ended { going_on, failure, error, summary, delivery, delivery_error, at_ms, session_id, model };
    (ended.delivery, ended.delivery_error) = delivered(gateway, &ended).await;
    ended
}

fn stopped(end: Option<&TurnEnd>) -> (Failure, &'static str) {
    match end {
        Some(TurnEnd::Aborted { reason: AbortReason::Timeout, .. }) => (Failure::Passing, "it reached its time limit"),
        _ => (Failure::Lasting, "it was stopped"),
    }
}

/// What an end that nobody saw was is not known; it may pass.
fn failed(end: Option<&TurnEnd>) -> Failure {
    match end {
        Some(TurnEnd::Failed { kind, .. }) => match kind {
            FailureKind::Refusal | FailureKind::ContextLength | FailureKind::Lasting => Failure::Lasting,
            FailureKind::Timeout | FailureKind::RateLimit | FailureKind::Unknown => Failure::Passing,
        },
        Some(TurnEnd::Final { .. } | TurnEnd::Aborted { .. }) | None => Failure::Passing,
    }
}

/// What became of the answer; one that goes to an address is posted now.
async fn delivered(gateway: &Gateway, ended: &Ended) -> (CronDelivered, Option<String>) {
    let going_on = &ended.going_on;
    if let Some(why) = &going_on.entry.delivery_error {
        return (CronDelivered::NotDelivered, Some(why.clone()));
    }
    let Some(CronRunDelivery { resolved: place }) = &going_on.entry.delivery else {
        return (CronDelivered::NotRequested, None);
    };
    if let Some(url) = webhook::address_of(place) {
        return webhook::post(gateway, url, &going_on.run, &finished(&ended.entry(None))).await;
    }
    let route = route_of(place);
    let through = gateway.delivery.is_through(gateway, &route);
    if tokio::time::timeout(DELIVERY_PATIENCE, through).await.is_err() {
        return (CronDelivered::Unknown, Some("it waits for its channel".to_owned()));
    }
    arrived(gateway, &route, &going_on.run)
        .await
        .unwrap_or_else(|error| (CronDelivered::Unknown, Some(error.to_string())))
}

/// Whether an answer that waits for nothing more is in its chat; one that was given up may be there in part.
async fn arrived(
    gateway: &Gateway,
    route: &DeliveryRoute,
    run: &str,
) -> Result<(CronDelivered, Option<String>), StoreError> {
    let DeliveryRoute { channel, account, chat, .. } = route;
    Ok(match gateway.store.outbound_state(channel, account, chat, run).await? {
        Some(OutboundState::Dead { error }) => (CronDelivered::NotDelivered, Some(error)),
        Some(OutboundState::Waiting { last_error }) => (CronDelivered::Unknown, last_error),
        None if gateway.store.sent_of_run(run).await?.is_empty() => {
            (CronDelivered::NotDelivered, Some("nothing of it reached its chat".to_owned()))
        }
        None => (CronDelivered::Delivered, None),
    })
}

pub(super) fn place_of(route: &DeliveryRoute) -> CronRunDelivery {
    let DeliveryRoute { channel, account, chat, .. } = route.clone();
    CronRunDelivery { resolved: CronPlace { channel, to: chat, account_id: account, ok: true } }
}

pub(super) fn route_of(place: &CronPlace) -> DeliveryRoute {
    let CronPlace { channel, to, account_id, .. } = place.clone();
    DeliveryRoute { channel, account: account_id, chat: to, reply_to: None, via: None }
}

/// Where the answer of a job would go now, in words: `deliveryPreviews` of `cron.list`.
pub(crate) async fn preview(gateway: &Gateway, job: &Job) -> Result<Value, StoreError> {
    let Ok(agent) = job.agent(gateway) else {
        return Ok(json!({ "label": "unresolved", "detail": "its agent is not configured" }));
    };
    if let Some(url) = job.webhook() {
        return Ok(json!({ "label": format!("webhook -> {url}"), "detail": "resolved" }));
    }
    Ok(match destination_of(gateway, job, &agent).await? {
        Destination::Nowhere => json!({ "label": "not requested", "detail": "the answer stays in its conversation" }),
        Destination::Chat(route) => {
            json!({ "label": format!("announce -> {}:{}", route.channel, route.chat), "detail": "resolved" })
        }
        Destination::Missing(why) => json!({ "label": "announce -> unresolved", "detail": why }),
    })
}
